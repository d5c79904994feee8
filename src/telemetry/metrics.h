/* telemetry/metrics.h: counters, gauges and histograms, as Prometheus text 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/) and as the JSON object of `GET /metrics`.
 *
 * Each thread that counts owns a shard; its cells are written by that thread alone with relaxed atomics,
 * without locks, and the reader sums over the shards. A series (a metric with label values) is looked up in
 * the shard, about 50 ns; hot callers keep the pointer, which lives as long as the metrics, and count for
 * 1 ns (histograms: under 20). A family has at most METRICS_MAX_SERIES series; beyond it the open labels
 * (marked '*' in the table: their values come from outside) read "other". The table is the only list:
 * names, labels, help, docs/metrics.md. */
#ifndef WEIR_TELEMETRY_METRICS_H
#define WEIR_TELEMETRY_METRICS_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/str.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
/* What an observed or stored whole number means. Nanoseconds are shown as seconds. */
enum metric_unit { UNIT_ONE, UNIT_NANOSECONDS };

// clang-format off
/*    id                          name                                     kind       labels                              unit              bounds    help */
#define METRICS(X)                                                                                                    \
    X(METRIC_HTTP_REQUESTS,       "http_requests_total",                   COUNTER,   "method,*endpoint,status",          UNIT_ONE,         NONE,     \
      "Requests answered, by the template of their route.")                                                          \
    X(METRIC_HTTP_DURATION,       "http_request_duration_seconds",         HISTOGRAM, "method,*endpoint",                 UNIT_NANOSECONDS, REQUEST,  \
      "From the end of a request's head to the last byte of its reply.")                                             \
    X(METRIC_HTTP_ERRORS,         "http_request_errors_total",             COUNTER,   "method,*endpoint,type",            UNIT_ONE,         NONE,     \
      "Requests answered with an error, by its type.")                                                               \
    X(METRIC_BREAKER_STATE,       "circuit_breaker_state",                 GAUGE,     "*service",                         UNIT_ONE,         NONE,     \
      "Circuit breaker of a provider or service: 0 closed, 1 half-open, 2 open.")                                    \
    X(METRIC_RATE_LIMITED,        "rate_limit_exceeded_total",             COUNTER,   "*identifier",                      UNIT_ONE,         NONE,     \
      "Requests refused by a rate limit, by the key's name, or ip.")                                                 \
    X(METRIC_TOKEN_USAGE,         "gen_ai_client_token_usage",             HISTOGRAM,                                      \
      "gen_ai_operation_name,*gen_ai_provider_name,gen_ai_token_type,*gen_ai_request_model",                          UNIT_ONE,         TOKENS,   \
      "Tokens of one exchange, as the provider counted them.")                                                       \
    X(METRIC_FIRST_TOKEN,         "gen_ai_server_time_to_first_token_seconds", HISTOGRAM,                                  \
      "gen_ai_operation_name,*gen_ai_provider_name,*gen_ai_request_model",                                            UNIT_NANOSECONDS, FIRST_TOKEN, \
      "From sending a request upstream to its first content.")                                                       \
    X(METRIC_ATTEMPTS,            "weir_attempts_total",                   COUNTER,   "*provider,*model,outcome",         UNIT_ONE,         NONE,     \
      "Attempts at a target, by how they ended.")                                                                    \
    X(METRIC_OVERHEAD,            "weir_overhead_seconds",                 HISTOGRAM, "",                                 UNIT_NANOSECONDS, OVERHEAD, \
      "Time that the gateway itself added until the first byte of a reply.")                                         \
    X(METRIC_LLM_REQUESTS,        "weir_llm_requests_total",               COUNTER,   "result",                           UNIT_ONE,         NONE,     \
      "Requests for a model, by result: success, failure or cancelled.")                                             \
    X(METRIC_CACHE_REQUESTS,      "weir_cache_requests_total",             COUNTER,   "result",                           UNIT_ONE,         NONE,     \
      "Requests that could be cached, by result: hit, miss or bypass.")                                              \
    X(METRIC_TLS_HANDSHAKES,      "weir_tls_handshakes_total",             COUNTER,   "side,result",                      UNIT_ONE,         NONE,     \
      "TLS handshakes: client (with callers) or upstream (with providers), by how they ended: full, resumed, or why not.") \
    X(METRIC_PROVIDERS,           "weir_providers",                        GAUGE,     "",                                 UNIT_ONE,         NONE,     \
      "Providers in use.")                                                                                           \
    X(METRIC_CONNECTIONS,         "weir_connections",                      GAUGE,     "side",                             UNIT_ONE,         NONE,     \
      "Open connections: client (from callers) or upstream (to providers).")                                         \
    X(METRIC_CONNECTIONS_IDLE,      "weir_connections_idle",                 GAUGE,     "side",                             UNIT_ONE,         NONE,     \
      "Of weir_connections: waiting for a next request (client), or kept for one (upstream).")                        \
    X(METRIC_ACCEPTED,              "weir_connections_accepted_total",       COUNTER,   "",                                 UNIT_ONE,         NONE,     \
      "Connections of callers that were accepted.")                                                                   \
    X(METRIC_POOLS,                 "weir_upstream_pools",                   GAUGE,     "",                                 UNIT_ONE,         NONE,     \
      "Pools of upstream connections: one for each worker and origin, proxy, TLS files and ceiling.")                                               \
    X(METRIC_DIALLED,               "weir_upstream_dials_total",             COUNTER,   "",                                 UNIT_ONE,         NONE,     \
      "Upstream connections made.")                                                                                   \
    X(METRIC_REUSED,                "weir_upstream_reuses_total",            COUNTER,   "",                                 UNIT_ONE,         NONE,     \
      "Requests sent on a kept upstream connection.")                                                                 \
    X(METRIC_REPLACED,              "weir_upstream_replacements_total",      COUNTER,   "",                                 UNIT_ONE,         NONE,     \
      "Kept upstream connections that were dead when used: the request was sent again, once.")                        \
    X(METRIC_UPSTREAM_WAITING,      "weir_upstream_waiting",                 GAUGE,     "",                                 UNIT_ONE,         NONE,     \
      "Requests that wait in line for an upstream connection, because as many as may be are in use.")                 \
    X(METRIC_UPSTREAM_WAITS,        "weir_upstream_waits_total",             COUNTER,   "",                                 UNIT_ONE,         NONE,     \
      "Times that a request had to wait in that line.")                                                               \
    X(METRIC_CONNECT_FAILURES,      "weir_upstream_connect_failures_total",  COUNTER,   "reason",                           UNIT_ONE,         NONE,     \
      "Upstream connections that could not be made: dns, refused, tls, proxy (it refused, or was not to be had), timeout, or system (anything else).") \
    X(METRIC_RESOLVER_NAMES,        "weir_resolver_names",                   GAUGE,     "",                                 UNIT_ONE,         NONE,     \
      "Host names whose addresses are known.")                                                                        \
    X(METRIC_RESOLVER_LOOKUPS,      "weir_resolver_lookups_total",           COUNTER,   "result",                           UNIT_ONE,         NONE,     \
      "Look-ups of host names that ended, by result: success or failure.")                                            \
    X(METRIC_RESOLVER_ANSWERS,      "weir_resolver_answers_total",           COUNTER,   "source",                           UNIT_ONE,         NONE,     \
      "Answers to who wanted to connect: fresh and stale ones came at once, waited ones after a look-up, refused ones are failures that are remembered.")\
    X(METRIC_TURNED_AWAY,         "weir_turned_away_total",                COUNTER,   "reason",                           UNIT_ONE,         NONE,     \
      "Connections answered 503 before a request was read: connections (server.max_connections) or memory (no stack); descriptors: accepting paused 100 ms for want of one.") \
    X(METRIC_EXCHANGES,           "weir_exchanges_in_flight",              GAUGE,     "",                                 UNIT_ONE,         NONE,     \
      "Requests being answered.")                                                                                    \
    X(METRIC_FIBERS,              "weir_fibers",                           GAUGE,     "",                                 UNIT_ONE,         NONE,     \
      "Fibers alive.")                                                                                               \
    X(METRIC_FIBERS_PEAK,           "weir_fibers_peak",                      GAUGE,     "",                                 UNIT_ONE,         NONE,     \
      "The most fibers alive at once in each worker since the start, summed over workers.")                           \
    X(METRIC_FIBERS_STARTED,        "weir_fibers_started_total",             COUNTER,   "",                                 UNIT_ONE,         NONE,     \
      "Fibers started.")                                                                                              \
    X(METRIC_STACKS,              "weir_stacks",                           GAUGE,     "",                                 UNIT_ONE,         NONE,     \
      "Fiber stacks mapped, those kept for reuse included.")                                                         \
    X(METRIC_STACKS_FREE,           "weir_stacks_free",                      GAUGE,     "",                                 UNIT_ONE,         NONE,     \
      "Of weir_stacks: kept for reuse.")                                                                              \
    X(METRIC_BUFFERED,            "weir_buffered_bytes",                   GAUGE,     "",                                 UNIT_ONE,         NONE,     \
      "Bodies of requests and replies held in memory, from 32 KiB on.")                                                          \
    X(METRIC_BUFFERED_LIMIT,        "weir_buffered_limit_bytes",             GAUGE,     "",                                 UNIT_ONE,         NONE,     \
      "What weir_buffered_bytes may grow to; beyond, bodies are refused with 503.")                                   \
    X(METRIC_BUFFERED_REFUSALS,     "weir_buffered_refusals_total",          COUNTER,   "",                                 UNIT_ONE,         NONE,     \
      "Times that a body found no room under that limit.")                                                            \
    X(METRIC_LOG_DROPPED,         "weir_log_lines_dropped_total",          COUNTER,   "",                                 UNIT_ONE,         NONE,     \
      "Log lines lost because a ring was full or the output refused them.")                                          \
    X(METRIC_LOOP_LAG,              "weir_loop_lag_seconds",                 HISTOGRAM, "",                                 UNIT_NANOSECONDS, LAG,      \
      "How late a worker came to a timer that is due once a second: what a request may wait behind others.")          \
    X(METRIC_WORKER_CPU,            "weir_worker_cpu_seconds_total",         COUNTER,   "worker",                           UNIT_NANOSECONDS, NONE,     \
      "User and system CPU time of a worker thread.")                                                                 \
    X(METRIC_BUILD_INFO,          "weir_build_info",                       GAUGE,     "version",                          UNIT_ONE,         NONE,     \
      "Always 1; the label says which version runs.")                                                                \
    X(METRIC_CPU,                 "process_cpu_seconds_total",             COUNTER,   "",                                 UNIT_NANOSECONDS, NONE,     \
      "User and system CPU time of the process.")                                                                    \
    X(METRIC_RESIDENT,            "process_resident_memory_bytes",         GAUGE,     "",                                 UNIT_ONE,         NONE,     \
      "Resident memory.")                                                                                            \
    X(METRIC_VIRTUAL,               "process_virtual_memory_bytes",          GAUGE,     "",                                 UNIT_ONE,         NONE,     \
      "Mapped memory: a fiber stack maps 80 KiB, of which it touches one or two pages.")                              \
    X(METRIC_OPEN_FDS,            "process_open_fds",                      GAUGE,     "",                                 UNIT_ONE,         NONE,     \
      "Open file descriptors.")                                                                                      \
    X(METRIC_MAX_FDS,             "process_max_fds",                       GAUGE,     "",                                 UNIT_ONE,         NONE,     \
      "The limit on open file descriptors.")                                                                         \
    X(METRIC_START_TIME,          "process_start_time_seconds",            GAUGE,     "",                                 UNIT_NANOSECONDS, NONE,     \
      "When the process started, in Unix seconds.")
// clang-format on

#define METRIC_AS_ENUM(id, name, kind, labels, unit, bounds, help) id,
enum metric { METRICS(METRIC_AS_ENUM) METRIC_COUNT };

enum { METRICS_MAX_SERIES = 1000, METRICS_MAX_LABELS = 4, METRICS_LABEL_MAX_BYTES = 128 };

struct metrics;       /* made and freed by main; the reader's functions are for any thread */
struct metrics_shard; /* lent to the one thread that counts there */

struct counter {
    _Atomic uint64_t _value;
};
struct gauge {
    _Atomic int64_t _value; /* of this shard; the reader shows the sum */
};
struct histogram {
    const uint64_t *_bounds;
    uint32_t _bound_count;
    _Atomic uint64_t _sum;
    _Atomic uint64_t _counts[]; /* one per bound and one for what is above */
};

struct metrics *metrics_new(unsigned shards, struct str version, int64_t started_wall_ms);
void metrics_free(struct metrics *m); /* nobody counts any more; NULL is fine */
struct metrics_shard *metrics_shard(struct metrics *m, unsigned index); /* index < shards */

/* The shard's thread. Never NULL; lives as long as the metrics. `labels`: as many values as the family has
 * label names, in their order; NULL if none. They are copied; over METRICS_LABEL_MAX_BYTES cut. */
struct counter *metrics_counter(struct metrics_shard *s, enum metric id, const struct str *labels);
struct gauge *metrics_gauge(struct metrics_shard *s, enum metric id, const struct str *labels);
struct histogram *metrics_histogram(struct metrics_shard *s, enum metric id, const struct str *labels);
#define METRIC_LABELS(...) ((const struct str[]){__VA_ARGS__})

static inline void counter_add(struct counter *c, uint64_t n)
{
    uint64_t value = atomic_load_explicit(&c->_value, memory_order_relaxed);
    atomic_store_explicit(&c->_value, value + n, memory_order_relaxed);
}

/* For what is counted elsewhere and copied here now and then: `value` never goes down. */
static inline void counter_set(struct counter *c, uint64_t value)
{
    atomic_store_explicit(&c->_value, value, memory_order_relaxed);
}

static inline void gauge_set(struct gauge *g, int64_t value)
{
    atomic_store_explicit(&g->_value, value, memory_order_relaxed);
}

static inline void gauge_add(struct gauge *g, int64_t n)
{
    gauge_set(g, atomic_load_explicit(&g->_value, memory_order_relaxed) + n);
}

void histogram_observe(struct histogram *h, uint64_t value); /* in the family's unit */

/* Any thread: the one value of a counter or gauge that no shard counts (a breaker's state, the log's drops),
 * as it is now: called before a scrape, or when it changes. Takes a lock. */
void metrics_put(struct metrics *m, enum metric id, const struct str *labels, int64_t value);
/* Any thread: a series that metrics_put() made is shown no more (a provider that was removed). */
void metrics_drop(struct metrics *m, enum metric id, const struct str *labels);

/* Any thread. False: over the buffer's ceiling. Reads process_* from /proc. */
MUST_CHECK bool metrics_write_text(struct metrics *m, struct buf *out);
/* {"total_requests":…,"cache_hits":…,"cache_hit_rate_percent":…,"failures":…,"providers_active":…} */
MUST_CHECK bool metrics_write_json(struct metrics *m, struct buf *out);
/* docs/metrics.md, from the table. */
MUST_CHECK bool metrics_write_docs(struct buf *out);

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

#endif
