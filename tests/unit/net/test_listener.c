/* tests/unit/net/test_listener.c: listening sockets and accepting. */
#include "net_test.h"

#include <stdio.h>
#include <sys/resource.h>

TEST(listen_address, reads_what_people_write)
{
    static const struct {
        const char *text, *shown;
        bool is_loopback;
    } rows[] = {
        {"127.0.0.1:8080", "127.0.0.1:8080", true},
        {"[::]:80", "[::]:80", false},
        {"[::1]:80", "[::1]:80", true},
        {"localhost:0", "127.0.0.1:0", true},
        {":9000", "0.0.0.0:9000", false},
        {"unix:/tmp/x", "unix:/tmp/x", true},
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
    static const char *const bad[] = {
        "",           "8080",         "example.com:80", "1.2.3:80",      "::1:80", "[::1]", "127.0.0.1:65536",
        "127.0.0.1:", "127.0.0.1:8a", "unix:",          "[127.0.0.1]:80"};
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

TEST(listener, a_unix_path_left_by_a_dead_process_is_taken_over_a_living_one_is_not)
{
    struct listen_address a;
    struct err err = {0};
    char text[64];
    int fds[2], again[1];
    snprintf(text, sizeof text, "unix:/tmp/weir-test-listener-%d", (int)getpid());
    ASSERT_TRUE(listen_address_parse(&a, str_from_cstr(text), &err));
    ASSERT_TRUE(listen_sockets(&a, fds, 2, &err));
    EXPECT_NE(fds[0], fds[1]);
    EXPECT_FALSE(listen_sockets(&a, again, 1, &err));
    EXPECT_TRUE(str_find(str_from_cstr(err.text), STR("Address already in use")) != SIZE_MAX);
    close(fds[0]);
    close(fds[1]);
    EXPECT_TRUE(listen_sockets(&a, again, 1, &err));
    close(again[0]);
    unlink(text + 5);
}

/* ---- accepting ---- */

struct reception {
    struct loop *loop;
    struct listener *listener;
    struct listen_address address;
    struct stream *guests[64];
    int count;
};

static void on_guest(void *arg, struct stream *s)
{
    struct reception *r = arg;
    EXPECT_STR_EQ(stream_peer(s), "127.0.0.1");
    if (r->count < 64) r->guests[r->count++] = s;
}

static void reception_open(struct reception *r)
{
    struct err err;
    int fd = -1;
    r->loop = loop_current();
    EXPECT_TRUE(listen_address_parse(&r->address, STR("127.0.0.1:0"), &err));
    EXPECT_TRUE(listen_sockets(&r->address, &fd, 1, &err));
    r->listener = listener_new(r->loop, fd, on_guest, r, &err);
    EXPECT_NOT_NULL(r->listener);
}

static void reception_close(struct reception *r)
{
    listener_close(&r->listener);
    EXPECT_NULL(r->listener);
    while (r->count) stream_close(&r->guests[--r->count]);
}

static int visit(const struct reception *r)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(connect(fd, (const struct sockaddr *)&r->address.address, r->address.bytes), 0);
    return fd;
}

static void turns(int ms)
{
    EXPECT_EQ(fiber_wait(fiber_now() + ms), IO_TIMEOUT);
}

static void accept_main(void *arg)
{
    (void)arg;
    static struct reception r;
    int visitors[10];
    r = (struct reception){.count = 0};
    reception_open(&r);
    for (int i = 0; i < 10; i++) visitors[i] = visit(&r);
    turns(10);
    EXPECT_EQ(r.count, 10);
    EXPECT_EQ(listener_read_stats(r.listener).accepted, 10);
    for (int i = 0; i < 10; i++) close(visitors[i]);
    reception_close(&r);
}

TEST(listener, hands_over_whoever_comes)
{
    run_on_loop(accept_main, NULL);
}

static void drain_main(void *arg)
{
    (void)arg;
    static struct reception r;
    int visitors[40];
    r = (struct reception){.count = 0};
    reception_open(&r);
    listener_pause(r.listener, true);
    for (int i = 0; i < 40; i++) visitors[i] = visit(&r);
    turns(10);
    EXPECT_EQ(r.count, 0);
    listener_close(&r.listener);
    EXPECT_EQ(r.count, 40);
    for (int i = 0; i < 40; i++) {
        EXPECT_EQ(write_str(r.guests[i], STR("welcome"), 1000), IO_OK);
        char text[7];
        EXPECT_EQ(recv(visitors[i], text, sizeof text, 0), 7);
        close(visitors[i]);
    }
    reception_close(&r);
}

TEST(listener, takes_those_who_wait_in_the_kernel_before_it_closes)
{
    run_on_loop(drain_main, NULL);
}

static void descriptors_main(void *arg)
{
    (void)arg;
    static struct reception r;
    struct rlimit limit, none;
    r = (struct reception){.count = 0};
    reception_open(&r);
    int visitor = visit(&r);
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 0;
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    turns(20);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_EQ(r.count, 0);
    EXPECT_EQ(listener_read_stats(r.listener).out_of_descriptors, 1); /* it pauses instead of spinning */
    int second = visit(&r); /* valgrind takes the first one before it says that there are no descriptors */
    turns(120);
    EXPECT_TRUE(r.count >= 1);
    close(visitor);
    close(second);
    reception_close(&r);
}

TEST(listener, without_descriptors_it_pauses_counts_and_goes_on)
{
    run_on_loop(descriptors_main, NULL);
}
