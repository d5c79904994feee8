/* base/fmt.h: numbers and hex into bytes without printf (printf touches 2 KB of stack).
 * Each function writes at `at`, which must have the room named, and returns the byte after it. */
#ifndef WEIR_BASE_FMT_H
#define WEIR_BASE_FMT_H

#include "base/str.h"

enum { FMT_U64_BYTES = 20, FMT_I64_BYTES = 20 };

char *fmt_u64(char *at, uint64_t n);                            /* FMT_U64_BYTES */
char *fmt_i64(char *at, int64_t n);                             /* FMT_I64_BYTES */
char *fmt_hex(char *at, uint64_t n);                            /* 16, lower case, no leading zeros */
char *fmt_hex_bytes(char *at, const void *bytes, size_t count); /* 2 × count, lower case */
char *fmt_fixed(char *at, uint64_t n, unsigned decimals); /* 22: n / 10^decimals, e.g. 1234,3 → 1.234 */
static inline char *fmt_str(char *at, struct str s)       /* s.len */
{
    if (s.len) memcpy(at, s.at, s.len);
    return at + s.len;
}

#endif
