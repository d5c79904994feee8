/* gateway/series.c: two tables of 64 places. A model name too long for its place is never a hit, only slower. */
#include "gateway/series.h"

#include "base/fmt.h"

void series_init(struct series *s, struct metrics_shard *shard)
{
    memset(s, 0, sizeof *s);
    s->_shard = shard;
}

void series_forget_targets(struct series *s)
{
    memset(s->_targets, 0, sizeof s->_targets);
}

const struct route_series *series_route(struct series *s, const struct series_route_key *key)
{
    size_t at = ((uintptr_t)key->route / 16 + (unsigned)key->status * 7 + (unsigned)key->method) %
                SERIES_SLOTS;
    struct route_series *r = &s->_routes[at];
    if (LIKELY(r->route == key->route && r->status == key->status && r->method == key->method)) return r;
    char digits[FMT_I64_BYTES];
    struct str status = str_of(digits, (size_t)(fmt_i64(digits, key->status) - digits));
    struct str method = key->method == M_OTHER ? STR("OTHER") : key->method_name;
    *r = (struct route_series){.route = key->route, .status = key->status, .method = key->method};
    r->requests = metrics_counter(s->_shard, METRIC_HTTP_REQUESTS,
                                  METRIC_LABELS(method, key->endpoint, status));
    r->duration = metrics_histogram(s->_shard, METRIC_HTTP_DURATION, METRIC_LABELS(method, key->endpoint));
    return r;
}

static struct histogram *token_series(struct series *s, const struct series_target_key *key, struct str type)
{
    struct str operation = operation_row(key->operation)->name;
    return metrics_histogram(s->_shard, METRIC_TOKEN_USAGE,
                             METRIC_LABELS(operation, key->provider_name, type, key->model));
}

struct target_series *series_target(struct series *s, const struct series_target_key *key)
{
    size_t at = ((uintptr_t)key->provider / 16 + key->model.len * 5 + (unsigned)key->operation) %
                SERIES_SLOTS;
    struct target_series *t = &s->_targets[at];
    if (LIKELY(t->provider == key->provider && t->operation == key->operation &&
               str_equals(str_of(t->model, t->model_bytes), key->model)))
        return t;
    bool fits = key->model.len <= SERIES_MODEL_BYTES;
    *t = (struct target_series){.provider = fits ? key->provider : NULL, .operation = key->operation};
    t->model_bytes = fits ? key->model.len : 0;
    if (t->model_bytes) memcpy(t->model, key->model.at, t->model_bytes);
    t->first_token = metrics_histogram(
        s->_shard, METRIC_FIRST_TOKEN,
        METRIC_LABELS(operation_row(key->operation)->name, key->provider_name, key->model));
    t->input_tokens = token_series(s, key, STR("input"));
    t->output_tokens = token_series(s, key, STR("output"));
    return t;
}

void series_count_attempt(struct series *s, struct target_series *t, const struct series_target_key *key,
                          enum outcome outcome)
{
    if (!t->attempts[outcome])
        t->attempts[outcome] = metrics_counter(
            s->_shard, METRIC_ATTEMPTS,
            METRIC_LABELS(key->provider_name, key->model, outcome_row(outcome)->name));
    counter_add(t->attempts[outcome], 1);
}
