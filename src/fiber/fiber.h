/* fiber/fiber.h: straight-line code that waits. A fiber is a stackful coroutine that runs on one
 * libuv loop and never changes its thread. One `struct loop` per thread; every function here is for
 * the thread of that loop, except loop_post().
 *
 * Rules that all code above stands on:
 * - Every wait takes a deadline and returns an `enum io`. IO_CANCELLED is sticky: once a fiber is
 *   cancelled each further wait returns IO_CANCELLED at once.
 * - Only the loop resumes fibers: waking or cancelling marks a fiber and enqueues it, except that a
 *   reader may be resumed straight from the loop's read callback (that is what makes lent bytes cheap).
 * - What libuv holds (requests, handles, their buffers) never lives on a fiber's stack or in an arena.
 * - A stack is STACK_BYTES (64 KiB, touched lazily): no buffer over 1 KiB, no unbounded recursion. */
#ifndef WEIR_FIBER_FIBER_H
#define WEIR_FIBER_FIBER_H

#include "base/attributes.h"
#include "base/clock.h"
#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uv_loop_s;
struct loop;
struct fiber;

enum io { IO_OK, IO_END, IO_TIMEOUT, IO_CANCELLED, IO_FAIL };

/* A moment on the loop's clock (fiber_now()), or NEVER. */
#define NEVER INT64_MAX

/* ---- the loop ---- */
struct loop_stats {
    unsigned fibers, fibers_peak;            /* alive now; the most at once */
    unsigned stacks, stacks_free;            /* mapped; of those kept for reuse */
    uint64_t fibers_started, fibers_refused; /* refused: no memory for a stack */
};
struct loop *loop_new(void);     /* becomes the calling thread's loop; blocks SIGPIPE in the thread */
void loop_free(struct loop *l);  /* all fibers have ended; closes what is left of its own handles */
struct loop *loop_current(void); /* of the calling thread; NULL without one */
struct uv_loop_s *loop_uv(struct loop *l);
void loop_run(struct loop *l); /* until loop_stop() or nothing is left to wait for */
void loop_stop(struct loop *l);
struct loop_stats loop_read_stats(const struct loop *l);
/* Any thread: runs job(arg) on the loop soon. Never blocks; arg belongs to the job. */
void loop_post(struct loop *l, void (*job)(void *arg), void *arg);
/* Called on the loop about every `every_ms`, not more exactly; for expiry lists. Until tick_end() or the loop's end. */
struct tick;
struct tick *loop_tick(struct loop *l, msec_t every_ms, void (*job)(void *arg), void *arg);
void tick_end(struct tick **t); /* takes it; the job is not called any more. NULL is fine */

/* ---- fibers ---- */
typedef void fiber_main(void *arg);
/* Starts a fiber; it first runs when the loop comes round (or at once with fiber_start_now from a
 * loop callback). NULL: no memory for a stack; nothing happened. */
MUST_CHECK struct fiber *fiber_start(struct loop *l, fiber_main *main, void *arg);
/* From loop callbacks only (not from a fiber): runs until the first wait before it returns.
 * False: no memory for a stack; nothing happened. */
MUST_CHECK bool fiber_start_now(struct loop *l, fiber_main *main, void *arg);
struct fiber *fiber_current(void); /* NULL outside fibers */
msec_t fiber_now(void);            /* the loop's cached clock, monotonic; updated when a turn ran > 5 ms */
msec_t fiber_deadline(msec_t after_ms); /* now + after; 0 means NEVER */
enum io fiber_sleep(msec_t after_ms);   /* IO_TIMEOUT when the time has passed, or IO_CANCELLED */
enum io fiber_yield(void);              /* to the end of this turn; IO_OK or IO_CANCELLED */
/* Marks the fiber and enqueues it; its wait returns IO_CANCELLED. Idempotent. */
void fiber_cancel(struct fiber *f);
bool fiber_is_cancelled(const struct fiber *f);
/* Gives the untouched pages below the stack pointer back (one madvise): for fibers that will wait long. */
void fiber_trim_stack(void);
size_t fiber_stack_high_water(const struct fiber *f); /* bytes touched at most, by page (tests) */

/* ---- waiting, for fiber/ and net/ only ---- */
/* Parks the current fiber until fiber_wake(), the deadline or a cancel. `result` is what the waker
 * gave, IO_TIMEOUT or IO_CANCELLED. Returns at once when already cancelled. */
enum io fiber_wait(msec_t deadline);
/* False once something has ended its wait, even if it has not run since. Wakers ask first. */
bool fiber_is_waiting(const struct fiber *f);
/* Ends f's wait with `result` when the loop comes round. f must be waiting and not woken yet. */
void fiber_wake(struct fiber *f, enum io result);
/* As fiber_wake, but switches now; for loop callbacks only, never from a fiber. */
void fiber_wake_now(struct fiber *f, enum io result);

/* ---- children ---- */
/* A child belongs to its parent's group: the parent waits for it or cancels it before it returns.
 * The struct lives on the parent's stack. */
struct fiber_group {
    struct list _members;
    struct fiber *_parent;
    unsigned _alive, _ended; /* ended: and not yet told to wait_first */
    enum fiber_group_wait { GROUP_NONE, GROUP_FIRST, GROUP_ALL } _waits_for;
};
void fiber_group_init(struct fiber_group *g);
MUST_CHECK bool fiber_group_start(struct fiber_group *g, fiber_main *main, void *arg);
/* IO_OK when one member (all) ended: each end is told once by wait_first, which returns IO_END when no
 * member is left. IO_TIMEOUT leaves the members running. A cancel of the parent is passed on to the
 * members; the call then returns IO_CANCELLED after they are gone. */
enum io fiber_group_wait_first(struct fiber_group *g, msec_t deadline);
enum io fiber_group_wait_all(struct fiber_group *g, msec_t deadline);
/* Cancels all that still run and returns when they are really gone. */
void fiber_group_cancel(struct fiber_group *g);

/* ---- offload ---- */
/* Runs work(job) on the thread pool while the fiber waits. The job (and all it points to) is on the
 * heap; on IO_OK it belongs to the caller again; on IO_TIMEOUT or IO_CANCELLED it is abandoned:
 * when the work ends, drop(job) runs on the loop's thread (at once when the fiber was already cancelled). */
enum io fiber_offload(void (*work)(void *job), void (*drop)(void *job), void *job, msec_t deadline);

#endif
