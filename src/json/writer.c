/* json/writer.c: JSON into a buf. The open containers are bits of a number: which kind each is, and whether it holds
 * something already; that is all that commas need. */
#include "json/writer.h"

#include "base/check.h"
#include "base/fmt.h"
#include "json/number.h"
#include "json/scan.h"

static const struct str REPLACEMENT = STR_INIT("\xef\xbf\xbd"); /* U+FFFD */

static bool get_bit(const uint64_t bits[2], unsigned i)
{
    return bits[i / 64] >> i % 64 & 1;
}

static void put_bit(uint64_t bits[2], unsigned i, bool is_set)
{
    uint64_t bit = 1ull << i % 64;
    bits[i / 64] = is_set ? bits[i / 64] | bit : bits[i / 64] & ~bit;
}

/* "\n" is written as such, other control characters as \u00XX. Returns the byte behind it; 6 bytes of room. */
static char *put_escape(char *at, unsigned char c)
{
    static const char letters[0x20] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    *at++ = '\\';
    if (c >= 0x20 || letters[c]) {
        *at++ = c >= 0x20 ? (char)c : letters[c];
        return at;
    }
    at = fmt_str(at, STR("u00"));
    return fmt_hex_bytes(at, &c, 1);
}

static size_t escape_bytes(char c)
{
    char room[6];
    return (size_t)(put_escape(room, (unsigned char)c) - room);
}

/* Well-formed UTF-8, escaped where it must be. */
static bool append_escaped(struct buf *out, struct str s)
{
    const char *at = s.at, *end = s.at + s.len;
    bool is_ascii;
    for (;;) {
        const char *stop = json_scan_string(at, end, &is_ascii);
        if (!buf_append(out, str_of(at, (size_t)(stop - at)))) return false;
        if (stop == end) return true;
        if (!buf_reserve(out, escape_bytes(*stop))) return false;
        out->len = (size_t)(put_escape(out->at + out->len, (unsigned char)*stop) - out->at);
        at = stop + 1;
    }
}

/* How many bytes one U+FFFD stands for: as many as began a sequence that could have gone on (as browsers do it). */
static size_t ill_formed_bytes(struct str s)
{
    static const struct {
        unsigned char first, last, low, high; /* lead bytes, and what may follow them */
        size_t bytes;
    } leads[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    const unsigned char *u = (const unsigned char *)s.at;
    size_t i = 0;
    while (i < ARRAY_COUNT(leads) && (u[0] < leads[i].first || u[0] > leads[i].last)) i++;
    if (i == ARRAY_COUNT(leads) || s.len < 2 || u[1] < leads[i].low || u[1] > leads[i].high) return 1;
    size_t bytes = 2;
    while (bytes < leads[i].bytes && bytes < s.len && (u[bytes] & 0xc0) == 0x80) bytes++;
    return bytes;
}

static bool append_repaired(struct buf *out, struct str s)
{
    for (;;) {
        size_t good = json_scan_utf8(s);
        if (!append_escaped(out, str_part(s, 0, good))) return false;
        if (good == s.len) return true;
        s = str_from(s, good);
        if (!buf_append(out, REPLACEMENT)) return false;
        s = str_from(s, ill_formed_bytes(s));
    }
}

bool json_append_str(struct buf *out, struct str s)
{
    size_t len_before = out->len;
    s = json_text(s);
    if (buf_reserve(out, s.len + 2) && buf_append_char(out, '"') && append_repaired(out, s) &&
        buf_append_char(out, '"'))
        return true;
    out->len = len_before;
    return false;
}

void json_writer_init(struct json_writer *w, struct buf *out, unsigned indent)
{
    *w = (struct json_writer){._out = out, ._indent = indent};
}

bool json_writer_finish(struct json_writer *w)
{
    require(w->_depth == 0 && w->_has_root);
    return !w->_is_full;
}

static void put(struct json_writer *w, struct str text)
{
    if (!w->_is_full && !buf_append(w->_out, text)) w->_is_full = true;
}

static void put_line(struct json_writer *w)
{
    static const struct str blanks = STR_INIT("                ");
    put(w, STR("\n"));
    for (size_t left = (size_t)w->_depth * w->_indent; left > 0;) {
        struct str part = str_part(blanks, 0, left);
        put(w, part);
        left -= part.len;
    }
}

/* The comma and the line break that belong in front of an element. */
static void put_separator(struct json_writer *w)
{
    unsigned top = w->_depth - 1;
    if (get_bit(w->_has_members, top)) put(w, STR(","));
    put_bit(w->_has_members, top, true);
    if (w->_indent) put_line(w);
}

static void value_begin(struct json_writer *w)
{
    if (w->_depth == 0) {
        require(!w->_has_root);
        w->_has_root = true;
    } else if (get_bit(w->_is_object, w->_depth - 1)) {
        require(w->_has_key);
        w->_has_key = false;
    } else {
        put_separator(w);
    }
}

static void container_begin(struct json_writer *w, bool is_object)
{
    value_begin(w);
    require(w->_depth < JSON_MAX_DEPTH);
    put_bit(w->_is_object, w->_depth, is_object);
    put_bit(w->_has_members, w->_depth, false);
    w->_depth++;
    put(w, is_object ? STR("{") : STR("["));
}

static void container_end(struct json_writer *w, bool is_object)
{
    require(w->_depth > 0 && !w->_has_key && get_bit(w->_is_object, w->_depth - 1) == is_object);
    w->_depth--;
    if (w->_indent && get_bit(w->_has_members, w->_depth)) put_line(w);
    put(w, is_object ? STR("}") : STR("]"));
}

void json_begin_object(struct json_writer *w)
{
    container_begin(w, true);
}

void json_end_object(struct json_writer *w)
{
    container_end(w, true);
}

void json_begin_array(struct json_writer *w)
{
    container_begin(w, false);
}

void json_end_array(struct json_writer *w)
{
    container_end(w, false);
}

static void put_quoted(struct json_writer *w, struct str s)
{
    if (!w->_is_full && !json_append_str(w->_out, s)) w->_is_full = true;
}

void json_write_key(struct json_writer *w, struct str name)
{
    require(w->_depth > 0 && !w->_has_key && get_bit(w->_is_object, w->_depth - 1));
    put_separator(w);
    put_quoted(w, name);
    put(w, w->_indent ? STR(": ") : STR(":"));
    w->_has_key = true;
}

void json_write_str(struct json_writer *w, struct str s)
{
    value_begin(w);
    put_quoted(w, s);
}

void json_write_raw(struct json_writer *w, struct str json)
{
    value_begin(w);
    put(w, json);
}

void json_write_i64(struct json_writer *w, int64_t n)
{
    char text[FMT_I64_BYTES];
    json_write_raw(w, str_of(text, (size_t)(fmt_i64(text, n) - text)));
}

void json_write_u64(struct json_writer *w, uint64_t n)
{
    char text[FMT_U64_BYTES];
    json_write_raw(w, str_of(text, (size_t)(fmt_u64(text, n) - text)));
}

void json_write_double(struct json_writer *w, double d)
{
    char text[JSON_DOUBLE_BYTES];
    json_write_raw(w, str_of(text, (size_t)(json_format_double(text, d) - text)));
}

void json_write_bool(struct json_writer *w, bool b)
{
    json_write_raw(w, b ? STR("true") : STR("false"));
}

void json_write_null(struct json_writer *w)
{
    json_write_raw(w, STR("null"));
}
