/* gateway/network.h: addresses and networks in text, compared as sixteen bytes, whatever they were written like: IPv4 is
 * ::ffff:0:0/96 (RFC 4291 2.5.5.2). Pure. */
#ifndef WEIR_GATEWAY_NETWORK_H
#define WEIR_GATEWAY_NETWORK_H

#include "base/attributes.h"
#include "base/str.h"

enum { IP_BYTES = 16 };

struct network {
    unsigned char at[IP_BYTES];
    unsigned bits;
};

/* "10.0.0.1", "::1"; false: it is none. */
MUST_CHECK bool ip_parse(unsigned char at[IP_BYTES], struct str text);
bool ip_is_v4(const unsigned char at[IP_BYTES]);
bool ip_is_loopback(const unsigned char at[IP_BYTES]); /* 127.0.0.0/8, ::1 */
/* "10.0.0.0/8", "::1"; false: it is none. An IPv4 address in IPv6's words is IPv4. */
MUST_CHECK bool network_parse(struct network *out, struct str text);
bool network_holds(const struct network *n, const unsigned char at[IP_BYTES]);

#endif
