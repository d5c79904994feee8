/* gateway/series.h: the metrics that every exchange counts, found once and kept: a look-up costs 50 ns, a count 1 ns.
 * A small direct-mapped cache per worker; a miss just looks the series up again. */
#ifndef WEIR_GATEWAY_SERIES_H
#define WEIR_GATEWAY_SERIES_H

#include "dialects/dialect.h"
#include "http/message.h"
#include "policy/outcome.h"
#include "telemetry/metrics.h"

enum { SERIES_SLOTS = 64, SERIES_MODEL_BYTES = 96 };

/* Of one route, method and status. */
struct route_series {
    const void *route; /* NULL: empty */
    int status;
    enum http_method method;
    struct counter *requests;
    struct histogram *duration;
};
/* Of one target and operation. */
struct target_series {
    const void *provider; /* NULL: empty */
    size_t model_bytes;
    char model[SERIES_MODEL_BYTES];
    enum operation operation;
    struct counter *attempts[OUTCOME_COUNT];
    struct histogram *first_token, *input_tokens, *output_tokens;
};
struct series {
    struct metrics_shard *_shard;
    struct route_series _routes[SERIES_SLOTS];
    struct target_series _targets[SERIES_SLOTS];
};
void series_init(struct series *s, struct metrics_shard *shard);
/* Provider pointers mean something else from now on: after another snapshot. */
void series_forget_targets(struct series *s);

struct series_route_key {
    const void *route; /* constant for the program's life */
    struct str endpoint, method_name;
    enum http_method method;
    int status;
};
const struct route_series *series_route(struct series *s, const struct series_route_key *key);

struct series_target_key {
    const void *provider;
    struct str provider_name, model;
    enum operation operation;
};
struct target_series *series_target(struct series *s, const struct series_target_key *key);
void series_count_attempt(struct series *s, struct target_series *t, const struct series_target_key *key,
                          enum outcome outcome);

#endif
