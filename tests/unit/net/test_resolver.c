/* tests/unit/net/test_resolver.c: what the resolver keeps, for how long, and how often it asks. */
#include "resolver_test.h"

enum { LONG_MS = 1000000 };

static enum io find(struct str host, struct resolved **found)
{
    struct err err = {0};
    return resolver_find(host, 80, found, fiber_deadline(20000), &err);
}

static enum io find_and_free(const char *host)
{
    struct resolved *found;
    enum io io = find(str_from_cstr(host), &found);
    EXPECT_EQ(found != NULL, io == IO_OK);
    free(found);
    return io;
}

static struct resolver_stats stats(void)
{
    return resolver_read_stats(loop_current());
}

static void wait_until_answered(void)
{
    for (msec_t end = fiber_now() + 20000; stats().in_flight > 0 && fiber_now() < end;) (void)fiber_sleep(1);
    EXPECT_EQ(stats().in_flight, 0);
}

static void fresh_main(void *arg)
{
    (void)arg;
    DNS_SET("10.0.0.1");
    for (int i = 0; i < 5; i++) EXPECT_EQ(find_and_free("a.test"), IO_OK);
    EXPECT_EQ(dns.asked, 1);
    EXPECT_EQ(stats().fresh, 4);
    EXPECT_EQ(stats().waited, 1);
    EXPECT_EQ(stats().names, 1);
}
TEST(resolver, asks_once_while_the_answer_is_fresh)
{
    run_with_dns(fresh_main, (struct resolver_options){.keep_ms = LONG_MS});
}

static void stale_main(void *arg)
{
    (void)arg;
    struct resolved *found;
    DNS_SET("10.0.0.1");
    EXPECT_EQ(find_and_free("a.test"), IO_OK);
    DNS_SET("10.0.0.2");
    dns_hold(true);
    for (int i = 0; i < 5; i++) EXPECT_EQ(find_and_free("a.test"), IO_OK); /* nobody waits for the held DNS */
    EXPECT_EQ(stats().stale, 5);
    EXPECT_EQ(stats().in_flight, 1);
    dns_hold(false);
    wait_until_answered();
    EXPECT_EQ(dns.asked, 2);
    EXPECT_EQ(find(STR("a.test"), &found), IO_OK);
    EXPECT_EQ(ntohl(((struct sockaddr_in *)(void *)&found->addresses[0])->sin_addr.s_addr), 0x0a000002);
    free(found);
    wait_until_answered();
}
TEST(resolver, gives_an_old_answer_while_one_look_up_refreshes_it)
{
    run_with_dns(stale_main, (struct resolver_options){.keep_ms = 0, .stale_ms = LONG_MS});
}

static void gone_main(void *arg)
{
    (void)arg;
    DNS_SET("10.0.0.1");
    EXPECT_EQ(find_and_free("a.test"), IO_OK);
    DNS_SET();
    for (int i = 0; i < 5; i++) {
        EXPECT_EQ(find_and_free("a.test"), IO_OK);
        wait_until_answered();
    }
    EXPECT_EQ(dns.asked, 6);
    EXPECT_EQ(stats().failures, 5);
}
TEST(resolver, keeps_an_old_answer_when_the_refresh_fails)
{
    run_with_dns(gone_main, (struct resolver_options){.keep_ms = 0, .stale_ms = LONG_MS});
}

static void too_old_main(void *arg)
{
    (void)arg;
    DNS_SET("10.0.0.1");
    EXPECT_EQ(find_and_free("a.test"), IO_OK);
    DNS_SET();
    EXPECT_EQ(find_and_free("a.test"), IO_FAIL);
    EXPECT_EQ(stats().stale, 0);
}
TEST(resolver, does_not_keep_it_for_ever)
{
    run_with_dns(too_old_main, (struct resolver_options){.keep_ms = 0, .stale_ms = 0});
}

static void failure_main(void *arg)
{
    (void)arg;
    DNS_SET();
    for (int i = 0; i < 5; i++) EXPECT_EQ(find_and_free("a.test"), IO_FAIL);
    EXPECT_EQ(dns.asked, 1);
    EXPECT_EQ(stats().refused, 4);
    struct err err = {0};
    struct resolved *found;
    EXPECT_EQ(resolver_find(STR("a.test"), 1, &found, NEVER, &err), IO_FAIL);
    EXPECT_EQ(err.code, ERR_DNS);
    EXPECT_STR_EQ(err.text, "a.test cannot be resolved: unknown node or service");
}
TEST(resolver, asks_a_dead_dns_only_now_and_then)
{
    run_with_dns(failure_main, (struct resolver_options){.keep_ms = LONG_MS, .retry_ms = LONG_MS});
}

static void retry_main(void *arg)
{
    (void)arg;
    DNS_SET();
    EXPECT_EQ(find_and_free("a.test"), IO_FAIL);
    DNS_SET("10.0.0.1");
    EXPECT_EQ(find_and_free("a.test"), IO_OK);
}
TEST(resolver, asks_again_after_a_failure)
{
    run_with_dns(retry_main, (struct resolver_options){.keep_ms = LONG_MS, .retry_ms = 0});
}

static void left_main(void *arg)
{
    (void)arg;
    struct err err;
    struct resolved *found;
    DNS_SET("10.0.0.1");
    dns_hold(true);
    EXPECT_EQ(resolver_find(STR("a.test"), 1, &found, fiber_deadline(5), &err), IO_TIMEOUT);
    EXPECT_NULL(found);
    dns_hold(false);
    wait_until_answered();
    EXPECT_EQ(find_and_free("a.test"), IO_OK);
    EXPECT_EQ(stats().fresh, 1); /* what nobody waited for any more was kept */
}
TEST(resolver, is_left_behind_by_who_cannot_wait)
{
    run_with_dns(left_main, (struct resolver_options){.keep_ms = LONG_MS});
}

static void names_main(void *arg)
{
    (void)arg;
    char name[32];
    DNS_SET("10.0.0.1");
    for (int i = 0; i < RESOLVER_MAX_NAMES + 20; i++) {
        snprintf(name, sizeof name, "n%d.test", i);
        EXPECT_EQ(find_and_free(name), IO_OK);
    }
    EXPECT_EQ(stats().names, RESOLVER_MAX_NAMES);
    EXPECT_EQ(find_and_free("n275.test"), IO_OK); /* the youngest are there still, the oldest are not */
    EXPECT_EQ(dns.asked, RESOLVER_MAX_NAMES + 20);
    EXPECT_EQ(find_and_free("n0.test"), IO_OK);
    EXPECT_EQ(dns.asked, RESOLVER_MAX_NAMES + 21);
}
TEST(resolver, knows_a_bounded_number_of_names)
{
    run_with_dns(names_main, (struct resolver_options){.keep_ms = LONG_MS});
}

static void turns_main(void *arg)
{
    (void)arg;
    struct resolved *found;
    DNS_SET("::1", "::2", "::3", "::4", "::5", "::6", "::7", "::8", "10.0.0.1", "10.0.0.2");
    static const int v6_first[] = {AF_INET6, AF_INET,  AF_INET6, AF_INET,
                                   AF_INET6, AF_INET6, AF_INET6, AF_INET6};
    EXPECT_EQ(find(STR("a.test"), &found), IO_OK);
    EXPECT_EQ(found->count, 8);
    for (unsigned i = 0; i < found->count; i++) EXPECT_EQ(found->addresses[i].ss_family, v6_first[i]);
    free(found);
    DNS_SET("10.0.0.1", "10.0.0.2", "::1");
    static const int v4_first[] = {AF_INET, AF_INET6, AF_INET};
    EXPECT_EQ(find(STR("b.test"), &found), IO_OK);
    EXPECT_EQ(found->count, 3);
    for (unsigned i = 0; i < found->count; i++) EXPECT_EQ(found->addresses[i].ss_family, v4_first[i]);
    free(found);
}
TEST(resolver, lets_families_take_turns)
{
    run_with_dns(turns_main, (struct resolver_options){.keep_ms = LONG_MS});
}

static void doubt_main(void *arg)
{
    (void)arg;
    DNS_SET("10.0.0.1");
    EXPECT_EQ(find_and_free("a.test"), IO_OK);
    resolver_doubt(STR("a.test"));
    resolver_doubt(STR("unknown.test"));
    EXPECT_EQ(find_and_free("a.test"), IO_OK);
    wait_until_answered();
    EXPECT_EQ(dns.asked, 2);
    EXPECT_EQ(stats().stale, 1);
    EXPECT_EQ(find_and_free("a.test"), IO_OK);
    EXPECT_EQ(dns.asked, 2);
}
TEST(resolver, looks_again_when_an_answer_led_nowhere)
{
    run_with_dns(doubt_main, (struct resolver_options){.keep_ms = LONG_MS, .stale_ms = LONG_MS});
}
