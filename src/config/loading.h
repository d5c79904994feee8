/* config/loading.h: one load at work, shared by its steps:
 *
 *     load.c   read the files, merge, fill in ${…}, lay environment and flags on top
 *     apply.c  rows × nodes → the structs
 *     link.c   what names what, and what one option asks of another
 *
 * One thread. Everything here is gone when config_load() returns, but for `config`. Within config/ only. */
#ifndef WEIR_CONFIG_LOADING_H
#define WEIR_CONFIG_LOADING_H

#include "config/env.h"
#include "config/load.h"
#include "config/node.h"
#include "config/notes.h"
#include "config/rows.h"

struct reference { /* a name that must exist, judged when everything is there */
    struct reference *next;
    enum option_ref what;
    struct str name;    /* in the configuration's memory */
    struct str written; /* what may be shown: before ${…} was filled in */
    struct str where;
    const struct source *source;
    unsigned line;
};

struct loading {
    const struct config_request *request;
    struct config *config; /* being filled; its arena keeps what stays */
    struct arena *arena;   /* the rest */
    struct env env;
    struct notes errors, warnings;
    struct node *root;
    unsigned sources; /* so far: the rank of the next */
    struct reference *references, **_next_reference;
    struct str later;                  /* options used and not built yet: "cache.ttl (weir.yaml:3), …" */
    unsigned later_count, later_depth; /* depth > 0: within one that has been named */
};

const struct source *loading_add_source(struct loading *l, const char *name);
void loading_note_later(struct loading *l, struct str what, const struct node *n);

/* The value of what the environment offers, put over the tree (environment.c). */
void loading_lay_environment(struct loading *l);
/* --listen, --workers. */
void loading_lay_flags(struct loading *l);

/* Fills config from root; mistakes are noted and the defaults stay. */
void loading_apply(struct loading *l);
void loading_link(struct loading *l);

#endif
