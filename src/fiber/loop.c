/* fiber/loop.c: one libuv loop and what fibers need of it.
 *
 * The queue holds what is to run when the loop comes round: woken fibers and deferred calls. It is served after the poll
 * (uv_check) and before it (uv_idle). The idle handle runs exactly while the queue is not empty, which is also what keeps
 * libuv from sleeping; so an empty queue costs nothing and a full one no system call. Each serving takes what was there
 * when it began, so that a fiber that yields lets the sockets have their turn.
 *
 * Deadlines: one uv timer, set for the earliest moment of the heap; see deadlines.c for why that moment is often stale.
 * The loop's clock is read by libuv around each poll; fiber.c reads it again when a turn gets long. A loop that was held up
 * (a core that others have, a long turn) comes to its timers first: then it looks at its sockets once before it says that
 * nothing came in time, because what came meanwhile is in the kernel. */
#include "fiber/inside.h"

#include "base/check.h"
#include "base/mem.h"

#include <signal.h>

enum { TRIM_EVERY_MS = 1000, LATE_MS = 20, AFTER_POLL_MS = 1 };

_Thread_local struct loop *loop_of_thread __attribute__((tls_model("initial-exec")));

#ifdef SANITIZE_THREAD_ON
/* libuv closes descriptors by bare system calls that ThreadSanitizer does not see: a number that comes back in another
 * thread then looks like a race on the descriptor. */
const char *__tsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void)
{
    return "race_top:^socket$\n"
           "race_top:^accept4$\n"
           "race_top:^pipe2$\n"
           "race_top:^eventfd$\n"
           "race_top:epoll_create1$\n"
           "race_top:^__close$\n"
           "race_top:^close$\n";
}
#endif

/* ---- the queue ---- */

static void queue_serve(struct loop *l)
{
    struct list batch;
    list_init(&batch);
    batch.next = l->queue.next;
    batch.prev = l->queue.prev;
    batch.next->prev = &batch;
    batch.prev->next = &batch;
    list_init(&l->queue);
    while (!list_is_empty(&batch)) {
        struct loop_item *item = LIST_ITEM(batch.next, struct loop_item, _link);
        list_remove(&item->_link);
        item->_run(item);
    }
    if (l->has_idle && list_is_empty(&l->queue)) {
        l->has_idle = false;
        uv_idle_stop(&l->idle);
    }
}

static void on_idle(uv_idle_t *idle)
{
    queue_serve(idle->data);
}

static void on_check(uv_check_t *check)
{
    struct loop *l = check->data;
    if (l->has_idle) queue_serve(l);
}

void loop_enqueue(struct loop *l, struct loop_item *item)
{
    list_append(&l->queue, &item->_link);
    if (l->has_idle) return;
    l->has_idle = true;
    uv_idle_start(&l->idle, on_idle);
}

/* ---- deadlines ---- */

static void on_timer(uv_timer_t *timer);

static void timer_set(struct loop *l, msec_t least_ms)
{
    msec_t at = l->deadlines.heap[0].at, after = at - (msec_t)uv_now(&l->uv);
    l->timer_at = at;
    uv_timer_start(&l->timer, on_timer, (uint64_t)(after > least_ms ? after : least_ms), 0);
}

/* Up to which moment deadlines have passed. Who comes late says so only of those that had passed when it last came, because
 * the sockets have been looked at since. */
static msec_t passed_until(struct loop *l, msec_t now)
{
    bool is_late = l->deadlines.count && now - l->deadlines.heap[0].at > LATE_MS;
    msec_t until = is_late ? l->looked_at : now;
    l->looked_at = now;
    return until;
}

static void on_timer(uv_timer_t *timer)
{
    struct loop *l = timer->data;
    struct deadlines *d = &l->deadlines;
    msec_t now = (msec_t)uv_now(&l->uv), until = passed_until(l, now);
    l->timer_at = NEVER;
    while (d->count && d->heap[0].at <= until) {
        struct fiber *f = d->heap[0].fiber;
        bool is_waiting = f->state == FIBER_WAITING;
        if (is_waiting && f->deadline > until && f->deadline != NEVER) {
            deadlines_arm(d, f, f->deadline);
            continue;
        }
        loop_forget_deadline(l, f);
        if (is_waiting && f->deadline <= until) fiber_wake(f, IO_TIMEOUT);
    }
    if (d->count) timer_set(l, until < now ? AFTER_POLL_MS : 0);
}

void loop_watch_deadline(struct loop *l, struct fiber *f, msec_t at)
{
    if (f->deadline_slot && l->deadlines.heap[f->deadline_slot - 1].at <= at) return;
    if (l->deadlines.count == 0) uv_ref((uv_handle_t *)&l->timer);
    deadlines_arm(&l->deadlines, f, at);
    if (at < l->timer_at) timer_set(l, 0);
}

void loop_forget_deadline(struct loop *l, struct fiber *f)
{
    if (!f->deadline_slot) return;
    deadlines_disarm(&l->deadlines, f);
    if (l->deadlines.count == 0) uv_unref((uv_handle_t *)&l->timer);
}

/* ---- posts from other threads ---- */

static void on_async(uv_async_t *async)
{
    struct loop *l = async->data;
    uv_mutex_lock(&l->lock);
    struct post *p = l->posts;
    l->posts = NULL;
    l->posts_end = &l->posts;
    uv_mutex_unlock(&l->lock);
    while (p) {
        struct post *next = p->next;
        p->job(p->arg);
        xfree(p);
        p = next;
    }
}

void loop_post(struct loop *l, void (*job)(void *arg), void *arg)
{
    struct post *p = xmalloc(sizeof *p);
    *p = (struct post){.job = job, .arg = arg};
    uv_mutex_lock(&l->lock);
    *l->posts_end = p;
    l->posts_end = &p->next;
    uv_async_send(&l->async); /* under the lock: loop_free must not overtake it */
    uv_mutex_unlock(&l->lock);
}

/* ---- ticks ---- */

/* Any tick will do for what shall happen now and then; a loop without one keeps its stacks. */
static void trim_stacks(struct loop *l)
{
    msec_t now = (msec_t)uv_now(&l->uv);
    if (now - l->trimmed_at < TRIM_EVERY_MS) return;
    l->trimmed_at = now;
    stack_pool_trim(&l->stacks);
}

static void on_tick(uv_timer_t *timer)
{
    struct tick *t = timer->data;
    trim_stacks(CONTAINER_OF(timer->loop, struct loop, uv));
    t->job(t->arg);
}

struct tick *loop_tick(struct loop *l, msec_t every_ms, void (*job)(void *arg), void *arg)
{
    require(every_ms > 0);
    struct tick *t = xzalloc(sizeof *t);
    t->job = job;
    t->arg = arg;
    list_append(&l->ticks, &t->link);
    uv_timer_init(&l->uv, &t->timer);
    t->timer.data = t;
    uv_timer_start(&t->timer, on_tick, (uint64_t)every_ms, (uint64_t)every_ms);
    uv_unref((uv_handle_t *)&t->timer);
    return t;
}

static void on_tick_closed(uv_handle_t *handle)
{
    xfree(handle->data);
}

void tick_end(struct tick **t)
{
    if (!*t) return;
    list_remove(&(*t)->link);
    uv_close((uv_handle_t *)&(*t)->timer, on_tick_closed);
    *t = NULL;
}

/* ---- life ---- */

/* A peer that has gone must be an error of write(), not a signal. */
static void block_sigpipe(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

struct loop *loop_new(void)
{
    require(loop_of_thread == NULL);
    struct loop *l = xzalloc(sizeof *l);
    if (uv_loop_init(&l->uv) != 0) {
        xfree(l);
        return NULL;
    }
    block_sigpipe();
    list_init(&l->queue);
    list_init(&l->ticks);
    l->timer_at = NEVER;
    l->posts_end = &l->posts;
    stack_pool_init(&l->stacks);
    require(uv_mutex_init(&l->lock) == 0);
    require(uv_async_init(&l->uv, &l->async, on_async) == 0);
    uv_timer_init(&l->uv, &l->timer);
    uv_idle_init(&l->uv, &l->idle);
    uv_check_init(&l->uv, &l->check);
    uv_check_start(&l->check, on_check);
    uv_unref((uv_handle_t *)&l->timer);
    uv_unref((uv_handle_t *)&l->check);
    uv_unref((uv_handle_t *)&l->async);
    l->timer.data = l->idle.data = l->check.data = l->async.data = l;
#ifdef SANITIZE_THREAD_ON
    l->home_tsan = __tsan_get_current_fiber();
#endif
    loop_of_thread = l;
    return l;
}

void loop_free(struct loop *l)
{
    if (!l) return;
    require(l == loop_of_thread && !l->current);
    LIST_EACH(t, &l->ticks, struct tick, link)
    {
        uv_timer_stop(&t->timer); /* what their jobs look at may be gone */
    }
    uv_run(&l->uv, UV_RUN_DEFAULT); /* abandoned jobs end, closed handles go */
    on_async(&l->async);
    require(l->stats.fibers == 0);
    if (l->attached_done) l->attached_done(l->attached);
    while (!list_is_empty(&l->ticks)) {
        struct tick *t = LIST_ITEM(l->ticks.next, struct tick, link);
        tick_end(&t);
    }
    uv_close((uv_handle_t *)&l->timer, NULL);
    uv_close((uv_handle_t *)&l->idle, NULL);
    uv_close((uv_handle_t *)&l->check, NULL);
    uv_close((uv_handle_t *)&l->async, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    require(uv_loop_close(&l->uv) == 0); /* else: somebody's handle is still open */
    uv_mutex_destroy(&l->lock);
    deadlines_done(&l->deadlines);
    stack_pool_done(&l->stacks);
    loop_of_thread = NULL;
    xfree(l);
}

struct loop *loop_current(void)
{
    return loop_of_thread;
}

struct uv_loop_s *loop_uv(struct loop *l)
{
    return &l->uv;
}

void loop_run(struct loop *l)
{
    require(l == loop_of_thread && !l->current);
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
    uv_stop(&l->uv);
}

struct loop_stats loop_read_stats(const struct loop *l)
{
    struct loop_stats stats = l->stats;
    stats.stacks = l->stacks.mapped;
    stats.stacks_free = l->stacks.free;
    return stats;
}

void *loop_attached(const struct loop *l)
{
    return l->attached;
}

void loop_attach(struct loop *l, void *state, void (*done)(void *state))
{
    require(l->attached == NULL);
    l->attached = state;
    l->attached_done = done;
}
