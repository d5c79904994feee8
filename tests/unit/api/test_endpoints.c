/* What stands at which path, beside the way to a model (tests/unit/gateway). */
#include "gateway/gateway_test.h"

static struct str send_bare(const char *request)
{
    return ask(request);
}

static const char *line_of(const char *method, const char *path, const char *lines)
{
    static char text[4096];
    snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s\r\n", method, path,
             lines);
    return text;
}

/* ---- alive, ready, well ---- */
static void health(void)
{
    EXPECT_STR_EQ(body_of(ask(get("/api/v1/health", ""))), "{\"status\":\"ok\"}");
    EXPECT_EQ(status_of(ask(get("/livez", ""))), 200);
    EXPECT_EQ(status_of(ask(get("/api/v1/ready", ""))), 200);
    EXPECT_EQ(status_of(ask(get("/readyz", ""))), 200);
    struct str reply = ask(get("/health", ""));
    HAS(reply, "{\"status\":\"healthy\",\"timestamp\":\"2");
    HAS(reply, "\"service\":\"api_gateway\"");
    EXPECT_EQ(str_find(body_of(ask(line_of("HEAD", "/health", ""))), STR("")), 0);
    atomic_store(&world.process.is_draining, true);
    EXPECT_EQ(status_of(ask(get("/api/v1/health", ""))), 200);
    EXPECT_EQ(status_of(ask(get("/api/v1/ready", ""))), 503);
    EXPECT_EQ(status_of(ask(get("/health", ""))), 503);
}
TEST(endpoints, say_whether_the_gateway_is_alive_ready_and_well)
{
    run(ONE, health);
}

/* ---- breakers ---- */
static void breakers(void)
{
    struct provider_state *p = world.gateway->current->snapshot->providers[0].endpoints[1].state;
    struct breaker_ticket ticket;
    EXPECT_TRUE(provider_state_allows(p, fiber_now(), &ticket));
    provider_state_report(p, ticket, JUDGED_FAILURE, fiber_now());
    EXPECT_STR_EQ(
        body_of(ask(get("/circuit-breakers", ""))),
        "{\"a\":{\"state\":\"closed\",\"failure_count\":0,\"recent_failures\":0,\"total_calls\":0},"
        "\"a#2\":{\"state\":\"open\",\"failure_count\":1,\"recent_failures\":1,\"total_calls\":1}}");
    HAS(ask(get("/health", "")), "\"status\":\"degraded\"");
    HAS(ask(get("/metrics", "")), "circuit_breaker_state{service=\"a\"} 2\n");
    EXPECT_EQ(status_of(ask(post("/circuit-breakers/b/reset", "", ""))), 404);
    EXPECT_EQ(status_of(ask(post("/circuit-breakers/a%zz/reset", "", ""))), 404);
    EXPECT_EQ(status_of(ask(post("/circuit-breakers/a%232/reset", "", ""))), 200);
    HAS(ask(get("/circuit-breakers", "")), "\"a#2\":{\"state\":\"closed\"");
}
TEST(endpoints, show_and_reset_circuit_breakers)
{
    run(AUTH_OFF_YAML "breaker: {failure_threshold: 1}\nproviders:\n"
                      "  a: {kind: openai, base_url: \"${A}\", base_urls: [\"${B}\"]}\n" MODEL_A,
        breakers);
}

/* ---- metrics ---- */
static void metrics(void)
{
    UPSTREAM(0, OK_ANSWER);
    (void)ASK_CHAT("");
    struct str reply = ask(get("/metrics", ""));
    HAS(reply, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    HAS(reply, "http_requests_total{method=\"POST\",endpoint=\"/v1/chat/completions\",status=\"200\"} 1\n");
    HAS(reply, "weir_llm_requests_total{result=\"success\"} 1\n");
    reply = ask(get("/metrics", "Accept: application/json\r\n"));
    HAS(reply, "Content-Type: application/json\r\n");
    HAS(reply, "\"total_requests\":1");
    HAS(ask(get("/nothing", "")), "404");
    HAS(metrics_text(),
        "http_request_errors_total{method=\"GET\",endpoint=\"unknown\",type=\"not_found\"} 1\n");
}
TEST(endpoints, give_metrics_in_both_shapes)
{
    run(ONE, metrics);
}

/* ---- models ---- */
static void models(void)
{
    UPSTREAM(0, {.parts = {OK_HEAD "Connection: close\r\n\r\n{\"data\":[{\"id\":\"x\"},{\"id\":\"y/z\"}]}"},
                 .then = THEN_CLOSE});
    UPSTREAM(1, FAILURE("500 Oops", ""));
    struct str body = body_of(ask(get("/v1/models", "X-API-Key: k\r\n")));
    HAS(body, "{\"object\":\"list\",\"data\":[{\"id\":\"m\",\"object\":\"model\",\"created\":");
    HAS(body, "\"owned_by\":\"a\"},{\"id\":\"a/x\"");
    HAS(body, "\"id\":\"a/y/z\"");
    HAS(body, "\"id\":\"b/own\""); /* its list cannot be had */
    HAS_NOT(body, "*");
    body = body_of(ask(get("/v1/models/a%2Fy/z", "X-API-Key: k\r\n")));
    EXPECT_TRUE(str_starts_with(body, STR("{\"id\":\"a/y/z\",\"object\":\"model\"")));
    struct str reply = ask(get("/v1/models/none", "X-API-Key: k\r\n"));
    EXPECT_EQ(status_of(reply), 404);
    HAS(reply, "model_not_found");
    body = body_of(ask(get("/models", "X-API-Key: small\r\n")));
    HAS(body, "\"id\":\"a/x\"");
    HAS_NOT(body, "\"id\":\"m\"");
    EXPECT_EQ(status_of(ask(get("/v1/models/m", "X-API-Key: small\r\n"))), 404);
    EXPECT_EQ(status_of(ask(get("/v1/models", ""))), 401);
}
TEST(endpoints, list_the_models_that_a_key_may_use)
{
    run("auth: {keys: [{name: k, key: k}, {name: small, key: small, models: [\"a/*\"]}]}\n"
        "tiers: {default: {requests_per_minute: 0, requests_per_hour: 0}}\nproviders:\n" PROVIDER_A
        "  b: {kind: openai, base_url: \"${B}\", model: own}\n"
        "models: {m: {targets: [{provider: a, model: ma}]}, \"p-*\": {targets: [{provider: a, model: \"*\"}]}}\n",
        models);
}

/* ---- paths and methods that are none ---- */
static void others(void)
{
    struct str reply = ask(get("/v1/nothing", ""));
    EXPECT_EQ(status_of(reply), 404);
    HAS(reply, "{\"error\":{\"message\":\"");
    HAS(reply, "\"code\":\"not_found\"");
    reply = ask(get("/nothing", ""));
    EXPECT_EQ(status_of(reply), 404);
    HAS(reply, "{\"error\":{\"type\":\"not_found\",\"message\":\"");
    HAS(reply, "\"correlation_id\":\"");
    HAS(ask(post("/v1/v1/chat/completions", "", "{}")), "/v1 twice");
    reply = ask(get("/v1/chat/completions", ""));
    EXPECT_EQ(status_of(reply), 405);
    HAS(reply, "Allow: POST, OPTIONS\r\n");
    reply = ask(line_of("BREW", "/health", ""));
    EXPECT_EQ(status_of(reply), 405);
    HAS(reply, "Allow: GET, HEAD, OPTIONS\r\n");
    reply = send_bare("GET / HTTP/1.1\r\n\r\n"); /* without Host */
    EXPECT_EQ(status_of(reply), 400);
    HAS(reply, "\"type\":\"invalid_request\"");
    reply = send_bare("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n");
    EXPECT_EQ(status_of(reply), 501);
    HAS(reply, "\"type\":\"invalid_request\"");
}
TEST(endpoints, what_is_not_there_says_what_is)
{
    run(ONE, others);
}

/* ---- OPTIONS ---- */
static void options(void)
{
    struct str reply = ask(line_of("OPTIONS", CHAT,
                                   "Origin: https://good\r\nAccess-Control-Request-Method: POST\r\n"
                                   "Access-Control-Request-Headers: authorization\r\n"));
    EXPECT_EQ(status_of(reply), 204);
    HAS(reply, "Allow: POST, OPTIONS\r\n");
    HAS(reply, "Access-Control-Allow-Origin: https://good\r\n");
    HAS(reply, "Access-Control-Allow-Methods: POST, OPTIONS\r\n");
    HAS(reply, "Access-Control-Allow-Headers: authorization\r\n");
    EXPECT_EQ(body_of(reply).len, 0);
    reply = ask(line_of("OPTIONS", CHAT,
                        "Origin: https://evil\r\nX-Correlation-ID: Access-Control-Allow-Origin\r\n"));
    EXPECT_EQ(status_of(reply), 204);
    HAS_NOT(reply, "Access-Control-Allow-Methods");
    EXPECT_EQ(status_of(ask(line_of("OPTIONS", "*", ""))), 204);
    EXPECT_EQ(status_of(ask(line_of("OPTIONS", "/nothing", ""))), 404);
    HAS(ask(get("/health", "Origin: https://good\r\n")), "Access-Control-Allow-Origin: https://good\r\n");
    HAS_NOT(ask(get("/health", "Origin: https://evil\r\n")), "Access-Control-Allow-Origin");
    HAS(ask(post(CHAT, "Origin: https://good\r\n", "{}")),
        "Access-Control-Allow-Origin: https://good\r\n"); /* a 401 */
}
TEST(endpoints, preflights_need_no_key)
{
    run("auth: {keys: [{name: k, key: k}]}\nserver: {cors_origins: [\"https://good\"]}\nproviders:\n" PROVIDER_A
            MODEL_A,
        options);
}

/* ---- the log ---- */
static struct str log_text(void)
{
    static char text[LOG_BYTES];
    log_wake(world.log);
    ssize_t bytes = 0;
    for (int i = 0; bytes <= 0 && i < 1000; i++) {
        (void)fiber_sleep(1);
        bytes = pread(world.log_fd, text, sizeof text, 0);
    }
    return str_of(text, bytes > 0 ? (size_t)bytes : 0);
}

static void logged(void)
{
    UPSTREAM(0, OK_ANSWER);
    EXPECT_EQ(
        status_of(ask(post(CHAT "?key=secret-key&x=1", "X-Correlation-ID: c1\r\nX-API-Key: secret-key\r\n",
                           "{\"model\":\"m\",\"messages\":[\"secret-prompt\"]}"))),
        200);
    struct str text = log_text();
    HAS(text, "\"correlation_id\":\"c1\"");
    HAS(text, "\"path\":\"/v1/chat/completions\"");
    HAS(text, "\"provider\":\"a\"");
    HAS(text, "\"input_tokens\":3");
    HAS_NOT(text, "secret");
}
TEST(endpoints, requests_are_logged_without_keys_and_prompts)
{
    run(ONE, logged);
}
