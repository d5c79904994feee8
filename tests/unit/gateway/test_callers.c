/* Who may, and how often: identify and admit. */
#include "gateway_test.h"

#define KEYS                                                                                                    \
    "auth:\n  keys:\n    - {name: alice, key: alice-secret, models: [m, \"x-*\"]}\n"                            \
    "    - {name: oscar, key: oscar-secret, role: operator}\n    - {name: eve, key: eve-secret, tier: small}\n" \
    "tiers:\n  default: {requests_per_minute: 0, requests_per_hour: 0}\n  small: {requests_per_minute: 2, requests_per_hour: 0}\n"
#define GUARDED KEYS "providers:\n" PROVIDER_A MODEL_A

static struct str chat_with(const char *lines)
{
    UPSTREAM(0, OK_ANSWER);
    return ask(post(CHAT, lines, "{\"model\":\"m\"}"));
}

/* ---- who ---- */
static void credentials(void)
{
    static const struct {
        const char *lines;
        int status;
    } rows[] = {
        {"Authorization: Bearer alice-secret\r\n", 200},
        {"authorization: bearer   alice-secret\r\n", 200},
        {"X-API-Key: alice-secret\r\n", 200},
        {"X-Weir-Key: alice-secret\r\nAuthorization: Bearer somebodys-own\r\n", 200},
        {"X-Weir-Key: wrong\r\nAuthorization: Bearer alice-secret\r\n", 401}, /* the first present decides */
        {"Authorization: Basic YTpi\r\nX-API-Key: alice-secret\r\n", 401},
        {"Authorization: alice-secret\r\n", 401},
        {"Authorization: Bearer \r\n", 401},
        {"Authorization: Bearer alice-secreT\r\n", 401},
        {"Authorization: Bearer alice-secret2\r\n", 401},
        {"X-API-Key:\r\n", 401},
        {"", 401},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct str reply = chat_with(rows[i].lines);
        EXPECT_THAT(status_of(reply) == rows[i].status, "%s: %d", rows[i].lines, status_of(reply));
        if (rows[i].status == 401) HAS(reply, "WWW-Authenticate: Bearer\r\n");
        if (rows[i].status == 401) HAS(reply, "invalid_api_key");
    }
}
TEST(callers, the_first_credential_decides)
{
    run(GUARDED, credentials);
}

static void roles(void)
{
    EXPECT_EQ(status_of(ask(get("/circuit-breakers", ""))), 401);
    struct str reply = ask(get("/circuit-breakers", "X-API-Key: alice-secret\r\n"));
    EXPECT_EQ(status_of(reply), 403);
    HAS(reply, "{\"error\":{\"type\":\"forbidden\"");
    HAS(reply, "operator");
    EXPECT_EQ(status_of(ask(get("/circuit-breakers", "X-API-Key: oscar-secret\r\n"))), 200);
    EXPECT_EQ(status_of(chat_with("X-API-Key: oscar-secret\r\n")), 200); /* operator includes user */
    EXPECT_EQ(status_of(ask(get("/health", ""))), 200);                  /* public */
    EXPECT_EQ(status_of(ask(get("/metrics", ""))), 401);
}
TEST(callers, a_role_includes_those_below_it)
{
    run(GUARDED, roles);
}

static void models(void)
{
    EXPECT_EQ(status_of(chat_with("X-API-Key: alice-secret\r\n")), 200);
    struct str reply = ask(post(CHAT, "X-API-Key: alice-secret\r\n", "{\"model\":\"other\"}"));
    EXPECT_EQ(status_of(reply), 403);
    HAS(reply, "permission_error");
    UPSTREAM(0, FAILURE("404 None", ""));
    EXPECT_EQ(status_of(ask(post(CHAT, "X-API-Key: alice-secret\r\n", "{\"model\":\"x-1\"}"))), 404);
}
TEST(callers, a_keys_models_judge_the_name_that_is_asked_for)
{
    run(GUARDED, models);
}

static void nobody(void)
{
    UPSTREAM(0, OK_ANSWER);
    EXPECT_EQ(status_of(ASK_CHAT("")), 200);
    EXPECT_EQ(status_of(ask(get("/metrics", ""))), 200); /* from this machine */
}
TEST(callers, with_auth_off_everyone_may)
{
    run(ONE, nobody);
}

/* ---- how often ---- */
static void limited(void)
{
    static const char eve[] = "X-API-Key: eve-secret\r\n";
    struct str reply = chat_with(eve);
    EXPECT_EQ(status_of(reply), 200);
    HAS(reply,
        "X-RateLimit-Limit-Minute: 2\r\nX-RateLimit-Remaining-Minute: 1\r\nX-RateLimit-Reset-Minute: ");
    HAS_NOT(reply, "-Hour");
    EXPECT_EQ(status_of(ask(get("/v1/models", eve))), 200); /* a route of role user counts */
    for (int i = 0; i < 3; i++) {
        reply = chat_with(eve);
        EXPECT_EQ(status_of(reply), 429);
        HAS(reply, "Retry-After: 30\r\n"); /* rejected ones consume nothing */
        HAS(reply, "X-RateLimit-Remaining-Minute: 0\r\n");
        HAS(reply, "rate_limit_exceeded");
        HAS(reply, "tiers.small.requests_per_minute");
    }
    EXPECT_EQ(status_of(ask(get("/health", eve))), 200);
    EXPECT_EQ(status_of(chat_with("X-API-Key: alice-secret\r\n")), 200); /* everyone has buckets of his own */
    HAS(metrics_text(), "rate_limit_exceeded_total{identifier=\"eve\"} 3\n");
}
TEST(callers, buckets_are_each_keys_own_and_refusals_take_nothing)
{
    run(GUARDED, limited);
}

static void survives(void)
{
    static const char eve[] = "X-API-Key: eve-secret\r\n";
    EXPECT_EQ(status_of(chat_with(eve)), 200);
    EXPECT_EQ(status_of(chat_with(eve)), 200);
    reload(GUARDED);
    EXPECT_EQ(status_of(chat_with(eve)), 429);
}
TEST(callers, what_was_used_stays_used_through_a_reload)
{
    run(GUARDED, survives);
}

static void taken_away(void)
{
    static const char *const alice = "X-API-Key: alice-secret\r\n", *const eve = "X-API-Key: eve-secret\r\n";
    for (int i = 0; i < 3; i++) EXPECT_EQ(status_of(chat_with(alice)), 200);
    reload("auth:\n  keys:\n    - {name: alice, key: eve-secret}\nproviders:\n" PROVIDER_A MODEL_A);
    EXPECT_EQ(status_of(chat_with(alice)), 401);
    EXPECT_EQ(status_of(chat_with(eve)), 200);
}
TEST(callers, a_key_that_a_reload_takes_away_is_refused_however_lately_it_came)
{
    run(GUARDED, taken_away);
}

static void bad_reload(void)
{
    struct err err;
    struct config *c = load_config(
        KEYS "providers:\n  a: {kind: openai, base_url: \"https://h\", tls: {ca: /nowhere/ca.pem}}\n");
    for (size_t i = 0; i < c->tiers.count; i++) /* its figures are others */
        ((struct config_tier *)(uintptr_t)&c->tiers.at[i])->limits.requests_per_minute = 1;
    struct snapshot *fresh = build_snapshot(c, &err);
    EXPECT_NULL(fresh);
    EXPECT_TRUE(str_find(str_from_cstr(err.text), STR("/nowhere/ca.pem")) != SIZE_MAX);
    config_unref(&c);
    HAS(chat_with("X-API-Key: eve-secret\r\n"), "X-RateLimit-Limit-Minute: 2\r\n");
}
TEST(callers, a_reload_that_fails_leaves_their_limits_alone)
{
    run(GUARDED, bad_reload);
}

static void addresses(void)
{
    UPSTREAM(0, OK_ANSWER, OK_ANSWER);
    HAS(ASK_CHAT(""), "X-RateLimit-Remaining-Minute: 0\r\n");
    struct str reply = ASK_CHAT("");
    EXPECT_EQ(status_of(reply), 429);
    HAS(metrics_text(), "rate_limit_exceeded_total{identifier=\"ip\"} 1\n");
}
TEST(callers, without_a_key_the_address_is_limited)
{
    run("auth: {mode: \"off\"}\ntiers: {default: {requests_per_minute: 1, requests_per_hour: 0}}\nproviders:\n" PROVIDER_A
            MODEL_A,
        addresses);
}

static void provider_limit(void)
{
    UPSTREAM(0, OK_ANSWER);
    UPSTREAM(1, OK_ANSWER);
    HAS(ASK_CHAT(""), "X-Weir-Provider: a\r\n");
    HAS(ASK_CHAT(""), "X-Weir-Provider: b\r\n");
    EXPECT_EQ(breaker_of(0).total_calls, 2);
    EXPECT_EQ(provider_state_retry_after_ms(world.gateway->current->snapshot->providers[0].endpoints[0].state,
                                            fiber_now()),
              0);
    EXPECT_EQ(status_of(ask(post(CHAT, "", "{\"model\":\"only\"}"))), 429);
}
TEST(callers, a_provider_that_may_be_sent_no_more_is_passed_over)
{
    run(AUTH_OFF_YAML
        "providers:\n  a: {kind: openai, base_url: \"${A}\", requests_per_minute: 1}\n" PROVIDER_B
        "models: {m: {targets: [{provider: a, model: ma}, {provider: b, model: mb}]},"
        " only: {targets: [{provider: a, model: ma}]}}\n",
        provider_limit);
}

/* ---- what may be sent ---- */
static void types(void)
{
    static const struct {
        const char *lines;
        int status;
    } rows[] = {
        {"Content-Type: application/json\r\n", 200},
        {"Content-Type: APPLICATION/JSON;charset=utf-8\r\n", 200},
        {"Content-Type: application/vnd.x+json\r\n", 200},
        {"Content-Type: text/plain\r\n", 415},
        {"Content-Type: application/jsonx\r\n", 415},
        {"Content-Encoding: identity\r\n", 200},
        {"Content-Encoding: br\r\n", 415},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        EXPECT_THAT(status_of(chat_with(rows[i].lines)) == rows[i].status, "%s", rows[i].lines);
    struct str reply = ask(post(CHAT, "", "{\"model\":\"m\",}"));
    EXPECT_EQ(status_of(reply), 400);
    HAS(reply, "line 1, column 14");
}
TEST(callers, are_told_what_a_body_must_be)
{
    run(ONE, types);
}
