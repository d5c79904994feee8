/* net/dial.c: resolve, connect, shake hands.
 *
 * The addresses are tried one after the other; each gets an equal share of what is left of the time, so that a first
 * address that swallows packets leaves the others their chance. libuv's connect request is on the heap: when the fiber
 * leaves, closing the handle ends the request and its callback frees it. */
#include "net/dial.h"

#include "base/mem.h"
#include "net/inside.h"
#include "net/resolver.h"
#include "net/tls.h"

#include <netinet/in.h>
#include <sys/un.h>

struct connecting {
    uv_connect_t request;
    struct fiber *fiber; /* NULL: it has left */
    bool has_ended;
    int code;
};

static void on_connected(uv_connect_t *request, int code)
{
    struct connecting *c = request->data;
    if (!c->fiber) {
        xfree(c);
        return;
    }
    c->has_ended = true;
    c->code = code;
    if (fiber_is_waiting(c->fiber)) fiber_wake_now(c->fiber, IO_OK);
}

static int connect_begin(struct plain *p, struct connecting *c, const struct sockaddr *to)
{
    if (to->sa_family != AF_UNIX) return uv_tcp_connect(&c->request, &p->uv.tcp, to, on_connected);
    const char *path = ((const struct sockaddr_un *)(const void *)to)->sun_path;
    uv_pipe_connect(&c->request, &p->uv.pipe, path, on_connected);
    return 0;
}

static enum io connect_failed(int code, struct err *err)
{
    bool is_refused = code == UV_ECONNREFUSED || code == UV_ECONNRESET || code == UV_ENOENT;
    err_set(err, is_refused ? ERR_REFUSED : ERR_SYSTEM, "%s", uv_strerror(code));
    return IO_FAIL;
}

static enum io connect_wait(struct plain *p, const struct sockaddr *to, msec_t deadline, struct err *err)
{
    struct connecting *c = xzalloc(sizeof *c);
    c->request.data = c;
    c->fiber = fiber_current();
    int code = connect_begin(p, c, to);
    if (code < 0) {
        xfree(c);
        return connect_failed(code, err);
    }
    enum io io = fiber_wait(deadline);
    code = c->code;
    if (c->has_ended)
        xfree(c);
    else
        c->fiber = NULL; /* the caller closes the handle, and that frees c */
    return io == IO_OK && code < 0 ? connect_failed(code, err) : io;
}

/* NULL: *io and, for IO_FAIL, err say why. */
static struct stream *connect_to(const struct sockaddr *to, msec_t deadline, enum io *io, struct err *err)
{
    struct plain *p = plain_new(loop_current(), to->sa_family == AF_UNIX);
    struct stream *s = &p->stream;
    *io = connect_wait(p, to, deadline, err);
    if (*io != IO_OK) {
        stream_close(&s);
        return NULL;
    }
    plain_set_peer(p, to);
    plain_connected(p);
    return s;
}

static msec_t share_of(msec_t deadline, unsigned tries_left)
{
    if (deadline == NEVER || tries_left <= 1) return deadline;
    msec_t now = fiber_now();
    return deadline > now ? now + (deadline - now) / tries_left : deadline;
}

static struct stream *connect_host(const struct dial_target *t, msec_t deadline, enum io *why,
                                   struct err *err)
{
    struct resolved *found;
    *why = resolver_find(t->host, t->port, &found, deadline, err);
    if (*why != IO_OK) return NULL;
    struct stream *s = NULL;
    for (unsigned i = 0; i < found->count && !s; i++) {
        const struct sockaddr *to = (const struct sockaddr *)&found->addresses[i];
        s = connect_to(to, share_of(deadline, found->count - i), why, err);
        if (*why == IO_CANCELLED) break;
    }
    xfree(found);
    return s;
}

static struct stream *connect_unix(struct str path, msec_t deadline, enum io *why, struct err *err)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    *why = IO_FAIL;
    if (path.len == 0 || path.len >= sizeof to.sun_path) {
        err_set(err, ERR_INVALID, "the path must have 1 to %zu bytes", sizeof to.sun_path - 1);
        return NULL;
    }
    memcpy(to.sun_path, path.at, path.len);
    return connect_to((const struct sockaddr *)&to, deadline, why, err);
}

/* "host:port: " in front of the reason. */
static void tell_where(const struct dial_target *t, enum io why, struct err *err)
{
    struct err where;
    struct str host = str_part(t->host, 0, 120);
    if (why == IO_TIMEOUT) err_set(err, ERR_TIMEOUT, "no connection in time");
    if (why == IO_CANCELLED) err_set(err, ERR_CANCELLED, "cancelled");
    if (str_starts_with(host, STR("unix:")))
        err_set(&where, err->code, "%.*s", STR_ARG(host));
    else
        err_set(&where, err->code, "%.*s:%u", STR_ARG(host), t->port);
    err_wrap(err, where.text);
}

struct stream *dial(const struct dial_target *target, msec_t deadline, enum io *why, struct err *err)
{
    struct err inner;
    struct str host = target->host;
    bool is_unix = str_starts_with(host, STR("unix:"));
    struct stream *s = is_unix ? connect_unix(str_from(host, 5), deadline, why, &inner)
                               : connect_host(target, deadline, why, &inner);
    if (s && target->tls) {
        struct str name = target->server_name.len ? target->server_name : host;
        *why = tls_connect(target->tls, &s, name, deadline, &inner);
    }
    if (!s) {
        tell_where(target, *why, &inner);
        *err = inner;
    }
    return s;
}
