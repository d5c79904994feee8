/* base/fmt.c: small formatters for hot paths. */
#include "base/fmt.h"

static const char HEX[] = "0123456789abcdef";

char *fmt_u64(char *at, uint64_t n)
{
    char digits[FMT_U64_BYTES];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    while (count > 0) *at++ = digits[--count];
    return at;
}

char *fmt_i64(char *at, int64_t n)
{
    if (n >= 0) return fmt_u64(at, (uint64_t)n);
    *at++ = '-';
    return fmt_u64(at, 0 - (uint64_t)n);
}

char *fmt_hex(char *at, uint64_t n)
{
    int shift = 60;
    while (shift > 0 && (n >> shift & 15) == 0) shift -= 4;
    for (; shift >= 0; shift -= 4) *at++ = HEX[n >> shift & 15];
    return at;
}

char *fmt_hex_bytes(char *at, const void *bytes, size_t count)
{
    const unsigned char *b = bytes;
    for (size_t i = 0; i < count; i++) {
        *at++ = HEX[b[i] >> 4];
        *at++ = HEX[b[i] & 15];
    }
    return at;
}

char *fmt_fixed(char *at, uint64_t n, unsigned decimals)
{
    uint64_t scale = 1;
    for (unsigned i = 0; i < decimals; i++) scale *= 10;
    at = fmt_u64(at, n / scale);
    if (decimals == 0) return at;
    *at++ = '.';
    uint64_t rest = n % scale;
    for (scale /= 10; scale > 0; scale /= 10) *at++ = (char)('0' + rest / scale % 10);
    return at;
}
