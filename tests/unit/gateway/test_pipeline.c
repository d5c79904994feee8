/* A request's way to a model and back, with providers that behave, fail, stall, break off and lie. */
#include "gateway_test.h"

/* ---- plain ---- */
static void plain(void)
{
    UPSTREAM(0, OK_ANSWER);
    struct str reply = ASK_CHAT("");
    EXPECT_EQ(status_of(reply), 200);
    EXPECT_STR_EQ(body_of(reply), OK_BODY);
    HAS(reply, "X-Weir-Provider: a\r\nX-Weir-Model: ma\r\nX-Weir-Attempts: 1\r\n");
    HAS(seen_by(0), "POST /v1/chat/completions HTTP/1.1\r\n");
    HAS(seen_by(0), "\r\nAuthorization: Bearer key-a\r\n");
    HAS(seen_by(0), "\r\n\r\n{\"model\":\"ma\",\"messages\":[]}");
}
TEST(pipeline, a_plain_reply_comes_back_byte_for_byte)
{
    run(ONE, plain);
}

static void next_target(void)
{
    static const struct answer failures[] = {
        FAILURE("500 Oops", ""),
        FAILURE("429 Slow", ""),
        FAILURE("404 None", ""),
        FAILURE("302 Found", "Location: /x\r\n"),
        {.parts = {OK_HEAD "Content-Length: 14\r\n\r\n{\"choices\":[]}"}},
        {.parts = {OK_HEAD "Content-Length: 99\r\n\r\n{\"choices\":[{}]}"}, .then = THEN_CLOSE},
        {.parts = {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n{}"}},
        {.parts = {"HTTP/1.1 204 No Content\r\n\r\n"}},
        {.parts = {OK_HEAD "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx"}, .then = THEN_CLOSE},
        {.parts = {"nonsense\r\n\r\n"}, .then = THEN_CLOSE},
        {.parts = {NULL}, .then = THEN_CLOSE},
        {.parts = {"HTTP/1.1 100 Continue\r\n\r\n"}, .then = THEN_CLOSE},
    };
    for (size_t i = 0; i < ARRAY_COUNT(failures); i++) {
        upstream_will(0, &failures[i], 1);
        UPSTREAM(1, OK_ANSWER);
        provider_state_reset(world.gateway->current->snapshot->providers[0].endpoints[0].state);
        struct str reply = ASK_CHAT("");
        EXPECT_THAT(status_of(reply) == 200, "case %zu: %.*s", i, STR_ARG(reply));
        HAS(reply, "X-Weir-Attempts: 2\r\n");
    }
}
TEST(pipeline, whatever_fails_before_the_commit_is_tried_elsewhere)
{
    run(TWO, next_target);
}

static void rejection(void)
{
    UPSTREAM(
        0, FAILURE("422 Unprocessable", "x-request-id: r1\r\nSet-Cookie: a=b\r\nx-should-retry: false\r\n"));
    struct str reply = ASK_CHAT("");
    EXPECT_EQ(status_of(reply), 422);
    EXPECT_STR_EQ(body_of(reply), "{\"error\":{\"message\":\"sorry\"}}");
    HAS(reply, "x-request-id: r1\r\n");
    HAS(reply, "x-should-retry: false\r\n");
    HAS_NOT(reply, "Set-Cookie");
    EXPECT_EQ(world.upstreams[1].connections, 0);
    EXPECT_EQ(breaker_of(0).failure_count, 0);
    EXPECT_EQ(breaker_of(0).total_calls, 1);
}
TEST(pipeline, a_rejection_comes_back_as_the_provider_said_it)
{
    run(TWO, rejection);
}

static void all_fail(void)
{
    UPSTREAM(0, FAILURE("500 Oops", ""), FAILURE("429 Slow", "retry-after: 7\r\n"), FAILURE("404 None", ""));
    UPSTREAM(1, FAILURE("503 Busy", ""), FAILURE("429 Slow", "retry-after: 9\r\n"), FAILURE("404 None", ""));
    struct str reply = ASK_CHAT("");
    EXPECT_EQ(status_of(reply), 502);
    HAS(reply, "All LLM providers failed");
    HAS(reply,
        "\"attempts\":[{\"provider\":\"a\",\"model\":\"ma\",\"status\":500,\"reason\":\"server_error\",");
    HAS(reply, "X-Weir-Attempts: 2\r\n");
    reply = ASK_CHAT("");
    EXPECT_EQ(status_of(reply), 429);
    HAS(reply, "Retry-After: 7\r\n");
    reply = ASK_CHAT("");
    EXPECT_EQ(status_of(reply), 404);
    HAS(reply, "model_not_found");
}
TEST(pipeline, when_all_fail_the_status_says_what_they_agree_on)
{
    run(TWO, all_fail);
}

static void one_status(void)
{
    static const struct {
        struct answer answer;
        int status;
    } rows[] = {
        {FAILURE("503 Busy", ""), 503},
        {FAILURE("529 Overloaded", ""), 529},
        {FAILURE("500 Oops", ""), 502},
        {{.parts = {NULL}, .then = THEN_CLOSE}, 502},
        {{.parts = {NULL}, .then = THEN_HANG}, 504},
        {{.parts = {OK_HEAD "Content-Length: 99\r\n\r\n{"}, .then = THEN_HANG}, 504},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        upstream_will(0, &rows[i].answer, 1);
        provider_state_reset(world.gateway->current->snapshot->providers[0].endpoints[0].state);
        EXPECT_EQ(status_of(ASK_CHAT("")), rows[i].status);
    }
    UPSTREAM(0, FAILURE("401 Who", ""));
    EXPECT_EQ(status_of(ASK_CHAT("")), 502); /* never 401: it is not the caller's key */
}
#define SHORT_TIMEOUTS "timeouts: {reply: 60ms, first_token: 60ms, idle: 60ms}"
TEST(pipeline, one_providers_failure_becomes_the_contracts_status)
{
    run(AUTH_OFF_YAML "providers:\n" PROVIDER_A
                      "models: {m: {targets: [{provider: a, model: ma}], " SHORT_TIMEOUTS "}}\n",
        one_status);
}

static void total_time(void)
{
    UPSTREAM(0, {.parts = {NULL}, .then = THEN_HANG});
    EXPECT_EQ(status_of(ASK_CHAT("")), 504);
    EXPECT_EQ(world.upstreams[1].connections, 0);
    EXPECT_EQ(breaker_of(1).total_calls, 0);
}
TEST(pipeline, nobody_else_is_tried_once_the_total_time_is_over)
{
    run(AUTH_OFF_YAML
        "providers:\n" PROVIDER_A PROVIDER_B
        "models: {m: {targets: [{provider: a, model: ma}, {provider: b, model: mb}], timeouts: {total: 60ms}}}\n",
        total_time);
}

static void attempts_bound(void)
{
    UPSTREAM(0, FAILURE("500 Oops", ""));
    EXPECT_EQ(status_of(ASK_CHAT("")), 502);
    EXPECT_EQ(world.upstreams[1].connections, 0);
}
TEST(pipeline, no_more_targets_are_tried_than_attempts_says)
{
    run(AUTH_OFF_YAML
        "providers:\n" PROVIDER_A PROVIDER_B
        "models: {m: {targets: [{provider: a, model: ma}, {provider: b, model: mb}], attempts: 1}}\n",
        attempts_bound);
}

/* ---- large replies ---- */
#define BIG_REPLY(length, filler)                                                                            \
    {                                                                                                        \
        .parts = {OK_HEAD "Content-Length: " length "\r\n\r\n", "{\"choices\":[{}]}"},                       \
        .filler_bytes = (filler), .then = THEN_CLOSE                                                         \
    }

static void large(void)
{
    UPSTREAM(0, BIG_REPLY("9000016", 9000000), BIG_REPLY("9000016", 8999000));
    struct str reply = ASK_CHAT("");
    EXPECT_EQ(status_of(reply), 200);
    HAS(reply, "Content-Length: 9000016\r\n");
    HAS(reply, "{\"choices\":[{}]}   ");
    EXPECT_EQ(breaker_of(0).failure_count, 0);
    (void)ASK_CHAT("");
    EXPECT_EQ(breaker_of(0).failure_count, 1); /* it was cut */
}
TEST(pipeline, a_reply_over_eight_mebibytes_is_passed_on_as_it_comes)
{
    run(ONE, large);
}

static void slow_caller(void)
{
    UPSTREAM(0, BIG_REPLY("7000016", 7000000), OK_ANSWER);
    struct stream *s = caller_sized(4096);
    send_str(s, str_from_cstr(post(CHAT, "", "{\"model\":\"m\"}")));
    for (int i = 0; world.upstreams[0].next == 0 && i < 1000; i++) (void)fiber_sleep(1);
    unsigned busy = 1;
    for (int i = 0; busy > 0 && i < 9000; i++) {
        (void)fiber_sleep(1);
        busy = http_server_read_stats(world.server).busy;
    }
    EXPECT_EQ(busy, 0);
    EXPECT_EQ(world.upstreams[0].next, 1); /* asked once */
    EXPECT_EQ(breaker_of(0).failure_count, 0);
    stream_close(&s);
}
TEST(pipeline, a_caller_who_reads_nothing_is_given_up_and_nobody_is_asked_again)
{
    run(ONE, slow_caller);
}
