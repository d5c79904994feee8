/* simulate/canonical.c: values are hashed from the leaves up. An array mixes its items in order; an object adds up one
 * hash per member, and a sum does not know the order. The walk keeps its own stack in the arena, since fibers have
 * little. */
#include "simulate/canonical.h"

#include "json/check.h"
#include "json/cursor.h"

struct level {
    bool is_object;
    struct canonical sum, key; /* key: of the member whose value is being hashed */
    union {
        struct json_members members;
        struct json_items items;
    } at;
};

static void mix(struct canonical *c, uint64_t word)
{
    c->a = (c->a ^ word) * 0x9e3779b97f4a7c15u;
    c->a ^= c->a >> 32;
    c->b = ((c->b << 29 | c->b >> 35) + word) * 0xd6e8feb86659fd93u;
    c->b ^= c->b >> 29;
}

static struct canonical hash_bytes(enum json_type type, struct str s)
{
    struct canonical c = {(uint64_t)type + 1, s.len};
    for (; s.len >= 8; s = str_from(s, 8)) {
        uint64_t word;
        memcpy(&word, s.at, sizeof word);
        mix(&c, word);
    }
    uint64_t last = 0;
    if (s.len) memcpy(&last, s.at, s.len);
    mix(&c, last);
    mix(&c, 0);
    return c;
}

static struct canonical hash_leaf(struct json_value v, struct arena *a)
{
    double number;
    struct str s;
    if (v.type == JSON_STRING && json_to_str(v, a, &s)) return hash_bytes(JSON_STRING, s);
    if (v.type == JSON_NUMBER && json_to_double(v, &number)) {
        if (number == 0) number = 0; /* -0 is 0 */
        return hash_bytes(JSON_NUMBER, str_of((const char *)&number, sizeof number));
    }
    return hash_bytes(v.type, v.raw);
}

static void level_open(struct level *l, struct json_value v)
{
    *l = (struct level){.is_object = v.type == JSON_OBJECT, .sum = {(uint64_t)v.type + 1, 0}};
    if (l->is_object)
        json_members_init(&l->at.members, v);
    else
        json_items_init(&l->at.items, v);
}

static void level_add(struct level *l, struct canonical value)
{
    if (!l->is_object) {
        mix(&l->sum, value.a);
        mix(&l->sum, value.b);
        return;
    }
    mix(&l->key, value.a);
    mix(&l->key, value.b);
    l->sum.a += l->key.a;
    l->sum.b += l->key.b;
}

static struct canonical level_close(const struct level *l)
{
    struct canonical c = l->sum;
    mix(&c, 1);
    return c;
}

static bool level_next(struct level *l, bool is_root, struct arena *a, struct json_value *value)
{
    if (!l->is_object) return json_items_next(&l->at.items, value);
    struct json_value key;
    while (json_members_next(&l->at.members, &key, value)) {
        if (is_root && json_str_equals(key, STR("stream_options"))) continue;
        l->key = hash_leaf(key, a);
        return true;
    }
    return false;
}

static bool is_container(struct json_value v)
{
    return v.type == JSON_OBJECT || v.type == JSON_ARRAY;
}

struct canonical canonical_of(struct str text, struct arena *scratch)
{
    struct err err;
    struct json_value v = json_value_of(text);
    if (!json_check(text, NULL, 0, NULL, &err)) return canonical_of_bytes(text);
    if (!is_container(v)) return hash_leaf(v, scratch);
    struct level *levels = arena_alloc(scratch, JSON_MAX_DEPTH * sizeof *levels);
    unsigned depth = 0;
    level_open(&levels[0], v);
    for (;;) {
        struct level *l = &levels[depth];
        if (level_next(l, depth == 0, scratch, &v)) {
            if (is_container(v))
                level_open(&levels[++depth], v);
            else
                level_add(l, hash_leaf(v, scratch));
        } else if (depth == 0) {
            return level_close(l);
        } else {
            level_add(&levels[--depth], level_close(l));
        }
    }
}

struct canonical canonical_of_bytes(struct str bytes)
{
    return hash_bytes(JSON_NONE, bytes);
}
