/* tests/unit/http/http_test.h: a server with a handler of many manners, and callers that send bare bytes to it, all on
 * one loop. The handler does what the path says. */
#ifndef WEIR_HTTP_TEST_H
#define WEIR_HTTP_TEST_H

#include "test.h"

#include "base/fmt.h"
#include "http/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

/* What the handler has seen; one test runs at a time. */
static struct seen {
    unsigned handled, refused, finished;
    int refused_status, body_status;
    enum io last; /* of the last wait in a handler */
    bool is_caller_gone;
    msec_t cancelled_at;
    unsigned pieces;
    size_t body_bytes;
    uint64_t body_hash;
    char path[64];
    unsigned headers;
    bool is_request_gone; /* after release */
} seen;

static struct world {
    struct loop *loop;
    struct http_server *server;
    struct listener *listener;
    struct listen_address address;
    void (*script)(void);
    char *big; /* big_bytes() of text */
} world;

/* Times for machines that are slower by far (valgrind, emulators). */
static inline msec_t ms(msec_t usual)
{
    return usual * 1000 / (msec_t)test_count(1000);
}

static inline size_t big_bytes(void)
{
    return test_count(20 << 20);
}

static inline uint64_t hash_more(uint64_t h, struct str s)
{
    for (size_t i = 0; i < s.len; i++) h = (h ^ (uint8_t)s.at[i]) * 0x100000001b3u;
    return h;
}

static inline struct str big_text(void)
{
    if (!world.big) {
        world.big = malloc(big_bytes());
        for (size_t i = 0; i < big_bytes(); i++) world.big[i] = (char)('a' + (i * 7 + i / 1000) % 26);
    }
    return str_of(world.big, big_bytes());
}

/* ---- handlers ---- */
static inline void reply_text(struct http_exchange *x, int status, struct str text)
{
    struct http_reply_head head = {
        .status = status, .header_lines = STR("Content-Type: text/plain\r\n"), .content_length = -1};
    seen.last = http_exchange_reply(x, &head, &text, 1);
}

static inline void handle_echo(struct http_exchange *x)
{
    struct str body;
    seen.last = http_exchange_read_whole(x, &body);
    seen.body_status = http_exchange_body_status(x);
    if (seen.last == IO_OK) {
        seen.body_bytes = body.len;
        seen.body_hash = hash_more(0, body);
        reply_text(x, 200, body);
    } else if (seen.body_status) {
        reply_text(x, seen.body_status, STR("bad body"));
    }
}

/* Reads piece by piece and sends each back at once. */
static inline void handle_pieces(struct http_exchange *x)
{
    struct http_reply_head head = {.status = 200, .content_length = -1};
    struct str piece;
    http_exchange_send_head(x, &head);
    while ((seen.last = http_exchange_read_body(x, &piece)) == IO_OK) {
        seen.pieces++;
        seen.body_bytes += piece.len;
        if (http_exchange_send_body(x, &piece, 1) != IO_OK) return;
    }
    seen.body_status = http_exchange_body_status(x);
    if (seen.last == IO_END) seen.last = http_exchange_finish(x);
}

static inline void handle_stream(struct http_exchange *x)
{
    struct http_reply_head head = {
        .status = 200, .header_lines = STR("Content-Type: text/event-stream\r\n"), .content_length = -1};
    const struct str parts[] = {STR("one "), STR("two "), STR("three")};
    http_exchange_send_head(x, &head);
    EXPECT_FALSE(http_exchange_has_sent(x));
    for (int i = 0; i < 3; i++) {
        seen.last = http_exchange_send_body(x, &parts[i], 1);
        EXPECT_TRUE(http_exchange_has_sent(x));
        (void)fiber_yield();
    }
    EXPECT_EQ(http_exchange_sent_bytes(x), http_exchange_request(x)->method == M_HEAD ? 0 : 13);
    seen.last = http_exchange_finish(x);
}

static inline void handle_wait(struct http_exchange *x)
{
    seen.last = fiber_sleep(PATIENCE_MS);
    seen.cancelled_at = fiber_now();
    seen.is_caller_gone = http_exchange_is_caller_gone(x);
}

/* A stream that says how it ends when it is cancelled. */
static inline void handle_last_word(struct http_exchange *x)
{
    struct http_reply_head head = {.status = 200, .content_length = -1};
    struct str first = STR("first"), last = STR("last");
    http_exchange_send_head(x, &head);
    (void)http_exchange_send_body(x, &first, 1);
    EXPECT_EQ(fiber_sleep(PATIENCE_MS), IO_CANCELLED);
    EXPECT_EQ(http_exchange_send_body(x, &first, 1), IO_CANCELLED);
    EXPECT_EQ(http_exchange_send_last(x, &last, 1), IO_OK);
}

/* Streams for ever, until the caller is slow or gone. */
static inline void handle_flood(struct http_exchange *x)
{
    struct http_reply_head head = {.status = 200, .content_length = -1};
    struct str part = str_part(big_text(), 0, 32 * 1024);
    http_exchange_send_head(x, &head);
    while ((seen.last = http_exchange_send_body(x, &part, 1)) == IO_OK) seen.pieces++;
    seen.cancelled_at = fiber_now();
    seen.is_caller_gone = http_exchange_is_caller_gone(x);
}

static inline void handle_released(struct http_exchange *x)
{
    struct str body;
    seen.last = http_exchange_read_whole(x, &body);
    http_exchange_release_request(x);
    seen.is_request_gone = http_exchange_request(x)->target.len == 0;
    EXPECT_EQ(http_exchange_request(x)->method, M_POST);
    reply_text(x, 200, STR("released"));
}

static inline void handle_unfinished(struct http_exchange *x, int64_t length)
{
    struct http_reply_head head = {.status = 200, .content_length = length};
    http_exchange_send_head(x, &head);
    struct str part = STR("half");
    seen.last = http_exchange_send_body(x, &part, 1);
}

static inline void handle_taken_over(struct http_exchange *x)
{
    struct stream *s = http_exchange_take_over(x);
    struct str chunk, hello = STR("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    seen.last = stream_write(s, &hello, 1, NEVER);
    while (stream_read(s, &chunk, fiber_deadline(PATIENCE_MS)) == IO_OK)
        seen.last = stream_write(s, &chunk, 1, NEVER);
    stream_close(&s);
}

static inline void route(struct http_exchange *x, struct str path)
{
    struct http_reply_head empty = {.status = 204, .content_length = -1};
    struct http_reply_head sized = {.status = 200, .content_length = 12345};
    if (str_equals(path, STR("/echo")))
        handle_echo(x);
    else if (str_equals(path, STR("/pieces")))
        handle_pieces(x);
    else if (str_equals(path, STR("/stream")))
        handle_stream(x);
    else if (str_equals(path, STR("/wait")))
        handle_wait(x);
    else if (str_equals(path, STR("/flood")))
        handle_flood(x);
    else if (str_equals(path, STR("/last-word")))
        handle_last_word(x);
    else if (str_equals(path, STR("/released")))
        handle_released(x);
    else if (str_equals(path, STR("/big")))
        reply_text(x, 200, big_text());
    else if (str_equals(path, STR("/204")))
        seen.last = http_exchange_reply(x, &empty, NULL, 0);
    else if (str_equals(path, STR("/sized")))
        seen.last = http_exchange_reply(x, &sized, NULL, 0);
    else if (str_equals(path, STR("/cut")))
        handle_unfinished(x, -1);
    else if (str_equals(path, STR("/short")))
        handle_unfinished(x, 100);
    else if (str_equals(path, STR("/abort"))) {
        handle_unfinished(x, -1);
        http_exchange_abort(x);
    } else if (str_equals(path, STR("/take")))
        handle_taken_over(x);
    else if (str_equals(path, STR("/silent")))
        (void)fiber_yield();
    else if (str_equals(path, STR("/close"))) {
        http_exchange_close_after(x);
        reply_text(x, 200, STR("bye"));
    } else
        reply_text(x, 200, STR("hello"));
}

static inline void handle(void *arg, struct http_exchange *x)
{
    (void)arg;
    const struct http_request *r = http_exchange_request(x);
    seen.handled++;
    seen.headers = r->headers.count;
    snprintf(seen.path, sizeof seen.path, "%.*s", STR_ARG(r->path));
    route(x, r->path);
    seen.finished++;
}

static inline void refuse(void *arg, struct http_exchange *x, int status, const char *why)
{
    (void)arg;
    seen.refused++;
    seen.refused_status = status;
    reply_text(x, status, str_from_cstr(why));
}

/* ---- the world ---- */
static const struct http_server_options plain_options = {
    .head_ms = PATIENCE_MS, .body_ms = PATIENCE_MS, .keep_alive_ms = PATIENCE_MS, .max_body_bytes = 32 << 20};

static inline void world_script(void *arg)
{
    (void)arg;
    world.script();
    listener_close(&world.listener);
    http_server_cancel_all(world.server);
    for (int i = 0; http_server_read_stats(world.server).busy > 0 && i < 1000; i++) (void)fiber_yield();
    EXPECT_EQ(http_server_read_stats(world.server).busy, 0);
    EXPECT_EQ(http_server_read_stats(world.server).exchanges, 0);
    http_server_free(world.server);
    loop_stop(world.loop);
}

static inline void with_handler(const struct http_server_options *o,
                                const struct http_server_handler *handler, void (*script)(void))
{
    struct err err = {0};
    int fd = -1;
    seen = (struct seen){0};
    world.script = script;
    world.loop = loop_new();
    ASSERT_TRUE(world.loop != NULL);
    world.server = http_server_new(world.loop, o, handler);
    ASSERT_TRUE(listen_address_parse(&world.address, STR("127.0.0.1:0"), &err));
    ASSERT_TRUE(listen_sockets(&world.address, &fd, 1, &err));
    world.listener = listener_new(world.loop, fd, http_server_accept, world.server, &err);
    ASSERT_TRUE(world.listener != NULL);
    EXPECT_NOT_NULL(fiber_start(world.loop, world_script, NULL));
    loop_run(world.loop);
    loop_free(world.loop);
    buf_thread_done();
    free(world.big);
    world.big = NULL;
}

static inline void with_server(const struct http_server_options *o, void (*script)(void))
{
    static const struct http_server_handler handler = {.handle = handle, .refuse = refuse};
    with_handler(o, &handler, script);
}

static inline uint16_t world_port(void)
{
    return ntohs(((struct sockaddr_in *)(void *)&world.address.address)->sin_port);
}

/* ---- callers ---- */
static inline struct stream *caller_sized(int buffer_bytes)
{
    struct err err;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (buffer_bytes) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
    }
    EXPECT_EQ(connect(fd, (struct sockaddr *)&world.address.address, world.address.bytes), 0);
    struct stream *s = stream_from_fd(world.loop, fd, NULL, &err);
    EXPECT_NOT_NULL(s);
    return s;
}

static inline struct stream *caller(void)
{
    return caller_sized(0);
}

static inline void send_str(struct stream *s, struct str text)
{
    EXPECT_EQ(stream_write(s, &text, 1, fiber_deadline(PATIENCE_MS)), IO_OK);
}
#define SEND(s, literal) send_str((s), STR(literal))

/* All until the peer's end; *how: IO_END or what else ended it. For free(). */
static inline struct str read_all(struct stream *s, msec_t within_ms, enum io *how)
{
    struct str chunk, all = {0};
    char *at = NULL;
    size_t room = 0;
    msec_t deadline = fiber_deadline(within_ms);
    while ((*how = stream_read(s, &chunk, deadline)) == IO_OK) {
        while (room < all.len + chunk.len + 1) at = realloc(at, room = room ? 2 * room : 4096);
        memcpy(at + all.len, chunk.at, chunk.len);
        all = str_of(at, all.len + chunk.len);
        at[all.len] = '\0';
    }
    return all;
}

/* Reads until `needle` has come `times` times or the end; the text lives until the next call. */
static inline struct str read_until(struct stream *s, struct str needle, unsigned times)
{
    static char text[1 << 16];
    size_t len = 0;
    msec_t deadline = fiber_deadline(PATIENCE_MS);
    for (;;) {
        unsigned found = 0;
        for (struct str rest = str_of(text, len); found < times; found++) {
            size_t at = str_find(rest, needle);
            if (at == SIZE_MAX) break;
            rest = str_from(rest, at + needle.len);
        }
        struct str chunk;
        if (found >= times || stream_read(s, &chunk, deadline) != IO_OK) break;
        if (chunk.len > sizeof text - len) break;
        memcpy(text + len, chunk.at, chunk.len);
        len += chunk.len;
    }
    return str_of(text, len);
}

static inline int status_of(struct str reply)
{
    int64_t status = 0;
    return str_starts_with(reply, STR("HTTP/1.1 ")) && str_to_u63(str_part(reply, 9, 3), &status)
               ? (int)status
               : 0;
}

/* Until `condition`, or for a patient while. */
#define WAIT_FOR(condition)                                                                                  \
    for (msec_t until = fiber_deadline(PATIENCE_MS); !(condition) && fiber_now() < until;)                   \
    (void)fiber_sleep(1)

static inline bool has(struct str text, struct str needle)
{
    return str_find(text, needle) != SIZE_MAX;
}
#define HAS(text, literal)                                                                                   \
    EXPECT_THAT(has((text), STR(literal)), "%s is not in: %.*s", literal, STR_ARG(text))
#define HAS_NOT(text, literal)                                                                               \
    EXPECT_THAT(!has((text), STR(literal)), "%s is in: %.*s", literal, STR_ARG(text))

/* The whole conversation: send, read until the server ends the connection. */
static inline struct str talk(struct str request, enum io *how)
{
    static char text[1 << 16];
    struct stream *s = caller();
    send_str(s, request);
    struct str all = read_all(s, PATIENCE_MS, how);
    size_t len = all.len < sizeof text ? all.len : sizeof text;
    if (len) memcpy(text, all.at, len);
    free((char *)(uintptr_t)all.at);
    stream_close(&s);
    return str_of(text, len);
}

#endif
