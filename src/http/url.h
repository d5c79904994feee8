/* http/url.h: absolute URLs of upstreams (RFC 3986, http and https only) and percent-decoding. Pure. */
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
/* The parts point into `text` or the arena. User information, fragments, other schemes: ERR_INVALID. */
MUST_CHECK bool url_parse(struct url *out, struct arena *a, struct str text, struct err *err);
/* Percent-decodes; false: a bad escape or a NUL. '+' stays. */
MUST_CHECK bool url_decode(struct str *out, struct arena *a, struct str text);
/* The value of a query parameter, not decoded; at == NULL: absent. */
struct str url_query_value(struct str query, struct str name);

#endif
