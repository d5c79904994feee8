/* fiber/inside.h: what the files of fiber/ share; nobody else includes it. */
#ifndef WEIR_FIBER_INSIDE_H
#define WEIR_FIBER_INSIDE_H

#include "fiber/fiber.h"
#include "fiber/loop_item.h"
#include "fiber/sanitize.h"
#include "fiber/stack.h"

#include <uv.h>

/* READY fibers are in the loop's queue; WAITING ones are known to whoever will wake them. */
enum fiber_state { FIBER_READY, FIBER_RUNNING, FIBER_WAITING, FIBER_ENDED };

struct fiber { /* on its own stack, at the top */
    struct loop_item item;
    void *sp; /* while it does not run */
    struct loop *loop;
    struct stack *stack;
    fiber_main *main;
    void *arg;
    msec_t deadline;        /* of the present wait */
    uint32_t deadline_slot; /* where it stands in the loop's heap, counted from 1; 0: nowhere */
    uint8_t state, result;
    bool is_cancelled;
    bool is_shielded; /* waits although cancelled: for its own children */
    struct fiber_group *group;
    struct list member; /* of group */
#ifdef SANITIZE_ADDRESS_ON
    void *fake_stack;
    const void *lent;
    size_t lent_bytes;
#endif
#ifdef SANITIZE_THREAD_ON
    void *tsan;
#endif
};

/* A binary heap of moments, lazily kept: see deadlines.c. */
struct deadline {
    msec_t at;
    struct fiber *fiber;
};
struct deadlines {
    struct deadline *heap;
    uint32_t count, room;
};

struct post {
    struct post *next;
    void (*job)(void *arg);
    void *arg;
};
struct tick {
    struct list link; /* of the loop's ticks */
    uv_timer_t timer;
    void (*job)(void *arg);
    void *arg;
};

struct loop {
    struct fiber *current;
    void *home_sp; /* of the loop's own context while a fiber runs */
    struct list queue;
    struct deadlines deadlines;
    msec_t timer_at;       /* when `timer` is due; NEVER: it is not running */
    msec_t looked_at;      /* when the timer came; the sockets were looked at after it */
    uint64_t clock_cycles; /* when its clock was last read by us */
    bool has_idle;
    struct stack_pool stacks;
    msec_t trimmed_at; /* when stacks were */
    struct loop_stats stats;
    void *attached;
    void (*attached_done)(void *attached);
#ifdef SANITIZE_ADDRESS_ON
    void *home_fake_stack;
    const void *home_low;
    size_t home_bytes;
#endif
#ifdef SANITIZE_THREAD_ON
    void *home_tsan;
#endif
    uv_timer_t timer;
    uv_idle_t idle;
    uv_check_t check;
    uv_async_t async;
    uv_loop_t uv;
    struct list ticks;
    uv_mutex_t lock; /* of posts */
    struct post *posts, **posts_end;
};

extern _Thread_local struct loop *loop_of_thread __attribute__((tls_model("initial-exec")));

/* The heap: arming an armed fiber only ever brings its moment forward. */
void deadlines_arm(struct deadlines *d, struct fiber *f, msec_t at);
void deadlines_disarm(struct deadlines *d, struct fiber *f);
void deadlines_done(struct deadlines *d);

/* loop.c */
void loop_watch_deadline(struct loop *l, struct fiber *f, msec_t at);
void loop_forget_deadline(struct loop *l, struct fiber *f);
/* fiber.c: runs a fiber of the queue until its next wait. */
void fiber_run_item(struct loop_item *item);
/* Parks the current fiber without looking at its cancellation. */
enum io fiber_park(struct fiber *f, msec_t deadline);
MUST_CHECK struct fiber *fiber_new(struct loop *l, fiber_main *main, void *arg);
/* group.c */
void fiber_group_member_ended(struct fiber_group *g, struct fiber *member);

#endif
