/* gateway/exchange.h: one caller's request and its reply, from the head read to the log line. It lives in its HTTP
 * exchange's arena and belongs to one fiber. The stages, in the order in which a request meets them:
 *     identify -> admit -> plan -> attempt -> relay -> settle
 * each in the file of its name; exchange_run() in pipeline.c calls them. */
#ifndef WEIR_GATEWAY_EXCHANGE_H
#define WEIR_GATEWAY_EXCHANGE_H

#include "chat/error.h"
#include "chat/usage.h"
#include "dialects/dialect.h"
#include "gateway/gateway.h"
#include "gateway/lines.h"
#include "http/server.h"
#include "policy/outcome.h"
#include "telemetry/trace.h"

/* In which words a caller is told of errors. */
enum surface { SURFACE_PLAIN, SURFACE_OPENAI };

/* What the endpoint table says of the path; constant. */
struct exchange_route {
    struct str endpoint; /* the template: the metrics' label */
    enum surface surface;
    enum config_role role;    /* at least */
    uint32_t public_bit;      /* enum config_public: no key needed if auth.public has it; 0: never public */
    enum operation operation; /* of routes that go to a model */
};

enum { EXCHANGE_MAX_TRAIL = 16 };

struct exchange {
    struct gateway *gateway;
    struct http_exchange *http;
    const struct http_request *request;
    struct arena *arena;
    void *scratch_block;  /* where its first bytes lie */
    struct arena scratch; /* plan, heads, what goes upstream: until a stream's commit, or the end */
    struct snapshot_use *use;
    const struct config *config; /* of the snapshot in use */
    const struct exchange_route *route;
    const char *doing; /* for the log: what we were about when something failed */

    int64_t started_ns, wall_ms;
    struct str correlation_id, method,
        path;          /* method and path: for the log, after the request's memory is gone */
    struct str client; /* its address, see client.h */
    struct trace trace;
    bool continues_trace;

    const struct principal *principal; /* NULL: nobody (public route, or auth off) */
    bool is_limited;                   /* `limits` holds what the limiter said */
    struct limit_verdict limits;

    /* of exchanges with a model */
    const struct dialect *dialect;
    struct str body;
    struct buf unpacked; /* the body, when it came encoded */
    struct request_facts facts;
    struct str model;                       /* as asked for, or the default */
    struct str provider_name, target_model; /* of the attempt that answered, or the last one */
    struct chat_error_attempt *trail;       /* tried, and passed over with the reason; NULL: none yet */
    unsigned trail_count;
    unsigned attempts;   /* tried */
    msec_t deadline;     /* for everything: `timeouts.total` */
    msec_t keepalive_at; /* streams: when the caller is to hear something; NEVER for plain replies */
    bool has_head;       /* the reply's head is out (kept alive before the commit) */
    int64_t upstream_ns; /* spent waiting for providers until the commit */
    int64_t committed_ns;
    bool is_committed;
    bool is_stream;
    enum outcome outcome;
    bool has_outcome;
    struct usage usage;

    struct str error_type; /* for http_request_errors_total; empty: none */
};

/* In the arena of `http`. */
struct exchange *exchange_begin(struct gateway *g, struct http_exchange *http);
/* Counts, logs, releases the snapshot. */
void exchange_end(struct exchange *x);
/* A reply that takes long has begun: the request's head and body are needed no more, their memory goes back. */
void exchange_release_request(struct exchange *x);
/* Reads the body, plans, tries, relays: an answer of some kind is out when it returns (or the caller is gone). */
void exchange_run(struct exchange *x);

/* What all bodies that are held count against. */
struct budget *exchange_budget(const struct exchange *x);
/* Is the caller gone (or the grace over)? Then nothing more can be sent. */
bool exchange_is_cancelled(const struct exchange *x);
int64_t exchange_overhead_us(const struct exchange *x);

#endif
