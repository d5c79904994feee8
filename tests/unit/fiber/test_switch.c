/* tests/unit/fiber/test_switch.c: the context switch and the stacks, without libuv: also built for arm64 and run under
 * qemu. */
#include "test.h"

#include "base/attributes.h"
#include "fiber/sanitize.h"
#include "fiber/stack.h"
#include "fiber/switch.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- two contexts ---- */

struct pair {
    void *home, *there;
    long rounds, sum;
    double product;
    struct stack *stack;
    void *fake_stack;
    const void *home_low;
    size_t home_bytes;
#ifdef SANITIZE_THREAD_ON
    void *tsan_home, *tsan_there;
#endif
};

static void go_there(struct pair *p)
{
    void *fake = NULL;
    SANITIZE_LEAVE(&fake, stack_low(p->stack), STACK_BYTES);
#ifdef SANITIZE_THREAD_ON
    __tsan_switch_to_fiber(p->tsan_there, 0);
#endif
    context_switch(&p->home, p->there);
    SANITIZE_ARRIVE(fake, NULL, NULL);
    (void)fake;
}

static void go_home(struct pair *p, bool is_last)
{
    SANITIZE_LEAVE(is_last ? NULL : &p->fake_stack, p->home_low, p->home_bytes);
#ifdef SANITIZE_THREAD_ON
    __tsan_switch_to_fiber(p->tsan_home, 0);
#endif
    context_switch(&p->there, p->home);
    SANITIZE_ARRIVE(p->fake_stack, &p->home_low, &p->home_bytes);
    (void)is_last;
}

/* More values than registers, whole and broken, live across the switch. */
static void count_main(void *arg)
{
    struct pair *p = arg;
    SANITIZE_ARRIVE(NULL, &p->home_low, &p->home_bytes);
    long a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8;
    double s = 1, t = 1.5, u = 2, v = 2.5, w = 3, x = 3.5, y = 4, z = 4.5, aa = 5;
    for (; p->rounds > 0; p->rounds--) {
        go_home(p, false);
        p->sum += a + b + c + d + e + f + g + h;
        p->product += s * t + u * v + w * x + y * z + aa;
        a++, b--, c++, d--, e++, f--, g++, h--;
    }
    p->rounds = -1;
    go_home(p, true);
}

static void pair_init(struct pair *p, struct stack_pool *pool, void (*main)(void *))
{
    *p = (struct pair){.stack = stack_take(pool)};
    p->there = context_init(stack_top(p->stack), main, p);
#ifdef SANITIZE_THREAD_ON
    p->tsan_home = __tsan_get_current_fiber();
    p->tsan_there = __tsan_create_fiber(0);
#endif
}

static void pair_done(struct pair *p, struct stack_pool *pool)
{
#ifdef SANITIZE_THREAD_ON
    __tsan_destroy_fiber(p->tsan_there);
#endif
    stack_give(pool, p->stack);
}

TEST(context, keeps_all_values_across_a_hundred_thousand_switches)
{
    struct stack_pool pool;
    struct pair p;
    stack_pool_init(&pool);
    pair_init(&p, &pool, count_main);
    p.rounds = 100000;
    long there_and_back = 0;
    double own = 0.5;
    while (p.rounds >= 0) {
        go_there(&p);
        there_and_back++;
        own += 0.25;
    }
    EXPECT_EQ(there_and_back, 100001);
    EXPECT_EQ(p.sum, 36L * 100000);
    EXPECT_NEAR(p.product, 100000 * (1.5 + 5 + 10.5 + 18 + 5), 0.001);
    EXPECT_NEAR(own, 0.5 + 0.25 * 100001, 0.001);
    pair_done(&p, &pool);
    stack_pool_done(&pool);
}

static void check_alignment_main(void *arg)
{
    struct pair *p = arg;
    SANITIZE_ARRIVE(NULL, &p->home_low, &p->home_bytes);
    long double wide __attribute__((aligned(16))) = 1.5L; /* moved with aligned instructions */
    volatile char *at = (volatile char *)&wide;
    p->sum = (long)((uintptr_t)at & 15);
    go_home(p, true);
}

TEST(context, begins_on_an_aligned_stack)
{
    struct stack_pool pool;
    struct pair p;
    stack_pool_init(&pool);
    pair_init(&p, &pool, check_alignment_main);
    p.sum = -1;
    go_there(&p);
    EXPECT_EQ(p.sum, 0);
    pair_done(&p, &pool);
    stack_pool_done(&pool);
}

/* ---- stacks ---- */

TEST(stack, hands_out_the_one_that_was_given_back_last)
{
    struct stack_pool pool;
    stack_pool_init(&pool);
    struct stack *a = stack_take(&pool), *b = stack_take(&pool);
    EXPECT_TRUE(a && b && a != b);
    stack_give(&pool, a);
    stack_give(&pool, b);
    EXPECT_EQ(pool.mapped, 2);
    EXPECT_EQ(pool.free, 2);
    EXPECT_TRUE(stack_take(&pool) == b);
    EXPECT_TRUE(stack_take(&pool) == a);
    stack_give(&pool, a);
    stack_give(&pool, b);
    stack_pool_done(&pool);
}

TEST(stack, knows_how_deep_it_was_used_and_can_be_trimmed)
{
    struct stack_pool pool;
    stack_pool_init(&pool);
    struct stack *s = stack_take(&pool);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *top = stack_top(s);
    EXPECT_EQ(stack_high_water(s), page);
    if (page > 4096) {
        stack_give(&pool, s);
        stack_pool_done(&pool);
        SKIP("pages are too large to see anything");
    }
    top[-20000] = 1;
    EXPECT_EQ(stack_high_water(s), 20480);
    stack_trim(s, top - 64);
    EXPECT_EQ(stack_high_water(s), page);
    EXPECT_EQ(top[-20000], 0);
    stack_give(&pool, s);
    stack_pool_done(&pool);
}

TEST(stack, what_is_needed_again_and_again_keeps_its_pages)
{
    enum { MANY = 400 };
    struct stack_pool pool;
    struct stack *all[MANY];
    stack_pool_init(&pool);
    for (int round = 0; round < 3; round++) {
        int untouched = 0;
        for (int i = 0; i < MANY; i++) {
            char *top = stack_top(all[i] = stack_take(&pool));
            untouched += top[-10000] == 0;
            top[-10000] = 1;
        }
        EXPECT_EQ(untouched, round == 0 ? MANY : 0);
        for (int i = 0; i < MANY; i++) stack_give(&pool, all[i]);
        stack_pool_trim(&pool);
    }
    stack_pool_trim(&pool); /* now nobody has needed them */
    int untouched = 0;
    for (int i = 0; i < MANY; i++) {
        char *top = stack_top(all[i] = stack_take(&pool));
        untouched += top[-10000] == 0;
    }
    EXPECT_EQ(untouched, MANY - 128);
    for (int i = 0; i < MANY; i++) stack_give(&pool, all[i]);
    stack_pool_done(&pool);
}

TEST(stack, thirty_thousand_are_mapped_at_once_and_most_go_back_to_the_kernel)
{
    size_t many = test_count(30000); /* valgrind knows no more than 30,000 mappings */
    struct stack_pool pool;
    stack_pool_init(&pool);
    struct stack **all = calloc(many, sizeof *all);
    size_t count = 0;
    while (count < many && (all[count] = stack_take(&pool)) != NULL) count++;
    EXPECT_TRUE(count == many || !pool._has_guard_madvise);
    for (size_t i = 0; i < count; i++) stack_give(&pool, all[i]);
    for (size_t i = 0; i < 2 + count / 1024; i++) stack_pool_trim(&pool);
    EXPECT_TRUE(pool.mapped <= 1024);
    free(all);
    stack_pool_done(&pool);
}

/* How a child that runs `job` ends: 0 for a clean end. */
static int fate_of(void (*job)(void))
{
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGSEGV, SIG_DFL); /* cmocka and sanitizers have handlers */
        signal(SIGBUS, SIG_DFL);
        job();
        _exit(0);
    }
    int status = -1;
    (void)waitpid(child, &status, 0);
    return status;
}

static void touch_guard(void)
{
    struct stack_pool pool;
    stack_pool_init(&pool);
    struct stack *s = stack_take(&pool);
    *(volatile char *)(stack_low(s) - 1) = 1;
}

static void touch_end_of_guard(void)
{
    struct stack_pool pool;
    stack_pool_init(&pool);
    struct stack *s = stack_take(&pool);
    *(volatile char *)(stack_low(s) - STACK_GUARD_BYTES) = 1;
}

static void touch_lowest(void)
{
    struct stack_pool pool;
    stack_pool_init(&pool);
    struct stack *s = stack_take(&pool);
    *(volatile char *)stack_low(s) = 1;
}

TEST(stack, a_step_over_its_end_kills_the_process)
{
    EXPECT_EQ(fate_of(touch_lowest), 0);
    EXPECT_NE(fate_of(touch_guard), 0);
    EXPECT_NE(fate_of(touch_end_of_guard), 0);
}

static void touch_mprotect_guard(void)
{
    struct stack_pool pool;
    stack_pool_init(&pool);
    pool._has_probed = true; /* as a kernel without MADV_GUARD_INSTALL */
    struct stack *s = stack_take(&pool);
    *(volatile char *)(stack_low(s) - 1) = 1;
}

TEST(stack, is_guarded_by_mprotect_on_older_kernels)
{
    EXPECT_NE(fate_of(touch_mprotect_guard), 0);
}

static void take_until_memory_is_gone(void)
{
    struct stack_pool pool;
    struct rlimit little = {64 << 20, 64 << 20};
    stack_pool_init(&pool);
    if (setrlimit(RLIMIT_AS, &little) != 0) _exit(2);
    if (mmap(NULL, 1 << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) _exit(9);
    for (int i = 0; i < 10000; i++)
        if (!stack_take(&pool)) _exit(7);
}

TEST(stack, no_memory_is_an_answer_not_the_end)
{
#ifdef WEIR_SANITIZED
    (void)take_until_memory_is_gone;
    SKIP("sanitizers need more address space than the limit leaves");
#else
    if (test_is_emulated()) SKIP("an emulator's memory has no limit");
    int status = fate_of(take_until_memory_is_gone);
    EXPECT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == 9) SKIP("qemu does not keep the limit");
    EXPECT_EQ(WEXITSTATUS(status), 7);
#endif
}
