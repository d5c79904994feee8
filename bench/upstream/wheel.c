/* upstream/wheel.c: slot i holds the timers of the milliseconds that are i modulo WHEEL_SLOTS. */
#include "upstream/wheel.h"

#include <stddef.h>

void wheel_init(struct wheel *w, int64_t now_ms)
{
    *w = (struct wheel){.now_ms = now_ms};
}

void wheel_add(struct wheel *w, struct timer *t, int64_t due_ms)
{
    if (due_ms <= w->now_ms) due_ms = w->now_ms + 1;
    if (due_ms >= w->now_ms + WHEEL_SLOTS) due_ms = w->now_ms + WHEEL_SLOTS - 1;
    struct timer **slot = &w->slots[due_ms % WHEEL_SLOTS];
    *t = (struct timer){.next = *slot, .link = slot, .due_ms = due_ms};
    if (t->next) t->next->link = &t->next;
    *slot = t;
    w->count++;
}

void wheel_remove(struct wheel *w, struct timer *t)
{
    if (!t->link) return;
    *t->link = t->next;
    if (t->next) t->next->link = t->link;
    t->link = NULL;
    w->count--;
}

struct timer *wheel_next(struct wheel *w, int64_t now_ms)
{
    while (w->now_ms < now_ms) {
        struct timer *t = w->slots[(w->now_ms + 1) % WHEEL_SLOTS];
        if (t) {
            wheel_remove(w, t);
            return t;
        }
        w->now_ms++;
    }
    return NULL;
}
