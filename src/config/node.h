/* config/node.h: a YAML document as a tree that remembers where each value stands. Types are not decided here: a scalar
 * is its text (config/rows.h says what it means). One thread; all memory in the arena. Within config/ only.
 *
 * YAML 1.1 by libyaml, minus what a configuration does not need: one document, keys are plain texts, no tags, no merge
 * keys. An alias becomes a copy, so that each node can be changed alone; copies count towards the ceilings. */
#ifndef WEIR_CONFIG_NODE_H
#define WEIR_CONFIG_NODE_H

#include "base/arena.h"
#include "config/notes.h"

enum { NODE_MAX_DEPTH = 24, NODE_MAX_COUNT = 50000, NODE_MAX_COPIED_BYTES = 1 << 20 };
enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
    struct node *next; /* of the same list or map */
    struct str key;    /* in a map */
    enum node_kind kind;
    unsigned line; /* of the key, or of the value in a list */
    const struct source *source;
    struct str raw, text; /* of a scalar: as written, and after expansion */
    bool is_quoted;       /* a scalar in quotes */
    bool is_failed;       /* a scalar whose ${…} could not be filled in; that has been noted */
    struct node *first, *last;
    size_t count; /* of children */
};

struct node *node_new(struct arena *a, enum node_kind kind, const struct source *source, unsigned line);
struct node *node_new_scalar(struct arena *a, struct str text, const struct source *source);
void node_append(struct node *list, struct node *child);
struct node *node_find(const struct node *map, struct str key); /* NULL: not there, or no map */
/* Takes the place of what had this key. */
void node_put(struct node *map, struct str key, struct node *child);
/* Says nothing: `key:`, `key: ~`, an empty text. Empty lists and maps do say something. */
bool node_is_empty(const struct node *n);

/* "server.timeouts.head" below root; NULL: not there. */
struct node *node_at(struct node *root, const char *path);
/* The same, making what is missing on the way a map; a map is returned. NULL: something else is in the way. */
struct node *node_map_at(struct arena *a, struct node *root, struct str path, const struct source *source);

/* Lays `over` on `under`: maps merge key by key, everything else is replaced. `over` is used up. */
void node_merge(struct node *under, struct node *over);

/* NULL: the notes say why. An empty text is an empty map. */
struct node *node_read_yaml(struct arena *a, const struct source *source, struct str text,
                            struct notes *notes);

#endif
