/* api/health.c: is it alive, is it ready, how is it? None of these asks anybody else: no I/O per call. */
#include "api/endpoints.h"
#include "gateway/reply.h"
#include "json/writer.h"

enum { HEALTH_MAX_BYTES = 64 * 1024 };

static bool is_draining(const struct exchange *x)
{
    return atomic_load_explicit(&x->gateway->parts.process->is_draining, memory_order_relaxed);
}

void api_alive(struct exchange *x, struct str rest)
{
    (void)rest;
    reply_json(x, 200, STR("{\"status\":\"ok\"}"));
}

void api_ready(struct exchange *x, struct str rest)
{
    (void)rest;
    if (is_draining(x))
        reply_json(x, 503, STR("{\"status\":\"draining\"}"));
    else
        reply_json(x, 200, STR("{\"status\":\"ready\"}"));
}

/* Providers are well while no breaker is open. */
static struct str check_providers(const struct exchange *x)
{
    const struct snapshot *s = x->use->snapshot;
    unsigned open = 0, all = 0;
    for (size_t i = 0; i < s->provider_count; i++)
        for (unsigned k = 0; k < s->providers[i].endpoint_count; k++, all++)
            open += provider_state_counts(s->providers[i].endpoints[k].state, fiber_now()).state ==
                    BREAKER_OPEN;
    if (all == 0) return STR("none");
    return open == 0 ? STR("ok") : open == all ? STR("unavailable") : STR("degraded");
}

void api_health(struct exchange *x, struct str rest)
{
    (void)rest;
    struct str providers = check_providers(x);
    bool is_well = str_equals(providers, STR("ok")) || str_equals(providers, STR("none"));
    char now[CLOCK_ISO_BYTES];
    clock_format_iso(now, x->wall_ms);
    struct buf out;
    struct json_writer w;
    buf_init(&out, HEALTH_MAX_BYTES);
    json_writer_init(&w, &out, 0);
    json_begin_object(&w);
    json_put_str(&w, STR("status"),
                 is_draining(x) ? STR("unhealthy")
                 : is_well      ? STR("healthy")
                                : STR("degraded"));
    json_put_str(&w, STR("timestamp"), str_of(now, sizeof now));
    json_put_str(&w, STR("service"), STR("api_gateway"));
    json_put_str(&w, STR("version"), x->gateway->parts.process->version);
    json_write_key(&w, STR("checks"));
    json_begin_object(&w);
    json_put_str(&w, STR("providers"), providers);
    json_end_object(&w);
    json_end_object(&w);
    (void)!json_writer_finish(&w);
    reply_json(x, is_draining(x) ? 503 : 200, buf_str(&out));
    buf_done(&out);
}
