/* config/judge.c: small predicates over texts. */
#include "config/judge.h"

#include "base/attributes.h"
#include "config/config.h"

#include <arpa/inet.h>

enum { MAX_NAME_BYTES = 128, MAX_PORT = 65535 };

static bool is_visible(char c)
{
    return c > ' ' && c < 0x7f;
}

static bool all_visible(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_visible(s.at[i])) return false;
    return s.len > 0;
}

/* Bytes of the UTF-8 sequence at the front; 0: none. Surrogates and overlong forms are none. */
static size_t utf8_bytes(struct str s)
{
    static const struct {
        unsigned char first_min, first_max, second_min, second_max;
        size_t bytes;
    } forms[] = {
        {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    const unsigned char *at = (const unsigned char *)s.at;
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        if (at[0] < forms[i].first_min || at[0] > forms[i].first_max) continue;
        size_t bytes = forms[i].bytes;
        if (s.len < bytes || (bytes > 1 && (at[1] < forms[i].second_min || at[1] > forms[i].second_max)))
            return 0;
        for (size_t k = 2; k < bytes; k++)
            if ((at[k] & 0xc0) != 0x80) return 0;
        return bytes;
    }
    return 0;
}

static bool is_text(struct str s, const char *controls)
{
    while (s.len) {
        unsigned char c = (unsigned char)s.at[0];
        size_t bytes = utf8_bytes(s);
        if (!bytes || c == 0x7f || (c < ' ' && (!c || !strchr(controls, c)))) return false;
        s = str_from(s, bytes);
    }
    return true;
}

bool judge_line(struct str s)
{
    return is_text(s, "");
}

bool judge_text(struct str s)
{
    return is_text(s, "\t\r\n");
}

bool judge_secret(struct str s)
{
    return all_visible(s);
}

bool judge_name(struct str s)
{
    return all_visible(s) && s.len <= MAX_NAME_BYTES;
}

bool judge_provider(struct str s)
{
    return judge_name(s) && str_find_char(s, '/') == SIZE_MAX;
}

bool listen_split(struct str s, struct str *host, struct str *port)
{
    if (str_starts_with(s, STR("unix:"))) return false;
    size_t colon = s.len;
    while (colon > 0 && s.at[colon - 1] != ':') colon--;
    if (!colon) return false;
    *host = str_part(s, 0, colon - 1);
    *port = str_from(s, colon);
    return true;
}

static bool is_port(struct str s)
{
    int64_t port;
    return s.len <= 5 && str_to_u63(s, &port) && port <= MAX_PORT;
}

/* An IPv6 address in brackets? */
static bool parse_bracketed(struct str host, struct in6_addr *out)
{
    char text[INET6_ADDRSTRLEN];
    if (host.len < 4 || host.at[0] != '[' || host.at[host.len - 1] != ']') return false;
    struct str inner = str_part(host, 1, host.len - 2);
    if (inner.len >= sizeof text) return false;
    memcpy(text, inner.at, inner.len);
    text[inner.len] = '\0';
    return inet_pton(AF_INET6, text, out) == 1;
}

static bool parse_ipv4(struct str host, struct in_addr *out)
{
    char text[INET_ADDRSTRLEN];
    if (!host.len || host.len >= sizeof text) return false;
    memcpy(text, host.at, host.len);
    text[host.len] = '\0';
    return inet_pton(AF_INET, text, out) == 1;
}

/* Letters, digits, '.', '-', '_': what a host's name is made of; or an address in brackets. */
static bool is_host(struct str s)
{
    struct in6_addr address;
    if (s.len && s.at[0] == '[') return parse_bracketed(s, &address);
    bool is_number = true;
    for (size_t i = 0; i < s.len; i++) {
        char c = ascii_lower(s.at[i]);
        bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && !(c >= 'a' && c <= 'z') && c != '.' && c != '-' && c != '_') return false;
        is_number = is_number && (is_digit || c == '.');
    }
    struct in_addr v4;
    return s.len > 0 && (!is_number || parse_ipv4(s, &v4)); /* "127.0.0" is nobody's name */
}

bool judge_listen(struct str s)
{
    struct str host, port;
    if (str_starts_with(s, STR("unix:"))) return s.len > 5 && judge_line(s);
    return listen_split(s, &host, &port) && is_port(port) && (!host.len || is_host(host));
}

bool listen_is_loopback(struct str s)
{
    struct str host, port;
    struct in_addr v4;
    struct in6_addr v6;
    if (!listen_split(s, &host, &port)) return true; /* unix: the file system says who may */
    if (str_equals_nocase(host, STR("localhost"))) return true;
    if (parse_ipv4(host, &v4)) return ntohl(v4.s_addr) >> 24 == 127;
    return parse_bracketed(host, &v6) && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool lets_strangers_in(const struct config *c)
{
    if (c->auth.mode != AUTH_OFF || c->auth.is_anywhere) return false;
    for (size_t i = 0; i < c->server.listen.count; i++)
        if (!listen_is_loopback(c->server.listen.at[i])) return true;
    return false;
}

/* Takes "http://" or "https://" off the front. */
static bool take_scheme(struct str *s)
{
    size_t bytes = str_starts_with_nocase(*s, STR("http://")) ? 7 : 8;
    if (bytes == 8 && !str_starts_with_nocase(*s, STR("https://"))) return false;
    *s = str_from(*s, bytes);
    return true;
}

static size_t authority_end(struct str s)
{
    size_t n = 0;
    while (n < s.len && s.at[n] != '/' && s.at[n] != '?' && s.at[n] != '#') n++;
    return n;
}

static bool is_authority(struct str s)
{
    struct str host = s, port;
    if (is_host(s)) return true;
    return listen_split(s, &host, &port) && is_host(host) && port.len && is_port(port);
}

bool judge_url(struct str s)
{
    if (!all_visible(s) || !take_scheme(&s)) return false;
    struct str authority = str_part(s, 0, authority_end(s));
    size_t user_end = str_find_char(authority, '@');
    if (user_end != SIZE_MAX) authority = str_from(authority, user_end + 1);
    return is_authority(authority) && str_find_char(s, '#') == SIZE_MAX;
}

bool judge_base_url(struct str s)
{
    if (!str_starts_with(s, STR("unix:"))) return judge_url(s);
    struct str url_path = str_from(s, 5), path = str_cut(&url_path, ':');
    return judge_path(path) && path.len > 1 && (!url_path.at || judge_path(url_path));
}

/* A password may hold anything that can be seen; an '@' in it, too. */
bool judge_proxy(struct str s)
{
    if (!all_visible(s) || str_equals_nocase(s, STR("off"))) return false;
    if (str_starts_with_nocase(s, STR("http://"))) s = str_from(s, 7);
    if (str_find(s, STR("://")) != SIZE_MAX) return false;
    for (size_t at; (at = str_find_char(s, '@')) != SIZE_MAX;) s = str_from(s, at + 1);
    if (s.len > 0 && s.at[s.len - 1] == '/') s.len--;
    return is_authority(s);
}

bool judge_proxy_or_off(struct str s)
{
    return str_equals_nocase(s, STR("off")) || judge_proxy(s);
}

/* What a name, a pattern, an address, a network or one of them with a port is made of. */
bool judge_no_proxy(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = ascii_lower(s.at[i]);
        bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
        if (!is_plain && (c == '\0' || !strchr(".-_*:/[]", c))) return false;
    }
    struct str bits = s, address = str_cut(&bits, '/');
    return s.len > 0 && address.len > 0 && (!bits.at || judge_network(s));
}

bool judge_origin(struct str s)
{
    if (str_equals(s, STR("*"))) return true;
    return all_visible(s) && take_scheme(&s) && authority_end(s) == s.len && is_authority(s);
}

bool judge_network(struct str s)
{
    unsigned char address[sizeof(struct in6_addr)];
    char text[INET6_ADDRSTRLEN];
    struct str bits = s, host = str_cut(&bits, '/');
    if (str_equals(s, STR("unix"))) return true;
    if (!host.len || host.len >= sizeof text) return false;
    memcpy(text, host.at, host.len);
    text[host.len] = '\0';
    bool is_v6 = str_find_char(host, ':') != SIZE_MAX;
    int64_t count = 0;
    if (inet_pton(is_v6 ? AF_INET6 : AF_INET, text, address) != 1) return false;
    return !bits.at || (str_to_u63(bits, &count) && count <= (is_v6 ? 128 : 32));
}

bool judge_path(struct str s)
{
    return all_visible(s) && s.at[0] == '/' && str_find_char(s, '?') == SIZE_MAX &&
           str_find_char(s, '#') == SIZE_MAX;
}

bool judge_header(struct str s)
{
    static const struct str ours[] = {
        /* framing and routing are the gateway's, not the file's */
        STR_INIT("host"),
        STR_INIT("content-length"),
        STR_INIT("transfer-encoding"),
        STR_INIT("connection"),
        STR_INIT("keep-alive"),
        STR_INIT("te"),
        STR_INIT("trailer"),
        STR_INIT("upgrade"),
        STR_INIT("expect"),
        STR_INIT("proxy-connection"),
        STR_INIT("accept-encoding"),
    };
    for (size_t i = 0; i < ARRAY_COUNT(ours); i++)
        if (str_equals_nocase(s, ours[i])) return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_visible(s.at[i]) || strchr("\"(),/:;<=>?@[\\]{}", s.at[i])) return false;
    return s.len > 0;
}

bool judge_broker(struct str s)
{
    return all_visible(s) && ((str_starts_with(s, STR("redis://")) && s.len > 8) ||
                              (str_starts_with(s, STR("rediss://")) && s.len > 9));
}

bool judge_state(struct str s)
{
    return str_equals(s, STR("memory")) || judge_broker(s);
}

bool judge_store(struct str s)
{
    static const struct str schemes[] = {STR_INIT("sqlite:"), STR_INIT("postgres://"),
                                         STR_INIT("postgresql://")};
    if (str_equals(s, STR("memory"))) return true;
    for (size_t i = 0; i < ARRAY_COUNT(schemes); i++)
        if (str_starts_with(s, schemes[i])) return s.len > schemes[i].len && judge_line(s);
    return false;
}
