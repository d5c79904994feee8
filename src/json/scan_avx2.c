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

static inline __m256i string_stops(__m256i x)
{
    __m256i control = _mm256_cmpeq_epi8(_mm256_max_epu8(x, _mm256_set1_epi8(0x1f)), _mm256_set1_epi8(0x1f));
    return _mm256_or_si256(_mm256_or_si256(equals(x, '"'), equals(x, '\\')), control);
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

const char *json_scan_container_avx2(const char *at, const char *end)
{
    return scan_container(at, end);
}

#endif
