/* tests/unit/net/test_connect.c: a name with several addresses, of which some refuse, some swallow what they get, and some
 * answer. All of 127.0.0.0/8 is this machine, so that they may share a port. */
#include "resolver_test.h"

#include "net/dial.h"

#include <dirent.h>
#include <sys/un.h>

enum { LONG_MS = 1000000 };

static uint16_t port;
static bool has_v6;

/* A socket at an address in digits, on `port`, or on one that the kernel chooses if that is 0; it refuses. -1: there is no
 * such address here, or the port is somebody's. */
static int bind_at(const char *address)
{
    struct sockaddr_storage a = {0};
    struct sockaddr_in *four = (struct sockaddr_in *)(void *)&a;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)&a;
    bool is_v6 = strchr(address, ':') != NULL;
    socklen_t bytes = is_v6 ? sizeof *six : sizeof *four;
    a.ss_family = is_v6 ? AF_INET6 : AF_INET;
    EXPECT_EQ(inet_pton(a.ss_family, address, is_v6 ? (void *)&six->sin6_addr : (void *)&four->sin_addr), 1);
    four->sin_port = htons(port); /* IPv6's lies there, too */
    int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, bytes) != 0) {
        close(fd);
        return -1;
    }
    EXPECT_EQ(getsockname(fd, (struct sockaddr *)&a, &bytes), 0);
    port = ntohs(four->sin_port);
    return fd;
}

static int listen_at(const char *address, int backlog)
{
    int fd = bind_at(address);
    if (fd >= 0) EXPECT_EQ(listen(fd, backlog), 0);
    return fd;
}

/* A queue that is full swallows what asks for a connection. */
struct swallower {
    int fd, fill[8];
};

static void swallow_at(struct swallower *s, const char *address)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    s->fd = listen_at(address, 0);
    EXPECT_TRUE(s->fd >= 0);
    a.sin_port = htons(port);
    EXPECT_EQ(inet_pton(AF_INET, address, &a.sin_addr), 1);
    for (int i = 0; i < 8; i++) {
        s->fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(s->fill[i], (struct sockaddr *)&a, sizeof a);
    }
}

static void swallow_end(struct swallower *s)
{
    for (int i = 0; i < 8; i++) close(s->fill[i]);
    close(s->fd);
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d)) count++;
    if (d) closedir(d);
    return count;
}

static struct stream *dial_name(msec_t after_ms, enum io *why, struct err *err)
{
    struct dial_target t = {.host = STR("many.test"), .port = port};
    *err = (struct err){0};
    return dial(&t, fiber_deadline(after_ms), why, err);
}

/* Dials and expects to be connected with `want`, and nothing to be left open. */
static void expect_peer(const char *want, msec_t after_ms)
{
    enum io why;
    struct err err;
    unsigned before = open_descriptors();
    struct stream *s = dial_name(after_ms, &why, &err);
    EXPECT_STR_EQ(err.text, "");
    EXPECT_EQ(why, IO_OK);
    if (!s) return;
    EXPECT_STR_EQ(stream_peer(s), want);
    EXPECT_EQ(write_str(s, STR("hello"), 1000), IO_OK);
    stream_close(&s);
    EXPECT_EQ(fiber_yield(), IO_OK);
    EXPECT_EQ(open_descriptors(), before);
}

static void refused_main(void *arg)
{
    (void)arg;
    port = 0;
    int fd = listen_at("127.0.0.3", 8);
    DNS_SET("127.0.0.1", "127.0.0.2", "127.0.0.3");
    expect_peer("127.0.0.3", 20000);
    close(fd);
    enum io why;
    struct err err;
    EXPECT_NULL(dial_name(20000, &why, &err));
    EXPECT_EQ(why, IO_FAIL);
    EXPECT_EQ(err.code, ERR_REFUSED);
    EXPECT_TRUE(str_ends_with(str_from_cstr(err.text), STR(": connection refused")));
    EXPECT_EQ(resolver_read_stats(loop_current()).lookups, 1);
    EXPECT_NULL(dial_name(20000, &why, &err)); /* nobody was there: the answer is doubted */
    EXPECT_EQ(resolver_read_stats(loop_current()).stale, 1);
}
TEST(connect, goes_on_to_the_next_address_at_once_when_one_refuses)
{
    run_with_dns(refused_main, (struct resolver_options){.keep_ms = LONG_MS, .stale_ms = LONG_MS});
}

static void swallowed_main(void *arg)
{
    (void)arg;
    struct swallower s[2];
    port = 0;
    swallow_at(&s[0], "127.0.0.1");
    swallow_at(&s[1], "127.0.0.2");
    int fd = listen_at("127.0.0.4", 8);
    DNS_SET("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4");
    msec_t began = fiber_now();
    expect_peer("127.0.0.4", 20000);
    EXPECT_TRUE(fiber_now() - began >= 500); /* two that swallow, one that refuses */
    close(fd);
    swallow_end(&s[0]);
    swallow_end(&s[1]);
}
TEST(connect, does_not_wait_for_an_address_that_swallows)
{
    run_with_dns(swallowed_main, (struct resolver_options){.keep_ms = LONG_MS});
}

static void deadline_main(void *arg)
{
    (void)arg;
    struct swallower s;
    enum io why;
    struct err err;
    port = 0;
    swallow_at(&s, "127.0.0.1");
    int fd = listen_at("127.0.0.2", 8);
    DNS_SET("127.0.0.1", "127.0.0.2");
    struct stream *reached =
        NULL; /* within less than the usual delay; a machine that is held up may need some goes */
    for (int i = 0; i < 20 && !reached; i++) reached = dial_name(200, &why, &err);
    EXPECT_TRUE(reached && str_equals(stream_peer(reached), STR("127.0.0.2")));
    stream_close(&reached);
    close(fd);
    DNS_SET("127.0.0.1", "127.0.0.1", "127.0.0.1");
    resolver_doubt(STR("many.test"));
    EXPECT_NULL(dial_name(20, &why, &err));
    EXPECT_EQ(why, IO_TIMEOUT);
    EXPECT_EQ(err.code, ERR_TIMEOUT);
    swallow_end(&s);
}
TEST(connect, gives_every_address_a_turn_before_the_deadline)
{
    run_with_dns(deadline_main, (struct resolver_options){.keep_ms = LONG_MS});
}

static void late_main(void *arg)
{
    (void)arg;
    struct swallower s;
    port = 0;
    swallow_at(&s, "127.0.0.1");
    DNS_SET("127.0.0.2", "127.0.0.1"); /* the only living one is decided after the other has failed */
    enum io why;
    struct err err;
    EXPECT_NULL(dial_name(50, &why, &err));
    EXPECT_EQ(why, IO_TIMEOUT);
    swallow_end(&s);
}
TEST(connect, is_out_of_time_while_one_is_undecided)
{
    run_with_dns(late_main, (struct resolver_options){.keep_ms = LONG_MS});
}

/* One port for both families: of the second it is taken, too, and refuses until it listens. False: there is no IPv6. */
static bool families_listen(int *six, int *four)
{
    *four = -1;
    for (int i = 0; i < 100 && *four < 0; i++) {
        port = 0;
        *six = listen_at("::1", 8);
        if (*six < 0) return false;
        *four = bind_at("127.0.0.1");
        if (*four < 0) close(*six); /* somebody else has it there */
    }
    return *four >= 0;
}

static void families_main(void *arg)
{
    (void)arg;
    int six, four;
    has_v6 = families_listen(&six, &four);
    if (!has_v6) return;
    DNS_SET("127.0.0.1", "::1");
    expect_peer("::1", 20000);
    enum io why;
    struct err err = {0};
    struct dial_target literal = {.host = STR("::1"), .port = port};
    struct stream *s = dial(&literal, fiber_deadline(20000), &why, &err);
    EXPECT_NOT_NULL(s);
    if (s) EXPECT_STR_EQ(stream_peer(s), "::1");
    stream_close(&s);
    close(six);
    EXPECT_NULL(dial(&literal, fiber_deadline(20000), &why, &err));
    EXPECT_TRUE(str_starts_with(str_from_cstr(err.text), STR("[::1]:")));
    EXPECT_EQ(listen(four, 8), 0);
    DNS_SET("::1", "127.0.0.1");
    expect_peer("127.0.0.1", 20000);
    close(four);
}
TEST(connect, reaches_either_family)
{
    run_with_dns(families_main, (struct resolver_options){.keep_ms = 0});
    if (!has_v6) SKIP("there is no IPv6 loopback");
}

/* ---- a unix socket ---- */

enum { QUEUE = 3 };
static int crowded;

static void crowd_leaves_main(void *arg)
{
    (void)arg;
    (void)fiber_sleep(40);
    for (int i = 0; i < QUEUE; i++) close(accept(crowded, NULL, NULL));
}

static void crowded_main(void *arg)
{
    (void)arg;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct fiber_group g;
    struct err err = {0};
    enum io why;
    char host[sizeof a.sun_path + 5];
    int fill[QUEUE];
    snprintf(a.sun_path, sizeof a.sun_path, "/tmp/weir-test-crowded-%d.sock", (int)getpid());
    snprintf(host, sizeof host, "unix:%s", a.sun_path);
    crowded = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(crowded, (struct sockaddr *)&a, sizeof a), 0);
    EXPECT_EQ(listen(crowded, QUEUE - 1), 0);
    for (int i = 0; i < QUEUE; i++) {
        fill[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT_EQ(connect(fill[i], (struct sockaddr *)&a, sizeof a), 0);
    }
    struct dial_target t = {.host = str_from_cstr(host)};
    EXPECT_NULL(dial(&t, fiber_deadline(30), &why, &err));
    EXPECT_EQ(why, IO_TIMEOUT);
    fiber_group_init(&g);
    EXPECT_TRUE(fiber_group_start(&g, crowd_leaves_main, NULL));
    struct stream *s = dial(&t, fiber_deadline(20000), &why, &err);
    EXPECT_NOT_NULL(s);
    stream_close(&s);
    EXPECT_EQ(fiber_group_wait_all(&g, NEVER), IO_OK);
    for (int i = 0; i < QUEUE; i++) close(fill[i]);
    close(crowded);
    unlink(a.sun_path);
}
TEST(connect, waits_for_room_in_the_queue_of_a_unix_socket)
{
    run_on_loop(crowded_main, NULL);
}
