/* http/pool.c: origin → kept connections.
 *
 *     pools ──key──► pool: idle ─► newest … oldest        every idle connection also hangs in pools._by_age
 *                          waiters ─► first … last        every pool with waiters hangs in pools._crowded
 *
 * A slot is the right to a connection: whoever dials or holds one has it, and an idle connection has one, too. Slots are
 * counted per pool and over all. Where there is none, a call waits; who gives a slot back passes it on at once, so nobody
 * who comes later is faster. While calls wait for a slot of all, nothing is idle: the oldest idle connection gives way.
 *
 * A pool is held by its calls (`leased`, `waiting`): it is freed when the last one goes after the pool was forgotten, or by
 * the tick when it is empty. The key is all that makes connections differ: host, server name, port, TLS context, proxy with
 * its credentials, and the ceiling, with NULs in between. */
#include "http/pool.h"

#include "base/check.h"
#include "base/fmt.h"
#include "base/mem.h"
#include "http/client.h"
#include "http/client_tunnel.h"

struct pool {
    struct pools *pools;
    struct list idle;    /* the newest first */
    struct list waiters; /* the longest waiting first */
    struct list crowded; /* in pools->_crowded while there are waiters */
    unsigned idle_count, leased, waiting;
    unsigned max_connections; /* 0: no limit of its own */
    bool is_forgotten;
    struct dial_target target;
    struct http_proxy proxy; /* its texts, and the target's, lie in key */
    struct list forgotten;
    struct str key; /* follows this struct */
};

/* A call in line; on its fiber's stack. */
struct waiter {
    struct list link;
    struct fiber *fiber;
    struct pooled *conn; /* what it got: a connection … */
    bool has_slot;       /* … or the right to dial one */
};

enum { KEEP_MARGIN_MS = 1000 };

/* ---- pools ---- */
void pools_init(struct pools *p, const struct pools_options *o)
{
    *p = (struct pools){.options = *o};
    map_init(&p->_by_key);
    list_init(&p->_by_age);
    list_init(&p->_forgotten);
    list_init(&p->_crowded);
}

static char *key_text(char *at, struct str text)
{
    at = fmt_str(at, text);
    *at++ = '\0';
    return at;
}

static char *key_bytes(char *at, const void *bytes, size_t count)
{
    memcpy(at, bytes, count);
    return at + count;
}

static struct str key_of(char *at, const struct http_origin *o)
{
    char *end = key_text(key_text(at, o->host), o->server_name);
    end = key_bytes(end, &o->port, sizeof o->port);
    end = key_bytes(end, &o->tls, sizeof o->tls);
    end = key_bytes(end, &o->max_connections, sizeof o->max_connections);
    if (o->proxy) {
        end = key_text(key_text(end, o->proxy->host), o->proxy->authorization);
        end = key_bytes(end, &o->proxy->port, sizeof o->proxy->port);
    }
    return str_of(at, (size_t)(end - at));
}

static struct pool *pool_new(struct pools *p, const struct http_origin *o, struct str key)
{
    struct pool *pool = xzalloc(sizeof *pool + key.len);
    char *at = (char *)(pool + 1);
    memcpy(at, key.at, key.len);
    pool->pools = p;
    list_init(&pool->idle);
    list_init(&pool->waiters);
    list_init(&pool->crowded);
    list_init(&pool->forgotten);
    pool->max_connections = o->max_connections;
    pool->key = str_of(at, key.len);
    pool->target = (struct dial_target){.host = str_of(at, o->host.len), .port = o->port, .tls = o->tls};
    at += o->host.len + 1;
    pool->target.server_name = str_of(at, o->server_name.len);
    if (o->proxy) {
        at += o->server_name.len + 1 + sizeof o->port + sizeof o->tls + sizeof o->max_connections;
        pool->proxy = (struct http_proxy){.host = str_of(at, o->proxy->host.len), .port = o->proxy->port};
        pool->proxy.authorization = str_of(at + o->proxy->host.len + 1, o->proxy->authorization.len);
        pool->target.tunnel = (struct dial_tunnel){.host = pool->proxy.host,
                                                   .port = pool->proxy.port,
                                                   .open = client_tunnel_open,
                                                   .arg = &pool->proxy};
    }
    map_put(&p->_by_key, pool->key, pool);
    return pool;
}

static void pool_free(struct pool *p)
{
    if (p->is_forgotten)
        list_remove(&p->forgotten);
    else
        map_remove(&p->pools->_by_key, p->key);
    xfree(p);
}

static void pool_free_if_forgotten(struct pool *p)
{
    if (p->is_forgotten && p->leased == 0 && p->waiting == 0) pool_free(p);
}

/* ---- idle connections ---- */
static void leave_idle(struct pooled *c)
{
    list_remove(&c->_in_pool);
    list_remove(&c->_by_age);
    c->_is_idle = false;
    c->pool->idle_count--;
    c->pool->pools->idle--;
}

static void close_idle(struct pooled *c)
{
    leave_idle(c);
    stream_close(&c->stream);
    xfree(c);
}

/* Nobody asked: the end, or bytes that belong to no call. */
static void on_idle_event(void *arg)
{
    struct pooled *c = arg;
    if (c->_is_idle) close_idle(c);
}

static const struct stream_hooks pooled_hooks = {.on_readable = on_idle_event, .on_end = on_idle_event};

static void pool_close_idle(struct pool *p)
{
    LIST_EACH(c, &p->idle, struct pooled, _in_pool) close_idle(c);
}

static void count_leased(struct pool *p, int change)
{
    p->leased += (unsigned)change;
    p->pools->leased += (unsigned)change;
}

static struct pooled *lend_idle(struct pool *p)
{
    msec_t now = fiber_now();
    while (!list_is_empty(&p->idle)) {
        struct pooled *c = LIST_ITEM(p->idle.next, struct pooled, _in_pool);
        if (UNLIKELY(c->_expires_at <= now)) {
            close_idle(c);
            continue;
        }
        leave_idle(c);
        count_leased(p, 1);
        p->pools->reused++;
        c->is_reused = true;
        return c;
    }
    return NULL;
}

/* ---- slots ---- */
static bool has_own_room(const struct pool *p)
{
    return p->max_connections == 0 || p->leased + p->idle_count < p->max_connections;
}

static bool has_common_room(const struct pools *p)
{
    return p->options.max_connections == 0 || p->leased + p->idle < p->options.max_connections;
}

/* The connection that was idle longest gives way. */
static bool slot_take(struct pool *p)
{
    struct pools *all = p->pools;
    if (!has_own_room(p)) return false;
    if (!has_common_room(all) && !list_is_empty(&all->_by_age))
        close_idle(LIST_ITEM(all->_by_age.next, struct pooled, _by_age));
    if (!has_common_room(all)) return false;
    count_leased(p, 1);
    return true;
}

/* The first who has not been woken by anything else. */
static struct waiter *first_waiter(struct pool *p)
{
    LIST_EACH(w, &p->waiters, struct waiter, link)
    {
        if (fiber_is_waiting(w->fiber)) return w;
    }
    return NULL;
}

static void wake(struct waiter *w)
{
    list_remove(&w->link);
    fiber_wake(w->fiber, IO_OK);
}

/* As long as there is a slot for somebody in line; pools take turns. */
static void slots_pass_on(struct pools *all)
{
    LIST_EACH(p, &all->_crowded, struct pool, crowded)
    {
        if (!has_common_room(all)) return;
        struct waiter *w = has_own_room(p) ? first_waiter(p) : NULL;
        if (!w) continue;
        count_leased(p, 1);
        w->has_slot = true;
        wake(w);
        list_remove(&p->crowded);
        list_append(&all->_crowded, &p->crowded);
    }
}

/* Takes the pool, too, if it was the last to hold it. */
static void slot_give(struct pool *p)
{
    struct pools *all = p->pools;
    count_leased(p, -1);
    slots_pass_on(all);
    pool_free_if_forgotten(p);
}

void pools_set_max_connections(struct pools *p, unsigned max_connections)
{
    p->options.max_connections = max_connections;
    for (unsigned before = p->leased + 1; before != p->leased;) {
        before = p->leased;
        slots_pass_on(p);
    }
}

static void line_join(struct pool *p, struct waiter *w)
{
    list_append(&p->waiters, &w->link);
    if (p->waiting++ == 0) list_append(&p->pools->_crowded, &p->crowded);
    p->pools->waiting++;
    p->pools->waited++;
}

static void line_leave(struct pool *p, struct waiter *w)
{
    list_remove(&w->link);
    if (--p->waiting == 0) list_remove(&p->crowded);
    p->pools->waiting--;
}

/* IO_OK: *c is a connection, or NULL and the slot is ours. */
static enum io wait_in_line(struct pool *p, struct pooled **c, msec_t deadline, struct err *err)
{
    struct waiter w = {.fiber = fiber_current()};
    line_join(p, &w);
    enum io io = fiber_wait(deadline);
    line_leave(p, &w);
    *c = w.conn;
    if (io == IO_OK) return io;
    if (io == IO_CANCELLED)
        err_set(err, ERR_CANCELLED, "cancelled while waiting for a connection");
    else
        err_set(err, ERR_EXHAUSTED, "no connection was free in time: as many as may be are in use");
    if (w.conn)
        pooled_return(c, -1);
    else if (w.has_slot)
        slot_give(p);
    else
        pool_free_if_forgotten(p);
    return io == IO_CANCELLED ? io : IO_FAIL; /* our own ceiling is nobody's timeout */
}

/* ---- lending ---- */
/* A slot is ours; it goes when this fails. */
static struct pooled *dial_in_slot(struct pool *p, msec_t deadline, enum io *why, struct err *err)
{
    p->pools->dialled++;
    struct stream *stream = dial(&p->target, deadline, why, err);
    if (!stream) {
        p->pools->failed[err->code]++;
        slot_give(p);
        return NULL;
    }
    struct pooled *c = xzalloc(sizeof *c);
    *c = (struct pooled){.stream = stream, .pool = p};
    list_init(&c->_in_pool);
    list_init(&c->_by_age);
    stream_set_hooks(stream, &pooled_hooks, c);
    return c;
}

struct pooled *pool_take(struct pool *p, msec_t deadline, enum io *why, struct err *err)
{
    struct pooled *c = lend_idle(p);
    if (LIKELY(c != NULL)) return c;
    if (!slot_take(p)) {
        *why = wait_in_line(p, &c, deadline, err);
        if (c || *why != IO_OK) return c;
    }
    return dial_in_slot(p, deadline, why, err);
}

bool pooled_redial(struct pooled **c, msec_t deadline, enum io *why, struct err *err)
{
    struct pool *p = (*c)->pool;
    stream_close(&(*c)->stream);
    xfree(*c);
    *c = dial_in_slot(p, deadline, why, err);
    return *c != NULL;
}

void pooled_close(struct pooled **c)
{
    if (!*c) return;
    struct pool *p = (*c)->pool;
    require(!(*c)->_is_idle);
    stream_close(&(*c)->stream);
    xfree(*c);
    *c = NULL;
    slot_give(p);
}

/* When a connection that both sides want to keep is too old to be lent. The other side's time began when its reply was
 * sent, so ours ends a little sooner. */
static msec_t expires_at(const struct pools *p, msec_t keep_ms)
{
    msec_t limit = p->options.idle_ms ? p->options.idle_ms : NEVER;
    if (keep_ms >= 0) {
        msec_t theirs = keep_ms > 2 * KEEP_MARGIN_MS ? keep_ms - KEEP_MARGIN_MS : keep_ms / 2;
        if (theirs < limit) limit = theirs;
    }
    msec_t now = fiber_now();
    return limit < NEVER - now ? now + limit : NEVER;
}

static bool is_wanted(const struct pooled *c, msec_t keep_ms)
{
    const struct pool *p = c->pool;
    if (p->is_forgotten || p->idle_count >= p->pools->options.max_idle || keep_ms == 0) return false;
    return !stream_has_ended(c->stream) && !stream_has_early(c->stream);
}

void pooled_return(struct pooled **c, msec_t keep_ms)
{
    struct pooled *conn = *c;
    struct pool *p = conn->pool;
    struct waiter *next = p->waiting ? first_waiter(p) : NULL;
    bool gives_way = !next && p->pools->waiting > 0 && !has_common_room(p->pools);
    if (!is_wanted(conn, keep_ms) || gives_way) {
        pooled_close(c);
        return;
    }
    *c = NULL;
    if (next) {
        conn->is_reused = true;
        p->pools->reused++;
        next->conn = conn;
        wake(next);
        return;
    }
    count_leased(p, -1);
    conn->_is_idle = true;
    conn->_expires_at = expires_at(p->pools, keep_ms);
    list_prepend(&p->idle, &conn->_in_pool);
    list_append(&p->pools->_by_age, &conn->_by_age);
    p->idle_count++;
    p->pools->idle++;
}

/* ---- ageing ---- */
/* Not in the order of age: what a provider's Keep-Alive says may make a younger one go first. */
void pools_expire(struct pools *p)
{
    msec_t now = fiber_now();
    LIST_EACH(c, &p->_by_age, struct pooled, _by_age)
    {
        if (c->_expires_at <= now) close_idle(c);
    }
    size_t at = 0;
    for (struct map_entry *e; (e = map_next(&p->_by_key, &at)) != NULL;) {
        struct pool *pool = e->value;
        if (pool->idle_count > 0 || pool->leased > 0 || pool->waiting > 0) continue;
        pool_free(pool); /* the map has changed: the others have their turn at the next tick */
        return;
    }
}

/* Frees a pool that no call needs, with what is idle in it. */
static void make_room(struct pools *p)
{
    size_t at = 0;
    for (struct map_entry *e; (e = map_next(&p->_by_key, &at)) != NULL;) {
        struct pool *pool = e->value;
        if (pool->leased > 0 || pool->waiting > 0) continue;
        pool_close_idle(pool);
        pool_free(pool);
        return;
    }
}

struct pool *pools_find(struct pools *p, const struct http_origin *origin)
{
    require(origin->host.len <= POOL_NAME_MAX_BYTES && origin->server_name.len <= POOL_NAME_MAX_BYTES);
    struct str key = key_of(p->_key, origin);
    struct pool *pool = map_get(&p->_by_key, key);
    if (LIKELY(pool != NULL)) return pool;
    if (p->_by_key.count >= POOLS_MAX) make_room(p);
    return pool_new(p, origin, key);
}

static struct pool *first_with(const struct pools *p, const struct tls_context *tls)
{
    size_t at = 0;
    for (struct map_entry *e; (e = map_next(&p->_by_key, &at)) != NULL;) {
        struct pool *pool = e->value;
        if (pool->target.tls == tls) return pool;
    }
    return NULL;
}

void pools_forget(struct pools *p, const struct tls_context *tls)
{
    for (struct pool *pool; (pool = first_with(p, tls)) != NULL;) {
        pool_close_idle(pool);
        map_remove(&p->_by_key, pool->key);
        pool->is_forgotten = true;
        list_append(&p->_forgotten, &pool->forgotten);
        pool_free_if_forgotten(pool);
    }
}

void pools_done(struct pools *p)
{
    require(p->leased == 0 && p->waiting == 0);
    size_t at = 0;
    for (struct map_entry *e; (e = map_next(&p->_by_key, &at)) != NULL;) {
        pool_close_idle(e->value);
        xfree(e->value);
    }
    map_done(&p->_by_key);
}

unsigned pools_count(const struct pools *p)
{
    return (unsigned)p->_by_key.count;
}
