/* gateway/known_keys.c: a place for each hash; who comes later takes it over. */
#include "gateway/known_keys.h"

#include "base/random.h"

void known_keys_init(struct known_keys *k)
{
    *k = (struct known_keys){0};
    random_secret(k->_secret, sizeof k->_secret);
}

void known_keys_clear(struct known_keys *k)
{
    memset(k->_at, 0, sizeof k->_at);
}

struct siphash known_keys_hash(const struct known_keys *k, struct str key)
{
    return siphash_of(k->_secret, key);
}

const struct principal *known_keys_find(const struct known_keys *k, struct siphash hash)
{
    size_t i = hash.words[0] % KNOWN_KEYS;
    return siphash_equals(k->_at[i].hash, hash) ? k->_at[i].principal : NULL;
}

void known_keys_add(struct known_keys *k, struct siphash hash, const struct principal *p)
{
    size_t i = hash.words[0] % KNOWN_KEYS;
    k->_at[i].hash = hash;
    k->_at[i].principal = p;
}
