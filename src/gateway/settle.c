/* gateway/settle.c: accounts for an attempt, whatever became of it; called exactly once for each. */
#include "gateway/settle.h"

static void trail_add(struct exchange *x, const struct target *t, struct str reason, int status, int64_t ms)
{
    if (x->trail_count == EXCHANGE_MAX_TRAIL) return;
    if (!x->trail) x->trail = arena_alloc(x->arena, EXCHANGE_MAX_TRAIL * sizeof *x->trail);
    x->trail[x->trail_count++] = (struct chat_error_attempt){
        .provider = t->provider->name, .model = t->model, .reason = reason, .status = status, .ms = ms};
}

static void count(struct attempt *a, enum outcome outcome)
{
    struct exchange *x = a->exchange;
    struct series *series = &x->gateway->series;
    struct series_target_key key = {.provider = a->target.provider,
                                    .provider_name = a->target.provider->name,
                                    .model = a->target.model,
                                    .operation = x->route->operation};
    struct target_series *t = series_target(series, &key);
    series_count_attempt(series, t, &key, outcome);
    if (a->content_ns && x->is_committed)
        histogram_observe(t->first_token, (uint64_t)(a->content_ns - a->started_ns));
    if (!x->usage.is_known) return;
    histogram_observe(t->input_tokens, (uint64_t)usage_input(&x->usage));
    histogram_observe(t->output_tokens, (uint64_t)usage_output(&x->usage));
}

static void log_failure(const struct attempt *a, struct str reason)
{
    const struct exchange *x = a->exchange;
    log_event(x->gateway->parts.log, clock_wall_ms(),
              &(struct log_event){.level = LOG_WARNING,
                                  .category = LOG_DIRECT_PROVIDER,
                                  .message = STR("Attempt failed"),
                                  .correlation_id = x->correlation_id,
                                  .fields = {LOG_TEXT("provider", a->target.provider->name),
                                             LOG_TEXT("model", a->target.model), LOG_TEXT("outcome", reason),
                                             LOG_NUMBER("status", a->head.status),
                                             LOG_TEXT("doing", str_from_cstr(x->doing)),
                                             LOG_TEXT("error", str_from_cstr(a->err.text))}});
}

void settle_attempt(struct attempt *a, enum outcome outcome)
{
    struct exchange *x = a->exchange;
    const struct outcome_row *row = outcome_row(outcome);
    int64_t now_ns = x->committed_ns ? x->committed_ns
                                     : clock_monotonic_ns(); /* the trail is not told after it */
    provider_state_report(a->target.endpoint->state, a->ticket, row->judgement, fiber_now());
    if (row->cooldown == COOLDOWN_KEY)
        provider_state_set_key_aside(a->target.endpoint->state, a->target.provider->key_ids[a->key],
                                     fiber_now());
    if (!x->committed_ns) x->upstream_ns += now_ns - a->started_ns;

    trail_add(x, &a->target, row->name, a->head.status, (now_ns - a->started_ns) / 1000000);
    x->outcome = outcome;
    x->has_outcome = true;
    x->provider_name = a->target.provider->name;
    x->target_model = a->target.model;
    x->usage = a->observer.usage;
    count(a, outcome);
    if (outcome != OUTCOME_SUCCESS && outcome != OUTCOME_CALLER_GONE) log_failure(a, row->name);
    attempt_done(a);
}

/* Once per request to a model, whatever became of it. */
void settle_exchange(struct exchange *x)
{
    counter_add(x->gateway->results[x->has_outcome ? x->outcome : OUTCOME_UNREACHABLE], 1);
}

void settle_passed_over(struct exchange *x, const struct target *t, struct str reason)
{
    trail_add(x, t, reason, 0, 0);
}
