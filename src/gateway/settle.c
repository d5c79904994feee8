/* gateway/settle.c: accounts for an attempt, whatever became of it; called exactly once for each. */
#include "gateway/settle.h"

static void trail_add(struct exchange *x, const struct target *t, struct str reason, int status, int64_t ms)
{
    if (x->trail_count == EXCHANGE_MAX_TRAIL) return;
    x->trail[x->trail_count++] = (struct chat_error_attempt){
        .provider = t->provider->name, .model = t->model, .reason = reason, .status = status, .ms = ms};
}

static void count_usage(struct exchange *x, const struct target *t)
{
    struct metrics_shard *shard = x->gateway->parts.shard;
    struct str operation = operation_row(x->route->operation)->name;
    const struct str labels[2][4] = {{operation, t->provider->name, STR("input"), t->model},
                                     {operation, t->provider->name, STR("output"), t->model}};
    histogram_observe(metrics_histogram(shard, METRIC_TOKEN_USAGE, labels[0]), (uint64_t)usage_input(&x->usage));
    histogram_observe(metrics_histogram(shard, METRIC_TOKEN_USAGE, labels[1]), (uint64_t)usage_output(&x->usage));
}

static void log_failure(const struct attempt *a, struct str reason)
{
    const struct exchange *x = a->exchange;
    log_event(x->gateway->parts.log, clock_wall_ms(),
              &(struct log_event){.level = LOG_WARNING,
                                  .category = LOG_DIRECT_PROVIDER,
                                  .message = STR("Attempt failed"),
                                  .correlation_id = x->correlation_id,
                                  .fields = {LOG_TEXT("provider", a->target->provider->name),
                                             LOG_TEXT("model", a->target->model), LOG_TEXT("outcome", reason),
                                             LOG_NUMBER("status", a->head.status),
                                             LOG_TEXT("doing", str_from_cstr(x->doing)),
                                             LOG_TEXT("error", str_from_cstr(a->err.text))}});
}

void settle_attempt(struct attempt *a, enum outcome outcome)
{
    struct exchange *x = a->exchange;
    const struct outcome_row *row = outcome_row(outcome);
    struct metrics_shard *shard = x->gateway->parts.shard;
    int64_t now_ns = clock_monotonic_ns();
    provider_state_report(a->target->endpoint->state, a->ticket, row->judgement, fiber_now());
    if (row->cooldown == COOLDOWN_KEY) provider_state_set_key_aside(a->target->endpoint->state, a->key, fiber_now());
    if (!x->committed_ns) x->upstream_ns += now_ns - a->started_ns;

    trail_add(x, a->target, row->name, a->head.status, (now_ns - a->started_ns) / 1000000);
    x->outcome = outcome;
    x->has_outcome = true;
    x->provider_name = a->target->provider->name;
    x->target_model = a->target->model;
    x->usage = a->observer.usage;
    counter_add(metrics_counter(shard, METRIC_ATTEMPTS,
                                METRIC_LABELS(x->provider_name, x->target_model, row->name)), 1);
    if (a->content_ns && x->is_committed)
        histogram_observe(metrics_histogram(shard, METRIC_FIRST_TOKEN,
                                            METRIC_LABELS(operation_row(x->route->operation)->name, x->provider_name,
                                                          x->target_model)),
                          (uint64_t)(a->content_ns - a->started_ns));
    if (x->usage.is_known) count_usage(x, a->target);
    if (outcome != OUTCOME_SUCCESS && outcome != OUTCOME_CALLER_GONE) log_failure(a, row->name);
    attempt_done(a);
}

/* Once per request to a model, whatever became of it. */
void settle_exchange(struct exchange *x)
{
    struct str result = STR("failure");
    if (x->has_outcome && x->outcome == OUTCOME_SUCCESS) result = STR("success");
    if (x->has_outcome && x->outcome == OUTCOME_CALLER_GONE) result = STR("cancelled");
    counter_add(metrics_counter(x->gateway->parts.shard, METRIC_LLM_REQUESTS, METRIC_LABELS(result)), 1);
}

void settle_passed_over(struct exchange *x, const struct target *t, struct str reason)
{
    trail_add(x, t, reason, 0, 0);
}
