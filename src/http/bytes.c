/* http/bytes.c: the table of byte classes, and the scan over header values.
 *
 * The columns of the table are the low half of a byte, the rows the high half. A value is most of a head,
 * so its scan takes 16 bytes at a time where SSE2 is (8 elsewhere) and looks single bytes up only at the
 * end. */
#include "http/bytes.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    O = 0,                                                 /* control characters */
    B = BYTE_VALUE,                                        /* blanks, quotes, braces, obs-text */
    N = BYTE_TOKEN | BYTE_VALUE,                           /* in names, never in a URI */
    T = BYTE_TARGET | BYTE_VALUE,                          /* gen-delims of a URI */
    D = BYTE_TARGET | BYTE_VALUE | BYTE_HOST,              /* sub-delims that no name has */
    P = BYTE_TOKEN | BYTE_TARGET | BYTE_VALUE,             /* '%' */
    W = BYTE_TOKEN | BYTE_TARGET | BYTE_VALUE | BYTE_HOST, /* letters, digits, the rest */
};

// clang-format off
const uint8_t byte_classes[256] = {
    O, O, O, O, O, O, O, O, O, B, O, O, O, O, O, O, /* only the tab */
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
    B, W, B, N, W, P, W, W, D, D, W, W, D, W, W, T, /*   ! " # $ % & ' ( ) * + , - . / */
    W, W, W, W, W, W, W, W, W, W, T, D, B, D, B, T, /* 0 1 2 3 4 5 6 7 8 9 : ; < = > ? */
    T, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, /* @ A … */
    W, W, W, W, W, W, W, W, W, W, W, T, B, T, N, W, /* P … Z [ \ ] ^ _ */
    N, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, /* ` a … */
    W, W, W, W, W, W, W, W, W, W, W, B, N, B, W, O, /* p … z { | } ~ DEL */
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
};
// clang-format on

/* Does any of eight bytes lie below 0x20, or is any DEL? Exact, though a borrow may blur which one. */
static bool has_control(uint64_t v)
{
    const uint64_t ones = 0x0101010101010101u, highs = ones << 7;
    uint64_t del = v ^ (ones * 0x7f);
    return ((((v - ones * 0x20) & ~v) | ((del - ones) & ~del)) & highs) != 0;
}

const char *byte_skip_value_portable(const char *at, const char *end)
{
    for (;;) {
        uint64_t v;
        while (end - at >= 8 && (memcpy(&v, at, 8), !has_control(v))) at += 8;
        const char *to = end - at >= 8 ? at + 8 : end;
        at = byte_skip(at, to, BYTE_VALUE); /* a tab may stand */
        if (at < to || at == end) return at;
    }
}

#ifdef __SSE2__
const char *byte_skip_value(const char *at, const char *end)
{
    const __m128i last_control = _mm_set1_epi8(0x1f), del = _mm_set1_epi8(0x7f), tab = _mm_set1_epi8('\t');
    for (; end - at >= 16; at += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i control = _mm_cmpeq_epi8(_mm_max_epu8(v, last_control), last_control);
        __m128i stop = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(v, tab), control),
                                    _mm_cmpeq_epi8(v, del));
        unsigned mask = (unsigned)_mm_movemask_epi8(stop);
        if (mask) return at + __builtin_ctz(mask);
    }
    return byte_skip(at, end, BYTE_VALUE);
}
#else
const char *byte_skip_value(const char *at, const char *end)
{
    return byte_skip_value_portable(at, end);
}
#endif
