/* tests/unit/http/test_client.c: calls against the real server and against upstreams that misbehave as told. */
#include "upstream_test.h"

static void (*client_script)(void);

static void with_client_script(void)
{
    client = http_client_new(world.loop, &client_options);
    client_script();
    EXPECT_EQ(stats_of_client().leased, 0);
    http_client_free(client);
}

static void with_client(void (*script)(void))
{
    client_script = script;
    with_server(&plain_options, with_client_script);
}

/* ---- against our own server ---- */
static void get_script(void)
{
    struct outcome o = call_text(world_port(), GET);
    EXPECT_EQ(o.io, IO_OK);
    EXPECT_EQ(o.status, 200);
    EXPECT_EQ(o.headers, 3);
    EXPECT_STR_EQ(o.body, "hello");
    EXPECT_FALSE(o.is_reused);
    for (int i = 0; i < 5; i++) {
        o = call_text(world_port(), STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"));
        EXPECT_TRUE(o.io == IO_OK && o.is_reused);
        EXPECT_STR_EQ(o.body, "body");
    }
    EXPECT_EQ(stats_of_client().dialled, 1);
    EXPECT_EQ(stats_of_client().reused, 5);
    EXPECT_EQ(stats_of_client().idle, 1);
    EXPECT_EQ(stats_of_client().pools, 1);
    EXPECT_EQ(http_server_read_stats(world.server).accepted, 1);
}
TEST(client, calls_and_keeps_the_connection)
{
    with_client(get_script);
}

static void framings_script(void)
{
    EXPECT_STR_EQ(call_text(world_port(), STR("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")).body,
                  "one two three");
    struct outcome o = call_text(world_port(), STR("HEAD /sized HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_TRUE(o.io == IO_OK && o.status == 200 && o.is_reused && o.body.len == 0);
    o = call_text(world_port(), STR("HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_TRUE(o.io == IO_OK && o.status == 200 && o.is_reused && o.body.len == 0);
    o = call_text(world_port(), STR("GET /204 HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_TRUE(o.io == IO_OK && o.status == 204 && o.is_reused && o.body.len == 0);
    EXPECT_EQ(stats_of_client().dialled, 1);
    o = call_text(world_port(), STR("GET /stream HTTP/1.0\r\n\r\n"));
    EXPECT_STR_EQ(o.body, "one two three");
    EXPECT_EQ(stats_of_client().idle, 0); /* it ended with the connection */
    o = call_text(world_port(), STR("GET /close HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_STR_EQ(o.body, "bye");
    EXPECT_EQ(stats_of_client().idle, 0);
}
TEST(client, reads_every_framing)
{
    with_client(framings_script);
}

static void read_whole_of(struct str request, struct str want, size_t ceiling, bool is_lent)
{
    struct http_origin origin = origin_at(world_port());
    struct http_call_request r = {.origin = &origin, .pieces = &request, .count = 1, .deadline = NEVER};
    struct http_call *call;
    struct http_response head;
    struct arena a;
    struct buf into;
    struct str body;
    struct err err = {0};
    arena_init(&a);
    buf_init(&into, ceiling);
    EXPECT_EQ(http_call_begin(&call, client, &r, &err), IO_OK);
    EXPECT_EQ(http_call_read_head(call, &head, &a, &err), IO_OK);
    enum io io = http_call_read_whole(call, &body, &into, fiber_deadline(PATIENCE_MS), &err);
    if (want.at) {
        EXPECT_EQ(io, IO_OK);
        EXPECT_TRUE(str_equals(body, want));
        EXPECT_EQ(into.len == 0, is_lent);
    } else {
        EXPECT_EQ(io, IO_FAIL);
        EXPECT_EQ(err.code, ERR_TOO_LARGE);
    }
    http_call_end(&call);
    buf_done(&into);
    arena_done(&a);
}

static void whole_script(void)
{
    read_whole_of(GET, STR("hello"), 100, true);
    read_whole_of(STR("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n"), STR("one two three"), 100, false);
    read_whole_of(STR("GET /204 HTTP/1.1\r\nHost: h\r\n\r\n"), STR(""), 100, true);
    read_whole_of(STR("GET /big HTTP/1.1\r\nHost: h\r\n\r\n"), big_text(), big_bytes(), false);
    EXPECT_EQ(stats_of_client().dialled, 1);
    EXPECT_EQ(stats_of_client().idle, 1);
    read_whole_of(STR("GET /big HTTP/1.1\r\nHost: h\r\n\r\n"), (struct str){0}, big_bytes() - 1, false);
    EXPECT_EQ(stats_of_client().idle, 0);
    read_whole_of(STR("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n"), (struct str){0}, 8, false);
}
TEST(client, reads_whole_bodies_up_to_a_ceiling)
{
    with_client(whole_script);
}

static void big_request_script(void)
{
    char text[100];
    int len = snprintf(text, sizeof text, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n",
                       big_bytes() + 4);
    struct str pieces[] = {str_of(text, (size_t)len), STR("abcd"), big_text()};
    struct http_origin origin = origin_at(world_port());
    struct http_call_request r = {.origin = &origin, .pieces = pieces, .count = 3, .deadline = NEVER};
    struct http_call *call;
    struct http_response head;
    struct arena a;
    struct str chunk;
    struct err err = {0};
    size_t bytes = 0;
    arena_init(&a);
    EXPECT_EQ(http_call_begin(&call, client, &r, &err), IO_OK);
    EXPECT_EQ(http_call_read_head(call, &head, &a, &err), IO_OK);
    while (http_call_read_body(call, &chunk, NEVER, &err) == IO_OK) bytes += chunk.len;
    EXPECT_EQ(bytes, big_bytes() + 4);
    EXPECT_EQ(seen.body_bytes, big_bytes() + 4);
    EXPECT_EQ(seen.body_hash, hash_more(hash_more(0, STR("abcd")), big_text()));
    http_call_end(&call);
    arena_done(&a);
    EXPECT_EQ(stats_of_client().idle, 1);
}
TEST(client, sends_and_receives_twenty_mebibytes)
{
    with_client(big_request_script);
}

static void slow_reader_script(void)
{
    struct str request = STR("GET /flood HTTP/1.1\r\nHost: h\r\n\r\n"), chunk;
    struct http_origin origin = origin_at(world_port());
    struct http_call_request r = {.origin = &origin, .pieces = &request, .count = 1, .deadline = NEVER};
    struct http_call *call;
    struct http_response head;
    struct arena a;
    struct err err = {0};
    arena_init(&a);
    EXPECT_EQ(http_call_begin(&call, client, &r, &err), IO_OK);
    EXPECT_EQ(http_call_read_head(call, &head, &a, &err), IO_OK);
    for (int i = 0; i < 3; i++) EXPECT_EQ(http_call_read_body(call, &chunk, NEVER, &err), IO_OK);
    (void)fiber_sleep(ms(50));
    unsigned pieces = seen.pieces;
    (void)fiber_sleep(ms(50));
    EXPECT_EQ(seen.pieces, pieces); /* what lies between us is in the kernel: the upstream waits */
    EXPECT_EQ(seen.finished, 0);
    http_call_end(&call);
    WAIT_FOR(seen.finished == 1);
    EXPECT_EQ(seen.last, IO_CANCELLED); /* and is told when we leave */
    EXPECT_EQ(stats_of_client().idle, 0);
    arena_done(&a);
}
TEST(client, holds_a_fast_upstream_back)
{
    with_client(slow_reader_script);
}

/* ---- against others ---- */
static struct upstream up;

#define OPEN(answers) upstream_open(&up, answers, sizeof(answers) / sizeof *(answers))
#define OK_REPLY STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

static void cut_anywhere_script(void)
{
    static struct answer answers[] = {
        {STR_INIT(
             "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n"
             "5;e=f\r\nhello\r\n1\r\n \r\n00005\r\nworld\r\n0\r\nT: v\r\n\r\n"),
         KEEP, 0},
    };
    OPEN(answers);
    for (size_t cut = 1; cut < answers[0].text.len;
         cut += answers[0].text.len / test_count(answers[0].text.len)) {
        answers[0].cut = cut;
        up.next = 0;
        struct outcome o = call_text(up.port, GET);
        EXPECT_THAT(o.io == IO_OK && o.status == 200 && o.headers == 2, "cut at %zu: %s", cut, o.text);
        EXPECT_STR_EQ(o.body, "hello world");
    }
    EXPECT_EQ(stats_of_client().dialled, 1);
    http_client_forget(client, NULL);
    upstream_close(&up);
}
TEST(client, reads_a_reply_cut_anywhere)
{
    with_client(cut_anywhere_script);
}

struct broken {
    const char *name;
    struct answer answer;
    enum err_code code;
    int status;
    const char *body;
};

static const struct broken broken_replies[] = {
    {"nothing", {STR_INIT(""), CLOSE, 0}, ERR_CLOSED, 0, ""},
    {"half a status line", {STR_INIT("HTTP/1.1 20"), CLOSE, 0}, ERR_CLOSED, 0, ""},
    {"half a head", {STR_INIT("HTTP/1.1 200 OK\r\nContent-Le"), CLOSE, 0}, ERR_CLOSED, 0, ""},
    {"only interim", {STR_INIT("HTTP/1.1 100 Continue\r\n\r\n"), CLOSE, 0}, ERR_CLOSED, 0, ""},
    {"half a body",
     {STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), CLOSE, 0},
     ERR_CLOSED,
     200,
     "half"},
    {"reset in a body",
     {STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), RESET, 0},
     ERR_CLOSED,
     200,
     "half"},
    {"reset, until close", {STR_INIT("HTTP/1.1 200 OK\r\n\r\nhalf"), RESET, 0}, ERR_CLOSED, 200, "half"},
    {"no last chunk",
     {STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"), CLOSE, 0},
     ERR_CLOSED,
     200,
     "half"},
    {"half a chunk",
     {STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf"), CLOSE, 0},
     ERR_CLOSED,
     200,
     "half"},
    {"bad chunk",
     {STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalfx\r\n"), HANG, 0},
     ERR_INVALID,
     200,
     "half"},
    {"bad size",
     {STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), HANG, 0},
     ERR_INVALID,
     200,
     ""},
    {"not http", {STR_INIT("SSH-2.0-OpenSSH_9.2\r\n"), HANG, 0}, ERR_INVALID, 0, ""},
    {"two lengths",
     {STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), HANG, 0},
     ERR_INVALID,
     0,
     ""},
    {"switching",
     {STR_INIT("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), HANG, 0},
     ERR_INVALID,
     0,
     ""},
};

static void broken_script(void)
{
    for (size_t i = 0; i < sizeof broken_replies / sizeof *broken_replies; i++) {
        const struct broken *b = &broken_replies[i];
        upstream_open(&up, &b->answer, 1);
        struct outcome o = call_text(up.port, GET);
        EXPECT_THAT(o.io == IO_FAIL && o.code == b->code && o.status == b->status,
                    "%s: io %d code %d status %d: %s", b->name, o.io, o.code, o.status, o.text);
        EXPECT_STR_EQ(o.body, b->body);
        EXPECT_EQ(up.connections, 1);
        EXPECT_EQ(stats_of_client().idle, 0);
        upstream_close(&up);
    }
}
TEST(client, says_how_a_reply_is_broken)
{
    with_client(broken_script);
}

static void large_head_script(void)
{
    static char text[40000];
    char *at = fmt_str(text, STR("HTTP/1.1 200 OK\r\nX: "));
    memset(at, 'x', sizeof text - (size_t)(at - text));
    const struct answer answers[] = {{str_of(text, sizeof text), HANG, 0}};
    OPEN(answers);
    struct outcome o = call_text(up.port, GET);
    EXPECT_EQ(o.code, ERR_INVALID);
    upstream_close(&up);
}
TEST(client, refuses_a_head_over_the_ceiling)
{
    with_client(large_head_script);
}

static void excess_script(void)
{
    static const struct answer answers[] = {
        {STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok, and more"), HANG, 0},
        {STR_INIT(
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"),
         HANG, 0},
        {STR_INIT("HTTP/1.1 204 No Content\r\n\r\nmore"), HANG, 0},
        {STR_INIT("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"), HANG, 0},
        {STR_INIT("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), HANG, 0},
    };
    OPEN(answers);
    for (unsigned i = 0; i < 5; i++) {
        EXPECT_EQ(call_text(up.port, GET).io, IO_OK);
        EXPECT_EQ(up.connections, i + 1);
        EXPECT_EQ(stats_of_client().idle, 0);
    }
    upstream_close(&up);
}
TEST(client, keeps_no_connection_that_is_in_doubt)
{
    with_client(excess_script);
}

static void unread_script(void)
{
    static const struct answer answers[] = {{OK_REPLY, HANG, 0}};
    OPEN(answers);
    struct str request = GET;
    struct http_origin origin = origin_at(up.port);
    struct http_call_request r = {.origin = &origin, .pieces = &request, .count = 1, .deadline = NEVER};
    struct http_call *call;
    struct err err;
    EXPECT_EQ(http_call_begin(&call, client, &r, &err), IO_OK);
    EXPECT_EQ(stats_of_client().leased, 1);
    http_call_end(&call); /* without a look at the reply */
    EXPECT_EQ(stats_of_client().idle, 0);
    upstream_close(&up); /* it has seen the end */
}
TEST(client, closes_what_was_not_read)
{
    with_client(unread_script);
}

static void unreachable_script(void)
{
    upstream_open(&up, NULL, 0);
    uint16_t port = up.port;
    upstream_close(&up);
    struct outcome o = call_text(port, GET);
    EXPECT_TRUE(o.io == IO_FAIL && o.code == ERR_REFUSED);
    struct str request = GET;
    struct http_origin origin = {.host = STR("no-such-host.invalid"), .port = 80};
    struct http_call_request r = {.origin = &origin, .pieces = &request, .count = 1, .deadline = NEVER};
    o = call_with(&r);
    EXPECT_THAT(o.io == IO_FAIL && o.code == ERR_DNS, "%d %s", o.code, o.text);
    char name[300];
    memset(name, 'a', sizeof name);
    origin.host = str_of(name, sizeof name);
    EXPECT_EQ(call_with(&r).code, ERR_DNS);
}
TEST(client, tells_refused_from_unknown)
{
    with_client(unreachable_script);
}

static void timeout_script(void)
{
    static const struct answer answers[] = {
        {STR_INIT(""), HANG, 0}, {STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no"), HANG, 0}};
    OPEN(answers);
    struct str request = GET, chunk;
    struct http_origin origin = origin_at(up.port);
    struct http_call_request r = {
        .origin = &origin, .pieces = &request, .count = 1, .deadline = fiber_deadline(20)};
    msec_t start = fiber_now();
    struct outcome o = call_with(&r);
    EXPECT_TRUE(o.io == IO_TIMEOUT && o.code == ERR_TIMEOUT && fiber_now() - start >= 19);
    struct http_call *call;
    struct http_response head;
    struct arena a;
    struct err err = {0};
    arena_init(&a);
    r.deadline = NEVER;
    EXPECT_EQ(http_call_begin(&call, client, &r, &err), IO_OK);
    EXPECT_EQ(http_call_read_head(call, &head, &a, &err), IO_OK);
    EXPECT_EQ(http_call_read_body(call, &chunk, NEVER, &err), IO_OK);
    EXPECT_EQ(http_call_read_body(call, &chunk, fiber_deadline(10), &err), IO_TIMEOUT);
    EXPECT_EQ(http_call_read_body(call, &chunk, fiber_deadline(10), &err), IO_TIMEOUT);
    EXPECT_EQ(err.code, ERR_TIMEOUT);
    http_call_end(&call);
    arena_done(&a);
    upstream_close(&up);
}
TEST(client, stops_at_its_deadlines)
{
    with_client(timeout_script);
}

/* ---- dead connections ---- */
static void replaced_script(void)
{
    static const struct answer answers[] = {{OK_REPLY, KEEP, 0},
                                            {STR_INIT(""), CLOSE, 0},
                                            {OK_REPLY, KEEP, 0},
                                            {STR_INIT(""), RESET, 0},
                                            {OK_REPLY, KEEP, 0}};
    OPEN(answers);
    for (unsigned i = 0; i < 3; i++) {
        struct outcome o = call_text(up.port, GET); /* the 2nd and 3rd meet a connection that dies on them */
        EXPECT_THAT(o.io == IO_OK && o.status == 200 && !o.is_reused, "call %u: %s", i, o.text);
    }
    EXPECT_EQ(stats_of_client().replaced, 2);
    EXPECT_EQ(stats_of_client().dialled, 3);
    EXPECT_EQ(stats_of_client().reused, 2);
    http_client_forget(client, NULL);
    upstream_close(&up);
}
TEST(client, replaces_a_kept_connection_that_is_dead)
{
    with_client(replaced_script);
}

/* The way of a stream that keeps its caller's connection alive: it comes back to read_head again and again. */
static void replaced_late_script(void)
{
    static const struct answer answers[] = {{STR_INIT("HTTP/1.1 200 OK\r\n\r\n"), KEEP, 0}, /* to CONNECT */
                                            {OK_REPLY, KEEP, 0},
                                            {STR_INIT(""), CLOSE, 0},
                                            {STR_INIT(""), HANG, 0}}; /* the second CONNECT */
    OPEN(answers);
    struct http_proxy proxy = {.host = STR("127.0.0.1"), .port = up.port};
    struct http_origin origin = {.host = STR("origin.test"), .port = 80, .proxy = &proxy};
    struct str request = GET;
    struct http_call_request r = {
        .origin = &origin, .pieces = &request, .count = 1, .connect_ms = 1000, .deadline = NEVER};
    EXPECT_EQ(call_with(&r).io, IO_OK);
    struct http_call *call;
    struct http_response head;
    struct arena a;
    struct err err = {0};
    arena_init(&a);
    r.connect_ms = 50;
    EXPECT_EQ(http_call_begin(&call, client, &r, &err), IO_OK);
    enum io io;
    do {
        http_call_set_deadline(call, fiber_deadline(5));
        io = http_call_read_head(call, &head, &a, &err);
    } while (io == IO_TIMEOUT);
    EXPECT_EQ(io, IO_FAIL);
    EXPECT_EQ(err.code, ERR_TIMEOUT);
    EXPECT_EQ(stats_of_client().replaced, 1);
    http_call_end(&call);
    arena_done(&a);
    upstream_close(&up);
}
TEST(client, is_over_when_a_dead_connection_is_not_replaced_in_time)
{
    with_client(replaced_late_script);
}

static void replaced_once_script(void)
{
    static const struct answer answers[] = {{OK_REPLY, KEEP, 0},
                                            {STR_INIT(""), CLOSE, 0},
                                            {STR_INIT(""), CLOSE, 0},
                                            {OK_REPLY, KEEP, 0},
                                            {STR_INIT("HTTP/1.1 2"), CLOSE, 0}};
    OPEN(answers);
    EXPECT_EQ(call_text(up.port, GET).io, IO_OK);
    struct outcome o = call_text(up.port, GET);
    EXPECT_TRUE(o.io == IO_FAIL && o.code == ERR_CLOSED); /* the replacement is not replaced */
    EXPECT_EQ(up.connections, 2);
    EXPECT_EQ(call_text(up.port, GET).io, IO_OK);
    o = call_text(up.port, GET); /* a byte of the reply has come: the request was seen */
    EXPECT_TRUE(o.io == IO_FAIL && o.code == ERR_CLOSED && o.is_reused);
    EXPECT_EQ(up.connections, 3);
    EXPECT_EQ(stats_of_client().replaced, 1);
    upstream_close(&up);
}
TEST(client, replaces_once_and_never_after_a_byte_of_the_reply)
{
    with_client(replaced_once_script);
}

/* An upstream that refuses a large request before it has read it. */
static void early_reply_script(void)
{
    static const struct answer answers[] = {
        {STR_INIT("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig"), CLOSE, 0}};
    OPEN(answers);
    struct str pieces[] = {STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n"), big_text()};
    struct http_origin origin = origin_at(up.port);
    struct http_call_request r = {.origin = &origin, .pieces = pieces, .count = 2, .deadline = NEVER};
    struct outcome o = call_with(&r);
    EXPECT_THAT(o.status == 413 || o.code == ERR_CLOSED, "%s",
                o.text); /* a reset may take the reply with it */
    EXPECT_EQ(stats_of_client().idle, 0);
    upstream_close(&up);
}
TEST(client, survives_a_refusal_while_it_sends)
{
    with_client(early_reply_script);
}

/* ---- cancelling ---- */
struct cancelled_call {
    uint16_t port;
    struct outcome outcome;
};

static void cancelled_main(void *arg)
{
    struct cancelled_call *c = arg;
    c->outcome = call_text(c->port, GET);
}

static void cancel_script(void)
{
    static const struct answer answers[] = {
        {STR_INIT(""), HANG, 0},
        {STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no"), HANG, 0},
        {STR_INIT("HTTP/1.1 200 O"), HANG, 0}};
    OPEN(answers);
    for (unsigned i = 0; i < 4; i++) {
        struct cancelled_call c = {.port = up.port};
        struct fiber_group group;
        fiber_group_init(&group);
        EXPECT_TRUE(fiber_group_start(&group, cancelled_main, &c));
        (void)(i == 3 ? fiber_yield() : fiber_sleep(ms(5))); /* the last one while it connects */
        msec_t start = fiber_now();
        fiber_group_cancel(&group);
        EXPECT_THAT(c.outcome.io == IO_CANCELLED && c.outcome.code == ERR_CANCELLED, "phase %u: %s", i,
                    c.outcome.text);
        WAIT_FOR(up.open == 0);
        EXPECT_EQ(up.open, 0); /* the upstream knows */
        EXPECT_TRUE(fiber_now() - start < ms(50));
    }
    upstream_close(&up);
}
TEST(client, leaves_at_once_when_cancelled_in_any_phase)
{
    with_client(cancel_script);
}
