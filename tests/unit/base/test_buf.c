/* Bytes that grow, through malloc and mappings, up to their ceiling. */
#include "test.h"

#include "base/buf.h"

#include <stdlib.h>
#include <sys/mman.h>

static char pattern(size_t i)
{
    return (char)('a' + (i * 7 + i / 1000) % 26);
}

static void fill(struct buf *b, size_t bytes)
{
    for (size_t i = b->len; i < bytes; i++) EXPECT_TRUE(buf_append_char(b, pattern(i)));
}

static bool holds_pattern(const struct buf *b)
{
    for (size_t i = 0; i < b->len; i++)
        if (b->at[i] != pattern(i)) return false;
    return true;
}

TEST(buf, allocates_nothing_before_it_is_needed)
{
    struct buf b;
    buf_init(&b, 10);
    EXPECT_NULL(b.at);
    EXPECT_TRUE(buf_append(&b, str_of(NULL, 0)));
    EXPECT_EQ(b.len, 0);
    EXPECT_EQ(buf_str(&b).len, 0);
    buf_done(&b);
    buf_done(&b);
}

TEST(buf, refuses_what_is_over_its_ceiling_and_stays_as_it_was)
{
    struct buf b;
    buf_init(&b, 5);
    EXPECT_TRUE(buf_append(&b, STR("abc")));
    EXPECT_FALSE(buf_append(&b, STR("def")));
    EXPECT_STR_EQ(buf_str(&b), "abc");
    EXPECT_TRUE(buf_append(&b, STR("de")));
    EXPECT_FALSE(buf_append_char(&b, 'f'));
    EXPECT_FALSE(buf_reserve(&b, SIZE_MAX));
    EXPECT_STR_EQ(buf_str(&b), "abcde");
    buf_clear(&b);
    EXPECT_TRUE(buf_append(&b, STR("fghij")));
    buf_done(&b);
}

TEST(buf, keeps_its_bytes_while_it_grows_from_malloc_to_mappings)
{
    struct buf b;
    buf_init(&b, 8 << 20);
    for (size_t bytes = 1; bytes <= test_count(3 << 20); bytes = bytes * 3 + 1) {
        fill(&b, bytes);
        EXPECT_TRUE(holds_pattern(&b));
    }
    buf_done(&b);
    EXPECT_EQ(b.len, 0);
    buf_thread_done();
}

TEST(buf, can_be_used_again_after_done)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    fill(&b, 600000);
    buf_done(&b);
    fill(&b, 600000);
    EXPECT_TRUE(holds_pattern(&b));
    EXPECT_FALSE(buf_reserve(&b, 1 << 20)); /* the ceiling has stayed */
    buf_done(&b);
    buf_thread_done();
}

TEST(buf, a_mapping_that_was_freed_is_handed_out_again)
{
    struct buf a, b;
    buf_init(&a, 1 << 20);
    buf_init(&b, 1 << 20);
    EXPECT_TRUE(buf_reserve(&a, 300000));
    char *at = a.at;
    buf_done(&a);
    EXPECT_TRUE(buf_reserve(&b, 400000)); /* the same power of two */
    EXPECT_TRUE(b.at == at);
    EXPECT_TRUE(buf_reserve(&a, 300000));
    EXPECT_TRUE(a.at != at);
    buf_done(&a);
    buf_done(&b);
    buf_thread_done();
}

static size_t mapped_of(char *const at[], size_t count)
{
    size_t mapped = 0;
    unsigned char is_resident;
    for (size_t i = 0; i < count; i++) mapped += mincore(at[i], 4096, &is_resident) == 0;
    return mapped;
}

TEST(buf, mappings_that_nobody_needs_any_more_go_back_all_but_a_few)
{
    enum { COUNT = 10, KEPT = 4 };
    struct buf b[COUNT];
    char *at[COUNT];
    for (int i = 0; i < COUNT; i++) {
        buf_init(&b[i], 1 << 20);
        EXPECT_TRUE(buf_reserve(&b[i], 1 << 20));
        at[i] = b[i].at;
    }
    for (int i = 0; i < COUNT; i++) buf_done(&b[i]);
    buf_thread_trim(); /* they have been used since the one before */
    EXPECT_EQ(mapped_of(at, COUNT), COUNT);
    EXPECT_TRUE(buf_reserve(&b[0], 1 << 20));
    buf_thread_trim();
    EXPECT_EQ(mapped_of(at, COUNT), KEPT + 1);
    buf_done(&b[0]);
    buf_thread_trim();
    buf_thread_trim();
    EXPECT_EQ(mapped_of(at, COUNT), KEPT);
    buf_thread_done();
    EXPECT_EQ(mapped_of(at, COUNT), 0);
}

TEST(buf, room_that_was_reserved_is_there)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    EXPECT_TRUE(buf_reserve(&b, 1 << 20));
    memset(b.at, 'x', 1 << 20);
    b.len = 1 << 20;
    EXPECT_FALSE(buf_append_char(&b, 'y'));
    EXPECT_TRUE(buf_reserve(&b, 0));
    buf_done(&b);
    buf_thread_done();
}

TEST(buf, counts_what_it_holds_against_a_budget)
{
    struct budget budget = {0};
    struct buf a, b;
    budget_set(&budget, 1 << 20);
    buf_init_counted(&a, 8 << 20, &budget);
    buf_init_counted(&b, 4096, &budget);
    EXPECT_TRUE(buf_append(&b, STR("small ones are not counted")));
    EXPECT_EQ(budget_held(&budget), 0);
    EXPECT_FALSE(buf_reserve(&b, 4096));
    EXPECT_FALSE(buf_is_starved(&b)); /* its own ceiling */
    EXPECT_TRUE(buf_reserve(&a, 600 << 10));
    EXPECT_EQ(budget_held(&budget), 1 << 20);
    EXPECT_FALSE(buf_reserve(&a, (1 << 20) + 1));
    EXPECT_TRUE(buf_is_starved(&a));
    EXPECT_EQ(budget_held(&budget), 1 << 20);
    EXPECT_TRUE(buf_append(&a, STR("goes on with what it has")));
    buf_done(&a);
    buf_done(&b);
    EXPECT_EQ(budget_held(&budget), 0);
    buf_thread_done();
}

TEST(buf, is_cut_at_its_front)
{
    struct buf b;
    buf_init(&b, 100);
    EXPECT_TRUE(buf_append(&b, STR("abcdef")));
    buf_consume(&b, 2);
    EXPECT_STR_EQ(buf_str(&b), "cdef");
    buf_consume(&b, 0);
    EXPECT_STR_EQ(buf_str(&b), "cdef");
    buf_consume(&b, 99);
    EXPECT_EQ(b.len, 0);
    buf_consume(&b, 1);
    buf_done(&b);
}
