/* tests/unit/base/test_pages.c: blocks come back, warm ones first, and no two takers share one. */
#include "test.h"

#include "base/pages.h"

#include <string.h>
#include <sys/mman.h>

enum { BLOCK = 8192, MANY = 300 };

TEST(pages, hands_the_block_that_was_given_last_out_first)
{
    struct pages p;
    pages_init(&p, BLOCK, 4);
    void *a = pages_take(&p), *b = pages_take(&p);
    EXPECT_TRUE(a != b);
    pages_give(&p, a);
    pages_give(&p, b);
#ifndef WEIR_SANITIZED
    EXPECT_TRUE(pages_take(&p) == b);
    EXPECT_TRUE(pages_take(&p) == a);
#endif
    pages_done(&p);
}

TEST(pages, gives_many_blocks_that_do_not_overlap_again_and_again)
{
    static unsigned char *blocks[MANY];
    struct pages p;
    pages_init(&p, BLOCK, 8);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) {
            blocks[i] = pages_take(&p);
            memset(blocks[i], i % 251, BLOCK);
        }
        for (int i = 0; i < MANY; i++) {
            EXPECT_EQ(blocks[i][0], i % 251);
            EXPECT_EQ(blocks[i][BLOCK - 1], i % 251);
        }
        for (int i = 0; i < MANY; i++) pages_give(&p, blocks[round == 1 ? MANY - 1 - i : i]);
    }
    pages_done(&p);
}

#ifndef WEIR_SANITIZED
static int resident(void *const *blocks, int count)
{
    int pages = 0;
    for (int i = 0; i < count; i++) {
        unsigned char is_there[BLOCK / 4096] = {0};
        if (mincore(blocks[i], BLOCK, is_there) == 0) pages += is_there[0] & 1;
    }
    return pages;
}

TEST(pages, gives_back_what_nobody_has_needed_between_two_calls_and_nothing_else)
{
    void *blocks[MANY];
    struct pages p;
    pages_init(&p, BLOCK, 8);
    for (int i = 0; i < MANY; i++) memset(blocks[i] = pages_take(&p), 1, BLOCK);
    for (int i = 0; i < MANY; i++) pages_give(&p, blocks[i]);
    pages_trim(&p); /* all were needed since the beginning */
    EXPECT_EQ(resident(blocks, MANY), MANY);
    for (int i = 0; i < 100; i++) (void)pages_take(&p);
    for (int i = MANY - 100; i < MANY; i++) pages_give(&p, blocks[i]);
    pages_trim(&p); /* a hundred were */
    EXPECT_EQ(resident(blocks, MANY), 100);
    EXPECT_EQ(resident(blocks + MANY - 100, 100), 100);
    pages_trim(&p);
    EXPECT_EQ(resident(blocks, MANY), 8);
    pages_trim(&p);
    EXPECT_EQ(resident(blocks, MANY), 8);
    memset(pages_take(&p), 1, BLOCK);
    pages_done(&p);
}
#endif

TEST(pages, takes_nothing_back_as_nothing)
{
    struct pages p;
    pages_init(&p, BLOCK, 1);
    pages_give(&p, NULL);
    pages_done(&p);
}
