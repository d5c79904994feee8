/* http/lines.c: the scan that an event stream's cost is made of. */
#include "http/lines.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

static const char *line_end_bytewise(const char *at, const char *end)
{
    while (at < end && *at != '\n' && *at != '\r') at++;
    return at;
}

static uint64_t zero_bytes(uint64_t v)
{
    const uint64_t ones = 0x0101010101010101u;
    return (v - ones) & ~v & (ones << 7);
}

const char *line_end_portable(const char *at, const char *end)
{
    const uint64_t ones = 0x0101010101010101u;
    for (; end - at >= 8; at += 8) {
        uint64_t v;
        memcpy(&v, at, 8);
        if (zero_bytes(v ^ ones * '\n') | zero_bytes(v ^ ones * '\r')) break;
    }
    return line_end_bytewise(at, end);
}

#ifdef __SSE2__
const char *line_end(const char *at, const char *end)
{
    const __m128i lf = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r');
    for (; end - at >= 16; at += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)at);
        unsigned mask = (unsigned)_mm_movemask_epi8(
            _mm_or_si128(_mm_cmpeq_epi8(v, lf), _mm_cmpeq_epi8(v, cr)));
        if (mask) return at + __builtin_ctz(mask);
    }
    return line_end_bytewise(at, end);
}
#else
const char *line_end(const char *at, const char *end)
{
    return line_end_portable(at, end);
}
#endif
