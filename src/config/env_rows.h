/* config/env_rows.h: each name of the environment that means something is one row. `weir help environment` prints them;
 * environment.c acts on them, in their order: of two rows for one option the later wins. Constant data, any thread. Within
 * config/ only. */
#ifndef WEIR_CONFIG_ENV_ROWS_H
#define WEIR_CONFIG_ENV_ROWS_H

#include <stdbool.h>
#include <stddef.h>

enum env_action {
    ENV_SETS,          /* the option at `path` */
    ENV_SETS_LIST,     /* the same, from texts with commas between them */
    ENV_SETS_SECONDS,  /* the same; a plain number is seconds */
    ENV_DEBUG,         /* true: log.level is debug */
    ENV_LISTEN,        /* a part of server.listen */
    ENV_ADDS_KEYS,     /* texts with commas between them: keys of role user */
    ENV_ADDS_ADMIN,    /* a key of role admin */
    ENV_ADDS_PROVIDER, /* `path` below providers, if the file has none; the preset is the provider's name */
    ENV_OF_PROVIDER,   /* the same for a provider that another row has added */
    ENV_READ_ELSEWHERE /* by the loader itself or by a library */
};
enum env_flags { ENV_SECRET = 1 << 0, ENV_LATER = 1 << 1 };

struct env_row {
    const char *name;
    enum env_action action;
    unsigned flags;
    const char *path; /* NULL where the action needs none */
    const char *help;
};
extern const struct env_row env_rows[];
extern const size_t env_row_count;

#endif
