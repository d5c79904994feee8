/* json/scan.h: the three byte searches that everything in json/ stands on, 16 to 64 bytes at a time. For json/ and its
 * tests only. Each exists as SSE2 (in scan_sse2.c and inline here) and as plain C (scan_scalar.c, with the suffix
 * _scalar); the build takes SSE2 on x86-64 and plain C elsewhere, tests compare the two. None reads outside [at, end). */
#ifndef WEIR_JSON_SCAN_H
#define WEIR_JSON_SCAN_H

#include "base/attributes.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#define JSON_HAS_SSE2 1
#else
#define JSON_HAS_SSE2 0
#endif

/* The first '"', '\' or control character (< 0x20); `end` if there is none. *is_ascii becomes false if a byte before
 * it is above 0x7f, and is left as it was otherwise. */
const char *json_scan_string_scalar(const char *at, const char *end, bool *is_ascii);

/* From the opening bracket of a container to behind the bracket that closes it: brackets of both kinds are counted
 * alike, those inside of strings are not. NULL: nothing closes it. */
const char *json_scan_container_scalar(const char *at, const char *end);

/* Length of the longest prefix that is well-formed UTF-8. */
size_t json_scan_utf8_scalar(struct str s);

#if JSON_HAS_SSE2
const char *json_scan_string_long(const char *at, const char *end,
                                  bool *is_ascii); /* 16 bytes before `at` are readable */
const char *json_scan_container(const char *at, const char *end);
size_t json_scan_utf8(struct str s);

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
    return json_scan_string_long(at + 16, end, is_ascii);
}
#else
static inline const char *json_scan_string(const char *at, const char *end, bool *is_ascii)
{
    return json_scan_string_scalar(at, end, is_ascii);
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
    if (LIKELY(at<end && * at> ' ')) return at;
    while (at < end && json_is_blank(*at)) at++;
    return at;
}

/* Behind the number that begins at `at`, by the grammar; NULL if none does, then *stop is where a digit is missing. */
const char *json_scan_number(const char *at, const char *end, const char **stop);

#endif
