/* config/rows_models.c: the rows of providers, models, and what guards them. */
#include "config/rows_define.h"

// clang-format off
#define S struct config_breaker
static const struct option breaker_rows[] = {
    {"failure_threshold", INT_AT(S, failure_threshold), .min = 1, .max = 1000000, .unit = "failures", .def = "5",
     .help = "Opens at so many failures in a row, or in the window if they are `failure_rate` of its calls, too."},
    {"success_threshold", INT_AT(S, success_threshold), .min = 1, .max = 1000000, .unit = "successes", .def = "2",
     .help = "Closes after so many successful probes."},
    {"timeout", DURATION_AT(S, timeout_ms), .min = 1, .max = DAY_MS, .def = "60s",
     .help = "How long it stays open before a probe is let through."},
    {"window_size", INT_AT(S, window_size), .min = 1, .max = 1024, .unit = "calls", .def = "100",
     .help = "How many of the last calls are looked at."},
    {"failure_rate", REAL_AT(S, failure_rate), .max = 1, .def = "0.5",
     .help = "The share of failures in the window at which it opens."},
};
#undef S
const struct option_group breaker_options = {GROUP_OF(sizeof(struct config_breaker), breaker_rows)};

#define S struct config_cooldown
static const struct option cooldown_rows[] = {
    {"rate_limited", DURATION_AT(S, rate_limited_ms), .max = DAY_MS, .def = "10m",
     .help = "After a 429 that does not say how long."},
    {"server_error", DURATION_AT(S, server_error_ms), .max = DAY_MS, .def = "5m",
     .help = "After a failure of the connection or the server."},
    {"timeout", DURATION_AT(S, timeout_ms), .max = DAY_MS, .def = "3m", .help = "After an answer that did not come in time."},
    {"failures", INT_AT(S, failures), .min = 1, .max = 1000, .unit = "failures", .def = "1",
     .help = "How many failures in a row it takes."},
    {"max", DURATION_AT(S, max_ms), .max = 30 * DAY_MS, .def = "1h",
     .help = "The longest rest, whatever the provider asks for."},
};
#undef S
const struct option_group cooldown_options = {GROUP_OF(sizeof(struct config_cooldown), cooldown_rows)};

const struct option_choice kind_choices[] = {
    {"openai", KIND_OPENAI, CHOICE_PLAIN},       {"azure", KIND_AZURE, CHOICE_LATER},
    {"anthropic", KIND_ANTHROPIC, CHOICE_LATER}, {"gemini", KIND_GEMINI, CHOICE_LATER},
    {"netlify", KIND_NETLIFY, CHOICE_LATER},     {"simulator", KIND_SIMULATOR, CHOICE_PLAIN},
    {"local", KIND_LOCAL, CHOICE_PLAIN},         {0},
};
static const struct option_choice api_choices[] = {
    {"chat", API_CHAT, CHOICE_PLAIN}, {"completions", API_COMPLETIONS, CHOICE_PLAIN},
    {"responses", API_RESPONSES, CHOICE_PLAIN}, {"embeddings", API_EMBEDDINGS, CHOICE_PLAIN},
    {"images", API_IMAGES, CHOICE_PLAIN}, {"speech", API_SPEECH, CHOICE_PLAIN},
    {"transcriptions", API_TRANSCRIPTIONS, CHOICE_PLAIN}, {"moderations", API_MODERATIONS, CHOICE_PLAIN},
    {"rerank", API_RERANK, CHOICE_PLAIN}, {0},
};
static const struct option_choice stream_usage_choices[] = {
    {"inject", STREAM_USAGE_INJECT, CHOICE_PLAIN}, {"native", STREAM_USAGE_NATIVE, CHOICE_PLAIN},
    {"never", STREAM_USAGE_NEVER, CHOICE_PLAIN}, {0},
};

#define S struct config_provider
static const struct option provider_tls_rows[] = {
    {"ca", STRING_AT(S, tls.ca), .judge = judge_line, .allowed = PATH_ALLOWED,
     .help = "Trusts this PEM file's authorities instead of the system's."},
    {"cert", STRING_AT(S, tls.cert), .judge = judge_line, .allowed = PATH_ALLOWED,
     .help = "The certificate to show, a PEM file."},
    {"key", STRING_AT(S, tls.key), .judge = judge_line, .allowed = PATH_ALLOWED,
     .help = "The certificate's private key, a PEM file."},
    {"server_name", STRING_AT(S, tls.server_name), .judge = judge_name, .allowed = NAMES_ALLOWED,
     .help = "The name that the provider's certificate must have, if it is not the URL's."},
};
static const struct option_group provider_tls = {GROUP_OF(0, provider_tls_rows)};

static const struct option provider_rows[] = {
    {"kind", ENUM_AT(S, kind), .choices = kind_choices,
     .help = "What it speaks; `openai` is everything compatible. A preset knows its own."},
    {"preset", STRING_AT(S, preset), .refers = REF_PRESET,
     .help = "Fills in the rest for a known service. Without `preset` and `base_url` the provider's name is tried as one, then its kind."},
    {"base_url", STRING_AT(S, base_url), OPTION_SECRET, .judge = judge_base_url, .allowed = BASE_URL_ALLOWED,
     .help = "Where it is; the version part (/v1) may be left out. unix:/run/x.sock is plain HTTP over that socket, unix:/run/x.sock:/api/v1 with a path."},
    {"base_urls", STRINGS_AT(S, base_urls), OPTION_SECRET, .judge = judge_base_url, .allowed = BASE_URL_ALLOWED,
     .help = "Alternative endpoints: targets of their own, in this order."},
    {"api_key", STRINGS_AT(S, api_keys), OPTION_SECRET, .judge = judge_secret, .allowed = SECRET_ALLOWED,
     .help = "The key to send."},
    {"api_keys", STRINGS_AT(S, api_keys), OPTION_SECRET, .judge = judge_secret, .allowed = SECRET_ALLOWED,
     .help = "Several keys; another one is used while one is refused."},
    {"apis", FLAGS_AT(S, apis), .choices = api_choices,
     .help = "What it speaks natively. The preset knows; without one it is chat, completions, embeddings."},
    {"model", STRING_AT(S, model), .judge = judge_name, .allowed = NAMES_ALLOWED,
     .help = "The model that it uses for `auto`."},
    {"priority", INT_AT(S, priority), .min = -1000000, .max = 1000000, .def = "1",
     .help = "Higher is tried first; equal ones in the file's order."},
    {"requests_per_minute", INT_AT(S, requests_per_minute), .max = 1000000000, .unit = "requests", .def = "0",
     .help = "What may be sent there in a minute; 0 is no limit."},
    {"headers", PAIRS_AT(S, headers), OPTION_SECRET, .judge = judge_header,
     .allowed = "names of headers that do not frame or route the message, with texts of one line",
     .help = "Sent with each request."},
    {"stream_usage", ENUM_AT(S, stream_usage), .choices = stream_usage_choices,
     .help = "How to learn what a stream used: ask for it, know that it comes anyway, or do without. The preset knows; without one it is inject."},
    {"exact_base_url", BOOL_AT(S, wants_exact_url), .def = "false",
     .help = "true: base URLs are complete as they are: no /v1 is put behind one without a version part."},
    {"max_connections", INT_AT(S, max_connections), .max = 1000000, .unit = "connections", .def = "0",
     .help = "Connections to each base URL at once, shared out to the workers, one each at least; over it requests wait in line, as long as they may take to connect. 0 is no limit."},
    {"proxy", STRING_AT(S, proxy), OPTION_SECRET, .judge = judge_proxy_or_off, .allowed = PROXY_ALLOWED ", or off",
     .help = "The HTTP proxy on the way there (CONNECT), for http and https base URLs, whatever no_proxy says. off: none; empty: https_proxy. Loopback addresses and unix sockets are never proxied."},
    {"tls", INNER_GROUP, .group = &provider_tls, .help = "For base URLs with https."},
    {"api_version", STRING_AT(S, api_version), OPTION_LATER, .judge = judge_name, .allowed = NAMES_ALLOWED,
     .help = "Azure's api-version."},
    {"deployment", STRING_AT(S, deployment), OPTION_LATER, .judge = judge_name, .allowed = NAMES_ALLOWED,
     .help = "Azure's deployment, if it is not named as the model."},
    {"breaker", GROUP_AT(S, breaker), OPTION_INHERITS, .group = &breaker_options, .help = "Overrides of `breaker`, key by key."},
    {"cooldown", GROUP_AT(S, cooldown), OPTION_INHERITS | OPTION_LATER, .group = &cooldown_options,
     .help = "Overrides of `cooldown`, key by key."},
};
#undef S
const struct option_group provider_options = {
    GROUP_OF(sizeof(struct config_provider), provider_rows), .judge_name = judge_provider,
    .names_allowed = "visible ASCII without blanks and \"/\", at most 128 characters", .entry = "name"};

#define S struct config_target
static const struct option target_rows[] = {
    {"provider", STRING_AT(S, provider_name), OPTION_REQUIRED, .refers = REF_PROVIDER, .help = "One of `providers`."},
    {"model", STRING_AT(S, model), OPTION_REQUIRED, .judge = judge_name, .allowed = NAMES_ALLOWED,
     .help = "What the provider calls the model; * is the name that was asked for."},
    {"priority", INT_AT(S, priority), .min = -1000000, .max = 1000000, .def = "1",
     .help = "Higher is tried first; equal ones in the file's order."},
    {"weight", INT_AT(S, weight), OPTION_LATER, .max = 1000000, .def = "1", .help = "Its share under strategy `weighted`."},
};
#undef S
static const struct option_group target_options = {GROUP_OF(sizeof(struct config_target), target_rows)};

static const struct option_choice strategy_choices[] = {
    {"priority", STRATEGY_PRIORITY, CHOICE_PLAIN}, {"weighted", STRATEGY_WEIGHTED, CHOICE_LATER},
    {"round_robin", STRATEGY_ROUND_ROBIN, CHOICE_LATER}, {"least_latency", STRATEGY_LEAST_LATENCY, CHOICE_LATER},
    {"least_busy", STRATEGY_LEAST_BUSY, CHOICE_LATER}, {"cheapest", STRATEGY_CHEAPEST, CHOICE_LATER},
    {"prefix_affinity", STRATEGY_PREFIX_AFFINITY, CHOICE_LATER}, {0},
};

#define S struct config_model
static const struct option fallback_rows[] = {
    {"context_window", STRINGS_AT(S, fallbacks.context_window), .refers = REF_MODEL,
     .help = "When the request is too long for the model."},
    {"content_policy", STRINGS_AT(S, fallbacks.content_policy), .refers = REF_MODEL,
     .help = "When the provider refuses the content."},
};
static const struct option_group fallback_options = {GROUP_OF(0, fallback_rows)};

static const struct option timeout_rows[] = {
    {"connect", DURATION_AT(S, timeouts.connect_ms), .max = HOUR_MS, .def = "5s",
     .help = "To connect, TLS included. 0 is no limit, here and below."},
    {"first_token", DURATION_AT(S, timeouts.first_token_ms), .max = DAY_MS, .def = "120s", .help = "To a stream's first content."},
    {"idle", DURATION_AT(S, timeouts.idle_ms), .max = DAY_MS, .def = "120s", .help = "Between two pieces of a stream."},
    {"reply", DURATION_AT(S, timeouts.reply_ms), .max = DAY_MS, .def = "10m", .help = "To the end of a plain reply."},
    {"total", DURATION_AT(S, timeouts.total_ms), .max = 7 * DAY_MS, .def = "15m", .help = "Of the whole exchange, all attempts included."},
};
static const struct option_group timeout_options = {GROUP_OF(0, timeout_rows)};

static const struct option model_cache_rows[] = {
    {"ttl", DURATION_AT(S, cache.ttl_ms), .max = 365 * DAY_MS, .def = "0", .help = "How long replies are kept; 0 is the cache's own `ttl`."},
    {"enabled", BOOL_AT(S, cache.is_enabled), .def = "false", .help = "Caches also where only a caller's header would."},
};
static const struct option_group model_cache = {GROUP_OF(0, model_cache_rows)};

static const struct option model_rows[] = {
    {"strategy", ENUM_AT(S, strategy), .choices = strategy_choices, .def = "priority", .help = "Which target comes first."},
    {"targets", LIST_AT(S, targets), OPTION_REQUIRED, .group = &target_options, .help = "Where the name may go: one at least."},
    {"fallbacks", INNER_GROUP, OPTION_LATER, .group = &fallback_options, .help = "Other models, by cause."},
    {"timeouts", INNER_GROUP, .group = &timeout_options, .help = "How long each part may take."},
    {"attempts", INT_AT(S, attempts), .min = 1, .max = 100, .unit = "attempts", .def = "4", .help = "At most so many, over all targets."},
    {"retry_wait", DURATION_AT(S, retry_wait_ms), OPTION_LATER, .max = HOUR_MS, .def = "2s",
     .help = "The longest Retry-After that is waited for when no other target is left."},
    {"keepalive", DURATION_AT(S, keepalive_ms), .max = HOUR_MS, .def = "20s",
     .help = "After so long without content a stream's caller gets the head and comments, while other targets may still be tried. 0 is never."},
    {"hedge_after", DURATION_AT(S, hedge_after_ms), OPTION_LATER, .max = HOUR_MS, .def = "0", .word = {"p95", HEDGE_AFTER_P95, CHOICE_PLAIN},
     .help = "Starts the next target, too, after this long without content; the first to commit wins. 0 is never."},
    {"hedge_share", REAL_AT(S, hedge_share), OPTION_LATER, .max = 1, .def = "0.05", .help = "At most this share of requests is hedged."},
    {"min_tokens_per_second", REAL_AT(S, min_tokens_per_second), OPTION_LATER, .max = 1000000, .def = "0",
     .help = "Slower before commit is a failure; 0 is never."},
    {"set", JSON_PAIRS_AT(S, set), OPTION_LATER, .help = "Parameters that are forced."},
    {"default", JSON_PAIRS_AT(S, defaults), OPTION_LATER, .help = "Parameters that are filled in when missing."},
    {"drop", STRINGS_AT(S, drop), OPTION_LATER, .help = "Parameters that are removed."},
    {"cache", INNER_GROUP, OPTION_LATER, .group = &model_cache, .help = "Replies of this model."},
    {"default_message", TEXT_AT(S, default_message), OPTION_LATER, .help = "The answer of last resort, when everything failed."},
};
#undef S
const struct option_group model_options = {GROUP_OF(sizeof(struct config_model), model_rows), .judge_name = judge_name,
    .names_allowed = NAMES_ALLOWED, .entry = "name"};
