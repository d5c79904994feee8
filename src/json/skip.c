/* json/skip.c: steps over values that are not validated, by their first byte alone. */
#include "json/skip.h"

#include "json/scan.h"

const char *json_type_name(enum json_type type)
{
    static const char *const names[] = {
        [JSON_NONE] = "nothing",     [JSON_NULL] = "null",       [JSON_BOOL] = "a boolean",
        [JSON_NUMBER] = "a number",  [JSON_STRING] = "a string", [JSON_ARRAY] = "an array",
        [JSON_OBJECT] = "an object",
    };
    return names[type];
}

enum json_type json_type_from(char first)
{
    switch (first) {
    case '{': return JSON_OBJECT;
    case '[': return JSON_ARRAY;
    case '"': return JSON_STRING;
    case 't':
    case 'f': return JSON_BOOL;
    case 'n': return JSON_NULL;
    case '-': return JSON_NUMBER;
    default: return first >= '0' && first <= '9' ? JSON_NUMBER : JSON_NONE;
    }
}

/* From behind the opening quote to behind the closing one. */
static const char *skip_string(const char *at, const char *end)
{
    bool is_ascii;
    for (;;) {
        at = json_scan_string(at, end, &is_ascii);
        if (at == end) return NULL;
        if (*at == '"') return at + 1;
        if (*at != '\\' || end - at < 2) return NULL;
        at += 2;
    }
}

static const char *skip_literal(const char *at, const char *end, struct str word)
{
    return str_starts_with(str_of(at, (size_t)(end - at)), word) ? at + word.len : NULL;
}

static const char *skip_number(const char *at, const char *end)
{
    while (at < end && *at != ',' && *at != '}' && *at != ']' && !json_is_blank(*at)) at++;
    return at;
}

static const char *skip_by_first(const char *at, const char *end)
{
    switch (*at) {
    case '{':
    case '[': return json_scan_container(at, end);
    case '"': return skip_string(at + 1, end);
    case 't': return skip_literal(at, end, STR("true"));
    case 'f': return skip_literal(at, end, STR("false"));
    case 'n': return skip_literal(at, end, STR("null"));
    default: return skip_number(at, end);
    }
}

const char *json_skip_value(const char *at, const char *end, struct json_value *value)
{
    if (at == end) return NULL;
    enum json_type type = json_type_from(*at);
    if (type == JSON_NONE) return NULL;
    const char *behind = skip_by_first(at, end);
    if (behind) *value = (struct json_value){str_of(at, (size_t)(behind - at)), type};
    return behind;
}

const char *json_skip_key(const char *at, const char *end, struct json_value *key)
{
    if (at == end || *at != '"') return NULL;
    const char *behind = skip_string(at + 1, end);
    if (!behind) return NULL;
    *key = (struct json_value){str_of(at, (size_t)(behind - at)), JSON_STRING};
    behind = json_skip_blanks(behind, end);
    if (behind == end || *behind != ':') return NULL;
    return json_skip_blanks(behind + 1, end);
}
