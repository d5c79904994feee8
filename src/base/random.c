/* base/random.c: splitmix64 for what may be guessed, getrandom(2) for what may not. */
#include "base/random.h"

#include "base/check.h"

#include <sys/random.h>

void random_init(struct random *r, uint64_t seed)
{
    r->_state = seed;
}

uint64_t random_next(struct random *r)
{
    uint64_t z = (r->_state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double random_unit(struct random *r)
{
    return (double)(random_next(r) >> 11) * 0x1.0p-53;
}

void random_secret(void *out, size_t bytes)
{
    char *at = out;
    while (bytes > 0) {
        ssize_t n = getrandom(at, bytes, 0);
        require(n > 0);
        at += n;
        bytes -= (size_t)n;
    }
}

uint64_t random_seed(void)
{
    uint64_t seed;
    random_secret(&seed, sizeof seed);
    return seed;
}
