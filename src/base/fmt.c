/* base/fmt.c: small formatters for hot paths. Decimal digits are written in pairs to where they belong, for a number's
 * length is known before its digits are; hexadecimal ones eight at a time, a nibble in each byte of a word, or sixteen
 * where the processor has SSE2. */
#include "base/fmt.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "hex_word() puts the first digit into the lowest byte");

static const char PAIRS[] = "00010203040506070809"
                            "10111213141516171819"
                            "20212223242526272829"
                            "30313233343536373839"
                            "40414243444546474849"
                            "50515253545556575859"
                            "60616263646566676869"
                            "70717273747576777879"
                            "80818283848586878889"
                            "90919293949596979899";

/* [0] is 0, so that 0 has one digit. */
static const uint64_t POWERS[FMT_U64_BYTES] = {
    0,
    10,
    100,
    1000,
    10000,
    100000,
    1000000,
    10000000,
    100000000,
    1000000000,
    10000000000,
    100000000000,
    1000000000000,
    10000000000000,
    100000000000000,
    1000000000000000,
    10000000000000000,
    100000000000000000,
    1000000000000000000,
    10000000000000000000u,
};

/* log10(2) is 1233/4096, as far as 64 bits go; what that is short of, one comparison tells. */
static unsigned count_digits(uint64_t n)
{
    unsigned bits = 64 - (unsigned)__builtin_clzll(n | 1), digits = bits * 1233 >> 12;
    return digits + (n >= POWERS[digits]);
}

/* The last `count` digits of n, up to `end`. */
static inline void put_digits(char *end, uint64_t n, unsigned count)
{
    for (; count > 1; count -= 2, n /= 100) memcpy(end -= 2, PAIRS + 2 * (n % 100), 2);
    if (count) *--end = (char)('0' + n % 10);
}

char *fmt_u64(char *at, uint64_t n)
{
    unsigned count = count_digits(n);
    put_digits(at + count, n, count);
    return at + count;
}

char *fmt_i64(char *at, int64_t n)
{
    if (n >= 0) return fmt_u64(at, (uint64_t)n);
    *at++ = '-';
    return fmt_u64(at, 0 - (uint64_t)n);
}

/* Eight nibbles, one in each byte, to eight digits: 6 more than 9 is where the letters begin. */
static uint64_t hex_word(uint64_t nibbles)
{
    const uint64_t ones = 0x0101010101010101;
    uint64_t letters = (nibbles + 6 * ones) >> 4 & ones;
    return nibbles + '0' * ones + letters * ('a' - '9' - 1);
}

/* Four bytes to eight nibbles, the upper one of each first. */
static uint64_t spread(uint64_t four)
{
    four = (four | four << 16) & 0x0000ffff0000ffff;
    four = (four | four << 8) & 0x00ff00ff00ff00ff;
    return (four >> 4 & 0x000f000f000f000f) | (four & 0x000f000f000f000f) << 8;
}

char *fmt_hex(char *at, uint64_t n)
{
    unsigned count = (67 - (unsigned)__builtin_clzll(n | 1)) / 4;
    uint64_t bytes = __builtin_bswap64(n << (64 - 4 * count));
    uint64_t first = hex_word(spread(bytes & UINT32_MAX)), last = hex_word(spread(bytes >> 32));
    memcpy(at, &first, sizeof first);
    memcpy(at + 8, &last, sizeof last);
    return at + count;
}

#ifdef __SSE2__
/* Sixteen nibbles to sixteen digits. */
static void put_hex_digits(char *at, __m128i nibbles)
{
    __m128i is_letter = _mm_cmpgt_epi8(nibbles, _mm_set1_epi8(9));
    __m128i digits = _mm_add_epi8(nibbles, _mm_set1_epi8('0'));
    digits = _mm_add_epi8(digits, _mm_and_si128(is_letter, _mm_set1_epi8('a' - '9' - 1)));
    _mm_storeu_si128((__m128i *)(void *)at, digits);
}

static void put_hex_sixteen(char *at, const unsigned char *from)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)from), low = _mm_set1_epi8(0x0f);
    __m128i first = _mm_and_si128(_mm_srli_epi16(bytes, 4), low), second = _mm_and_si128(bytes, low);
    put_hex_digits(at, _mm_unpacklo_epi8(first, second));
    put_hex_digits(at + 16, _mm_unpackhi_epi8(first, second));
}
#endif

char *fmt_hex_bytes(char *at, const void *bytes, size_t count)
{
    const unsigned char *from = bytes;
#ifdef __SSE2__
    for (; count >= 16; count -= 16, from += 16, at += 32) put_hex_sixteen(at, from);
#endif
    for (; count >= 4; count -= 4, from += 4, at += 8) {
        uint32_t four;
        memcpy(&four, from, sizeof four);
        uint64_t digits = hex_word(spread(four));
        memcpy(at, &digits, sizeof digits);
    }
    for (; count > 0; count--, from++, at += 2) {
        uint64_t digits = hex_word(spread(*from));
        memcpy(at, &digits, 2);
    }
    return at;
}

char *fmt_fixed(char *at, uint64_t n, unsigned decimals)
{
    if (decimals == 0) return fmt_u64(at, n);
    uint64_t scale = POWERS[decimals];
    at = fmt_u64(at, n / scale);
    *at++ = '.';
    put_digits(at + decimals, n % scale, decimals);
    return at + decimals;
}
