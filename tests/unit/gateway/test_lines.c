/* Header lines, gathered. */
#include "test.h"

#include "gateway/lines.h"

TEST(lines, are_names_values_and_line_ends)
{
    struct arena a;
    struct lines l;
    arena_init(&a);
    lines_init(&l, &a, 16);
    EXPECT_TRUE(str_is_empty(lines_str(&l)));
    lines_add(&l, STR("Name"), STR("value"));
    lines_add(&l, STR("Empty"), (struct str){NULL, 0});
    lines_add_i64(&l, STR("Number"), -42);
    lines_raw(&l, STR("Raw: 1\r\n"));
    EXPECT_STR_EQ(lines_str(&l), "Name: value\r\nEmpty: \r\nNumber: -42\r\nRaw: 1\r\n");
    arena_done(&a);
}

TEST(lines, keep_what_they_hold_while_they_grow)
{
    struct arena a;
    struct lines l;
    size_t lines = test_count(2000);
    arena_init(&a);
    lines_init(&l, &a, 1);
    for (size_t i = 0; i < lines; i++) lines_add_i64(&l, STR("N"), (int64_t)(100000 + i));
    struct str text = lines_str(&l);
    EXPECT_EQ(text.len, lines * 11);
    for (size_t i = 0; i < lines; i++) {
        int64_t n = 0;
        EXPECT_TRUE(str_to_u63(str_part(text, i * 11 + 3, 6), &n));
        EXPECT_EQ(n, 100000 + i);
    }
    arena_done(&a);
}
