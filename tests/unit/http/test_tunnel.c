/* tests/unit/http/test_tunnel.c: a proxy between us and the origin, played by the table of upstream_test.h: its first answer
 * on a connection is the proxy's, what follows is the origin's. */
#include "upstream_test.h"

#include "http/proxy.h"

static struct upstream up;
static struct http_proxy proxy;

static void (*script)(void);
static void tunnel_world(void)
{
    client = http_client_new(world.loop, &client_options);
    script();
    http_client_free(client);
}

static void with_proxy(void (*main)(void))
{
    script = main;
    with_server(&plain_options, tunnel_world);
}

static struct outcome call_through(msec_t connect_ms)
{
    struct str get = GET;
    proxy = (struct http_proxy){
        .host = STR("127.0.0.1"), .port = up.port, .authorization = proxy.authorization};
    struct http_origin origin = {.host = STR("provider.test"), .port = 80, .proxy = &proxy};
    struct http_call_request r = {.origin = &origin,
                                  .pieces = &get,
                                  .count = 1,
                                  .connect_ms = connect_ms,
                                  .deadline = fiber_deadline(PATIENCE_MS)};
    return call_with(&r);
}

#define OPEN(answers) upstream_open(&up, answers, ARRAY_COUNT(answers))
#define ESTABLISHED STR_INIT("HTTP/1.0 200 Connection established\r\nVia: x\r\n\r\n")
#define OK_REPLY STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

static void reuse_script(void)
{
    static const struct answer answers[] = {{ESTABLISHED, KEEP, 0}, {OK_REPLY, KEEP, 0},
                                            {OK_REPLY, KEEP, 0},    {STR_INIT(""), CLOSE, 0},
                                            {ESTABLISHED, KEEP, 0}, {OK_REPLY, KEEP, 0}};
    OPEN(answers);
    for (int i = 0; i < 3; i++) {
        struct outcome o = call_through(PATIENCE_MS);
        EXPECT_THAT(o.io == IO_OK && o.status == 200, "call %d: %s", i, o.text);
        EXPECT_STR_EQ(o.body, "ok");
    }
    EXPECT_EQ(up.connections, 2);
    EXPECT_EQ(stats_of_client().reused, 2);
    EXPECT_EQ(stats_of_client().replaced, 1); /* the second one died as the third call was sent */
    http_client_forget(client, NULL);
    upstream_close(&up);
}
TEST(tunnel, is_asked_for_once_and_serves_many_calls)
{
    with_proxy(reuse_script);
}

static void cut_script(void)
{
    static const struct str text = STR_INIT(
        "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\nHTTP/1.1 204 Fine\r\n\r\n");
    static struct answer answers[2 * 80];
    for (size_t cut = 1; cut < text.len; cut++) {
        answers[2 * cut - 2] = (struct answer){text, KEEP, cut};
        answers[2 * cut - 1] = (struct answer){OK_REPLY, CLOSE, 0};
    }
    upstream_open(&up, answers, 2 * (unsigned)(text.len - 1));
    for (size_t cut = 1; cut < text.len; cut++) {
        struct outcome o = call_through(PATIENCE_MS);
        EXPECT_THAT(o.io == IO_OK && o.status == 200, "cut at %zu: %s", cut, o.text);
        WAIT_FOR(stats_of_client().idle == 0);
    }
    upstream_close(&up);
}
TEST(tunnel, understands_an_answer_cut_anywhere)
{
    with_proxy(cut_script);
}

static void refused_script(void)
{
    static const struct {
        struct answer answer;
        const char *want;
    } rows[] = {
        {{STR_INIT("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n"
                   "Content-Length: 3\r\n\r\nno!"),
          HANG, 0},
         "it wants a user and password (status 407)"},
        {{STR_INIT("HTTP/1.1 403 Forbidden\r\n\r\n"), HANG, 0}, "it refused the tunnel with status 403"},
        {{STR_INIT("HTTP/1.1 502 Bad Gateway\r\n\r\n"), CLOSE, 0}, "it refused the tunnel with status 502"},
        {{STR_INIT("HTTP/1.1 101 Switching Protocols\r\n\r\n"), HANG, 0},
         "it refused the tunnel with status 101"},
        {{STR_INIT("HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n"), HANG, 0},
         "it refused the tunnel with status 302"},
        {{STR_INIT("SSH-2.0-OpenSSH_9.2\r\n"), HANG, 0}, "its answer is not HTTP/1"},
        {{STR_INIT("\x16\x03\x01\x02"), HANG, 0}, "its answer is not HTTP/1"},
        {{STR_INIT("HTTP/1.1 200 Fine\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), HANG, 0},
         "it sent bytes behind its answer"},
        {{STR_INIT(""), CLOSE, 0}, "it closed the connection instead of answering"},
        {{STR_INIT("HTTP/1.1 200 Fi"), CLOSE, 0}, "it closed the connection instead of answering"},
        {{STR_INIT(""), RESET, 0}, "the connection broke: connection reset by peer"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        upstream_open(&up, &rows[i].answer, 1);
        struct outcome o = call_through(PATIENCE_MS);
        char want[200];
        snprintf(want, sizeof want, "proxy 127.0.0.1:%u: %s", up.port, rows[i].want);
        EXPECT_EQ(o.io, IO_FAIL);
        EXPECT_EQ(o.code, ERR_PROXY);
        EXPECT_STR_EQ(o.text, want);
        upstream_close(&up);
    }
    EXPECT_EQ(stats_of_client().failed[ERR_PROXY], ARRAY_COUNT(rows));
    EXPECT_EQ(stats_of_client().leased + stats_of_client().idle, 0);
}
TEST(tunnel, that_is_not_granted_is_told_with_its_reason)
{
    with_proxy(refused_script);
}

static void secret_script(void)
{
    static const struct answer answers[] = {{STR_INIT("HTTP/1.1 407 No\r\n\r\n"), HANG, 0}};
    OPEN(answers);
    proxy.authorization = STR("Basic c2VjcmV0OnNlY3JldA==");
    struct outcome o = call_through(PATIENCE_MS);
    EXPECT_TRUE(str_ends_with(str_from_cstr(o.text), STR(": it refuses the user or password (status 407)")));
    EXPECT_TRUE(str_find(str_from_cstr(o.text), STR("c2Vj")) == SIZE_MAX);
    proxy.authorization = STR("");
    upstream_close(&up);
}
TEST(tunnel, names_no_credential)
{
    with_proxy(secret_script);
}

static void endless_script(void)
{
    static char text[40000];
    char *at = fmt_str(text, STR("HTTP/1.1 200 OK\r\nX: "));
    memset(at, 'x', sizeof text - (size_t)(at - text));
    const struct answer answers[] = {{str_of(text, sizeof text), HANG, 0}};
    OPEN(answers);
    struct outcome o = call_through(PATIENCE_MS);
    EXPECT_EQ(o.code, ERR_PROXY);
    upstream_close(&up);
    static char many[17 * 40];
    at = many;
    for (int i = 0; i < 17; i++) at = fmt_str(at, STR("HTTP/1.1 100 Continue\r\n\r\n"));
    const struct answer more[] = {{str_of(many, (size_t)(at - many)), HANG, 0}};
    OPEN(more);
    EXPECT_EQ(call_through(PATIENCE_MS).code, ERR_PROXY);
    upstream_close(&up);
}
TEST(tunnel, has_ceilings)
{
    with_proxy(endless_script);
}

static void mute_script(void)
{
    static const struct answer answers[] = {{STR_INIT(""), HANG, 0}, {STR_INIT("HTTP/1.1 200 O"), HANG, 0}};
    OPEN(answers);
    for (int i = 0; i < 2; i++) {
        struct outcome o = call_through(20);
        EXPECT_EQ(o.io, IO_TIMEOUT);
        EXPECT_EQ(o.code, ERR_TIMEOUT);
        EXPECT_TRUE(str_starts_with(str_from_cstr(o.text), STR("proxy 127.0.0.1:")));
    }
    upstream_close(&up);
    struct outcome o = call_through(PATIENCE_MS);
    EXPECT_EQ(o.code, ERR_PROXY);
    EXPECT_TRUE(str_ends_with(str_from_cstr(o.text), STR(": connection refused")));
}
TEST(tunnel, is_waited_for_until_the_deadline)
{
    with_proxy(mute_script);
}

static void cancelled_main(void *arg)
{
    *(struct outcome *)arg = call_through(PATIENCE_MS);
}

static void cancel_script(void)
{
    static const struct answer answers[] = {
        {STR_INIT(""), HANG, 0}, {STR_INIT("HTTP/1.1 200 O"), HANG, 0}, {STR_INIT(""), HANG, 0}};
    OPEN(answers);
    for (int i = 0; i < 3; i++) {
        struct outcome o = {0};
        struct fiber_group group;
        fiber_group_init(&group);
        EXPECT_TRUE(fiber_group_start(&group, cancelled_main, &o));
        (void)(i == 2 ? fiber_yield() : fiber_sleep(ms(5))); /* the last one while it connects */
        fiber_group_cancel(&group);
        EXPECT_THAT(o.io == IO_CANCELLED && o.code == ERR_CANCELLED, "phase %d: %s", i, o.text);
        WAIT_FOR(up.open == 0);
        EXPECT_EQ(up.open, 0);
        EXPECT_EQ(stats_of_client().leased, 0);
    }
    upstream_close(&up);
}
TEST(tunnel, is_let_go_at_once_when_cancelled)
{
    with_proxy(cancel_script);
}

/* ---- URLs ---- */
static void expect_proxy(const char *text, const char *host, uint16_t port, const char *authorization)
{
    struct arena a;
    struct http_proxy p;
    struct err err = {0};
    arena_init(&a);
    bool ok = proxy_parse(&p, &a, str_from_cstr(text), &err);
    EXPECT_THAT(ok == (host != NULL), "%s: %s", text, err.text);
    if (ok && host) {
        EXPECT_STR_EQ(p.host, host);
        EXPECT_EQ(p.port, port);
        EXPECT_STR_EQ(p.authorization, authorization);
    }
    EXPECT_TRUE(ok || str_find(str_from_cstr(err.text), STR("s3cret")) == SIZE_MAX);
    arena_done(&a);
}
TEST(proxy, is_read_from_its_url)
{
    expect_proxy("http://proxy.corp:3128", "proxy.corp", 3128, "");
    expect_proxy("HTTP://proxy.corp:3128/", "proxy.corp", 3128, "");
    expect_proxy("proxy.corp:3128", "proxy.corp", 3128, "");
    expect_proxy("http://proxy.corp", "proxy.corp", 80, "");
    expect_proxy("http://[::1]:3128", "::1", 3128, "");
    expect_proxy("http://Aladdin:open%20sesame@10.0.0.1:3128", "10.0.0.1", 3128,
                 "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    expect_proxy("http://a:b@c@d:1", "d", 1, "Basic YTpiQGM=");
    expect_proxy("http://a@d:1", "d", 1, "Basic YTo=");
    expect_proxy("http://a:@d:1", "d", 1, "Basic YTo=");
    expect_proxy("http://:b@d:1", "d", 1, "Basic OmI=");
    expect_proxy("a:%62:c@d", "d", 80, "Basic YTpiOmM=");
}
TEST(proxy, that_cannot_be_is_refused)
{
    static const char *const texts[] = {"",
                                        "http://",
                                        "https://proxy.corp:3128",
                                        "socks5://u:s3cret@p:1080",
                                        "http://u:s3cret%2@p:1",
                                        "http://u%3a:s3cret@p:1",
                                        "http://u:s3cret@",
                                        "http://u:s3cret@p:0",
                                        "http://u:s3cret@p:65536",
                                        "http://u:s3cret@p:x",
                                        "http://u:s3cret@p/path",
                                        "http://u:s3cret%00@p",
                                        "http://u:s3cret@p q"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) expect_proxy(texts[i], NULL, 0, "");
}
