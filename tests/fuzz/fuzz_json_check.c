/* Whatever the bytes: SSE2 and plain C find the same; what json_check() accepts, the cursor walks to its end and the
 * writer, fed by it, writes as a text that is accepted again; json_skim() finds the same members. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "json/check.h"
#include "json/cursor.h"
#include "json/scan.h"
#include "json/skim.h"
#include "json/writer.h"

enum { MAX_COPY_BYTES = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare_searches(struct str text)
{
    const char *end = text.at + text.len;
    for (size_t from = 0; from <= text.len && from < 20; from++) {
        bool is_ascii = true, is_ascii_scalar = true;
        const char *at = text.at + from;
        require(json_scan_string(at, end, &is_ascii) == json_scan_string_scalar(at, end, &is_ascii_scalar));
        require(is_ascii == is_ascii_scalar);
        require(json_scan_utf8(str_from(text, from)) == json_scan_utf8_scalar(str_from(text, from)));
    }
    const char *at = text.at;
    while (at < end && *at != '[' && *at != '{') at++;
    if (at < end) require(json_scan_container(at, end) == json_scan_container_scalar(at, end));
}

static void copy_value(struct json_writer *w, struct json_value v, struct arena *a)
{
    struct json_members members;
    struct json_items items;
    struct json_value key, inner;
    struct str s;
    if (v.type == JSON_OBJECT) {
        json_begin_object(w);
        json_members_init(&members, v);
        while (json_members_next(&members, &key, &inner)) {
            require(json_to_str(key, a, &s) && json_str_equals(key, s));
            json_write_key(w, s);
            copy_value(w, inner, a);
        }
        require(!members.is_malformed);
        json_end_object(w);
    } else if (v.type == JSON_ARRAY) {
        json_begin_array(w);
        json_items_init(&items, v);
        while (json_items_next(&items, &inner)) copy_value(w, inner, a);
        require(!items.is_malformed);
        json_end_array(w);
    } else if (v.type == JSON_STRING) {
        require(json_to_str(v, a, &s));
        json_write_str(w, s);
    } else {
        double d;
        if (v.type == JSON_NUMBER && json_to_double(v, &d))
            json_write_double(w, d);
        else
            json_write_raw(w, v.raw);
    }
}

static void walk_and_write(struct str text, unsigned indent)
{
    struct json_value root = json_value_of(text);
    struct arena a;
    struct buf copy;
    struct json_writer w;
    struct err err;
    require(json_exists(root));
    arena_init(&a);
    buf_init(&copy, MAX_COPY_BYTES);
    json_writer_init(&w, &copy, indent);
    copy_value(&w, root, &a);
    require(json_writer_finish(&w));
    require(json_check(buf_str(&copy), NULL, 0, NULL, &err));
    buf_done(&copy);
    arena_done(&a);
}

static void compare_with_skim(struct str text)
{
    static const struct str names[] = {STR_INIT("model"), STR_INIT("a"), STR_INIT("")};
    struct json_wanted wanted[ARRAY_COUNT(names)];
    struct json_found found[ARRAY_COUNT(names)];
    struct json_value values[ARRAY_COUNT(names)];
    struct err err;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) wanted[i].name = names[i];
    bool is_skimmed = json_skim(text, names, ARRAY_COUNT(names), values);
    if (!json_check(text, wanted, ARRAY_COUNT(names), found, &err)) return;
    require(is_skimmed);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        require(found[i].value.type == values[i].type);
        if (!json_exists(values[i])) continue;
        require(found[i].value.raw.at == values[i].raw.at && found[i].value.raw.len == values[i].raw.len);
        require(json_str_equals(found[i].key, names[i]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of((const char *)data, size);
    struct err err;
    compare_searches(text);
    compare_with_skim(text);
    if (json_check(text, NULL, 0, NULL, &err)) {
        walk_and_write(text, 0);
        walk_and_write(text, size % 4);
    }
    return 0;
}
