/* telemetry/utf8.h: is the next character well-formed UTF-8 (RFC 3629)? For the log's and the metrics' escaping. */
#ifndef WEIR_TELEMETRY_UTF8_H
#define WEIR_TELEMETRY_UTF8_H

#include <stddef.h>

/* Bytes of the character at `at` (at < end): 1 to 4; 0: ill-formed, too long, a surrogate or cut short. */
static inline size_t utf8_length(const char *at, const char *end)
{
    const unsigned char *b = (const unsigned char *)at;
    size_t left = (size_t)(end - at), length;
    unsigned char least = 0x80, most = 0xbf; /* of the second byte */
    if (b[0] < 0x80) return 1;
    if (b[0] >= 0xc2 && b[0] <= 0xdf) {
        length = 2;
    } else if (b[0] >= 0xe0 && b[0] <= 0xef) {
        length = 3;
        if (b[0] == 0xe0) least = 0xa0;
        if (b[0] == 0xed) most = 0x9f;
    } else if (b[0] >= 0xf0 && b[0] <= 0xf4) {
        length = 4;
        if (b[0] == 0xf0) least = 0x90;
        if (b[0] == 0xf4) most = 0x8f;
    } else {
        return 0;
    }
    if (left < length || b[1] < least || b[1] > most) return 0;
    for (size_t i = 2; i < length; i++)
        if ((b[i] & 0xc0) != 0x80) return 0;
    return length;
}

/* The longest part of at most `max` bytes that does not end within a character. */
static inline size_t utf8_cut(const char *at, size_t len, size_t max)
{
    if (len <= max) return len;
    while (max > 0 && ((unsigned char)at[max] & 0xc0) == 0x80) max--;
    return max;
}

#endif
