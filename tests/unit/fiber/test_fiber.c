/* tests/unit/fiber/test_fiber.c: fibers wait, are woken, time out, are cancelled; the loop between them. */
#include "loop_test.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>

/* ---- order ---- */

struct notes {
    char text[64];
    size_t len;
};

static struct notes notes;

static void note(char c)
{
    if (notes.len < sizeof notes.text - 1) notes.text[notes.len++] = c;
    notes.text[notes.len] = 0;
}

static void lower_main(void *arg)
{
    (void)arg;
    note('a');
    EXPECT_EQ(fiber_yield(), IO_OK);
    note('b');
    EXPECT_EQ(fiber_yield(), IO_OK);
    note('c');
}

static void upper_main(void *arg)
{
    EXPECT_NOT_NULL(fiber_start(loop_current(), lower_main, arg));
    note('A');
    EXPECT_EQ(fiber_yield(), IO_OK);
    note('B');
    EXPECT_EQ(fiber_yield(), IO_OK);
    note('C');
}

TEST(fiber, those_that_yield_take_turns)
{
    notes = (struct notes){.len = 0};
    run_on_loop(upper_main, NULL);
    EXPECT_STR_EQ(notes.text, "AaBbCc");
}

/* ---- sleeping ---- */

static msec_t sleepers_began; /* for all the same, however long the loop was held up between two of them */

static void sleep_main(void *arg)
{
    int ms = *(int *)arg;
    EXPECT_EQ(fiber_wait(sleepers_began + ms), IO_TIMEOUT);
    EXPECT_TRUE(fiber_now() - sleepers_began >= ms);
    note((char)('0' + ms / 10));
}

TEST(fiber, sleepers_wake_in_the_order_of_their_deadlines)
{
    static int lengths[] = {50, 10, 30, 0, 20, 40};
    struct loop *l = loop_new();
    notes = (struct notes){.len = 0};
    sleepers_began = fiber_now();
    for (size_t i = 0; i < ARRAY_COUNT(lengths); i++)
        EXPECT_NOT_NULL(fiber_start(l, sleep_main, &lengths[i]));
    loop_run(l);
    loop_free(l);
    EXPECT_STR_EQ(notes.text, "012345");
}

struct random_sleeps {
    unsigned seed, late;
    msec_t seen, held_up_ms; /* when one of them ran last; how long none of them did where some should have */
};

static void look_at_clock(struct random_sleeps *r)
{
    msec_t now = fiber_now();
    if (now - r->seen > 20) r->held_up_ms += now - r->seen;
    r->seen = now;
}

static void random_sleeper(void *arg)
{
    struct random_sleeps *r = arg;
    for (int i = 0; i < 20; i++) {
        r->seed = r->seed * 1103515245 + 12345;
        look_at_clock(r);
        msec_t ms = r->seed >> 16 & 15, before = fiber_now(), held_up_ms = r->held_up_ms;
        EXPECT_EQ(fiber_sleep(ms), IO_TIMEOUT);
        look_at_clock(r);
        msec_t took = fiber_now() - before;
        EXPECT_TRUE(took >= ms);
        if (took > ms + 200 + r->held_up_ms - held_up_ms) r->late++;
    }
}

TEST(fiber, a_thousand_sleepers_with_growing_and_shrinking_deadlines_all_wake_in_time)
{
    static struct random_sleeps r;
    r = (struct random_sleeps){.seed = 1};
    struct loop *l = loop_new();
    r.seen = fiber_now();
    size_t count = test_count(1000);
    for (size_t i = 0; i < count; i++) EXPECT_NOT_NULL(fiber_start(l, random_sleeper, &r));
    loop_run(l);
    EXPECT_EQ(loop_read_stats(l).fibers, 0);
    loop_free(l);
    EXPECT_EQ(r.late, 0);
}

/* ---- waking ---- */

struct meeting {
    struct fiber *waiter;
    enum io result;
    bool is_over;
};

static void waiter_main(void *arg)
{
    struct meeting *m = arg;
    m->waiter = fiber_current();
    m->result = fiber_wait(fiber_deadline(60000));
    m->is_over = true;
}

static void waker_main(void *arg)
{
    struct meeting *m = arg;
    EXPECT_TRUE(fiber_is_waiting(m->waiter));
    fiber_wake(m->waiter, IO_END);
    EXPECT_FALSE(fiber_is_waiting(m->waiter));
    fiber_cancel(m->waiter); /* too late to change what it was woken with */
}

TEST(fiber, a_waker_chooses_the_result_of_the_wait)
{
    struct meeting m = {0};
    struct loop *l = loop_new();
    EXPECT_NOT_NULL(fiber_start(l, waiter_main, &m));
    EXPECT_NOT_NULL(fiber_start(l, waker_main, &m));
    msec_t before = clock_monotonic_ms();
    loop_run(l);
    EXPECT_TRUE(m.is_over);
    EXPECT_EQ(m.result, IO_END);
    EXPECT_TRUE(clock_monotonic_ms() - before < 10000); /* an unused deadline does not hold the loop */
    loop_free(l);
}

static void sticky_main(void *arg)
{
    struct meeting *m = arg;
    m->waiter = fiber_current();
    EXPECT_EQ(fiber_wait(NEVER), IO_CANCELLED);
    EXPECT_TRUE(fiber_is_cancelled(fiber_current()));
    EXPECT_EQ(fiber_sleep(1000000), IO_CANCELLED);
    EXPECT_EQ(fiber_yield(), IO_CANCELLED);
    EXPECT_EQ(fiber_wait(fiber_now()), IO_CANCELLED);
    m->is_over = true;
}

static void canceller_main(void *arg)
{
    struct meeting *m = arg;
    fiber_cancel(m->waiter);
    fiber_cancel(m->waiter);
    EXPECT_FALSE(m->is_over); /* only the loop resumes fibers */
}

TEST(fiber, a_cancel_is_sticky_and_only_the_loop_resumes)
{
    struct meeting m = {0};
    struct loop *l = loop_new();
    EXPECT_NOT_NULL(fiber_start(l, sticky_main, &m));
    EXPECT_NOT_NULL(fiber_start(l, canceller_main, &m));
    loop_run(l);
    loop_free(l);
    EXPECT_TRUE(m.is_over);
}

static void timed_out_main(void *arg)
{
    struct meeting *m = arg;
    m->waiter = fiber_current();
    EXPECT_EQ(fiber_wait(fiber_now() + 20), IO_TIMEOUT);
    EXPECT_EQ(fiber_wait(fiber_now() - 20), IO_TIMEOUT);
    EXPECT_EQ(fiber_wait(fiber_now() + 40), IO_TIMEOUT);
    EXPECT_EQ(fiber_wait(fiber_now() + 5), IO_TIMEOUT);
    m->is_over = true;
}

TEST(fiber, waits_end_at_their_deadlines_also_shorter_and_past_ones)
{
    struct meeting m = {0};
    run_on_loop(timed_out_main, &m);
    EXPECT_TRUE(m.is_over);
}

static void cancelled_before_it_ran(void *arg)
{
    struct meeting *m = arg;
    m->result = fiber_sleep(60000);
    m->is_over = true;
}

TEST(fiber, one_that_is_cancelled_before_it_ran_still_runs_to_its_end)
{
    struct meeting m = {0};
    struct loop *l = loop_new();
    struct fiber *f = fiber_start(l, cancelled_before_it_ran, &m);
    ASSERT_TRUE(f != NULL);
    fiber_cancel(f);
    loop_run(l);
    loop_free(l);
    EXPECT_TRUE(m.is_over);
    EXPECT_EQ(m.result, IO_CANCELLED);
}

TEST(fiber, a_deadline_of_zero_is_never)
{
    struct loop *l = loop_new();
    EXPECT_EQ(fiber_deadline(0), NEVER);
    EXPECT_EQ(fiber_deadline(NEVER), NEVER);
    EXPECT_EQ(fiber_deadline(NEVER - 1), NEVER);
    EXPECT_EQ(fiber_deadline(5), fiber_now() + 5);
    loop_free(l);
}

/* ---- many ---- */

enum { MANY = 30000 };

static void parked_main(void *arg)
{
    struct list *head = arg;
    (void)head;
    EXPECT_EQ(fiber_wait(fiber_deadline(600000)), IO_CANCELLED);
}

struct crowd {
    size_t count;
    struct fiber **fibers;
    struct loop_stats at_most;
};

static void crowd_main(void *arg)
{
    struct crowd *c = arg;
    size_t started = 0;
    for (; started < c->count; started++) {
        c->fibers[started] = fiber_start(loop_current(), parked_main, NULL);
        if (!c->fibers[started]) break;
    }
    EXPECT_EQ(started, c->count);
    EXPECT_EQ(fiber_yield(), IO_OK);
    EXPECT_EQ(fiber_yield(), IO_OK);
    c->at_most = loop_read_stats(loop_current());
    for (size_t i = 0; i < started; i++) fiber_cancel(c->fibers[i]);
}

TEST(fiber, thirty_thousand_wait_at_once)
{
    struct crowd c = {.count = test_count(MANY)};
#ifdef WEIR_SANITIZED
    if (c.count > 3000) c.count = 3000; /* sanitizers map much more per fiber */
#endif
    c.fibers = calloc(c.count, sizeof(struct fiber *));
    run_on_loop(crowd_main, &c);
    EXPECT_EQ(c.at_most.fibers, c.count + 1);
    free(c.fibers);
}

/* ---- stacks ---- */

struct depth {
    size_t before, deep, trimmed;
};

__attribute__((noinline)) static void use_stack(void)
{
    volatile char room[20000];
    for (size_t i = 0; i < sizeof room; i++) room[i] = 1;
}

static void depth_main(void *arg)
{
    struct depth *d = arg;
    d->before = fiber_stack_high_water(fiber_current());
    use_stack();
    d->deep = fiber_stack_high_water(fiber_current());
    fiber_trim_stack();
    d->trimmed = fiber_stack_high_water(fiber_current());
}

TEST(fiber, a_shallow_one_costs_a_page_and_trimming_gives_deep_pages_back)
{
    struct depth d = {0};
    run_on_loop(depth_main, &d);
#ifndef WEIR_SANITIZED
    EXPECT_TRUE(d.before <= 8192);
#endif
    EXPECT_TRUE(d.deep >= 20000);
    EXPECT_TRUE(d.trimmed <= d.before);
}

/* ---- now, ticks, posts ---- */

TEST(fiber, started_from_the_loop_runs_to_its_first_wait_at_once)
{
    struct meeting m = {0};
    struct loop *l = loop_new();
    EXPECT_TRUE(fiber_start_now(l, waiter_main, &m));
    ASSERT_TRUE(m.waiter != NULL);
    EXPECT_TRUE(fiber_is_waiting(m.waiter));
    fiber_wake_now(m.waiter, IO_OK);
    EXPECT_TRUE(m.is_over);
    loop_free(l);
}

struct ticking {
    struct loop *loop;
    int count;
};

static void on_tick(void *arg)
{
    struct ticking *t = arg;
    if (++t->count == 3) loop_stop(t->loop);
}

static void never_main(void *arg)
{
    struct meeting *m = arg;
    m->waiter = fiber_current();
    m->result = fiber_wait(fiber_deadline(600000));
}

TEST(loop, ticks_until_it_is_stopped)
{
    struct meeting m = {0};
    struct ticking t = {.loop = loop_new()};
    loop_tick(t.loop, 5, on_tick, &t);
    EXPECT_NOT_NULL(fiber_start(t.loop, never_main, &m)); /* a tick alone does not keep a loop running */
    loop_run(t.loop);
    EXPECT_EQ(t.count, 3);
    fiber_cancel(m.waiter);
    loop_run(t.loop);
    EXPECT_EQ(m.result, IO_CANCELLED);
    loop_free(t.loop);
}

struct posting {
    struct loop *loop;
    struct meeting *meeting;
    int got;
    bool is_in_order;
};

struct letter {
    struct posting *posting;
    int number;
};

enum { LETTERS = 1000 };

static void on_letter(void *arg)
{
    struct letter *letter = arg;
    struct posting *p = letter->posting;
    if (letter->number != p->got) p->is_in_order = false;
    if (++p->got == LETTERS) fiber_wake(p->meeting->waiter, IO_OK);
    free(letter);
}

static void *post_all(void *arg)
{
    struct posting *p = arg;
    for (int i = 0; i < LETTERS; i++) {
        struct letter *letter = malloc(sizeof *letter);
        *letter = (struct letter){.posting = p, .number = i};
        loop_post(p->loop, on_letter, letter);
    }
    return NULL;
}

TEST(loop, jobs_from_another_thread_come_in_order)
{
    struct meeting m = {0};
    struct posting p = {.loop = loop_new(), .meeting = &m, .is_in_order = true};
    pthread_t thread;
    EXPECT_TRUE(fiber_start_now(p.loop, waiter_main, &m));
    EXPECT_EQ(pthread_create(&thread, NULL, post_all, &p), 0);
    loop_run(p.loop);
    pthread_join(thread, NULL);
    EXPECT_EQ(p.got, LETTERS);
    EXPECT_TRUE(p.is_in_order);
    EXPECT_EQ(m.result, IO_OK);
    loop_free(p.loop);
}

static void on_late_letter(void *arg)
{
    *(bool *)arg = true;
}

TEST(loop, a_job_that_was_posted_is_run_even_when_the_loop_ends)
{
    bool has_run = false;
    struct loop *l = loop_new();
    loop_post(l, on_late_letter, &has_run);
    loop_free(l);
    EXPECT_TRUE(has_run);
}

/* ---- offload ---- */

struct job {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool may_end, has_begun, has_run;
    int *dropped;
    struct loop *loop;
};

static struct job *job_new(int *dropped, bool may_end)
{
    struct job *j = calloc(1, sizeof *j);
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->changed, NULL);
    j->dropped = dropped;
    j->may_end = may_end;
    j->loop = loop_current();
    return j;
}

static void job_work(void *arg)
{
    struct job *j = arg;
    pthread_mutex_lock(&j->lock);
    j->has_begun = true;
    while (!j->may_end) pthread_cond_wait(&j->changed, &j->lock);
    j->has_run = true;
    pthread_mutex_unlock(&j->lock);
}

static void job_let_end(struct job *j)
{
    pthread_mutex_lock(&j->lock);
    j->may_end = true;
    pthread_cond_signal(&j->changed);
    pthread_mutex_unlock(&j->lock);
}

static void job_drop(void *arg)
{
    struct job *j = arg;
    (*j->dropped)++;
    free(j);
}

static void offload_main(void *arg)
{
    struct job *j = job_new(arg, true);
    EXPECT_EQ(fiber_offload(job_work, job_drop, j, fiber_deadline(10000)), IO_OK);
    EXPECT_TRUE(j->has_run);
    free(j);
}

TEST(offload, the_job_is_the_callers_again_when_it_is_done)
{
    int dropped = 0;
    run_on_loop(offload_main, &dropped);
    EXPECT_EQ(dropped, 0);
}

static void offload_late_main(void *arg)
{
    int *dropped = arg;
    struct job *j = job_new(dropped, false);
    EXPECT_EQ(fiber_offload(job_work, job_drop, j, fiber_now() + 10), IO_TIMEOUT);
    EXPECT_EQ(*dropped, 0);
    job_let_end(j);
}

TEST(offload, a_job_that_takes_too_long_is_left_behind_and_dropped_when_it_ends)
{
    int dropped = 0;
    run_on_loop(offload_late_main, &dropped);
    EXPECT_EQ(dropped, 1);
}

static void offload_cancelled_main(void *arg)
{
    int *dropped = arg;
    fiber_cancel(fiber_current());
    EXPECT_EQ(fiber_offload(job_work, job_drop, job_new(dropped, true), NEVER), IO_CANCELLED);
    EXPECT_EQ(*dropped, 1);
}

TEST(offload, a_cancelled_fiber_starts_no_job)
{
    int dropped = 0;
    run_on_loop(offload_cancelled_main, &dropped);
    EXPECT_EQ(dropped, 1);
}
