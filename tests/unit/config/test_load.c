/* Loads that go well: every key of the contract, defaults, the order of force, presets, lookups. */
#include "config_test.h"

#include <stdio.h>

/* Every key there is, each with a value that is not the default. */
static const char everything[] =
    "server:\n"
    "  listen: [\"0.0.0.0:9000\", \"[::]:9000\", unix:/run/weir.sock]\n"
    "  workers: 3\n"
    "  max_body: 16MiB\n"
    "  max_connections: 5000\n"
    "  max_buffered: 2GiB\n"
    "  timeouts: { head: 11s, body: 61s, keep_alive: 76s }\n"
    "  cors_origins: [\"http://localhost:3000\", \"https://a.example\"]\n"
    "  trusted_proxies: [10.0.0.0/8]\n"
    "  tls: { cert: /c, key: /k, client_ca: /ca }\n"
    "  watch: on\n"
    "shutdown: { drain: 1s, grace: 31s }\n"
    "auth:\n"
    "  mode: keys\n"
    "  anywhere: true\n"
    "  keys: [ { name: alice, key: \"${ALICE_KEY}\", role: operator, tier: pro, team: research, models: [\"gpt-*\"] } ]\n"
    "  jwt: { secret: \"${API_KEY_SECRET}\", jwks_url: https://a.example/jwks, issuer: me, audience: you }\n"
    "  public: [health, ready, docs, metrics]\n"
    "tiers:\n"
    "  pro: { requests_per_minute: 600, requests_per_hour: 6000, requests_per_day: 60000, tokens_per_minute: 1,\n"
    "         tokens_per_day: 2, budget_usd_per_day: 1.5, budget_usd_per_month: 20, concurrent: 7 }\n"
    "teams: { research: { budget_usd_per_month: 500 } }\n"
    "state: redis://:pw@localhost:6379/0\n"
    "store: postgres://u:p@h/db\n"
    "providers:\n"
    "  openai:\n"
    "    kind: openai\n"
    "    preset: openai\n"
    "    base_url: https://api.openai.com/v1\n"
    "    base_urls: [https://b.example, https://c.example]\n"
    "    api_key: \"${OPENAI_API_KEY}\"\n"
    "    api_keys: [k2, k3]\n"
    "    apis: [chat, responses, embeddings, images, speech, transcriptions, moderations, completions, rerank]\n"
    "    model: gpt-4o-mini\n"
    "    priority: 2\n"
    "    requests_per_minute: 60\n"
    "    headers: { X-Extra: \"1\" }\n"
    "    stream_usage: native\n"
    "    proxy: http://proxy:3128\n"
    "    tls: { ca: /ca, cert: /c, key: /k, server_name: api.example }\n"
    "    api_version: 2024-10-21\n"
    "    deployment: d\n"
    "    breaker: { timeout: 5s }\n"
    "    cooldown: { failures: 3 }\n"
    "  anthropic: { kind: anthropic, base_url: https://api.anthropic.com, api_key: x, priority: 9 }\n"
    "models:\n"
    "  smart:\n"
    "    strategy: weighted\n"
    "    targets:\n"
    "      - { provider: anthropic, model: claude-sonnet-4-5, priority: 1, weight: 3 }\n"
    "      - { provider: openai, model: gpt-4o-mini, priority: 2 }\n"
    "    fallbacks: { context_window: [\"claude-*\"], content_policy: [openai/gpt-4o] }\n"
    "    timeouts: { connect: 6s, first_token: 121s, idle: 122s, reply: 11m, total: 16m }\n"
    "    attempts: 5\n"
    "    retry_wait: 3s\n"
    "    keepalive: 21s\n"
    "    hedge_after: p95\n"
    "    hedge_share: 0.1\n"
    "    min_tokens_per_second: 2.5\n"
    "    set: { temperature: 0, stop: [a, \"b\"], user: \"7\", deep: { x: ~, y: true } }\n"
    "    default: { top_p: 0.5 }\n"
    "    drop: [seed]\n"
    "    cache: { ttl: 2h, enabled: true }\n"
    "    default_message: |\n"
    "      Sorry.\n"
    "      Later.\n"
    "  claude-*: { targets: [ { provider: anthropic, model: \"*\" } ] }\n"
    "default_model: smart\n"
    "breaker: { failure_threshold: 6, success_threshold: 3, timeout: 61s, window_size: 101, failure_rate: 0.25 }\n"
    "cooldown: { rate_limited: 11m, server_error: 6m, timeout: 4m, failures: 2, max: 2h }\n"
    "health: { interval: 61s, timeout: 6s, generate: true }\n"
    "cache: { enabled: false, ttl: 2h, max_entries: 1001, max_bytes: 257MiB, max_entry: 2MiB, max_request: 65KiB,\n"
    "         scope: team, stale_if_error: 1m }\n"
    "services:\n"
    "  recommendation-service: { path: /api/v1/recommendations, url: \"${REC_URL:-http://rec:1}\", strip_path: true,\n"
    "                            retries: 3, timeouts: { connect: 3s, reply: 31s }, breaker: { window_size: 7 },\n"
    "                            websocket: false }\n"
    "content_types: { lesson-plan: { model: smart, system: \"You write lesson plans …\" } }\n"
    "tasks: { broker: redis://r, queue: q, names: { text: a.b, image: c.d, speech: e.f }, wait: 31s, keep: 25h, workers: 5 }\n"
    "local_models: { cache_size: 4, dir: m, memory: 8GiB }\n"
    "metrics: { auth: false, listen: 127.0.0.1:9100 }\n"
    "log: { level: warn, json: false, content: true }\n";

#define KEYS                                                                                                 \
    {"ALICE_KEY", "alice-secret"}, {"API_KEY_SECRET", "jwt-secret"},                                         \
    {                                                                                                        \
        "OPENAI_API_KEY", "k1"                                                                               \
    }

static struct config *load_everything(void)
{
    struct world w = {.files = {{"weir.yaml", everything}}, .variables = {KEYS}};
    return world_load_well(&w);
}

TEST(load, every_key_of_server_auth_and_tiers_arrives)
{
    struct config *c = load_everything();
    ASSERT_TRUE(c != NULL);
    const struct config_server *s = &c->server;
    EXPECT_EQ(s->listen.count, 3);
    EXPECT_STR_EQ(s->listen.at[2], "unix:/run/weir.sock");
    EXPECT_EQ(s->workers, 3);
    EXPECT_EQ(s->max_body_bytes, 16 << 20);
    EXPECT_EQ(s->max_connections, 5000);
    EXPECT_EQ(s->max_buffered_bytes, INT64_C(2) << 30);
    EXPECT_EQ(s->timeouts.head_ms + s->timeouts.body_ms + s->timeouts.keep_alive_ms, 11000 + 61000 + 76000);
    EXPECT_EQ(s->cors_origins.count, 2);
    EXPECT_STR_EQ(s->trusted_proxies.at[0], "10.0.0.0/8");
    EXPECT_STR_EQ(s->tls.client_ca, "/ca");
    EXPECT_TRUE(s->has_watch && c->auth.is_anywhere);
    EXPECT_EQ(c->shutdown.drain_ms, 1000);
    EXPECT_EQ(c->shutdown.grace_ms, 31000);
    const struct config_key *k = &c->auth.keys.at[0];
    EXPECT_STR_EQ(k->key, "alice-secret");
    EXPECT_EQ(k->role, CONFIG_ROLE_OPERATOR);
    EXPECT_STR_EQ(k->tier->name, "pro");
    EXPECT_STR_EQ(k->team->name, "research");
    EXPECT_STR_EQ(k->models.at[0], "gpt-*");
    EXPECT_STR_EQ(c->auth.jwt.secret, "jwt-secret");
    EXPECT_EQ(c->auth.public, PUBLIC_HEALTH | PUBLIC_READY | PUBLIC_DOCS | PUBLIC_METRICS);
    EXPECT_EQ(k->tier->limits.requests_per_minute, 600);
    EXPECT_EQ(k->tier->limits.budget_nanousd_per_day, 1500000000);
    EXPECT_EQ(k->tier->limits.concurrent, 7);
    EXPECT_EQ(k->team->limits.budget_nanousd_per_month, 500000000000);
    EXPECT_STR_EQ(c->state, "redis://:pw@localhost:6379/0");
    EXPECT_STR_EQ(c->store, "postgres://u:p@h/db");
    config_unref(&c);
}

TEST(load, every_key_of_a_provider_arrives)
{
    struct config *c = load_everything();
    ASSERT_TRUE(c != NULL);
    const struct config_provider *p = config_find_provider(c, STR("openai"));
    EXPECT_EQ(p->kind, KIND_OPENAI);
    EXPECT_TRUE(p->is_built);
    EXPECT_STR_EQ(p->base_url, "https://api.openai.com/v1");
    EXPECT_STR_EQ(p->base_urls.at[1], "https://c.example");
    EXPECT_EQ(p->api_keys.count, 3);
    EXPECT_STR_EQ(p->api_keys.at[0], "k1");
    EXPECT_STR_EQ(p->api_keys.at[2], "k3");
    EXPECT_EQ(p->apis, (API_RERANK << 1) - 1);
    EXPECT_EQ(p->priority, 2);
    EXPECT_EQ(p->requests_per_minute, 60);
    EXPECT_STR_EQ(p->headers.at[0].name, "X-Extra");
    EXPECT_STR_EQ(p->headers.at[0].value, "1");
    EXPECT_EQ(p->stream_usage, STREAM_USAGE_NATIVE);
    EXPECT_STR_EQ(p->tls.server_name, "api.example");
    EXPECT_STR_EQ(p->api_version, "2024-10-21");
    EXPECT_EQ(p->breaker.timeout_ms, 5000);     /* its own */
    EXPECT_EQ(p->breaker.failure_threshold, 6); /* the global one */
    EXPECT_EQ(p->cooldown.failures, 3);
    EXPECT_EQ(p->cooldown.rate_limited_ms, 660000);
    EXPECT_STR_EQ(c->providers.at[0].name, "anthropic"); /* the higher priority */
    EXPECT_FALSE(c->providers.at[0].is_built);
    config_unref(&c);
}

TEST(load, every_key_of_a_model_arrives)
{
    struct config *c = load_everything();
    ASSERT_TRUE(c != NULL);
    const struct config_model *m = config_find_model(c, STR("smart"));
    EXPECT_EQ(m->strategy, STRATEGY_WEIGHTED);
    EXPECT_STR_EQ(m->targets.at[0].provider->name, "openai"); /* the higher priority */
    EXPECT_STR_EQ(m->targets.at[1].model, "claude-sonnet-4-5");
    EXPECT_EQ(m->targets.at[1].weight, 3);
    EXPECT_STR_EQ(m->fallbacks.context_window.at[0], "claude-*");
    EXPECT_EQ(m->timeouts.connect_ms, 6000);
    EXPECT_EQ(m->timeouts.first_token_ms, 121000);
    EXPECT_EQ(m->timeouts.idle_ms, 122000);
    EXPECT_EQ(m->timeouts.reply_ms, 660000);
    EXPECT_EQ(m->timeouts.total_ms, 960000);
    EXPECT_EQ(m->attempts, 5);
    EXPECT_EQ(m->retry_wait_ms + m->keepalive_ms, 24000);
    EXPECT_EQ(m->hedge_after_ms, HEDGE_AFTER_P95);
    EXPECT_NEAR(m->hedge_share, 0.1, 1e-9);
    EXPECT_NEAR(m->min_tokens_per_second, 2.5, 1e-9);
    EXPECT_EQ(m->set.count, 4);
    EXPECT_STR_EQ(m->set.at[0].value, "0");
    EXPECT_STR_EQ(m->set.at[1].value, "[\"a\",\"b\"]");
    EXPECT_STR_EQ(m->set.at[2].value, "\"7\"");
    EXPECT_STR_EQ(m->set.at[3].value, "{\"x\":null,\"y\":true}");
    EXPECT_STR_EQ(m->defaults.at[0].value, "0.5");
    EXPECT_STR_EQ(m->drop.at[0], "seed");
    EXPECT_EQ(m->cache.ttl_ms, 7200000);
    EXPECT_TRUE(m->cache.is_enabled);
    EXPECT_STR_EQ(m->default_message, "Sorry.\nLater.\n");
    config_unref(&c);
}

TEST(load, every_other_key_arrives)
{
    struct config *c = load_everything();
    ASSERT_TRUE(c != NULL);
    EXPECT_STR_EQ(c->default_model, "smart");
    EXPECT_EQ(c->breaker.success_threshold, 3);
    EXPECT_EQ(c->breaker.window_size, 101);
    EXPECT_NEAR(c->breaker.failure_rate, 0.25, 1e-9);
    EXPECT_EQ(c->cooldown.max_ms, 7200000);
    EXPECT_EQ(c->health.interval_ms + c->health.timeout_ms, 67000);
    EXPECT_TRUE(c->health.wants_generate && !c->cache.is_enabled);
    EXPECT_EQ(c->cache.max_request_bytes, 65 << 10);
    EXPECT_EQ(c->cache.scope, CACHE_SCOPE_TEAM);
    EXPECT_EQ(c->cache.stale_if_error_ms, 60000);
    const struct config_service *s = &c->services.at[0];
    EXPECT_STR_EQ(s->url, "http://rec:1");
    EXPECT_EQ(s->timeouts.reply_ms, 31000);
    EXPECT_EQ(s->breaker.window_size, 7);
    EXPECT_EQ(s->breaker.failure_threshold, 6);
    EXPECT_TRUE(s->wants_strip_path && !s->has_websocket);
    EXPECT_STR_EQ(c->content_types.at[0].system, "You write lesson plans …");
    EXPECT_STR_EQ(c->tasks.names.speech, "e.f");
    EXPECT_EQ(c->tasks.keep_ms, 90000000);
    EXPECT_EQ(c->local_models.memory_bytes, INT64_C(8) << 30);
    EXPECT_STR_EQ(c->metrics.listen, "127.0.0.1:9100");
    EXPECT_EQ(c->log.level, LOG_LEVEL_WARN);
    EXPECT_TRUE(!c->metrics.has_auth && !c->log.is_json && c->log.has_content);
    config_unref(&c);
}

TEST(load, proxies_come_from_the_environment_and_the_file)
{
    struct world w = {
        .files = {{"weir.yaml", "https_proxy: http://file:1\nno_proxy: file.example\n"
                                "providers: {p: {proxy: off, base_url: http://a, exact_base_url: true,"
                                " max_connections: 8}, q: {base_url: unix:/run/q.sock}}\n"}}};
    struct config_report report;
    struct config *c = world_load(&w, &report);
    ASSERT_TRUE(c != NULL);
    EXPECT_STR_EQ(c->https_proxy, "http://file:1");
    EXPECT_EQ(c->no_proxy.count, 1);
    const struct config_provider *p = config_find_provider(c, STR("p"));
    EXPECT_STR_EQ(p->proxy, "off");
    EXPECT_TRUE(p->wants_exact_url && p->max_connections == 8);
    EXPECT_STR_EQ(config_find_provider(c, STR("q"))->base_url, "unix:/run/q.sock");
    config_unref(&c);
    config_report_done(&report);
    static const struct world more = {.variables = {{"HTTPS_PROXY", "http://u:pw@env:3128"},
                                                    {"NO_PROXY", "localhost, .corp,10.0.0.0/8 ,*"}}};
    memcpy(w.variables, more.variables, sizeof w.variables);
    c = world_load(&w, &report);
    ASSERT_TRUE(c != NULL);
    EXPECT_STR_EQ(c->https_proxy, "http://u:pw@env:3128");
    EXPECT_EQ(c->no_proxy.count, 4);
    EXPECT_STR_EQ(c->no_proxy.at[2], "10.0.0.0/8");
    config_unref(&c);
    config_report_done(&report);
}

TEST(load, what_is_not_built_yet_is_named_in_one_warning)
{
    struct world w = {
        .files = {{"weir.yaml",
                   "cache:\n  ttl: 2h\nhealth: { interval: 60s }\ncooldown: {}\n"
                   "models: {a: {strategy: cheapest, hedge_after: 0, targets: [{provider: p, model: m}]}}\n"
                   "providers: {p: {kind: gemini, base_url: http://a, tls: {cert: /c, key: /k}}}\n"}},
        .variables = {
            {"QDRANT_URL", "http://q"}, {"REDIS_URL", "redis://:secret@h"}, {"GEMINI_API_KEY", "x"}}};
    struct config_report report;
    struct config *c = world_load(&w, &report);
    EXPECT_NOT_NULL(c);
    EXPECT_EQ(report.warnings.count, 1);
    EXPECT_STR_EQ(
        report.warnings.at[0],
        "not built yet, so accepted without effect: QDRANT_URL (environment), state (environment REDIS_URL), "
        "cache (weir.yaml:1), providers.p.kind \"gemini\" (weir.yaml:6), models.a.strategy \"cheapest\" (weir.yaml:5)");
    config_unref(&c);
    config_report_done(&report);
}

TEST(load, nothing_at_all_gives_the_defaults_of_the_contract)
{
    struct world w = {0};
    struct config_report report;
    struct config *c = world_load(&w, &report);
    ASSERT_TRUE(c != NULL);
    EXPECT_EQ(report.warnings.count, 0);
    EXPECT_STR_EQ(c->file, "");
    EXPECT_STR_EQ(c->server.listen.at[0], "127.0.0.1:8080");
    EXPECT_EQ(c->server.max_body_bytes, 32 << 20);
    EXPECT_EQ(c->server.max_buffered_bytes, 1 << 30);
    EXPECT_EQ(c->server.timeouts.keep_alive_ms, 75000);
    EXPECT_EQ(c->auth.mode, AUTH_KEYS);
    EXPECT_EQ(c->auth.public, PUBLIC_HEALTH | PUBLIC_READY | PUBLIC_DOCS);
    EXPECT_EQ(c->default_tier->limits.requests_per_minute, 60);
    EXPECT_EQ(c->default_tier->limits.requests_per_hour, 1000);
    EXPECT_EQ(c->unlimited_tier->limits.requests_per_minute, 0);
    EXPECT_STR_EQ(c->default_model, "auto");
    EXPECT_EQ(c->model_defaults.attempts, 4);
    EXPECT_EQ(c->model_defaults.timeouts.total_ms, 900000);
    EXPECT_EQ(c->model_defaults.keepalive_ms, 20000);
    EXPECT_EQ(c->breaker.timeout_ms, 60000);
    EXPECT_EQ(c->cache.max_bytes, 256 << 20);
    EXPECT_TRUE(c->metrics.has_auth && c->log.is_json);
    EXPECT_EQ(c->providers.count + c->models.count + c->auth.keys.count, 0);
    config_unref(&c);
    config_report_done(&report);
}

TEST(load, raw_texts_mean_what_the_row_says)
{
    struct config *c = load_text(
        "auth: { mode: off }\nserver: { workers: 010, max_body: 0002048 }\n"
        "log: { json: NO }\nproviders: { p: { base_url: http://a, model: 1e3, headers: {X-On: on} } }\n");
    ASSERT_TRUE(c != NULL);
    EXPECT_EQ(c->auth.mode, AUTH_OFF);
    EXPECT_EQ(c->server.workers, 10);
    EXPECT_EQ(c->server.max_body_bytes, 2048);
    EXPECT_FALSE(c->log.is_json);
    EXPECT_STR_EQ(c->providers.at[0].model, "1e3");
    EXPECT_STR_EQ(c->providers.at[0].headers.at[0].value, "on");
    config_unref(&c);
}

TEST(load, an_empty_value_means_the_default)
{
    struct config *c = load_text(
        "server:\n  listen:\n  workers: ~\n  cors_origins: [\"${NONE:-}\"]\nlog: { level: \"\" }\n"
        "auth:\ntiers: { default: }\nproviders: { p: { base_url: http://a, api_key: \"${NONE:-}\" } }\n");
    ASSERT_TRUE(c != NULL);
    EXPECT_STR_EQ(c->server.listen.at[0], "127.0.0.1:8080");
    EXPECT_EQ(c->server.cors_origins.count, 0);
    EXPECT_EQ(c->log.level, LOG_LEVEL_INFO);
    EXPECT_EQ(c->default_tier->limits.requests_per_hour, 1000);
    EXPECT_EQ(c->providers.at[0].api_keys.count, 0);
    EXPECT_EQ(c->providers.at[0].kind, KIND_OPENAI);
    config_unref(&c);
}

TEST(load, flags_win_over_environment_over_file_over_default)
{
    const char *file = "server: { listen: '0.0.0.0:1000', workers: 1 }\nlog: { level: error }\n";
    struct world w = {.files = {{"weir.yaml", file}}};
    struct config *c = world_load_well(&w);
    EXPECT_STR_EQ(c->server.listen.at[0], "0.0.0.0:1000");
    config_unref(&c);
    w.variables[0] = (struct given){"PORT", "2000"};
    w.variables[1] = (struct given){"LOG_LEVEL", "DEBUG"};
    c = world_load_well(&w);
    EXPECT_STR_EQ(c->server.listen.at[0], "0.0.0.0:2000");
    EXPECT_EQ(c->log.level, LOG_LEVEL_DEBUG);
    config_unref(&c);
    w.variables[2] = (struct given){"API_PORT", "3000"};
    w.variables[3] = (struct given){"API_HOST", "::1"};
    c = world_load_well(&w);
    EXPECT_STR_EQ(c->server.listen.at[0], "[::1]:3000");
    config_unref(&c);
    w.listen[0] = "127.0.0.1:4000";
    w.listen[1] = "unix:/x";
    w.workers = "9";
    c = world_load_well(&w);
    EXPECT_EQ(c->server.listen.count, 2);
    EXPECT_STR_EQ(c->server.listen.at[0], "127.0.0.1:4000");
    EXPECT_EQ(c->server.workers, 9);
    config_unref(&c);
}

TEST(load, the_environment_sets_limits_breaker_origins_and_log)
{
    struct world w = {.variables = {{"RATE_LIMIT", "7"},
                                    {"RATE_LIMIT_PER_HOUR", "8"},
                                    {"CIRCUIT_BREAKER_TIMEOUT", "60"},
                                    {"CIRCUIT_BREAKER_FAILURE_THRESHOLD", "9"},
                                    {"CORS_ORIGINS", "http://a:1, http://b"},
                                    {"DEBUG", "True"},
                                    {"LOG_JSON", "false"}}};
    struct config *c = world_load_well(&w);
    ASSERT_TRUE(c != NULL);
    EXPECT_EQ(c->default_tier->limits.requests_per_minute, 7);
    EXPECT_EQ(c->default_tier->limits.requests_per_hour, 8);
    EXPECT_EQ(c->breaker.timeout_ms, 60000);
    EXPECT_EQ(c->breaker.failure_threshold, 9);
    EXPECT_STR_EQ(c->server.cors_origins.at[1], "http://b");
    EXPECT_EQ(c->log.level, LOG_LEVEL_DEBUG);
    EXPECT_FALSE(c->log.is_json);
    config_unref(&c);
    w.variables[0] = (struct given){"RATE_LIMIT_PER_MINUTE", "10"};
    w.variables[1] = (struct given){"RATE_LIMIT", "7"};
    w.variables[2] = (struct given){"LOG_LEVEL", "warning"};
    c = world_load_well(&w);
    EXPECT_EQ(c->default_tier->limits.requests_per_minute, 10);
    EXPECT_EQ(c->log.level, LOG_LEVEL_WARN);
    config_unref(&c);
}

TEST(load, the_environment_adds_keys_to_those_of_the_file)
{
    struct world w = {
        .files = {{"weir.yaml", "auth: { keys: [ { name: a, key: one } ] }\n"}, {"/run/admin", "four\n"}},
        .variables = {{"API_KEYS", "two, three"}, {"WEIR_ADMIN_KEY_FILE", "/run/admin"}}};
    struct config *c = world_load_well(&w);
    ASSERT_TRUE(c != NULL);
    EXPECT_EQ(c->auth.keys.count, 4);
    EXPECT_STR_EQ(c->auth.keys.at[1].name, "env-1");
    EXPECT_STR_EQ(c->auth.keys.at[2].key, "three");
    EXPECT_EQ(c->auth.keys.at[2].role, CONFIG_ROLE_USER);
    EXPECT_TRUE(c->auth.keys.at[2].tier == c->default_tier);
    EXPECT_STR_EQ(c->auth.keys.at[2].models.at[0], "*");
    EXPECT_STR_EQ(c->auth.keys.at[3].name, "admin");
    EXPECT_STR_EQ(c->auth.keys.at[3].key, "four");
    EXPECT_EQ(c->auth.keys.at[3].role, CONFIG_ROLE_ADMIN);
    EXPECT_TRUE(c->auth.keys.at[3].tier == c->unlimited_tier);
    config_unref(&c);
}

TEST(load, keys_of_the_environment_add_providers_only_when_the_file_has_none)
{
    struct world w = {.files = {{"weir.yaml", "providers:\n"}},
                      .variables = {{"OPENAI_API_KEY", "a"}, {"GROQ_API_KEY", "b"}, {"OLLAMA_HOST", "gpu"}}};
    struct config *c = world_load_well(&w);
    ASSERT_TRUE(c != NULL);
    EXPECT_EQ(c->providers.count, 3);
    EXPECT_STR_EQ(c->providers.at[1].name, "groq");
    EXPECT_STR_EQ(c->providers.at[1].preset, "groq");
    EXPECT_STR_EQ(c->providers.at[1].api_keys.at[0], "b");
    EXPECT_STR_EQ(c->providers.at[2].base_url, "http://gpu:11434");
    config_unref(&c);
    w.files[0].text = "providers: { lab: { base_url: http://a } }\n";
    c = world_load_well(&w);
    EXPECT_EQ(c->providers.count, 1);
    config_unref(&c);
    w.files[0].text = "providers: {}\n";
    c = world_load_well(&w);
    EXPECT_EQ(c->providers.count, 0);
    config_unref(&c);
}

TEST(load, ollamas_host_may_lack_scheme_and_port)
{
    static const char *const hosts[][2] = {{"h", "http://h:11434"},          {"h:1", "http://h:1"},
                                           {"http://h:1/x", "http://h:1/x"}, {"https://h", "https://h"},
                                           {"[::1]", "http://[::1]:11434"},  {"[::1]:2", "http://[::1]:2"}};
    for (size_t i = 0; i < ARRAY_COUNT(hosts); i++) {
        struct world w = {.variables = {{"OLLAMA_HOST", hosts[i][0]}}};
        struct config *c = world_load_well(&w);
        ASSERT_TRUE(c != NULL);
        EXPECT_STR_EQ(c->providers.at[0].base_url, hosts[i][1]);
        config_unref(&c);
    }
}

TEST(load, a_variant_of_the_environment_is_merged_over_the_file)
{
    struct world w = {
        .files = {{"etc/weir.yaml", "log: { level: error, json: false }\nserver: { listen: [':1', ':2'] }\n"
                                    "tiers: { pro: { requests_per_minute: 5 } }\n"},
                  {"etc/weir.production.yaml", "log: { level: warn }\nserver: { listen: [':3'] }\n"
                                               "tiers: { max: { requests_per_minute: 6 } }\n"},
                  {"etc/.env", "FLASK_ENV=production\nLEVEL=x\n"}},
        .file = "etc/weir.yaml"};
    struct config *c = world_load_well(&w);
    ASSERT_TRUE(c != NULL);
    EXPECT_STR_EQ(c->file, "etc/weir.yaml");
    EXPECT_EQ(c->log.level, LOG_LEVEL_WARN);
    EXPECT_FALSE(c->log.is_json);
    EXPECT_EQ(c->server.listen.count, 1);
    EXPECT_TRUE(config_find_tier(c, STR("pro")) && config_find_tier(c, STR("max")));
    config_unref(&c);
    w.variables[0] = (struct given){"WEIR_ENV", "testing"}; /* wins; there is no such file */
    c = world_load_well(&w);
    EXPECT_EQ(c->log.level, LOG_LEVEL_ERROR);
    config_unref(&c);
}

TEST(load, presets_come_by_name_then_by_kind)
{
    struct config *c = load_text(
        "providers:\n  groq: { api_key: a }\n  mine: { kind: openai, api_key: a }\n"
        "  together: { kind: openai, base_url: http://a }\n  sim: { kind: simulator }\n"
        "  lab: { preset: openrouter, base_url: http://b }\n");
    ASSERT_TRUE(c != NULL);
    EXPECT_STR_EQ(config_find_provider(c, STR("groq"))->preset, "groq");
    EXPECT_EQ(config_find_provider(c, STR("groq"))->kind, KIND_FROM_PRESET);
    EXPECT_STR_EQ(config_find_provider(c, STR("mine"))->preset, "openai");
    EXPECT_STR_EQ(config_find_provider(c, STR("together"))->preset, "");
    EXPECT_EQ(config_find_provider(c, STR("sim"))->kind, KIND_SIMULATOR);
    EXPECT_STR_EQ(config_find_provider(c, STR("lab"))->preset, "openrouter");
    EXPECT_STR_EQ(config_find_provider(c, STR("lab"))->base_url, "http://b");
    config_unref(&c);
}

TEST(load, an_exact_model_wins_then_the_pattern_with_most_letters)
{
    struct config *c = load_text("providers: { p: { base_url: http://a } }\nmodels:\n"
                                 "  \"*\": &t { targets: [ { provider: p, model: \"*\" } ] }\n"
                                 "  claude-*: *t\n  claude-sonnet-*: *t\n  claude-sonnet-4: *t\n");
    ASSERT_TRUE(c != NULL);
    static const char *const asked[][2] = {{"claude-sonnet-4", "claude-sonnet-4"},
                                           {"claude-sonnet-9", "claude-sonnet-*"},
                                           {"claude-x", "claude-*"},
                                           {"gpt", "*"}};
    for (size_t i = 0; i < ARRAY_COUNT(asked); i++)
        EXPECT_STR_EQ(config_find_model(c, str_from_cstr(asked[i][0]))->name, asked[i][1]);
    config_unref(&c);
}

TEST(load, a_hundred_providers_keep_their_order_within_a_priority)
{
    char text[8000] = "providers:\n";
    size_t at = strlen(text);
    for (int i = 0; i < 100; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "  p%d: { base_url: http://a, priority: %d }\n",
                               i, i % 3);
    struct config *c = load_text(text);
    ASSERT_TRUE(c != NULL);
    EXPECT_STR_EQ(c->providers.at[0].name, "p2");
    EXPECT_STR_EQ(c->providers.at[1].name, "p5");
    EXPECT_STR_EQ(c->providers.at[99].name, "p99");
    EXPECT_STR_EQ(config_find_provider(c, STR("p50"))->name, "p50");
    config_unref(&c);
}
