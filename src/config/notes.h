/* config/notes.h: what a load has to say, collected with the place it is about, until it becomes a report. One thread;
 * memory in the arena that it is given. Within config/ only. */
#ifndef WEIR_CONFIG_NOTES_H
#define WEIR_CONFIG_NOTES_H

#include "base/arena.h"
#include "base/attributes.h"
#include "config/load.h"

/* Where a value came from: a file, a variable of the environment, a flag. */
struct source {
    const char *name; /* "weir.yaml", "environment LOG_LEVEL", "--listen" */
    unsigned rank;    /* the report's order */
};

/* Where in the tree: a chain on the stack, innermost first. The root has no `up` and no name. */
struct place {
    const struct place *up;
    struct str name; /* of a key; at == NULL: the list item `index` */
    size_t index;
};
struct str place_text(struct arena *a,
                      const struct place *p); /* "auth.keys[0].name"; "the file" for the root */

/* In quotes, on one line, cut at 64 bytes. */
struct str quoted(struct arena *a, struct str s);
/* The same for what should be an option's name; but somebody may have pasted a secret there, and what looks like one is
 * not shown. */
struct str quoted_key(struct arena *a, struct str key);

struct note {
    const struct source *source;
    unsigned line; /* 0: none */
    struct str text;
};
struct notes {
    struct arena *arena;
    struct note at[CONFIG_MAX_MESSAGES];
    size_t count, unshown;
};
void notes_add(struct notes *n, const struct source *source, unsigned line, const char *format, ...)
    PRINTF(4, 5);
/* In order of source and line, as "weir.yaml:3: text", into the report's arena. */
void notes_report(struct notes *n, struct config_report *report, struct config_messages *out);

#endif
