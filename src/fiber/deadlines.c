/* fiber/deadlines.c: the moments at which waits end. Nearly every wait ends before its deadline, and the next one's
 * deadline is later, so the heap is kept lazily: a fiber stays where its first wait has put it, later deadlines only
 * change a field of the fiber, and when its moment comes the loop looks whether that wait is still on (loop.c). A wait
 * therefore costs one comparison; the heap moves once per fiber and deadline length. */
#include "fiber/inside.h"

#include "base/check.h"
#include "base/mem.h"

static void place(struct deadlines *d, uint32_t i, struct deadline what)
{
    d->heap[i] = what;
    what.fiber->deadline_slot = i + 1;
}

static void sift_up(struct deadlines *d, uint32_t i, struct deadline what)
{
    while (i > 0) {
        uint32_t parent = (i - 1) / 2;
        if (d->heap[parent].at <= what.at) break;
        place(d, i, d->heap[parent]);
        i = parent;
    }
    place(d, i, what);
}

static void sift_down(struct deadlines *d, uint32_t i, struct deadline what)
{
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= d->count) break;
        if (child + 1 < d->count && d->heap[child + 1].at < d->heap[child].at) child++;
        if (d->heap[child].at >= what.at) break;
        place(d, i, d->heap[child]);
        i = child;
    }
    place(d, i, what);
}

void deadlines_arm(struct deadlines *d, struct fiber *f, msec_t at)
{
    struct deadline what = {.at = at, .fiber = f};
    if (f->deadline_slot) {
        uint32_t i = f->deadline_slot - 1;
        if (at < d->heap[i].at)
            sift_up(d, i, what);
        else
            sift_down(d, i, what);
        return;
    }
    if (d->count == d->room) {
        d->room = d->room ? d->room * 2 : 64;
        d->heap = xrealloc(d->heap, d->room * sizeof *d->heap);
    }
    sift_up(d, d->count++, what);
}

void deadlines_disarm(struct deadlines *d, struct fiber *f)
{
    if (!f->deadline_slot) return;
    uint32_t i = f->deadline_slot - 1;
    f->deadline_slot = 0;
    struct deadline last = d->heap[--d->count];
    if (last.fiber == f) return;
    if (i > 0 && last.at < d->heap[(i - 1) / 2].at)
        sift_up(d, i, last);
    else
        sift_down(d, i, last);
}

void deadlines_done(struct deadlines *d)
{
    require(d->count == 0);
    xfree(d->heap);
    *d = (struct deadlines){0};
}
