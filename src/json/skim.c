/* json/skim.c: one walk over the root's members; whatever is below them is skipped whole. */
#include "json/skim.h"

#include "json/cursor.h"
#include "json/scan.h"
#include "json/skip.h"
#include "json/unescape.h"

/* The name that `key` means; `count` if nobody asked for it. */
static size_t find_name(struct json_value key, const struct str *names, size_t count)
{
    struct str inside = json_str_raw(key);
    size_t i = 0;
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
