/* config/config.h: everything that can be configured, as one immutable snapshot. config/load.h makes it; workers
 * share it, each exchange keeps the one it began with. Counted atomically; nothing in it changes once it is shared.
 *
 * Memory: all strings and arrays live in the snapshot and as long as it does. Every struct str here is followed by a NUL
 * that is not counted; one that was not given is empty. Arrays are pointer and count.
 * Defaults are filled in; units are in the names; 0 means "no limit" or "never" where not said otherwise. What the
 * keys mean for people (and their limits) stands in the rows of config/rows.c, which docs/configuration.md is made of. */
#ifndef WEIR_CONFIG_CONFIG_H
#define WEIR_CONFIG_CONFIG_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/str.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- shapes that several sections use ---- */
struct config_strings {
    const struct str *at;
    size_t count;
};
struct config_pair { /* of `headers:` (text) and of `set:`, `default:` (JSON text) */
    struct str name, value;
};
struct config_pairs {
    const struct config_pair *at;
    size_t count;
};
struct config_breaker {
    int64_t failure_threshold, success_threshold;
    msec_t timeout_ms;
    int64_t window_size;
    double failure_rate; /* 0 to 1 */
};
struct config_cooldown {
    msec_t rate_limited_ms, server_error_ms, timeout_ms;
    int64_t failures;
    msec_t max_ms;
};
struct config_limits { /* 0: no limit */
    int64_t requests_per_minute, requests_per_hour, requests_per_day;
    int64_t tokens_per_minute, tokens_per_day;
    int64_t budget_nanousd_per_day, budget_nanousd_per_month;
    int64_t concurrent;
};

/* ---- server, shutdown ---- */
struct config_server {
    struct config_strings listen; /* one at least; as written: "127.0.0.1:8080", "[::]:8080", "unix:/path" */
    int64_t workers;              /* 0: what affinity and the cgroup's quota allow */
    int64_t max_body_bytes;
    int64_t max_connections; /* 0: (descriptor limit - 512) / 2 */
    int64_t max_buffered_bytes;
    struct {
        msec_t head_ms, body_ms, keep_alive_ms;
    } timeouts;
    struct config_strings cors_origins, trusted_proxies;
    struct {
        struct str cert, key, client_ca; /* paths */
    } tls;
    struct str tls_place; /* "FILE:LINE"; empty: not configured */
    bool has_watch;
};
struct config_shutdown {
    msec_t drain_ms, grace_ms;
};

/* ---- who may do what ---- */
enum config_auth_mode { AUTH_KEYS, AUTH_OFF };
enum config_role {
    CONFIG_ROLE_USER,
    CONFIG_ROLE_OPERATOR,
    CONFIG_ROLE_ADMIN
}; /* each may do what those before it may */
enum config_public {
    PUBLIC_HEALTH = 1 << 0,
    PUBLIC_READY = 1 << 1,
    PUBLIC_DOCS = 1 << 2,
    PUBLIC_METRICS = 1 << 3
};

struct config_tier {
    struct str name;
    struct config_limits limits;
};
struct config_team {
    struct str name;
    struct config_limits limits;
};
/* Of auth.keys, then of API_KEYS ("env-1", …; role user), then WEIR_ADMIN_KEY ("admin", tier unlimited). */
struct config_key {
    struct str name, key; /* the secret itself: digest it, never print it */
    enum config_role role;
    struct str tier_name, team_name;
    const struct config_tier *tier; /* never NULL; admin keys: `unlimited` unless said otherwise */
    const struct config_team *team; /* NULL: in none */
    struct config_strings models;   /* patterns of names that may be asked for; {"*"} by default */
};
struct config_auth {
    enum config_auth_mode mode;
    bool is_anywhere; /* mode off may listen on addresses that are not loopback */
    struct {
        const struct config_key *at;
        size_t count;
    } keys;
    struct {
        struct str secret, jwks_url, issuer, audience;
    } jwt;
    uint32_t public; /* enum config_public, or'ed */
};

/* ---- providers ---- */
enum config_kind { /* FROM_PRESET: the file names a preset and no kind */
                   KIND_FROM_PRESET,
                   KIND_OPENAI,
                   KIND_AZURE,
                   KIND_ANTHROPIC,
                   KIND_GEMINI,
                   KIND_NETLIFY,
                   KIND_SIMULATOR,
                   KIND_LOCAL
};
enum config_api {
    API_CHAT = 1 << 0,
    API_COMPLETIONS = 1 << 1,
    API_RESPONSES = 1 << 2,
    API_EMBEDDINGS = 1 << 3,
    API_IMAGES = 1 << 4,
    API_SPEECH = 1 << 5,
    API_TRANSCRIPTIONS = 1 << 6,
    API_MODERATIONS = 1 << 7,
    API_RERANK = 1 << 8,
};
enum config_stream_usage {
    STREAM_USAGE_FROM_PRESET,
    STREAM_USAGE_INJECT,
    STREAM_USAGE_NATIVE,
    STREAM_USAGE_NEVER
};

/* Only what was said; what a preset would fill in is empty, 0 or …_FROM_PRESET (kind, base_url, apis, stream_usage,
 * model, api_version). Where the file names no preset, `preset` is the provider's own name if that is a known one and
 * kind or base_url are missing, else the kind's name if that is one and base_url is missing. Without any preset a kind
 * and a base_url are there (kind: openai by default; a simulator has no base_url). */
struct config_provider {
    struct str name;
    struct str place; /* "FILE:LINE", or what else it comes from; empty: nowhere */
    enum config_kind kind;
    bool is_built; /* false: its kind is not built yet; nothing can be sent there */
    struct str preset, base_url;
    struct config_strings base_urls; /* alternatives, in order */
    struct config_strings api_keys;  /* `api_key` comes first; empty: none. Secrets. */
    uint32_t apis;                   /* enum config_api, or'ed; 0: from the preset */
    struct str model;                /* for the model `auto` */
    int64_t priority;                /* higher is tried first */
    int64_t requests_per_minute;
    struct config_pairs headers;
    enum config_stream_usage stream_usage;
    struct str proxy;        /* empty: https_proxy; "off": none */
    bool wants_exact_url;    /* no version part is put behind base URLs without one */
    int64_t max_connections; /* to each base URL, of all workers; 0: no limit */
    struct {
        struct str ca, cert, key, server_name;
    } tls;
    struct str api_version, deployment; /* azure */
    struct config_breaker breaker;      /* complete: the global one with this provider's overrides */
    struct config_cooldown cooldown;    /* so is this */
};

/* ---- models ---- */
enum config_strategy {
    STRATEGY_PRIORITY,
    STRATEGY_WEIGHTED,
    STRATEGY_ROUND_ROBIN,
    STRATEGY_LEAST_LATENCY,
    STRATEGY_LEAST_BUSY,
    STRATEGY_CHEAPEST,
    STRATEGY_PREFIX_AFFINITY,
};
enum { HEDGE_AFTER_P95 = -1 };

struct config_target {
    struct str provider_name;
    const struct config_provider *provider; /* never NULL */
    struct str model;                       /* what the provider calls it; "*": the name that was asked for */
    int64_t priority, weight;
};
struct config_timeouts { /* 0: none */
    msec_t connect_ms, first_token_ms, idle_ms, reply_ms, total_ms;
};
struct config_model {
    struct str name; /* with a '*': a pattern */
    enum config_strategy strategy;
    struct {
        const struct config_target *at; /* sorted: highest priority first, else as written; one at least */
        size_t count;
    } targets;
    struct {
        struct config_strings context_window, content_policy; /* names of other models */
    } fallbacks;
    struct config_timeouts timeouts;
    int64_t attempts;
    msec_t retry_wait_ms, keepalive_ms;
    msec_t hedge_after_ms; /* 0: never; HEDGE_AFTER_P95 */
    double hedge_share;
    double min_tokens_per_second;
    struct config_pairs set, defaults; /* values are JSON text */
    struct config_strings drop;
    struct {
        msec_t ttl_ms; /* 0: the cache's own */
        bool is_enabled;
    } cache;
    struct str default_message;
};

/* ---- the rest ---- */
struct config_health {
    msec_t interval_ms, timeout_ms;
    bool wants_generate;
};
enum config_cache_scope { CACHE_SCOPE_KEY, CACHE_SCOPE_TEAM, CACHE_SCOPE_GLOBAL };
struct config_cache {
    bool is_enabled;
    msec_t ttl_ms;
    int64_t max_entries, max_bytes, max_entry_bytes, max_request_bytes;
    enum config_cache_scope scope;
    msec_t stale_if_error_ms;
};
struct config_service {
    struct str name, path, url;
    bool wants_strip_path;
    int64_t retries;
    struct {
        msec_t connect_ms, reply_ms;
    } timeouts;
    struct config_breaker breaker; /* complete, as a provider's */
    bool has_websocket;
};
struct config_content_type {
    struct str name, model, system;
};
struct config_tasks {
    struct str broker, queue;
    struct {
        struct str text, image, speech;
    } names;
    msec_t wait_ms, keep_ms;
    int64_t workers;
};
struct config_local_models {
    int64_t cache_size;
    struct str dir;
    int64_t memory_bytes;
};
struct config_metrics {
    bool has_auth;
    struct str listen; /* empty: on the server's own addresses */
};
enum config_log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
struct config_log {
    enum config_log_level level;
    bool is_json, has_content;
};

struct config {
    struct config_server server;
    struct config_shutdown shutdown;
    struct config_auth auth;
    struct {
        const struct config_tier *at; /* `default` and `unlimited` are always among them */
        size_t count;
    } tiers;
    struct {
        const struct config_team *at;
        size_t count;
    } teams;
    struct str state, store;
    struct {
        const struct config_provider *at; /* sorted: highest priority first, else as written */
        size_t count;
    } providers;
    struct str https_proxy; /* empty: none */
    struct config_strings no_proxy;
    struct {
        const struct config_model *at; /* as written */
        size_t count;
    } models;
    struct str default_model;
    struct config_breaker breaker;
    struct config_cooldown cooldown;
    struct config_health health;
    struct config_cache cache;
    struct {
        const struct config_service *at;
        size_t count;
    } services;
    struct {
        const struct config_content_type *at;
        size_t count;
    } content_types;
    struct config_tasks tasks;
    struct config_local_models local_models;
    struct config_metrics metrics;
    struct config_log log;

    bool is_demo;                       /* config_add_demo() filled in the only provider there is */
    struct config_model model_defaults; /* no name, no targets: for names without an entry in `models` */
    const struct config_tier *default_tier, *unlimited_tier;
    struct str file; /* that was read; empty: environment alone */

    struct map _providers_by_name, _models_by_name;
    const struct config_model **_patterns; /* most literal bytes first */
    size_t _pattern_count;
    struct arena _arena;
    atomic_uint _refs;
};

/* Any thread. */
struct config *config_ref(struct config *c);
void config_unref(struct config **c); /* *c becomes NULL; NULL is fine */

/* NULL: there is none of that name. */
const struct config_provider *config_find_provider(const struct config *c, struct str name);
const struct config_tier *config_find_tier(const struct config *c, struct str name);
/* The entry of exactly this name, else the pattern that fits with the most literal bytes (the first of equals). */
const struct config_model *config_find_model(const struct config *c, struct str name);

/* The words of the file, for logs and /api/v1/…/config. */
const char *config_kind_name(enum config_kind kind); /* "" for KIND_FROM_PRESET */
const char *config_role_name(enum config_role role);
const char *config_log_level_name(enum config_log_level level);

#endif
