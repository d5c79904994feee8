/* gateway/client.c: addresses are compared as sixteen bytes, whatever they were written like. A list that cannot be read
 * at some place ends there: the last one who vouched for it is taken for the client. */
#include "gateway/client.h"

#include "base/fmt.h"

#include <arpa/inet.h>

static const struct str UNIX = STR_INIT("unix");

void client_proxies_init(struct client_proxies *p, struct arena *a, const struct config_strings *words)
{
    *p = (struct client_proxies){.networks = arena_new_array(a, struct network, words->count)};
    for (size_t i = 0; i < words->count; i++)
        if (str_equals(words->at[i], UNIX))
            p->has_unix = true;
        else if (network_parse(&p->networks[p->count], words->at[i]))
            p->count++;
}

static bool is_trusted(const struct client_proxies *p, const unsigned char at[IP_BYTES])
{
    for (size_t i = 0; i < p->count; i++)
        if (network_holds(&p->networks[i], at)) return true;
    return false;
}

/* An element: an address, perhaps with a port, and then IPv6 in brackets; some quote it, as Forwarded does. */
static bool parse_element(unsigned char at[IP_BYTES], struct str e)
{
    e = str_trim(e);
    if (e.len >= 2 && e.at[0] == '"' && e.at[e.len - 1] == '"') e = str_part(e, 1, e.len - 2);
    size_t colon = str_find_char(e, ':');
    if (e.len && e.at[0] == '[') {
        size_t end = str_find_char(e, ']');
        if (end == SIZE_MAX || (end + 1 < e.len && e.at[end + 1] != ':')) return false;
        e = str_part(e, 1, end - 1);
    } else if (colon != SIZE_MAX && str_find_char(str_from(e, colon + 1), ':') == SIZE_MAX) {
        e = str_part(e, 0, colon);
    }
    return ip_parse(at, e);
}

/* The last element, taken off. */
static struct str take_last(struct str *list)
{
    size_t comma = list->len;
    while (comma > 0 && list->at[comma - 1] != ',') comma--;
    struct str last = str_from(*list, comma);
    *list = str_part(*list, 0, comma ? comma - 1 : 0);
    return last;
}

static struct str format(struct arena *a, const unsigned char at[IP_BYTES])
{
    char *text = arena_alloc(a, INET6_ADDRSTRLEN);
    const void *from = ip_is_v4(at) ? at + IP_BYTES - sizeof(struct in_addr) : at;
    return str_from_cstr(inet_ntop(ip_is_v4(at) ? AF_INET : AF_INET6, from, text, INET6_ADDRSTRLEN));
}

/* Goes left in one header for as long as it can. False: the client is found. */
static bool go_left(const struct client_proxies *p, struct str list, unsigned char at[IP_BYTES],
                    bool *has_moved)
{
    while (list.len) {
        unsigned char next[IP_BYTES];
        if (!parse_element(next, take_last(&list))) return false;
        memcpy(at, next, sizeof next);
        *has_moved = true;
        if (!is_trusted(p, at)) return false;
    }
    return true;
}

struct str client_find(const struct client_proxies *p, struct arena *a, struct str peer,
                       const struct http_headers *headers)
{
    unsigned char at[IP_BYTES];
    bool has_moved = false;
    if (p->count == 0 && !p->has_unix) return peer;
    bool is_proxy = str_equals(peer, UNIX) ? p->has_unix : ip_parse(at, peer) && is_trusted(p, at);
    if (!is_proxy) return peer;
    for (unsigned i = headers->count; i-- > 0;)
        if (headers->at[i].id == H_X_FORWARDED_FOR && !go_left(p, headers->at[i].value, at, &has_moved))
            break;
    return has_moved ? format(a, at) : peer;
}

bool client_is_loopback(struct str client)
{
    unsigned char at[IP_BYTES];
    if (str_equals(client, UNIX)) return true;
    return ip_parse(at, client) && ip_is_loopback(at);
}

struct str client_limit_id(struct arena *a, struct str client)
{
    unsigned char at[IP_BYTES];
    if (str_find_char(client, ':') == SIZE_MAX || !ip_parse(at, client)) return client;
    if (ip_is_v4(at)) return format(a, at);
    char *id = arena_alloc(a, 16);
    return str_of(id, (size_t)(fmt_hex_bytes(id, at, 8) - id));
}
