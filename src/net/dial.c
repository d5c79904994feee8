/* net/dial.c: resolve, connect, ask a proxy to pass on, shake hands. */
#include "net/dial.h"

#include "base/mem.h"
#include "net/connect.h"
#include "net/resolver.h"
#include "net/tls.h"

#include <sys/un.h>

_Static_assert((int)RESOLVER_MAX_ADDRESSES <= (int)CONNECT_MAX_ADDRESSES, "all that were found are tried");

static struct stream *connect_host(struct str host, uint16_t port, msec_t deadline, enum io *why,
                                   struct err *err)
{
    struct resolved *found;
    *why = resolver_find(host, port, &found, deadline, err);
    if (*why != IO_OK) return NULL;
    struct stream *s = connect_first(found->addresses, found->count, deadline, why, err);
    if (!s && *why != IO_CANCELLED) resolver_doubt(host);
    xfree(found);
    return s;
}

static struct stream *connect_unix(struct str path, msec_t deadline, enum io *why, struct err *err)
{
    struct sockaddr_storage to = {.ss_family = AF_UNIX};
    struct sockaddr_un *place = (struct sockaddr_un *)(void *)&to;
    *why = IO_FAIL;
    if (path.len == 0 || path.len >= sizeof place->sun_path) {
        err_set(err, ERR_INVALID, "the path must have 1 to %zu bytes", sizeof place->sun_path - 1);
        return NULL;
    }
    memcpy(place->sun_path, path.at, path.len);
    return connect_first(&to, 1, deadline, why, err);
}

static struct stream *connect_to(struct str host, uint16_t port, msec_t deadline, enum io *why,
                                 struct err *err)
{
    if (str_starts_with(host, STR("unix:"))) return connect_unix(str_from(host, 5), deadline, why, err);
    return connect_host(host, port, deadline, why, err);
}

/* "host:port: " in front of the reason. */
static void tell_where(const char *who, struct str host, uint16_t port, struct err *err)
{
    struct err where;
    bool is_v6 = str_find_char(host, ':') != SIZE_MAX;
    if (str_starts_with(host, STR("unix:")))
        err_set(&where, err->code, "%s%.*s", who, STR_ARG(str_part(host, 0, 120)));
    else
        err_set(&where, err->code, "%s%s%.*s%s:%u", who, is_v6 ? "[" : "", STR_ARG(str_part(host, 0, 120)),
                is_v6 ? "]" : "", port);
    err_wrap(err, where.text);
}

static void tell_io(enum io why, struct err *err)
{
    if (why == IO_TIMEOUT) err_set(err, ERR_TIMEOUT, "no connection in time");
    if (why == IO_CANCELLED) err_set(err, ERR_CANCELLED, "cancelled");
}

static struct stream *connect_through(const struct dial_target *t, msec_t deadline, enum io *why,
                                      struct err *err)
{
    const struct dial_tunnel *via = &t->tunnel;
    struct stream *s = connect_to(via->host, via->port, deadline, why, err);
    if (s) {
        *why = via->open(s, t, deadline, err);
        if (*why != IO_OK) stream_close(&s);
    }
    if (s) return s;
    tell_io(*why, err);
    if (*why == IO_FAIL && err->code != ERR_EXHAUSTED) err->code = ERR_PROXY;
    tell_where("proxy ", via->host, via->port, err);
    return NULL;
}

static struct stream *connect_directly(const struct dial_target *t, msec_t deadline, enum io *why,
                                       struct err *err)
{
    struct stream *s = connect_to(t->host, t->port, deadline, why, err);
    if (s) return s;
    tell_io(*why, err);
    tell_where("", t->host, t->port, err);
    return NULL;
}

struct stream *dial(const struct dial_target *target, msec_t deadline, enum io *why, struct err *err)
{
    struct err inner;
    struct stream *s = target->tunnel.host.len ? connect_through(target, deadline, why, &inner)
                                               : connect_directly(target, deadline, why, &inner);
    if (s && target->tls) {
        struct str name = target->server_name.len ? target->server_name : target->host;
        struct tls_peer peer = {.name = name, .port = target->port};
        *why = tls_connect(target->tls, &s, &peer, deadline, &inner);
        if (!s) {
            tell_io(*why, &inner);
            tell_where("", target->host, target->port, &inner);
        }
    }
    if (!s) *err = inner;
    return s;
}
