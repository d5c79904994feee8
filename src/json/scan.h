/* json/scan.h: the three byte searches that everything in json/ stands on, 16 to 64 bytes at a time. For json/ and its
 * tests only. Each exists as SSE2 (in scan_sse2.c and inline here) and as plain C (scan_scalar.c, with the suffix
 * _scalar); the build takes SSE2 on x86-64 and plain C elsewhere. Those for strings and containers exist for AVX2 and AVX-512 as well,
 * which are asked for at run time. Tests compare them all. None reads outside [at, end). */
#ifndef WEIR_JSON_SCAN_H
#define WEIR_JSON_SCAN_H

#include "base/attributes.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __x86_64__
#include <emmintrin.h>
#define JSON_HAS_SSE2 1
#else
#define JSON_HAS_SSE2 0
#endif

/* The first '"', '\' or control character (< 0x20); `end` if there is none. *is_ascii becomes false if a byte before
 * it is above 0x7f, and is left as it was otherwise. */
const char *json_scan_string_scalar(const char *at, const char *end, bool *is_ascii);

/* The same, but going over escapes of one letter: the first '"', control character, or backslash with anything else
 * behind it. For text that has escapes. */
const char *json_scan_text_scalar(const char *at, const char *end, bool *is_ascii);

/* From the opening bracket of a container to behind the bracket that closes it: brackets of both kinds are counted
 * alike, those inside of strings are not. NULL: nothing closes it. */
const char *json_scan_container_scalar(const char *at, const char *end);

/* Length of the longest prefix that is well-formed UTF-8. */
size_t json_scan_utf8_scalar(struct str s);

#if JSON_HAS_SSE2
/* 16 bytes before `at` are readable. */
typedef const char *json_scan_function(const char *at, const char *end, bool *is_ascii);
json_scan_function json_scan_string_long_sse2, json_scan_string_long_avx2, json_scan_string_long_avx512;
json_scan_function json_scan_text_avx2, json_scan_text_avx512;
const char *json_scan_container_sse2(const char *at, const char *end);
const char *json_scan_container_avx2(const char *at, const char *end);
const char *json_scan_container_avx512(const char *at, const char *end);
size_t json_scan_utf8(struct str s);

/* Bytes that may stand behind a backslash, but for 'u', share a bit in UPPER[their upper half] and LOWER[their lower]. */
extern const unsigned char JSON_ESCAPES_UPPER[16], JSON_ESCAPES_LOWER[16];
/* What UPPER[upper half] & LOWER[lower half] of a byte says of it; nothing for those above 0x7f, whose lower half counts as
 * no index. A backslash behind a backslash is left out: it escapes nothing. */
enum {
    JSON_MAY_BE_ESCAPED = 1 | 2 | 4, /* any of these: one of "/bfnrt */
    JSON_ENDS_TEXT = 8 | 16,         /* a quote, a control character */
};
extern const unsigned char JSON_ORDINARY_UPPER[16], JSON_ORDINARY_LOWER[16];

/* The widest registers that this processor has: 16, 32 or 64 bytes. Found once, before main(). */
extern unsigned char json_vector_bytes;

static inline const char *json_scan_container(const char *at, const char *end)
{
    if (LIKELY(json_vector_bytes == 64)) return json_scan_container_avx512(at, end);
    return json_vector_bytes == 32 ? json_scan_container_avx2(at, end) : json_scan_container_sse2(at, end);
}

static inline const char *json_scan_text(const char *at, const char *end, bool *is_ascii)
{
    if (LIKELY(json_vector_bytes == 64)) return json_scan_text_avx512(at, end, is_ascii);
    return json_vector_bytes == 32 ? json_scan_text_avx2(at, end, is_ascii)
                                   : json_scan_text_scalar(at, end, is_ascii);
}

/* A bit for each of the 16 bytes at `at` that is a quote, a backslash or a control character. */
static inline unsigned json_string_stops(const char *at)
{
    __m128i x = _mm_loadu_si128((const __m128i *)at);
    __m128i quote = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
    __m128i backslash = _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'));
    __m128i control = _mm_cmpeq_epi8(_mm_max_epu8(x, _mm_set1_epi8(0x1f)), _mm_set1_epi8(0x1f));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control));
}

/* Most strings are short: the first 16 bytes are looked at in place. */
static inline const char *json_scan_string(const char *at, const char *end, bool *is_ascii)
{
    if (end - at < 16) return json_scan_string_scalar(at, end, is_ascii);
    unsigned stops = json_string_stops(at);
    unsigned high = (unsigned)_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)at));
    if (high & ((stops & -stops) - 1)) *is_ascii = false;
    if (LIKELY(stops)) return at + __builtin_ctz(stops);
    if (LIKELY(json_vector_bytes == 64)) return json_scan_string_long_avx512(at + 16, end, is_ascii);
    return json_vector_bytes == 32 ? json_scan_string_long_avx2(at + 16, end, is_ascii)
                                   : json_scan_string_long_sse2(at + 16, end, is_ascii);
}
#else
static inline const char *json_scan_string(const char *at, const char *end, bool *is_ascii)
{
    return json_scan_string_scalar(at, end, is_ascii);
}

static inline const char *json_scan_text(const char *at, const char *end, bool *is_ascii)
{
    return json_scan_text_scalar(at, end, is_ascii);
}

static inline const char *json_scan_container(const char *at, const char *end)
{
    return json_scan_container_scalar(at, end);
}

static inline size_t json_scan_utf8(struct str s)
{
    return json_scan_utf8_scalar(s);
}
#endif

/* The same bytes, with a pointer that may be calculated with even where there are none. */
static inline struct str json_text(struct str s)
{
    return s.at ? s : STR("");
}

static inline bool json_is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline const char *json_skip_blanks(const char *at, const char *end)
{
    if (LIKELY(at < end) && LIKELY(*at > ' ')) return at;
    while (at < end && json_is_blank(*at)) at++;
    return at;
}

/* Behind the number that begins at `at`, by the grammar; NULL if none does, then *stop is where a digit is missing. */
const char *json_scan_number(const char *at, const char *end, const char **stop);

#endif
