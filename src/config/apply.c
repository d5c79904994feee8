/* config/apply.c: rows walk over the tree, section by section:
 *
 *     group_apply(rows, struct, node):  each row: default, then the node's value; then what no row knows
 *       OPT_GROUP  the same for an inner struct         OPT_MAP, OPT_LIST  the same for each element of a new array
 *       the rest   scalar.c
 *
 * At the top, maps come last: providers and services inherit from sections that must be there by then. */
#include "config/apply.h"

#include "config/suggest.h"

struct array { /* how the structs' lists begin */
    void *at;
    size_t count;
};

static void group_apply(struct slot *s, const struct option_group *g);

/* Does this say anything that the default does not? */
static bool is_used(const struct option *o, const struct node *n)
{
    if (n->kind == NODE_SCALAR) {
        if (node_is_empty(n)) return false;
        return !o || !o->def || !str_equals_nocase(n->text, str_from_cstr(o->def));
    }
    for (const struct node *child = n->first; child; child = child->next) {
        const struct option *inner = o && o->type == OPT_GROUP ? option_find(o->group, child->key) : NULL;
        if (is_used(inner, child)) return true;
    }
    return n->count > 0 && o && o->type != OPT_GROUP;
}

static void note_unknown(struct slot *s, const struct option_group *g, const struct node *n)
{
    struct loading *l = s->loading;
    if (l->errors.count == CONFIG_MAX_MESSAGES) { /* nobody will read it */
        l->errors.unshown++;
        return;
    }
    struct suggestion nearest;
    suggest_init(&nearest, n->key);
    struct str all = STR(""), where = place_text(l->arena, s->place);
    for (size_t i = 0; i < g->count; i++) {
        suggest_offer(&nearest, str_from_cstr(g->options[i].name));
        all = arena_printf(l->arena, "%.*s%s%s", STR_ARG(all), i ? ", " : "", g->options[i].name);
    }
    struct str key = quoted_key(l->arena, n->key);
    if (nearest.best.len)
        notes_add(&l->errors, n->source, n->line, "unknown key %.*s in %.*s (did you mean \"%.*s\"?)",
                  STR_ARG(key), STR_ARG(where), STR_ARG(nearest.best));
    else
        notes_add(&l->errors, n->source, n->line, "unknown key %.*s in %.*s; allowed: %.*s", STR_ARG(key),
                  STR_ARG(where), STR_ARG(all));
}

static void option_apply(struct slot *s);

static void child_apply(struct slot *s, const struct option_group *g, const struct option *o)
{
    struct place place = {.up = s->place, .name = str_from_cstr(o->name)};
    struct slot inner = {.loading = s->loading, .option = o, .to = s->to + g->at, .place = &place};
    inner.node = s->node ? node_find(s->node, place.name) : NULL;
    option_apply(&inner);
    bool is_missing = s->node && (o->flags & OPTION_REQUIRED) && (!inner.node || node_is_empty(inner.node));
    if (!is_missing) return;
    struct str where = place_text(s->loading->arena, s->place);
    notes_add(&s->loading->errors, s->node->source, s->node->line, "\"%s\" is missing in %.*s", o->name,
              STR_ARG(where));
}

/* s->to is the struct, s->node its map or NULL: defaults alone. */
static void group_apply(struct slot *s, const struct option_group *g)
{
    if (s->node && s->node->kind != NODE_MAP) {
        if (!node_is_empty(s->node)) slot_refuse(s, s->node, node_kind_text(s->node), STR("a map"));
        s->node = NULL;
    }
    for (unsigned wants_maps = 0; wants_maps < 2; wants_maps++)
        for (size_t i = 0; i < g->count; i++)
            if ((g->options[i].type == OPT_MAP) == (wants_maps == 1)) child_apply(s, g, &g->options[i]);
    for (const struct node *n = s->node ? s->node->first : NULL; n; n = n->next)
        if (!option_find(g, n->key)) note_unknown(s, g, n);
}

static void group_set(struct slot *s)
{
    const struct option *o = s->option;
    struct slot inner = *s;
    inner.to = s->to + o->at;
    if (!(o->flags & OPTION_INHERITS)) {
        group_apply(&inner, o->group);
        return;
    }
    const struct option *global = option_find(&config_options, str_from_cstr(o->name));
    memcpy(inner.to, (const char *)s->loading->config + global->at, o->group->bytes);
    if (!s->node || node_is_empty(s->node)) return;
    if (s->node->kind != NODE_MAP) {
        group_apply(&inner, o->group);
        return;
    }
    for (const struct node *n = s->node->first; n; n = n->next) { /* no defaults: those are the global ones */
        const struct option *row = option_find(o->group, n->key);
        struct place place = {.up = s->place, .name = n->key};
        struct slot value = {
            .loading = s->loading, .option = row, .to = inner.to, .node = n, .place = &place};
        if (!row)
            note_unknown(s, o->group, n);
        else if (!node_is_empty(n))
            slot_set(&value);
    }
}

static void map_name_judge(struct slot *s, const struct option_group *g, const struct node *n)
{
    if (!g->judge_name || g->judge_name(n->key)) return;
    struct str where = place_text(s->loading->arena, s->place), key = quoted_key(s->loading->arena, n->key);
    notes_add(&s->loading->errors, n->source, n->line, "%.*s is not possible as a name in %.*s; allowed: %s",
              STR_ARG(key), STR_ARG(where), g->names_allowed);
}

/* A new array with a struct for each child; those of a map start with their name. */
static void array_set(struct slot *s)
{
    const struct option_group *g = s->option->group;
    struct array *array = (struct array *)(void *)(s->to + s->option->at);
    bool is_map = s->option->type == OPT_MAP;
    if (!s->node || node_is_empty(s->node)) return;
    if (s->node->kind != (is_map ? NODE_MAP : NODE_LIST)) {
        slot_refuse(s, s->node, node_kind_text(s->node), option_allowed(s->loading->arena, s->option));
        return;
    }
    struct arena *keep = &s->loading->config->_arena;
    char *element = arena_zalloc(keep, g->bytes * (s->node->count + 1));
    array->at = element;
    for (const struct node *n = s->node->first; n; n = n->next, element += g->bytes) {
        struct place place = {
            .up = s->place, .name = is_map ? n->key : (struct str){0}, .index = array->count++};
        struct slot inner = {
            .loading = s->loading, .option = s->option, .to = element, .node = n, .place = &place};
        if (is_map) {
            map_name_judge(s, g, n);
            *(struct str *)(void *)element = arena_copy(keep, n->key);
        }
        struct node empty = {.kind = NODE_MAP, .source = n->source, .line = n->line};
        if (node_is_empty(n))
            inner.node = &empty; /* `name:` alone: what is required is missing all the same */
        group_apply(&inner, g);
    }
}

static void option_apply(struct slot *s)
{
    struct loading *l = s->loading;
    bool is_later = s->node && (s->option->flags & OPTION_LATER) && is_used(s->option, s->node);
    if (is_later && !l->later_depth) loading_note_later(l, place_text(l->arena, s->place), s->node);
    l->later_depth += is_later;
    if (s->option->type == OPT_GROUP) {
        group_set(s);
    } else if (s->option->type == OPT_LIST || s->option->type == OPT_MAP) {
        array_set(s);
    } else if (s->node && !node_is_empty(s->node)) {
        slot_set(s);
    } else {
        slot_set_default(s);
    }
    l->later_depth -= is_later;
}

void loading_apply(struct loading *l)
{
    struct place top = {0};
    struct slot s = {.loading = l, .to = (char *)l->config, .node = l->root, .place = &top};
    group_apply(&s, &config_options);
    struct slot defaults = {.loading = l, .to = (char *)&l->config->model_defaults, .place = &top};
    group_apply(&defaults, &model_options);
}
