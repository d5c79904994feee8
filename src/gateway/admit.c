/* gateway/admit.c: takes one request from the caller's buckets. Only routes of role `user` count: monitoring is free.
 * Callers without a key share the default tier's figures, each address (IPv6: each /64) with buckets of its own. */
#include "gateway/admit.h"

#include "gateway/reply.h"

static const char *const window_options[LIMIT_WINDOW_COUNT] = {"requests_per_minute", "requests_per_hour",
                                                               "requests_per_day"};
static const char *const window_words[LIMIT_WINDOW_COUNT] = {"minute", "hour", "day"};

static bool take_address(struct exchange *x, msec_t now)
{
    const struct config_limits *l = &x->config->default_tier->limits;
    struct limiter_cfg cfg = {
        .requests = {[LIMIT_MINUTE] = (uint32_t)l->requests_per_minute,
                     [LIMIT_HOUR] = (uint32_t)l->requests_per_hour,
                     [LIMIT_DAY] = (uint32_t)l->requests_per_day}}; /* rows keep them below 2^30 */
    if (!cfg.requests[LIMIT_MINUTE] && !cfg.requests[LIMIT_HOUR] && !cfg.requests[LIMIT_DAY]) return true;
    x->is_limited = true;
    struct address_take take = {
        .address = client_limit_id(x->arena, x->client), .cfg = &cfg, .now = now, .wall_ms = x->wall_ms};
    return registry_take_address(x->gateway->parts.registry, &take, &x->limits);
}

static bool take(struct exchange *x)
{
    msec_t now = fiber_now();
    if (!x->principal) return take_address(x, now);
    if (!x->principal->limits) return true;
    x->is_limited = true;
    return limit_slot_take(x->principal->limits, 1, now, x->wall_ms, &x->limits);
}

static void refuse(struct exchange *x)
{
    const struct limit_verdict *v = &x->limits;
    struct str who = x->principal ? x->principal->name : STR("ip");
    struct str tier = x->principal ? x->principal->tier->name : x->config->default_tier->name;
    counter_add(metrics_counter(x->gateway->parts.shard, METRIC_RATE_LIMITED, METRIC_LABELS(who)), 1);
    struct lines l;
    lines_init(&l, x->arena, 1024);
    reply_add_retry_after(&l, (int64_t)v->retry_after_s * 1000);
    struct chat_error err = {.problem = PROBLEM_RATE_LIMITED};
    err.message = arena_printf(x->arena,
                               "Rate limit exceeded: tier \"%.*s\" allows %u requests per %s "
                               "(tiers.%.*s.%s). Try again in %u s.",
                               STR_ARG(tier), v->windows[v->refused_by].limit, window_words[v->refused_by],
                               STR_ARG(tier), window_options[v->refused_by], v->retry_after_s);
    reply_error(x, &err, &l);
}

bool admit(struct exchange *x)
{
    if (x->route->role != CONFIG_ROLE_USER) return true;
    if (take(x)) return true;
    refuse(x);
    return false;
}
