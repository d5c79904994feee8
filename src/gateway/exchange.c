/* gateway/exchange.c: the frame around every request: identity for the logs at its start, counts and one log line at
 * its end, whatever happened in between. */
#include "gateway/exchange.h"

/* No reply was begun: what nginx logs when a client closes before it. */
enum { STATUS_CALLER_LEFT = 499 };

static const struct exchange_route no_route = {.endpoint = STR_INIT("none"), .surface = SURFACE_PLAIN};

static void drop_scratch(struct exchange *x)
{
    arena_done(&x->scratch);
    pages_give(&x->gateway->scratch_blocks, x->scratch_block);
    x->scratch_block = NULL;
}

struct budget *exchange_budget(const struct exchange *x)
{
    return &x->gateway->parts.process->buffered;
}

struct exchange *exchange_begin(struct gateway *g, struct http_exchange *http)
{
    struct arena *arena = http_exchange_arena(http);
    struct exchange *x = arena_new(arena, struct exchange);
    x->gateway = g;
    x->http = http;
    x->arena = arena;
    x->scratch_block = pages_take(&g->scratch_blocks);
    arena_init_in(&x->scratch, x->scratch_block, SCRATCH_BLOCK_BYTES);
    x->request = http_exchange_request(http);
    x->use = gateway_use_snapshot(g);
    x->config = x->use->snapshot->config;
    x->route = &no_route;
    x->doing = "routing";
    x->started_ns = http_exchange_started_ns(http);
    x->wall_ms = gateway_wall_ms(g, x->started_ns);
    char *room = arena_alloc(arena, CORRELATION_MADE_BYTES);
    x->correlation_id = correlation_id(http_headers_value(&x->request->headers, H_X_CORRELATION_ID),
                                       &g->random, room);
    x->continues_trace = trace_continue(&x->trace, http_headers_value(&x->request->headers, H_TRACEPARENT),
                                        &g->random);
    x->client = client_find(&x->use->snapshot->proxies, arena, stream_peer(http_exchange_stream(http)),
                            &x->request->headers);
    x->method = x->request->method_name;
    x->path = x->request->path;
    gauge_add(g->exchanges, 1);
    return x;
}

void exchange_release_request(struct exchange *x)
{
    x->method = arena_copy(x->arena, x->method);
    x->path = arena_copy(x->arena, str_part(x->path, 0, LOG_VALUE_MAX_BYTES));
    x->correlation_id = arena_copy(x->arena, x->correlation_id);
    x->body = STR("");
    buf_done(&x->unpacked);
    http_exchange_release_request(x->http);
    drop_scratch(x);
}

bool exchange_is_cancelled(const struct exchange *x)
{
    (void)x;
    return fiber_is_cancelled(fiber_current());
}

int64_t exchange_overhead_us(const struct exchange *x)
{
    int64_t until = x->committed_ns ? x->committed_ns : clock_monotonic_ns();
    int64_t ns = until - x->started_ns - x->upstream_ns;
    return ns > 0 ? ns / 1000 : 0;
}

static void count(struct exchange *x, int status, int64_t duration_ns)
{
    struct series_route_key key = {.route = x->route,
                                   .endpoint = x->route->endpoint,
                                   .method_name = x->method,
                                   .method = x->request->method,
                                   .status = status};
    const struct route_series *series = series_route(&x->gateway->series, &key);
    counter_add(series->requests, 1);
    histogram_observe(series->duration, (uint64_t)duration_ns);
    if (x->error_type.len) {
        struct str method = key.method == M_OTHER ? STR("OTHER") : key.method_name;
        counter_add(metrics_counter(x->gateway->parts.shard, METRIC_HTTP_ERRORS,
                                    METRIC_LABELS(method, key.endpoint, x->error_type)),
                    1);
    }
    if (x->committed_ns) histogram_observe(x->gateway->overhead, (uint64_t)exchange_overhead_us(x) * 1000);
}

static void write_log(struct exchange *x, int status, int64_t duration_ns)
{
    enum log_level level = status >= 500 ? LOG_ERROR : LOG_INFO;
    if (!log_wants(x->gateway->parts.log, level)) return;
    char trace_id[32];
    fmt_hex_bytes(trace_id, x->trace.trace_id, sizeof x->trace.trace_id);
    struct log_access line = {
        .wall_ms = x->wall_ms + duration_ns / 1000000,
        .level = level,
        .category = x->attempts ? LOG_DIRECT_PROVIDER : LOG_API_GATEWAY,
        .correlation_id = x->correlation_id,
        .trace_id = str_of(trace_id, sizeof trace_id),
        .method = x->method,
        .path = x->path,
        .client = x->client,
        .key = x->principal ? x->principal->name : STR(""),
        .provider = x->provider_name,
        .model = x->target_model,
        .outcome = x->has_outcome ? outcome_row(x->outcome)->name : STR(""),
        .duration_us = (uint64_t)duration_ns / 1000,
        .overhead_us = x->committed_ns ? (uint64_t)exchange_overhead_us(x) : UINT64_MAX,
        .bytes = http_exchange_sent_bytes(x->http),
        .input_tokens = x->usage.is_known ? usage_input(&x->usage) : -1,
        .output_tokens = x->usage.is_known ? usage_output(&x->usage) : -1,
        .status_code = status,
        .attempts = x->attempts,
        .is_stream = x->is_stream,
    };
    log_access(x->gateway->parts.log, &line);
}

void exchange_end(struct exchange *x)
{
    int status = http_exchange_status(x->http);
    if (status == 0) status = STATUS_CALLER_LEFT;
    int64_t duration_ns = clock_monotonic_ns() - x->started_ns;
    count(x, status, duration_ns);
    write_log(x, status, duration_ns);
    gauge_add(x->gateway->exchanges, -1);
    buf_done(&x->unpacked);
    drop_scratch(x);
    gateway_release_snapshot(x->gateway, x->use);
}
