/* gateway/proxies.c: one decision for each base URL, taken when the configuration is read. Names are compared as they are
 * written, for nobody has looked them up: a proxy is used where we may not be able to. */
#include "gateway/proxies.h"

#include "gateway/network.h"

/* An address, IPv6 with brackets or without. */
static bool host_ip(unsigned char at[IP_BYTES], struct str host)
{
    bool is_bracketed = host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';
    return ip_parse(at, is_bracketed ? str_part(host, 1, host.len - 2) : host);
}

static bool is_loopback(struct str host)
{
    unsigned char at[IP_BYTES];
    if (host_ip(at, host)) return ip_is_loopback(at);
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
    unsigned char at[IP_BYTES];
    if (host_ip(at, *entry)) return true;
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
    struct network network;
    unsigned char at[IP_BYTES];
    bool is_address = host_ip(at, host);
    if (str_find_char(entry, '/') != SIZE_MAX)
        return is_address && network_parse(&network, entry) && network_holds(&network, at) &&
               ip_is_v4(at) == ip_is_v4(network.at); /* ::/0 is IPv6's */
    if (!take_port(&entry, port)) return false;
    if (str_find_char(entry, '*') != SIZE_MAX) return matches_nocase(entry, host);
    bool names_address = host_ip(network.at, entry);
    if (names_address || is_address)
        return names_address && is_address && memcmp(network.at, at, sizeof at) == 0;
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
