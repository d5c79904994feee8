/* tests/unit/net/test_listener.c: listening sockets and accepting. */
#include "net_test.h"

TEST(listen_address, reads_what_people_write)
{
    static const struct {
        const char *text, *shown;
        bool is_loopback;
    } rows[] = {
        {"127.0.0.1:8080", "127.0.0.1:8080", true}, {"[::]:80", "[::]:80", false},
        {"[::1]:80", "[::1]:80", true},             {"localhost:0", "127.0.0.1:0", true},
        {":9000", "0.0.0.0:9000", false},           {"unix:/tmp/x", "unix:/tmp/x", true},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct listen_address a;
        struct err err;
        char shown[128];
        EXPECT_TRUE(listen_address_parse(&a, str_from_cstr(rows[i].text), &err));
        listen_address_format(&a, shown);
        EXPECT_STR_EQ(shown, rows[i].shown);
        EXPECT_EQ(a.is_loopback, rows[i].is_loopback);
    }
}

TEST(listen_address, refuses_what_it_cannot_listen_on)
{
    static const char *const bad[] = {"", "8080", "example.com:80", "1.2.3:80", "::1:80", "[::1]", "127.0.0.1:65536",
                                      "127.0.0.1:", "127.0.0.1:8a", "unix:", "[127.0.0.1]:80"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct listen_address a;
        struct err err = {0};
        EXPECT_THAT(!listen_address_parse(&a, str_from_cstr(bad[i]), &err), "accepted: %s", bad[i]);
        EXPECT_EQ(err.code, ERR_INVALID);
    }
}

TEST(listener, a_second_process_is_told_that_the_address_is_taken)
{
    struct listen_address a;
    struct err err = {0};
    int fds[2], again[1];
    ASSERT_TRUE(listen_address_parse(&a, STR("127.0.0.1:0"), &err));
    ASSERT_TRUE(listen_sockets(&a, fds, 2, &err));
    EXPECT_FALSE(listen_sockets(&a, again, 1, &err));
    EXPECT_EQ(err.code, ERR_SYSTEM);
    EXPECT_TRUE(str_find(str_from_cstr(err.text), STR("Address already in use")) != SIZE_MAX);
    close(fds[0]);
    close(fds[1]);
}
