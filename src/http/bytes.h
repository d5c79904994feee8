/* http/bytes.h: which byte may stand where in a message (RFC 9110 5.5, 5.6.2; RFC 3986 2). For the parsers of
 * this folder. Pure. */
#ifndef WEIR_HTTP_BYTES_H
#define WEIR_HTTP_BYTES_H

#include <stdbool.h>
#include <stdint.h>

enum {
    BYTE_TOKEN = 1 << 0,  /* tchar: methods, header names, transfer codings */
    BYTE_TARGET = 1 << 1, /* visible and allowed somewhere in a URI but for '#', which never travels */
    BYTE_VALUE = 1 << 2,  /* field value: visible, obs-text, space, tab */
    BYTE_HOST = 1 << 3,   /* reg-name of a URI, without '%' */
};
extern const uint8_t byte_classes[256];

static inline bool byte_is(char c, unsigned classes)
{
    return byte_classes[(uint8_t)c] & classes;
}

/* The first byte that is not of the class, or end. */
static inline const char *byte_skip(const char *at, const char *end, unsigned classes)
{
    while (at < end && byte_is(*at, classes)) at++;
    return at;
}

/* As byte_skip(at, end, BYTE_VALUE), sixteen or eight bytes at a time. */
const char *byte_skip_value(const char *at, const char *end);
const char *byte_skip_value_portable(const char *at, const char *end); /* its twin without SSE2 */

/* 0..15, or -1: not a hex digit. */
static inline int byte_hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

#endif
