/* Memory that goes all at once. */
#include "test.h"

#include "base/arena.h"
#include "base/random.h"

static bool is_aligned(const void *p)
{
    return (uintptr_t)p % 16 == 0;
}

TEST(arena, gives_aligned_memory_that_does_not_overlap)
{
    struct arena a;
    struct random r;
    char *places[300];
    size_t sizes[300];
    arena_init(&a);
    random_init(&r, 1);
    for (size_t i = 0; i < 300; i++) {
        sizes[i] = random_next(&r) % (i % 50 == 0 ? 100000 : 300);
        places[i] = arena_alloc(&a, sizes[i]);
        EXPECT_TRUE(is_aligned(places[i]));
        memset(places[i], (int)(i % 251), sizes[i]);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            if (places[i][k] != (char)(i % 251)) {
                FAIL("place %zu was overwritten at %zu", i, k);
                break;
            }
    arena_done(&a);
}

TEST(arena, begins_in_the_room_it_was_given)
{
    struct arena a;
    _Alignas(16) char room[256];
    arena_init_in(&a, room + 1, sizeof room - 1);
    char *p = arena_alloc(&a, 100), *q = arena_alloc(&a, 1000);
    EXPECT_TRUE(is_aligned(p) && p > room && p + 100 <= room + sizeof room);
    EXPECT_TRUE(q < room || q > room + sizeof room);
    arena_done(&a);
    arena_init_in(&a, room, 3); /* not even room to align in */
    EXPECT_TRUE(is_aligned(arena_alloc(&a, 8)));
    arena_done(&a);
}

TEST(arena, a_room_too_small_to_be_aligned_is_not_used)
{
    struct arena a;
    _Alignas(16) char room[64];
    arena_init_in(&a, room + 1, 5); /* aligned, it begins behind its own end */
    char *p = arena_alloc(&a, 0), *q = arena_alloc(&a, 1);
    EXPECT_TRUE(p < room || p >= room + sizeof room);
    EXPECT_TRUE(q < room || q >= room + sizeof room);
    arena_done(&a);
}

TEST(arena, zeroes_where_it_says_so)
{
    struct arena a;
    arena_init(&a);
    memset(arena_alloc(&a, 1000), 'x', 1000);
    uint64_t *n = arena_new_array(&a, uint64_t, 200);
    for (size_t i = 0; i < 200; i++) EXPECT_EQ(n[i], 0);
    EXPECT_NOT_NULL(arena_alloc(&a, 0));
    arena_done(&a);
}

TEST(arena, is_usable_after_done)
{
    struct arena a;
    arena_init(&a);
    for (int i = 0; i < 3; i++) {
        EXPECT_STR_EQ(arena_copy(&a, STR("abc")), "abc");
        arena_done(&a);
    }
    arena_done(&a);
}

TEST(arena, copies_end_with_a_zero_that_is_not_counted)
{
    struct arena a;
    arena_init(&a);
    struct str copy = arena_copy(&a, str_of("abcdef", 3));
    EXPECT_STR_EQ(copy, "abc");
    EXPECT_EQ(copy.at[3], '\0');
    EXPECT_STR_EQ(arena_cstr(&a, str_of(NULL, 0)), "");
    arena_done(&a);
}

TEST(arena, prints_and_joins)
{
    struct arena a;
    arena_init(&a);
    EXPECT_STR_EQ(arena_printf(&a, "%d %.*s", 7, STR_ARG(STR("x"))), "7 x");
    EXPECT_STR_EQ(arena_printf(&a, "%s", ""), "");
    EXPECT_STR_EQ(arena_join(&a, (struct str[]){STR("a"), {NULL, 0}, STR("bc")}, 3), "abc");
    EXPECT_STR_EQ(arena_join(&a, NULL, 0), "");
    EXPECT_EQ(arena_printf(&a, "%*s", 100000, "").len, 100000);
    arena_done(&a);
}
