/* http/url.h: absolute URLs of upstreams (RFC 3986, http and https; unix sockets), the authority of a request, and
 * percent-decoding. Pure. */
#ifndef WEIR_HTTP_URL_H
#define WEIR_HTTP_URL_H

#include "base/arena.h"
#include "base/err.h"

struct url {
    bool is_https;
    struct str host;      /* without brackets, as written */
    uint16_t port;        /* 80 or 443 when not written */
    struct str authority; /* for the Host header: port left out when it is the scheme's own */
    struct str path;      /* without a trailing '/', so that "/chat" may follow; may be empty */
    struct str query;     /* without '?' */
};
/* The parts point into `text` or the arena. User information, fragments, other schemes: ERR_INVALID.
 * "unix:/run/x.sock[:/path]" is HTTP over that socket: host "unix:/run/x.sock", port 0, authority "localhost". */
MUST_CHECK bool url_parse(struct url *out, struct arena *a, struct str text, struct err *err);

/* host [ ":" port ] of RFC 3986 3.2, as a Host header has it: *host with the brackets of an IPv6 address,
 * *port digits or empty, at == NULL when there is no ':'. False: not that; user information and an empty
 * host too. */
MUST_CHECK bool url_split_authority(struct str text, struct str *host, struct str *port);

/* Percent-decodes; false: a bad escape or a NUL. '+' stays. Without an escape *out is `text` itself. */
MUST_CHECK bool url_decode(struct str *out, struct arena *a, struct str text);
/* The value of a query parameter, not decoded, the first of several; at == NULL: absent. */
struct str url_query_value(struct str query, struct str name);

#endif
