/* json/skim.c: one walk over the root's members; whatever is below them is skipped whole. */
#include "json/skim.h"

#include "json/cursor.h"
#include "json/scan.h"
#include "json/skip.h"
#include "json/unescape.h"

static bool is_same(struct str inside, struct str name)
{
    return inside.len == name.len &&
           (name.len == 0 || (inside.at[0] == name.at[0] && memcmp(inside.at, name.at, name.len) == 0));
}

/* The name that `key` means; `count` if nobody asked for it. Whether the key has an escape is asked once, not for each
 * name. */
static size_t find_name(struct json_value key, const struct str *names, size_t count)
{
    struct str inside = json_str_raw(key);
    size_t i = 0;
    if (LIKELY(str_find_char(inside, '\\') == SIZE_MAX))
        while (i < count && !is_same(inside, names[i])) i++;
    else
        while (i < count && !json_inside_equals(inside, names[i])) i++;
    return i;
}

bool json_skim(struct str text, const struct str *names, size_t count, struct json_value *values)
{
    text = json_text(text);
    const char *end = text.at + text.len, *at = json_skip_blanks(text.at, end);
    for (size_t i = 0; i < count; i++) values[i] = (struct json_value){0};
    if (at == end || *at != '{') return false;
    at = json_skip_blanks(at + 1, end);
    if (at < end && *at == '}') return json_skip_blanks(at + 1, end) == end;
    for (;;) {
        struct json_value key, value;
        at = json_skip_key(at, end, &key);
        if (at) at = json_skip_value(at, end, &value);
        if (!at) return false;
        size_t i = find_name(key, names, count);
        if (i < count && json_exists(values[i])) return false;
        if (i < count) values[i] = value;
        at = json_skip_blanks(at, end);
        if (at == end) return false;
        if (*at == '}') return json_skip_blanks(at + 1, end) == end;
        if (*at != ',') return false;
        at = json_skip_blanks(at + 1, end);
    }
}
