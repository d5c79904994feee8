/* api/breakers.c: GET /circuit-breakers and POST /circuit-breakers/{name}/reset. A provider with several base URLs has a
 * breaker for each: the first carries the provider's name, the others "name#2" and so on. */
#include "api/endpoints.h"
#include "gateway/reply.h"
#include "http/url.h"
#include "json/writer.h"

enum { BREAKERS_MAX_BYTES = 1 << 20 };

static struct str breaker_name(const struct exchange *x, const struct provider *p, unsigned index)
{
    return index == 0 ? p->name : arena_printf(x->arena, "%.*s#%u", STR_ARG(p->name), index + 1);
}

void api_list_breakers(struct exchange *x, struct str rest)
{
    (void)rest;
    const struct snapshot *s = x->use->snapshot;
    struct buf out;
    struct json_writer w;
    buf_init(&out, BREAKERS_MAX_BYTES);
    json_writer_init(&w, &out, 0);
    json_begin_object(&w);
    for (size_t i = 0; i < s->provider_count; i++)
        for (unsigned k = 0; k < s->providers[i].endpoint_count; k++) {
            struct breaker_counts c = provider_state_counts(s->providers[i].endpoints[k].state, fiber_now());
            json_write_key(&w, breaker_name(x, &s->providers[i], k));
            json_begin_object(&w);
            json_put_str(&w, STR("state"), str_from_cstr(breaker_state_name(c.state)));
            json_put_i64(&w, STR("failure_count"), c.failure_count);
            json_put_i64(&w, STR("recent_failures"), c.recent_failures);
            json_put_i64(&w, STR("total_calls"), (int64_t)c.total_calls);
            json_end_object(&w);
        }
    json_end_object(&w);
    (void)!json_writer_finish(&w);
    reply_json(x, 200, buf_str(&out));
    buf_done(&out);
}

void api_reset_breaker(struct exchange *x, struct str rest)
{
    const struct snapshot *s = x->use->snapshot;
    struct str name = {0};
    bool is_name = url_decode(&name, x->arena, rest);
    for (size_t i = 0; i < s->provider_count && is_name; i++)
        for (unsigned k = 0; k < s->providers[i].endpoint_count; k++) {
            if (!str_equals(name, breaker_name(x, &s->providers[i], k))) continue;
            provider_state_reset(s->providers[i].endpoints[k].state);
            reply_json(x, 200, STR("{\"status\":\"reset\",\"state\":\"closed\"}"));
            return;
        }
    reply_problem(x, PROBLEM_NOT_FOUND, STR("name"),
                  STR("There is no circuit breaker of that name; GET /circuit-breakers lists them."));
}
