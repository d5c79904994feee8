/* base/map.h: strings to pointers, open addressing. Keys are lent: they must live as long as their
 * entry. Where strangers choose the keys: with a seed that they cannot guess, and a ceiling on the number of entries.
 * One thread. */
#ifndef WEIR_BASE_MAP_H
#define WEIR_BASE_MAP_H

#include "base/str.h"

struct map_entry {
    struct str key; /* at == NULL: free */
    void *value;    /* NULL: removed */
    uint64_t _hash;
};
struct map {
    struct map_entry *_entries;
    size_t count, _used, _room; /* _used counts removed ones, too */
    uint64_t _seed;
};

void map_init(struct map *m);                       /* allocates nothing yet */
void map_init_seeded(struct map *m, uint64_t seed); /* who does not know the seed cannot make keys collide */
void map_done(struct map *m);                       /* the table only: keys and values belong to the caller */
void *map_get(const struct map *m, struct str key); /* NULL: absent */
void *map_put(struct map *m, struct str key, void *value); /* value != NULL; returns the one it replaces */
void *map_remove(struct map *m, struct str key);           /* returns what was there or NULL */
/* Walks all entries in no particular order: start with *at = 0; NULL at the end. No change meanwhile. */
struct map_entry *map_next(const struct map *m, size_t *at);

#endif
