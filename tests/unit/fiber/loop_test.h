/* tests/unit/fiber/loop_test.h: a loop with one first fiber. */
#ifndef WEIR_LOOP_TEST_H
#define WEIR_LOOP_TEST_H

#include "test.h"

#include "fiber/fiber.h"

/* Runs main(arg) as a fiber on a loop of its own until nothing is left to do. */
static inline void run_on_loop(fiber_main *main, void *arg)
{
    struct loop *l = loop_new();
    ASSERT_TRUE(l != NULL);
    EXPECT_NOT_NULL(fiber_start(l, main, arg));
    loop_run(l);
    EXPECT_EQ(loop_read_stats(l).fibers, 0);
    loop_free(l);
}

#endif
