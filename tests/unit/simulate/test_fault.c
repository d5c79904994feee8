/* Faults by rate and seed, and the X-Simulate header. */
#include "simulate/fault.h"

#include "test.h"

static struct fault_options options(void)
{
    struct fault_options o;
    fault_options_init(&o);
    return o;
}

static struct fault read_header(const char *text, bool is_sound)
{
    struct fault_options o = options();
    struct random r;
    struct err err;
    random_init(&r, 1);
    struct fault f = fault_draw(&o, &r);
    EXPECT_THAT(fault_read_header(&f, str_from_cstr(text), &err) == is_sound, "%s", text);
    return f;
}

TEST(fault, draws_none_without_rates)
{
    struct fault_options o = options();
    struct random r;
    random_init(&r, 7);
    for (int i = 0; i < 1000; i++) {
        struct fault f = fault_draw(&o, &r);
        EXPECT_EQ(f.kind, FAULT_NONE);
        EXPECT_EQ(f.delay_ms, 0);
    }
}

TEST(fault, draws_always_at_rate_one_and_the_first_kind_holds)
{
    struct fault_options o = options();
    struct random r;
    random_init(&r, 7);
    o.rates[FAULT_STALL] = o.rates[FAULT_ERROR_EVENT] = 1;
    EXPECT_EQ(fault_draw(&o, &r).kind, FAULT_STALL);
    o.rates[FAULT_ERROR] = 1;
    EXPECT_EQ(fault_draw(&o, &r).kind, FAULT_ERROR);
    EXPECT_EQ(fault_draw(&o, &r).status, 500);
}

TEST(fault, comes_as_often_as_its_rate_says)
{
    struct fault_options o = options();
    struct random r;
    int count[FAULT_ERROR_EVENT + 1] = {0};
    o.rates[FAULT_ERROR] = 0.2;
    o.rates[FAULT_CUT] = 0.5;
    random_init(&r, 42);
    for (int i = 0; i < 10000; i++) count[fault_draw(&o, &r).kind]++;
    EXPECT_NEAR(count[FAULT_ERROR], 2000, 200);
    EXPECT_NEAR(count[FAULT_CUT], 4000, 300);
    EXPECT_NEAR(count[FAULT_NONE], 4000, 300);
}

TEST(fault, repeats_with_the_seed)
{
    struct fault_options o = options();
    struct random x, y, z;
    int different = 0;
    o.rates[FAULT_ERROR] = o.rates[FAULT_MALFORMED] = 0.3;
    o.delay_ms = 50, o.jitter_ms = 20;
    random_init(&x, 9);
    random_init(&y, 9);
    random_init(&z, 10);
    for (int i = 0; i < 200; i++) {
        struct fault a = fault_draw(&o, &x), b = fault_draw(&o, &y);
        EXPECT_EQ(a.kind, b.kind);
        EXPECT_EQ(a.delay_ms, b.delay_ms);
        if (fault_draw(&o, &z).kind != a.kind) different++;
    }
    EXPECT_TRUE(different > 20);
}

TEST(fault, of_one_kind_comes_at_the_same_requests_whatever_the_other_rates_are)
{
    struct fault_options few = options(), many;
    struct random x, y;
    few.rates[FAULT_ERROR] = 0.1;
    many = few;
    many.rates[FAULT_STALL] = 0.9;
    random_init(&x, 3);
    random_init(&y, 3);
    for (int i = 0; i < 500; i++)
        EXPECT_EQ(fault_draw(&few, &x).kind == FAULT_ERROR, fault_draw(&many, &y).kind == FAULT_ERROR);
}

TEST(fault, keeps_jitter_within_its_bounds_and_delays_above_zero)
{
    struct fault_options o = options();
    struct random r;
    random_init(&r, 5);
    o.delay_ms = 10, o.jitter_ms = 20;
    for (int i = 0; i < 1000; i++) {
        msec_t delay = fault_draw(&o, &r).delay_ms;
        EXPECT_TRUE(delay >= 0 && delay <= 30);
    }
}

TEST(fault, is_chosen_by_the_header)
{
    struct fault f = read_header("error=429, retry-after=2", true);
    EXPECT_EQ(f.kind, FAULT_ERROR);
    EXPECT_EQ(f.status, 429);
    EXPECT_EQ(f.retry_after_s, 2);
    f = read_header("cut,at=75,delay=50", true);
    EXPECT_EQ(f.kind, FAULT_CUT);
    EXPECT_EQ(f.at_percent, 75);
    EXPECT_EQ(f.delay_ms, 50);
    EXPECT_EQ(read_header("stall", true).kind, FAULT_STALL);
    EXPECT_EQ(read_header("malformed", true).kind, FAULT_MALFORMED);
    EXPECT_EQ(read_header("error-event", true).kind, FAULT_ERROR_EVENT);
    EXPECT_EQ(read_header("error", true).status, 500);
    EXPECT_EQ(read_header("tokens=500,tokens-per-second=20", true).tokens, 500);
    EXPECT_EQ(read_header("", true).kind, FAULT_NONE);
    EXPECT_EQ(read_header("cut, none", true).kind, FAULT_NONE);
}

TEST(fault, header_refuses_what_it_does_not_know)
{
    static const char *const wrong[] = {"explode",  "error=200", "error=",   "at=101",
                                        "delay=-1", "cut=5",     "tokens=0", "error=x"};
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) read_header(wrong[i], false);
}
