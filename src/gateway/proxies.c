/* gateway/proxies.c: one decision for each base URL, taken when the configuration is read. Names are compared as they are
 * written, for nobody has looked them up: a proxy is used where we may not be able to. */
#include "gateway/proxies.h"

#include <arpa/inet.h>

/* ---- addresses ---- */
struct address {
    size_t bytes; /* 4 or 16; 0: none */
    unsigned char at[16];
};

static struct address address_of(struct str text)
{
    struct address a = {0};
    char digits[INET6_ADDRSTRLEN];
    if (text.len > 2 && text.at[0] == '[' && text.at[text.len - 1] == ']')
        text = str_part(text, 1, text.len - 2);
    if (text.len == 0 || text.len >= sizeof digits) return a;
    memcpy(digits, text.at, text.len);
    digits[text.len] = '\0';
    if (inet_pton(AF_INET, digits, a.at) == 1)
        a.bytes = 4;
    else if (inet_pton(AF_INET6, digits, a.at) == 1)
        a.bytes = 16;
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff}; /* ::ffff:127.0.0.1 is 127.0.0.1 */
    if (a.bytes != 16 || memcmp(a.at, mapped, sizeof mapped) != 0) return a;
    memmove(a.at, a.at + sizeof mapped, 4);
    a.bytes = 4;
    return a;
}

static bool is_within(const struct address *a, const struct address *network, size_t bits)
{
    if (a->bytes == 0 || a->bytes != network->bytes || bits > 8 * a->bytes) return false;
    size_t whole = bits / 8, rest = bits % 8;
    if (memcmp(a->at, network->at, whole) != 0) return false;
    return rest == 0 || (a->at[whole] ^ network->at[whole]) >> (8 - rest) == 0;
}

static bool is_loopback(struct str host)
{
    static const struct address v4 = {4, {127}}, v6 = {16, {[15] = 1}};
    struct address a = address_of(host);
    if (a.bytes) return is_within(&a, &v4, 8) || is_within(&a, &v6, 128);
    if (host.len > 0 && host.at[host.len - 1] == '.') host.len--;
    return str_equals_nocase(host, STR("localhost")) ||
           (host.len > 10 && str_equals_nocase(str_from(host, host.len - 10), STR(".localhost")));
}

/* ---- NO_PROXY ---- */
static bool is_below(struct str host, struct str name)
{
    if (name.len > 0 && name.at[0] == '.') name = str_from(name, 1);
    if (name.len == 0 || host.len < name.len) return false;
    if (!str_equals_nocase(str_from(host, host.len - name.len), name)) return false;
    return host.len == name.len || host.at[host.len - name.len - 1] == '.';
}

static bool matches_nocase(struct str pattern, struct str host)
{
    char lower[2][256];
    if (pattern.len > sizeof lower[0] || host.len > sizeof lower[0]) return false;
    for (size_t i = 0; i < pattern.len; i++) lower[0][i] = ascii_lower(pattern.at[i]);
    for (size_t i = 0; i < host.len; i++) lower[1][i] = ascii_lower(host.at[i]);
    return str_matches(str_of(lower[0], pattern.len), str_of(lower[1], host.len));
}

/* Takes ":port" off the end, where that is no part of an IPv6 address. False: another port is meant. */
static bool take_port(struct str *entry, uint16_t port)
{
    int64_t wanted;
    struct str digits;
    if (address_of(*entry).bytes) return true;
    size_t colon = entry->len;
    while (colon > 0 && entry->at[colon - 1] != ':') colon--;
    if (colon == 0) return true;
    digits = str_from(*entry, colon);
    if (!str_to_u63(digits, &wanted)) return true;
    *entry = str_part(*entry, 0, colon - 1);
    return wanted == port;
}

static bool entry_names(struct str entry, struct str host, uint16_t port)
{
    if (str_equals(entry, STR("*"))) return true;
    struct str bits = entry, base = str_cut(&bits, '/');
    struct address network = address_of(base), address = address_of(host);
    int64_t count = 0;
    if (network.bytes && bits.at && str_to_u63(bits, &count) && count <= 128)
        return is_within(&address, &network, (size_t)count);
    if (!take_port(&entry, port)) return false;
    network = address_of(entry);
    if (str_find_char(entry, '*') != SIZE_MAX) return matches_nocase(entry, host);
    if (network.bytes || address.bytes) return is_within(&address, &network, 8 * network.bytes);
    return is_below(host, entry);
}

bool no_proxy_names(struct config_strings list, struct str host, uint16_t port)
{
    if (host.len > 0 && host.at[host.len - 1] == '.') host.len--;
    for (size_t i = 0; i < list.count; i++)
        if (entry_names(list.at[i], host, port)) return true;
    return false;
}

/* ---- the decision ---- */
struct str proxy_url(const struct config *c, const struct config_provider *p, const struct url *url)
{
    if (str_starts_with(url->host, STR("unix:")) || is_loopback(url->host)) return STR("");
    if (str_equals_nocase(p->proxy, STR("off"))) return STR("");
    if (p->proxy.len > 0) return p->proxy;
    if (!url->is_https || no_proxy_names(c->no_proxy, url->host, url->port)) return STR("");
    return c->https_proxy;
}
