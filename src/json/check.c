/* json/check.c: RFC 8259 in one run, without recursion: two bits per open container are all its memory, and for the
 * root's members a list of where their names stand.
 *
 * Time goes by the searches of json/scan.h for what strings hold; a string with bytes above 0x7f is looked at once more
 * for UTF-8 while it is still warm. Each function takes the position it begins at and returns the one behind what it
 * has read, or NULL with the error set. */
#include "json/check.h"

#include "json/cursor.h"
#include "json/scan.h"
#include "json/skip.h"
#include "json/unescape.h"

/* A member of the root as far as finding its double needs it: most pairs differ in the tag. */
struct member {
    uint32_t tag;    /* length and first bytes of its meaning */
    uint32_t offset; /* of the opening quote of its name */
};

struct check {
    struct str text;
    const char *end;
    const struct json_wanted *wanted;
    size_t wanted_count;
    struct json_found *found;
    struct err *err;
    struct json_found *reading; /* the wanted member of the root whose value is being read */
    unsigned depth;
    uint64_t is_object[JSON_MAX_DEPTH / 64]; /* a bit for each open container */
    unsigned member_count;
    struct member members[JSON_MAX_MEMBERS];
};

struct position {
    size_t line, column;
};

static struct position find_position(struct str text, const char *at)
{
    struct position p = {1, 1};
    for (const char *c = text.at; c < at; c++) {
        if (*c == '\n') {
            p.line++;
            p.column = 1;
        } else if (((unsigned char)*c & 0xc0) != 0x80) {
            p.column++;
        }
    }
    return p;
}

/* What may be said of the byte at `at` without showing the text. */
static const char *describe_byte(const struct check *c, const char *at, char room[24])
{
    if (at == c->end) return "the end of the text";
    static const char hex[] = "0123456789abcdef";
    unsigned char byte = (unsigned char)*at;
    if (byte >= 0x20 && byte < 0x7f) {
        memcpy(room, "'?'", 4);
        room[1] = (char)byte;
    } else {
        memcpy(room, "byte 0x??", 10);
        room[7] = hex[byte >> 4];
        room[8] = hex[byte & 15];
    }
    return room;
}

static COLD const char *fail_expected(struct check *c, const char *at, const char *expected)
{
    struct position p = find_position(c->text, at);
    char room[24];
    err_set(c->err, ERR_INVALID, "line %zu, column %zu: expected %s, got %s", p.line, p.column, expected,
            describe_byte(c, at, room));
    return NULL;
}

static COLD const char *fail_limit(struct check *c, const char *at, const char *what, unsigned limit)
{
    struct position p = find_position(c->text, at);
    err_set(c->err, ERR_TOO_LARGE, "line %zu, column %zu: more than %u %s", p.line, p.column, limit, what);
    return NULL;
}

/* Only a name that the caller asked for may be shown: others are the body's own words. */
static COLD const char *fail_double(struct check *c, const char *at)
{
    struct position p = find_position(c->text, at);
    if (c->reading) {
        struct str name = c->wanted[c->reading - c->found].name;
        err_set(c->err, ERR_INVALID, "line %zu, column %zu: \"%.*s\" is there twice", p.line, p.column,
                STR_ARG(name));
    } else {
        err_set(c->err, ERR_INVALID, "line %zu, column %zu: this member's name is there twice", p.line,
                p.column);
    }
    return NULL;
}

/* `at`: the backslash. */
static const char *check_escape(struct check *c, const char *at)
{
    if (++at == c->end) return fail_expected(c, at, "an escape");
    if (LIKELY(JSON_ESCAPES[(unsigned char)*at])) return at + 1;
    if (*at != 'u') return fail_expected(c, at, "one of \"\\/bfnrtu behind a backslash");
    at++;
    for (int i = 0; i < 4; i++, at++)
        if (at == c->end || !json_is_hex(*at))
            return fail_expected(c, at, "four hexadecimal digits behind \\u");
    return at;
}

/* From the opening quote to behind the closing one. */
static const char *check_string(struct check *c, const char *at, bool *has_escape)
{
    const char *start = ++at;
    bool is_ascii = true;
    at = json_scan_string(at, c->end, &is_ascii);
    while (at < c->end && *at == '\\') {
        *has_escape = true;
        at = check_escape(c, at);
        if (!at) return NULL;
        at = json_scan_text(at, c->end, &is_ascii);
    }
    if (UNLIKELY(at == c->end)) return fail_expected(c, at, "'\"' at the end of a string");
    if (UNLIKELY(*at != '"')) return fail_expected(c, at, "no control character in a string");
    if (UNLIKELY(!is_ascii)) {
        struct str inside = str_of(start, (size_t)(at - start));
        size_t good = json_scan_utf8(inside);
        if (good < inside.len) return fail_expected(c, start + good, "well-formed UTF-8");
    }
    return at + 1;
}

static const char *check_literal(struct check *c, const char *at, struct str word)
{
    for (size_t i = 0; i < word.len; i++)
        if (at + i == c->end || at[i] != word.at[i]) return fail_expected(c, at + i, word.at);
    return at + word.len;
}

static const char *check_scalar(struct check *c, const char *at)
{
    bool has_escape;
    const char *stop, *behind;
    switch (at < c->end ? json_type_from(*at) : JSON_NONE) {
    case JSON_STRING: return check_string(c, at, &has_escape);
    case JSON_NUMBER:
        behind = json_scan_number(at, c->end, &stop);
        return behind ? behind : fail_expected(c, stop, "a digit in a number");
    case JSON_BOOL: return check_literal(c, at, *at == 't' ? STR("true") : STR("false"));
    case JSON_NULL: return check_literal(c, at, STR("null"));
    case JSON_ARRAY:
    case JSON_OBJECT:
    case JSON_NONE: break;
    }
    return fail_expected(c, at, "a value");
}

/* Length and first bytes of what the name means. */
static uint32_t name_tag(struct str inside, bool has_escape)
{
    unsigned char first[3] = {0};
    size_t len = inside.len;
    if (!has_escape) {
        memcpy(first, inside.at, len < 3 ? len : 3);
    } else {
        struct json_unescaper u;
        json_unescaper_init(&u, inside);
        int byte;
        for (len = 0; (byte = json_unescaper_next(&u)) >= 0; len++)
            if (len < 3) first[len] = (unsigned char)byte;
    }
    return (uint32_t)first[0] << 24 | (uint32_t)first[1] << 16 | (uint32_t)first[2] << 8 |
           (uint32_t)(len & 0xff);
}

/* Do two names that were read already mean the same? Both begin at their opening quote. */
static bool names_are_equal(const struct check *c, const char *a, const char *b)
{
    struct json_value key_a, key_b;
    if (!json_skip_key(a, c->end, &key_a) || !json_skip_key(b, c->end, &key_b)) return false;
    if (str_equals(key_a.raw, key_b.raw)) return true;
    struct json_unescaper left, right;
    json_unescaper_init(&left, json_str_raw(key_a));
    json_unescaper_init(&right, json_str_raw(key_b));
    int byte;
    while ((byte = json_unescaper_next(&left)) == json_unescaper_next(&right))
        if (byte < 0) return true;
    return false;
}

/* A member of the root: is it wanted, is it there twice? False with the error set. */
static bool note_member(struct check *c, struct str raw, bool has_escape)
{
    struct json_value key = {raw, JSON_STRING};
    struct str inside = json_str_raw(key);
    c->reading = NULL;
    for (size_t i = 0; i < c->wanted_count && !c->reading; i++) {
        if (json_inside_equals(inside, c->wanted[i].name)) c->reading = &c->found[i];
    }
    struct member member = {name_tag(inside, has_escape), (uint32_t)(raw.at - c->text.at)};
    for (unsigned i = 0; i < c->member_count; i++)
        if (c->members[i].tag == member.tag && names_are_equal(c, c->text.at + c->members[i].offset, raw.at))
            return fail_double(c, raw.at) != NULL;
    if (c->member_count == JSON_MAX_MEMBERS)
        return fail_limit(c, raw.at, "members in the outermost object", JSON_MAX_MEMBERS) != NULL;
    c->members[c->member_count++] = member;
    if (c->reading) c->reading->key = key;
    return true;
}

/* A member's name and the colon; returns where its value must begin. */
static const char *check_key(struct check *c, const char *at, const char *expected)
{
    if (at == c->end || *at != '"') return fail_expected(c, at, expected);
    bool has_escape = false;
    const char *behind = check_string(c, at, &has_escape);
    if (!behind) return NULL;
    struct str raw = str_of(at, (size_t)(behind - at));
    bool is_noted = c->depth == 1 && c->wanted_count > 0;
    if (is_noted && !note_member(c, raw, has_escape)) return NULL;
    at = json_skip_blanks(behind, c->end);
    if (at == c->end || *at != ':') return fail_expected(c, at, "':' behind a member's name");
    at = json_skip_blanks(at + 1, c->end);
    if (is_noted && c->reading && at < c->end)
        c->reading->value = (struct json_value){str_of(at, 0), json_type_from(*at)};
    return at;
}

static bool is_in_object(const struct check *c)
{
    unsigned top = c->depth - 1;
    return c->is_object[top / 64] >> top % 64 & 1;
}

/* `at`: an opening bracket. Returns where the first element must begin or the closing bracket stands. */
static const char *check_open(struct check *c, const char *at)
{
    if (c->depth == JSON_MAX_DEPTH) return fail_limit(c, at, "containers inside each other", JSON_MAX_DEPTH);
    uint64_t bit = 1ull << c->depth % 64, *bits = &c->is_object[c->depth / 64];
    *bits = *at == '{' ? *bits | bit : *bits & ~bit;
    c->depth++;
    return json_skip_blanks(at + 1, c->end);
}

/* A value has ended at `at`: closes what ends with it. Returns where the next value must begin, or, when the root is
 * closed, what is behind it. */
static const char *check_behind(struct check *c, const char *at)
{
    for (;;) {
        if (c->depth == 1 && c->reading) {
            c->reading->value.raw.len = (size_t)(at - c->reading->value.raw.at);
            c->reading = NULL;
        }
        if (c->depth == 0) return at;
        at = json_skip_blanks(at, c->end);
        bool is_object = is_in_object(c);
        char byte = at < c->end ? *at : 0;
        if (byte == ',') {
            at = json_skip_blanks(at + 1, c->end);
            return is_object ? check_key(c, at, "a member's name in quotes") : at;
        }
        if (byte != (is_object ? '}' : ']'))
            return fail_expected(c, at, is_object ? "',' or '}' after a member" : "',' or ']' after an item");
        at++;
        c->depth--;
    }
}

/* The value that begins at `at`: a scalar or an empty container is read to its end; of any other container all that
 * stands before its first value, and *is_open becomes true. */
static const char *check_begin(struct check *c, const char *at, bool *is_open)
{
    bool is_object = at < c->end && *at == '{', is_array = at < c->end && *at == '[';
    *is_open = false;
    if (!is_object && !is_array) return check_scalar(c, at);
    at = check_open(c, at);
    if (at && at < c->end && *at == (is_object ? '}' : ']')) {
        c->depth--;
        return at + 1;
    }
    *is_open = true;
    return at && is_object ? check_key(c, at, "a member's name in quotes or '}'") : at;
}

static const char *check_value(struct check *c, const char *at)
{
    do {
        bool is_open;
        at = check_begin(c, at, &is_open);
        if (at && !is_open) at = check_behind(c, at);
    } while (at && c->depth > 0);
    return at;
}

bool json_check(struct str text, const struct json_wanted *wanted, size_t count, struct json_found *found,
                struct err *err)
{
    struct check c;
    text = json_text(text);
    c.text = text;
    c.end = text.at + text.len;
    c.wanted = wanted;
    c.wanted_count = count;
    c.found = found;
    c.err = err;
    c.reading = NULL;
    c.depth = c.member_count = 0;
    c.is_object[0] = c.is_object[1] = 0;
    for (size_t i = 0; i < count; i++) found[i] = (struct json_found){0};
    if (text.len > UINT32_MAX) return err_set(err, ERR_TOO_LARGE, "the text has more than 4 GiB");
    const char *at = json_skip_blanks(text.at, c.end);
    if (count > 0 && (at == c.end || *at != '{')) return fail_expected(&c, at, "'{': an object") != NULL;
    at = check_value(&c, at);
    if (!at) return false;
    at = json_skip_blanks(at, c.end);
    return at == c.end || fail_expected(&c, at, "nothing but blanks behind the value") != NULL;
}
