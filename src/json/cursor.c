/* json/cursor.c: walks over containers and the meaning of strings. Every walk is bounded by the span of its value, and
 * every step goes forward by a byte at least, so no text makes it loop or read outside. */
#include "json/cursor.h"

#include "json/scan.h"
#include "json/skip.h"
#include "json/unescape.h"

struct json_value json_value_of(struct str text)
{
    struct json_value value;
    text = json_text(text);
    const char *end = text.at + text.len;
    const char *behind = json_skip_value(json_skip_blanks(text.at, end), end, &value);
    if (!behind || json_skip_blanks(behind, end) != end) return (struct json_value){0};
    return value;
}

/* The inside of a container; both walks have the same fields. False: it does not end as it must. */
static bool walk_begin(struct json_value container, char closing, const char **at, const char **end)
{
    struct str raw = container.raw;
    if (raw.len < 2 || raw.at[raw.len - 1] != closing) return false;
    *at = raw.at + 1;
    *end = raw.at + raw.len - 1;
    return true;
}

/* To the next element: over blanks and, but for the first, a comma. `end`: there is none; NULL: malformed. */
static const char *walk_step(const char *at, const char *end, bool *is_first)
{
    at = json_skip_blanks(at, end);
    if (at == end) return end;
    if (*is_first) {
        *is_first = false;
        return at;
    }
    if (*at != ',') return NULL;
    at = json_skip_blanks(at + 1, end);
    return at == end ? NULL : at;
}

void json_members_init(struct json_members *it, struct json_value object)
{
    *it = (struct json_members){._is_first = true};
    if (object.type == JSON_OBJECT) it->is_malformed = !walk_begin(object, '}', &it->_at, &it->_end);
}

bool json_members_next(struct json_members *it, struct json_value *key, struct json_value *value)
{
    if (it->is_malformed) return false;
    const char *at = walk_step(it->_at, it->_end, &it->_is_first);
    if (at == it->_end) return false; /* also where there is nothing to walk, and both are NULL */
    if (at) at = json_skip_key(at, it->_end, key);
    if (at) at = json_skip_value(at, it->_end, value);
    it->_at = at;
    it->is_malformed = !at;
    return at != NULL;
}

void json_items_init(struct json_items *it, struct json_value array)
{
    *it = (struct json_items){._is_first = true};
    if (array.type == JSON_ARRAY) it->is_malformed = !walk_begin(array, ']', &it->_at, &it->_end);
}

bool json_items_next(struct json_items *it, struct json_value *value)
{
    if (it->is_malformed) return false;
    const char *at = walk_step(it->_at, it->_end, &it->_is_first);
    if (at == it->_end) return false; /* also where there is nothing to walk, and both are NULL */
    if (at) at = json_skip_value(at, it->_end, value);
    it->_at = at;
    it->is_malformed = !at;
    return at != NULL;
}

struct json_value json_get(struct json_value object, struct str name)
{
    struct json_members it;
    struct json_value key, value;
    json_members_init(&it, object);
    while (json_members_next(&it, &key, &value))
        if (json_str_equals(key, name)) return value;
    return (struct json_value){0};
}

struct json_value json_at(struct json_value array, size_t index)
{
    struct json_items it;
    struct json_value value;
    json_items_init(&it, array);
    while (json_items_next(&it, &value))
        if (index-- == 0) return value;
    return (struct json_value){0};
}

bool json_to_bool(struct json_value v, bool *out)
{
    if (v.type != JSON_BOOL) return false;
    *out = v.raw.at[0] == 't';
    return true;
}

struct str json_str_raw(struct json_value v)
{
    return v.type == JSON_STRING ? str_of(v.raw.at + 1, v.raw.len - 2) : (struct str){0};
}

bool json_str_equals(struct json_value v, struct str s)
{
    return v.type == JSON_STRING && json_inside_equals(json_str_raw(v), s);
}

bool json_to_str(struct json_value v, struct arena *a, struct str *out)
{
    if (v.type != JSON_STRING) return false;
    struct str inside = json_str_raw(v);
    size_t escape = str_find_char(inside, '\\');
    if (escape == SIZE_MAX) {
        *out = inside;
        return true;
    }
    /* No escape is shorter than what it stands for: \uXXXX is at most 3 bytes, a pair of them 4. */
    unsigned char *copy = arena_alloc(a, inside.len), *to = copy;
    const char *from = inside.at, *end = inside.at + inside.len;
    while (from < end) {
        memcpy(to, from, escape);
        to += escape;
        from += escape;
        if (from == end) break;
        unsigned count;
        from = json_unescape_one(from + 1, end, to, &count);
        if (!from) return false;
        to += count;
        const char *next = memchr(from, '\\', (size_t)(end - from));
        escape = (size_t)((next ? next : end) - from);
    }
    *out = str_of((const char *)copy, (size_t)(to - copy));
    return true;
}
