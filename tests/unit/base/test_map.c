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
