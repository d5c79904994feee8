/* base/map.c: linear probing, at most 3/4 full, removed entries stay as marks until the next growth. */
#include "base/map.h"

#include "base/check.h"
#include "base/mem.h"

enum { FIRST_ROOM = 16 };

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_init_seeded(struct map *m, uint64_t seed)
{
    *m = (struct map){._seed = seed};
}

void map_done(struct map *m)
{
    xfree(m->_entries);
    *m = (struct map){0};
}

/* Eight bytes a step, each multiplied into 128 bits whose halves are folded together (as wyhash does it); the last step
 * takes what is left, and may look at some bytes twice. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)(a ^ 0x9e3779b97f4a7c15) * (b ^ 0xd6e8feb86659fd93);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load(const char *at, size_t bytes)
{
    uint64_t word = 0;
    memcpy(&word, at, bytes);
    return word;
}

/* The seed is in both factors: no piece of a key can make one of them zero on purpose. */
static uint64_t hash_key(struct str key, uint64_t seed)
{
    uint64_t h = key.len ^ seed;
    size_t i = 0;
    for (; i + 8 < key.len; i += 8) h = mix(h, load(key.at + i, 8) ^ seed);
    if (key.len >= 8) return mix(h, load(key.at + key.len - 8, 8) ^ seed);
    if (key.len >= 4) return mix(h, (load(key.at, 4) << 32 | load(key.at + key.len - 4, 4)) ^ seed);
    if (key.len == 0) return mix(h, seed);
    uint64_t ends = (uint64_t)(unsigned char)key.at[0] << 8 | (unsigned char)key.at[key.len - 1];
    return mix(h, seed ^ ((uint64_t)(unsigned char)key.at[key.len / 2] << 16 | ends));
}

static struct map_entry *find(const struct map *m, struct str key, uint64_t hash)
{
    if (m->_room == 0) return NULL;
    for (size_t i = hash & (m->_room - 1);; i = (i + 1) & (m->_room - 1)) {
        struct map_entry *e = &m->_entries[i];
        if (!e->key.at) return NULL;
        if (e->value && e->_hash == hash && str_equals(e->key, key)) return e;
    }
}

void *map_get(const struct map *m, struct str key)
{
    struct map_entry *e = find(m, key, hash_key(key, m->_seed));
    return e ? e->value : NULL;
}

static void insert_new(struct map *m, struct map_entry entry)
{
    size_t i = entry._hash & (m->_room - 1);
    while (m->_entries[i].key.at) i = (i + 1) & (m->_room - 1);
    m->_entries[i] = entry;
    m->_used++;
    m->count++;
}

static void grow(struct map *m)
{
    struct map old = *m;
    m->_room = FIRST_ROOM;
    while (m->_room < old.count * 2 + 2) m->_room *= 2;
    m->_entries = xzalloc(m->_room * sizeof *m->_entries);
    m->count = m->_used = 0;
    for (size_t i = 0; i < old._room; i++)
        if (old._entries[i].value) insert_new(m, old._entries[i]);
    xfree(old._entries);
}

void *map_put(struct map *m, struct str key, void *value)
{
    require(value != NULL);
    uint64_t hash = hash_key(key, m->_seed);
    struct map_entry *e = find(m, key, hash);
    if (e) {
        void *old = e->value;
        e->value = value;
        e->key = key;
        return old;
    }
    if ((m->_used + 1) * 4 > m->_room * 3) grow(m);
    if (!key.at) key.at = "";
    insert_new(m, (struct map_entry){.key = key, .value = value, ._hash = hash});
    return NULL;
}

void *map_remove(struct map *m, struct str key)
{
    struct map_entry *e = find(m, key, hash_key(key, m->_seed));
    if (!e) return NULL;
    void *old = e->value;
    e->value = NULL;
    m->count--;
    return old;
}

struct map_entry *map_next(const struct map *m, size_t *at)
{
    while (*at < m->_room) {
        struct map_entry *e = &m->_entries[(*at)++];
        if (e->value) return e;
    }
    return NULL;
}
