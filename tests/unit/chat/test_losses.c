/* Names of what was lost. */
#include "test.h"

#include "chat/losses.h"

static struct arena arena;

TEST(losses, each_name_stands_once)
{
    struct losses l = {0};
    EXPECT_STR_EQ(losses_join(&l, &arena), "");
    losses_add(&l, STR("seed"));
    losses_add_if(&l, false, STR("n"));
    losses_add(&l, STR("logprobs"));
    losses_add(&l, STR("seed"));
    EXPECT_STR_EQ(losses_join(&l, &arena), "seed, logprobs");
    arena_done(&arena);
}

TEST(losses, what_no_header_may_hold_is_called_other)
{
    struct losses l = {0};
    static const char longest[LOSS_NAME_MAX_BYTES + 2] = "";
    losses_add(&l, STR("a\r\nSet-Cookie: x"));
    losses_add(&l, STR("\xc3\xa4"));
    losses_add(&l, STR(""));
    losses_add(&l, str_of(longest, sizeof longest));
    EXPECT_STR_EQ(losses_join(&l, &arena), "other");
    arena_done(&arena);
}

TEST(losses, there_is_an_end_to_them)
{
    struct losses l = {0};
    for (int i = 0; i < 100; i++) losses_add(&l, arena_printf(&arena, "p%d", i));
    EXPECT_EQ(l.count, LOSSES_MAX);
    EXPECT_TRUE(str_ends_with(losses_join(&l, &arena), STR("p23, ...")));
    arena_done(&arena);
}
