/* api/models.c: GET /v1/models and /v1/models/{id}, in OpenAI's shape: configured names first, then what providers list
 * as `provider/model`, as far as the key may use them. */
#include "api/endpoints.h"
#include "gateway/identify.h"
#include "gateway/plan.h"
#include "gateway/reply.h"
#include "http/url.h"
#include "json/writer.h"

enum { LIST_MAX_BYTES = 8 << 20 };

struct listing {
    struct exchange *x;
    struct json_writer *w;
    struct str wanted; /* only this one; at == NULL: all */
    bool is_found;
};

static bool is_simulated(const struct provider *p)
{
    return p->config->kind == KIND_SIMULATOR;
}

static void put_model(struct listing *l, struct str id, struct str owner)
{
    if (!identify_may_use_model(l->x, id)) return;
    if (l->wanted.at && (l->is_found || !str_equals(id, l->wanted))) return;
    l->is_found = true;
    json_begin_object(l->w);
    json_put_str(l->w, STR("id"), id);
    json_put_str(l->w, STR("object"), STR("model"));
    json_put_i64(l->w, STR("created"), l->x->gateway->parts.process->started_wall_ms / 1000);
    json_put_str(l->w, STR("owned_by"), owner);
    json_end_object(l->w);
}

static struct str owner_name(const struct provider *p)
{
    return is_simulated(p) ? STR("weir (simulated)") : p->name;
}

/* Who answers first for a configured name. */
static struct str owner_of(const struct exchange *x, const struct config_model *m)
{
    const struct provider *p = snapshot_find_provider(x->use->snapshot, m->targets.at[0].provider_name);
    return p ? owner_name(p) : m->targets.at[0].provider_name;
}

static void put_configured(struct listing *l)
{
    const struct config *c = l->x->config;
    for (size_t i = 0; i < c->models.count; i++)
        if (str_find_char(c->models.at[i].name, '*') == SIZE_MAX)
            put_model(l, c->models.at[i].name, owner_of(l->x, &c->models.at[i]));
}

static void put_provider(struct listing *l, const struct provider *p)
{
    struct arena *a = l->x->arena;
    const struct str *ids;
    size_t count = catalogue_list(p->catalogue, a, &ids);
    for (size_t i = 0; i < count; i++) {
        if (l->wanted.at)
            put_model(l, ids[i], owner_name(p)); /* asked for by the name that the provider lists */
        put_model(l, arena_join(a, (struct str[]){p->name, STR("/"), ids[i]}, 3), owner_name(p));
    }
    if (count == 0 && p->facts.model.len)
        put_model(l, arena_join(a, (struct str[]){p->name, STR("/"), p->facts.model}, 3), owner_name(p));
}

static void put_all(struct listing *l)
{
    const struct snapshot *s = l->x->use->snapshot;
    plan_refresh_catalogues(l->x);
    put_configured(l);
    for (size_t i = 0; i < s->provider_count; i++)
        if (!s->config->is_demo) put_provider(l, &s->providers[i]); /* the model `demo` is enough of a demo */
}

void api_list_models(struct exchange *x, struct str rest)
{
    (void)rest;
    struct buf out;
    struct json_writer w;
    buf_init(&out, LIST_MAX_BYTES);
    json_writer_init(&w, &out, 0);
    json_begin_object(&w);
    json_put_str(&w, STR("object"), STR("list"));
    json_write_key(&w, STR("data"));
    json_begin_array(&w);
    put_all(&(struct listing){.x = x, .w = &w});
    json_end_array(&w);
    json_end_object(&w);
    if (json_writer_finish(&w))
        reply_json(x, 200, buf_str(&out));
    else
        reply_problem(x, PROBLEM_INTERNAL, STR(""), STR("The list of models is larger than 8 MiB."));
    buf_done(&out);
}

void api_show_model(struct exchange *x, struct str rest)
{
    struct str id;
    struct buf out;
    struct json_writer w;
    buf_init(&out, LIST_MAX_BYTES);
    json_writer_init(&w, &out, 0);
    bool is_found = false;
    if (url_decode(&id, x->arena, rest)) {
        struct listing l = {.x = x, .w = &w, .wanted = id};
        put_all(&l);
        is_found = l.is_found;
    }
    if (is_found && json_writer_finish(&w))
        reply_json(x, 200, buf_str(&out));
    else
        reply_problem(x, PROBLEM_MODEL_NOT_FOUND, STR("model"),
                      STR("There is no such model here; GET /v1/models lists them."));
    buf_done(&out);
}
