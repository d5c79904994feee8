/* json/skip.c: steps over values that are not validated, by their first byte alone. */
#include "json/skip.h"

const char *json_type_name(enum json_type type)
{
    static const char *const names[] = {
        [JSON_NONE] = "nothing",     [JSON_NULL] = "null",       [JSON_BOOL] = "a boolean",
        [JSON_NUMBER] = "a number",  [JSON_STRING] = "a string", [JSON_ARRAY] = "an array",
        [JSON_OBJECT] = "an object",
    };
    return names[type];
}

const unsigned char JSON_TYPES[256] = {
    ['{'] = JSON_OBJECT, ['['] = JSON_ARRAY,  ['"'] = JSON_STRING, ['t'] = JSON_BOOL,   ['f'] = JSON_BOOL,
    ['n'] = JSON_NULL,   ['-'] = JSON_NUMBER, ['0'] = JSON_NUMBER, ['1'] = JSON_NUMBER, ['2'] = JSON_NUMBER,
    ['3'] = JSON_NUMBER, ['4'] = JSON_NUMBER, ['5'] = JSON_NUMBER, ['6'] = JSON_NUMBER, ['7'] = JSON_NUMBER,
    ['8'] = JSON_NUMBER, ['9'] = JSON_NUMBER,
};

const char *json_skip_string(const char *at, const char *end)
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

static inline const char *skip_literal(const char *at, const char *end, const char *word, size_t len)
{
    return (size_t)(end - at) >= len && memcmp(at, word, len) == 0 ? at + len : NULL;
}

static const char *skip_number(const char *at, const char *end)
{
    while (at < end && *at != ',' && *at != '}' && *at != ']' && !json_is_blank(*at)) at++;
    return at;
}

const char *json_skip_slowly(const char *at, const char *end)
{
    switch (json_type_from(*at)) {
    case JSON_STRING: return json_skip_string(at + 1, end);
    case JSON_NUMBER: return skip_number(at + 1, end);
    case JSON_NULL: return skip_literal(at, end, "null", 4);
    case JSON_BOOL: return *at == 't' ? skip_literal(at, end, "true", 4) : skip_literal(at, end, "false", 5);
    case JSON_ARRAY:
    case JSON_OBJECT: return json_scan_container(at, end);
    case JSON_NONE: break;
    }
    return NULL;
}

const char *json_skip_value(const char *at, const char *end, struct json_value *value)
{
    if (at == end) return NULL;
    const char *behind = json_skip(at, end);
    if (behind) *value = (struct json_value){str_of(at, (size_t)(behind - at)), json_type_from(*at)};
    return behind;
}

const char *json_skip_key(const char *at, const char *end, struct json_value *key)
{
    if (at == end || *at != '"') return NULL;
    const char *behind = json_skip_short_string(at + 1, end);
    if (!behind) behind = json_skip_string(at + 1, end);
    if (!behind) return NULL;
    *key = (struct json_value){str_of(at, (size_t)(behind - at)), JSON_STRING};
    return json_skip_colon(behind, end);
}
