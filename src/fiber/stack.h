/* fiber/stack.h: memory to run on. Each stack is a lazily touched mapping with a guard below it:
 *
 *     guard, 16 KiB | usable, STACK_BYTES, grows down <---- | struct stack
 *                   ^ stack_low                             ^ stack_top
 *
 * A pool belongs to one thread and hands out the stack that was given back last: its pages are warm. */
#ifndef WEIR_FIBER_STACK_H
#define WEIR_FIBER_STACK_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stddef.h>

/* Sanitizers widen frames; valgrind and plain builds see the real size. */
#ifdef WEIR_SANITIZED
enum { STACK_BYTES = 256 * 1024 };
#else
enum { STACK_BYTES = 64 * 1024 };
#endif
enum { STACK_GUARD_BYTES = 16 * 1024 };

struct stack { /* at the upper end of its own memory */
    struct stack *_next;
    char *_low;
    unsigned _valgrind_id;
    bool _is_trimmed; /* since it was given back */
} __attribute__((aligned(64)));

struct stack_pool {
    struct stack *_free;
    unsigned mapped, free; /* all; of them in the pool */
    unsigned most;         /* mapped at the same time; 0: as many as there is memory for */
    unsigned _unneeded; /* of those the ones that were there all the time since the last stack_pool_trim() */
    size_t _stack_bytes, _guard_bytes;
    bool _has_probed, _has_guard_madvise;
};

void stack_pool_init(struct stack_pool *p); /* maps nothing yet */
void stack_pool_done(struct stack_pool *p); /* all stacks have been given back */

MUST_CHECK struct stack *stack_take(struct stack_pool *p); /* NULL: no memory (or no mappings left) */
void stack_give(struct stack_pool *p, struct stack *s);
/* To be called about once a second: what nobody has needed since the last call goes back to the kernel, but for a reserve. */
void stack_pool_trim(struct stack_pool *p);

static inline void *stack_top(struct stack *s)
{
    return s;
}
static inline char *stack_low(const struct stack *s)
{
    return s->_low;
}
/* Gives whole pages below `sp` back to the kernel; they read as zeros afterwards. */
void stack_trim(struct stack *s, const void *sp);
/* Bytes between the top and the lowest page that was ever touched (since the last trim). For tests. */
size_t stack_high_water(const struct stack *s);

#endif
