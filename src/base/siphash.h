/* base/siphash.h: SipHash-2-4 with 128 bits (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012): who does not
 * know the secret can neither foresee nor forge what it gives, and short texts cost a tenth of a SHA-256. Pure. */
#ifndef WEIR_BASE_SIPHASH_H
#define WEIR_BASE_SIPHASH_H

#include "base/str.h"

#include <stdint.h>

struct siphash {
    uint64_t words[2];
};

struct siphash siphash_of(const uint64_t secret[2], struct str text);

/* Takes as long whatever differs. */
static inline bool siphash_equals(struct siphash a, struct siphash b)
{
    return ((a.words[0] ^ b.words[0]) | (a.words[1] ^ b.words[1])) == 0;
}

#endif
