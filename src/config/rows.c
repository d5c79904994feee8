/* config/rows.c: the top of the configuration, its sections about the server and its callers, and the questions that
 * are asked of rows. Providers and models: rows_models.c; the rest: rows_services.c. */
#include "config/rows.h"

#include "config/rows_define.h"
#include "config/value.h"

// clang-format off
#define S struct config_server
static const struct option server_timeout_rows[] = {
    {"head", DURATION_AT(S, timeouts.head_ms), .max = HOUR_MS, .def = "10s",
     .help = "How long a request's line and headers may take to arrive; then 408. 0 is no limit."},
    {"body", DURATION_AT(S, timeouts.body_ms), .max = DAY_MS, .def = "60s",
     .help = "How long a caller may pause within a request's body; then 408. 0 is no limit."},
    {"keep_alive", DURATION_AT(S, timeouts.keep_alive_ms), .max = DAY_MS, .def = "75s",
     .help = "How long an idle connection is kept for the next request."},
};
static const struct option_group server_timeouts = {GROUP_OF(0, server_timeout_rows)};

static const struct option server_tls_rows[] = {
    {"cert", STRING_AT(S, tls.cert), .judge = judge_line, .allowed = PATH_ALLOWED,
     .help = "The server's certificate chain, a PEM file."},
    {"key", STRING_AT(S, tls.key), .judge = judge_line, .allowed = PATH_ALLOWED,
     .help = "The certificate's private key, a PEM file."},
    {"client_ca", STRING_AT(S, tls.client_ca), .judge = judge_line, .allowed = PATH_ALLOWED,
     .help = "Callers must show a certificate that one of this PEM file's authorities has signed."},
};
static const struct option_group server_tls = {GROUP_OF(0, server_tls_rows)};

static const struct option server_rows[] = {
    {"listen", STRINGS_AT(S, listen), OPTION_RESTART, .def = "127.0.0.1:8080", .judge = judge_listen,
     .allowed = "ADDRESS:PORT, [ADDRESS]:PORT, :PORT or unix:/path",
     .help = "The addresses to listen on: one, or a list."},
    {"workers", INT_AT(S, workers), OPTION_RESTART, .max = 128, .unit = "threads", .def = "0",
     .help = "Threads that serve requests; 0 is as many as processor affinity and the cgroup's quota allow."},
    {"max_body", SIZE_AT(S, max_body_bytes), .min = KIB, .max = GIB, .def = "32MiB",
     .help = "The largest request body; over it 413."},
    {"max_connections", INT_AT(S, max_connections), .max = 10000000, .unit = "connections", .def = "0",
     .help = "Connections of callers at once; 0 is half of what the descriptor limit leaves, after 512 are set aside."},
    {"max_buffered", SIZE_AT(S, max_buffered_bytes), .min = MIB, .max = 64 * TIB, .def = "1GiB",
     .help = "All request and reply bodies held at once; over it 503."},
    {"timeouts", INNER_GROUP, .group = &server_timeouts, .help = "What a slow caller is allowed."},
    {"cors_origins", STRINGS_AT(S, cors_origins), .judge = judge_origin,
     .allowed = "\"*\" or scheme://host[:port]", .help = "Origins whose web pages may call; none by default."},
    {"trusted_proxies", STRINGS_AT(S, trusted_proxies), .judge = judge_network,
     .allowed = "addresses and networks such as 10.0.0.0/8, or unix",
     .help = "Whose X-Forwarded-For counts. unix: of whoever reaches a unix socket."},
    {"tls", INNER_GROUP, .group = &server_tls,
     .help = "Serves HTTPS instead of HTTP, on every address but unix sockets. The files are read again at a reload."},
    {"watch", BOOL_AT(S, has_watch), OPTION_LATER, .def = "false",
     .help = "Reloads by itself when the file changes."},
};
#undef S
static const struct option_group server_options = {GROUP_OF(sizeof(struct config_server), server_rows)};

static const struct option shutdown_rows[] = {
    {"drain", DURATION_AT(struct config_shutdown, drain_ms), .max = HOUR_MS, .def = "0s",
     .help = "After SIGTERM: how long requests are still accepted while readiness says 503, so that load balancers notice."},
    {"grace", DURATION_AT(struct config_shutdown, grace_ms), .max = DAY_MS, .def = "30s",
     .help = "After that: how long running requests may take to finish."},
};
static const struct option_group shutdown_options = {GROUP_OF(sizeof(struct config_shutdown), shutdown_rows)};

const struct option_choice role_choices[] = {
    {"user", CONFIG_ROLE_USER, CHOICE_PLAIN}, {"operator", CONFIG_ROLE_OPERATOR, CHOICE_PLAIN},
    {"admin", CONFIG_ROLE_ADMIN, CHOICE_PLAIN}, {0},
};
static const struct option_choice auth_mode_choices[] = {
    {"keys", AUTH_KEYS, CHOICE_PLAIN}, {"off", AUTH_OFF, CHOICE_PLAIN}, {0},
};
static const struct option_choice public_choices[] = {
    {"health", PUBLIC_HEALTH, CHOICE_PLAIN}, {"ready", PUBLIC_READY, CHOICE_PLAIN},
    {"docs", PUBLIC_DOCS, CHOICE_PLAIN}, {"metrics", PUBLIC_METRICS, CHOICE_PLAIN}, {0},
};

#define S struct config_key
static const struct option key_rows[] = {
    {"name", STRING_AT(S, name), OPTION_REQUIRED, .judge = judge_name,
     .allowed = "visible ASCII without blanks, at most 128 characters",
     .help = "What logs, metrics and limits call its owner."},
    {"key", STRING_AT(S, key), OPTION_REQUIRED | OPTION_SECRET, .judge = judge_secret, .allowed = SECRET_ALLOWED,
     .help = "The secret that a caller sends."},
    {"role", ENUM_AT(S, role), .choices = role_choices, .def = "user",
     .help = "user calls models; operator also watches and resets; admin also changes."},
    {"tier", STRING_AT(S, tier_name), .refers = REF_TIER,
     .help = "Whose limits hold. Without it `default`; for admin keys `unlimited`, which is built in."},
    {"team", STRING_AT(S, team_name), OPTION_LATER, .refers = REF_TEAM,
     .help = "Whose limits hold, too, together with the team's other keys."},
    {"models", STRINGS_AT(S, models), .def = "*", .judge = judge_name, .allowed = "names; * stands for anything",
     .help = "The model names that may be asked for."},
};
#undef S
static const struct option_group key_options = {GROUP_OF(sizeof(struct config_key), key_rows)};

#define S struct config_auth
static const struct option jwt_rows[] = {
    {"secret", STRING_AT(S, jwt.secret), OPTION_SECRET, .judge = judge_line, .allowed = "one line of text",
     .help = "Signs tokens (HS256)."},
    {"jwks_url", STRING_AT(S, jwt.jwks_url), .judge = judge_url, .allowed = URL_ALLOWED,
     .help = "Where the keys are that verify tokens."},
    {"issuer", STRING_AT(S, jwt.issuer), .help = "What `iss` must say."},
    {"audience", STRING_AT(S, jwt.audience), .help = "What `aud` must hold."},
};
static const struct option_group jwt_options = {GROUP_OF(0, jwt_rows)};

static const struct option auth_rows[] = {
    {"mode", ENUM_AT(S, mode), .choices = auth_mode_choices, .def = "keys",
     .help = "`off` asks nobody for a key; everyone is then a user, and admin routes answer this machine alone."},
    {"anywhere", BOOL_AT(S, is_anywhere), .def = "false",
     .help = "Lets mode `off` listen on addresses that others can reach."},
    {"keys", LIST_AT(S, keys), .group = &key_options, .help = "Who may call."},
    {"jwt", INNER_GROUP, OPTION_LATER, .group = &jwt_options,
     .help = "Accepts signed tokens instead of keys; claims sub, role, tier, team, exp, nbf."},
    {"public", FLAGS_AT(S, public), .choices = public_choices, .def = "health, ready, docs",
     .help = "What answers without a key."},
};
#undef S
static const struct option_group auth_options = {GROUP_OF(sizeof(struct config_auth), auth_rows)};

#define S struct config_limits
static const struct option limit_rows[] = {
    {"requests_per_minute", INT_AT(S, requests_per_minute), .max = 1000000000, .unit = "requests", .def = "0",
     .help = "Requests in a minute; 0 is no limit. The tier `default` has 60."},
    {"requests_per_hour", INT_AT(S, requests_per_hour), .max = 1000000000, .unit = "requests", .def = "0",
     .help = "Requests in an hour; 0 is no limit. The tier `default` has 1000."},
    {"requests_per_day", INT_AT(S, requests_per_day), .max = 1000000000, .unit = "requests", .def = "0",
     .help = "Requests in a day; 0 is no limit."},
    {"tokens_per_minute", INT_AT(S, tokens_per_minute), OPTION_LATER, .max = 1000000000000, .unit = "tokens", .def = "0",
     .help = "Tokens, read and written, in a minute; 0 is no limit."},
    {"tokens_per_day", INT_AT(S, tokens_per_day), OPTION_LATER, .max = 1000000000000, .unit = "tokens", .def = "0",
     .help = "Tokens in a day; 0 is no limit."},
    {"budget_usd_per_day", MONEY_AT(S, budget_nanousd_per_day), OPTION_LATER, .max = 1000000000, .unit = "dollars", .def = "0",
     .help = "What may be spent in a day; 0 is no limit."},
    {"budget_usd_per_month", MONEY_AT(S, budget_nanousd_per_month), OPTION_LATER, .max = 1000000000, .unit = "dollars", .def = "0",
     .help = "What may be spent in a month; 0 is no limit."},
    {"concurrent", INT_AT(S, concurrent), OPTION_LATER, .max = 1000000, .unit = "requests", .def = "0",
     .help = "Requests at the same time; 0 is no limit."},
};
#undef S
static const struct option_group tier_options = {
    GROUP_OF(sizeof(struct config_tier), limit_rows), .at = offsetof(struct config_tier, limits),
    .judge_name = judge_name, .names_allowed = NAMES_ALLOWED, .entry = "name"};
static const struct option_group team_options = {
    GROUP_OF(sizeof(struct config_team), limit_rows), .at = offsetof(struct config_team, limits),
    .judge_name = judge_name, .names_allowed = NAMES_ALLOWED, .entry = "name"};

#define S struct config
static const struct option config_rows[] = {
    {"server", GROUP_AT(S, server), .group = &server_options, .help = "Where and how callers are served."},
    {"shutdown", GROUP_AT(S, shutdown), .group = &shutdown_options, .help = "How the gateway ends."},
    {"auth", GROUP_AT(S, auth), .group = &auth_options, .help = "Who may call."},
    {"tiers", MAP_AT(S, tiers), .group = &tier_options,
     .help = "Limits that keys share by name. `default` holds for keys without a tier, `unlimited` is built in."},
    {"teams", MAP_AT(S, teams), OPTION_LATER, .group = &team_options,
     .help = "Limits for all keys of a team together."},
    {"state", STRING_AT(S, state), OPTION_LATER | OPTION_RESTART | OPTION_SECRET, .def = "memory",
     .judge = judge_state, .allowed = "memory, redis://[:password@]host:6379/0 or rediss://…",
     .help = "Where limits, cooldowns and the cache live; in Redis, replicas share them."},
    {"store", STRING_AT(S, store), OPTION_LATER | OPTION_RESTART | OPTION_SECRET, .def = "sqlite:weir.db",
     .judge = judge_store, .allowed = "memory, sqlite:FILE or postgres://…",
     .help = "Where keys, the ledger, tasks and what was added at run time are kept."},
    {"providers", MAP_AT(S, providers), .group = &provider_options,
     .help = "The AI services and servers that requests go to."},
    {"https_proxy", STRING_AT(S, https_proxy), OPTION_SECRET, .judge = judge_proxy, .allowed = PROXY_ALLOWED,
     .help = "The HTTP proxy on the way to providers with https base URLs (CONNECT). A provider's own `proxy` goes before."},
    {"no_proxy", STRINGS_AT(S, no_proxy), .judge = judge_no_proxy,
     .allowed = "*, names (example.com and .example.com stand for all below, too), addresses and networks such as 10.0.0.0/8, each with or without :port",
     .help = "Hosts that https_proxy is not used for. Loopback addresses never are."},
    {"models", MAP_AT(S, models), .group = &model_options,
     .help = "The names that callers may send as `model`, and where each goes. A name with * is a pattern."},
    {"default_model", STRING_AT(S, default_model), .def = "auto", .refers = REF_MODEL_OR_LISTED,
     .help = "For requests that may leave the model out. `auto` is all providers by priority, each with its own `model`."},
    {"breaker", GROUP_AT(S, breaker), .group = &breaker_options,
     .help = "When a provider that keeps failing is left alone. Providers and services may override it."},
    {"cooldown", GROUP_AT(S, cooldown), OPTION_LATER, .group = &cooldown_options,
     .help = "How long a target rests after a failure. Providers may override it."},
    {"health", GROUP_AT(S, health), OPTION_LATER, .group = &health_options, .help = "Checks of providers in the background."},
    {"cache", GROUP_AT(S, cache), OPTION_LATER, .group = &cache_options, .help = "Replies kept for equal requests."},
    {"services", MAP_AT(S, services), OPTION_LATER, .group = &service_options,
     .help = "Other HTTP services behind this gateway."},
    {"content_types", MAP_AT(S, content_types), OPTION_LATER, .group = &content_type_options,
     .help = "Kinds of content that /api/v1/api-gateway/generate makes."},
    {"tasks", GROUP_AT(S, tasks), OPTION_LATER, .group = &task_options, .help = "Work that callers wait for later."},
    {"local_models", GROUP_AT(S, local_models), OPTION_LATER, .group = &local_model_options,
     .help = "Models that run on this machine."},
    {"metrics", GROUP_AT(S, metrics), .group = &metrics_options, .help = "GET /metrics, for Prometheus."},
    {"log", GROUP_AT(S, log), .group = &log_options, .help = "The log on standard output."},
};
#undef S
const struct option_group config_options = {GROUP_OF(sizeof(struct config), config_rows)};
// clang-format on

const struct option *option_find(const struct option_group *g, struct str name)
{
    for (size_t i = 0; i < g->count; i++)
        if (str_equals(str_from_cstr(g->options[i].name), name)) return &g->options[i];
    return NULL;
}

const struct option_choice *choice_find(const struct option_choice *choices, struct str name)
{
    for (const struct option_choice *c = choices; c->name; c++)
        if (str_equals_nocase(str_from_cstr(c->name), name)) return c;
    return NULL;
}

const char *choice_name(const struct option_choice *choices, int value)
{
    for (const struct option_choice *c = choices; c->name; c++)
        if (c->value == value) return c->name;
    return "";
}

static struct str choices_allowed(struct arena *a, const struct option_choice *choices)
{
    struct str all = STR("");
    for (const struct option_choice *c = choices; c->name; c++)
        if (c->is != CHOICE_ALIAS)
            all = arena_printf(a, "%.*s%s%s", STR_ARG(all), all.len ? ", " : "", c->name);
    return all;
}

static struct str number_allowed(struct arena *a, const struct option *o)
{
    switch (o->type) {
    case OPT_SIZE: {
        struct str min = value_format_size(a, o->min), max = value_format_size(a, o->max);
        return arena_printf(a, "a size (4096, 64KiB, 10MiB), %.*s to %.*s", STR_ARG(min), STR_ARG(max));
    }
    case OPT_DURATION: {
        struct str min = value_format_duration(a, o->min), max = value_format_duration(a, o->max);
        const char *word = o->word.name;
        return arena_printf(a, "%s%sa duration (250ms, 10s, 5m, 1h), %.*s to %.*s", word ? word : "",
                            word ? " or " : "", STR_ARG(min), STR_ARG(max));
    }
    default: return arena_printf(a, "%lld to %lld", (long long)o->min, (long long)o->max);
    }
}

struct str option_allowed(struct arena *a, const struct option *o)
{
    switch (o->type) {
    case OPT_INT:
    case OPT_REAL:
    case OPT_MONEY:
    case OPT_SIZE:
    case OPT_DURATION: return number_allowed(a, o);
    case OPT_BOOL: return STR("true, false");
    case OPT_ENUM:
    case OPT_FLAGS: return choices_allowed(a, o->choices);
    case OPT_STRING:
    case OPT_STRINGS: return o->allowed ? str_from_cstr(o->allowed) : STR("one line of text");
    case OPT_TEXT: return STR("text");
    case OPT_PAIRS: return o->allowed ? str_from_cstr(o->allowed) : STR("a map of texts");
    case OPT_JSON_PAIRS: return STR("a map of anything");
    case OPT_GROUP:
    case OPT_MAP: return STR("a map");
    case OPT_LIST: return STR("a list of maps");
    case OPTION_TYPES: break;
    }
    return STR("");
}
