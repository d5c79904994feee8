/* gateway/network.c: inet_pton() reads, bits are compared from the left. */
#include "gateway/network.h"

#include <arpa/inet.h>

static const unsigned char v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

bool ip_is_v4(const unsigned char at[IP_BYTES])
{
    return memcmp(at, v4_prefix, sizeof v4_prefix) == 0;
}

bool ip_parse(unsigned char at[IP_BYTES], struct str text)
{
    char copy[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof copy || str_find_char(text, '\0') != SIZE_MAX) return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    if (str_find_char(text, ':') != SIZE_MAX) return inet_pton(AF_INET6, copy, at) == 1;
    memcpy(at, v4_prefix, sizeof v4_prefix);
    return inet_pton(AF_INET, copy, at + sizeof v4_prefix) == 1;
}

bool network_parse(struct network *out, struct str text)
{
    int64_t bits = 0;
    struct str rest = text, host = str_cut(&rest, '/');
    bool is_short = str_find_char(host, ':') == SIZE_MAX; /* counted from IPv4's own beginning */
    if (!ip_parse(out->at, host)) return false;
    if (rest.at && (!str_to_u63(rest, &bits) || bits > (is_short ? 32 : 128))) return false;
    out->bits = rest.at ? (unsigned)bits + (is_short ? 96 : 0) : 128;
    return true;
}

bool network_holds(const struct network *n, const unsigned char at[IP_BYTES])
{
    unsigned bytes = n->bits / 8, bits = n->bits % 8;
    if (memcmp(n->at, at, bytes) != 0) return false;
    return bits == 0 || (n->at[bytes] ^ at[bytes]) >> (8 - bits) == 0;
}

bool ip_is_loopback(const unsigned char at[IP_BYTES])
{
    static const struct network v4 = {.at = {[10] = 0xff, [11] = 0xff, [12] = 127}, .bits = 104},
                                v6 = {.at = {[15] = 1}, .bits = 128};
    return network_holds(&v4, at) || network_holds(&v6, at);
}
