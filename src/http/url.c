/* http/url.c: cuts a URL at its delimiters, then judges each part by the grammar of RFC 3986. Nothing is
 * guessed or repaired: what this accepts, any other reader of URLs reads in the same way. */
#include "http/url.h"

#include "http/bytes.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* reg-name or IPv4address: a dotted quad is a reg-name too. */
static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (byte_is(s.at[i], BYTE_HOST)) continue;
        if (s.at[i] != '%' || s.len - i < 3 || byte_hex(s.at[i + 1]) < 0 || byte_hex(s.at[i + 2]) < 0)
            return false;
        i += 2;
    }
    return s.len > 0;
}

/* dec-octet "." dec-octet "." dec-octet "." dec-octet, the whole of s. */
static bool is_ipv4(struct str s)
{
    for (int parts = 4; parts > 0; parts--) {
        struct str part = str_cut(&s, '.');
        int64_t n;
        if (part.len > 3 || !str_to_u63(part, &n) || n > 255 || (part.len > 1 && part.at[0] == '0'))
            return false;
        if ((parts > 1) != (s.at != NULL)) return false;
    }
    return true;
}

/* Eight groups of one to four hex digits; one "::" stands for one group of zeros or more; the last two
 * groups may be written as IPv4. */
static bool is_ipv6(struct str s)
{
    int groups = 0;
    bool has_gap = false;
    if (s.len >= 2 && s.at[0] == ':' && s.at[1] == ':') {
        has_gap = true;
        s = str_from(s, 2);
    }
    while (s.len > 0) {
        size_t digits = 0;
        while (digits < s.len && byte_hex(s.at[digits]) >= 0) digits++;
        if (digits < s.len && s.at[digits] == '.')
            return is_ipv4(s) && (has_gap ? groups + 2 < 8 : groups + 2 == 8);
        if (digits == 0 || digits > 4 || ++groups > 8) return false;
        s = str_from(s, digits);
        if (s.len == 0) break;
        if (s.at[0] != ':' || s.len == 1) return false;
        s = str_from(s, 1);
        if (s.at[0] != ':') continue;
        if (has_gap) return false;
        has_gap = true;
        s = str_from(s, 1);
    }
    return has_gap ? groups < 8 : groups == 8;
}

bool url_split_authority(struct str text, struct str *host, struct str *port)
{
    bool is_literal = text.len > 0 && text.at[0] == '[';
    size_t host_len = str_find_char(text, is_literal ? ']' : ':');
    if (is_literal && host_len == SIZE_MAX) return false;
    if (is_literal && !is_ipv6(str_part(text, 1, host_len - 1))) return false;
    if (is_literal) host_len++;
    *host = str_part(text, 0, host_len);
    if (!is_literal && !is_name(*host)) return false;
    *port = str_of(NULL, 0);
    if (host_len >= text.len) return true;
    if (text.at[host_len] != ':') return false;
    *port = str_from(text, host_len + 1);
    for (size_t i = 0; i < port->len; i++)
        if (!is_digit(port->at[i])) return false;
    return true;
}

static bool read_port(struct url *out, struct str digits, struct err *err)
{
    int64_t n;
    out->port = out->is_https ? 443 : 80;
    if (digits.len == 0) return true;
    if (!str_to_u63(digits, &n) || n < 1 || n > UINT16_MAX)
        return err_set(err, ERR_INVALID, "the port of a URL is a number from 1 to 65535");
    out->port = (uint16_t)n;
    return true;
}

static bool read_authority(struct url *out, struct arena *a, struct str text, struct err *err)
{
    struct str host, digits;
    if (str_find_char(text, '@') != SIZE_MAX)
        return err_set(err, ERR_INVALID,
                       "a URL with a user name or password is refused: credentials have keys of their own");
    if (!url_split_authority(text, &host, &digits))
        return err_set(err, ERR_INVALID,
                       "a URL needs a host (a name, an IPv4 address or an IPv6 address in brackets)");
    if (!read_port(out, digits, err)) return false;
    bool is_default = out->port == (out->is_https ? 443 : 80);
    bool is_plain = digits.len > 0 && digits.at[0] != '0';
    out->authority = is_default ? host
                     : is_plain ? text
                                : arena_printf(a, "%.*s:%u", STR_ARG(host), out->port);
    out->host = host.at[0] == '[' ? str_part(host, 1, host.len - 2) : host;
    return true;
}

/* Path or query: URI characters, whole escapes. */
static bool check_part(struct str s, const char *what, struct err *err)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!byte_is(s.at[i], BYTE_TARGET))
            return err_set(err, ERR_INVALID,
                           "a byte that no URL may hold in its %s; it must be written as %%XX", what);
        if (s.at[i] != '%') continue;
        if (s.len - i < 3 || byte_hex(s.at[i + 1]) < 0 || byte_hex(s.at[i + 2]) < 0)
            return err_set(err, ERR_INVALID, "a '%%' without two hex digits in the URL's %s", what);
    }
    return true;
}

/* "/run/x.sock", "/run/x.sock:/v1?a=b" */
static bool parse_unix(struct url *out, struct str text, struct err *err)
{
    struct url url = {.authority = STR("localhost")};
    struct str path = text, socket = str_from(text, 5);
    size_t colon = str_find_char(socket, ':');
    socket = str_part(socket, 0, colon == SIZE_MAX ? socket.len : colon);
    path = str_from(text, 5 + socket.len + (colon != SIZE_MAX));
    if (socket.len < 2 || socket.at[0] != '/' || (colon != SIZE_MAX && (path.len == 0 || path.at[0] != '/')))
        return err_set(err, ERR_INVALID, "a unix URL is unix:/path/of/socket, or unix:/path/of/socket:/path");
    if (!check_part(socket, "socket", err)) return false;
    url.host = str_part(text, 0, 5 + socket.len);
    url.path = str_cut(&path, '?');
    url.query = path;
    while (url.path.len > 0 && url.path.at[url.path.len - 1] == '/') url.path.len--;
    if (!check_part(url.path, "path", err) || !check_part(url.query, "query", err)) return false;
    *out = url;
    return true;
}

bool url_parse(struct url *out, struct arena *a, struct str text, struct err *err)
{
    struct url url = {0};
    struct str rest;
    if (str_starts_with(text, STR("unix:"))) return parse_unix(out, text, err);
    if (str_starts_with_nocase(text, STR("http://")))
        rest = str_from(text, 7);
    else if (str_starts_with_nocase(text, STR("https://")))
        rest = str_from(text, 8);
    else
        return err_set(err, ERR_INVALID, "a URL must begin with http:// or https://");
    url.is_https = text.at[4] != ':';
    if (str_find_char(rest, '#') != SIZE_MAX)
        return err_set(err, ERR_INVALID, "a URL with a fragment ('#') is refused: it would never be sent");
    struct str before_query = str_cut(&rest, '?');
    size_t authority_len = str_find_char(before_query, '/');
    url.query = rest;
    url.path = authority_len == SIZE_MAX ? str_of(NULL, 0) : str_from(before_query, authority_len);
    while (url.path.len > 0 && url.path.at[url.path.len - 1] == '/') url.path.len--;
    if (!read_authority(&url, a, str_part(before_query, 0, authority_len), err)) return false;
    if (!check_part(url.path, "path", err) || !check_part(url.query, "query", err)) return false;
    *out = url;
    return true;
}

bool url_decode(struct str *out, struct arena *a, struct str text)
{
    if (str_find_char(text, '\0') != SIZE_MAX) return false;
    size_t at = str_find_char(text, '%');
    if (at == SIZE_MAX) {
        *out = text;
        return true;
    }
    char *to = arena_alloc(a, text.len), *start = to;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] != '%') {
            *to++ = text.at[i];
            continue;
        }
        if (text.len - i < 3) return false;
        int high = byte_hex(text.at[i + 1]), low = byte_hex(text.at[i + 2]);
        if (high < 0 || low < 0 || (high == 0 && low == 0)) return false;
        *to++ = (char)(high * 16 + low);
        i += 2;
    }
    *out = str_of(start, (size_t)(to - start));
    return true;
}

struct str url_query_value(struct str query, struct str name)
{
    while (query.at) {
        struct str value = str_cut(&query, '&');
        struct str key = str_cut(&value, '=');
        if (!str_equals(key, name)) continue;
        return value.at ? value : str_of(key.at + key.len, 0);
    }
    return str_of(NULL, 0);
}
