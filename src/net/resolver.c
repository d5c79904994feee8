/* net/resolver.c: names to addresses.
 *
 *     unknown ──asked──► looking, callers queue as `askers` ──► fresh ──keep_ms──► stale ──stale_ms──► as unknown
 *                            │  failed: all are told, and so          ▲             │ asked: given at once,
 *                            └─ is who asks within retry_ms           └──refreshed──┘ one look-up runs
 *
 * A look-up runs on libuv's thread pool and belongs to the loop that asked first. All else is behind one lock, which is
 * never held across a wait. An asker is on the heap: a fiber that cannot wait any longer takes it out of the queue, or,
 * when the answer is already on its way to the loop, leaves it to be freed on arrival. A refresh that fails leaves the old
 * answer where it is until that is too old. */
#include "net/resolver.h"

#include "base/map.h"
#include "base/mem.h"
#include "net/inside.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

enum { KEEP_MS = 30 * 1000, STALE_MS = 5 * 60 * 1000, RETRY_MS = 1000, MAX_HOST_BYTES = 255 };

struct resolver {
    struct resolver_options options;
    uv_mutex_t lock;
    struct map names;
    struct list by_age; /* struct name: the one looked up longest ago first */
    struct resolver_stats stats;
};

struct name {
    struct list link; /* in by_age */
    struct list askers;
    bool is_looking;
    msec_t fresh_until, stale_until; /* of `found` */
    msec_t retry_at;                 /* no look-up before */
    int code;                        /* libuv's, of the look-up that ended last */
    struct resolved found;
    size_t host_bytes;
    char host[MAX_HOST_BYTES + 1];
};

struct asker {
    struct list link; /* in name->askers while the look-up runs; under the lock */
    bool is_posted;   /* the answer is on its way; under the lock */
    bool is_answered;
    struct loop *loop;
    struct fiber *fiber; /* NULL: it has left */
    int code;            /* libuv's; 0: found */
    struct resolved *found;
};

struct lookup {
    union {
        uv_getaddrinfo_t system;
        uv_work_t work; /* of options.lookup */
    } request;
    struct resolver *resolver;
    struct name *name;
    int code;
    struct resolved found;
};

struct resolver *resolver_new_with(const struct resolver_options *o)
{
    struct resolver *r = xzalloc(sizeof *r);
    r->options = *o;
    uv_mutex_init(&r->lock);
    map_init(&r->names);
    list_init(&r->by_age);
    return r;
}

struct resolver *resolver_new(void)
{
    return resolver_new_with(
        &(struct resolver_options){.keep_ms = KEEP_MS, .stale_ms = STALE_MS, .retry_ms = RETRY_MS});
}

void resolver_free(struct resolver *r)
{
    if (!r) return;
    LIST_EACH(name, &r->by_age, struct name, link)
    xfree(name);
    map_done(&r->names);
    uv_mutex_destroy(&r->lock);
    xfree(r);
}

void resolver_use(struct loop *l, struct resolver *r)
{
    struct net *n = net_of(l);
    if (n->owns_resolver) resolver_free(n->resolver);
    n->resolver = r;
    n->owns_resolver = false;
}

static struct resolver *resolver_of(struct loop *l)
{
    struct net *n = net_of(l);
    if (!n->resolver) {
        n->resolver = resolver_new();
        n->owns_resolver = true;
    }
    return n->resolver;
}

struct resolver_stats resolver_read_stats(struct loop *l)
{
    struct resolver *r = resolver_of(l);
    uv_mutex_lock(&r->lock);
    struct resolver_stats stats = r->stats;
    stats.names = (unsigned)r->names.count;
    uv_mutex_unlock(&r->lock);
    return stats;
}

/* ---- answers ---- */

static struct resolved *resolved_copy(const struct resolved *found)
{
    struct resolved *copy = xmalloc(sizeof *copy);
    *copy = *found;
    return copy;
}

static void asker_free(struct asker *a)
{
    xfree(a->found);
    xfree(a);
}

/* On the asker's loop. */
static void on_answer(void *arg)
{
    struct asker *a = arg;
    if (!a->fiber) {
        asker_free(a);
        return;
    }
    a->is_answered = true;
    if (fiber_is_waiting(a->fiber)) fiber_wake(a->fiber, IO_OK);
}

void resolved_fill(struct resolved *found, const struct addrinfo *list)
{
    while (list && list->ai_family != AF_INET && list->ai_family != AF_INET6) list = list->ai_next;
    bool is_v4_first = list && list->ai_family == AF_INET;
    const int families[2] = {is_v4_first ? AF_INET : AF_INET6, is_v4_first ? AF_INET6 : AF_INET};
    const struct addrinfo *next[2] = {list, list};
    found->count = 0;
    for (unsigned turn = 0; found->count < RESOLVER_MAX_ADDRESSES && (next[0] || next[1]); turn ^= 1) {
        while (next[turn] && next[turn]->ai_family != families[turn]) next[turn] = next[turn]->ai_next;
        if (!next[turn]) continue;
        memset(&found->addresses[found->count], 0, sizeof found->addresses[0]);
        memcpy(&found->addresses[found->count++], next[turn]->ai_addr, next[turn]->ai_addrlen);
        next[turn] = next[turn]->ai_next;
    }
}

/* Under the lock: every asker is told. */
static void name_answer(struct name *name, int code)
{
    name->is_looking = false;
    LIST_EACH(a, &name->askers, struct asker, link)
    {
        list_remove(&a->link);
        a->is_posted = true;
        a->code = code;
        if (code == 0) a->found = resolved_copy(&name->found);
        loop_post(a->loop, on_answer, a);
    }
}

/* On the loop that the look-up belongs to. */
static void lookup_end(struct lookup *l)
{
    struct resolver *r = l->resolver;
    struct name *name = l->name;
    msec_t now = fiber_now();
    uv_mutex_lock(&r->lock);
    if (l->code == 0 && l->found.count == 0) l->code = UV_EAI_NODATA;
    r->stats.in_flight--;
    r->stats.lookups++;
    r->stats.failures += l->code != 0;
    name->retry_at = now + r->options.retry_ms;
    name->code = l->code;
    if (l->code == 0) {
        name->found = l->found;
        name->fresh_until = now + r->options.keep_ms;
        name->stale_until = name->fresh_until + r->options.stale_ms;
    }
    name_answer(name, l->code);
    uv_mutex_unlock(&r->lock);
    xfree(l);
}

static void on_found(uv_getaddrinfo_t *request, int code, struct addrinfo *list)
{
    struct lookup *l = request->data;
    l->code = code;
    if (code == 0) resolved_fill(&l->found, list);
    uv_freeaddrinfo(list);
    lookup_end(l);
}

/* On the thread pool. */
static void on_work(uv_work_t *work)
{
    struct lookup *l = work->data;
    const struct resolver_options *o = &l->resolver->options;
    l->code = o->lookup(o->lookup_arg, l->name->host, &l->found);
}

static void on_worked(uv_work_t *work, int status)
{
    struct lookup *l = work->data;
    if (status != 0) l->code = status;
    lookup_end(l);
}

/* ---- questions ---- */

/* Under the lock. The oldest name that nobody waits for makes room; NULL: there is none. */
static struct name *name_add(struct resolver *r, struct str host)
{
    if (r->stats.in_flight >= RESOLVER_MAX_NAMES) return NULL;
    if (r->names.count >= RESOLVER_MAX_NAMES) {
        LIST_EACH(old, &r->by_age, struct name, link)
        {
            if (old->is_looking) continue;
            map_remove(&r->names, str_of(old->host, old->host_bytes));
            list_remove(&old->link);
            xfree(old);
            break;
        }
    }
    struct name *name = xzalloc(sizeof *name);
    list_init(&name->askers);
    memcpy(name->host, host.at, host.len);
    name->host_bytes = host.len;
    list_append(&r->by_age, &name->link);
    map_put(&r->names, str_of(name->host, name->host_bytes), name);
    return name;
}

/* Under the lock. */
static void name_look_up(struct resolver *r, struct name *name, struct loop *loop)
{
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct lookup *l = xzalloc(sizeof *l);
    l->resolver = r;
    l->name = name;
    name->is_looking = true;
    r->stats.in_flight++;
    list_remove(&name->link);
    list_append(&r->by_age, &name->link);
    int code; /* l belongs to the thread pool as soon as it is asked */
    if (r->options.lookup) {
        l->request.work.data = l;
        code = uv_queue_work(loop_uv(loop), &l->request.work, on_work, on_worked);
    } else {
        l->request.system.data = l;
        code = uv_getaddrinfo(loop_uv(loop), &l->request.system, on_found, name->host, NULL, &hints);
    }
    if (code == 0) return;
    name->code = code;
    r->stats.in_flight--;
    name_answer(name, code);
    xfree(l);
}

/* Under the lock: what is known, as old as may be. A look-up is begun if there is none and it is time for one. */
static bool name_is_known(struct resolver *r, struct name *name, struct loop *loop)
{
    msec_t now = fiber_now();
    if (now >= name->stale_until) return false;
    if (now < name->fresh_until) {
        r->stats.fresh++;
        return true;
    }
    r->stats.stale++;
    if (!name->is_looking && now >= name->retry_at) name_look_up(r, name, loop);
    return true;
}

static struct resolved *refuse(struct resolver *r, struct asker *a, int code)
{
    r->stats.refused++;
    a->code = code;
    return NULL;
}

/* Under the lock: the answer that is known; NULL: a->code says why there is none, or a will get one. */
static struct resolved *ask(struct resolver *r, struct str host, struct asker *a)
{
    struct name *name = map_get(&r->names, host);
    if (!name) name = name_add(r, host);
    if (!name) return refuse(r, a, UV_EAI_AGAIN);
    if (name_is_known(r, name, a->loop)) return resolved_copy(&name->found);
    if (!name->is_looking && name->code != 0 && fiber_now() < name->retry_at) return refuse(r, a, name->code);
    r->stats.waited++;
    list_append(&name->askers, &a->link);
    if (!name->is_looking) name_look_up(r, name, a->loop);
    return NULL;
}

static void asker_leave(struct resolver *r, struct asker *a)
{
    if (a->is_answered) {
        asker_free(a);
        return;
    }
    uv_mutex_lock(&r->lock);
    bool is_posted = a->is_posted;
    if (!is_posted) list_remove(&a->link);
    uv_mutex_unlock(&r->lock);
    a->fiber = NULL; /* on_answer runs on this thread */
    if (!is_posted) asker_free(a);
}

static enum io find_by_name(struct loop *loop, struct str host, struct resolved **out, msec_t deadline,
                            int *code)
{
    struct resolver *r = resolver_of(loop);
    struct asker *a = xzalloc(sizeof *a);
    list_init(&a->link);
    a->loop = loop;
    a->fiber = fiber_current();
    uv_mutex_lock(&r->lock);
    *out = ask(r, host, a);
    *code = a->code;
    uv_mutex_unlock(&r->lock);
    if (*out || (*code && !a->is_posted)) {
        asker_free(a);
        return *out ? IO_OK : IO_FAIL;
    }
    enum io io = fiber_wait(deadline);
    if (io == IO_OK) { /* else another thread may be writing the answer */
        *code = a->code;
        *out = a->found;
        a->found = NULL;
        if (!*out) io = IO_FAIL;
    }
    asker_leave(r, a);
    return io;
}

/* ---- digits ---- */

static struct resolved *find_in_digits(const char *host)
{
    struct resolved found = {.count = 1};
    struct sockaddr_in *four = (struct sockaddr_in *)&found.addresses[0];
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&found.addresses[0];
    if (inet_pton(AF_INET, host, &four->sin_addr) == 1)
        four->sin_family = AF_INET;
    else if (inet_pton(AF_INET6, host, &six->sin6_addr) == 1)
        six->sin6_family = AF_INET6;
    else
        return NULL;
    return resolved_copy(&found);
}

static void set_port(struct resolved *r, uint16_t port)
{
    for (unsigned i = 0; i < r->count; i++) {
        struct sockaddr *a = (struct sockaddr *)&r->addresses[i];
        if (a->sa_family == AF_INET)
            ((struct sockaddr_in *)(void *)a)->sin_port = htons(port);
        else
            ((struct sockaddr_in6 *)(void *)a)->sin6_port = htons(port);
    }
}

enum io resolver_find(struct str host, uint16_t port, struct resolved **out, msec_t deadline, struct err *err)
{
    char text[MAX_HOST_BYTES + 1];
    *out = NULL;
    if (host.len == 0 || host.len > MAX_HOST_BYTES || memchr(host.at, 0, host.len)) {
        err_set(err, ERR_DNS, "\"%.*s\" is no name of a host", STR_ARG(str_part(host, 0, 64)));
        return IO_FAIL;
    }
    memcpy(text, host.at, host.len);
    text[host.len] = 0;
    int code = 0;
    enum io io = IO_OK;
    *out = find_in_digits(text);
    if (!*out) io = find_by_name(loop_current(), host, out, deadline, &code);
    if (*out) set_port(*out, port);
    if (io == IO_FAIL) err_set(err, ERR_DNS, "%s cannot be resolved: %s", text, uv_strerror(code));
    return io;
}

void resolver_doubt(struct str host)
{
    struct resolver *r = resolver_of(loop_current());
    uv_mutex_lock(&r->lock);
    struct name *name = map_get(&r->names, host);
    if (name) name->fresh_until = 0;
    uv_mutex_unlock(&r->lock);
}
