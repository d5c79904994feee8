/* json/scan_avx512.c: the searches of scan_avx2.c with registers of 64 bytes, whose comparisons give masks at once. Compiled
 * for AVX-512 BW; called where json_vector_bytes says so. */
#include "json/scan.h"

#if JSON_HAS_SSE2
#include <immintrin.h>

enum { BLOCK_BYTES = 64 };

struct block {
    __m512i x;
};

static inline struct block load_block(const char *at)
{
    return (struct block){_mm512_loadu_si512(at)};
}

static inline uint64_t block_equals(struct block b, char c)
{
    return _mm512_cmpeq_epi8_mask(b.x, _mm512_set1_epi8(c));
}

static inline uint64_t block_high(struct block b)
{
    return _mm512_movepi8_mask(b.x);
}

static inline uint64_t block_controls(struct block b)
{
    return _mm512_cmplt_epu8_mask(b.x, _mm512_set1_epi8(0x20));
}

static inline uint64_t block_brackets(struct block b)
{
    __m512i above = _mm512_sub_epi8(_mm512_or_si512(b.x, _mm512_set1_epi8(0x20)), _mm512_set1_epi8('{'));
    return _mm512_testn_epi8_mask(above, _mm512_set1_epi8((char)~('}' - '{')));
}

static inline uint64_t block_escapes(struct block b)
{
    const __m512i upper = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)JSON_ESCAPES_UPPER));
    const __m512i lower = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)JSON_ESCAPES_LOWER));
    __m512i half = _mm512_and_si512(_mm512_srli_epi16(b.x, 4), _mm512_set1_epi8(0x0f));
    return _mm512_test_epi8_mask(_mm512_shuffle_epi8(upper, half), _mm512_shuffle_epi8(lower, b.x));
}

static inline uint64_t prefix_xor(uint64_t bits)
{
    __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)bits), _mm_set1_epi8((char)0xff), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

/* ORDINARY bits where no backslash stands before a byte, allowed ones behind one: those must be none, these some. The byte
 * before each is read again, from memory, which is cheaper than to move masks about. */
static inline __m512i odd_bytes(__m512i x, __m512i before)
{
    const __m512i upper = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)JSON_ORDINARY_UPPER));
    const __m512i lower = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)JSON_ORDINARY_LOWER));
    __mmask64 is_escaped = _mm512_cmpeq_epi8_mask(before, _mm512_set1_epi8('\\'));
    __m512i half = _mm512_and_si512(_mm512_srli_epi16(x, 4), _mm512_set1_epi8(0x0f));
    __m512i asked = _mm512_mask_blend_epi8(is_escaped, _mm512_set1_epi8(JSON_ENDS_TEXT),
                                           _mm512_set1_epi8(JSON_MAY_BE_ESCAPED));
    __m512i bits = _mm512_and_si512(_mm512_shuffle_epi8(upper, half), _mm512_shuffle_epi8(lower, x));
    bits = _mm512_and_si512(bits, asked);
    return _mm512_mask_subs_epu8(bits, is_escaped, _mm512_set1_epi8(1), bits);
}

enum { GROUP_BYTES = 4 * BLOCK_BYTES };

static inline bool are_ordinary(const char *at, bool *is_ascii)
{
    __m512i high = _mm512_setzero_si512(), odd = high;
    for (int i = 0; i < GROUP_BYTES; i += BLOCK_BYTES) {
        __builtin_prefetch(at + i + 1024);
        __m512i x = _mm512_loadu_si512(at + i);
        high = _mm512_or_si512(high, x);
        odd = _mm512_or_si512(odd, odd_bytes(x, _mm512_loadu_si512(at + i - 1)));
    }
    if (_mm512_test_epi8_mask(odd, odd)) return false;
    if (_mm512_movepi8_mask(high)) *is_ascii = false;
    return true;
}

#include "json/scan_blocks.h"
#include "json/scan_text.h"

const char *json_scan_string_long_avx512(const char *at, const char *end, bool *is_ascii)
{
    return scan_string_long(at, end, is_ascii);
}

const char *json_scan_text_avx512(const char *at, const char *end, bool *is_ascii)
{
    return scan_text(at, end, is_ascii);
}

const char *json_scan_container_avx512(const char *at, const char *end)
{
    return scan_container(at, end);
}

#endif
