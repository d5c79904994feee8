/* simulate/canonical.h: a fingerprint of what a JSON text means: the same for texts that differ in white space, order
 * of members, escapes or the way a number is written. 128 bits, not made against people who want collisions. Pure. */
#ifndef WEIR_SIMULATE_CANONICAL_H
#define WEIR_SIMULATE_CANONICAL_H

#include "base/arena.h"
#include "base/attributes.h"

struct canonical {
    uint64_t a, b;
};

/* The root's member `stream_options` is left out: gateways change it to learn a stream's usage. Text that is no JSON is
 * taken as bytes. Nothing of the arena is needed afterwards. */
struct canonical canonical_of(struct str text, struct arena *scratch);
struct canonical canonical_of_bytes(struct str bytes);

static inline int canonical_compare(struct canonical x, struct canonical y)
{
    if (x.a != y.a) return x.a < y.a ? -1 : 1;
    return x.b == y.b ? 0 : x.b < y.b ? -1 : 1;
}

#endif
