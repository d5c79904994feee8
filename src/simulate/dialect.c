/* simulate/dialect.c: the dialects by name. */
#include "simulate/dialect.h"

static const struct {
    const char *name;
    const struct sim_dialect *dialect; /* NULL: known by name only */
} dialects[] = {
    {"openai", &sim_dialect_openai},
    {"anthropic", NULL},
    {"gemini", NULL},
    {"azure", NULL},
    {"netlify", NULL},
};

const struct sim_dialect *sim_dialect_find(struct str name, struct err *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(dialects); i++) {
        if (!str_equals(name, str_from_cstr(dialects[i].name))) continue;
        if (dialects[i].dialect) return dialects[i].dialect;
        err_set(err, ERR_UNSUPPORTED, "the dialect %s is not built yet; allowed: openai", dialects[i].name);
        return NULL;
    }
    err_set(err, ERR_INVALID, "'%.*s' is no dialect; allowed: openai", STR_ARG(str_part(name, 0, 40)));
    return NULL;
}
