/* config/help.c: one walk over the rows, two ways of printing them: lines for a terminal, tables for the manual.
 *
 *     terminal:  path (default; allowed; environment)          manual:  a table per section at the top
 *                    sentence */
#include "config/help.h"

#include "config/env_rows.h"
#include "config/rows.h"

enum { WRAP_COLUMN = 100 };

struct printer {
    struct arena arena; /* of pieces of text */
    struct buf *out;
    bool is_whole; /* so far everything fitted */
    bool is_markdown;
};

static void print(struct printer *p, struct str s)
{
    p->is_whole = p->is_whole && buf_append(p->out, s);
}

#define PRINT(p, ...) print((p), arena_printf(&(p)->arena, __VA_ARGS__))

/* Words, wrapped; each line begins with `indent` blanks. */
static void print_wrapped(struct printer *p, struct str text, int indent)
{
    size_t column = 0;
    while (text.at) {
        struct str word = str_cut(&text, ' ');
        if (!word.len) continue;
        if (column && column + 1 + word.len > WRAP_COLUMN) {
            print(p, STR("\n"));
            column = 0;
        }
        if (!column)
            column = (size_t)indent, PRINT(p, "%*s%.*s", indent, "", STR_ARG(word));
        else
            column++, PRINT(p, " %.*s", STR_ARG(word));
        column += word.len;
    }
    print(p, STR("\n"));
}

/* "A, B" of the variables that set the option at `path`; empty: none. */
static struct str env_names(struct printer *p, struct str path)
{
    struct str all = STR("");
    for (size_t i = 0; i < env_row_count; i++)
        if (env_rows[i].path && str_equals(str_from_cstr(env_rows[i].path), path))
            all = arena_printf(&p->arena, "%.*s%s%s", STR_ARG(all), all.len ? ", " : "", env_rows[i].name);
    return all;
}

/* The limits of the tier `default` are set through a name in the path. */
static struct str env_names_of(struct printer *p, struct str path)
{
    struct str tiers = STR("tiers.<name>.");
    if (!str_starts_with(path, tiers)) return env_names(p, path);
    struct str option = str_from(path, tiers.len);
    return env_names(p, arena_printf(&p->arena, "tiers.default.%.*s", STR_ARG(option)));
}

/* "0 to 1024 threads", "a list of: health, ready", "text". */
static struct str values_of(struct printer *p, const struct option *o)
{
    struct str allowed = option_allowed(&p->arena, o);
    const char *list = o->type == OPT_FLAGS     ? "a list of: "
                       : o->type == OPT_STRINGS ? "one or a list of: "
                                                : "";
    return arena_printf(&p->arena, "%s%.*s%s%s", list, STR_ARG(allowed), o->unit ? " " : "",
                        o->unit ? o->unit : "");
}

/* ---- terminal ---- */

static void line_print(struct printer *p, const struct option *o, struct str path, bool is_later)
{
    struct str names = env_names_of(p, path), facts = values_of(p, o);
    if (o->def) facts = arena_printf(&p->arena, "%.*s; default %s", STR_ARG(facts), o->def);
    if (o->flags & OPTION_REQUIRED) facts = arena_printf(&p->arena, "%.*s; required", STR_ARG(facts));
    if (o->flags & OPTION_RESTART) facts = arena_printf(&p->arena, "%.*s; takes a restart", STR_ARG(facts));
    if (names.len) facts = arena_printf(&p->arena, "%.*s; environment: %.*s", STR_ARG(facts), STR_ARG(names));
    if (is_later) facts = arena_printf(&p->arena, "%.*s; not built yet", STR_ARG(facts));
    PRINT(p, "%.*s\n", STR_ARG(path));
    print_wrapped(p, str_from_cstr(o->help), 4);
    if (o->type < OPT_GROUP || is_later) print_wrapped(p, facts, 4);
}

/* ---- manual ---- */

/* "|" ends a cell. */
static struct str cell(struct printer *p, struct str s)
{
    struct str all = STR("");
    while (s.at) {
        struct str piece = str_cut(&s, '|');
        all = arena_printf(&p->arena, "%.*s%s%.*s", STR_ARG(all), all.len ? "\\|" : "", STR_ARG(piece));
    }
    return all;
}

static void row_print(struct printer *p, const struct option *o, struct str path, bool is_later)
{
    struct str values = cell(p, values_of(p, o)), names = env_names_of(p, path);
    const char *tick = o->def ? "`" : "";
    PRINT(p, "| `%.*s` | %.*s | %s%s%s | %s", STR_ARG(path), STR_ARG(values), tick, o->def ? o->def : "",
          tick, o->help);
    if (o->flags & OPTION_REQUIRED) print(p, STR(" Required."));
    if (o->flags & OPTION_RESTART) print(p, STR(" Takes a restart."));
    if (names.len) PRINT(p, " Environment: %.*s.", STR_ARG(names));
    print(p, is_later ? STR(" *Not built yet.* |\n") : STR(" |\n"));
}

/* ---- the walk ---- */

static void walk(struct printer *p, const struct option_group *g, struct str above, bool is_later);

static void walk_option(struct printer *p, const struct option *o, struct str above, bool is_later)
{
    struct str path = arena_printf(&p->arena, "%.*s%s%s", STR_ARG(above), above.len ? "." : "", o->name);
    is_later = is_later || (o->flags & OPTION_LATER);
    if (p->is_markdown)
        row_print(p, o, path, is_later);
    else
        line_print(p, o, path, is_later);
    if (o->type < OPT_GROUP || (o->flags & OPTION_INHERITS)) return;
    if (o->type == OPT_MAP) path = arena_printf(&p->arena, "%.*s.<%s>", STR_ARG(path), o->group->entry);
    if (o->type == OPT_LIST) path = arena_printf(&p->arena, "%.*s[]", STR_ARG(path));
    walk(p, o->group, path, is_later);
}

static void walk(struct printer *p, const struct option_group *g, struct str above, bool is_later)
{
    for (size_t i = 0; i < g->count; i++) walk_option(p, &g->options[i], above, is_later);
}

static const char INTRODUCTION[] =
    "A configuration is a YAML file: `--config FILE`, else `./weir.yaml` if there is one, else the environment alone. Flags "
    "win over the environment, the environment over the file, the file over defaults. `weir check` names every mistake with "
    "its line. Unknown keys are mistakes; an empty value means the default. ";
static const char EXPANSION[] =
    "`${NAME}` in a value stands for a variable of the environment, `${NAME:-default}` for one that may be missing or empty, "
    "`${file:/path}` for a file's text, and `$${` for `${` itself. Between braces or brackets it needs quotes around it. "
    "Where NAME is not set, the file named by NAME_FILE counts. A file `.env` beside the configuration is read, too; the real "
    "environment wins over it. With WEIR_ENV=NAME `weir.NAME.yaml` is merged over `weir.yaml`: maps key by key, lists as a "
    "whole. ";
static const char RELOAD[] =
    "SIGHUP reads everything again; a file with a mistake changes nothing. What takes a restart says so. "
    "What is not built yet is accepted, and named in a warning.";

static void print_introduction(struct printer *p)
{
    const char *const paragraphs[] = {INTRODUCTION, EXPANSION, RELOAD};
    for (size_t i = 0; i < ARRAY_COUNT(paragraphs); i++) {
        print_wrapped(p, str_from_cstr(paragraphs[i]), 0);
        print(p, STR("\n"));
    }
}

/* The row itself, or the option that it sets. */
static bool is_later(const struct env_row *row)
{
    const struct option_group *g = row->action == ENV_READ_ELSEWHERE ? NULL : &config_options;
    struct str rest = str_from_cstr(row->path);
    if (row->flags & ENV_LATER) return true;
    while (g && rest.at) {
        const struct option *o = option_find(g, str_cut(&rest, '.'));
        if (o && (o->flags & OPTION_LATER)) return true;
        if (o && o->type == OPT_MAP) (void)str_cut(&rest, '.');
        g = o ? o->group : NULL;
    }
    return false;
}

static void print_environment(struct printer *p)
{
    for (size_t i = 0; i < env_row_count; i++) {
        const struct env_row *row = &env_rows[i];
        const char *file = row->flags & ENV_SECRET ? " (or _FILE)" : "",
                   *later = is_later(row) ? "Not built yet." : "";
        const char *mark = p->is_markdown && *later ? "*" : "", *gap = *later ? " " : "";
        if (p->is_markdown)
            PRINT(p, "| `%s`%s | %s%s%s%s%s |\n", row->name, file, row->help, gap, mark, later, mark);
        else
            PRINT(p, "%s%s\n    %s%s%s\n", row->name, file, row->help, gap, later);
    }
}

static void print_manual(struct printer *p)
{
    print(p, STR("# Configuration\n\nMade from the option rows in `src/config/`; a test keeps it current. "
                 "A commented example: [weir.example.yaml](weir.example.yaml).\n\n"));
    print_introduction(p);
    for (size_t i = 0; i < config_options.count; i++) {
        const struct option *o = &config_options.options[i];
        PRINT(p, "## %s\n\n| option | values | default | what it does |\n|---|---|---|---|\n", o->name);
        walk_option(p, o, STR(""), false);
        print(p, STR("\n"));
    }
    print(
        p,
        STR("## Environment\n\nValues of the environment win over the file's. The keys of providers count only when the "
            "file has no `providers`.\n\n| name | what it does |\n|---|---|\n"));
    print_environment(p);
}

bool config_help_text(struct buf *out, enum config_help topic)
{
    struct printer p = {.out = out, .is_whole = true, .is_markdown = topic == CONFIG_HELP_MARKDOWN};
    arena_init(&p.arena);
    if (topic == CONFIG_HELP_MARKDOWN) {
        print_manual(&p);
    } else if (topic == CONFIG_HELP_ENVIRONMENT) {
        print_environment(&p);
    } else {
        print_introduction(&p);
        walk(&p, &config_options, STR(""), false);
    }
    arena_done(&p.arena);
    return p.is_whole;
}
