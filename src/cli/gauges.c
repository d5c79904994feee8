/* cli/gauges.c: copies counts into cells of the worker's shard. A cell is found once, at the start. */
#include "cli/gauges.h"

#include "base/fmt.h"
#include "net/resolver.h"

/* NULL: nobody's failure. */
static const char *reason_of(int code)
{
    static const char *const reasons[ERR_CODE_COUNT] = {[ERR_DNS] = "dns",
                                                        [ERR_REFUSED] = "refused",
                                                        [ERR_TLS] = "tls",
                                                        [ERR_PROXY] = "proxy",
                                                        [ERR_TIMEOUT] = "timeout"};
    if (code == ERR_NONE || code == ERR_CANCELLED) return NULL;
    return reasons[code] ? reasons[code] : "system";
}

static void find_connect_failures(struct gauges *g, struct metrics_shard *s)
{
    g->_waiting = metrics_gauge(s, METRIC_UPSTREAM_WAITING, NULL);
    g->_waits = metrics_counter(s, METRIC_UPSTREAM_WAITS, NULL);
    for (int code = 0; code < ERR_CODE_COUNT; code++) {
        const char *reason = reason_of(code);
        if (!reason) continue;
        g->_connect_failures[code] = metrics_counter(s, METRIC_CONNECT_FAILURES,
                                                     METRIC_LABELS(str_from_cstr(reason)));
    }
}

/* Several codes may share a cell, so it gets their sum. */
static void update_connect_failures(struct gauges *g, const struct http_client_stats *stats)
{
    for (int code = 0; code < ERR_CODE_COUNT; code++) {
        struct counter *c = g->_connect_failures[code];
        uint64_t sum = 0;
        for (int same = 0; c && same < ERR_CODE_COUNT; same++)
            if (g->_connect_failures[same] == c) sum += stats->failed[same];
        if (c) counter_set(c, sum);
    }
    gauge_set(g->_waiting, stats->waiting);
    counter_set(g->_waits, stats->waited);
}

static void find_upstream(struct gauges *g, struct metrics_shard *s)
{
    g->_upstream = metrics_gauge(s, METRIC_CONNECTIONS, METRIC_LABELS(STR("upstream")));
    g->_upstream_idle = metrics_gauge(s, METRIC_CONNECTIONS_IDLE, METRIC_LABELS(STR("upstream")));
    g->_pools = metrics_gauge(s, METRIC_POOLS, NULL);
    g->_dialled = metrics_counter(s, METRIC_DIALLED, NULL);
    g->_reused = metrics_counter(s, METRIC_REUSED, NULL);
    g->_replaced = metrics_counter(s, METRIC_REPLACED, NULL);
    find_connect_failures(g, s);
}

static void find_resolver(struct gauges *g, struct metrics_shard *s)
{
    g->_names = metrics_gauge(s, METRIC_RESOLVER_NAMES, NULL);
    g->_lookups = metrics_counter(s, METRIC_RESOLVER_LOOKUPS, METRIC_LABELS(STR("success")));
    g->_lookup_failures = metrics_counter(s, METRIC_RESOLVER_LOOKUPS, METRIC_LABELS(STR("failure")));
    g->_fresh = metrics_counter(s, METRIC_RESOLVER_ANSWERS, METRIC_LABELS(STR("fresh")));
    g->_stale = metrics_counter(s, METRIC_RESOLVER_ANSWERS, METRIC_LABELS(STR("stale")));
    g->_waited = metrics_counter(s, METRIC_RESOLVER_ANSWERS, METRIC_LABELS(STR("waited")));
    g->_refused = metrics_counter(s, METRIC_RESOLVER_ANSWERS, METRIC_LABELS(STR("refused")));
}

void gauges_init(struct gauges *g, const struct gateway *gateway, const struct http_server *server,
                 unsigned index)
{
    struct metrics_shard *s = gateway->parts.shard;
    char number[FMT_U64_BYTES];
    struct str worker = str_of(number, (size_t)(fmt_u64(number, index) - number));
    *g = (struct gauges){._loop = gateway->parts.loop,
                         ._gateway = gateway,
                         ._server = server,
                         ._tells_of_process = index == 0,
                         ._ticked_ns = clock_monotonic_ns()};
    g->_connections = metrics_gauge(s, METRIC_CONNECTIONS, METRIC_LABELS(STR("client")));
    g->_connections_idle = metrics_gauge(s, METRIC_CONNECTIONS_IDLE, METRIC_LABELS(STR("client")));
    g->_accepted = metrics_counter(s, METRIC_ACCEPTED, NULL);
    g->_fibers = metrics_gauge(s, METRIC_FIBERS, NULL);
    g->_fibers_peak = metrics_gauge(s, METRIC_FIBERS_PEAK, NULL);
    g->_fibers_started = metrics_counter(s, METRIC_FIBERS_STARTED, NULL);
    g->_stacks = metrics_gauge(s, METRIC_STACKS, NULL);
    g->_stacks_free = metrics_gauge(s, METRIC_STACKS_FREE, NULL);
    g->_cpu = metrics_counter(s, METRIC_WORKER_CPU, METRIC_LABELS(worker));
    g->_lag = metrics_histogram(s, METRIC_LOOP_LAG, NULL);
    find_upstream(g, s);
    if (g->_tells_of_process) find_resolver(g, s);
}

static void update_upstream(struct gauges *g)
{
    struct http_client_stats stats = http_client_read_stats(g->_gateway->client);
    gauge_set(g->_upstream, stats.idle + stats.leased);
    gauge_set(g->_upstream_idle, stats.idle);
    gauge_set(g->_pools, stats.pools);
    counter_set(g->_dialled, stats.dialled);
    counter_set(g->_reused, stats.reused);
    counter_set(g->_replaced, stats.replaced);
    update_connect_failures(g, &stats);
}

static void update_resolver(struct gauges *g)
{
    struct resolver_stats stats = resolver_read_stats(g->_loop);
    gauge_set(g->_names, stats.names);
    counter_set(g->_lookups, stats.lookups - stats.failures);
    counter_set(g->_lookup_failures, stats.failures);
    counter_set(g->_fresh, stats.fresh);
    counter_set(g->_stale, stats.stale);
    counter_set(g->_waited, stats.waited);
    counter_set(g->_refused, stats.refused);
}

void gauges_update(struct gauges *g)
{
    struct loop_stats loop = loop_read_stats(g->_loop);
    struct http_server_stats server = http_server_read_stats(g->_server);
    gauge_set(g->_connections, server.connections);
    gauge_set(g->_connections_idle, server.idle);
    counter_set(g->_accepted, server.accepted);
    gauge_set(g->_fibers, loop.fibers);
    gauge_set(g->_fibers_peak, loop.fibers_peak);
    counter_set(g->_fibers_started, loop.fibers_started);
    gauge_set(g->_stacks, loop.stacks);
    gauge_set(g->_stacks_free, loop.stacks_free);
    counter_set(g->_cpu, (uint64_t)clock_thread_cpu_ns());
    update_upstream(g);
    if (g->_tells_of_process) update_resolver(g);
}

void gauges_tick(struct gauges *g)
{
    int64_t now = clock_monotonic_ns(), late = now - g->_ticked_ns - (int64_t)GAUGES_EVERY_MS * 1000000;
    histogram_observe(g->_lag, late > 0 ? (uint64_t)late : 0);
    g->_ticked_ns = now;
    gauges_update(g);
}
