/* net/dial.c: resolve, connect, shake hands.
 *
 * The addresses are tried one after the other; each gets an equal share of what is left of the time, so that a first
 * address that swallows packets leaves the others their chance. */
#include "net/dial.h"

#include "base/mem.h"
#include "net/inside.h"
#include "net/resolver.h"
#include "net/tls.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/un.h>

static enum io connect_failed(int code, struct err *err)
{
    bool is_refused = code == UV_ECONNREFUSED || code == UV_ECONNRESET || code == UV_ENOENT;
    err_set(err, is_refused ? ERR_REFUSED : ERR_SYSTEM, "%s", uv_strerror(code));
    return IO_FAIL;
}

static socklen_t address_bytes(const struct sockaddr *a)
{
    return a->sa_family == AF_UNIX    ? sizeof(struct sockaddr_un)
           : a->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                      : sizeof(struct sockaddr_in);
}

/* NULL: *io and, for IO_FAIL, err say why. */
static struct stream *connect_to(const struct sockaddr *to, msec_t deadline, enum io *io, struct err *err)
{
    *io = IO_FAIL;
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        err_set_errno(err, errno, "a socket");
        return NULL;
    }
    struct plain *p = plain_new(loop_current(), fd, to->sa_family == AF_UNIX, err);
    if (!p) return NULL;
    struct stream *s = &p->stream;
    int code;
    *io = plain_connect(p, to, address_bytes(to), deadline, &code);
    if (*io == IO_OK) {
        plain_set_peer(p, to);
        return s;
    }
    if (*io == IO_FAIL) connect_failed(code, err);
    stream_close(&s);
    return NULL;
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
