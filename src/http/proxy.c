/* http/proxy.c: cuts a proxy's URL. The last '@' ends the user and password, as browsers and curl have it, so that a
 * password with an '@' that nobody has escaped still works. */
#include "http/proxy.h"

#include "http/url.h"

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* RFC 4648 4; at: room for 4 × ⌈len / 3⌉ bytes. */
static char *base64(char *at, struct str s)
{
    for (size_t i = 0; i < s.len; i += 3) {
        size_t left = s.len - i;
        uint32_t three = (uint32_t)(uint8_t)s.at[i] << 16;
        if (left > 1) three |= (uint32_t)(uint8_t)s.at[i + 1] << 8;
        if (left > 2) three |= (uint8_t)s.at[i + 2];
        *at++ = base64_digits[three >> 18];
        *at++ = base64_digits[three >> 12 & 63];
        *at++ = left > 1 ? base64_digits[three >> 6 & 63] : '=';
        *at++ = left > 2 ? base64_digits[three & 63] : '=';
    }
    return at;
}

/* RFC 7617: "user:password" in base64. A user without a password gets an empty one. */
static bool read_user(struct http_proxy *out, struct arena *a, struct str text, struct err *err)
{
    struct str password = text, user = str_cut(&password, ':');
    if (!url_decode(&user, a, user) || !url_decode(&password, a, password))
        return err_set(err, ERR_INVALID, "a '%%' without two hex digits in the proxy's user or password");
    if (str_find_char(user, ':') != SIZE_MAX)
        return err_set(err, ERR_INVALID, "the proxy's user may not hold a ':'"); /* it would end there */
    struct str both = arena_join(a, (struct str[]){user, STR(":"), password}, 3);
    size_t bytes = 6 + (both.len + 2) / 3 * 4;
    if (bytes > PROXY_MAX_AUTHORIZATION_BYTES)
        return err_set(err, ERR_INVALID, "the proxy's user and password are too long");
    char *line = arena_alloc(a, bytes);
    memcpy(line, "Basic ", 6);
    (void)base64(line + 6, both);
    out->authorization = str_of(line, bytes);
    return true;
}

static size_t find_last(struct str s, char c)
{
    for (size_t i = s.len; i > 0; i--)
        if (s.at[i - 1] == c) return i - 1;
    return SIZE_MAX;
}

bool proxy_parse(struct http_proxy *out, struct arena *a, struct str text, struct err *err)
{
    struct http_proxy proxy = {.port = 80};
    size_t scheme = str_find(text, STR("://"));
    if (str_starts_with_nocase(text, STR("http://")))
        text = str_from(text, 7);
    else if (scheme != SIZE_MAX)
        return err_set(err, ERR_UNSUPPORTED, "a proxy is reached by http:// alone");
    size_t user_end = find_last(text, '@');
    if (user_end != SIZE_MAX && !read_user(&proxy, a, str_part(text, 0, user_end), err)) return false;
    if (user_end != SIZE_MAX) text = str_from(text, user_end + 1);
    if (text.len > 0 && text.at[text.len - 1] == '/') text.len--;
    struct str digits;
    if (!url_split_authority(text, &proxy.host, &digits) || proxy.host.len > PROXY_MAX_HOST_BYTES)
        return err_set(err, ERR_INVALID,
                       "a proxy needs a host (a name, an IPv4 address or an IPv6 address in brackets)");
    int64_t port;
    if (digits.len > 0) {
        if (!str_to_u63(digits, &port) || port < 1 || port > UINT16_MAX)
            return err_set(err, ERR_INVALID, "the port of a proxy is a number from 1 to 65535");
        proxy.port = (uint16_t)port;
    }
    if (proxy.host.at[0] == '[') proxy.host = str_part(proxy.host, 1, proxy.host.len - 2);
    *out = proxy;
    return true;
}
