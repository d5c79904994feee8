/* gateway/gateway.h: what one worker has at hand for its exchanges. One per worker, for the thread of its loop. */
#ifndef WEIR_GATEWAY_GATEWAY_H
#define WEIR_GATEWAY_GATEWAY_H

#include "base/budget.h"
#include "base/pages.h"
#include "base/random.h"
#include "gateway/known_keys.h"
#include "gateway/series.h"
#include "gateway/snapshot.h"
#include "http/client.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

/* A snapshot and how many of this worker's exchanges still use it; current: the worker itself does, too. */
struct snapshot_use {
    struct snapshot *snapshot;
    unsigned uses;
};

/* Of the whole process; made by main, read and marked by workers. */
struct process_state {
    atomic_bool is_draining; /* ready says 503, replies say Connection: close */
    struct budget buffered;  /* bodies of requests and replies that all workers hold: server.max_buffered */
    int64_t started_wall_ms;
    struct str version;
    unsigned workers;
};

struct gateway_parts { /* all lent for the gateway's life */
    struct loop *loop;
    struct registry *registry;
    struct metrics *metrics;
    struct metrics_shard *shard;
    struct log *log_main;
    struct log_ring *log;
    struct process_state *process;
    struct snapshot *snapshot;        /* referenced */
    void (*update_gauges)(void *arg); /* the worker's own, which are else a second old; before a scrape */
    void *update_arg;
};

enum { SCRATCH_BLOCK_BYTES = 8192 };

struct gateway {
    struct gateway_parts parts;
    struct http_client *client;
    struct snapshot_use *current;
    struct random random;
    struct pages scratch_blocks;
    struct tick *tick;
    struct gauge *exchanges;
    struct histogram *overhead;
    struct series series;
    struct counter *results[OUTCOME_COUNT]; /* weir_llm_requests_total, by what became of the last attempt */
    int64_t _wall_offset_ns, _wall_until_ns;
    struct known_keys _known_keys; /* of the current snapshot */
    struct evp_md_ctx_st *_digest_context;
    struct evp_md_st *_sha256; /* fetched once: a fetch costs more than a digest */
};

struct gateway *gateway_new(const struct gateway_parts *parts);
void gateway_free(struct gateway *g); /* no exchange runs any more */
/* On the worker: new exchanges use `fresh` (referenced). */
void gateway_set_snapshot(struct gateway *g, struct snapshot *fresh);
struct snapshot_use *gateway_use_snapshot(struct gateway *g);
void gateway_release_snapshot(struct gateway *g, struct snapshot_use *use);
/* The calendar's time of a moment that is now; the clock is asked once a second, between, the moment tells. */
int64_t gateway_wall_ms(struct gateway *g, int64_t monotonic_ns);
/* SHA-256 of a key with a context that is made once. */
void gateway_digest(struct gateway *g, unsigned char out[DIGEST_BYTES], struct str key);
/* Whose key it is by that snapshot; NULL: nobody's. */
const struct principal *gateway_find_principal(struct gateway *g, const struct snapshot_use *use,
                                               struct str key);

#endif
