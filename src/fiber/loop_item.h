/* fiber/loop_item.h: what net/ needs of the loop beyond fiber.h: calls that come when the loop comes round, and one slot
 * for state that belongs to the loop. For the loop's thread. */
#ifndef WEIR_FIBER_LOOP_ITEM_H
#define WEIR_FIBER_LOOP_ITEM_H

#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct fiber;

/* Embedded in its owner; once enqueued, run(item) is called on the loop, outside all fibers. */
struct loop_item {
    struct list _link;
    void (*_run)(struct loop_item *item);
};
static inline void loop_item_init(struct loop_item *item, void (*run)(struct loop_item *item))
{
    list_init(&item->_link);
    item->_run = run;
}
static inline bool loop_item_is_queued(const struct loop_item *item)
{
    return !list_is_empty(&item->_link);
}
static inline void loop_item_cancel(struct loop_item *item)
{
    list_remove(&item->_link);
}
void loop_enqueue(struct loop *l, struct loop_item *item); /* must not be queued */

/* net/'s state: made at its first use, given to `done` by loop_free while handles can still be closed. */
void *loop_attached(const struct loop *l); /* NULL: none yet */
void loop_attach(struct loop *l, void *state, void (*done)(void *state));

/* The bytes that the current fiber has been lent: sanitizer builds forbid them when it switches away. */
void fiber_lend(const void *at, size_t bytes);

#endif
