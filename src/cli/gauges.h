/* cli/gauges.h: what a worker tells of itself in the metrics: what its loop, server, client and resolver count anyway, copied
 * once a second and before a scrape that this worker answers. Nothing is counted here on the way of a request. For the
 * worker's thread. */
#ifndef WEIR_CLI_GAUGES_H
#define WEIR_CLI_GAUGES_H

#include "gateway/gateway.h"
#include "http/server.h"

struct gauges {
    struct loop *_loop;
    const struct gateway *_gateway;
    const struct http_server *_server;
    bool _tells_of_process; /* of what all workers share one tells */
    struct gauge *_connections, *_connections_idle, *_upstream, *_upstream_idle, *_pools;
    struct gauge *_fibers, *_fibers_peak, *_stacks, *_stacks_free, *_names, *_waiting;
    struct counter *_accepted, *_dialled, *_reused, *_replaced, *_fibers_started, *_cpu;
    struct counter *_waits, *_connect_failures[ERR_CODE_COUNT]; /* by what went wrong; some share a cell */
    struct counter *_lookups, *_lookup_failures, *_fresh, *_stale, *_waited, *_refused;
    struct histogram *_lag;
    int64_t _ticked_ns; /* when gauges_tick() was last called */
};
/* The loop, the gateway and the server are lent for as long as it is updated. `index`: the worker's. */
void gauges_init(struct gauges *g, const struct gateway *gateway, const struct http_server *server,
                 unsigned index);
void gauges_update(struct gauges *g);
/* To be called each GAUGES_EVERY_MS: notes how late that was, too. */
enum { GAUGES_EVERY_MS = 1000 };
void gauges_tick(struct gauges *g);

#endif
