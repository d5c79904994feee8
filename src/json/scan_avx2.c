/* json/scan_avx2.c: the searches that long strings and containers are made of, with registers of 32 bytes. Compiled for
 * AVX2, BMI and PCLMULQDQ; called where json_vector_bytes says so. */
#include "json/scan.h"

#if JSON_HAS_SSE2
#include <immintrin.h>

enum { BLOCK_BYTES = 64 };

struct block {
    __m256i a, b;
};

static inline struct block load_block(const char *at)
{
    return (struct block){_mm256_loadu_si256((const __m256i *)at),
                          _mm256_loadu_si256((const __m256i *)(at + 32))};
}

static inline uint64_t mask_of(__m256i a, __m256i b)
{
    return (uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32;
}

static inline uint64_t block_equals(struct block x, char c)
{
    __m256i all = _mm256_set1_epi8(c);
    return mask_of(_mm256_cmpeq_epi8(x.a, all), _mm256_cmpeq_epi8(x.b, all));
}

static inline uint64_t block_high(struct block x)
{
    return mask_of(x.a, x.b);
}

static inline uint64_t block_controls(struct block x)
{
    __m256i last = _mm256_set1_epi8(0x1f);
    return mask_of(_mm256_cmpeq_epi8(_mm256_max_epu8(x.a, last), last),
                   _mm256_cmpeq_epi8(_mm256_max_epu8(x.b, last), last));
}

static inline __m256i are_brackets(__m256i x)
{
    __m256i above = _mm256_sub_epi8(_mm256_or_si256(x, _mm256_set1_epi8(0x20)), _mm256_set1_epi8('{'));
    return _mm256_cmpeq_epi8(_mm256_andnot_si256(_mm256_set1_epi8('}' - '{'), above), _mm256_setzero_si256());
}

static inline uint64_t block_brackets(struct block x)
{
    return mask_of(are_brackets(x.a), are_brackets(x.b));
}

static inline __m256i are_escapes(__m256i x)
{
    const __m256i upper = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)JSON_ESCAPES_UPPER));
    const __m256i lower = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)JSON_ESCAPES_LOWER));
    __m256i half = _mm256_and_si256(_mm256_srli_epi16(x, 4), _mm256_set1_epi8(0x0f));
    __m256i both = _mm256_and_si256(_mm256_shuffle_epi8(upper, half), _mm256_shuffle_epi8(lower, x));
    return _mm256_cmpgt_epi8(both, _mm256_setzero_si256());
}

static inline uint64_t block_escapes(struct block x)
{
    return mask_of(are_escapes(x.a), are_escapes(x.b));
}

/* 0xff where all is well: where no backslash stands before a byte, it has none of the bits that end a text; behind one,
 * some of those that may stand there. The byte before each is read again, from memory. */
static inline __m256i ordinary_bytes(__m256i x, __m256i before)
{
    const __m256i upper = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)JSON_ORDINARY_UPPER));
    const __m256i lower = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)JSON_ORDINARY_LOWER));
    __m256i is_escaped = _mm256_cmpeq_epi8(before, _mm256_set1_epi8('\\'));
    __m256i half = _mm256_and_si256(_mm256_srli_epi16(x, 4), _mm256_set1_epi8(0x0f));
    __m256i asked = _mm256_xor_si256(
        _mm256_and_si256(is_escaped, _mm256_set1_epi8(JSON_ENDS_TEXT ^ JSON_MAY_BE_ESCAPED)),
        _mm256_set1_epi8(JSON_ENDS_TEXT));
    __m256i bits = _mm256_and_si256(_mm256_shuffle_epi8(upper, half), _mm256_shuffle_epi8(lower, x));
    __m256i has_none = _mm256_cmpeq_epi8(_mm256_and_si256(bits, asked), _mm256_setzero_si256());
    return _mm256_xor_si256(has_none, is_escaped);
}

enum { GROUP_BYTES = 256 };

static inline bool are_ordinary(const char *at, bool *is_ascii)
{
    __m256i high = _mm256_setzero_si256(), good = _mm256_set1_epi8(-1);
    for (int i = 0; i < GROUP_BYTES; i += 32) {
        __m256i x = _mm256_loadu_si256((const __m256i *)(at + i));
        high = _mm256_or_si256(high, x);
        good = _mm256_and_si256(good, ordinary_bytes(x, _mm256_loadu_si256((const __m256i *)(at + i - 1))));
    }
    if (_mm256_movemask_epi8(good) != -1) return false;
    if (_mm256_movemask_epi8(high)) *is_ascii = false;
    return true;
}

/* Each bit becomes the XOR of itself and all lower ones: the product with all ones, without carries. */
static inline uint64_t prefix_xor(uint64_t bits)
{
    __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)bits), _mm_set1_epi8((char)0xff), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

#include "json/scan_blocks.h"
#include "json/scan_text.h"

const char *json_scan_string_long_avx2(const char *at, const char *end, bool *is_ascii)
{
    return scan_string_long(at, end, is_ascii);
}

const char *json_scan_text_avx2(const char *at, const char *end, bool *is_ascii)
{
    return scan_text(at, end, is_ascii);
}

const char *json_scan_container_avx2(const char *at, const char *end)
{
    return scan_container(at, end);
}

#endif
