/* json/scan_sse2.c: the searches of json/scan.h with what every x86-64 has. */
#include "json/scan.h"

#if JSON_HAS_SSE2

/* AVX2: every server processor since 2013 (Intel) and 2017 (AMD). AVX-512: since Ice Lake and Zen 4. VBMI2 is not used: it
 * tells them from their elders, which clock down for such registers. */
unsigned char json_vector_bytes = 16;

__attribute__((constructor)) static void find_vector_bytes(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi") ||
        !__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("pclmul"))
        return;
    json_vector_bytes = 32;
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi2")) json_vector_bytes = 64;
}

enum { BLOCK_BYTES = 64 };

static inline __m128i load(const char *at)
{
    return _mm_loadu_si128((const __m128i *)at);
}

static inline __m128i equals(__m128i x, char c)
{
    return _mm_cmpeq_epi8(x, _mm_set1_epi8(c));
}

/* Bytes that are `low` or more, unsigned. */
static inline __m128i at_least(__m128i x, unsigned char low)
{
    return _mm_cmpeq_epi8(_mm_max_epu8(x, _mm_set1_epi8((char)low)), x);
}

static inline uint64_t mask_of(__m128i a, __m128i b, __m128i c, __m128i d)
{
    uint64_t low = (uint32_t)_mm_movemask_epi8(a) | (uint32_t)_mm_movemask_epi8(b) << 16;
    uint64_t high = (uint32_t)_mm_movemask_epi8(c) | (uint32_t)_mm_movemask_epi8(d) << 16;
    return low | high << 32;
}

static inline __m128i string_stops(__m128i x)
{
    __m128i control = _mm_cmpeq_epi8(_mm_max_epu8(x, _mm_set1_epi8(0x1f)), _mm_set1_epi8(0x1f));
    return _mm_or_si128(_mm_or_si128(equals(x, '"'), equals(x, '\\')), control);
}

const char *json_scan_string_long_sse2(const char *at, const char *end, bool *is_ascii)
{
    __m128i seen = _mm_setzero_si128();
    while (end - at >= BLOCK_BYTES) {
        __m128i a = load(at), b = load(at + 16), c = load(at + 32), d = load(at + 48);
        __m128i any = _mm_or_si128(_mm_or_si128(string_stops(a), string_stops(b)),
                                   _mm_or_si128(string_stops(c), string_stops(d)));
        if (_mm_movemask_epi8(any)) break;
        seen = _mm_or_si128(_mm_or_si128(seen, _mm_or_si128(a, b)), _mm_or_si128(c, d));
        at += BLOCK_BYTES;
    }
    if (_mm_movemask_epi8(seen)) *is_ascii = false;
    while (end - at >= 16) {
        __m128i x = load(at);
        unsigned stops = (unsigned)_mm_movemask_epi8(string_stops(x));
        unsigned high = (unsigned)_mm_movemask_epi8(x);
        if (high & ((stops & -stops) - 1)) *is_ascii = false;
        if (stops) return at + __builtin_ctz(stops);
        at += 16;
    }
    /* The last 16 bytes, of which some were looked at already. */
    unsigned seen_already = 16 - (unsigned)(end - at);
    __m128i x = load(end - 16);
    unsigned stops = (unsigned)_mm_movemask_epi8(string_stops(x)) >> seen_already;
    unsigned high = (unsigned)_mm_movemask_epi8(x) >> seen_already;
    if (high & ((stops & -stops) - 1)) *is_ascii = false;
    return stops ? at + __builtin_ctz(stops) : end;
}

struct block {
    __m128i a, b, c, d;
};

static inline struct block load_block(const char *at)
{
    return (struct block){load(at), load(at + 16), load(at + 32), load(at + 48)};
}

static inline uint64_t block_equals(struct block x, char c)
{
    return mask_of(equals(x.a, c), equals(x.b, c), equals(x.c, c), equals(x.d, c));
}

/* "[]{}" and nothing else: the two kinds differ in bit 5, then 0x7b opens and 0x7d, two more, closes. */
static inline __m128i are_brackets(__m128i x)
{
    __m128i above = _mm_sub_epi8(_mm_or_si128(x, _mm_set1_epi8(0x20)), _mm_set1_epi8('{'));
    return _mm_cmpeq_epi8(_mm_andnot_si128(_mm_set1_epi8('}' - '{'), above), _mm_setzero_si128());
}

static inline uint64_t block_brackets(struct block x)
{
    return mask_of(are_brackets(x.a), are_brackets(x.b), are_brackets(x.c), are_brackets(x.d));
}

/* Each bit becomes the XOR of itself and all lower ones. */
static inline uint64_t prefix_xor(uint64_t bits)
{
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    return bits ^ bits << 32;
}

#include "json/scan_blocks.h"

const char *json_scan_container_sse2(const char *at, const char *end)
{
    return scan_container(at, end);
}

/* Is a block that begins with a whole character well-formed, up to a character that its end cuts? Masks tell whether
 * continuation bytes stand exactly where the leading bytes want them; what else a second byte may not be is seen by
 * comparing each byte with its successor. */
static inline bool utf8_block_is_valid(const char *at, uint64_t *leads_2, uint64_t *leads_3,
                                       uint64_t *leads_4)
{
    __m128i x[4], wrong = _mm_setzero_si128();
    for (int i = 0; i < 4; i++) {
        x[i] = load(at + 16 * i);
        __m128i next = load(at + 16 * i + 1);
        __m128i next_a0 = at_least(next, 0xa0), next_90 = at_least(next, 0x90);
        __m128i e0 = _mm_andnot_si128(next_a0, equals(x[i], (char)0xe0));
        __m128i ed = _mm_and_si128(next_a0, equals(x[i], (char)0xed));
        __m128i f0 = _mm_andnot_si128(next_90, equals(x[i], (char)0xf0));
        __m128i f4 = _mm_and_si128(next_90, equals(x[i], (char)0xf4));
        __m128i never = _mm_or_si128(equals(_mm_or_si128(x[i], _mm_set1_epi8(1)), (char)0xc1),
                                     at_least(x[i], 0xf5));
        wrong = _mm_or_si128(_mm_or_si128(_mm_or_si128(wrong, never), _mm_or_si128(e0, ed)),
                             _mm_or_si128(f0, f4));
    }
    uint64_t c0 = mask_of(at_least(x[0], 0xc0), at_least(x[1], 0xc0), at_least(x[2], 0xc0),
                          at_least(x[3], 0xc0));
    uint64_t e0 = mask_of(at_least(x[0], 0xe0), at_least(x[1], 0xe0), at_least(x[2], 0xe0),
                          at_least(x[3], 0xe0));
    uint64_t f0 = mask_of(at_least(x[0], 0xf0), at_least(x[1], 0xf0), at_least(x[2], 0xf0),
                          at_least(x[3], 0xf0));
    uint64_t continuations = mask_of(x[0], x[1], x[2], x[3]) & ~c0;
    *leads_2 = c0, *leads_3 = e0, *leads_4 = f0;
    return continuations == (c0 << 1 | e0 << 2 | f0 << 3) && _mm_movemask_epi8(wrong) == 0;
}

size_t json_scan_utf8(struct str s)
{
    size_t i = 0;
    while (s.len - i > BLOCK_BYTES) { /* one byte more: the last one's successor is looked at */
        const char *at = s.at + i;
        __m128i any = _mm_or_si128(_mm_or_si128(load(at), load(at + 16)),
                                   _mm_or_si128(load(at + 32), load(at + 48)));
        if (_mm_movemask_epi8(any) == 0) {
            i += BLOCK_BYTES;
            continue;
        }
        uint64_t leads_2, leads_3, leads_4;
        if (!utf8_block_is_valid(at, &leads_2, &leads_3, &leads_4)) break;
        uint64_t cut = (leads_2 & 1ull << 63) | (leads_3 & 3ull << 62) | (leads_4 & 7ull << 61);
        i += cut ? (size_t)__builtin_ctzll(cut) : BLOCK_BYTES;
    }
    return i + json_scan_utf8_scalar(str_from(s, i));
}

enum { ROW_2 = 1, ROW_5 = 2, ROW_6 = 4, ROW_7 = 8 };
const unsigned char JSON_ESCAPES_UPPER[16] = {[2] = ROW_2, [5] = ROW_5, [6] = ROW_6, [7] = ROW_7};
const unsigned char JSON_ESCAPES_LOWER[16] = {
    ['"' & 15] = ROW_2 | ROW_6 | ROW_7,
    ['/' & 15] = ROW_2,
    ['\\' & 15] = ROW_5,
    ['f' & 15] = ROW_6,
    ['n' & 15] = ROW_6,
    ['t' & 15] = ROW_7,
};
enum { QUOTE = 8, CONTROL = 16, ANY = CONTROL, MAY_2 = 1, MAY_6 = 2, MAY_7 = 4 };
const unsigned char JSON_ORDINARY_UPPER[16] = {
    [0] = CONTROL, [1] = CONTROL, [2] = MAY_2 | QUOTE, [6] = MAY_6, [7] = MAY_7};
const unsigned char JSON_ORDINARY_LOWER[16] = {
    ANY,         ANY,         ANY | MAY_2 | MAY_6 | MAY_7 | QUOTE,
    ANY,         ANY | MAY_7, /* t */
    ANY,         ANY | MAY_6, /* f */
    ANY,         ANY,         ANY,
    ANY,         ANY,         ANY,
    ANY,         ANY | MAY_6, /* n */
    ANY | MAY_2,              /* slash */
};
_Static_assert(('"' & 15) == ('b' & 15) && ('b' & 15) == ('r' & 15), "three of them share their lower half");

#endif
