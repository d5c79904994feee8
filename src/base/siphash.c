/* base/siphash.c: eight bytes a step, mixed by two rounds each; the last step has what is left and the length; four rounds
 * more give each half of the result. Names as in the paper. */
#include "base/siphash.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are read as they lie in memory");

struct state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void rounds(struct state *s, int count)
{
    for (; count > 0; count--) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 = rotate(s->v2, 32);
    }
}

static inline void take(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    rounds(s, 2);
    s->v0 ^= word;
}

struct siphash siphash_of(const uint64_t secret[2], struct str text)
{
    struct state s = {0x736f6d6570736575 ^ secret[0], 0x646f72616e646f6d ^ secret[1] ^ 0xee,
                      0x6c7967656e657261 ^ secret[0], 0x7465646279746573 ^ secret[1]};
    size_t at = 0;
    for (; text.len - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, text.at + at, 8);
        take(&s, word);
    }
    uint64_t last = (uint64_t)text.len << 56;
    if (text.len > at) memcpy(&last, text.at + at, text.len - at);
    take(&s, last);

    struct siphash hash;
    s.v2 ^= 0xee;
    rounds(&s, 4);
    hash.words[0] = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
    s.v1 ^= 0xdd;
    rounds(&s, 4);
    hash.words[1] = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
    return hash;
}
