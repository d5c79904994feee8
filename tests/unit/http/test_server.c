/* tests/unit/http/test_server.c: the server as callers see it, byte by byte, on a real loop and real sockets. */
#include "http_test.h"

#include "http/exchange.h"

/* ---- one exchange ---- */
static void get_script(void)
{
    struct stream *s = caller();
    SEND(s, "GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\n");
    struct str reply = read_until(s, STR("hello"), 1);
    EXPECT_EQ(status_of(reply), 200);
    HAS(reply, "HTTP/1.1 200 OK\r\nDate: ");
    HAS(reply, " GMT\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello");
    HAS_NOT(reply, "Connection");
    EXPECT_STR_EQ(seen.path, "/a");
    struct http_server_stats st = http_server_read_stats(world.server);
    EXPECT_EQ(st.idle, 1);
    EXPECT_EQ(st.busy, 0);
    EXPECT_EQ(st.connections, 1);
    EXPECT_EQ(st.requests, 1);
    stream_close(&s);
}
TEST(server, answers_a_get_and_goes_back_to_idle)
{
    with_server(&plain_options, get_script);
}

static void byte_by_byte_script(void)
{
    struct stream *s = caller();
    struct str text = STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
    for (size_t i = 0; i < text.len; i++) {
        send_str(s, str_part(text, i, 1));
        (void)fiber_sleep(1);
    }
    HAS(read_until(s, STR("\r\n\r\nbody"), 1), "\r\n\r\nbody");
    EXPECT_EQ(seen.handled, 1);
    EXPECT_EQ(seen.headers, 2);
    stream_close(&s);
}
TEST(server, reads_a_request_that_comes_byte_by_byte)
{
    with_server(&plain_options, byte_by_byte_script);
}

static void keep_alive_script(void)
{
    struct stream *s = caller();
    for (int i = 0; i < 50; i++) {
        SEND(s, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
        HAS(read_until(s, STR("\r\n\r\nabc"), 1), "200 OK");
    }
    EXPECT_EQ(http_server_read_stats(world.server).accepted, 1);
    EXPECT_EQ(http_server_read_stats(world.server).requests, 50);
    stream_close(&s);
}
TEST(server, serves_many_requests_on_one_connection)
{
    with_server(&plain_options, keep_alive_script);
}

static void pipeline_script(void)
{
    struct stream *s = caller();
    SEND(
        s,
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nfirstGET /stream HTTP/1.1\r\nHost: h\r\n\r\n"
        "POST /pieces HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nthird\r\n0\r\n\r\n"
        "GET /last HTTP/1.1\r\nHost: h\r\n\r\n");
    struct str all = read_until(s, STR("hello"), 1);
    size_t first = str_find(all, STR("\r\n\r\nfirst")),
           second = str_find(all, STR("4\r\none \r\n4\r\ntwo \r\n5\r\nthree\r\n0\r\n\r\n"));
    size_t third = str_find(all, STR("5\r\nthird\r\n0\r\n\r\n")), last = str_find(all, STR("\r\n\r\nhello"));
    EXPECT_TRUE(first < second && second < third && third < last && last != SIZE_MAX);
    EXPECT_EQ(seen.finished, 4);
    stream_close(&s);
}
TEST(server, answers_pipelined_requests_in_order)
{
    with_server(&plain_options, pipeline_script);
}

static void long_pipeline_script(void)
{
    struct stream *s = caller();
    struct str one = STR("GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    char many[200 * 32];
    size_t len = 0;
    for (int i = 0; i < 200; i++, len += one.len) memcpy(many + len, one.at, one.len);
    send_str(s, str_of(many, len));
    unsigned answers = 0;
    struct str text = read_until(s, STR("\r\n\r\nhello"), 200);
    for (size_t at; (at = str_find(text, STR("\r\n\r\nhello"))) != SIZE_MAX; answers++)
        text = str_from(text, at + 9);
    EXPECT_EQ(answers, 200);
    stream_close(&s);
}
TEST(server, answers_two_hundred_pipelined_requests)
{
    with_server(&plain_options, long_pipeline_script);
}

/* Between its requests other connections need the loop's buffer, so that early bytes move about. */
static void mixed_pipeline_script(void)
{
    struct stream *s = caller(), *other = caller();
    struct str one = STR("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    char many[40 * 40];
    size_t len = 0;
    for (int i = 0; i < 40; i++, len += one.len) memcpy(many + len, one.at, one.len);
    for (int i = 0; i < 3; i++) {
        send_str(s, str_of(many, len));
        SEND(other, "POST /pieces HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nab");
        (void)fiber_sleep(1);
        SEND(other, "cd");
        (void)fiber_sleep(1);
        SEND(other, "efPOST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n#");
        HAS(read_until(other, STR("#"), 1), "ef\r\n");
        EXPECT_EQ(read_until(s, STR("three\r\n0\r\n\r\n"), 40).len % 40, 0);
    }
    EXPECT_EQ(seen.finished, 3 * 42);
    stream_close(&s);
    stream_close(&other);
}
TEST(server, keeps_pipelined_requests_while_others_are_read)
{
    with_server(&plain_options, mixed_pipeline_script);
}

static void head_script(void)
{
    struct stream *s = caller();
    SEND(s, "HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n");
    struct str reply = read_until(s, STR("\r\n\r\n"), 1);
    HAS(reply, "Content-Length: 5\r\n");
    EXPECT_TRUE(str_ends_with(reply, STR("\r\n\r\n")));
    SEND(s, "HEAD /sized HTTP/1.1\r\nHost: h\r\n\r\n");
    HAS(read_until(s, STR("\r\n\r\n"), 1), "Content-Length: 12345\r\n");
    SEND(s, "HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\nGET /204 HTTP/1.1\r\nHost: h\r\n\r\n");
    reply = read_until(s, STR("\r\n\r\n"), 2);
    HAS(reply, "Transfer-Encoding: chunked\r\n");
    HAS_NOT(reply, "three");
    HAS(reply, "204 No Content\r\n");
    HAS_NOT(reply, "Content-Length");
    stream_close(&s);
}
TEST(server, sends_no_body_to_head_nor_with_204)
{
    with_server(&plain_options, head_script);
}

static void options_script(void)
{
    struct stream *s = caller();
    SEND(s, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(status_of(read_until(s, STR("hello"), 1)), 200);
    EXPECT_STR_EQ(seen.path, "*");
    stream_close(&s);
}
TEST(server, hands_options_to_the_handler)
{
    with_server(&plain_options, options_script);
}

static void http_1_0_script(void)
{
    enum io how;
    struct str reply = talk(STR("GET /x HTTP/1.0\r\n\r\n"), &how);
    EXPECT_EQ(how, IO_END);
    HAS(reply, "Connection: close\r\n");
    HAS(reply, "\r\n\r\nhello");
    reply = talk(STR("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), &how);
    EXPECT_EQ(how, IO_END);
    HAS_NOT(reply, "Transfer-Encoding");
    HAS(reply, "\r\n\r\none two three");
    struct stream *s = caller();
    for (int i = 0; i < 2; i++) {
        SEND(s, "GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        HAS(read_until(s, STR("hello"), 1), "Connection: keep-alive\r\n");
    }
    stream_close(&s);
    reply = talk(STR("GET /cut HTTP/1.0\r\n\r\n"), &how);
    EXPECT_EQ(how, IO_FAIL); /* a reset: an end would look like the end of the reply */
}
TEST(server, speaks_http_1_0)
{
    with_server(&plain_options, http_1_0_script);
}

static void close_script(void)
{
    enum io how;
    HAS(talk(STR("GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), &how), "Connection: close\r\n");
    EXPECT_EQ(how, IO_END);
    HAS(talk(STR("GET /close HTTP/1.1\r\nHost: h\r\n\r\n"), &how), "Connection: close\r\n");
    EXPECT_EQ(how, IO_END);
    HAS(talk(STR("GET /cut HTTP/1.1\r\nHost: h\r\n\r\n"), &how), "4\r\nhalf\r\n");
    EXPECT_EQ(how, IO_END);
    HAS(talk(STR("GET /short HTTP/1.1\r\nHost: h\r\n\r\n"), &how), "Content-Length: 100\r\n\r\nhalf");
    EXPECT_EQ(how, IO_END);
    (void)talk(STR("GET /abort HTTP/1.1\r\nHost: h\r\n\r\n"), &how);
    EXPECT_EQ(how, IO_FAIL);
    EXPECT_EQ(talk(STR("GET /silent HTTP/1.1\r\nHost: h\r\n\r\n"), &how).len, 0);
    EXPECT_EQ(how, IO_END);
}
TEST(server, closes_when_asked_and_after_unfinished_replies)
{
    with_server(&plain_options, close_script);
}

static void released_script(void)
{
    struct stream *s = caller();
    SEND(s, "POST /released HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
    HAS(read_until(s, STR("released"), 1), "200 OK");
    EXPECT_TRUE(seen.is_request_gone);
    stream_close(&s);
}
TEST(server, gives_the_requests_memory_back_when_the_handler_says_so)
{
    with_server(&plain_options, released_script);
}

static void take_over_script(void)
{
    struct stream *s = caller();
    SEND(s, "GET /take HTTP/1.1\r\nHost: h\r\n\r\nearly");
    HAS(read_until(s, STR("early"), 1), "101 Switching Protocols\r\n\r\nearly");
    SEND(s, "later");
    HAS(read_until(s, STR("later"), 1), "later");
    stream_close(&s);
    WAIT_FOR(http_server_read_stats(world.server).connections == 0);
    EXPECT_EQ(seen.finished, 1);
    EXPECT_EQ(http_server_read_stats(world.server).connections, 0);
}
TEST(server, lets_a_handler_take_the_connection_with_its_early_bytes)
{
    with_server(&plain_options, take_over_script);
}

/* ---- bodies ---- */
static void continue_script(void)
{
    struct stream *s = caller();
    SEND(s, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    struct str reply = read_until(s, STR("\r\n\r\n"), 1);
    EXPECT_STR_EQ(reply, "HTTP/1.1 100 Continue\r\n\r\n");
    SEND(s, "abc");
    HAS(read_until(s, STR("\r\n\r\nabc"), 1), "200 OK");
    SEND(
        s,
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc"); /* did not wait */
    HAS_NOT(read_until(s, STR("\r\n\r\nabc"), 1), "100 Continue");
    stream_close(&s);
    enum io how; /* never read: no 100, and nobody knows whether the body comes, so the connection closes */
    reply = talk(STR("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"),
                 &how);
    HAS_NOT(reply, "100 Continue");
    HAS(reply, "Connection: close\r\n");
}
TEST(server, sends_100_continue_only_when_the_body_is_read_and_awaited)
{
    with_server(&plain_options, continue_script);
}

static void unread_script(void)
{
    struct stream *s = caller();
    SEND(s, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbodyGET /y HTTP/1.1\r\nHost: h\r\n\r\n");
    HAS(read_until(s, STR("hello"), 2), "hello");
    EXPECT_EQ(seen.handled, 2);
    SEND(s, "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    (void)read_until(s, STR("hello"), 1);
    SEND(s, "2\r\nab\r\n0\r\n\r\nGET /y HTTP/1.1\r\nHost: h\r\n\r\n");
    HAS(read_until(s, STR("hello"), 1), "200 OK");
    EXPECT_EQ(seen.handled, 4);
    stream_close(&s);
    enum io how;
    HAS(talk(STR("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\nb"), &how),
        "Connection: close\r\n");
    EXPECT_EQ(how, IO_END);
}
TEST(server, skips_an_unread_body_or_closes_when_it_is_long)
{
    with_server(&plain_options, unread_script);
}

struct sender {
    struct stream *stream;
    struct str head, body;
    bool is_chunked;
};

static void sender_main(void *arg)
{
    struct sender *s = arg;
    if (stream_write(s->stream, &s->head, 1, NEVER) != IO_OK) return;
    for (struct str rest = s->body; rest.len > 0;) {
        char size[CHUNKED_HEAD_BYTES];
        struct str part = str_part(rest, 0, 100000);
        struct str pieces[] = {{0}, part, {0}};
        if (s->is_chunked) {
            pieces[0] = str_of(size, (size_t)(chunked_write_size(size, part.len) - size));
            pieces[2] = STR("\r\n");
        }
        if (stream_write(s->stream, pieces, 3, NEVER) != IO_OK) return;
        rest = str_from(rest, part.len);
    }
    struct str end = STR("0\r\n\r\n");
    if (s->is_chunked) (void)stream_write(s->stream, &end, 1, NEVER);
}

/* Sends and reads the reply's body at the same time. */
static void big_exchange(struct str head, bool is_chunked)
{
    struct sender sender = {.stream = caller(), .head = head, .body = big_text(), .is_chunked = is_chunked};
    struct fiber_group group;
    fiber_group_init(&group);
    EXPECT_TRUE(fiber_group_start(&group, sender_main, &sender));
    enum io how;
    struct str all = read_all(sender.stream, PATIENCE_MS, &how);
    EXPECT_EQ(how, IO_END);
    size_t at = str_find(all, STR("\r\n\r\n"));
    EXPECT_TRUE(at != SIZE_MAX && str_equals(str_from(all, at + 4), big_text()));
    free((char *)(uintptr_t)all.at);
    fiber_group_cancel(&group);
    stream_close(&sender.stream);
}

static struct str big_head(const char *format)
{
    static char text[200];
    int len = snprintf(text, sizeof text, format, big_bytes());
    return str_of(text, (size_t)len);
}

static void big_script(void)
{
    big_exchange(
        big_head("POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n"),
        false);
    big_exchange(
        STR("POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"),
        true);
}
TEST(server, takes_and_gives_twenty_mebibytes)
{
    with_server(&plain_options, big_script);
}

static void big_pieces_script(void)
{
    big_exchange(big_head("POST /pieces HTTP/1.0\r\nContent-Length: %zu\r\n\r\n"), false);
    EXPECT_TRUE(seen.pieces >= big_bytes() / STREAM_READ_BYTES);
}
TEST(server, passes_twenty_mebibytes_on_piece_by_piece)
{
    with_server(&plain_options, big_pieces_script);
}

static void cut_chunks_script(void)
{
    struct str text = STR(
        "POST /pieces HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5;x=y\r\nhello\r\n1\r\n \r\n0005\r\nworld\r\n0\r\nTrailer: t\r\n\r\nGET /z HTTP/1.1\r\nHost: h\r\n\r\n");
    for (size_t cut = 1; cut < text.len; cut += text.len / test_count(text.len)) {
        struct stream *s = caller();
        seen.body_bytes = 0;
        send_str(s, str_part(text, 0, cut));
        (void)fiber_sleep(1);
        send_str(s, str_from(text, cut));
        struct str reply = read_until(s, STR("\r\n\r\nhello"), 1);
        EXPECT_THAT(seen.body_bytes == 11 && has(reply, STR("200 OK")), "cut at %zu", cut);
        stream_close(&s);
    }
}
TEST(server, reads_chunks_cut_anywhere)
{
    with_server(&plain_options, cut_chunks_script);
}

static void bad_chunk_script(void)
{
    enum io how;
    struct str reply = talk(
        STR("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n"), &how);
    EXPECT_EQ(status_of(reply), 400);
    EXPECT_EQ(seen.body_status, 400);
    EXPECT_EQ(how, IO_END);
    HAS(reply, "Connection: close\r\n");
}
TEST(server, tells_the_handler_of_a_malformed_body)
{
    with_server(&plain_options, bad_chunk_script);
}

/* ---- limits ---- */
static void too_large_script(void)
{
    enum io how;
    struct str reply = talk(STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n"), &how);
    EXPECT_EQ(status_of(reply), 413);
    EXPECT_EQ(seen.refused_status, 413);
    EXPECT_EQ(seen.handled, 0);
    reply = talk(
        STR("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n60\r\n"
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
            "5\r\nbbbbb\r\n0\r\n\r\n"),
        &how);
    EXPECT_EQ(status_of(reply), 413);
    EXPECT_EQ(seen.body_status, 413);
    HAS(reply, "Connection: close\r\n");
}
TEST(server, refuses_bodies_over_the_limit_in_both_framings)
{
    struct http_server_options o = plain_options;
    o.max_body_bytes = 100;
    with_server(&o, too_large_script);
}

static struct budget budget;

/* More than a buffer that is not counted holds. */
static struct str chunked_request(void)
{
    static char text[40200];
    int head = snprintf(text, sizeof text,
                        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", 40000);
    memset(text + head, 'x', 40000);
    return str_of(text, (size_t)head + 40000);
}

static void budget_script(void)
{
    enum io how;
    struct stream *s = caller();
    SEND(s, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\nhalf");
    WAIT_FOR(budget_held(&budget) > 0);
    EXPECT_EQ(budget_held(&budget), 65536);
    struct str reply = talk(STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\nb"), &how);
    EXPECT_EQ(status_of(reply), 503);
    HAS(reply, "Connection: close\r\n");
    EXPECT_EQ(budget_held(&budget), 65536);
    stream_close(&s);
    WAIT_FOR(budget_held(&budget) == 0);
    EXPECT_EQ(budget_held(&budget), 0);
    budget_set(&budget, 9);
    reply = talk(chunked_request(), &how);
    EXPECT_EQ(status_of(reply), 503);
    reply = talk(STR("POST /echo HTTP/1.0\r\nContent-Length: 20\r\n\r\nsmall ones are not it"), &how);
    EXPECT_EQ(status_of(reply), 200);
    EXPECT_EQ(budget_held(&budget), 0);
}
TEST(server, keeps_all_bodies_together_within_a_budget)
{
    struct http_server_options o = plain_options;
    budget_set(&budget, 100000);
    o.budget = &budget;
    with_server(&o, budget_script);
}

/* The caller writes all of it before it reads: it must still see the reply. */
static void lingering_script(void)
{
    struct stream *s = caller();
    send_str(s, big_head("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n"));
    for (struct str rest = big_text(); rest.len > 0; rest = str_from(rest, 1 << 20)) {
        struct str part = str_part(rest, 0, 1 << 20);
        send_str(s, part);
    }
    stream_shutdown(s);
    enum io how;
    struct str all = read_all(s, PATIENCE_MS, &how);
    EXPECT_EQ(status_of(all), 413);
    EXPECT_EQ(how, IO_END);
    free((char *)(uintptr_t)all.at);
    stream_close(&s);
}
TEST(server, lets_a_caller_finish_sending_before_it_closes)
{
    struct http_server_options o = plain_options;
    o.max_body_bytes = 1 << 19;
    with_server(&o, lingering_script);
}

static char *put(char *at, const char *text)
{
    return fmt_str(at, str_from_cstr(text));
}

static struct str head_of(size_t target_bytes, unsigned headers, size_t value_bytes)
{
    static char text[1 << 17];
    char *at = text;
    at = put(at, "GET /");
    memset(at, 'a', target_bytes);
    at += target_bytes;
    at = put(at, " HTTP/1.1\r\nHost: h\r\n");
    for (unsigned i = 0; i < headers; i++) {
        at = put(at, "X: ");
        memset(at, 'v', value_bytes);
        at += value_bytes;
        at = put(at, "\r\n");
    }
    at = put(at, "\r\n");
    return str_of(text, (size_t)(at - text));
}

static void head_limits_script(void)
{
    enum io how;
    EXPECT_EQ(status_of(talk(head_of(9000, 0, 0), &how)), 414);
    EXPECT_EQ(how, IO_END);
    EXPECT_EQ(status_of(talk(head_of(1, 200, 1), &how)), 431);
    EXPECT_EQ(status_of(talk(head_of(1, 50, 1000), &how)), 431);
    EXPECT_EQ(status_of(talk(head_of(1, 1, 40000), &how)), 431);
    EXPECT_EQ(seen.handled, 0);
    struct stream *s = caller(); /* just within */
    send_str(s, head_of(8000, 20, 1000));
    EXPECT_EQ(status_of(read_until(s, STR("hello"), 1)), 200);
    stream_close(&s);
}
TEST(server, refuses_long_targets_and_heads)
{
    with_server(&plain_options, head_limits_script);
}

static void ambiguous_script(void)
{
    static const struct str requests[] = {
        STR_INIT(
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        STR_INIT("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        STR_INIT("GET / HTTP/1.1\r\n\r\n"),
        STR_INIT("GET / HTTP/1.1\nHost: h\n\n"),
        STR_INIT("\x16\x03\x01\x02\x05\x01\xff\xfe\xfd"),
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        enum io how;
        struct str reply = talk(requests[i], &how);
        EXPECT_EQ(status_of(reply), 400);
        HAS(reply, "Connection: close\r\n");
        EXPECT_EQ(how, IO_END);
    }
    enum io how;
    EXPECT_EQ(status_of(talk(STR("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n"), &how)), 501);
    EXPECT_EQ(seen.handled, 0);
}
TEST(server, refuses_what_can_be_read_in_two_ways)
{
    with_server(&plain_options, ambiguous_script);
}

/* ---- time ---- */
static struct http_server_options short_options(void)
{
    return (struct http_server_options){
        .head_ms = ms(30), .body_ms = ms(30), .keep_alive_ms = ms(40), .max_body_bytes = 32 << 20};
}

static void with_short_times(void (*script)(void))
{
    struct http_server_options o = short_options();
    with_server(&o, script);
}

static void slow_script(void)
{
    enum io how;
    EXPECT_EQ(status_of(talk(STR("GET / HTTP/1.1\r\nHos"), &how)), 408);
    EXPECT_EQ(how, IO_END);
    EXPECT_EQ(seen.refused_status, 408);
    struct str reply = talk(STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab"), &how);
    EXPECT_EQ(status_of(reply), 408);
    EXPECT_EQ(seen.body_status, 408);
    EXPECT_EQ(how, IO_END);
    reply = talk(STR("POST /pieces HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab"), &how);
    EXPECT_EQ(seen.body_status, 408);
    HAS(reply, "2\r\nab\r\n");
    EXPECT_EQ(talk(STR("\r\n"), &how).len, 0); /* nothing was asked */
    EXPECT_EQ(how, IO_END);
}
TEST(server, answers_408_to_slow_requests)
{
    with_short_times(slow_script);
}

static void dripping_script(void)
{
    struct stream *s = caller(); /* the head's deadline counts from its first byte, not from its last */
    struct str text = STR(
        "GET / HTTP/1.1\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
    struct str chunk;
    size_t i = 0;
    for (; i < text.len && !stream_has_early(s); i++) {
        send_str(s, str_part(text, i, 1));
        if (stream_read(s, &chunk, fiber_deadline(ms(2))) != IO_TIMEOUT) break;
    }
    EXPECT_TRUE(i < text.len);
    EXPECT_EQ(seen.refused_status, 408);
    stream_close(&s);
}
TEST(server, limits_the_time_of_a_whole_head)
{
    with_short_times(dripping_script);
}

static void idle_script(void)
{
    struct stream *silent = caller(), *s = caller();
    SEND(s, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    HAS(read_until(s, STR("hello"), 1), "200 OK");
    msec_t start = fiber_now();
    struct str chunk;
    EXPECT_EQ(stream_read(s, &chunk, fiber_deadline(PATIENCE_MS)), IO_END);
    EXPECT_TRUE(fiber_now() - start >= ms(40) - 1 && fiber_now() - start < ms(40) + 1000);
    EXPECT_EQ(stream_read(silent, &chunk, fiber_deadline(PATIENCE_MS)), IO_END);
    EXPECT_EQ(http_server_read_stats(world.server).connections, 0);
    stream_close(&s);
    stream_close(&silent);
}
TEST(server, closes_idle_connections_when_their_time_is_over)
{
    with_short_times(idle_script);
}

/* ---- hanging up ---- */
static void hang_up_after(struct str request, msec_t after_ms)
{
    struct stream *s = caller();
    unsigned handled = seen.handled + has(request, STR("\r\n\r\n"));
    seen.last = IO_OK;
    send_str(s, request);
    WAIT_FOR(seen.handled == handled);
    (void)fiber_sleep(after_ms);
    msec_t gone_at = fiber_now();
    stream_close(&s);
    WAIT_FOR(seen.finished == seen.handled && http_server_read_stats(world.server).connections == 0);
    EXPECT_THAT(fiber_now() - gone_at < ms(50), "%d ms after: %.*s", (int)(fiber_now() - gone_at),
                STR_ARG(request));
}

static void hang_up_script(void)
{
    hang_up_after(STR("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"), 5); /* while the handler works */
    EXPECT_EQ(seen.last, IO_CANCELLED);
    EXPECT_TRUE(seen.is_caller_gone);
    hang_up_after(STR("POST /wait HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"), 5);
    EXPECT_EQ(seen.last, IO_CANCELLED);
    hang_up_after(STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"),
                  5); /* while it reads the body */
    EXPECT_EQ(seen.last, IO_CANCELLED);
    hang_up_after(STR("POST /pieces HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
                  5);
    EXPECT_EQ(seen.last, IO_CANCELLED);
    hang_up_after(STR("GET /flood HTTP/1.1\r\nHost: h\r\n\r\n"), 20); /* while it writes */
    EXPECT_EQ(seen.last, IO_CANCELLED);
    unsigned handled = seen.handled;
    hang_up_after(STR("GET /x HTTP/1.1\r\nHos"), 5); /* in the head */
    EXPECT_EQ(seen.handled, handled);
}
TEST(server, cancels_the_handler_when_the_caller_hangs_up_in_any_phase)
{
    with_server(&plain_options, hang_up_script);
}

static void slow_reader_script(void)
{
    struct stream *s = caller_sized(4096);
    SEND(s, "GET /flood HTTP/1.1\r\nHost: h\r\n\r\n");
    struct str chunk;
    EXPECT_EQ(stream_read(s, &chunk, fiber_deadline(PATIENCE_MS)), IO_OK);
    stream_set_hooks(s, NULL, NULL);
    (void)fiber_sleep(ms(50));
    unsigned pieces = seen.pieces;
    (void)fiber_sleep(ms(50));
    EXPECT_EQ(seen.pieces, pieces); /* it waits: nothing piles up */
    EXPECT_THAT(seen.finished == 0, "the handler ended with %d after %u pieces", seen.last, seen.pieces);
    stream_close(&s);
}
TEST(server, waits_for_a_slow_reader)
{
    with_server(&plain_options, slow_reader_script);
}

static void stuck_reader_script(void)
{
    struct stream *s = caller_sized(4096);
    SEND(s, "GET /flood HTTP/1.1\r\nHost: h\r\n\r\n");
    WAIT_FOR(seen.finished == 1);
    EXPECT_EQ(seen.last, IO_TIMEOUT);
    EXPECT_FALSE(seen.is_caller_gone);
    stream_close(&s);
}
TEST(server, gives_up_on_a_reader_that_takes_nothing)
{
    with_short_times(stuck_reader_script);
}

/* ---- the end ---- */
static void drain_script(void)
{
    struct stream *idle = caller(), *s = caller();
    SEND(idle, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    HAS(read_until(idle, STR("hello"), 1), "200 OK");
    SEND(s, "GET /x HTT");
    WAIT_FOR(http_server_read_stats(world.server).busy == 1);
    http_server_drain(world.server, false);
    SEND(s, "P/1.1\r\nHost: h\r\n\r\n");
    HAS(read_until(s, STR("hello"), 1), "Connection: close\r\n");
    struct str chunk;
    EXPECT_EQ(stream_read(s, &chunk, fiber_deadline(PATIENCE_MS)), IO_END);
    EXPECT_EQ(http_server_read_stats(world.server).idle, 1);
    LIST_EACH(c, &world.server->idle, struct connection, link) c->idle_since = fiber_now();
    http_server_drain(world.server, true);
    EXPECT_EQ(http_server_read_stats(world.server).idle, 1); /* its next request may be on its way */
    SEND(idle, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    HAS(read_until(idle, STR("hello"), 1), "Connection: close\r\n");
    stream_close(&s);
    stream_close(&idle);
}
TEST(server, says_close_while_it_drains)
{
    with_server(&plain_options, drain_script);
}

static void drain_idle_script(void)
{
    struct stream *s = caller();
    struct str chunk;
    SEND(s, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    HAS(read_until(s, STR("hello"), 1), "200 OK");
    LIST_EACH(c, &world.server->idle, struct connection, link) c->idle_since -= 2000;
    http_server_drain(world.server, true);
    EXPECT_EQ(stream_read(s, &chunk, fiber_deadline(PATIENCE_MS)), IO_END);
    stream_close(&s);
}
TEST(server, closes_who_has_been_idle_for_a_while_when_it_stops)
{
    with_server(&plain_options, drain_idle_script);
}

static void cancel_all_script(void)
{
    struct stream *s = caller(), *streaming = caller();
    SEND(s, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    SEND(streaming, "GET /last-word HTTP/1.1\r\nHost: h\r\n\r\n");
    HAS(read_until(streaming, STR("first"), 1), "200 OK");
    EXPECT_EQ(http_server_read_stats(world.server).exchanges, 2);
    http_server_cancel_all(world.server);
    struct str chunk;
    EXPECT_EQ(stream_read(s, &chunk, fiber_deadline(PATIENCE_MS)), IO_END);
    EXPECT_EQ(seen.last, IO_CANCELLED);
    EXPECT_FALSE(seen.is_caller_gone);
    EXPECT_STR_EQ(read_until(streaming, STR("0\r\n\r\n"), 1), "4\r\nlast\r\n0\r\n\r\n");
    EXPECT_EQ(stream_read(streaming, &chunk, fiber_deadline(PATIENCE_MS)), IO_END);
    stream_close(&s);
    stream_close(&streaming);
}
TEST(server, cancels_what_still_runs_and_lets_it_say_a_last_word)
{
    with_server(&plain_options, cancel_all_script);
}

/* ---- small things ---- */
TEST(server, keeps_an_idle_connection_small)
{
    EXPECT_TRUE(sizeof(struct connection) <= 80);
    EXPECT_TRUE(sizeof(struct http_exchange) <= 1024);
}

TEST(date, is_written_as_http_has_it)
{
    char text[HTTP_DATE_BYTES];
    http_date_format(text, 784111777000);
    EXPECT_STR_EQ(str_of(text, sizeof text), "Sun, 06 Nov 1994 08:49:37 GMT");
    http_date_format(text, 0);
    EXPECT_STR_EQ(str_of(text, sizeof text), "Thu, 01 Jan 1970 00:00:00 GMT");
    http_date_format(text, 1709164800123);
    EXPECT_STR_EQ(str_of(text, sizeof text), "Thu, 29 Feb 2024 00:00:00 GMT");
}
