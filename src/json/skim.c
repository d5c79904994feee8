/* json/skim.c: one walk over the root's members; whatever is below them is skipped whole. */
#include "json/skim.h"

#include "json/cursor.h"
#include "json/scan.h"
#include "json/skip.h"
#include "json/unescape.h"

static inline uint64_t load_word(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline uint32_t load_half(const char *at)
{
    uint32_t half;
    memcpy(&half, at, sizeof half);
    return half;
}

/* Names are short: a few words, the last of which may overlap the one before. */
static inline bool is_same(const char *inside, const char *name, size_t len)
{
    if (len >= 4 && len < 8)
        return load_half(inside) == load_half(name) &&
               load_half(inside + len - 4) == load_half(name + len - 4);
    if (len < 4) {
        while (len > 0 && inside[len - 1] == name[len - 1]) len--;
        return len == 0;
    }
    for (size_t i = 0; i + 8 < len; i += 8)
        if (load_word(inside + i) != load_word(name + i)) return false;
    return load_word(inside + len - 8) == load_word(name + len - 8);
}

/* The name that stands between the quotes; `count` if nobody asked for it. */
static inline size_t find_plain(struct str inside, const struct str *names, size_t count)
{
    size_t i = 0;
    while (i < count && !(names[i].len == inside.len && is_same(inside.at, names[i].at, inside.len))) i++;
    return i;
}

static size_t find_escaped(struct str inside, const struct str *names, size_t count)
{
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
        if (at == end || *at != '"') return false;
        const char *name = at + 1, *behind = json_skip_short_string(name, end);
        bool is_plain = behind != NULL;
        if (!is_plain) behind = json_skip_string(name, end);
        if (!behind) return false;
        struct str inside = str_of(name, (size_t)(behind - 1 - name));
        size_t i = is_plain ? find_plain(inside, names, count) : find_escaped(inside, names, count);

        at = json_skip_colon(behind, end);
        if (!at || at == end) return false;
        behind = json_skip(at, end);
        if (!behind) return false;
        if (i < count) {
            if (json_exists(values[i])) return false;
            values[i] = (struct json_value){str_of(at, (size_t)(behind - at)), json_type_from(*at)};
        }
        at = json_skip_blanks(behind, end);
        if (at == end) return false;
        if (*at == '}') return json_skip_blanks(at + 1, end) == end;
        if (*at != ',') return false;
        at = json_skip_blanks(at + 1, end);
    }
}
