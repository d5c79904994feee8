/* dialects/members.c: one walk over an object, a look-up in its table for each member. Tables are short (40 rows at most),
 * and names differ in length, so the look-up is a run over them. */
#include "dialects/members.h"

#include "base/fmt.h"

#include <stdarg.h>
#include <stdio.h>

void reading_init(struct reading *r, struct arena *a, struct chat_error *err, bool is_lenient)
{
    *r = (struct reading){.arena = a, .err = err, .is_lenient = is_lenient};
}

/* ---- where we are ---- */
static void path_push(struct reading *r, struct str name, unsigned index)
{
    if (r->_depth < READING_MAX_DEPTH) {
        r->_path[r->_depth].name = name;
        r->_path[r->_depth].index = index;
    }
    r->_depth++;
}

struct str reading_path(const struct reading *r)
{
    struct str pieces[3 * READING_MAX_DEPTH];
    char digits[READING_MAX_DEPTH][FMT_U64_BYTES];
    size_t count = 0;
    for (unsigned i = 0; i < r->_depth && i < READING_MAX_DEPTH; i++) {
        if (r->_path[i].name.at) {
            if (count > 0) pieces[count++] = STR(".");
            pieces[count++] = r->_path[i].name;
            continue;
        }
        char *end = fmt_u64(digits[i], r->_path[i].index);
        pieces[count++] = STR("[");
        pieces[count++] = str_of(digits[i], (size_t)(end - digits[i]));
        pieces[count++] = STR("]");
    }
    return arena_join(r->arena, pieces, count);
}

bool reading_refuse(struct reading *r, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t used = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    struct str path = reading_path(r), what = str_of(text, used);
    struct str pieces[] = {path, STR(": "), what};
    bool has_path = path.len > 0;
    *r->err = (struct chat_error){
        .problem = PROBLEM_INVALID_REQUEST,
        .param = path,
        .message = arena_join(r->arena, has_path ? pieces : &pieces[2], has_path ? 3 : 1)};
    return false;
}

static bool refuse_type(struct reading *r, const char *wanted, struct json_value value)
{
    if (r->is_lenient) return true;
    return reading_refuse(r, "%s is needed, got %s", wanted, json_type_name(value.type));
}

/* ---- values ---- */
bool read_str(struct reading *r, struct json_value value, struct str *out)
{
    return json_to_str(value, r->arena, out) || refuse_type(r, "a string", value);
}

static bool refuse_word(struct reading *r, const struct words *words, struct str got)
{
    char allowed[160];
    size_t used = 0;
    for (size_t i = 0; i < words->count; i++) {
        struct str word = words->rows[i].word;
        if (used + word.len + 2 > sizeof allowed) break;
        char *at = fmt_str(allowed + used, i > 0 ? STR(", ") : STR(""));
        used = (size_t)(fmt_str(at, word) - allowed);
    }
    got = str_part(got, 0, 40);
    return reading_refuse(r, "one of %.*s is needed, got \"%.*s\"", (int)used, allowed, STR_ARG(got));
}

bool read_word(struct reading *r, struct json_value v, const struct words *words, int *value)
{
    struct str word;
    if (!json_to_str(v, r->arena, &word)) return refuse_type(r, "a string", v);
    return words_find(words, word, value) || r->is_lenient || refuse_word(r, words, word);
}

static bool add_string(struct reading *r, void *into, struct json_value value)
{
    struct chat_strings *list = into;
    return read_str(r, value, &list->at[list->count++]);
}

static bool read_strings(struct reading *r, struct json_value value, struct chat_strings *out)
{
    if (value.type != JSON_STRING && value.type != JSON_ARRAY)
        return refuse_type(r, "a string or a list of strings", value);
    struct json_items it;
    struct json_value item;
    size_t count = 0;
    json_items_init(&it, value);
    while (json_items_next(&it, &item)) count++;
    *out = (struct chat_strings){.at = arena_new_array(r->arena, struct str, count + 1)};
    if (value.type == JSON_STRING) return add_string(r, out, value);
    return read_items(r, value, add_string, out);
}

static bool read_raw(struct reading *r, struct json_value value, bool wants_object, struct str *out)
{
    if (wants_object && value.type != JSON_OBJECT) return refuse_type(r, "an object", value);
    *out = value.raw;
    return true;
}

static bool read_tristate(struct reading *r, struct json_value value, enum chat_tristate *out)
{
    bool is_yes;
    if (!json_to_bool(value, &is_yes)) return refuse_type(r, "true or false", value);
    *out = is_yes ? CHAT_YES : CHAT_NO;
    return true;
}

static bool read_number(struct reading *r, const struct member *row, void *at, struct json_value value)
{
    struct chat_int n = {0};
    struct chat_double d = {0};
    if (row->kind == MEMBER_DOUBLE) {
        if (!(d.is_set = json_to_double(value, &d.value))) return refuse_type(r, "a number", value);
        *(struct chat_double *)at = d;
        return true;
    }
    if (!(n.is_set = json_to_i64(value, &n.value))) return refuse_type(r, "a whole number", value);
    if (row->kind == MEMBER_I64)
        *(int64_t *)at = n.value;
    else
        *(struct chat_int *)at = n;
    return true;
}

static bool read_member(struct reading *r, const struct member *row, void *into, struct json_value value)
{
    void *at = (char *)into + row->offset;
    switch (row->kind) {
    case MEMBER_STR: return read_str(r, value, at);
    case MEMBER_JSON: return read_raw(r, value, false, at);
    case MEMBER_VALUE: *(struct json_value *)at = value; break;
    case MEMBER_OBJECT: return read_raw(r, value, true, at);
    case MEMBER_BOOL: return json_to_bool(value, at) || refuse_type(r, "true or false", value);
    case MEMBER_TRISTATE: return read_tristate(r, value, at);
    case MEMBER_I64:
    case MEMBER_INT:
    case MEMBER_DOUBLE: return read_number(r, row, at, value);
    case MEMBER_STRINGS: return read_strings(r, value, at);
    case MEMBER_WORD: return read_word(r, value, row->words, at);
    case MEMBER_FUNCTION: return row->read(r, into, value);
    case MEMBER_IGNORED: break;
    }
    return true;
}

/* ---- containers ---- */
static const struct member *find_row(const struct members *members, struct json_value key)
{
    for (size_t i = 0; i < members->count; i++)
        if (json_str_equals(key, members->rows[i].name)) return &members->rows[i];
    return NULL;
}

static bool read_known_or_other(struct reading *r, const struct members *members, void *into,
                                struct json_value key, struct json_value value)
{
    const struct member *row = find_row(members, key);
    struct str name = row ? row->name : json_str_raw(key);
    if (!row && !members->read_other) return true;
    path_push(r, name, 0);
    bool is_read = row ? read_member(r, row, into, value) : members->read_other(r, into, name, value);
    r->_depth--;
    return is_read;
}

bool read_members(struct reading *r, struct json_value object, const struct members *members, void *into)
{
    if (object.type != JSON_OBJECT) return refuse_type(r, "an object", object);
    struct json_members it;
    struct json_value key, value;
    json_members_init(&it, object);
    while (json_members_next(&it, &key, &value))
        if (!json_is_null(value) && !read_known_or_other(r, members, into, key, value)) return false;
    return !it.is_malformed || reading_refuse(r, "this is not valid JSON");
}

bool read_items(struct reading *r, struct json_value array,
                bool (*item)(struct reading *r, void *into, struct json_value value), void *into)
{
    if (array.type != JSON_ARRAY) return refuse_type(r, "a list", array);
    struct json_items it;
    struct json_value value;
    json_items_init(&it, array);
    for (unsigned i = 0; json_items_next(&it, &value); i++) {
        path_push(r, (struct str){0}, i);
        bool is_read = item(r, into, value);
        r->_depth--;
        if (!is_read) return false;
    }
    return !it.is_malformed || reading_refuse(r, "this is not valid JSON");
}

bool read_later(struct reading *r, struct str name, struct json_value value,
                bool (*reader)(struct reading *r, void *into, struct json_value value), void *into)
{
    if (!json_exists(value)) return true;
    path_push(r, name, 0);
    bool is_read = reader(r, into, value);
    r->_depth--;
    return is_read;
}

bool read_cache_control(struct reading *r, struct json_value value, enum chat_cache *out)
{
    if (value.type != JSON_OBJECT) return refuse_type(r, "an object", value);
    *out = json_str_equals(json_get(value, STR("ttl")), STR("1h")) ? CHAT_CACHE_1H : CHAT_CACHE_5M;
    return true;
}

struct str member_text(struct json_value object, struct str name, struct arena *a)
{
    struct str text = {0};
    (void)!json_to_str(json_get(object, name), a, &text);
    return text;
}
