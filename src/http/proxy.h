/* http/proxy.h: what a proxy's URL says. Pure. */
#ifndef WEIR_HTTP_PROXY_H
#define WEIR_HTTP_PROXY_H

#include "base/arena.h"
#include "base/err.h"

enum { PROXY_MAX_HOST_BYTES = 255, PROXY_MAX_AUTHORIZATION_BYTES = 512 };

struct http_proxy {
    struct str host; /* without brackets */
    uint16_t port;
    struct str authorization; /* "Basic …": a secret; empty: none */
};
/* [http://][USER[:PASSWORD]@]HOST[:PORT][/], percent-decoded user and password, port 80 when not written (RFC 9110 4.2.1).
 * False: ERR_INVALID, or ERR_UNSUPPORTED for other schemes; the sentence holds nothing of the text. */
MUST_CHECK bool proxy_parse(struct http_proxy *out, struct arena *a, struct str text, struct err *err);

#endif
