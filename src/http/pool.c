/* http/pool.c: origin → kept connections.
 *
 *     pools ──key──► pool: idle ─► newest … oldest        every idle connection also hangs in pools._by_age
 *
 * A pool is held by its calls (`leased`): it is freed when the last one comes back after the pool was forgotten, or by
 * the tick when it is empty. The key is host, port, TLS context and server name, with NULs in between. */
#include "http/pool.h"

#include "base/check.h"
#include "base/fmt.h"
#include "base/mem.h"
#include "http/client.h"

struct pool {
    struct pools *pools;
    struct list idle; /* the newest first */
    unsigned idle_count, leased;
    uint16_t port;
    bool is_forgotten;
    struct tls_context *tls;
    struct str host, server_name; /* both lie in key */
    struct list forgotten;
    struct str key; /* follows this struct */
};

enum { KEY_MAX_BYTES = 2 * POOL_NAME_MAX_BYTES + 32 };

/* ---- pools ---- */
void pools_init(struct pools *p, msec_t idle_ms, unsigned max_idle)
{
    *p = (struct pools){._idle_ms = idle_ms, ._max_idle = max_idle};
    map_init(&p->_by_key);
    list_init(&p->_by_age);
    list_init(&p->_forgotten);
}

static struct str part_of_key(const struct http_origin *o, char *at)
{
    char *end = fmt_str(at, o->host);
    *end++ = '\0';
    end = fmt_str(end, o->server_name);
    *end++ = '\0';
    memcpy(end, &o->port, sizeof o->port);
    end += sizeof o->port;
    memcpy(end, &o->tls, sizeof o->tls);
    end += sizeof o->tls;
    return str_of(at, (size_t)(end - at));
}

static struct pool *pool_new(struct pools *p, const struct http_origin *o, struct str key)
{
    struct pool *pool = xzalloc(sizeof *pool + key.len);
    char *at = (char *)(pool + 1);
    memcpy(at, key.at, key.len);
    pool->pools = p;
    list_init(&pool->idle);
    list_init(&pool->forgotten);
    pool->port = o->port;
    pool->tls = o->tls;
    pool->host = str_of(at, o->host.len);
    pool->server_name = str_of(at + pool->host.len + 1, o->server_name.len);
    pool->key = str_of(at, key.len);
    map_put(&p->_by_key, pool->key, pool);
    return pool;
}

struct pool *pools_find(struct pools *p, const struct http_origin *origin)
{
    char bytes[KEY_MAX_BYTES];
    require(origin->host.len <= POOL_NAME_MAX_BYTES && origin->server_name.len <= POOL_NAME_MAX_BYTES);
    struct str key = part_of_key(origin, bytes);
    struct pool *pool = map_get(&p->_by_key, key);
    return pool ? pool : pool_new(p, origin, key);
}

static void pool_free(struct pool *p)
{
    if (p->is_forgotten)
        list_remove(&p->forgotten);
    else
        map_remove(&p->pools->_by_key, p->key);
    xfree(p);
}

/* ---- connections ---- */
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

static void count_leased(struct pool *p, int change)
{
    p->leased += (unsigned)change;
    p->pools->leased += (unsigned)change;
}

struct pooled *pool_lease(struct pool *p)
{
    if (list_is_empty(&p->idle)) return NULL;
    struct pooled *c = LIST_ITEM(p->idle.next, struct pooled, _in_pool);
    leave_idle(c);
    count_leased(p, 1);
    p->pools->reused++;
    c->is_reused = true;
    return c;
}

struct pooled *pool_dial(struct pool *p, msec_t deadline, enum io *why, struct err *err)
{
    struct dial_target target = {
        .host = p->host, .port = p->port, .tls = p->tls, .server_name = p->server_name};
    count_leased(p, 1); /* holds the pool while we wait */
    p->pools->dialled++;
    struct stream *stream = dial(&target, deadline, why, err);
    if (!stream) {
        count_leased(p, -1);
        if (p->is_forgotten && p->leased == 0) pool_free(p);
        return NULL;
    }
    struct pooled *c = xzalloc(sizeof *c);
    *c = (struct pooled){.stream = stream, .pool = p};
    list_init(&c->_in_pool);
    list_init(&c->_by_age);
    stream_set_hooks(stream, &pooled_hooks, c);
    return c;
}

void pooled_close(struct pooled **c)
{
    if (!*c) return;
    struct pool *p = (*c)->pool;
    require(!(*c)->_is_idle);
    stream_close(&(*c)->stream);
    xfree(*c);
    *c = NULL;
    count_leased(p, -1);
    if (p->is_forgotten && p->leased == 0) pool_free(p);
}

void pooled_return(struct pooled **c)
{
    struct pooled *conn = *c;
    struct pool *p = conn->pool;
    bool is_wanted = !p->is_forgotten && p->idle_count < p->pools->_max_idle;
    if (!is_wanted || stream_has_ended(conn->stream) || stream_has_early(conn->stream)) {
        pooled_close(c);
        return;
    }
    *c = NULL;
    count_leased(p, -1);
    conn->_is_idle = true;
    conn->_idle_since = fiber_now();
    list_prepend(&p->idle, &conn->_in_pool);
    list_append(&p->pools->_by_age, &conn->_by_age);
    p->idle_count++;
    p->pools->idle++;
}

/* ---- ageing ---- */
void pools_expire(struct pools *p)
{
    msec_t now = fiber_now();
    LIST_EACH(c, &p->_by_age, struct pooled, _by_age)
    {
        if (p->_idle_ms == 0 || now - c->_idle_since < p->_idle_ms) break;
        close_idle(c);
    }
    size_t at = 0;
    for (struct map_entry *e; (e = map_next(&p->_by_key, &at)) != NULL;) {
        struct pool *pool = e->value;
        if (pool->idle_count > 0 || pool->leased > 0) continue;
        pool_free(pool); /* the map has changed: the others have their turn at the next tick */
        return;
    }
}

static void pool_close_idle(struct pool *p)
{
    LIST_EACH(c, &p->idle, struct pooled, _in_pool) close_idle(c);
}

static struct pool *first_with(const struct pools *p, const struct tls_context *tls)
{
    size_t at = 0;
    for (struct map_entry *e; (e = map_next(&p->_by_key, &at)) != NULL;) {
        struct pool *pool = e->value;
        if (pool->tls == tls) return pool;
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
        if (pool->leased == 0) pool_free(pool);
    }
}

void pools_done(struct pools *p)
{
    require(p->leased == 0);
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
