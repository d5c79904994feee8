/* config/load.h: from files, environment and flags to a `struct config`. Order of force: flags, environment, file,
 * default. One thread; blocks while it reads files: main's business, never a worker's. Asks the system nothing by
 * itself: environment and files come in through a struct config_source. */
#ifndef WEIR_CONFIG_LOAD_H
#define WEIR_CONFIG_LOAD_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "config/config.h"

enum { CONFIG_MAX_FILE_BYTES = 1 << 20, CONFIG_MAX_MESSAGES = 50 };

struct config_source {
    /* NULL: not set. Lent until the load ends. */
    const char *(*getenv)(void *arg, const char *name);
    /* The whole file appended to `out` (whose ceiling is CONFIG_MAX_FILE_BYTES). False: ERR_NOT_FOUND when there is
     * none, ERR_TOO_LARGE, else ERR_SYSTEM; the text does not repeat the path. */
    bool (*read_file)(void *arg, const char *path, struct buf *out, struct err *err);
    void *arg;
};
/* The process's own environment and files. */
extern const struct config_source config_source_system;

struct config_request {
    const struct config_source *source;
    const char *file;          /* --config; NULL: ./weir.yaml if there is one, else the environment alone */
    const char *const *listen; /* --listen, `listen_count` of them; none: not given */
    size_t listen_count;
    const char *workers;        /* --workers as typed; NULL: not given */
    const char *const *presets; /* names of the known presets, NULL at the end; NULL: names are not judged */
};

/* What there is to say about a load: lines for people, without a line feed, without secrets. */
struct config_messages {
    struct str *at;
    size_t count;
};
struct config_report {
    struct config_messages errors, warnings; /* at most 50: the last one may say that there are more */
    struct arena _arena;
};
void config_report_init(struct config_report *r);
void config_report_done(struct config_report *r);
/* One error more: what turned out only when the configuration was to be used. `place` may be empty. */
void config_report_add(struct config_report *r, struct str place, const char *text);

/* A snapshot with one reference, or NULL when there is an error; then the report has all of them, each as
 *     weir.yaml:12: unknown key "prioritty" in providers.openai (did you mean "priority"?)
 * (in the order of their lines; those of environment and flags name the variable or the flag). Warnings may be there
 * either way. */
struct config *config_load(const struct config_request *request, struct config_report *report);

/* For a reload, before `fresh` is shared: what only a restart can change (server.listen, server.workers, store, state)
 * gets its old value back in `fresh` and, where it differed, a warning. False: with these `fresh` would not have loaded;
 * the report has the error. */
MUST_CHECK bool config_keep_frozen(struct config *fresh, const struct config *old,
                                   struct config_report *report);

#endif
