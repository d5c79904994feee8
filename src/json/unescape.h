/* json/unescape.h: what the text between two quotes means, byte by byte. For json/ only; the public ways are
 * json_to_str() and json_str_equals(). */
#ifndef WEIR_JSON_UNESCAPE_H
#define WEIR_JSON_UNESCAPE_H

#include "base/str.h"

/* Does what stands between the quotes mean `s`? json_str_equals() without its quotes. An escape is longer than what it
 * stands for, so most pairs are told apart by length and first byte. */
bool json_inside_equals_slowly(struct str inside, struct str s);

static inline bool json_inside_equals(struct str inside, struct str s)
{
    if (inside.len < s.len || s.len == 0) return inside.len == s.len;
    if (inside.at[0] != s.at[0] && inside.at[0] != '\\') return false;
    return json_inside_equals_slowly(inside, s);
}

/* Hands out a string's meaning one byte at a time. Lone surrogates become U+FFFD. */
struct json_unescaper {
    const char *_at, *_end;
    unsigned char _pending[4]; /* the rest of a character that an escape stood for, from _next on */
    unsigned _next, _count;
};

enum { JSON_UNESCAPE_END = -1, JSON_UNESCAPE_BROKEN = -2 };

/* `inside`: what stands between the quotes. */
void json_unescaper_init(struct json_unescaper *u, struct str inside);
/* 0 to 255, or JSON_UNESCAPE_END, or JSON_UNESCAPE_BROKEN (and then again). */
int json_unescaper_next(struct json_unescaper *u);

/* `at`: behind a backslash. Puts 1 to 4 bytes at `out` and their number into *count; returns what is behind the escape
 * (behind two, when they are a pair of surrogates), NULL if it is none. */
const char *json_unescape_one(const char *at, const char *end, unsigned char *out, unsigned *count);

bool json_is_hex(char c);
/* What a byte behind a backslash stands for: 'n' for a line feed; 0: it is no escape of one letter ('u' neither). */
extern const unsigned char JSON_ESCAPES[256];

#endif
