/* gateway/plan.c: resolves the model's name. The order is the contract's; the first rule that knows the name decides. */
#include "gateway/plan.h"

#include "gateway/decode.h"
#include "gateway/identify.h"
#include "gateway/reply.h"

enum { LIST_MS = 5000, LIST_POLL_MS = 5, LIST_MAX_BYTES = 4 << 20 };

static const uint32_t operation_apis[OP_COUNT] = {
    [OP_CHAT] = API_CHAT,
    [OP_COMPLETIONS] = API_COMPLETIONS,
    [OP_EMBEDDINGS] = API_EMBEDDINGS,
    [OP_MODERATIONS] = API_MODERATIONS,
    [OP_IMAGES] = API_IMAGES,
    [OP_IMAGE_EDITS] = API_IMAGES,
    [OP_SPEECH] = API_SPEECH,
    [OP_TRANSCRIPTIONS] = API_TRANSCRIPTIONS,
    [OP_TRANSLATIONS] = API_TRANSCRIPTIONS,
};

static bool can_do(const struct exchange *x, const struct provider *p)
{
    return p->facts.apis & operation_apis[x->route->operation];
}

/* One target per place where the provider can be reached. */
static void add(struct plan *plan, const struct exchange *x, const struct provider *p, struct str model)
{
    if (!can_do(x, p)) return;
    for (unsigned i = 0; i < p->endpoint_count && plan->count < PLAN_MAX_TARGETS; i++)
        plan->targets[plan->count++] = (struct target){p, &p->endpoints[i], model};
}

/* OpenAI's moderations choose a model themselves where none is named. Then none is named to the provider
 * either, unless default_model or an entry of `models` says which. */
static bool leaves_model_out(const struct exchange *x)
{
    return x->route->operation == OP_MODERATIONS && str_is_empty(x->facts.model) &&
           str_equals(x->model, STR("auto"));
}

/* ---- the rules ---- */
static bool by_entry(struct plan *plan, struct exchange *x)
{
    const struct config_model *m = config_find_model(x->config, x->model);
    if (!m) return false;
    plan->settings = m;
    struct str same = leaves_model_out(x) ? STR("") : x->model;
    for (size_t i = 0; i < m->targets.count; i++) {
        const struct config_target *t = &m->targets.at[i];
        const struct provider *p = snapshot_find_provider(x->use->snapshot, t->provider_name);
        if (p) add(plan, x, p, str_equals(t->model, STR("*")) ? same : t->model);
    }
    return true;
}

static bool by_auto(struct plan *plan, struct exchange *x)
{
    if (!str_equals(x->model, STR("auto"))) return false;
    const struct snapshot *s = x->use->snapshot;
    for (size_t i = 0; i < s->provider_count; i++) {
        struct str model = leaves_model_out(x) ? STR("") : s->providers[i].facts.model;
        if (model.len || leaves_model_out(x)) add(plan, x, &s->providers[i], model);
    }
    return plan->count > 0;
}

static bool by_list(struct plan *plan, struct exchange *x)
{
    const struct snapshot *s = x->use->snapshot;
    plan_refresh_catalogues(x);
    for (size_t i = 0; i < s->provider_count; i++)
        if (catalogue_has(s->providers[i].catalogue, x->model)) add(plan, x, &s->providers[i], x->model);
    return plan->count > 0;
}

static bool by_provider(struct plan *plan, struct exchange *x)
{
    struct str model = x->model;
    struct str first = str_cut(&model, '/');
    const struct provider *p = model.len ? snapshot_find_provider(x->use->snapshot, first) : NULL;
    if (!p) return false;
    add(plan, x, p, model);
    return true;
}

/* ---- lists of models ---- */
static void fetch_list(struct exchange *x, const struct provider *p)
{
    const struct endpoint *e = &p->endpoints[0];
    struct str head = arena_join(
        x->arena,
        (struct str[]){STR("GET "), e->url.path, STR("/models"), e->host_line, p->own_lines[0],
                       STR("Accept: application/json\r\nAccept-Encoding: identity\r\n\r\n")},
        6);
    struct http_call_request request = {.origin = &e->origin,
                                        .pieces = &head,
                                        .count = 1,
                                        .connect_ms = LIST_MS,
                                        .deadline = fiber_deadline(LIST_MS)};
    struct http_call *call = NULL;
    struct http_response reply;
    struct decoder decoder = {0};
    struct str body = {0};
    struct buf into;
    struct err err;
    buf_init(&into, LIST_MAX_BYTES);
    if (http_call_begin(&call, x->gateway->client, &request, &err) != IO_OK ||
        http_call_read_head(call, &reply, x->arena, &err) != IO_OK || reply.status != 200 ||
        !decoder_init(&decoder, call, &reply.headers, &(struct decoder_limits){.max_bytes = LIST_MAX_BYTES},
                      &err) ||
        decoder_read_whole(&decoder, &body, &into, request.deadline, &err) != IO_OK)
        body = STR("");
    if (body.len == 0 && fiber_is_cancelled(fiber_current()))
        catalogue_release(p->catalogue); /* a caller who leaves says nothing about the provider */
    else
        catalogue_store(p->catalogue, body, fiber_now());
    decoder_done(&decoder);
    http_call_end(&call);
    buf_done(&into);
}

struct fetch {
    struct exchange *exchange;
    const struct provider *provider;
};

static void fetch_main(void *arg)
{
    const struct fetch *f = arg;
    fetch_list(f->exchange, f->provider);
}

/* Starts what is due. True: some other list comes for the first time. Whose breaker is open is left alone. */
static bool start_fetches(struct exchange *x, struct fiber_group *group)
{
    const struct snapshot *s = x->use->snapshot;
    bool has_awaited = false;
    for (size_t i = 0; i < s->provider_count; i++) {
        const struct provider *p = &s->providers[i];
        enum catalogue_claim claim = catalogue_claim(p->catalogue, fiber_now());
        if (claim == CATALOGUE_AWAITED) has_awaited = true;
        if (claim != CATALOGUE_YOURS) continue;
        bool is_open = provider_state_counts(p->endpoints[0].state, fiber_now()).state == BREAKER_OPEN;
        struct fetch *f = arena_new(x->arena, struct fetch);
        *f = (struct fetch){x, p};
        if (is_open || !fiber_group_start(group, fetch_main, f)) catalogue_release(p->catalogue);
    }
    return has_awaited;
}

void plan_refresh_catalogues(struct exchange *x)
{
    msec_t deadline = fiber_deadline(LIST_MS);
    x->doing = "fetching lists of models";
    for (;;) {
        struct fiber_group group;
        fiber_group_init(&group);
        bool has_awaited = start_fetches(x, &group);
        enum io io = fiber_group_wait_all(&group, NEVER); /* each has its own deadline */
        if (io != IO_OK || !has_awaited || fiber_now() >= deadline) return;
        if (fiber_sleep(LIST_POLL_MS) == IO_CANCELLED) return;
    }
}

/* ---- the plan ---- */
static struct plan *refuse(struct exchange *x, enum problem problem, struct str message)
{
    reply_problem(x, problem, STR("model"), message);
    return NULL;
}

static struct plan *refuse_unknown(struct exchange *x)
{
    if (x->use->snapshot->provider_count == 0)
        return refuse(x, PROBLEM_MODEL_NOT_FOUND,
                      STR("No provider is configured: set OPENAI_API_KEY or add providers to weir.yaml."));
    return refuse(
        x, PROBLEM_MODEL_NOT_FOUND,
        arena_printf(x->arena,
                     "The model \"%.*s\" is not known here: it is no entry of models, no provider lists it. "
                     "GET /v1/models shows what there is; \"provider/model\" works for configured providers.",
                     STR_ARG(x->model)));
}

struct plan *plan_make(struct exchange *x)
{
    x->model = x->facts.model.len ? x->facts.model : x->config->default_model;
    if (!identify_may_use_model(x, x->model))
        return refuse(x, PROBLEM_FORBIDDEN,
                      arena_printf(x->arena, "Key \"%.*s\" may not use the model \"%.*s\".",
                                   STR_ARG(x->principal->name), STR_ARG(x->model)));
    struct plan *plan = arena_new(&x->scratch, struct plan);
    plan->settings = &x->config->model_defaults;
    if (!by_entry(plan, x) && !by_auto(plan, x) && !by_list(plan, x) && !by_provider(plan, x))
        return refuse_unknown(x);
    if (plan->count > 0) return plan;
    return refuse(x, PROBLEM_INVALID_REQUEST,
                  arena_printf(x->arena,
                               "No provider of the model \"%.*s\" can do %.*s (see providers.*.apis).",
                               STR_ARG(x->model), STR_ARG(operation_row(x->route->operation)->name)));
}
