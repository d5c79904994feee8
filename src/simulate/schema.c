/* simulate/schema.c: walks a schema and writes as it goes. It recurses, never deeper than SCHEMA_MAX_DEPTH. References
 * are looked up from the root each time: schemas of requests are small, and a tree would have to be built first. */
#include "simulate/schema.h"

#include "base/fmt.h"
#include "json/cursor.h"
#include "json/writer.h"

enum { MAX_STRING_BYTES = 1000, MAX_ITEMS = 16, NULLABLE_FROM_DEPTH = 4, MAX_STEPS = 100 * 1000 };

struct schema_walk {
    struct json_writer writer;
    struct json_value root;
    struct arena *arena;
    unsigned values; /* written */
    unsigned steps;  /* through lists of required names: a hostile schema must not keep a worker busy */
};

static void write_value(struct schema_walk *w, struct json_value schema, unsigned depth);

/* "#/$defs/Name" within the root; JSON_NONE for anything else. */
static struct json_value schema_follow(struct schema_walk *w, struct json_value ref)
{
    struct str rest;
    if (!json_to_str(ref, w->arena, &rest) || !str_starts_with(rest, STR("#"))) return (struct json_value){0};
    struct json_value v = w->root;
    rest = str_from(rest, 1);
    if (rest.len && rest.at[0] == '/') rest = str_from(rest, 1);
    while (rest.len) v = json_get(v, str_cut(&rest, '/'));
    return v;
}

static bool schema_is_null_type(struct json_value schema)
{
    return json_str_equals(json_get(schema, STR("type")), STR("null"));
}

/* The first alternative; far down the one that is null, so that what contains itself comes to an end. */
static struct json_value schema_choose(struct json_value alternatives, unsigned depth)
{
    struct json_value first = json_at(alternatives, 0), v;
    if (depth < NULLABLE_FROM_DEPTH) return first;
    struct json_items it;
    json_items_init(&it, alternatives);
    while (json_items_next(&it, &v))
        if (schema_is_null_type(v)) return v;
    return first;
}

static bool schema_requires(struct schema_walk *w, struct json_value required, struct str name)
{
    struct json_items it;
    struct json_value v;
    json_items_init(&it, required);
    while (w->steps++ < MAX_STEPS && json_items_next(&it, &v))
        if (json_str_equals(v, name)) return true;
    return false;
}

static void write_object(struct schema_walk *w, struct json_value schema, unsigned depth)
{
    struct json_value properties = json_get(schema, STR("properties"));
    struct json_value required = json_get(schema, STR("required"));
    struct json_value key, value;
    struct str name;
    json_begin_object(&w->writer);
    struct json_members members;
    json_members_init(&members, properties);
    while (json_members_next(&members, &key, &value)) {
        if (!json_to_str(key, w->arena, &name) || !schema_requires(w, required, name)) continue;
        json_write_key(&w->writer, name);
        write_value(w, value, depth + 1);
    }
    struct json_items names;
    json_items_init(&names, required);
    while (w->values++ < SCHEMA_MAX_VALUES && json_items_next(&names, &value)) {
        if (!json_to_str(value, w->arena, &name) || json_exists(json_get(properties, name))) continue;
        json_put_str(&w->writer, name, STR("simulated"));
    }
    json_end_object(&w->writer);
}

static void write_array(struct schema_walk *w, struct json_value schema, unsigned depth)
{
    int64_t count = 0;
    if (!json_to_i64(json_get(schema, STR("minItems")), &count) || count < 0) count = 0;
    if (count > MAX_ITEMS) count = MAX_ITEMS;
    json_begin_array(&w->writer);
    for (int64_t i = 0; i < count; i++) write_value(w, json_get(schema, STR("items")), depth + 1);
    json_end_array(&w->writer);
}

static void write_string(struct schema_walk *w, struct json_value schema)
{
    // clang-format off
    static const struct { const char *format, *example; } formats[] = {
        {"date-time", "2026-01-01T00:00:00Z"}, {"date", "2026-01-01"}, {"time", "00:00:00Z"}, {"duration", "PT1S"},
        {"email", "simulated@example.com"}, {"uuid", "00000000-0000-4000-8000-000000000000"},
        {"uri", "https://example.com/"}, {"hostname", "example.com"}, {"ipv4", "192.0.2.1"}, {"ipv6", "2001:db8::1"},
    };
    // clang-format on
    struct json_value format = json_get(schema, STR("format"));
    for (size_t i = 0; i < ARRAY_COUNT(formats); i++)
        if (json_str_equals(format, str_from_cstr(formats[i].format))) {
            json_write_str(&w->writer, str_from_cstr(formats[i].example));
            return;
        }
    struct str word = STR("simulated");
    int64_t min = 0, max = MAX_STRING_BYTES;
    if (!json_to_i64(json_get(schema, STR("minLength")), &min) || min < 0) min = 0;
    if (!json_to_i64(json_get(schema, STR("maxLength")), &max) || max < 0) max = MAX_STRING_BYTES;
    if (min > MAX_STRING_BYTES) min = MAX_STRING_BYTES;
    size_t bytes = (size_t)min > word.len ? (size_t)min : word.len;
    if (bytes > (size_t)max) bytes = (size_t)max;
    char *text = arena_alloc(w->arena, bytes + 1);
    for (size_t i = 0; i < bytes; i++) text[i] = word.at[i % word.len];
    json_write_str(&w->writer, str_of(text, bytes));
}

/* 0, or the bound that is nearest to it. */
static void write_number(struct schema_walk *w, struct json_value schema)
{
    struct json_value minimum = json_get(schema, STR("minimum")), maximum = json_get(schema, STR("maximum"));
    double d;
    int64_t n;
    if (json_to_double(minimum, &d) && d > 0)
        json_write_raw(&w->writer, minimum.raw);
    else if (json_to_double(maximum, &d) && d < 0)
        json_write_raw(&w->writer, maximum.raw);
    else if (json_to_i64(json_get(schema, STR("exclusiveMinimum")), &n) && n >= 0 && n < INT64_MAX)
        json_write_i64(&w->writer, n + 1);
    else if (json_to_i64(json_get(schema, STR("exclusiveMaximum")), &n) && n <= 0 && n > INT64_MIN)
        json_write_i64(&w->writer, n - 1);
    else
        json_write_i64(&w->writer, 0);
}

enum schema_type { TYPE_STRING, TYPE_OBJECT, TYPE_ARRAY, TYPE_INTEGER, TYPE_NUMBER, TYPE_BOOLEAN, TYPE_NULL };

static enum schema_type schema_type(struct json_value schema)
{
    static const char *const names[] = {"string", "object", "array", "integer", "number", "boolean", "null"};
    struct json_value type = json_get(schema, STR("type"));
    if (type.type == JSON_ARRAY) type = json_at(type, json_str_equals(json_at(type, 0), STR("null")) ? 1 : 0);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (json_str_equals(type, str_from_cstr(names[i]))) return (enum schema_type)i;
    if (json_exists(json_get(schema, STR("properties")))) return TYPE_OBJECT;
    return json_exists(json_get(schema, STR("items"))) ? TYPE_ARRAY : TYPE_STRING;
}

static void write_typed(struct schema_walk *w, struct json_value schema, unsigned depth)
{
    switch (schema_type(schema)) {
    case TYPE_STRING: write_string(w, schema); break;
    case TYPE_OBJECT: write_object(w, schema, depth); break;
    case TYPE_ARRAY: write_array(w, schema, depth); break;
    case TYPE_INTEGER:
    case TYPE_NUMBER: write_number(w, schema); break;
    case TYPE_BOOLEAN: json_write_bool(&w->writer, false); break;
    case TYPE_NULL: json_write_null(&w->writer); break;
    }
}

/* Where a schema sends us on to another one; JSON_NONE: it describes the value itself. */
static struct json_value schema_next(struct schema_walk *w, struct json_value schema, unsigned depth)
{
    static const struct str alternatives[] = {STR_INIT("anyOf"), STR_INIT("oneOf"), STR_INIT("allOf")};
    struct json_value v = json_get(schema, STR("$ref"));
    if (json_exists(v)) return schema_follow(w, v);
    for (size_t i = 0; i < ARRAY_COUNT(alternatives); i++) {
        v = json_get(schema, alternatives[i]);
        if (json_exists(v)) return schema_choose(v, depth);
    }
    return (struct json_value){0};
}

static void write_value(struct schema_walk *w, struct json_value schema, unsigned depth)
{
    struct json_value next;
    while (depth < SCHEMA_MAX_DEPTH && json_exists(next = schema_next(w, schema, depth))) {
        schema = next;
        depth++;
    }
    struct json_value fixed = json_get(schema, STR("const"));
    if (!json_exists(fixed)) fixed = json_at(json_get(schema, STR("enum")), 0);
    if (depth >= SCHEMA_MAX_DEPTH || w->values++ >= SCHEMA_MAX_VALUES)
        json_write_null(&w->writer);
    else if (json_exists(fixed))
        json_write_raw(&w->writer, fixed.raw);
    else
        write_typed(w, schema, depth);
}

bool schema_write_instance(struct buf *out, struct json_value schema, struct arena *a)
{
    if (!json_exists(schema)) return buf_append(out, STR("{}"));
    struct schema_walk w = {.root = schema, .arena = a};
    json_writer_init(&w.writer, out, 0);
    write_value(&w, schema, 0);
    return json_writer_finish(&w.writer);
}
