/* config/load.c: the steps of a load, in their order. Each works on one tree of nodes, so that every value, wherever it
 * comes from, is judged by its row and reported with the place it came from:
 *
 *     .env ─► weir.yaml ◄─merge─ weir.<env>.yaml ─► ${…} ─► environment ─► flags ─► apply ─► link ─► report
 *
 * A file that is not YAML ends the load after its own errors; everything else goes on to the end. */
#include "config/loading.h"

#include "base/mem.h"

static const char DEFAULT_FILE[] = "weir.yaml";
enum { MAX_LATER_NAMED = 40 };

const struct source *loading_add_source(struct loading *l, const char *name)
{
    struct source *s = arena_new(l->arena, struct source);
    *s = (struct source){.name = name, .rank = l->sources++};
    return s;
}

void loading_note_later(struct loading *l, struct str what, const struct node *n)
{
    if (l->later_count++ >= MAX_LATER_NAMED) return;
    struct str from = STR("environment");
    if (n && n->line)
        from = arena_printf(l->arena, "%s:%u", n->source->name, n->line);
    else if (n)
        from = str_from_cstr(n->source->name);
    l->later = arena_printf(l->arena, "%.*s%s%.*s (%.*s)", STR_ARG(l->later), l->later.len ? ", " : "",
                            STR_ARG(what), STR_ARG(from));
}

/* ---- files ---- */

/* NULL: no such file, or (noted) it cannot be read. Its text is in the arena. */
static const struct source *read_file(struct loading *l, const char *path, struct str *text)
{
    struct err err = {0};
    struct buf file;
    buf_init(&file, CONFIG_MAX_FILE_BYTES);
    const struct source *source = NULL;
    const struct config_source *from = l->request->source;
    if (from->read_file(from->arg, path, &file, &err)) {
        source = loading_add_source(l, path);
        *text = arena_copy(l->arena, buf_str(&file));
    } else if (err.code != ERR_NOT_FOUND) {
        notes_add(&l->errors, loading_add_source(l, path), 0, "%s", err.text);
    }
    buf_done(&file);
    return source;
}

/* `name` in the directory of `path`. */
static const char *beside(struct loading *l, const char *path, const char *name)
{
    struct str file = str_from_cstr(path);
    while (file.len && file.at[file.len - 1] != '/') file.len--;
    return arena_printf(l->arena, "%.*s%s", STR_ARG(file), name).at;
}

static void read_dotenv(struct loading *l, const char *path)
{
    struct str text;
    const struct source *source = read_file(l, beside(l, path, ".env"), &text);
    if (source) env_add_dotenv(&l->env, text, source, &l->warnings);
}

/* The tree of a file; NULL: not there, or its errors are noted. */
static struct node *read_yaml(struct loading *l, const char *path)
{
    struct str text;
    const struct source *source = read_file(l, path, &text);
    return source ? node_read_yaml(l->arena, source, text, &l->errors) : NULL;
}

/* "weir.yaml" → "weir.production.yaml". NULL: no name is set, or (noted) not one that names a file. */
static const char *variant_of(struct loading *l, const char *path)
{
    static const char *const names[] = {"WEIR_ENV", "FLASK_ENV"};
    struct str value = STR(""), file = str_from_cstr(path);
    size_t i = 0;
    for (; i < ARRAY_COUNT(names) && !value.len; i++) (void)env_find(&l->env, names[i], &value);
    if (!value.len) return NULL;
    for (size_t k = 0; k < value.len; k++) {
        char c = ascii_lower(value.at[k]);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_') continue;
        const struct source *source = loading_add_source(
            l, arena_printf(l->arena, "environment %s", names[i - 1]).at);
        notes_add(&l->errors, source, 0,
                  "%.*s is no name of an environment; allowed: letters, digits, - and _",
                  STR_ARG(quoted(l->arena, value)));
        return NULL;
    }
    size_t dot = file.len;
    while (dot && file.at[dot - 1] != '.' && file.at[dot - 1] != '/') dot--;
    bool has_ending = dot && file.at[dot - 1] == '.';
    struct str stem = has_ending ? str_part(file, 0, dot - 1) : file,
               ending = has_ending ? str_from(file, dot - 1) : STR("");
    return arena_printf(l->arena, "%.*s.%.*s%.*s", STR_ARG(stem), STR_ARG(value), STR_ARG(ending)).at;
}

/* The merged tree; false when a file is there and cannot be used. */
static bool read_files(struct loading *l)
{
    const char *path = l->request->file ? l->request->file : DEFAULT_FILE;
    read_dotenv(l, path);
    const struct source *defaults = loading_add_source(l, "default");
    struct node *base = read_yaml(l, path);
    if (!base && !l->errors.count && l->request->file)
        notes_add(&l->errors, loading_add_source(l, path), 0, "no such file");
    const char *variant = variant_of(l, path);
    struct node *over = variant ? read_yaml(l, variant) : NULL;
    if (l->errors.count && (!base || (variant && !over))) return false;
    if (base || over) l->config->file = arena_copy(&l->config->_arena, str_from_cstr(base ? path : variant));
    l->root = base ? base : node_new(l->arena, NODE_MAP, defaults, 0);
    if (over) node_merge(l->root, over);
    return true;
}

/* ---- the tree ---- */

static void expand(struct loading *l, struct node *n, const struct place *place)
{
    struct err err;
    if (n->kind == NODE_SCALAR && !env_expand(&l->env, n->raw, &n->text, &err)) {
        struct str where = place_text(l->arena, place);
        notes_add(&l->errors, n->source, n->line, "%s, in %.*s", err.text, STR_ARG(where));
        n->is_failed = true;
    }
    size_t index = 0;
    for (struct node *child = n->first; child; child = child->next) {
        struct place inner = {
            .up = place, .name = n->kind == NODE_MAP ? child->key : (struct str){0}, .index = index++};
        expand(l, child, &inner);
    }
}

/* The limits that the tier `default` has where nobody says otherwise. */
static void add_default_tier(struct loading *l)
{
    static const struct {
        struct str option, value;
    } limits[] = {
        {STR_INIT("requests_per_minute"), STR_INIT("60")},
        {STR_INIT("requests_per_hour"), STR_INIT("1000")},
    };
    const struct source *defaults = loading_add_source(l, "default");
    struct node *tier = node_map_at(l->arena, l->root, STR("tiers.default"), defaults);
    for (size_t i = 0; tier && i < ARRAY_COUNT(limits); i++) {
        const struct node *said = node_find(tier, limits[i].option);
        if (!said || node_is_empty(said))
            node_put(tier, limits[i].option, node_new_scalar(l->arena, limits[i].value, defaults));
    }
}

static void load(struct loading *l)
{
    if (!read_files(l)) return;
    struct place top = {0};
    expand(l, l->root, &top);
    add_default_tier(l);
    loading_lay_environment(l);
    loading_lay_flags(l);
    loading_apply(l);
    loading_link(l);
    if (!l->later_count) return;
    unsigned unnamed = l->later_count > MAX_LATER_NAMED ? l->later_count - MAX_LATER_NAMED : 0;
    struct str more = unnamed ? arena_printf(l->arena, " and %u more", unnamed) : STR("");
    l->later = arena_printf(l->arena, "%.*s%.*s", STR_ARG(l->later), STR_ARG(more));
}

static void report_later(struct loading *l, struct config_report *report)
{
    if (!l->later_count || report->warnings.count == CONFIG_MAX_MESSAGES) return;
    report->warnings.at[report->warnings.count++] = arena_printf(
        &report->_arena, "not built yet, so accepted without effect: %.*s", STR_ARG(l->later));
}

struct config *config_load(const struct config_request *request, struct config_report *report)
{
    struct config *c = xzalloc(sizeof *c);
    atomic_init(&c->_refs, 1);
    arena_init(&c->_arena);
    struct arena scratch;
    arena_init(&scratch);
    struct loading *l = arena_new(&scratch, struct loading);
    l->request = request;
    l->config = c;
    l->arena = &scratch;
    l->errors.arena = l->warnings.arena = &scratch;
    l->_next_reference = &l->references;
    env_init(&l->env, request->source, &scratch);
    load(l);
    notes_report(&l->errors, report, &report->errors);
    notes_report(&l->warnings, report, &report->warnings);
    report_later(l, report);
    bool is_good = l->errors.count == 0;
    env_done(&l->env);
    arena_done(&scratch);
    if (!is_good) config_unref(&c);
    return c;
}
