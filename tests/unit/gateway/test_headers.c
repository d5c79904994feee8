/* Which headers pass, both ways, as providers and callers see them. */
#include "gateway_test.h"

static struct str up(const char *path, const char *lines)
{
    UPSTREAM(0, OK_ANSWER);
    EXPECT_EQ(status_of(ask(post(path, lines, "{\"model\":\"m\"}"))), 200);
    return str_part(seen_by(0), 0, str_find(seen_by(0), STR("\r\n\r\n")) + 2);
}

static void credentials(void)
{
    struct str seen = up(
        CHAT, "Authorization: Bearer secret\r\nX-API-Key: secret\r\nx-goog-api-key: secret\r\n"
              "api-key: secret\r\nX-Weir-Key: secret\r\nX-WEIR-Strict: secret\r\nCookie: secret\r\n"
              "x-provider-key-OpenAI: secret\r\nProxy-Authorization: secret\r\n");
    HAS_NOT(seen, "secret");
    HAS(seen, "\r\nAuthorization: Bearer key-a\r\n");
}
TEST(headers, no_credential_of_the_callers_goes_up)
{
    run(ONE, credentials);
}

static void hop_by_hop(void)
{
    struct str seen = up(
        CHAT, "Keep-Alive: gone\r\nTE: gone\r\nTrailer: gone\r\nUpgrade: gone\r\nX-Hop: gone\r\n"
              "X-Second: gone\r\nConnection: X-Hop\r\nProxy-Connection: gone\r\nAccept-Encoding: gone\r\n"
              "X-Forwarded-For: gone\r\nForwarded: gone\r\nOrigin: gone\r\nConnection: close, x-second\r\n");
    HAS_NOT(seen, "gone");
    HAS_NOT(seen, "Connection:");
    HAS(seen, "\r\nAccept-Encoding: identity\r\n");
}
TEST(headers, what_concerns_one_connection_stays_on_it)
{
    run(ONE, hop_by_hop);
}

static void kept(void)
{
    static const char lines[] =
        "anthropic-beta: x\r\nOpenAI-Organization: o\r\nUser-Agent: me\r\nx-stainless-os: L\r\n"
        "Idempotency-Key: i\r\nX-Custom: c\r\nContent-Type: application/json; charset=utf-8\r\n";
    struct str seen = up(CHAT, lines), rest = str_from_cstr(lines);
    while (rest.len) {
        struct str line = str_cut(&rest, '\n');
        EXPECT_THAT(str_find(seen, line) != SIZE_MAX, "%.*s is not in %.*s", STR_ARG(line), STR_ARG(seen));
    }
    seen = up(CHAT, "");
    HAS(seen, "\r\nContent-Type: application/json\r\n"); /* a missing one counts as JSON */
}
TEST(headers, what_providers_know_goes_up)
{
    run(ONE, kept);
}

static void traces(void)
{
    struct str seen = up(CHAT, "X-Correlation-ID: mine\r\ntracestate: a=1\r\n"
                               "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n");
    HAS(seen, "\r\nX-Correlation-ID: mine\r\n");
    HAS(seen, "\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-");
    HAS_NOT(seen, "00f067aa0ba902b7"); /* the span is ours */
    HAS(seen, "\r\ntracestate: a=1\r\n");
    seen = up(CHAT, "X-Correlation-ID: not visible\r\ntracestate: a=1\r\n");
    HAS_NOT(seen, "not visible");
    HAS(seen, "\r\ntraceparent: 00-");
    HAS_NOT(seen, "tracestate"); /* there is no trace that it belongs to */
}
TEST(headers, a_trace_goes_on_or_begins)
{
    run(ONE, traces);
}

static void own(void)
{
    struct str seen = up(CHAT, "x-team: callers\r\n");
    HAS(seen, "\r\nX-Team: ours\r\n");
    HAS_NOT(seen, "callers");
}
TEST(headers, the_providers_configured_ones_take_the_place_of_the_callers)
{
    run(AUTH_OFF_YAML
        "providers:\n  a: {kind: openai, base_url: \"${A}\", headers: {X-Team: ours}}\n" MODEL_A,
        own);
}

static void queries(void)
{
    HAS(up(CHAT "?a=1&key=secret&b=2", ""), "/chat/completions?a=1&b=2 HTTP/1.1\r\n");
    HAS(up(CHAT "?key=secret", ""), "/chat/completions HTTP/1.1\r\n");
    HAS(up(CHAT "?key", ""), "/chat/completions HTTP/1.1\r\n");
    HAS(up(CHAT "?", ""), "/chat/completions HTTP/1.1\r\n");
    HAS(up(CHAT "?keys=1&monkey=2&&", ""), "/chat/completions?keys=1&monkey=2 HTTP/1.1\r\n");
}
TEST(headers, the_query_goes_up_but_for_its_key)
{
    run(ONE, queries);
}

static void back(void)
{
    UPSTREAM(0,
             {.parts = {OK_HEAD
                        "Connection: close, X-Hop\r\nX-Hop: gone\r\nKeep-Alive: gone\r\nSet-Cookie: gone\r\n"
                        "Server: gone\r\nAlt-Svc: gone\r\nStrict-Transport-Security: gone\r\n"
                        "X-RateLimit-Limit-Requests: gone\r\nratelimit-limit: gone\r\n"
                        "anthropic-ratelimit-x: gone\r\nX-Weir-Provider: gone\r\nX-Cache: gone\r\n"
                        "X-Correlation-ID: gone\r\nAccess-Control-Allow-Origin: gone\r\n"
                        "Content-Security-Policy: gone\r\n"
                        "x-request-id: r\r\nrequest-id: q\r\nretry-after: 3\r\nopenai-version: v\r\n"
                        "Cache-Control: private\r\n\r\n" OK_BODY},
              .then = THEN_CLOSE});
    struct str reply = ASK_CHAT("");
    EXPECT_EQ(status_of(reply), 200);
    HAS_NOT(reply, "gone");
    HAS(reply,
        "x-request-id: r\r\nrequest-id: q\r\nretry-after: 3\r\nopenai-version: v\r\nCache-Control: private\r\n");
    HAS(reply, "X-Cache: BYPASS\r\n");
    HAS(reply, "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n");
    HAS(reply, "X-Weir-Overhead-Us: ");
    HAS(reply, "Content-Length: ");
}
TEST(headers, the_providers_own_business_does_not_come_back)
{
    run(ONE, back);
}

static void stream_back(void)
{
    UPSTREAM(
        0,
        {.parts =
             {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: max-age=1\r\n"
              "X-Accel-Buffering: yes\r\n\r\n" FINISH},
         .then = THEN_CLOSE});
    struct str reply = ASK_STREAM();
    HAS(reply, "Content-Type: text/event-stream; charset=utf-8\r\n");
    HAS(reply, "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n");
    HAS_NOT(reply, "max-age");
}
TEST(headers, a_stream_is_never_kept_or_buffered_on_its_way)
{
    run(ONE, stream_back);
}
