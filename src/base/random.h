/* base/random.h: two sources. The generator is fast, seeded and repeatable: for jitter, ids and
 * simulated faults. Secrets come from random_secret() alone. */
#ifndef WEIR_BASE_RANDOM_H
#define WEIR_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t _state; /* splitmix64 */
};

void random_init(struct random *r, uint64_t seed);
uint64_t random_next(struct random *r);
double random_unit(struct random *r); /* [0, 1) */

/* From the kernel; aborts if it refuses. Any thread. */
void random_secret(void *out, size_t bytes);
uint64_t random_seed(void);

#endif
