/* config/reload.c: what a reload cannot change. The rows say which options those are (OPTION_RESTART); they stand in the
 * sections at the top, never in lists. */
#include "config/judge.h"
#include "config/load.h"
#include "config/rows.h"

#include "base/check.h"

struct comparison {
    struct config *fresh;
    struct config_report *report;
};

static bool strings_equal(const struct config_strings *a, const struct config_strings *b)
{
    bool is_equal = a->count == b->count;
    for (size_t i = 0; is_equal && i < a->count; i++) is_equal = str_equals(a->at[i], b->at[i]);
    return is_equal;
}

static void strings_copy(struct arena *a, struct config_strings *to, const struct config_strings *from)
{
    struct str *copy = arena_new_array(a, struct str, from->count + 1);
    for (size_t i = 0; i < from->count; i++) copy[i] = arena_copy(a, from->at[i]);
    *to = (struct config_strings){copy, from->count};
}

/* True: they differed; `fresh` has the old value now. */
static bool keep_old(struct arena *a, const struct option *o, void *fresh, const void *old)
{
    switch (o->type) {
    case OPT_INT:
        if (*(const int64_t *)old == *(const int64_t *)fresh) return false;
        *(int64_t *)fresh = *(const int64_t *)old;
        return true;
    case OPT_STRING:
        if (str_equals(*(const struct str *)old, *(const struct str *)fresh)) return false;
        *(struct str *)fresh = arena_copy(a, *(const struct str *)old);
        return true;
    case OPT_STRINGS:
        if (strings_equal(old, fresh)) return false;
        strings_copy(a, fresh, old);
        return true;
    default: require(!"a row with OPTION_RESTART whose type is not compared");
    }
}

static void keep_group(struct comparison *c, const struct option_group *g, char *fresh, const char *old,
                       const char *path)
{
    for (size_t i = 0; i < g->count; i++) {
        const struct option *o = &g->options[i];
        struct str name = arena_printf(&c->report->_arena, "%s%s%s", path, *path ? "." : "", o->name);
        if (o->type == OPT_GROUP) keep_group(c, o->group, fresh + o->at, old + o->at, name.at);
        if (!(o->flags & OPTION_RESTART) || !keep_old(&c->fresh->_arena, o, fresh + o->at, old + o->at))
            continue;
        struct config_messages *warnings = &c->report->warnings;
        if (warnings->count == CONFIG_MAX_MESSAGES) continue;
        warnings->at[warnings->count++] = arena_printf(
            &c->report->_arena, "%s has changed, which takes a restart; the old value stays in force",
            name.at);
    }
}

bool config_keep_frozen(struct config *fresh, const struct config *old, struct config_report *report)
{
    struct comparison c = {.fresh = fresh, .report = report};
    keep_group(&c, &config_options, (char *)fresh, (const char *)old, "");
    if (!lets_strangers_in(fresh)) return true;
    report->errors.at[report->errors.count++] = STR(
        "\"off\" in auth.mode while the old value of server.listen, which stays in force, lets other machines in");
    return false;
}
