/* Strings to pointers, against a plain list. */
#include "test.h"

#include "base/map.h"
#include "base/random.h"

#include <stdio.h>

enum { NAMES = 300 };

static char names[NAMES][8];
static int values[NAMES];

static struct str name_of(size_t i)
{
    snprintf(names[i], sizeof names[i], "n%zu", i);
    return str_from_cstr(names[i]);
}

TEST(map, an_empty_one_has_nothing_and_no_memory)
{
    struct map m;
    size_t at = 0;
    map_init(&m);
    EXPECT_NULL(map_get(&m, STR("a")));
    EXPECT_NULL(map_remove(&m, STR("a")));
    EXPECT_NULL(map_next(&m, &at));
    map_done(&m);
}

TEST(map, finds_what_was_put_and_returns_what_it_replaces)
{
    struct map m;
    map_init(&m);
    EXPECT_NULL(map_put(&m, STR("a"), &values[0]));
    EXPECT_TRUE(map_put(&m, STR("a"), &values[1]) == &values[0]);
    EXPECT_TRUE(map_get(&m, STR("a")) == &values[1]);
    EXPECT_EQ(m.count, 1);
    EXPECT_NULL(map_get(&m, STR("b")));
    map_done(&m);
}

TEST(map, the_empty_name_is_a_name)
{
    struct map m;
    map_init(&m);
    EXPECT_NULL(map_put(&m, str_of(NULL, 0), &values[0]));
    EXPECT_TRUE(map_get(&m, STR("")) == &values[0]);
    EXPECT_TRUE(map_put(&m, STR(""), &values[1]) == &values[0]);
    EXPECT_TRUE(map_remove(&m, str_of(NULL, 0)) == &values[1]);
    EXPECT_NULL(map_get(&m, STR("")));
    map_done(&m);
}

TEST(map, agrees_with_a_list_through_random_changes)
{
    struct map m;
    struct random r;
    bool is_there[NAMES] = {0};
    size_t count = 0;
    map_init(&m);
    random_init(&r, 3);
    for (size_t i = 0; i < test_count(20000); i++) {
        size_t n = random_next(&r) % NAMES;
        bool puts = random_next(&r) % 2;
        void *was = puts ? map_put(&m, name_of(n), &values[n]) : map_remove(&m, name_of(n));
        EXPECT_TRUE(was == (is_there[n] ? &values[n] : NULL));
        count += (size_t)puts - (size_t)is_there[n];
        is_there[n] = puts;
        EXPECT_EQ(m.count, count);
    }
    for (size_t n = 0; n < NAMES; n++)
        EXPECT_TRUE(map_get(&m, name_of(n)) == (is_there[n] ? &values[n] : NULL));
    map_done(&m);
}

TEST(map, a_walk_meets_every_entry_once)
{
    struct map m;
    unsigned met[NAMES] = {0};
    map_init(&m);
    for (size_t n = 0; n < NAMES; n++) map_put(&m, name_of(n), &values[n]);
    for (size_t n = 0; n < NAMES; n += 3) map_remove(&m, name_of(n));
    size_t at = 0;
    for (struct map_entry *e; (e = map_next(&m, &at));) met[(int *)e->value - values]++;
    for (size_t n = 0; n < NAMES; n++) EXPECT_EQ(met[n], n % 3 != 0);
    map_done(&m);
}

TEST(map, does_not_grow_when_the_same_places_are_used_again_and_again)
{
    struct map m;
    map_init(&m);
    for (size_t i = 0; i < test_count(10000); i++) {
        map_put(&m, name_of(i % NAMES), &values[0]);
        map_remove(&m, name_of(i % NAMES));
    }
    EXPECT_EQ(m.count, 0);
    EXPECT_TRUE(m._room <= 64);
    map_done(&m);
}
