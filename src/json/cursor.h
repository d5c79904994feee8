/* json/cursor.h: reads values on demand, without a tree: an object is walked each time somebody asks it. Works on any
 * text, checked or not: nothing outside a value's span is read, and where the text is malformed a walk ends early with
 * is_malformed set (json_get and json_at: JSON_NONE). Every function takes JSON_NONE and values of another type than it
 * wants, and then finds nothing; so look-ups chain without a check in between:
 *
 *     json_to_i64(json_get(json_get(reply, STR("usage")), STR("total_tokens")), &total)
 *
 * Walking costs one pass over the container: who needs several members takes json_skim() or one walk. */
#ifndef WEIR_JSON_CURSOR_H
#define WEIR_JSON_CURSOR_H

#include "base/arena.h"
#include "base/attributes.h"
#include "json/value.h"

#include <stddef.h>
#include <stdint.h>

/* The one value that `text` holds, blanks around it allowed; JSON_NONE if it is not one value. What is inside of
 * containers is looked at later, when it is walked. */
struct json_value json_value_of(struct str text);

struct json_members {
    const char *_at, *_end;
    bool is_malformed; /* read it when json_members_next() has returned false */
    bool _is_first;
};

/*     struct json_members it;
 *     struct json_value key, value;
 *     json_members_init(&it, object);
 *     while (json_members_next(&it, &key, &value))
 *         if (json_str_equals(key, STR("role"))) …
 * Keys are values of type JSON_STRING. Repeated names come as often as they stand there. */
void json_members_init(struct json_members *it, struct json_value object);
bool json_members_next(struct json_members *it, struct json_value *key, struct json_value *value);

struct json_items {
    const char *_at, *_end;
    bool is_malformed; /* read it when json_items_next() has returned false */
    bool _is_first;
};

void json_items_init(struct json_items *it, struct json_value array);
bool json_items_next(struct json_items *it, struct json_value *value);

/* The first member of that name (compared after unescaping) / the item at `index` from 0; else JSON_NONE. */
struct json_value json_get(struct json_value object, struct str name);
struct json_value json_at(struct json_value array, size_t index);

static inline bool json_exists(struct json_value v)
{
    return v.type != JSON_NONE;
}

static inline bool json_is_null(struct json_value v)
{
    return v.type == JSON_NULL;
}

/* False, *out unchanged, when the value is of another type or does not fit. No locale. */
MUST_CHECK bool json_to_bool(struct json_value v, bool *out);
MUST_CHECK bool json_to_i64(struct json_value v,
                            int64_t *out); /* whole numbers; 5.0 and 5e0 are 5, up to 2^53 */
MUST_CHECK bool json_to_double(struct json_value v,
                               double *out); /* correctly rounded; what would be infinite is false */

/* The string's meaning as UTF-8, lone surrogates as U+FFFD. Without an escape it is lent from the text and costs
 * nothing; else it lies in the arena. False: not a string, or a broken escape. */
MUST_CHECK bool json_to_str(struct json_value v, struct arena *a, struct str *out);
/* Does the string mean `s`? Unescapes as it compares, copies nothing. */
bool json_str_equals(struct json_value v, struct str s);
/* What is between the quotes as it stands there; for what never has escapes (base64) or is passed on as JSON. */
struct str json_str_raw(struct json_value v); /* empty when it is no string */

#endif
