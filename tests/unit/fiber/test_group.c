/* tests/unit/fiber/test_group.c: children belong to their parent. */
#include "loop_test.h"

struct child {
    msec_t sleeps_ms;
    enum io result;
    bool has_ended;
};

static void child_main(void *arg)
{
    struct child *c = arg;
    c->result = fiber_sleep(c->sleeps_ms);
    c->has_ended = true;
}

/* Does not leave at once: what it must give back takes a few turns. */
static void slow_leaver_main(void *arg)
{
    struct child *c = arg;
    struct fiber_group g;
    struct child grandchild = {.sleeps_ms = 60000};
    fiber_group_init(&g);
    EXPECT_TRUE(fiber_group_start(&g, child_main, &grandchild));
    c->result = fiber_group_wait_all(&g, NEVER);
    EXPECT_EQ(grandchild.result, IO_CANCELLED);
    c->has_ended = true;
}

static void first_main(void *arg)
{
    (void)arg;
    struct child fast = {.sleeps_ms = 5}, slow = {.sleeps_ms = 60000};
    struct fiber_group g;
    fiber_group_init(&g);
    EXPECT_TRUE(fiber_group_start(&g, child_main, &slow));
    EXPECT_EQ(fiber_group_wait_first(&g, fiber_deadline(5)), IO_TIMEOUT);
    EXPECT_TRUE(fiber_group_start(&g, child_main, &fast));
    EXPECT_EQ(fiber_group_wait_first(&g, NEVER), IO_OK);
    EXPECT_TRUE(fast.has_ended);
    EXPECT_FALSE(slow.has_ended);
    fiber_group_cancel(&g);
    EXPECT_TRUE(slow.has_ended);
    EXPECT_EQ(slow.result, IO_CANCELLED);
    EXPECT_EQ(fiber_group_wait_first(&g, NEVER), IO_END);
}

TEST(group, a_hedge_starts_a_second_child_takes_the_first_to_end_and_cancels_the_other)
{
    run_on_loop(first_main, NULL);
}

static void each_main(void *arg)
{
    (void)arg;
    struct child children[3] = {{.sleeps_ms = 1}, {.sleeps_ms = 2}, {.sleeps_ms = 3}};
    struct fiber_group g;
    fiber_group_init(&g);
    for (int i = 0; i < 3; i++) EXPECT_TRUE(fiber_group_start(&g, child_main, &children[i]));
    EXPECT_EQ(fiber_sleep(20), IO_TIMEOUT);
    for (int i = 0; i < 3; i++) EXPECT_EQ(fiber_group_wait_first(&g, NEVER), IO_OK);
    EXPECT_EQ(fiber_group_wait_first(&g, NEVER), IO_END);
}

TEST(group, each_end_is_told_once_even_when_nobody_waited)
{
    run_on_loop(each_main, NULL);
}

static void all_main(void *arg)
{
    (void)arg;
    struct child children[10] = {{.sleeps_ms = 1}};
    struct fiber_group g;
    fiber_group_init(&g);
    for (int i = 0; i < 10; i++) {
        children[i].sleeps_ms = i;
        EXPECT_TRUE(fiber_group_start(&g, child_main, &children[i]));
    }
    EXPECT_EQ(fiber_group_wait_all(&g, fiber_deadline(60000)), IO_OK);
    for (int i = 0; i < 10; i++) EXPECT_TRUE(children[i].has_ended);
    EXPECT_EQ(fiber_group_wait_all(&g, NEVER), IO_OK);
}

TEST(group, waits_for_all)
{
    run_on_loop(all_main, NULL);
}

struct family {
    struct fiber *parent;
    struct child children[2], slow_leaver;
    enum io result;
    bool is_parent_gone;
};

static void parent_main(void *arg)
{
    struct family *f = arg;
    struct fiber_group g;
    f->parent = fiber_current();
    fiber_group_init(&g);
    for (int i = 0; i < 2; i++) EXPECT_TRUE(fiber_group_start(&g, child_main, &f->children[i]));
    EXPECT_TRUE(fiber_group_start(&g, slow_leaver_main, &f->slow_leaver));
    f->result = fiber_group_wait_all(&g, NEVER);
    for (int i = 0; i < 2; i++) EXPECT_TRUE(f->children[i].has_ended);
    EXPECT_TRUE(f->slow_leaver.has_ended);
    EXPECT_EQ(fiber_sleep(1), IO_CANCELLED);
    f->is_parent_gone = true;
}

static void killer_main(void *arg)
{
    struct family *f = arg;
    EXPECT_EQ(fiber_yield(), IO_OK);
    EXPECT_EQ(fiber_yield(), IO_OK);
    fiber_cancel(f->parent);
    EXPECT_EQ(fiber_yield(), IO_OK);
    fiber_cancel(f->parent);
}

TEST(group, a_cancelled_parent_leaves_after_all_its_children_have_left)
{
    struct family f = {.children = {{.sleeps_ms = 60000}, {.sleeps_ms = 60000}}};
    struct loop *l = loop_new();
    EXPECT_NOT_NULL(fiber_start(l, parent_main, &f));
    EXPECT_NOT_NULL(fiber_start(l, killer_main, &f));
    loop_run(l);
    loop_free(l);
    EXPECT_EQ(f.result, IO_CANCELLED);
    EXPECT_EQ(f.children[0].result, IO_CANCELLED);
    EXPECT_EQ(f.slow_leaver.result, IO_CANCELLED);
    EXPECT_TRUE(f.is_parent_gone);
}
