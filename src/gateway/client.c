/* gateway/client.c: addresses are compared as sixteen bytes, whatever they were written like. A list that cannot be read
 * at some place ends there: the last one who vouched for it is taken for the client. */
#include "gateway/client.h"

#include "base/fmt.h"

#include <arpa/inet.h>

static const unsigned char v4_prefix[12] = {[10] = 0xff, [11] = 0xff};
static const struct str UNIX = STR_INIT("unix");

static bool is_v4(const unsigned char at[16])
{
    return memcmp(at, v4_prefix, sizeof v4_prefix) == 0;
}

static bool parse_address(unsigned char at[16], struct str text)
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
    if (!parse_address(out->at, host)) return false;
    if (rest.at && (!str_to_u63(rest, &bits) || bits > (is_short ? 32 : 128))) return false;
    out->bits = rest.at ? (unsigned)bits + (is_short ? 96 : 0) : 128;
    return true;
}

static bool network_holds(const struct network *n, const unsigned char at[16])
{
    unsigned bytes = n->bits / 8, bits = n->bits % 8;
    if (memcmp(n->at, at, bytes) != 0) return false;
    return bits == 0 || (n->at[bytes] ^ at[bytes]) >> (8 - bits) == 0;
}

void client_proxies_init(struct client_proxies *p, struct arena *a, const struct config_strings *words)
{
    *p = (struct client_proxies){.networks = arena_new_array(a, struct network, words->count)};
    for (size_t i = 0; i < words->count; i++)
        if (str_equals(words->at[i], UNIX))
            p->has_unix = true;
        else if (network_parse(&p->networks[p->count], words->at[i]))
            p->count++;
}

static bool is_trusted(const struct client_proxies *p, const unsigned char at[16])
{
    for (size_t i = 0; i < p->count; i++)
        if (network_holds(&p->networks[i], at)) return true;
    return false;
}

/* An element: an address, perhaps with a port, and then IPv6 in brackets; some quote it, as Forwarded does. */
static bool parse_element(unsigned char at[16], struct str e)
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
    return parse_address(at, e);
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

static struct str format(struct arena *a, const unsigned char at[16])
{
    char *text = arena_alloc(a, INET6_ADDRSTRLEN);
    const void *from = is_v4(at) ? at + sizeof v4_prefix : at;
    return str_from_cstr(inet_ntop(is_v4(at) ? AF_INET : AF_INET6, from, text, INET6_ADDRSTRLEN));
}

/* Goes left in one header for as long as it can. False: the client is found. */
static bool go_left(const struct client_proxies *p, struct str list, unsigned char at[16], bool *has_moved)
{
    while (list.len) {
        unsigned char next[16];
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
    unsigned char at[16];
    bool has_moved = false;
    if (p->count == 0 && !p->has_unix) return peer;
    bool is_proxy = str_equals(peer, UNIX) ? p->has_unix : parse_address(at, peer) && is_trusted(p, at);
    if (!is_proxy) return peer;
    for (unsigned i = headers->count; i-- > 0;)
        if (headers->at[i].id == H_X_FORWARDED_FOR && !go_left(p, headers->at[i].value, at, &has_moved))
            break;
    return has_moved ? format(a, at) : peer;
}

bool client_is_loopback(struct str client)
{
    static const struct network v4 = {.at = {[10] = 0xff, [11] = 0xff, [12] = 127}, .bits = 104},
                                v6 = {.at = {[15] = 1}, .bits = 128};
    unsigned char at[16];
    if (str_equals(client, UNIX)) return true;
    return parse_address(at, client) && (network_holds(&v4, at) || network_holds(&v6, at));
}

struct str client_limit_id(struct arena *a, struct str client)
{
    unsigned char at[16];
    if (str_find_char(client, ':') == SIZE_MAX || !parse_address(at, client)) return client;
    if (is_v4(at)) return format(a, at);
    char *id = arena_alloc(a, 16);
    return str_of(id, (size_t)(fmt_hex_bytes(id, at, 8) - id));
}
