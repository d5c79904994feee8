/* fiber/fiber.c: fibers start, wait, are woken and end.
 *
 *     READY --queue--> RUNNING --fiber_wait--> WAITING --wake, deadline, cancel--> READY
 *                         |                       '--fiber_wake_now--> RUNNING
 *                         '--main returns--> ENDED (its stack goes back to the pool)
 *
 * Control only ever passes between the loop's own stack and one fiber: the loop resumes a fiber, the fiber switches back
 * when it waits or ends. So whatever a callback of the loop does after resuming must not assume that anything it shares
 * with the fiber is still there. A fiber's struct lies at the top of its own stack: the page is warm anyway. */
#include "fiber/inside.h"

#include "base/check.h"
#include "fiber/switch.h"

#include <stdint.h>
#include <string.h>

enum { CACHE_LINE_BYTES = 64 };

/* ---- the switch ---- */

static void arrive_home(struct loop *l)
{
    SANITIZE_ARRIVE(l->home_fake_stack, NULL, NULL);
    (void)l;
}

static void arrive_in_fiber(struct fiber *f, bool is_first)
{
#ifdef SANITIZE_ADDRESS_ON
    struct loop *l = f->loop;
    SANITIZE_ARRIVE(is_first ? NULL : f->fake_stack, &l->home_low, &l->home_bytes);
#endif
    (void)f;
    (void)is_first;
}

/* Runs f until it waits or ends. */
static void switch_to_fiber(struct loop *l, struct fiber *f)
{
    SANITIZE_LEAVE(&l->home_fake_stack, stack_low(f->stack),
                   (size_t)((char *)(f->stack + 1) - stack_low(f->stack)));
#ifdef SANITIZE_THREAD_ON
    __tsan_switch_to_fiber(f->tsan, 0);
#endif
    context_switch(&l->home_sp, f->sp);
    arrive_home(l);
}

static void switch_home(struct fiber *f)
{
    struct loop *l = f->loop;
#ifdef SANITIZE_ADDRESS_ON
    if (f->lent) SANITIZE_FORBID(f->lent, f->lent_bytes);
    f->lent = NULL;
    SANITIZE_LEAVE(f->state == FIBER_ENDED ? NULL : &f->fake_stack, l->home_low, l->home_bytes);
#endif
#ifdef SANITIZE_THREAD_ON
    __tsan_switch_to_fiber(l->home_tsan, 0);
#endif
    context_switch(&f->sp, l->home_sp);
    arrive_in_fiber(f, false);
}

void fiber_lend(const void *at, size_t bytes)
{
#ifdef SANITIZE_ADDRESS_ON
    struct fiber *f = loop_of_thread->current;
    if (!f) return;
    uintptr_t end = ((uintptr_t)at + bytes + 7) & ~(uintptr_t)7; /* memory is forbidden in eights */
    f->lent = at;
    f->lent_bytes = end - (uintptr_t)at;
#endif
    (void)at;
    (void)bytes;
}

/* ---- start and end ---- */

static void fiber_begin(void *arg)
{
    struct fiber *f = arg;
    arrive_in_fiber(f, true);
    f->main(f->arg);
    f->state = FIBER_ENDED;
    switch_home(f);
}

struct fiber *fiber_new(struct loop *l, fiber_main *main, void *arg)
{
    struct stack *stack = stack_take(&l->stacks);
    if (!stack) {
        l->stats.fibers_refused++;
        return NULL;
    }
    SANITIZE_ALLOW(stack_low(stack), (size_t)((char *)stack - stack_low(stack)));
    SANITIZE_ROOT(stack_low(stack), (size_t)((char *)stack - stack_low(stack)));
    uintptr_t at = ((uintptr_t)stack_top(stack) - sizeof(struct fiber)) & ~(uintptr_t)(CACHE_LINE_BYTES - 1);
    struct fiber *f = (struct fiber *)at;
    memset(f, 0, sizeof *f);
    loop_item_init(&f->item, fiber_run_item);
    list_init(&f->member);
    f->loop = l;
    f->stack = stack;
    f->main = main;
    f->arg = arg;
    f->deadline = NEVER;
    f->sp = context_init(f, fiber_begin, f);
#ifdef SANITIZE_THREAD_ON
    f->tsan = __tsan_create_fiber(0);
#endif
    l->stats.fibers_started++;
    if (++l->stats.fibers > l->stats.fibers_peak) l->stats.fibers_peak = l->stats.fibers;
    return f;
}

static void fiber_free(struct fiber *f)
{
    struct loop *l = f->loop;
    struct stack *stack = f->stack;
    loop_forget_deadline(l, f);
    l->stats.fibers--;
    if (f->group) fiber_group_member_ended(f->group, f);
#ifdef SANITIZE_THREAD_ON
    __tsan_destroy_fiber(f->tsan);
#endif
    SANITIZE_UNROOT(stack_low(stack), (size_t)((char *)stack - stack_low(stack)));
    stack_give(&l->stacks, stack);
}

/* A counter that costs nothing to read. Its pace only has to be known roughly. */
static inline uint64_t cycle_count(void)
{
#ifdef __x86_64__
    return __builtin_ia32_rdtsc(); /* 1 to 5 GHz */
#else
    uint64_t count, per_second;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(per_second)); /* 1 MHz to 1 GHz */
    return count * (1000000000 / per_second);
#endif
}

/* libuv reads the clock around each poll. When a turn gets long (1 to 5 ms) it is read again, so that the deadlines of
 * those who run last do not begin in the past. */
static inline void clock_refresh(struct loop *l)
{
    enum { CYCLES = 5000000 };
    uint64_t now = cycle_count();
    if (LIKELY(now - l->clock_cycles < CYCLES)) return;
    l->clock_cycles = now;
    uv_update_time(&l->uv);
}

static void fiber_resume(struct fiber *f)
{
    struct loop *l = f->loop;
    clock_refresh(l);
    f->state = FIBER_RUNNING;
    l->current = f;
    switch_to_fiber(l, f);
    l->current = NULL;
    if (UNLIKELY(f->state == FIBER_ENDED)) fiber_free(f);
}

void fiber_run_item(struct loop_item *item)
{
    fiber_resume(CONTAINER_OF(item, struct fiber, item));
}

struct fiber *fiber_start(struct loop *l, fiber_main *main, void *arg)
{
    struct fiber *f = fiber_new(l, main, arg);
    if (f) loop_enqueue(l, &f->item);
    return f;
}

bool fiber_start_now(struct loop *l, fiber_main *main, void *arg)
{
    require(!l->current);
    struct fiber *f = fiber_new(l, main, arg);
    if (!f) return false;
    fiber_resume(f);
    return true;
}

/* ---- waiting ---- */

enum io fiber_park(struct fiber *f, msec_t deadline)
{
    f->deadline = deadline;
    f->state = FIBER_WAITING;
    if (deadline != NEVER) loop_watch_deadline(f->loop, f, deadline);
    switch_home(f);
    return (enum io)f->result;
}

enum io fiber_wait(msec_t deadline)
{
    struct fiber *f = loop_of_thread->current;
    require(f != NULL);
    if (f->is_cancelled) return IO_CANCELLED;
    return fiber_park(f, deadline);
}

bool fiber_is_waiting(const struct fiber *f)
{
    return f->state == FIBER_WAITING;
}

void fiber_wake(struct fiber *f, enum io result)
{
    require(f->state == FIBER_WAITING);
    f->result = (uint8_t)result;
    f->state = FIBER_READY;
    loop_enqueue(f->loop, &f->item);
}

void fiber_wake_now(struct fiber *f, enum io result)
{
    require(f->state == FIBER_WAITING && !f->loop->current);
    f->result = (uint8_t)result;
    fiber_resume(f);
}

void fiber_cancel(struct fiber *f)
{
    if (f->is_cancelled) return;
    f->is_cancelled = true;
    if (f->state == FIBER_WAITING && !f->is_shielded) fiber_wake(f, IO_CANCELLED);
}

bool fiber_is_cancelled(const struct fiber *f)
{
    return f->is_cancelled;
}

enum io fiber_sleep(msec_t after_ms)
{
    msec_t now = fiber_now();
    return fiber_wait(after_ms < NEVER - now ? now + after_ms : NEVER);
}

enum io fiber_yield(void)
{
    struct fiber *f = loop_of_thread->current;
    require(f != NULL);
    if (f->is_cancelled) return IO_CANCELLED;
    f->result = IO_OK;
    f->state = FIBER_READY;
    loop_enqueue(f->loop, &f->item);
    switch_home(f);
    return f->is_cancelled ? IO_CANCELLED : IO_OK;
}

/* ---- looking ---- */

struct fiber *fiber_current(void)
{
    return loop_of_thread ? loop_of_thread->current : NULL;
}

msec_t fiber_now(void)
{
    return (msec_t)uv_now(&loop_of_thread->uv);
}

msec_t fiber_deadline(msec_t after_ms)
{
    msec_t now = fiber_now();
    if (after_ms == 0 || after_ms >= NEVER - now) return NEVER;
    return now + after_ms;
}

void fiber_trim_stack(void)
{
    struct fiber *f = loop_of_thread->current;
    enum { BELOW_US = 512 }; /* the frames of the call itself, and the ABI's red zone */
    stack_trim(f->stack, (char *)__builtin_frame_address(0) - BELOW_US);
}

size_t fiber_stack_high_water(const struct fiber *f)
{
    return stack_high_water(f->stack);
}
