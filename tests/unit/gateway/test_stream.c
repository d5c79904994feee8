/* Streams: held until the first content, passed on event by event, and ended honestly. */
#include "gateway_test.h"

/* The chunks' payload, in place. */
static struct str events_of(struct str reply)
{
    static char text[1 << 16];
    struct str rest = body_of(reply);
    size_t len = 0;
    for (;;) {
        char *end;
        struct str line = str_cut(&rest, '\n');
        size_t bytes = line.len ? strtoul(line.at, &end, 16) : 0;
        if (bytes == 0 || bytes > rest.len || bytes > sizeof text - len) break;
        memcpy(text + len, rest.at, bytes);
        len += bytes;
        rest = str_from(rest, bytes + 2);
    }
    return str_of(text, len);
}

static bool ends_with_last_chunk(struct str reply)
{
    return str_ends_with(reply, STR("\r\n0\r\n\r\n"));
}

/* ---- well ---- */
static void whole(void)
{
    UPSTREAM(0, {.parts = {STREAM_HEAD ": hello\n\n" ROLE, DELTA("Hel") DELTA("l"),
                           "data: {\"choices\":[{\"delta\":", "{\"content\":\"o\"}}]}\n\n" FINISH USAGE DONE},
                 .then = THEN_CLOSE});
    struct str reply = ASK_STREAM();
    EXPECT_EQ(status_of(reply), 200);
    HAS(reply, "Content-Type: text/event-stream\r\n");
    HAS(reply, "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n");
    HAS(seen_by(0), "\"stream_options\":{\"include_usage\":true}");
    EXPECT_STR_EQ(events_of(reply),
                  ": hello\n\n" ROLE DELTA("Hel")
                      DELTA("l") "data: {\"choices\":[{\"delta\":{\"content\":\"o\"}}]}\n\n" FINISH DONE);
    EXPECT_TRUE(ends_with_last_chunk(reply));
    HAS(metrics_text(), "weir_attempts_total{provider=\"a\",model=\"ma\",outcome=\"success\"} 1\n");
    HAS(metrics_text(), "gen_ai_token_type=\"input\",gen_ai_request_model=\"ma\"} 3\n");
}
TEST(stream, passes_event_by_event_and_hides_only_the_usage_that_nobody_asked_for)
{
    run(ONE, whole);
}

static void usage_asked(void)
{
    UPSTREAM(0, {.parts = {STREAM_HEAD ROLE DELTA("Hi") FINISH USAGE DONE}, .then = THEN_CLOSE});
    struct str reply = ASK_CHAT(",\"stream\":true,\"stream_options\":{\"include_usage\":true}");
    EXPECT_STR_EQ(events_of(reply), ROLE DELTA("Hi") FINISH USAGE DONE);
}
TEST(stream, shows_the_usage_to_who_asked_for_it)
{
    run(ONE, usage_asked);
}

static void bytes_apart(void)
{
    static struct answer answer = {.then = THEN_CLOSE};
    const char *text = STREAM_HEAD ": x\r\n\r\n" ROLE DELTA("Hi") FINISH DONE;
    /* Every cut between two bytes: two parts each. */
    char first[600], second[600];
    size_t len = strlen(text);
    for (size_t cut = sizeof STREAM_HEAD; cut < len; cut += 3) {
        memcpy(first, text, cut);
        first[cut] = '\0';
        memcpy(second, text + cut, len - cut + 1);
        answer.parts[0] = first;
        answer.parts[1] = second;
        upstream_will(0, &answer, 1);
        struct str events = events_of(ASK_STREAM());
        EXPECT_THAT(str_equals(events, STR(": x\r\n\r\n" ROLE DELTA("Hi") FINISH DONE)), "cut at %zu: %.*s",
                    cut, STR_ARG(events));
    }
}
TEST(stream, means_the_same_wherever_it_is_cut)
{
    run(ONE, bytes_apart);
}

static void no_done(void)
{
    UPSTREAM(
        0, {.parts = {STREAM_HEAD DELTA("Hi") FINISH}, .then = THEN_CLOSE},
        {.parts = {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9999\r\n\r\n" DELTA(
             "Hi") FINISH DONE},
         .then = THEN_RESET},
        {.parts =
             {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9999\r\n\r\n" FINISH,
              "data: {\"cho"},
         .then = THEN_CLOSE});
    struct str reply = ASK_STREAM();
    EXPECT_STR_EQ(events_of(reply), DELTA("Hi") FINISH);
    EXPECT_TRUE(ends_with_last_chunk(reply));
    reply = ASK_STREAM();
    EXPECT_STR_EQ(events_of(reply), DELTA("Hi") FINISH DONE);
    EXPECT_EQ(breaker_of(0).failure_count, 0);
    reply = ASK_STREAM(); /* half an event was lost */
    HAS(reply, "\"error\"");
    EXPECT_EQ(breaker_of(0).failure_count, 1);
}
TEST(stream, is_complete_with_its_finish_reason_or_its_end_mark)
{
    run(ONE, no_done);
}

/* ---- before the commit ---- */
static void fails_early(void)
{
    static const struct answer failures[] = {
        {.parts = {STREAM_HEAD ROLE}, .then = THEN_CLOSE},
        {.parts = {STREAM_HEAD ROLE DONE}, .then = THEN_CLOSE},
        {.parts = {STREAM_HEAD ROLE "data: {\n\n"}, .then = THEN_CLOSE},
        {.parts = {STREAM_HEAD ROLE "data: {\"error\":{\"message\":\"no\"}}\n\n" DONE}, .then = THEN_CLOSE},
        {.parts = {STREAM_HEAD "event: error\ndata: {}\n\n"}, .then = THEN_CLOSE},
        {.parts = {OK_REPLY}},
        {.parts = {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: br\r\n\r\nx"},
         .then = THEN_CLOSE},
        {.parts = {STREAM_HEAD ROLE}, .then = THEN_HANG},
        {.parts = {STREAM_HEAD "data: {\"choices\":[]}\n\n:"}, .filler_bytes = 17 << 20, .then = THEN_CLOSE},
    };
    for (size_t i = 0; i < ARRAY_COUNT(failures); i++) {
        upstream_will(0, &failures[i], 1);
        UPSTREAM(1, {.parts = {STREAM_HEAD DELTA("b") FINISH DONE}, .then = THEN_CLOSE});
        struct breaker_counts before = breaker_of(0);
        struct str reply = ASK_STREAM();
        EXPECT_THAT(str_equals(events_of(reply), STR(DELTA("b") FINISH DONE)), "case %zu: %.*s", i,
                    STR_ARG(reply));
        EXPECT_EQ(breaker_of(0).failure_count, before.failure_count + 1);
        provider_state_reset(world.gateway->current->snapshot->providers[0].endpoints[0].state);
    }
}
TEST(stream, that_fails_before_its_first_content_leaves_no_trace)
{
    run(AUTH_OFF_YAML "providers:\n" PROVIDER_A PROVIDER_B
                      "models: {m: {targets: [{provider: a, model: ma}, {provider: b, model: mb}],"
                      " timeouts: {first_token: 100ms}}}\n",
        fails_early);
}

static struct arena texts;

/* One long answer from provider a: `head`, `times` times `body`, `tail`. */
static void will_send(const char *head, size_t times, const char *body, const char *tail)
{
    struct buf text;
    static struct answer answer = {.then = THEN_CLOSE};
    buf_init(&text, 4 << 20);
    EXPECT_TRUE(buf_append(&text, str_from_cstr(head)));
    for (size_t i = 0; i < times; i++) EXPECT_TRUE(buf_append(&text, str_from_cstr(body)));
    EXPECT_TRUE(buf_append(&text, str_from_cstr(tail)));
    answer.parts[0] = arena_cstr(&texts, buf_str(&text));
    buf_done(&text);
    upstream_will(0, &answer, 1);
}
#define LARGE_DELTA_HEAD "data: {\"choices\":[{\"delta\":{\"content\":\""
#define LARGE_DELTA_TAIL "\"}}]}\n\n"

static void many_events(void)
{
    for (unsigned roles = 64; roles <= 65; roles++) {
        will_send(STREAM_HEAD, roles, ROLE, DELTA("a") FINISH);
        UPSTREAM(1, {.parts = {STREAM_HEAD DELTA("b") FINISH DONE}, .then = THEN_CLOSE});
        HAS(ASK_STREAM(), "X-Weir-Attempts: ");
        EXPECT_EQ(world.upstreams[1].next, roles - 64);
    }
}
TEST(stream, is_held_for_64_events_at_most)
{
    run(TWO, many_events);
    arena_done(&texts);
}

/* An event that is not complete yet counts, too, content or not: nobody knows before its end. */
static void large_beginnings(void)
{
    for (size_t bytes = 200000; bytes <= 400000; bytes += 200000) {
        will_send(STREAM_HEAD ROLE LARGE_DELTA_HEAD, bytes, "x", LARGE_DELTA_TAIL FINISH DONE);
        UPSTREAM(1, {.parts = {STREAM_HEAD DELTA("b") FINISH DONE}, .then = THEN_CLOSE});
        struct str reply = ASK_STREAM();
        EXPECT_EQ(status_of(reply), 200);
        EXPECT_EQ(str_find(reply, STR("X-Weir-Provider: a\r\n")) != SIZE_MAX, bytes < 256 << 10);
        EXPECT_TRUE(ends_with_last_chunk(reply));
    }
}
TEST(stream, is_held_up_to_256_kib_until_its_first_content_is_complete)
{
    run(TWO, large_beginnings);
    arena_done(&texts);
}

/* More than the writer hands to the kernel at once, with an event behind that lies in a chunk of the loop's. */
static void large_events(void)
{
    will_send(STREAM_HEAD DELTA("first") LARGE_DELTA_HEAD, 2500000, "x",
              LARGE_DELTA_TAIL DELTA("last") FINISH DONE);
    struct stream *s = caller_sized(4096);
    send_str(s, str_from_cstr(post(CHAT, "", "{\"model\":\"m\",\"stream\":true}")));
    struct str reply = read_reply(s, NULL);
    EXPECT_TRUE(reply.len > 2500000);
    EXPECT_TRUE(str_ends_with(reply, STR(LARGE_DELTA_TAIL DELTA("last") FINISH DONE "\r\n0\r\n\r\n")));
    stream_close(&s);
}
TEST(stream, may_have_events_of_megabytes)
{
    run(ONE, large_events);
    arena_done(&texts);
}

static void refuses_usage(void)
{
    UPSTREAM(0,
             {.parts = {"HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\nContent-Length: 46\r\n\r\n"
                        "{\"error\":{\"message\":\"stream_options: extra x\"}}"}},
             {.parts = {STREAM_HEAD DELTA("a") FINISH DONE}, .then = THEN_CLOSE},
             {.parts = {STREAM_HEAD DELTA("b") FINISH DONE}, .then = THEN_CLOSE});
    HAS(ASK_STREAM(), "\"content\":\"a\"");
    HAS_NOT(seen_by(0), "stream_options");
    HAS(ASK_STREAM(), "\"content\":\"b\""); /* it is remembered */
    HAS_NOT(seen_by(0), "stream_options");
    EXPECT_EQ(breaker_of(0).failure_count, 0);
    EXPECT_EQ(world.upstreams[0].next, 3);
}
TEST(stream, whose_provider_refuses_to_tell_its_usage_is_asked_again_without_whatever_attempts_says)
{
    run(AUTH_OFF_YAML "providers:\n" PROVIDER_A
                      "models: {m: {targets: [{provider: a, model: ma}], attempts: 1}}\n",
        refuses_usage);
}

/* ---- after the commit ---- */
#define BREAKS_AFTER(part, how)                                                                              \
    {                                                                                                        \
        .parts = {STREAM_HEAD DELTA("Hi"), part}, .then = (how)                                              \
    }

static void ends_badly(void)
{
    static const struct answer endings[] = {
        BREAKS_AFTER("", THEN_CLOSE),
        BREAKS_AFTER(DELTA("more"), THEN_CLOSE),
        BREAKS_AFTER("", THEN_RESET),
        BREAKS_AFTER("data: {\"half", THEN_CLOSE),
        BREAKS_AFTER("data: broken\n\n" DELTA("never") FINISH DONE, THEN_CLOSE),
        BREAKS_AFTER("", THEN_HANG),
    };
    for (size_t i = 0; i < ARRAY_COUNT(endings); i++) {
        upstream_will(0, &endings[i], 1);
        UPSTREAM(1, OK_ANSWER);
        provider_state_reset(world.gateway->current->snapshot->providers[0].endpoints[0].state);
        struct str reply = ASK_STREAM();
        struct str events = events_of(reply);
        EXPECT_EQ(status_of(reply), 200);
        EXPECT_THAT(str_starts_with(events, STR(DELTA("Hi"))), "case %zu: %.*s", i, STR_ARG(events));
        HAS(events, "data: {\"error\":{\"message\":\"");
        HAS_NOT(events, "[DONE]");
        HAS_NOT(events, "never");
        HAS_NOT(events, "half");
        HAS(events, "\"provider\":\"a\"");
        EXPECT_TRUE(ends_with_last_chunk(reply));
        EXPECT_EQ(world.upstreams[1].next, 0);
        EXPECT_EQ(breaker_of(0).failure_count, 1);
    }
}
TEST(stream, that_breaks_after_its_first_content_ends_with_an_error_event_and_no_done)
{
    run(AUTH_OFF_YAML "providers:\n" PROVIDER_A PROVIDER_B
                      "models: {m: {targets: [{provider: a, model: ma}, {provider: b, model: mb}],"
                      " timeouts: {idle: 100ms}}}\n",
        ends_badly);
}

static void reports_error(void)
{
    UPSTREAM(0, {.parts = {STREAM_HEAD DELTA("Hi"), "data: {\"error\":{\"message\":\"own words\"}}\n\n" DONE},
                 .then = THEN_CLOSE});
    struct str reply = ASK_STREAM();
    EXPECT_STR_EQ(events_of(reply), DELTA("Hi") "data: {\"error\":{\"message\":\"own words\"}}\n\n");
    EXPECT_TRUE(ends_with_last_chunk(reply));
    EXPECT_EQ(breaker_of(0).failure_count, 1);
}
TEST(stream, that_reports_an_error_itself_ends_with_that)
{
    run(ONE, reports_error);
}

/* ---- letting wait ---- */
static void kept_alive(void)
{
    UPSTREAM(0, {.parts = {STREAM_HEAD ROLE}, .then = THEN_HANG});
    UPSTREAM(1, {.parts = {STREAM_HEAD DELTA("b") FINISH DONE}, .then = THEN_CLOSE}, FAILURE("422 No", ""));
    struct str reply = ASK_STREAM();
    EXPECT_EQ(status_of(reply), 200);
    EXPECT_TRUE(str_starts_with(events_of(reply), STR(": keep-alive\n\n")));
    EXPECT_TRUE(str_ends_with(events_of(reply), STR(": keep-alive\n\n" DELTA("b") FINISH DONE)));
    UPSTREAM(0, {.parts = {NULL}, .then = THEN_HANG});
    UPSTREAM(1, FAILURE("500 Oops", ""));
    reply = ASK_STREAM();
    HAS(events_of(reply), "All LLM providers failed");
    EXPECT_TRUE(ends_with_last_chunk(reply));
    UPSTREAM(0, {.parts = {NULL}, .then = THEN_HANG});
    UPSTREAM(1, FAILURE("422 No", ""));
    reply = ASK_STREAM();
    HAS(events_of(reply), "\"message\":\"sorry\"");
    EXPECT_TRUE(ends_with_last_chunk(reply));
}
TEST(stream, that_lets_wait_is_kept_alive_and_may_still_come_from_elsewhere)
{
    run(AUTH_OFF_YAML "providers:\n" PROVIDER_A PROVIDER_B
                      "models: {m: {targets: [{provider: a, model: ma}, {provider: b, model: mb}],"
                      " timeouts: {first_token: 100ms}, keepalive: 30ms}}\n",
        kept_alive);
}

/* ---- the caller leaves ---- */
static void leaves(void)
{
    static const struct answer phases[] = {
        {.parts = {NULL}, .then = THEN_HANG},
        {.parts = {"HTTP/1.1 200 OK\r\nContent-Type: text/"}, .then = THEN_HANG},
        {.parts = {STREAM_HEAD ROLE}, .then = THEN_HANG},
        {.parts = {STREAM_HEAD DELTA("Hi")}, .then = THEN_HANG},
        {.parts = {"HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\n"}, .then = THEN_HANG},
    };
    for (size_t i = 0; i < ARRAY_COUNT(phases); i++) {
        upstream_will(0, &phases[i], 1);
        struct stream *s = caller_sized(0);
        send_str(s, str_from_cstr(post(CHAT, "", "{\"model\":\"m\",\"stream\":true}")));
        for (int k = 0; world.upstreams[0].next == 0 && k < 1000; k++) (void)fiber_sleep(1);
        (void)fiber_sleep(5);
        msec_t left_at = fiber_now();
        stream_close(&s);
        for (int k = 0; !world.upstreams[0].saw_end && k < 1000; k++) (void)fiber_sleep(1);
        msec_t took = fiber_now() - left_at,
               most = 1000 / (msec_t)test_count(20); /* 50; more under valgrind */
        EXPECT_THAT(world.upstreams[0].saw_end && took < most, "phase %zu: %lld ms", i, (long long)took);
        EXPECT_EQ(breaker_of(0).failure_count, 0);
        EXPECT_EQ(world.upstreams[1].connections, 0);
    }
    EXPECT_EQ(world.gateway->current->uses, 1);
    HAS(metrics_text(), "outcome=\"caller_gone\"} 5\n");
}
TEST(stream, is_cancelled_within_50_ms_when_its_caller_leaves_in_whatever_phase)
{
    run(TWO, leaves);
}

static void probe_released(void)
{
    struct provider_state *p = world.gateway->current->snapshot->providers[0].endpoints[0].state;
    UPSTREAM(0, FAILURE("500 Oops", ""), {.parts = {NULL}, .then = THEN_HANG}, OK_ANSWER);
    EXPECT_EQ(status_of(ASK_CHAT("")), 502);
    EXPECT_EQ(breaker_of(0).state, BREAKER_OPEN);
    EXPECT_EQ(status_of(ASK_CHAT("")), 503);
    EXPECT_EQ(world.upstreams[0].next, 1); /* an open breaker is never passed */
    (void)fiber_sleep(1500);
    struct stream *s = caller_sized(0);
    send_str(s, str_from_cstr(post(CHAT, "", "{\"model\":\"m\"}")));
    for (int k = 0; world.upstreams[0].next == 1 && k < 1000; k++) (void)fiber_sleep(1);
    EXPECT_TRUE(provider_state_retry_after_ms(p, fiber_now()) > 0); /* the probe is out */
    stream_close(&s);
    for (int k = 0; !world.upstreams[0].saw_end && k < 1000; k++) (void)fiber_sleep(1);
    EXPECT_EQ(provider_state_retry_after_ms(p, fiber_now()), 0); /* and back */
    EXPECT_EQ(status_of(ASK_CHAT("")), 200);
    EXPECT_EQ(breaker_of(0).state, BREAKER_CLOSED);
}
TEST(stream, a_caller_who_leaves_gives_the_probe_back)
{
    run(AUTH_OFF_YAML
        "breaker: {failure_threshold: 1, success_threshold: 1, timeout: 1500ms}\nproviders:\n" PROVIDER_A
            MODEL_A,
        probe_released);
}

static void shut_down(void)
{
    UPSTREAM(0, {.parts = {STREAM_HEAD DELTA("Hi")}, .then = THEN_HANG},
             {.parts = {NULL}, .then = THEN_HANG});
    struct stream *s = caller_sized(0), *plain = caller_sized(0);
    send_str(s, str_from_cstr(post(CHAT, "", "{\"model\":\"m\",\"stream\":true}")));
    HAS(read_reply(s, "Hi"), "Hi");
    send_str(plain, str_from_cstr(post(CHAT, "", "{\"model\":\"m\"}")));
    for (int k = 0; world.upstreams[0].next == 1 && k < 1000; k++) (void)fiber_sleep(1);
    http_server_cancel_all(world.server);
    HAS(read_reply(s, NULL), "The gateway is shutting down");
    EXPECT_EQ(status_of(read_reply(plain, NULL)), 503);
    stream_close(&s);
    stream_close(&plain);
}
TEST(stream, that_a_shutdown_ends_says_so)
{
    run(ONE, shut_down);
}

static void reloaded(void)
{
    UPSTREAM(0, {.parts = {STREAM_HEAD DELTA("Hi"), "", "", DELTA("on") FINISH DONE}, .then = THEN_CLOSE},
             OK_ANSWER);
    struct stream *s = caller_sized(0);
    send_str(s, str_from_cstr(post(CHAT, "", "{\"model\":\"m\",\"stream\":true}")));
    HAS(read_reply(s, "Hi"), "Hi");
    for (int i = 0; i < 3; i++) reload(ONE);
    HAS(read_reply(s, NULL), "[DONE]");
    stream_close(&s);
    EXPECT_EQ(world.gateway->current->uses, 1);
    EXPECT_EQ(status_of(ASK_CHAT("")), 200);
    HAS(metrics_text(), "weir_attempts_total{provider=\"a\",model=\"ma\",outcome=\"success\"} 2\n");
}
TEST(stream, that_runs_while_the_configuration_is_reloaded_keeps_its_own)
{
    run(ONE, reloaded);
}
