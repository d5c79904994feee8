/* traceparent and correlation ids: the examples and refusals of the W3C text. */
#include "telemetry/trace.h"

#include "test.h"

static const char GOOD[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

static struct random seeded(void)
{
    struct random r;
    random_init(&r, 1);
    return r;
}

TEST(trace, reads_a_traceparent)
{
    struct trace t;
    ASSERT_TRUE(trace_parse(&t, str_from_cstr(GOOD)));
    EXPECT_EQ(t.trace_id[0], 0x4b);
    EXPECT_EQ(t.trace_id[15], 0x36);
    EXPECT_EQ(t.span_id[1], 0xf0);
    EXPECT_EQ(t.flags, 1);
}

TEST(trace, writes_what_it_read)
{
    struct trace t;
    char out[TRACEPARENT_BYTES];
    ASSERT_TRUE(trace_parse(&t, str_from_cstr(GOOD)));
    trace_format(out, &t);
    EXPECT_STR_EQ(str_of(out, sizeof out), GOOD);
}

TEST(trace, ignores_what_is_not_well_formed)
{
    static const char *const cases[] = {
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-010",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct trace t = {.flags = 77};
        EXPECT_THAT(!trace_parse(&t, str_from_cstr(cases[i])), "case %zu: %s", i, cases[i]);
        EXPECT_EQ(t.flags, 77);
    }
}

TEST(trace, reads_the_known_part_of_later_versions)
{
    struct trace t;
    ASSERT_TRUE(trace_parse(&t, STR("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff-more")));
    EXPECT_EQ(t.flags, 3);
    EXPECT_TRUE(trace_parse(&t, STR("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")));
    char out[TRACEPARENT_BYTES];
    trace_format(out, &t);
    EXPECT_STR_EQ(str_of(out, 3), "00-");
}

TEST(trace, goes_on_under_a_span_id_of_our_own)
{
    struct random r = seeded();
    struct trace t, caller;
    ASSERT_TRUE(trace_parse(&caller, str_from_cstr(GOOD)));
    EXPECT_TRUE(trace_continue(&t, str_from_cstr(GOOD), &r));
    EXPECT_MEM_EQ(t.trace_id, 16, caller.trace_id, 16);
    EXPECT_TRUE(memcmp(t.span_id, caller.span_id, 8) != 0);
    EXPECT_EQ(t.flags, 1);
}

TEST(trace, begins_anew_without_a_usable_header)
{
    struct random r = seeded();
    struct trace a, b;
    EXPECT_FALSE(trace_continue(&a, (struct str){NULL, 0}, &r));
    EXPECT_FALSE(trace_continue(&b, STR("00-nonsense"), &r));
    EXPECT_TRUE(memcmp(a.trace_id, b.trace_id, 16) != 0);
    EXPECT_EQ(a.flags, 0);
}

TEST(correlation, keeps_what_the_caller_gave)
{
    struct random r = seeded();
    char room[CORRELATION_MADE_BYTES], longest[CORRELATION_MAX_BYTES];
    memset(longest, '~', sizeof longest);
    EXPECT_STR_EQ(correlation_id(STR("abc-123-def"), &r, room), "abc-123-def");
    EXPECT_STR_EQ(correlation_id(STR("!\"\\"), &r, room), "!\"\\");
    EXPECT_EQ(correlation_id(str_of(longest, sizeof longest), &r, room).len, CORRELATION_MAX_BYTES);
}

TEST(correlation, makes_one_when_the_caller_gave_none_or_a_bad_one)
{
    struct random r = seeded();
    char room[CORRELATION_MADE_BYTES], too_long[CORRELATION_MAX_BYTES + 1];
    memset(too_long, 'a', sizeof too_long);
    const struct str bad[] = {STR_INIT(""),         STR_INIT("two words"), STR_INIT("tab\t"),
                              STR_INIT("\xc3\xa4"), STR_INIT("del\x7f"),   {too_long, sizeof too_long}};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct str id = correlation_id(bad[i], &r, room);
        EXPECT_EQ(id.len, CORRELATION_MADE_BYTES);
        EXPECT_TRUE(id.at == room);
        for (size_t k = 0; k < id.len; k++) EXPECT_TRUE(strchr("0123456789abcdef", id.at[k]) != NULL);
    }
}
