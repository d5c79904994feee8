/* tests/unit/gateway/test_client.c: whom X-Forwarded-For names, and whom it is believed. */
#include "test.h"

#include "gateway/client.h"

static struct str words[] = {STR_INIT("10.0.0.0/8"), STR_INIT("192.0.2.7"), STR_INIT("fd00::/8"),
                             STR_INIT("unix")};
static const struct config_strings trusted = {.at = words, .count = 4};

/* Up to two headers. */
static void expect(const char *peer, const char *first, const char *second, const char *want)
{
    struct arena a;
    struct client_proxies p;
    struct http_header lines[2] = {
        {.id = H_X_FORWARDED_FOR, .name = STR("X-Forwarded-For"), .value = str_from_cstr(first)},
        {.id = H_X_FORWARDED_FOR,
         .name = STR("X-Forwarded-For"),
         .value = str_from_cstr(second ? second : "")}};
    struct http_headers headers = {.at = lines, .count = second ? 2 : 1};
    arena_init(&a);
    client_proxies_init(&p, &a, &trusted);
    EXPECT_STR_EQ(client_find(&p, &a, str_from_cstr(peer), &headers), want);
    arena_done(&a);
}

TEST(client, is_the_peer_unless_a_trusted_proxy_says_otherwise)
{
    expect("203.0.113.9", "1.2.3.4", NULL, "203.0.113.9");
    expect("10.1.1.1", "1.2.3.4", NULL, "1.2.3.4");
    expect("192.0.2.7", "1.2.3.4", NULL, "1.2.3.4");
    expect("192.0.2.8", "1.2.3.4", NULL, "192.0.2.8");
    expect("::ffff:10.1.1.1", "1.2.3.4", NULL, "1.2.3.4");
    expect("fd12::1", "2001:db8::5", NULL, "2001:db8::5");
    expect("unix", "1.2.3.4", NULL, "1.2.3.4");
    expect("10.1.1.1", "", NULL, "10.1.1.1");
}

TEST(client, is_the_last_one_named_who_is_not_trusted_himself)
{
    expect("10.1.1.1", "6.6.6.6, 1.2.3.4", NULL, "1.2.3.4"); /* the left one he made up */
    expect("10.1.1.1", "6.6.6.6, 1.2.3.4, 10.2.2.2,10.3.3.3", NULL, "1.2.3.4");
    expect("10.1.1.1", "6.6.6.6, 1.2.3.4", "10.2.2.2", "1.2.3.4"); /* headers are one list */
    expect("10.1.1.1", "6.6.6.6", "1.2.3.4", "1.2.3.4");
    expect("10.1.1.1", "10.4.4.4, 10.2.2.2", NULL, "10.4.4.4");
    expect("10.1.1.1", "127.0.0.1", NULL, "127.0.0.1");
}

TEST(client, is_written_in_many_ways_and_known_by_one)
{
    expect("10.1.1.1", " 1.2.3.4:5678 ", NULL, "1.2.3.4");
    expect("10.1.1.1", "\"[2001:DB8::0:5]:443\"", NULL, "2001:db8::5");
    expect("10.1.1.1", "[2001:db8::5]", NULL, "2001:db8::5");
    expect("10.1.1.1", "::ffff:1.2.3.4", NULL, "1.2.3.4");
    expect("10.1.1.1", "6.6.6.6, ::ffff:10.2.2.2", NULL, "6.6.6.6");
}

TEST(client, is_who_vouches_for_what_cannot_be_read)
{
    static const char *const bad[] = {"unknown",
                                      "_hidden",
                                      "1.2.3",
                                      "1.2.3.4.5",
                                      "[::1",
                                      "[::1]x",
                                      "[]",
                                      "\"",
                                      ",",
                                      "1.2.3.4/8",
                                      "fe80::1%eth0",
                                      "unix",
                                      "012345678901234567890123456789012345678901234567"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        expect("10.1.1.1", bad[i], NULL, "10.1.1.1");
        expect("10.1.1.1", bad[i], "10.2.2.2", "10.2.2.2");
    }
}

TEST(client, is_nobody_else_when_no_proxy_is_trusted)
{
    struct http_header line = {
        .id = H_X_FORWARDED_FOR, .name = STR("X-Forwarded-For"), .value = STR("1.2.3.4")};
    struct http_headers headers = {.at = &line, .count = 1};
    struct client_proxies none = {0};
    struct arena a;
    arena_init(&a);
    EXPECT_STR_EQ(client_find(&none, &a, STR("127.0.0.1"), &headers), "127.0.0.1");
    EXPECT_STR_EQ(client_find(&none, &a, STR("unix"), &headers), "unix");
    arena_done(&a);
}

TEST(client, networks_hold_what_begins_as_they_do)
{
    static const struct {
        const char *network, *inside, *outside;
    } rows[] = {{"10.0.0.0/8", "10.255.0.1", "11.0.0.1"},
                {"10.0.0.0/9", "10.127.0.1", "10.128.0.1"},
                {"0.0.0.0/0", "255.1.1.1", "::1"},
                {"2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"},
                {"192.0.2.7/32", "192.0.2.7", "192.0.2.6"},
                {"::/0", "1.2.3.4", NULL},
                {"::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.0"}};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct str word = str_from_cstr(rows[i].network);
        struct http_header line = {.id = H_X_FORWARDED_FOR, .name = STR("x"), .value = STR("9.9.9.9")};
        struct http_headers headers = {.at = &line, .count = 1};
        struct client_proxies p;
        struct arena a;
        arena_init(&a);
        client_proxies_init(&p, &a, &(struct config_strings){.at = &word, .count = 1});
        EXPECT_EQ(p.count, 1);
        EXPECT_STR_EQ(client_find(&p, &a, str_from_cstr(rows[i].inside), &headers), "9.9.9.9");
        if (rows[i].outside)
            EXPECT_STR_EQ(client_find(&p, &a, str_from_cstr(rows[i].outside), &headers), rows[i].outside);
        arena_done(&a);
    }
    struct network n;
    EXPECT_FALSE(network_parse(&n, STR("10.0.0.0/33")));
    EXPECT_FALSE(network_parse(&n, STR("10.0.0.0/")));
    EXPECT_FALSE(network_parse(&n, STR("all")));
}

TEST(client, counts_by_its_address_or_its_64_bits)
{
    struct arena a;
    arena_init(&a);
    EXPECT_STR_EQ(client_limit_id(&a, STR("1.2.3.4")), "1.2.3.4");
    EXPECT_STR_EQ(client_limit_id(&a, STR("::ffff:1.2.3.4")), "1.2.3.4");
    EXPECT_STR_EQ(client_limit_id(&a, STR("2001:db8:1:2::1")), "20010db800010002");
    EXPECT_STR_EQ(client_limit_id(&a, STR("2001:db8:1:2:ffff::9")), "20010db800010002");
    EXPECT_STR_EQ(client_limit_id(&a, STR("unix")), "unix");
    EXPECT_TRUE(client_is_loopback(STR("127.9.9.9")) && client_is_loopback(STR("::1")) &&
                client_is_loopback(STR("unix")));
    EXPECT_FALSE(client_is_loopback(STR("128.0.0.1")) || client_is_loopback(STR("::2")) ||
                 client_is_loopback(STR("x")));
    arena_done(&a);
}
