/* net/dial.h: a stream to somebody. The chain is tcp (or unix) -> [tls]. */
#ifndef WEIR_NET_DIAL_H
#define WEIR_NET_DIAL_H

#include "net/stream.h"

struct tls_context; /* net/tls.h */

struct dial_target {
    struct str host; /* name or address without brackets; "unix:/path" for a unix socket */
    uint16_t port;
    struct tls_context *tls; /* NULL: plain */
    struct str server_name;  /* SNI and certificate name; empty: host */
};
/* Resolves (on the thread pool), connects, shakes hands. Every address is tried in turn within the
 * deadline. NULL: *why says IO_TIMEOUT, IO_CANCELLED or IO_FAIL, and for IO_FAIL err tells
 * (ERR_DNS, ERR_REFUSED, ERR_TLS, ERR_SYSTEM). All fields are copied as far as needed. */
MUST_CHECK struct stream *dial(const struct dial_target *target, msec_t deadline, enum io *why,
                               struct err *err);

#endif
