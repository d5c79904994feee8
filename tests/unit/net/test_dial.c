/* tests/unit/net/test_dial.c: streams to somebody, plain, through names, and over TLS. */
#include "net_test.h"
#include "tls_server.h"

#include "net/dial.h"
#include "net/resolver.h"
#include "net/tls.h"

#include <sys/un.h>

/* ---- plain ---- */

static uint16_t listen_somewhere(int *fd)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof a;
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(*fd, (struct sockaddr *)&a, sizeof a), 0);
    EXPECT_EQ(listen(*fd, 128), 0);
    EXPECT_EQ(getsockname(*fd, (struct sockaddr *)&a, &bytes), 0);
    return ntohs(a.sin_port);
}

static struct stream *dial_host(struct str host, uint16_t port, enum io *why, struct err *err)
{
    struct dial_target t = {.host = host, .port = port};
    return dial(&t, fiber_deadline(10000), why, err);
}

static void names_main(void *arg)
{
    (void)arg;
    static const struct str hosts[] = {STR_INIT("127.0.0.1"), STR_INIT("localhost"), STR_INIT("localhost")};
    int fd;
    uint16_t port = listen_somewhere(&fd);
    for (size_t i = 0; i < ARRAY_COUNT(hosts); i++) {
        enum io why;
        struct err err = {.text = ""};
        struct stream *s = dial_host(hosts[i], port, &why, &err);
        EXPECT_EQ(why, IO_OK);
        EXPECT_STR_EQ(err.text, "");
        if (!s) continue;
        EXPECT_STR_EQ(stream_peer(s), "127.0.0.1");
        EXPECT_EQ(write_str(s, STR("hello"), 1000), IO_OK);
        stream_close(&s);
    }
    close(fd);
}

TEST(dial, reaches_an_address_and_a_name)
{
    run_on_loop(names_main, NULL);
}

static void refused_main(void *arg)
{
    (void)arg;
    int fd;
    enum io why;
    struct err err = {0};
    uint16_t port = listen_somewhere(&fd);
    close(fd);
    EXPECT_NULL(dial_host(STR("127.0.0.1"), port, &why, &err));
    EXPECT_EQ(why, IO_FAIL);
    EXPECT_EQ(err.code, ERR_REFUSED);
    EXPECT_TRUE(str_ends_with(str_from_cstr(err.text), STR(": connection refused")));
    EXPECT_NULL(dial_host(STR("nobody.invalid"), port, &why, &err));
    EXPECT_EQ(why, IO_FAIL);
    EXPECT_EQ(err.code, ERR_DNS);
    EXPECT_NULL(dial_host(STR(""), port, &why, &err));
    EXPECT_EQ(err.code, ERR_DNS);
    EXPECT_NULL(dial_host(STR("unix:/nowhere/at/all"), 0, &why, &err));
    EXPECT_EQ(err.code, ERR_REFUSED);
    EXPECT_STR_EQ(err.text, "unix:/nowhere/at/all: no such file or directory");
}

TEST(dial, says_what_went_wrong_and_where)
{
    run_on_loop(refused_main, NULL);
}

static void unix_main(void *arg)
{
    struct listen_address *a = arg;
    char host[128];
    enum io why;
    struct err err;
    listen_address_format(a, host);
    struct stream *s = dial_host(str_from_cstr(host), 0, &why, &err);
    EXPECT_EQ(why, IO_OK);
    if (!s) return;
    EXPECT_STR_EQ(stream_peer(s), "unix");
    EXPECT_EQ(write_str(s, STR("hello"), 1000), IO_OK);
    stream_close(&s);
}

TEST(dial, reaches_a_unix_socket)
{
    struct listen_address a;
    struct err err;
    char text[64];
    int fd;
    snprintf(text, sizeof text, "unix:/tmp/weir-test-%d", (int)getpid());
    ASSERT_TRUE(listen_address_parse(&a, str_from_cstr(text), &err));
    ASSERT_TRUE(listen_sockets(&a, &fd, 1, &err));
    run_on_loop(unix_main, &a);
    close(fd);
    unlink(text + 5);
}

/* ---- the resolver ---- */

struct crowd {
    struct fiber_group group;
    uint16_t port;
    int reached;
};

static void one_of_many_main(void *arg)
{
    struct crowd *c = arg;
    enum io why;
    struct err err;
    struct stream *s = dial_host(STR("localhost"), c->port, &why, &err);
    c->reached += s != NULL;
    stream_close(&s);
}

static void crowd_main(void *arg)
{
    struct crowd *c = arg;
    fiber_group_init(&c->group);
    for (int i = 0; i < 10; i++) EXPECT_TRUE(fiber_group_start(&c->group, one_of_many_main, c));
    EXPECT_EQ(fiber_group_wait_all(&c->group, fiber_deadline(10000)), IO_OK);
    EXPECT_EQ(c->reached, 10);
}

TEST(resolver, answers_all_who_ask_for_one_name_together)
{
    int fd;
    struct crowd c = {.port = listen_somewhere(&fd)};
    run_on_loop(crowd_main, &c);
    close(fd);
}

struct thread_of_crowd {
    pthread_t thread;
    struct resolver *resolver;
    struct crowd crowd;
};

static void *thread_main(void *arg)
{
    struct thread_of_crowd *t = arg;
    struct loop *l = loop_new();
    resolver_use(l, t->resolver);
    for (int i = 0; i < 3; i++) {
        t->crowd.reached = 0;
        EXPECT_NOT_NULL(fiber_start(l, crowd_main, &t->crowd));
        loop_run(l);
    }
    loop_free(l);
    return NULL;
}

TEST(resolver, is_shared_by_threads)
{
    struct thread_of_crowd threads[3];
    struct resolver *r = resolver_new();
    int fd;
    uint16_t port = listen_somewhere(&fd);
    for (int i = 0; i < 3; i++) {
        threads[i] = (struct thread_of_crowd){.resolver = r, .crowd.port = port};
        EXPECT_EQ(pthread_create(&threads[i].thread, NULL, thread_main, &threads[i]), 0);
    }
    for (int i = 0; i < 3; i++) pthread_join(threads[i].thread, NULL);
    resolver_free(r);
    close(fd);
}

static void ports_main(void *arg)
{
    (void)arg;
    static const struct str hosts[] = {STR_INIT("127.0.0.1"), STR_INIT("::1"), STR_INIT("localhost")};
    for (uint16_t port = 1; port < 3; port++)
        for (size_t i = 0; i < ARRAY_COUNT(hosts); i++) {
            struct resolved *found;
            struct err err;
            EXPECT_EQ(resolver_find(hosts[i], port, &found, fiber_deadline(10000), &err), IO_OK);
            if (!found) continue;
            EXPECT_TRUE(found->count >= 1);
            const struct sockaddr_in *a =
                (const struct sockaddr_in *)&found->addresses[0]; /* IPv6's port lies there, too */
            EXPECT_EQ(ntohs(a->sin_port), port);
            free(found);
        }
}

TEST(resolver, gives_each_caller_its_port)
{
    run_on_loop(ports_main, NULL);
}

/* ---- TLS ---- */

struct tls_talk {
    struct tls_server server;
    struct str name;     /* "": localhost */
    const char *ca_file; /* NULL: the server's */
    void (*talk)(struct stream *s);
    enum err_code want;
    const char *want_text;
};

static void tls_main(void *arg)
{
    struct tls_talk *t = arg;
    struct err err = {0};
    enum io why;
    struct tls_context *c = tls_context_new(
        &(struct tls_files){.ca = t->ca_file ? t->ca_file : t->server.ca_file}, &err);
    EXPECT_NOT_NULL(c);
    if (!c) return;
    struct dial_target target = {.host = STR("127.0.0.1"),
                                 .port = t->server.port,
                                 .tls = c,
                                 .server_name = t->name.len ? t->name : STR("localhost")};
    struct stream *s = dial(&target, fiber_deadline(10000), &why, &err);
    EXPECT_EQ(err.code, t->want);
    EXPECT_EQ(s != NULL, t->want == ERR_NONE);
    if (t->want_text)
        EXPECT_THAT(str_find(str_from_cstr(err.text), str_from_cstr(t->want_text)) != SIZE_MAX, "says: %s",
                    err.text);
    tls_context_unref(&c);
#ifndef WEIR_SANITIZED
    EXPECT_TRUE(fiber_stack_high_water(fiber_current()) <=
                20480); /* of 64 KiB: handshake, certificates and all */
#endif
    if (s && t->talk) t->talk(s);
    stream_close(&s);
}

static void tls_run(struct tls_talk *t)
{
    tls_server_start(&t->server);
    run_on_loop(tls_main, t);
    tls_server_stop(&t->server);
}

static void echo_talk(struct stream *s)
{
    for (int i = 0; i < 20; i++) {
        struct str chunk, pieces[3] = {STR("one "), STR(""), STR("two")};
        EXPECT_EQ(stream_write(s, pieces, 3, fiber_deadline(5000)), IO_OK);
        EXPECT_EQ(stream_read(s, &chunk, fiber_deadline(5000)), IO_OK);
        EXPECT_STR_EQ(chunk, STR("one two"));
    }
    EXPECT_FALSE(stream_has_ended(s));
    EXPECT_EQ(write_str(s, STR("abcdef"), 5000), IO_OK);
    struct str chunk;
    EXPECT_EQ(stream_read(s, &chunk, fiber_deadline(5000)), IO_OK);
    EXPECT_STR_EQ(chunk, STR("abcdef"));
    stream_unread(s, str_from(chunk, 2));
    EXPECT_TRUE(stream_has_early(s));
    char four[4];
    size_t got;
    EXPECT_EQ(stream_read_into(s, four, 4, &got, fiber_deadline(5000)), IO_OK);
    EXPECT_MEM_EQ(four, got, "cdef", 4);
    EXPECT_FALSE(stream_has_early(s));
    stream_shutdown(s);
    EXPECT_EQ(stream_read(s, &chunk, fiber_deadline(5000)), IO_END);
}

TEST(tls, talks_and_ends_politely)
{
    struct tls_talk t = {.talk = echo_talk};
    tls_run(&t);
    EXPECT_EQ(t.server.ended_well, 1);
    t = (struct tls_talk){.server = {.is_tls12 = true}, .talk = echo_talk};
    tls_run(&t);
    EXPECT_EQ(t.server.ended_well, 1);
}

enum { BIG = 3 << 20 };

struct big {
    struct stream *s;
    char *bytes;
};

static void big_writer(void *arg)
{
    struct big *b = arg;
    struct str pieces[4] = {str_of(b->bytes, 100), str_of(b->bytes + 100, 30000),
                            str_of(b->bytes + 30100, 20), str_of(b->bytes + 30120, BIG - 30120)};
    EXPECT_EQ(stream_write(b->s, pieces, 4, fiber_deadline(20000)), IO_OK);
}

static void big_talk(struct stream *s)
{
    struct big b = {.s = s, .bytes = malloc(BIG)};
    char *got = calloc(1, BIG);
    size_t bytes = 0;
    struct fiber_group g;
    for (size_t i = 0; i < BIG; i++) b.bytes[i] = (char)(i * 7 + i / 251);
    fiber_group_init(&g);
    EXPECT_TRUE(fiber_group_start(&g, big_writer, &b));
    for (size_t at = 0, half = BIG / 2; at < BIG; at += half) {
        EXPECT_EQ(stream_read_into(s, got + at, half, &bytes, fiber_deadline(20000)), IO_OK);
        EXPECT_EQ(bytes, half);
    }
    EXPECT_TRUE(memcmp(got, b.bytes, BIG) == 0);
    EXPECT_EQ(fiber_group_wait_all(&g, NEVER), IO_OK);
    free(b.bytes);
    free(got);
}

TEST(tls, carries_megabytes_both_ways_at_once)
{
    struct tls_talk t = {.talk = big_talk};
    tls_run(&t);
}

static void rude_talk(struct stream *s)
{
    struct str chunk;
    EXPECT_EQ(write_str(s, STR("x"), 5000), IO_OK);
    EXPECT_EQ(stream_read(s, &chunk, fiber_deadline(5000)), IO_OK);
    EXPECT_EQ(stream_read(s, &chunk, fiber_deadline(5000)), IO_FAIL);
    EXPECT_TRUE(*stream_error(s) != 0);
}

TEST(tls, an_end_without_close_notify_is_a_failure)
{
    struct tls_talk t = {.server.kind = SERVER_ENDS_RUDELY, .talk = rude_talk};
    tls_run(&t);
}

struct idle_watch {
    struct fiber *waiter;
    int readable, ended;
};

static void idle_readable(void *arg)
{
    struct idle_watch *w = arg;
    w->readable++;
    if (fiber_is_waiting(w->waiter)) fiber_wake(w->waiter, IO_OK);
}

static void idle_end(void *arg)
{
    struct idle_watch *w = arg;
    w->ended++;
    if (fiber_is_waiting(w->waiter)) fiber_wake(w->waiter, IO_OK);
}

static const struct stream_hooks idle_hooks = {.on_readable = idle_readable, .on_end = idle_end};

/* TLS 1.3 sends session tickets after the handshake: they are no bytes for us. */
static void idle_talk(struct stream *s)
{
    struct idle_watch w = {.waiter = fiber_current()};
    stream_set_hooks(s, &idle_hooks, &w);
    EXPECT_EQ(fiber_wait(fiber_now() + 50), IO_TIMEOUT);
    EXPECT_EQ(w.readable, 0);
    EXPECT_FALSE(stream_has_early(s));
    EXPECT_EQ(write_str(s, STR("ping"), 5000), IO_OK);
    EXPECT_EQ(fiber_wait(fiber_deadline(5000)), IO_OK);
    EXPECT_EQ(w.readable, 1);
    EXPECT_TRUE(stream_has_early(s));
    struct str chunk;
    EXPECT_EQ(stream_read(s, &chunk, fiber_deadline(5000)), IO_OK);
    EXPECT_STR_EQ(chunk, STR("ping"));
    EXPECT_EQ(w.ended, 0);
    stream_shutdown(s);
    EXPECT_EQ(fiber_wait(fiber_deadline(5000)), IO_OK);
    EXPECT_EQ(w.ended, 1);
    EXPECT_TRUE(stream_has_ended(s));
}

TEST(tls, session_tickets_are_not_told_as_bytes_but_bytes_and_the_end_are)
{
    struct tls_talk t = {.talk = idle_talk};
    tls_run(&t);
}

TEST(tls, a_certificate_for_another_name_is_refused)
{
    struct tls_talk t = {
        .name = STR("example.com"), .want = ERR_TLS, .want_text = "certificate refused: hostname mismatch"};
    tls_run(&t);
    t = (struct tls_talk){.server.alt_name = "DNS:localhost",
                          .name = STR("127.0.0.1"),
                          .want = ERR_TLS,
                          .want_text = "certificate refused: IP address mismatch"};
    tls_run(&t);
}

TEST(tls, an_address_in_the_certificate_is_accepted)
{
    struct tls_talk t = {.name = STR("127.0.0.1"), .talk = echo_talk};
    tls_run(&t);
}

TEST(tls, an_expired_certificate_is_refused)
{
    struct tls_talk t = {.server.valid_seconds = -60,
                         .want = ERR_TLS,
                         .want_text = "certificate refused: certificate has expired"};
    tls_run(&t);
}

TEST(tls, a_certificate_of_an_unknown_authority_is_refused)
{
    struct tls_server other = {0};
    other.ssl = SSL_CTX_new(TLS_server_method());
    tls_server_certify(&other);
    struct tls_talk t = {.ca_file = other.ca_file, .want = ERR_TLS, .want_text = "certificate refused: "};
    tls_run(&t);
    unlink(other.ca_file);
    SSL_CTX_free(other.ssl);
}

static void *plain_echo_main(void *arg)
{
    char bytes[100];
    int fd = accept(*(int *)arg, NULL, NULL);
    if (recv(fd, bytes, sizeof bytes, 0) > 0) (void)send(fd, "HTTP/1.1 400 What?\r\n\r\n", 22, 0);
    close(fd);
    return NULL;
}

TEST(tls, a_server_that_does_not_speak_tls_is_refused)
{
    struct tls_talk t = {.want = ERR_TLS, .want_text = "TLS handshake failed: wrong version number"};
    struct tls_server certificates = {.ssl = SSL_CTX_new(TLS_server_method())};
    int fd;
    pthread_t thread;
    tls_server_certify(&certificates);
    t.ca_file = certificates.ca_file;
    t.server.port = listen_somewhere(&fd);
    pthread_create(&thread, NULL, plain_echo_main, &fd);
    run_on_loop(tls_main, &t);
    pthread_join(thread, NULL);
    close(fd);
    unlink(certificates.ca_file);
    SSL_CTX_free(certificates.ssl);
}

/* The system's authorities are read by the first of many connections, on the pool. */
static void system_main(void *arg)
{
    struct tls_talk *t = arg;
    struct err err = {0};
    enum io why;
    struct tls_context *c = tls_context_new(&(struct tls_files){0}, &err);
    struct dial_target target = {.host = STR("127.0.0.1"), .port = t->server.port, .tls = c};
    for (int i = 0; i < 2; i++) {
        EXPECT_NULL(dial(&target, fiber_deadline(20000), &why, &err));
        EXPECT_EQ(err.code, ERR_TLS);
        EXPECT_TRUE(str_find(str_from_cstr(err.text), STR("certificate refused: ")) != SIZE_MAX);
    }
    struct tls_context *unused = tls_context_new(&(struct tls_files){0}, &err);
    target.tls = unused;
    EXPECT_NULL(dial(&target, fiber_now(), &why, &err));
    EXPECT_EQ(why, IO_TIMEOUT);
    tls_context_unref(&unused);
    tls_context_unref(&c);
}

TEST(tls, a_stranger_is_not_trusted_by_the_systems_authorities)
{
    struct tls_talk t = {.server = {.kind = SERVER_ECHOES}};
    tls_server_start(&t.server);
    run_on_loop(system_main, &t);
    tls_server_stop(&t.server);
}

TEST(tls, a_missing_file_of_authorities_is_told)
{
    struct err err = {0};
    EXPECT_NULL(tls_context_new(&(struct tls_files){.ca = "/nowhere/ca.pem"}, &err));
    EXPECT_EQ(err.code, ERR_TLS);
    EXPECT_TRUE(str_starts_with(str_from_cstr(err.text), STR("/nowhere/ca.pem: ")));
}
