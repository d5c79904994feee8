/* net/resolver.c: names to addresses.
 *
 *     name --(asked, unknown or expired)--> looking, callers queue as `askers` --> answered: each asker's loop is told
 *
 * The look-up runs on libuv's thread pool and belongs to the loop that asked first. All else is behind one lock, which is
 * never held across a wait. An asker is on the heap: a fiber that cannot wait any longer takes it out of the queue, or,
 * when the answer is already on its way to the loop, leaves it to be freed on arrival. Failures are not kept. */
#include "net/resolver.h"

#include "base/map.h"
#include "base/mem.h"
#include "net/inside.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

enum { KEEP_MS = 30 * 1000, MAX_NAMES = 256, MAX_HOST_BYTES = 255 };

struct resolver {
    uv_mutex_t lock;
    struct map names;
    struct list by_age; /* struct name: the one looked up longest ago first */
};

struct name {
    struct list link; /* in by_age */
    struct list askers;
    bool is_looking;
    msec_t expires_at;
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
    uv_getaddrinfo_t request;
    struct resolver *resolver;
    struct name *name;
};

struct resolver *resolver_new(void)
{
    struct resolver *r = xzalloc(sizeof *r);
    uv_mutex_init(&r->lock);
    map_init(&r->names);
    list_init(&r->by_age);
    return r;
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

static void found_fill(struct resolved *found, const struct addrinfo *list)
{
    found->count = 0;
    for (const struct addrinfo *i = list; i && found->count < RESOLVER_MAX_ADDRESSES; i = i->ai_next) {
        if (i->ai_family != AF_INET && i->ai_family != AF_INET6) continue;
        memset(&found->addresses[found->count], 0, sizeof found->addresses[0]);
        memcpy(&found->addresses[found->count++], i->ai_addr, i->ai_addrlen);
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

static void on_found(uv_getaddrinfo_t *request, int code, struct addrinfo *list)
{
    struct lookup *l = request->data;
    uv_mutex_lock(&l->resolver->lock);
    if (code == 0) found_fill(&l->name->found, list);
    if (code == 0 && l->name->found.count == 0) code = UV_EAI_NODATA;
    l->name->expires_at = code == 0 ? fiber_now() + KEEP_MS : 0;
    name_answer(l->name, code);
    uv_mutex_unlock(&l->resolver->lock);
    uv_freeaddrinfo(list);
    xfree(l);
}

/* ---- questions ---- */

/* Under the lock. The oldest name that nobody waits for makes room. */
static struct name *name_add(struct resolver *r, struct str host)
{
    if (r->names.count >= MAX_NAMES) {
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
    *l = (struct lookup){.resolver = r, .name = name};
    l->request.data = l;
    name->is_looking = true;
    list_remove(&name->link);
    list_append(&r->by_age, &name->link);
    int code = uv_getaddrinfo(loop_uv(loop), &l->request, on_found, name->host, NULL, &hints);
    if (code == 0) return;
    name_answer(name, code);
    xfree(l);
}

/* The answer that is known, or an asker that will get it. */
static struct resolved *ask(struct resolver *r, struct str host, struct asker *a)
{
    struct resolved *known = NULL;
    uv_mutex_lock(&r->lock);
    struct name *name = map_get(&r->names, host);
    if (!name) name = name_add(r, host);
    if (!name->is_looking && fiber_now() < name->expires_at) {
        known = resolved_copy(&name->found);
    } else {
        list_append(&name->askers, &a->link);
        if (!name->is_looking) name_look_up(r, name, a->loop);
    }
    uv_mutex_unlock(&r->lock);
    return known;
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
    *out = ask(r, host, a);
    if (*out) {
        asker_free(a);
        return IO_OK;
    }
    enum io io = fiber_wait(deadline);
    *code = a->code;
    if (io == IO_OK) {
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
