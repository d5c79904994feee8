/* json/scan_avx2.c: the two searches that long strings and containers are made of, 32 bytes in a register instead of 16.
 * Compiled for AVX2, BMI and PCLMULQDQ; json_has_avx2() stands before each call. */
#include "json/scan.h"

#if JSON_HAS_SSE2
#include <immintrin.h>

enum { BLOCK_BYTES = 64 };

static inline __m256i load(const char *at)
{
    return _mm256_loadu_si256((const __m256i *)at);
}

static inline __m256i equals(__m256i x, char c)
{
    return _mm256_cmpeq_epi8(x, _mm256_set1_epi8(c));
}

static inline uint64_t mask_of(__m256i a, __m256i b)
{
    return (uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32;
}

static inline __m256i are_controls(__m256i x)
{
    return _mm256_cmpeq_epi8(_mm256_max_epu8(x, _mm256_set1_epi8(0x1f)), _mm256_set1_epi8(0x1f));
}

static inline __m256i string_stops(__m256i x)
{
    return _mm256_or_si256(_mm256_or_si256(equals(x, '"'), equals(x, '\\')), are_controls(x));
}

const char *json_scan_string_long_avx2(const char *at, const char *end, bool *is_ascii)
{
    __m256i seen = _mm256_setzero_si256();
    for (; end - at >= BLOCK_BYTES; at += BLOCK_BYTES) {
        __m256i a = load(at), b = load(at + 32);
        uint64_t stops = mask_of(string_stops(a), string_stops(b));
        if (stops) {
            uint64_t high = mask_of(a, b) & ((stops & -stops) - 1);
            if (high || _mm256_movemask_epi8(seen)) *is_ascii = false;
            return at + __builtin_ctzll(stops);
        }
        seen = _mm256_or_si256(seen, _mm256_or_si256(a, b));
    }
    if (_mm256_movemask_epi8(seen)) *is_ascii = false;
    return json_scan_string_long_sse2(at, end, is_ascii);
}

struct block {
    __m256i a, b;
};

static inline struct block load_block(const char *at)
{
    return (struct block){load(at), load(at + 32)};
}

static inline uint64_t block_equals(struct block x, char c)
{
    return mask_of(equals(x.a, c), equals(x.b, c));
}

/* "[]{}" and nothing else: the two kinds differ in bit 5, then 0x7b opens and 0x7d, two more, closes. */
static inline __m256i are_brackets(__m256i x)
{
    __m256i above = _mm256_sub_epi8(_mm256_or_si256(x, _mm256_set1_epi8(0x20)), _mm256_set1_epi8('{'));
    return _mm256_cmpeq_epi8(_mm256_andnot_si256(_mm256_set1_epi8('}' - '{'), above), _mm256_setzero_si256());
}

static inline uint64_t block_brackets(struct block x)
{
    return mask_of(are_brackets(x.a), are_brackets(x.b));
}

/* Each bit becomes the XOR of itself and all lower ones: the product with all ones, without carries. */
static inline uint64_t prefix_xor(uint64_t bits)
{
    __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)bits), _mm_set1_epi8((char)0xff), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

#include "json/scan_blocks.h"

/* Bytes that may stand behind a backslash, but for 'u'. Those with the same upper half share a bit, which the table of
 * lower halves has where one of them is; a byte above 0x7f finds nothing there. */
static inline __m256i are_escapes(__m256i x)
{
    enum { ROW_2 = 1, ROW_5 = 2, ROW_6 = 4, ROW_7 = 8 };
    const __m256i upper = _mm256_setr_epi8(0, 0, ROW_2, 0, 0, ROW_5, ROW_6, ROW_7, 0, 0, 0, 0, 0, 0, 0,
                                           0, /**/
                                           0, 0, ROW_2, 0, 0, ROW_5, ROW_6, ROW_7, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m256i lower = _mm256_setr_epi8(
        0, 0, ROW_2 | ROW_6 | ROW_7, 0, ROW_7, 0, ROW_6, 0, 0, 0, 0, 0, ROW_5, 0, ROW_6, ROW_2, /**/
        0, 0, ROW_2 | ROW_6 | ROW_7, 0, ROW_7, 0, ROW_6, 0, 0, 0, 0, 0, ROW_5, 0, ROW_6, ROW_2);
    __m256i upper_half = _mm256_and_si256(_mm256_srli_epi16(x, 4), _mm256_set1_epi8(0x0f));
    __m256i both = _mm256_and_si256(_mm256_shuffle_epi8(upper, upper_half), _mm256_shuffle_epi8(lower, x));
    return _mm256_cmpgt_epi8(both, _mm256_setzero_si256());
}

const char *json_scan_text_avx2(const char *at, const char *end, bool *is_ascii)
{
    __m256i seen = _mm256_setzero_si256();
    uint64_t carry = 0;
    for (; end - at >= BLOCK_BYTES; at += BLOCK_BYTES) {
        struct block x = load_block(at);
        uint64_t escaped = escaped_bytes(block_equals(x, '\\'), &carry);
        uint64_t wrong = escaped & ~mask_of(are_escapes(x.a), are_escapes(x.b));
        uint64_t stops = (block_equals(x, '"') & ~escaped) | mask_of(are_controls(x.a), are_controls(x.b)) |
                         wrong;
        if (stops) {
            uint64_t first = stops & -stops;
            if ((mask_of(x.a, x.b) & (first - 1)) || _mm256_movemask_epi8(seen)) *is_ascii = false;
            at += __builtin_ctzll(stops);
            return wrong & first ? at - 1 : at;
        }
        seen = _mm256_or_si256(seen, _mm256_or_si256(x.a, x.b));
    }
    if (_mm256_movemask_epi8(seen)) *is_ascii = false;
    return json_scan_text_scalar(at - carry, end, is_ascii);
}

const char *json_scan_container_avx2(const char *at, const char *end)
{
    return scan_container(at, end);
}

#endif
