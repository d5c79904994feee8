/* The first byte says which edits to make, the rest is a body. If json_check() accepts it, then the spliced text is
 * accepted too, holds the new values, no longer holds what was removed, and has the members that were left alone. */
#include "base/arena.h"
#include "base/check.h"
#include "json/check.h"
#include "json/cursor.h"
#include "json/splice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum edit { KEEP, REPLACE, REMOVE, EDITS };
enum { MAX_EDITED = JSON_SPLICE_MAX_EDITS - 2 };

struct plan {
    enum edit edits[MAX_EDITED]; /* of the first members */
    unsigned inserts;
};

static struct plan read_plan(uint8_t byte)
{
    struct plan p = {.inserts = byte % 3};
    unsigned rest = byte / 3u * 0x9e3779b1u;
    for (size_t i = 0; i < MAX_EDITED; i++, rest /= EDITS) p.edits[i] = rest % EDITS;
    return p;
}

static const struct str INSERTED[] = {STR_INIT("\"\\u0000first\":[1]"), STR_INIT("\"\\u0000second\":{}")};

static void splice(struct json_splice *s, struct str body, const struct plan *p)
{
    struct json_members it;
    struct json_value key, value;
    json_splice_init(s, body);
    for (unsigned i = 0; i < p->inserts; i++) json_splice_insert(s, INSERTED[i]);
    json_members_init(&it, json_value_of(body));
    for (size_t i = 0; i < MAX_EDITED && json_members_next(&it, &key, &value); i++) {
        if (p->edits[i] == REPLACE) json_splice_replace(s, value, STR("\"new \\u0001\""));
        if (p->edits[i] == REMOVE) json_splice_remove(s, key, value);
    }
    json_splice_finish(s);
}

static void expect_meaning(struct str result, struct str body, const struct plan *p)
{
    struct json_members was, is;
    struct json_value old_key, old_value, key, value;
    json_members_init(&is, json_value_of(result));
    for (unsigned i = 0; i < p->inserts; i++) {
        require(json_members_next(&is, &key, &value));
        require(json_str_equals(key, i == 0 ? STR("\0first") : STR("\0second")));
    }
    json_members_init(&was, json_value_of(body));
    for (size_t i = 0; json_members_next(&was, &old_key, &old_value); i++) {
        enum edit edit = i < MAX_EDITED ? p->edits[i] : KEEP;
        if (edit == REMOVE) continue;
        require(json_members_next(&is, &key, &value) && str_equals(key.raw, old_key.raw));
        if (edit == REPLACE)
            require(json_str_equals(value, STR("new \x01")));
        else
            require(str_equals(value.raw, old_value.raw));
    }
    require(!json_members_next(&is, &key, &value) && !is.is_malformed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct plan p = read_plan(data[0]);
    struct str body = str_of((const char *)data + 1, size - 1);
    struct json_wanted wanted = {STR("model")};
    struct json_found found;
    struct err err;
    if (!json_check(body, &wanted, 1, &found, &err)) return 0;
    struct json_splice s;
    struct arena a;
    splice(&s, body, &p);
    arena_init(&a);
    struct str result = arena_join(&a, s.pieces, s.piece_count);
    require(result.len == s.total_bytes);
    require(json_check(result, NULL, 0, NULL, &err));
    expect_meaning(result, body, &p);
    arena_done(&a);
    return 0;
}
