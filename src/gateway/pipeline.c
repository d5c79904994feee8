/* gateway/pipeline.c: the way of a request to a model, from top to bottom:
 *     read and scan the body -> plan the targets -> try them in order -> relay the first that answers
 * and, when none did, say so honestly: which were tried, what each said, when to come back. */
#include "gateway/attempt.h"
#include "gateway/exchange.h"
#include "gateway/relay.h"
#include "gateway/reply.h"
#include "gateway/settle.h"
#include "gateway/unpack.h"

/* ---- the request ---- */
static bool content_type_is_json(struct str type)
{
    struct str essence = str_trim(str_cut(&type, ';'));
    return essence.len == 0 || str_equals_nocase(essence, STR("application/json")) ||
           (str_starts_with_nocase(essence, STR("application/")) && str_ends_with(essence, STR("+json")));
}

static bool is_form(const struct exchange *x)
{
    return operation_row(x->route->operation)->kind == OF_FORM;
}

static bool check_type(struct exchange *x)
{
    struct str type = http_headers_value(&x->request->headers, H_CONTENT_TYPE);
    if (is_form(x) && !str_starts_with_nocase(type, STR("multipart/form-data")))
        reply_problem(
            x, PROBLEM_UNSUPPORTED_TYPE, STR(""),
            STR("Content-Type: multipart/form-data is needed here; the request declares another type."));
    else if (!is_form(x) && !content_type_is_json(type))
        reply_problem(
            x, PROBLEM_UNSUPPORTED_TYPE, STR(""),
            STR("Content-Type: application/json is needed here; the request declares another type."));
    else
        return unpack_is_possible(x);
    return false;
}

static bool read_body(struct exchange *x)
{
    x->doing = "reading the request's body";
    enum io io = http_exchange_read_whole(x->http, &x->body);
    if (io == IO_OK) return true;
    if (io == IO_CANCELLED) return false;
    int status = http_exchange_body_status(x->http);
    if (status == 413)
        reply_body_too_large(x);
    else if (status == 408)
        reply_problem(x, PROBLEM_SLOW_REQUEST, STR(""), STR("The request body did not arrive in time."));
    else if (status == 503)
        reply_no_room(x);
    else if (status)
        reply_problem(x, PROBLEM_INVALID_REQUEST, STR(""), STR("The request body's framing is malformed."));
    return false;
}

static bool scan_body(struct exchange *x, struct chat_error *err)
{
    const struct same_dialect *same = x->dialect->same;
    struct http_message form = {.headers = &x->request->headers, .body = x->body};
    return is_form(x) ? same->scan_form(&x->facts, x->arena, &form, err)
                      : same->scan_request(&x->facts, x->arena, x->route->operation, x->body, err);
}

static bool read_request(struct exchange *x)
{
    struct chat_error err;
    if (!check_type(x) || !read_body(x) || !unpack_body(x)) return false;
    if (scan_body(x, &err)) return true;
    reply_error(x, &err, NULL);
    return false;
}

/* ---- trying ---- */
struct tally {              /* of what became of the targets */
    int caller_status;      /* what all failures agree on; 0: none yet, -1: they differ */
    int64_t retry_after_ms; /* the least that a 429 named */
    struct str refused_by;  /* the last provider with an open breaker */
    msec_t breaker_ms;      /* the least wait for an open one */
    bool is_limited;        /* one was passed over because of requests_per_minute */
};

static int64_t wait_of(const struct verdict *v)
{
    int64_t ms = v->retry_after_ms;
    if (v->retry_at_s) ms = v->retry_at_s * 1000 - clock_wall_ms();
    return ms < 1000 ? 1000 : ms;
}

static void tally_failure(struct tally *t, const struct attempt *a, enum outcome outcome)
{
    int status = outcome_row(outcome)->caller_status;
    if (status == 0) status = a->head.status;
    t->caller_status = t->caller_status == 0 || t->caller_status == status ? status : -1;
    if (outcome != OUTCOME_RATE_LIMITED) return;
    int64_t ms = wait_of(&a->verdict);
    if (t->retry_after_ms == 0 || ms < t->retry_after_ms) t->retry_after_ms = ms;
}

static bool may_send(struct exchange *x, const struct target *target, struct breaker_ticket *ticket,
                     struct tally *t)
{
    struct provider_state *state = target->endpoint->state;
    msec_t now = fiber_now();
    if (!provider_state_allows(state, now, ticket)) {
        msec_t ms = provider_state_retry_after_ms(state, now);
        if (str_is_empty(t->refused_by) || ms < t->breaker_ms) t->breaker_ms = ms;
        t->refused_by = target->provider->name;
        settle_passed_over(x, target, STR("breaker_open"));
        return false;
    }
    struct limit_verdict verdict;
    struct limit_slot *limits = target->provider->limits;
    if (!limits || limit_slot_take(limits, 1, now, x->wall_ms, &verdict)) return true;
    provider_state_report(state, *ticket, NOT_JUDGED, now);
    t->is_limited = true;
    int64_t ms = (int64_t)verdict.retry_after_s * 1000;
    if (t->retry_after_ms == 0 || ms < t->retry_after_ms) t->retry_after_ms = ms;
    settle_passed_over(x, target, STR("provider_limit"));
    return false;
}

/* A 400 that our own addition to the request caused: remembered, and worth another try at the same target. */
static bool refused_our_addition(const struct attempt *a, enum outcome outcome)
{
    if (outcome != OUTCOME_INVALID_REQUEST || !a->asks_usage || a->verdict.kind != REJECTION_STREAM_OPTIONS)
        return false;
    atomic_store_explicit(&a->target.endpoint->state->refuses_stream_options, true, memory_order_relaxed);
    return true;
}

enum after { TRY_NEXT, TRY_AGAIN, ANSWERED };

static enum after try_target(struct exchange *x, const struct plan *plan, const struct target *target,
                             struct tally *tally)
{
    struct breaker_ticket ticket;
    if (!may_send(x, target, &ticket, tally)) return TRY_NEXT;
    x->attempts++;
    struct attempt *a = attempt_new(x, plan, target, ticket);
    enum outcome outcome = attempt_run(a);
    enum after after = ANSWERED;
    if (outcome == OUTCOME_SUCCESS) {
        outcome = relay(a);
    } else if (refused_our_addition(a, outcome)) {
        after = TRY_AGAIN;
    } else if (outcome_row(outcome)->tries_next) {
        tally_failure(tally, a, outcome);
        after = TRY_NEXT;
    } else if (outcome == OUTCOME_INVALID_REQUEST) {
        relay_rejection(a);
    } else if (outcome == OUTCOME_NO_ROOM) {
        relay_no_room(x);
    }
    settle_attempt(a, outcome);
    return after;
}

/* ---- nobody answered ---- */
static struct str failure_text(struct exchange *x, const struct tally *t)
{
    if (x->attempts == 0 && t->refused_by.len && !t->is_limited)
        return arena_printf(x->arena, "Circuit breaker '%.*s' is OPEN", STR_ARG(t->refused_by));
    struct lines l;
    lines_init(&l, x->arena, 256);
    lines_raw(&l, STR("All LLM providers failed"));
    for (unsigned i = 0; i < x->trail_count; i++) {
        const struct chat_error_attempt *a = &x->trail[i];
        lines_raw(&l, i == 0 ? STR(": ") : STR("; "));
        lines_raw(&l, a->provider);
        lines_raw(&l, STR(" "));
        lines_raw(&l, a->reason);
        if (a->status) lines_raw(&l, arena_printf(x->arena, " (status %d)", a->status));
    }
    return lines_str(&l);
}

static int failure_status(const struct exchange *x, const struct tally *t)
{
    if (x->attempts == 0) return t->is_limited && t->refused_by.len == 0 ? 429 : 503;
    return t->caller_status > 0 ? t->caller_status : 502;
}

static void reply_failure(struct exchange *x, const struct tally *t)
{
    struct chat_error err = {.status = failure_status(x, t),
                             .message = failure_text(x, t),
                             .attempts = x->trail,
                             .attempt_count = x->trail_count};
    err.problem = err.status == 404 ? PROBLEM_MODEL_NOT_FOUND : problem_of_status(err.status);
    if (x->has_head) {
        relay_error_event(x, &err);
        return;
    }
    struct lines l;
    lines_init(&l, x->arena, 1024);
    lines_add_i64(&l, STR("X-Weir-Attempts"), x->attempts);
    if (err.status == 429)
        reply_add_retry_after(&l, t->retry_after_ms);
    else if (x->attempts == 0 && t->refused_by.len)
        reply_add_retry_after(&l, t->breaker_ms);
    reply_error(x, &err, &l);
}

/* A cancelled fiber means that the caller is gone, or that a shutdown's grace is over: then he is told. */
static void end_cancelled(struct exchange *x)
{
    static const struct chat_error err = {.problem = PROBLEM_UNAVAILABLE,
                                          .message = STR_INIT("The gateway is shutting down.")};
    if (http_exchange_is_caller_gone(x->http)) return;
    if (x->has_head)
        relay_error_event(x, &err);
    else if (!http_exchange_has_sent(x->http))
        reply_error(x, &err, NULL);
}

/* Time and number of attempts are bounded; what our own addition to the request spoilt does not count. */
static bool may_go_on(const struct exchange *x, const struct plan *plan, enum after after)
{
    if (fiber_now() >= x->deadline) return false;
    return after == TRY_AGAIN || x->attempts < plan->settings->attempts;
}

/* Whose keys were all refused lately is left for the case that nobody else could be tried. */
static bool is_set_aside(const struct target *t)
{
    const struct provider *p = t->provider;
    return provider_state_keys_are_aside(t->endpoint->state, p->key_ids, p->key_count, fiber_now());
}

/* One pass over the targets that are (or are not) set aside. False: it is decided, one way or the other. */
static bool try_pass(struct exchange *x, const struct plan *plan, bool those_set_aside, struct tally *tally)
{
    enum after after = TRY_NEXT;
    for (unsigned i = 0; i < plan->count && may_go_on(x, plan, after); i += after == TRY_NEXT) {
        after = TRY_NEXT;
        if (is_set_aside(&plan->targets[i]) != those_set_aside) continue;
        after = try_target(x, plan, &plan->targets[i], tally);
        bool has_ended = after == ANSWERED && x->outcome != OUTCOME_CALLER_GONE;
        if (exchange_is_cancelled(x) && !has_ended) end_cancelled(x);
        if (exchange_is_cancelled(x) || after == ANSWERED) return false;
    }
    return true;
}

static void try_targets(struct exchange *x, const struct plan *plan)
{
    struct tally tally = {0};
    if (!try_pass(x, plan, false, &tally)) return;
    if (x->attempts == 0 && !try_pass(x, plan, true, &tally)) return;
    reply_failure(x, &tally);
}

void exchange_run(struct exchange *x)
{
    bool is_text = operation_row(x->route->operation)->kind == OF_TEXT;
    x->dialect = is_text ? &dialect_openai_chat : &dialect_openai_media;
    if (!read_request(x)) {
        if (exchange_is_cancelled(x)) end_cancelled(x);
        return;
    }
    struct plan *plan = plan_make(x);
    if (!plan) return;
    x->deadline = fiber_deadline(plan->settings->timeouts.total_ms);
    x->keepalive_at = x->facts.is_stream ? fiber_deadline(plan->settings->keepalive_ms) : NEVER;
    try_targets(x, plan);
    settle_exchange(x);
}
