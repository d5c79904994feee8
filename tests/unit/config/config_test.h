/* tests/unit/config/config_test.h: a load whose files and environment stand in the test. */
#ifndef WEIR_CONFIG_TEST_H
#define WEIR_CONFIG_TEST_H

#include "config/load.h"
#include "test.h"

struct given { /* a name and what it holds; a NULL name ends the list */
    const char *name, *text;
};

struct world {
    struct given files[6], variables[12];
    const char *listen[3], *workers; /* flags */
    const char *file;                /* NULL: weir.yaml, without naming it */
};

static const char *world_find(const struct given *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count && list[i].name; i++)
        if (strcmp(list[i].name, name) == 0) return list[i].text;
    return NULL;
}

static const char *world_getenv(void *arg, const char *name)
{
    const struct world *w = arg;
    return world_find(w->variables, ARRAY_COUNT(w->variables), name);
}

static bool world_read_file(void *arg, const char *path, struct buf *out, struct err *err)
{
    const struct world *w = arg;
    const char *text = world_find(w->files, ARRAY_COUNT(w->files), path);
    if (!text) return err_set(err, ERR_NOT_FOUND, "no such file");
    return buf_append(out, str_from_cstr(text)) || err_set(err, ERR_TOO_LARGE, "larger than 1MiB");
}

static const char *const test_presets[] = {"openai", "groq", "openrouter", "together", "ollama", NULL};

/* The report is initialised here; both belong to the caller. */
static inline struct config *world_load(struct world *w, struct config_report *report)
{
    const struct config_source source = {world_getenv, world_read_file, w};
    struct config_request request = {.source = &source,
                                     .file = w->file,
                                     .listen = w->listen,
                                     .workers = w->workers,
                                     .presets = test_presets};
    while (request.listen_count < ARRAY_COUNT(w->listen) && w->listen[request.listen_count])
        request.listen_count++;
    config_report_init(report);
    return config_load(&request, report);
}

/* The test fails if the load does; then NULL. Without warnings unless asked for. */
static inline struct config *world_load_well(struct world *w)
{
    struct config_report report;
    struct config *c = world_load(w, &report);
    for (size_t i = 0; i < report.errors.count; i++) FAIL("%.*s", STR_ARG(report.errors.at[i]));
    config_report_done(&report);
    return c;
}

static inline struct config *load_text(const char *text)
{
    struct world w = {.files = {{"weir.yaml", text}}};
    return world_load_well(&w);
}

#endif
