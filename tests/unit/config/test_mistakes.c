/* Files that are wrong, each with the exact sentence that says so. */
#include "config_test.h"

#include <stdio.h>

#define MODEL(options)                                                                                       \
    "providers: { p: { base_url: http://a } }\nmodels:\n  m:\n    targets: [ { provider: p, model: x } ]\n    " options

static const struct {
    const char *text, *want; /* the only error */
} mistakes[] = {
    /* keys */
    {"providers:\n  openai:\n    prioritty: 1\n",
     "weir.yaml:3: unknown key \"prioritty\" in providers.openai (did you mean \"priority\"?)"},
    {"shutdown: { zork: 1 }\n", "weir.yaml:1: unknown key \"zork\" in shutdown; allowed: drain, grace"},
    {"serve: {}\n", "weir.yaml:1: unknown key \"serve\" in the file (did you mean \"server\"?)"},
    {"server:\n  timeouts:\n    hed: 1s\n",
     "weir.yaml:3: unknown key \"hed\" in server.timeouts (did you mean \"head\"?)"},
    {"breaker: { timeout: 1s }\nproviders: { p: { base_url: http://a, breaker: { tiemout: 1s } } }\n",
     "weir.yaml:2: unknown key \"tiemout\" in providers.p.breaker (did you mean \"timeout\"?)"},
    {"auth: { keys: [ { name: a, key: b, rol: user } ] }\n",
     "weir.yaml:1: unknown key \"rol\" in auth.keys[0] (did you mean \"role\"?)"},
    {"log:\n  json: true\n  json: false\n",
     "weir.yaml:3: duplicate key \"json\"; it stands in line 2 already"},
    {"cache: { <<: 1 }\n",
     "weir.yaml:1: unknown key \"<<\" in cache; allowed: enabled, ttl, max_entries, max_bytes, "
     "max_entry, max_request, scope, stale_if_error"},
    /* shapes */
    {"server: 1\n", "weir.yaml:1: a text is not possible in server; allowed: a map"},
    {"shutdown: []\n", "weir.yaml:1: a list is not possible in shutdown; allowed: a map"},
    {"providers: [a]\n", "weir.yaml:1: a list is not possible in providers; allowed: a map"},
    {"providers: { p: x }\n", "weir.yaml:1: a text is not possible in providers.p; allowed: a map"},
    {"auth: { keys: x }\n", "weir.yaml:1: a text is not possible in auth.keys; allowed: a list of maps"},
    {"auth: { keys: [ x ] }\n", "weir.yaml:1: a text is not possible in auth.keys[0]; allowed: a map"},
    {"log: { level: [info] }\n",
     "weir.yaml:1: a list is not possible in log.level; allowed: debug, info, warn, error"},
    {"server: { listen: { a: b } }\n",
     "weir.yaml:1: a map is not possible in server.listen; allowed: ADDRESS:PORT, [ADDRESS]:PORT, :PORT or unix:/path"},
    {"providers: { p: { base_url: http://a, headers: [x] } }\n",
     "weir.yaml:1: a list is not possible in providers.p.headers; allowed: names of headers that do not frame or route "
     "the message, with texts of one line"},
    /* values */
    {"server:\n  workers: many\n",
     "weir.yaml:2: \"many\" is no whole number in server.workers; allowed: 0 to 128"},
    {"server: { workers: 129 }\n", "weir.yaml:1: \"129\" is too large in server.workers; allowed: 0 to 128"},
    {"server: { workers: -1 }\n", "weir.yaml:1: \"-1\" is too small in server.workers; allowed: 0 to 128"},
    {"server: { workers: 1e3 }\n",
     "weir.yaml:1: \"1e3\" is no whole number in server.workers; allowed: 0 to 128"},
    {"server: { max_body: 64KB }\n",
     "weir.yaml:1: \"64KB\" is no size in server.max_body; allowed: a size (4096, 64KiB, 10MiB), 1KiB to 1GiB"},
    {"server: { max_body: 1 }\n",
     "weir.yaml:1: \"1\" is too small in server.max_body; allowed: a size (4096, 64KiB, 10MiB), 1KiB to 1GiB"},
    {"shutdown: { grace: 30 }\n",
     "weir.yaml:1: \"30\" is no duration in shutdown.grace; allowed: a duration (250ms, 10s, 5m, 1h), 0 to 1d"},
    {"breaker: { failure_rate: 1.5 }\n",
     "weir.yaml:1: \"1.5\" is too large in breaker.failure_rate; allowed: 0 to 1"},
    {"breaker: { failure_rate: half }\n",
     "weir.yaml:1: \"half\" is no number in breaker.failure_rate; allowed: 0 to 1"},
    {"log: { json: maybe }\n",
     "weir.yaml:1: \"maybe\" is neither true nor false in log.json; allowed: true, false"},
    {"log: { level: inof }\n",
     "weir.yaml:1: \"inof\" is unknown in log.level; allowed: debug, info, warn, error (did you mean \"info\"?)"},
    {"auth: { public: [health, redy] }\n",
     "weir.yaml:1: \"redy\" is unknown in auth.public[1]; allowed: health, ready, "
     "docs, metrics (did you mean \"ready\"?)"},
    {"tiers: { pro: { budget_usd_per_day: $5 } }\n",
     "weir.yaml:1: \"$5\" is no sum of dollars in tiers.pro.budget_usd_per_day; allowed: 0 to 1000000000"},
    {"server: { listen: 0.0.0.0 }\n",
     "weir.yaml:1: \"0.0.0.0\" is not possible in server.listen; allowed: ADDRESS:PORT, "
     "[ADDRESS]:PORT, :PORT or unix:/path"},
    {"server: { cors_origins: [\"a.example\"] }\n",
     "weir.yaml:1: \"a.example\" is not possible in server.cors_origins[0]; "
     "allowed: \"*\" or scheme://host[:port]"},
    {"auth: { keys: [ { name: \"a b\", key: k } ] }\n",
     "weir.yaml:1: \"a b\" is not possible in auth.keys[0].name; allowed: visible ASCII without blanks, at most 128 characters"},
    {"providers: { a/b: { base_url: http://a } }\n",
     "weir.yaml:1: \"a/b\" is not possible as a name in providers; allowed: visible ASCII without blanks and \"/\", at most "
     "128 characters"},
    {"providers: { p: { base_url: http://a, headers: { Host: x } } }\n",
     "weir.yaml:1: \"Host\" is not possible as a name in providers.p.headers; allowed: names of headers that do not frame "
     "or route the message, with texts of one line"},
    {MODEL("hedge_after: p50\n"),
     "weir.yaml:5: \"p50\" is no duration in models.m.hedge_after; allowed: p95 or a duration (250ms, 10s, 5m, 1h), 0 to 1h"},
    {MODEL("strategy: fastest\n"),
     "weir.yaml:5: \"fastest\" is unknown in models.m.strategy; allowed: priority, weighted, round_robin, least_latency, "
     "least_busy, cheapest, prefix_affinity"},
    {MODEL("default_message: \"a\\0b\"\n"),
     "weir.yaml:5: \"a?b\" holds control characters or is not UTF-8 in models.m.default_message; allowed: text"},
    /* what may be a secret is not shown */
    {"providers: { p: { base_url: \"ftp://u:hunter2@h\" } }\n",
     "weir.yaml:1: the value (not shown) is not possible in providers.p.base_url; allowed: a URL: http://… or https://…, or unix:/path"},
    {"providers: {p: {base_url: http://a, proxy: \"https://u:s3cret@p:1\"}}",
     "weir.yaml:1: the value (not shown) is not possible in providers.p.proxy; allowed: http://[user:password@]host[:port], with %XX for what is special in user and password, or off"},
    {"auth: { keys: [ { name: a, key: \"hunter 2\" } ] }\n",
     "weir.yaml:1: the value (not shown) is not possible in auth.keys[0].key; allowed: visible ASCII characters, no blanks"},
    {"state: reddis://:hunter2@h\n",
     "weir.yaml:1: the value (not shown) is not possible in state; allowed: memory, "
     "redis://[:password@]host:6379/0 or rediss://…"},
    {"auth: { jwt: { sk-hunter2-0123456789abcdef: x } }\n",
     "weir.yaml:1: unknown key (not shown) in auth.jwt; allowed: secret, jwks_url, issuer, audience"},
    {"log: { level: \"${SECRET}\" }\n",
     "weir.yaml:1: \"${SECRET}\" is unknown in log.level; allowed: debug, info, warn, error"},
    {"auth: { keys: [ { name: a, key: k, tier: \"${SECRET}\" } ] }\n",
     "weir.yaml:1: \"${SECRET}\" in auth.keys[0].tier is not in tiers; allowed: default, unlimited"},
    /* what is missing */
    {"auth:\n  keys:\n    - { name: a }\n", "weir.yaml:3: \"key\" is missing in auth.keys[0]"},
    {"auth: { keys: [ { name: a, key: \"${NONE:-}\" } ] }\n",
     "weir.yaml:1: \"key\" is missing in auth.keys[0]"},
    {"providers: { p: { base_url: http://a } }\nmodels:\n  m:\n",
     "weir.yaml:3: \"targets\" is missing in models.m"},
    {"models: { m: { targets: [] } }\n", "weir.yaml:1: no target in models.m.targets; allowed: one or more"},
    {"providers: { p: { base_url: http://a } }\nmodels: { m: { targets: [ { provider: p } ] } }\n",
     "weir.yaml:2: \"model\" is missing in models.m.targets[0]"},
    {"providers:\n  lab: { api_key: x }\n",
     "weir.yaml:2: no base_url in providers.lab; allowed: a base_url, or preset: "
     "openai, groq, openrouter, together, ollama"},
    {"log: { level: ${LEVEL} }\n",
     "weir.yaml:1: not YAML: did not find expected ',' or '}' while parsing a flow mapping (a \"${…}\" between braces or "
     "brackets needs quotes around it)"},
    {"log:\n  level: ${LEVEL}\n", "weir.yaml:2: ${LEVEL} is not set and has no default, in log.level"},
    {"auth: { keys: [ { name: a, key: \"${file:/none}\" } ] }\n",
     "weir.yaml:1: ${file:…}: /none: no such file, in auth.keys[0].key"},
    /* what names what */
    {"providers: { openai: {} }\nmodels: { m: { targets: [ { provider: opnai, model: x } ] } }\n",
     "weir.yaml:2: \"opnai\" in models.m.targets[0].provider is not in providers (did you mean \"openai\"?)"},
    {"models: { m: { targets: [ { provider: openai, model: x } ] } }\n",
     "weir.yaml:1: \"openai\" in models.m.targets[0].provider is not in providers; there is none yet"},
    {"providers: { p: { preset: grok } }\n",
     "weir.yaml:1: \"grok\" in providers.p.preset is not a known preset (did you mean \"groq\"?)"},
    {MODEL("fallbacks: { context_window: [big] }\n"),
     "weir.yaml:5: \"big\" in models.m.fallbacks.context_window[0] is not in models; allowed: m"},
    {"auth: { keys: [ { name: a, key: k, tier: por } ] }\ntiers: { pro: { } }\n",
     "weir.yaml:1: \"por\" in auth.keys[0].tier is not in tiers (did you mean \"pro\"?)"},
    {"auth: { keys: [ { name: a, key: k, team: x } ] }\n",
     "weir.yaml:1: \"x\" in auth.keys[0].team is not in teams; there is none yet"},
    {"auth:\n  keys:\n    - { name: a, key: k }\n    - { name: a, key: l }\n",
     "weir.yaml:4: a second key with this name in auth.keys; allowed: each name once"},
    {"auth:\n  keys:\n    - { name: a, key: k }\n    - { name: b, key: k }\n",
     "weir.yaml:4: a second key with this key in auth.keys; allowed: each key once"},
    {"tiers: { unlimited: { requests_per_minute: 1 } }\n",
     "weir.yaml:1: the tier \"unlimited\" is built in and stays without limits; allowed: another name"},
    /* what one option asks of another */
    {"server: { listen: [127.0.0.1:1, 0.0.0.0:2] }\nauth: { mode: off }\n",
     "weir.yaml:2: \"off\" in auth.mode while server.listen lets other machines in; allowed: a loopback address in "
     "server.listen, or auth.anywhere: true"},
    {"server: { listen: [] }\n", "weir.yaml:1: no address in server.listen; allowed: one or more"},
    {"server: { max_buffered: lots }\n",
     "weir.yaml:1: \"lots\" is no size in server.max_buffered; allowed: a size (4096, 64KiB, 10MiB), 1MiB to 64TiB"},
    {"server: { max_body: 4MiB, max_buffered: 2MiB }\n",
     "weir.yaml:1: server.max_buffered is less than server.max_body; allowed: at least as much"},
    {"providers: { p: { base_url: http://a, tls: { cert: /c } } }\n",
     "weir.yaml:1: half a certificate in providers.p.tls; allowed: cert and key together"},
};

TEST(mistakes, each_has_its_sentence_with_file_and_line)
{
    for (size_t i = 0; i < ARRAY_COUNT(mistakes); i++) {
        struct world w = {.files = {{"weir.yaml", mistakes[i].text}},
                          .variables = {{"SECRET", "hunter2hunter2"}}};
        struct config_report report;
        struct config *c = world_load(&w, &report);
        EXPECT_THAT(!c && report.errors.count == 1, "%s: %zu errors", mistakes[i].text, report.errors.count);
        if (report.errors.count) EXPECT_STR_EQ(report.errors.at[0], mistakes[i].want);
        for (size_t k = 0; k < report.errors.count; k++)
            EXPECT_EQ(str_find(report.errors.at[k], STR("hunter2")), SIZE_MAX);
        config_unref(&c);
        config_report_done(&report);
    }
}

/* The errors of a world, one a line. Lives until the next call. */
static const char *errors_of(struct world *w)
{
    static char result[4000];
    struct config_report report;
    struct config *c = world_load(w, &report);
    size_t at = 0;
    result[0] = '\0';
    for (size_t i = 0; i < report.errors.count; i++)
        at += (size_t)snprintf(result + at, sizeof result - at, "%.*s\n", STR_ARG(report.errors.at[i]));
    EXPECT_TRUE((c == NULL) == (report.errors.count > 0));
    config_unref(&c);
    config_report_done(&report);
    return result;
}

TEST(mistakes, all_are_reported_in_the_order_of_their_lines)
{
    struct world w = {
        .files = {{"weir.yaml", "default_model: x\nzork: 1\nlog: { level: loud }\nserver: { workers: x }\n"
                                "models: { m: { targets: [ { provider: q, model: x } ] } }\nlog2: 1\n"}}};
    EXPECT_STR_EQ(
        errors_of(&w),
        "weir.yaml:2: unknown key \"zork\" in the file; allowed: server, shutdown, auth, tiers, teams, state, store, "
        "providers, https_proxy, no_proxy, models, default_model, breaker, cooldown, health, cache, services, content_types, tasks, "
        "local_models, metrics, log\n"
        "weir.yaml:3: \"loud\" is unknown in log.level; allowed: debug, info, warn, error\n"
        "weir.yaml:4: \"x\" is no whole number in server.workers; allowed: 0 to 128\n"
        "weir.yaml:5: \"q\" in models.m.targets[0].provider is not in providers; there is none yet\n"
        "weir.yaml:6: unknown key \"log2\" in the file (did you mean \"log\"?)\n");
}

TEST(mistakes, those_of_environment_and_flags_name_the_variable_or_flag)
{
    struct world w = {.variables = {{"LOG_LEVEL", "loud"},
                                    {"PORT", "http"},
                                    {"RATE_LIMIT", "-1"},
                                    {"DEBUG", "maybe"},
                                    {"OPENAI_API_KEY", "hunter 2"},
                                    {"GROQ_API_KEY_FILE", "/none"},
                                    {"WEIR_ENV", "../x"}},
                      .workers = "x"};
    EXPECT_STR_EQ(
        errors_of(&w),
        "environment WEIR_ENV: \"../x\" is no name of an environment; allowed: letters, digits, - and _\n");
    w.variables[6] = (struct given){0};
    EXPECT_STR_EQ(
        errors_of(&w),
        "environment OPENAI_API_KEY: the value (not shown) is not possible in providers.openai.api_key; allowed: "
        "visible ASCII characters, no blanks\n"
        "environment GROQ_API_KEY: GROQ_API_KEY_FILE: /none: no such file\n"
        "environment RATE_LIMIT: \"-1\" is too small in tiers.default.requests_per_minute; allowed: 0 to 1000000000\n"
        "environment DEBUG: \"maybe\" is neither true nor false\n"
        "environment LOG_LEVEL: \"loud\" is unknown in log.level; allowed: debug, info, warn, error\n"
        "environment PORT: \"127.0.0.1:http\" is not possible in server.listen; allowed: ADDRESS:PORT, "
        "[ADDRESS]:PORT, :PORT or unix:/path\n"
        "--workers: \"x\" is no whole number in server.workers; allowed: 0 to 128\n");
}

TEST(mistakes, those_of_a_variant_name_its_file)
{
    struct world w = {
        .files = {{"weir.yaml", "log: { level: info }\n"}, {"weir.testing.yaml", "\nlog: { levle: info }\n"}},
        .variables = {{"WEIR_ENV", "testing"}}};
    EXPECT_STR_EQ(errors_of(&w),
                  "weir.testing.yaml:2: unknown key \"levle\" in log (did you mean \"level\"?)\n");
}

TEST(mistakes, a_file_that_was_named_must_be_there)
{
    struct world w = {.file = "x/weir.yaml"};
    EXPECT_STR_EQ(errors_of(&w), "x/weir.yaml: no such file\n");
}

TEST(mistakes, an_unknown_default_model_is_a_warning_for_providers_may_list_it)
{
    struct world w = {.files = {{"weir.yaml", MODEL("attempts: 2\ndefault_model: gpt-4o\n")}}};
    struct config_report report;
    struct config *c = world_load(&w, &report);
    EXPECT_NOT_NULL(c);
    EXPECT_EQ(report.warnings.count, 1);
    EXPECT_STR_EQ(
        report.warnings.at[0],
        "weir.yaml:6: \"gpt-4o\" in default_model is not in models; it counts if a provider lists it");
    config_unref(&c);
    config_report_done(&report);
}

TEST(mistakes, the_report_is_bounded)
{
    char text[3000] = "";
    size_t at = 0;
    for (int i = 0; i < 70; i++) at += (size_t)snprintf(text + at, sizeof text - at, "zork%d: 1\n", i);
    struct world w = {.files = {{"weir.yaml", text}}};
    struct config_report report;
    struct config *c = world_load(&w, &report);
    EXPECT_NULL(c);
    EXPECT_EQ(report.errors.count, CONFIG_MAX_MESSAGES);
    EXPECT_STR_EQ(report.errors.at[CONFIG_MAX_MESSAGES - 1], "21 more are not shown");
    config_report_done(&report);
}
