/* base/budget.h: a ceiling on what many together may hold in memory. Any thread; no lock. Whoever takes gives back the
 * same number. What is so small that something else bounds it need not ask. */
#ifndef WEIR_BASE_BUDGET_H
#define WEIR_BASE_BUDGET_H

#include "base/attributes.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct budget {
    _Atomic int64_t _held_bytes;
    _Atomic int64_t _max_bytes;
    _Atomic uint64_t _refusals;
};

static inline void budget_set(struct budget *b, int64_t max_bytes)
{
    atomic_store_explicit(&b->_max_bytes, max_bytes, memory_order_relaxed);
}

static inline void budget_give(struct budget *b, int64_t bytes)
{
    if (b && bytes) atomic_fetch_sub_explicit(&b->_held_bytes, bytes, memory_order_relaxed);
}

/* False: over the ceiling, nothing was taken. NULL: there is no ceiling. */
MUST_CHECK static inline bool budget_take(struct budget *b, int64_t bytes)
{
    if (!b) return true;
    int64_t held = atomic_fetch_add_explicit(&b->_held_bytes, bytes, memory_order_relaxed) + bytes;
    if (held <= atomic_load_explicit(&b->_max_bytes, memory_order_relaxed)) return true;
    budget_give(b, bytes);
    atomic_fetch_add_explicit(&b->_refusals, 1, memory_order_relaxed);
    return false;
}

static inline int64_t budget_held(const struct budget *b)
{
    return atomic_load_explicit(&b->_held_bytes, memory_order_relaxed);
}

static inline int64_t budget_max(const struct budget *b)
{
    return atomic_load_explicit(&b->_max_bytes, memory_order_relaxed);
}

/* How often budget_take() said no. */
static inline uint64_t budget_refusals(const struct budget *b)
{
    return atomic_load_explicit(&b->_refusals, memory_order_relaxed);
}

#endif
