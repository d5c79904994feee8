/* json/scan_scalar.c: the searches of json/scan.h in plain C, eight bytes at a time where that is simple: what machines
 * without SSE2 run, and the yardstick for scan_sse2.c. */
#include "json/scan.h"

#include "json/unescape.h"

static const uint64_t LOW_BITS = 0x0101010101010101, HIGH_BITS = 0x8080808080808080;

static uint64_t load_word(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Is there a zero byte? */
static bool has_zero(uint64_t word)
{
    return ((word - LOW_BITS) & ~word & HIGH_BITS) != 0;
}

static bool is_string_stop(char c)
{
    return c == '"' || c == '\\' || (unsigned char)c < 0x20;
}

const char *json_scan_string_scalar(const char *at, const char *end, bool *is_ascii)
{
    uint64_t seen = 0;
    while (end - at >= 8) {
        uint64_t word = load_word(at);
        uint64_t controls = (word - LOW_BITS * 0x20) & ~word & HIGH_BITS; /* the lowest one found is true */
        if (controls || has_zero(word ^ (LOW_BITS * '"')) || has_zero(word ^ (LOW_BITS * '\\'))) break;
        seen |= word;
        at += 8;
    }
    while (at < end && !is_string_stop(*at)) seen |= (uint64_t)(unsigned char)*at++;
    if (seen & HIGH_BITS) *is_ascii = false;
    return at;
}

const char *json_scan_text_scalar(const char *at, const char *end, bool *is_ascii)
{
    for (;; at += 2) {
        at = json_scan_string(at, end, is_ascii);
        if (end - at < 2 || *at != '\\' || !JSON_ESCAPES[(unsigned char)at[1]]) return at;
    }
}

/* Behind the string whose opening quote is at `at`; `end` if nothing closes it. */
static const char *string_end(const char *at, const char *end)
{
    for (at++; at < end; at++) {
        if (*at == '"') return at + 1;
        if (*at == '\\' && end - at > 1) at++;
    }
    return end;
}

const char *json_scan_container_scalar(const char *at, const char *end)
{
    size_t depth = 0;
    while (at < end) {
        char c = *at;
        if (c == '"') {
            at = string_end(at, end);
            continue;
        }
        at++;
        if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (--depth == 0) return at;
        } else if (c == '\\' && at < end && (*at == '\\' || *at == '"')) {
            at++; /* no JSON; read as scan_sse2.c reads it */
        }
    }
    return NULL;
}

/* Length of the well-formed sequence of two to four bytes at `u`, 0 if there is none (Unicode 15, table 3-7). */
static size_t sequence_bytes(const unsigned char *u, size_t room)
{
    size_t bytes = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
    if (u[0] < 0xc2 || u[0] > 0xf4 || room < bytes) return 0;
    unsigned char low = 0x80, high = 0xbf;
    if (u[0] == 0xe0) low = 0xa0;  /* overlong */
    if (u[0] == 0xed) high = 0x9f; /* surrogates */
    if (u[0] == 0xf0) low = 0x90;  /* overlong */
    if (u[0] == 0xf4) high = 0x8f; /* beyond U+10FFFF */
    if (u[1] < low || u[1] > high) return 0;
    for (size_t i = 2; i < bytes; i++)
        if ((u[i] & 0xc0) != 0x80) return 0;
    return bytes;
}

size_t json_scan_utf8_scalar(struct str s)
{
    const unsigned char *u = (const unsigned char *)s.at;
    size_t i = 0;
    while (i < s.len) {
        if (s.len - i >= 8 && (load_word(s.at + i) & HIGH_BITS) == 0) {
            i += 8;
        } else if (u[i] < 0x80) {
            i++;
        } else {
            size_t bytes = sequence_bytes(u + i, s.len - i);
            if (bytes == 0) return i;
            i += bytes;
        }
    }
    return i;
}
