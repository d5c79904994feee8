/* gateway/known_keys.h: who the keys belong to that came lately, so that a key costs a SHA-256 only now and then. For one
 * worker's thread. It holds no key and no digest of one that could be tried out elsewhere: keys are known by a SipHash of
 * 128 bits under a random secret that lives as long as the worker. Only keys that were found valid are in it, and it is
 * emptied when principals change: with each snapshot. Who does not know the secret cannot foresee which place a key gets,
 * so the time of a look-up tells nothing, and would have to guess 128 bits to be taken for somebody. */
#ifndef WEIR_GATEWAY_KNOWN_KEYS_H
#define WEIR_GATEWAY_KNOWN_KEYS_H

#include "base/siphash.h"

struct principal;

enum { KNOWN_KEYS = 64 };

struct known_keys {
    uint64_t _secret[2];
    struct {
        struct siphash hash;
        const struct principal *principal; /* NULL: free */
    } _at[KNOWN_KEYS];
};

void known_keys_init(struct known_keys *k);
void known_keys_clear(struct known_keys *k); /* principals go with their snapshot */
struct siphash known_keys_hash(const struct known_keys *k, struct str key);
const struct principal *known_keys_find(const struct known_keys *k,
                                        struct siphash hash); /* NULL: not known */
void known_keys_add(struct known_keys *k, struct siphash hash, const struct principal *p);

#endif
