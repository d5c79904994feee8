/* config/link.c: when every value is in its place: order, cross references, and what one option asks of another. Runs
 * after mistakes, too, so that a report is complete; it judges nodes rather than values where a value that was refused
 * would look like one that is missing. */
#include "config/judge.h"
#include "config/loading.h"
#include "config/suggest.h"

static void note(struct loading *l, const char *path, struct str text)
{
    const struct node *n = node_at(l->root, path);
    static const struct source nowhere = {.name = "configuration", .rank = UINT32_MAX};
    notes_add(&l->errors, n ? n->source : &nowhere, n ? n->line : 0, "%.*s", STR_ARG(text));
}

/* The entry `name` of the map at `path`; names may hold dots. */
static const struct node *entry_node(struct loading *l, const char *path, struct str name)
{
    const struct node *map = node_at(l->root, path);
    return map ? node_find(map, name) : NULL;
}

static bool says(const struct node *map, const char *key)
{
    const struct node *n = map ? node_find(map, str_from_cstr(key)) : NULL;
    return n && !node_is_empty(n);
}

/* ---- order ---- */

/* Highest priority first, equal ones as written. */
static void sort_by_priority(void *array, size_t count, size_t bytes, size_t priority_at, struct arena *a)
{
    char *at = array, *moving = arena_alloc(a, bytes);
    for (size_t i = 1; i < count; i++) {
        memcpy(moving, at + i * bytes, bytes);
        int64_t priority = *(int64_t *)(void *)(moving + priority_at);
        size_t to = i;
        while (to > 0 && *(int64_t *)(void *)(at + (to - 1) * bytes + priority_at) < priority) to--;
        memmove(at + (to + 1) * bytes, at + to * bytes, (i - to) * bytes);
        memcpy(at + to * bytes, moving, bytes);
    }
}

static size_t literal_bytes(const struct config_model *m)
{
    size_t literal = m->name.len;
    for (size_t i = 0; i < m->name.len; i++) literal -= m->name.at[i] == '*';
    return literal;
}

static void index_models(struct config *c)
{
    c->_patterns = arena_new_array(&c->_arena, const struct config_model *, c->models.count + 1);
    for (size_t i = 0; i < c->models.count; i++) {
        const struct config_model *m = &c->models.at[i];
        if (str_find_char(m->name, '*') == SIZE_MAX) {
            map_put(&c->_models_by_name, m->name, (void *)m);
            continue;
        }
        size_t to = c->_pattern_count++;
        for (; to > 0 && literal_bytes(c->_patterns[to - 1]) < literal_bytes(m); to--)
            c->_patterns[to] = c->_patterns[to - 1];
        c->_patterns[to] = m;
    }
}

static void index_all(struct loading *l)
{
    struct config *c = l->config;
    sort_by_priority((void *)c->providers.at, c->providers.count, sizeof *c->providers.at,
                     offsetof(struct config_provider, priority), l->arena);
    for (size_t i = 0; i < c->providers.count; i++)
        map_put(&c->_providers_by_name, c->providers.at[i].name, (void *)&c->providers.at[i]);
    index_models(c);
}

/* ---- tiers and keys ---- */

static void link_tiers(struct loading *l)
{
    struct config *c = l->config;
    struct config_tier *all = arena_new_array(&c->_arena, struct config_tier, c->tiers.count + 1);
    if (c->tiers.count) memcpy(all, c->tiers.at, c->tiers.count * sizeof *all);
    all[c->tiers.count].name = STR("unlimited");
    if (config_find_tier(c, STR("unlimited")))
        note(l, "tiers.unlimited",
             STR("the tier \"unlimited\" is built in and stays without limits; allowed: another name"));
    c->tiers.at = all;
    c->unlimited_tier = &all[c->tiers.count++];
    c->default_tier = config_find_tier(c, STR("default"));
}

static const struct config_team *find_team(const struct config *c, struct str name)
{
    for (size_t i = 0; i < c->teams.count; i++)
        if (str_equals(c->teams.at[i].name, name)) return &c->teams.at[i];
    return NULL;
}

/* Notes a text that an earlier key has, too. */
static void judge_unique(struct loading *l, struct map *seen, struct str text, const struct node *n,
                         const char *what)
{
    if (!text.len || !map_put(seen, text, (void *)n) || !n) return;
    notes_add(&l->errors, n->source, n->line, "a second key with this %s in auth.keys; allowed: each %s once",
              what, what);
}

static void link_keys(struct loading *l)
{
    struct config *c = l->config;
    struct config_key *keys = (struct config_key *)c->auth.keys.at;
    const struct node *list = node_at(l->root, "auth.keys"), *n = list ? list->first : NULL;
    struct map names, secrets;
    map_init(&names);
    map_init(&secrets);
    for (size_t i = 0; i < c->auth.keys.count; i++, n = n ? n->next : NULL) {
        struct config_key *key = &keys[i];
        bool is_admin = key->role == CONFIG_ROLE_ADMIN;
        key->tier = config_find_tier(c, key->tier_name);
        if (!key->tier) key->tier = is_admin ? c->unlimited_tier : c->default_tier;
        key->team = find_team(c, key->team_name);
        judge_unique(l, &names, key->name, n, "name");
        judge_unique(l, &secrets, key->key, n, "key");
    }
    map_done(&names);
    map_done(&secrets);
}

/* For what turns out only when it is used: as in the report. */
static struct str place_of(struct loading *l, const struct node *n)
{
    if (!n) return STR("");
    struct arena *a = &l->config->_arena;
    return n->line ? arena_printf(a, "%s:%u", n->source->name, n->line)
                   : arena_printf(a, "%s", n->source->name);
}

/* ---- certificates ---- */

static void judge_certificate(struct loading *l, const struct node *tls, struct str where)
{
    if (says(tls, "cert") != says(tls, "key"))
        notes_add(&l->errors, tls->source, tls->line,
                  "half a certificate in %.*s; allowed: cert and key together", STR_ARG(where));
}

static void link_server(struct loading *l)
{
    const struct node *tls = node_at(l->root, "server.tls");
    l->config->server.tls_place = place_of(l, tls);
    judge_certificate(l, tls, STR("server.tls"));
    if (says(tls, "client_ca") && !says(tls, "cert"))
        notes_add(&l->errors, tls->source, tls->line,
                  "client_ca without a certificate in server.tls; allowed: cert and key, too");
}

/* ---- providers ---- */

static bool is_preset(const struct loading *l, struct str name)
{
    const char *const *p = l->request->presets;
    for (; p && *p; p++)
        if (str_equals(str_from_cstr(*p), name)) return true;
    return false;
}

static struct str all_presets(struct loading *l)
{
    struct str all = STR("");
    for (const char *const *p = l->request->presets; p && *p; p++)
        all = arena_printf(l->arena, "%.*s%s%s", STR_ARG(all), all.len ? ", " : "", *p);
    return all;
}

static void link_provider(struct loading *l, struct config_provider *p)
{
    const struct node *n = entry_node(l, "providers", p->name);
    struct str kind = str_from_cstr(config_kind_name(p->kind));
    const struct option_choice *choice = choice_find(kind_choices, kind);
    bool has_url = says(n, "base_url") || says(n, "base_urls"), has_kind = says(n, "kind"),
         has_preset = says(n, "preset");
    p->place = place_of(l, n);
    p->is_built = !choice || choice->is != CHOICE_LATER;
    if (!has_preset && (!has_kind || !has_url) && is_preset(l, p->name))
        p->preset = p->name;
    else if (!has_preset && !has_url && is_preset(l, kind))
        p->preset = kind;
    if (!has_preset && !p->preset.len && !has_kind) p->kind = KIND_OPENAI;
    bool is_judged = l->request->presets && n && (n->kind == NODE_MAP || node_is_empty(n));
    bool is_somewhere = has_url || has_preset || p->preset.len || p->kind == KIND_SIMULATOR || !p->is_built;
    if (!is_somewhere && is_judged)
        notes_add(&l->errors, n->source, n->line,
                  "no base_url in providers.%.*s; allowed: a base_url, or preset: %.*s", STR_ARG(p->name),
                  STR_ARG(all_presets(l)));
    const struct node *tls = n ? node_find(n, STR("tls")) : NULL;
    judge_certificate(l, tls, arena_printf(l->arena, "providers.%.*s.tls", STR_ARG(p->name)));
}

/* ---- models ---- */

static void link_model(struct loading *l, struct config_model *m)
{
    const struct node *n = entry_node(l, "models", m->name), *list = n ? node_find(n, STR("targets")) : NULL;
    struct config_target *targets = (struct config_target *)m->targets.at;
    sort_by_priority(targets, m->targets.count, sizeof *targets, offsetof(struct config_target, priority),
                     l->arena);
    for (size_t i = 0; i < m->targets.count; i++)
        targets[i].provider = config_find_provider(l->config, targets[i].provider_name);
    if (list && list->kind == NODE_LIST && !list->count)
        notes_add(&l->errors, list->source, list->line,
                  "no target in models.%.*s.targets; allowed: one or more", STR_ARG(m->name));
}

/* ---- references ---- */

static bool is_model(const struct config *c, struct str name)
{
    if (config_find_model(c, name)) return true;
    struct str rest = name, provider = str_cut(&rest, '/');
    return rest.at && rest.len && config_find_provider(c, provider);
}

static bool is_there(const struct loading *l, const struct reference *r)
{
    const struct config *c = l->config;
    switch (r->what) {
    case REF_PROVIDER: return config_find_provider(c, r->name);
    case REF_MODEL: return is_model(c, r->name);
    case REF_MODEL_OR_LISTED: return is_model(c, r->name) || str_equals(r->name, STR("auto"));
    case REF_TIER: return config_find_tier(c, r->name);
    case REF_TEAM: return find_team(c, r->name);
    case REF_PRESET: return !l->request->presets || is_preset(l, r->name);
    case REF_NONE: break;
    }
    return true;
}

/* The candidates, offered to `nearest` and listed while they are few. */
struct candidates {
    struct arena *arena;
    struct suggestion nearest;
    struct str all;
    size_t count;
};

static void offer(struct candidates *c, struct str name)
{
    enum { MAX_LISTED = 12 };
    suggest_offer(&c->nearest, name);
    if (c->count++ < MAX_LISTED)
        c->all = arena_printf(c->arena, "%.*s%s%.*s", STR_ARG(c->all), c->all.len ? ", " : "", STR_ARG(name));
    else if (c->count == MAX_LISTED + 1)
        c->all = arena_printf(c->arena, "%.*s …", STR_ARG(c->all));
}

static void offer_all(const struct loading *l, enum option_ref what, struct candidates *out)
{
    const struct config *c = l->config;
    if (what == REF_PROVIDER)
        for (size_t i = 0; i < c->providers.count; i++) offer(out, c->providers.at[i].name);
    if (what == REF_MODEL || what == REF_MODEL_OR_LISTED)
        for (size_t i = 0; i < c->models.count; i++) offer(out, c->models.at[i].name);
    if (what == REF_TIER)
        for (size_t i = 0; i < c->tiers.count; i++) offer(out, c->tiers.at[i].name);
    if (what == REF_TEAM)
        for (size_t i = 0; i < c->teams.count; i++) offer(out, c->teams.at[i].name);
    for (const char *const *p = l->request->presets; what == REF_PRESET && p && *p; p++)
        offer(out, str_from_cstr(*p));
}

static void judge_reference(struct loading *l, const struct reference *r)
{
    static const char *const section[] = {
        [REF_PROVIDER] = "in providers", [REF_MODEL] = "in models", [REF_MODEL_OR_LISTED] = "in models",
        [REF_TIER] = "in tiers",         [REF_TEAM] = "in teams",   [REF_PRESET] = "a known preset",
    };
    if (is_there(l, r)) return;
    struct candidates c = {.arena = l->arena, .all = STR("")};
    suggest_init(&c.nearest, r->name);
    offer_all(l, r->what, &c);
    bool is_certain = r->what != REF_MODEL_OR_LISTED;
    struct str rest = STR("; there is none yet");
    if (c.nearest.best.len)
        rest = arena_printf(l->arena, " (did you mean \"%.*s\"?)", STR_ARG(c.nearest.best));
    else if (!is_certain)
        rest = STR("; it counts if a provider lists it");
    else if (c.all.len)
        rest = arena_printf(l->arena, "; allowed: %.*s", STR_ARG(c.all));
    notes_add(is_certain ? &l->errors : &l->warnings, r->source, r->line, "%.*s in %.*s is not %s%.*s",
              STR_ARG(r->written), STR_ARG(r->where), section[r->what], STR_ARG(rest));
}

/* ---- what one option asks of another ---- */

static void judge_server(struct loading *l)
{
    struct config *c = l->config;
    const struct node *listen = node_at(l->root, "server.listen");
    if (listen && listen->kind == NODE_LIST && !listen->count)
        note(l, "server.listen", STR("no address in server.listen; allowed: one or more"));
    bool is_known = c->server.max_buffered_bytes > 0; /* else it has been said what is wrong with it */
    if (is_known && c->server.max_body_bytes > c->server.max_buffered_bytes)
        note(l, "server.max_buffered",
             STR("server.max_buffered is less than server.max_body; allowed: at least as much"));
    if (lets_strangers_in(c))
        note(l, "auth.mode",
             STR("\"off\" in auth.mode while server.listen lets other machines in; "
                 "allowed: a loopback address in server.listen, or auth.anywhere: true"));
}

void loading_link(struct loading *l)
{
    struct config *c = l->config;
    index_all(l);
    link_tiers(l);
    link_keys(l);
    link_server(l);
    for (size_t i = 0; i < c->providers.count; i++)
        link_provider(l, (struct config_provider *)&c->providers.at[i]);
    for (size_t i = 0; i < c->models.count; i++) link_model(l, (struct config_model *)&c->models.at[i]);
    for (const struct reference *r = l->references; r; r = r->next) judge_reference(l, r);
    judge_server(l);
}
