/* net/dial.h: a stream to somebody. The chain is tcp (or unix) -> [tunnel] -> [tls]. */
#ifndef WEIR_NET_DIAL_H
#define WEIR_NET_DIAL_H

#include "net/stream.h"

struct tls_context; /* net/tls.h */
struct dial_target;

/* Somebody who is asked to pass on to the target. He resolves its name, not we. */
struct dial_tunnel {
    struct str host; /* as in dial_target; empty: there is none */
    uint16_t port;
    /* Asks him on a fresh connection. IO_FAIL, and err tells, if he refuses; IO_END is none of its results. */
    enum io (*open)(struct stream *s, const struct dial_target *t, msec_t deadline, struct err *err);
    const void *arg; /* for open */
};
struct dial_target {
    struct str host; /* name or address without brackets; "unix:/path" for a unix socket */
    uint16_t port;
    struct tls_context *tls; /* NULL: plain */
    struct str server_name;  /* SNI and certificate name; empty: host */
    struct dial_tunnel tunnel;
};
/* Resolves (on the thread pool), connects, shakes hands. Every address is tried within the deadline (connect.h).
 * NULL: *why says IO_TIMEOUT, IO_CANCELLED or IO_FAIL, and err tells in any case: ERR_DNS, ERR_REFUSED, ERR_TLS,
 * ERR_SYSTEM, ERR_EXHAUSTED (we have no descriptors), ERR_PROXY (anything that went wrong between us and the
 * tunnel), ERR_TIMEOUT, ERR_CANCELLED. All fields are lent for the length of the call. */
MUST_CHECK struct stream *dial(const struct dial_target *target, msec_t deadline, enum io *why,
                               struct err *err);

#endif
