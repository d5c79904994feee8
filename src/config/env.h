/* config/env.h: the environment as a load sees it: the process's own, behind it the file `.env`, and NAME_FILE for
 * values that lie in files. And the "${NAME}" that it fills in. One thread. Within config/ only. */
#ifndef WEIR_CONFIG_ENV_H
#define WEIR_CONFIG_ENV_H

#include "base/arena.h"
#include "base/map.h"
#include "config/load.h"
#include "config/notes.h"

enum { ENV_MAX_SECRET_FILE_BYTES = 64 * 1024, ENV_MAX_EXPANDED_BYTES = 4 << 20 };

struct env {
    const struct config_source *source;
    struct arena *arena;    /* values live here */
    struct map dotenv;      /* name → struct str */
    size_t _expanded_bytes; /* by all expansions together */
};
void env_init(struct env *e, const struct config_source *source, struct arena *a);
void env_done(struct env *e);

/* Adds what a .env file says; a line that says nothing is a warning. */
void env_add_dotenv(struct env *e, struct str text, const struct source *source, struct notes *warnings);

enum env_result { ENV_ABSENT, ENV_FOUND, ENV_FAILED };
/* NAME itself. */
enum env_result env_find(struct env *e, const char *name, struct str *value);
/* NAME, else the file that NAME_FILE names, without the line feed at its end. ENV_FAILED: err. */
enum env_result env_find_secret(struct env *e, const char *name, struct str *value, struct err *err);

/* Fills in ${NAME}, ${NAME:-default} (for unset and empty) and ${file:/path}; "$${" is "${". NAME is looked up as
 * env_find_secret() does. The result is in the arena, or `text` itself when there is nothing to fill in. */
MUST_CHECK bool env_expand(struct env *e, struct str text, struct str *out, struct err *err);

#endif
