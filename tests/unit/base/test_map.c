#include "base/map.h"

#include "base/random.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEYS = 3000, KEY_BYTES = 40 };

/* Keys of every length, which often differ in one byte alone. */
static struct str key(char *room, unsigned i)
{
    size_t len = 1 + i % (KEY_BYTES - 1);
    memset(room, 'k', len);
    for (size_t at = (i / 7) % len; i; i /= 64, at = (at + 1) % len) room[at] = (char)('0' + i % 64);
    return str_of(room, len);
}

TEST(map, holds_what_was_put_and_not_what_was_removed)
{
    static char rooms[KEYS][KEY_BYTES];
    struct str keys[KEYS];
    struct map m;
    map_init(&m);
    size_t different = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        keys[i] = key(rooms[i], i);
        if (!map_put(&m, keys[i], rooms[i])) different++;
    }
    EXPECT_EQ(m.count, different);
    EXPECT_TRUE(different > KEYS / 2);
    for (unsigned i = 0; i < KEYS; i++) {
        const char *value = map_get(&m, keys[i]);
        EXPECT_TRUE(value && str_equals(str_of(value, keys[i].len), keys[i]));
    }
    for (unsigned i = 0; i < KEYS; i += 2) {
        if (map_remove(&m, keys[i])) different--;
        EXPECT_NULL(map_get(&m, keys[i]));
    }
    size_t seen = 0, at = 0;
    while (map_next(&m, &at)) seen++;
    EXPECT_EQ(seen, different);
    EXPECT_EQ(m.count, different);
    map_done(&m);
}

TEST(map, an_empty_key_is_a_key)
{
    struct map m;
    int value;
    map_init(&m);
    EXPECT_NULL(map_get(&m, STR("")));
    EXPECT_NULL(map_put(&m, (struct str){NULL, 0}, &value));
    EXPECT_TRUE(map_get(&m, STR("")) == &value);
    map_done(&m);
}

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
