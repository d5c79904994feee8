/* net/address.c: socket addresses in text. IPv4 without printf: this runs once per connection. An IPv4 address that
 * comes in IPv6's clothes (::ffff:a.b.c.d) is shown and judged as what it is. */
#include "net/inside.h"

#include "base/fmt.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static uint8_t format_v4(const uint8_t bytes[4], char out[46])
{
    char *at = out;
    for (int i = 0; i < 4; i++) {
        if (i) *at++ = '.';
        at = fmt_u64(at, bytes[i]);
    }
    return (uint8_t)(at - out);
}

static const uint8_t *bytes_v4(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET)
        return (const uint8_t *)&((const struct sockaddr_in *)(const void *)a)->sin_addr;
    if (a->sa_family != AF_INET6) return NULL;
    const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
    return IN6_IS_ADDR_V4MAPPED(six) ? six->s6_addr + 12 : NULL;
}

uint8_t address_format(const struct sockaddr *a, char out[46])
{
    const uint8_t *four = bytes_v4(a);
    if (four) return format_v4(four, out);
    if (a->sa_family != AF_INET6) {
        memcpy(out, "unix", 4);
        return 4;
    }
    if (!inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, out, 46)) return 0;
    return (uint8_t)strlen(out);
}

bool address_is_loopback(const struct sockaddr *a)
{
    const uint8_t *four = bytes_v4(a);
    if (four) return four[0] == 127;
    if (a->sa_family != AF_INET6) return true; /* a unix socket's peer is on this machine */
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}
