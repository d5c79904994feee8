/* cli/check.c: `weir check` and `weir models`: the configuration, without starting anything. */
#include "cli/cli.h"
#include "cli/flags.h"
#include "gateway/snapshot.h"

#include <stdio.h>

/* What loads may still not be servable (a base URL that is none, a CA file that cannot be read): builds a snapshot. */
static bool can_serve(struct config *c)
{
    struct err err;
    struct str place = STR("");
    struct registry *registry = registry_new();
    struct catalogues *catalogues = catalogues_new();
    struct snapshot *s = snapshot_new(
        &(struct snapshot_request){.config = c,
                                   .registry = registry,
                                   .catalogues = catalogues,
                                   .simulator_url = STR("http://127.0.0.1:1/v1"),
                                   .place = &place},
        &err);
    if (!s) fprintf(stderr, "%.*s%s%s\n", STR_ARG(place), place.len ? ": " : "", err.text);
    for (size_t i = 0; s && i < s->warning_count; i++)
        fprintf(stderr, "%s: warning: %.*s\n", c->file.len ? c->file.at : "environment",
                STR_ARG(s->warnings[i]));
    bool can = s != NULL;
    snapshot_unref(&s);
    catalogues_free(catalogues);
    registry_free(registry);
    return can;
}

int cli_check(int argc, char **argv)
{
    struct flags flags;
    int code = flags_parse(&flags, argc, argv, true);
    if (code) return code;
    struct config *c = flags_load(&flags, &code);
    if (!c) return code;
    bool is_good = can_serve(c);
    if (is_good)
        printf("%s: good, %zu providers, %zu models, %zu keys\n", c->file.len ? c->file.at : "environment",
               c->providers.count, c->models.count, c->auth.keys.count);
    config_unref(&c);
    return is_good ? 0 : 1;
}

static void print_model(const struct config_model *m)
{
    printf("%.*s\n", STR_ARG(m->name));
    for (size_t i = 0; i < m->targets.count; i++)
        printf("    %.*s/%.*s\n", STR_ARG(m->targets.at[i].provider_name), STR_ARG(m->targets.at[i].model));
}

/* Every provider that has a model of its own. */
static void print_auto(const struct config *c)
{
    const char *heading = "auto\n";
    for (size_t i = 0; i < c->providers.count; i++) {
        const struct preset *p = preset_find(c->providers.at[i].preset);
        struct str model = c->providers.at[i].model;
        if (!model.len && p) model = str_from_cstr(p->model);
        if (!model.len) continue;
        printf("%s    %.*s/%.*s\n", heading, STR_ARG(c->providers.at[i].name), STR_ARG(model));
        heading = "";
    }
}

int cli_models(int argc, char **argv)
{
    struct flags flags;
    int code = flags_parse(&flags, argc, argv, true);
    if (code) return code;
    struct config *c = flags_load(&flags, &code);
    if (!c) return code;
    for (size_t i = 0; i < c->models.count; i++) print_model(&c->models.at[i]);
    print_auto(c);
    if (c->providers.count == 0) printf("demo (simulated; goes away once a provider is configured)\n");
    config_unref(&c);
    return 0;
}
