/* json/unescape.c: escapes of RFC 8259, 7, to UTF-8. */
#include "json/unescape.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool json_is_hex(char c)
{
    return hex_digit(c) >= 0;
}

/* The value of four hex digits at `at`, or -1. */
static int hex4(const char *at, const char *end)
{
    if (end - at < 4) return -1;
    int a = hex_digit(at[0]), b = hex_digit(at[1]), c = hex_digit(at[2]), d = hex_digit(at[3]);
    if ((a | b | c | d) < 0) return -1;
    return a << 12 | b << 8 | c << 4 | d;
}

const unsigned char JSON_ESCAPES[256] = {
    ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
};

static unsigned put_utf8(unsigned char *out, unsigned code)
{
    if (code < 0x80) {
        out[0] = (unsigned char)code;
        return 1;
    }
    unsigned count = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {[2] = 0xc0, [3] = 0xe0, [4] = 0xf0};
    for (unsigned i = count - 1; i > 0; i--, code >>= 6) out[i] = (unsigned char)(0x80 | (code & 0x3f));
    out[0] = (unsigned char)(lead[count] | code);
    return count;
}

const char *json_unescape_one(const char *at, const char *end, unsigned char *out, unsigned *count)
{
    if (at == end) return NULL;
    if (*at != 'u') {
        out[0] = JSON_ESCAPES[(unsigned char)*at];
        *count = 1;
        return out[0] ? at + 1 : NULL;
    }
    int code = hex4(at + 1, end);
    if (code < 0) return NULL;
    at += 5;
    bool is_high = code >= 0xd800 && code < 0xdc00;
    int low = is_high && end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? hex4(at + 2, end) : -1;
    if (low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        at += 6;
    } else if (code >= 0xd800 && code < 0xe000) {
        code = 0xfffd;
    }
    *count = put_utf8(out, (unsigned)code);
    return at;
}

void json_unescaper_init(struct json_unescaper *u, struct str inside)
{
    *u = (struct json_unescaper){._at = inside.at, ._end = inside.at + inside.len};
}

int json_unescaper_next(struct json_unescaper *u)
{
    if (u->_next < u->_count) return u->_pending[u->_next++];
    if (u->_at == u->_end) return JSON_UNESCAPE_END;
    if (*u->_at != '\\') return (unsigned char)*u->_at++;
    const char *behind = json_unescape_one(u->_at + 1, u->_end, u->_pending, &u->_count);
    if (!behind) {
        u->_count = u->_next = 0;
        return JSON_UNESCAPE_BROKEN;
    }
    u->_at = behind;
    u->_next = 1;
    return u->_pending[0];
}

bool json_inside_equals_slowly(struct str inside, struct str s)
{
    bool has_escape = str_find_char(inside, '\\') != SIZE_MAX;
    if (!has_escape) return str_equals(inside, s);
    struct json_unescaper u;
    json_unescaper_init(&u, inside);
    for (size_t i = 0; i < s.len; i++)
        if (json_unescaper_next(&u) != (unsigned char)s.at[i]) return false;
    return json_unescaper_next(&u) == JSON_UNESCAPE_END;
}
