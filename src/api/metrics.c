/* api/metrics.c: GET /metrics: Prometheus text, or with Accept: application/json a small object. */
#include "api/endpoints.h"
#include "gateway/reply.h"

enum { METRICS_MAX_BYTES = 16 << 20 };

/* What no worker counts: read at the moment of asking. */
static void refresh(const struct exchange *x)
{
    const struct snapshot *s = x->use->snapshot;
    struct metrics *m = x->gateway->parts.metrics;
    x->gateway->parts.update_gauges(x->gateway->parts.update_arg);
    for (size_t i = 0; i < s->provider_count; i++) {
        const struct provider *p = &s->providers[i];
        enum breaker_state worst = BREAKER_CLOSED;
        for (unsigned k = 0; k < p->endpoint_count; k++) {
            enum breaker_state state = provider_state_counts(p->endpoints[k].state, fiber_now()).state;
            if (state > worst) worst = state;
        }
        metrics_put(m, METRIC_BREAKER_STATE, METRIC_LABELS(p->name), worst);
    }
    metrics_put(m, METRIC_PROVIDERS, NULL, (int64_t)s->provider_count);
    const struct budget *buffered = &x->gateway->parts.process->buffered;
    metrics_put(m, METRIC_BUFFERED, NULL, budget_held(buffered));
    metrics_put(m, METRIC_BUFFERED_LIMIT, NULL, budget_max(buffered));
    metrics_put(m, METRIC_BUFFERED_REFUSALS, NULL, (int64_t)budget_refusals(buffered));
    metrics_put(m, METRIC_LOG_DROPPED, NULL, (int64_t)log_dropped(x->gateway->parts.log_main));
}

void api_metrics(struct exchange *x, struct str rest)
{
    (void)rest;
    bool wants_json = http_list_has(http_headers_value(&x->request->headers, H_ACCEPT),
                                    STR("application/json"));
    struct buf out;
    buf_init(&out, METRICS_MAX_BYTES);
    refresh(x);
    bool fits = wants_json ? metrics_write_json(x->gateway->parts.metrics, &out)
                           : metrics_write_text(x->gateway->parts.metrics, &out);
    if (!fits)
        reply_problem(x, PROBLEM_INTERNAL, STR(""), STR("The metrics are larger than 16 MiB."));
    else if (wants_json)
        reply_json(x, 200, buf_str(&out));
    else
        reply_text(x, str_from_cstr(METRICS_CONTENT_TYPE), buf_str(&out));
    buf_done(&out);
}
