/* dialects/gemini_schema.c: Google's schemas and JSON Schema.
 *
 * Google's Schema (https://ai.google.dev/api/caching#Schema) is a subset of OpenAPI's: types in capitals, "nullable", no
 * references, no combinations but anyOf, enums of strings alone, and counts that may be strings. Newer models take JSON
 * Schema as it is (parametersJsonSchema, responseJsonSchema), so the way there is only for older ones. */
#include "dialects/gemini.h"

#include "base/check.h"

enum { MAX_DEPTH = 24, MAX_SOURCES = 12, MAX_NODES = 2000, MAX_SCHEMA_BYTES = 8 << 20 };

static const struct word type_rows[] = {
    {STR_INIT("string"), 1}, {STR_INIT("number"), 2}, {STR_INIT("integer"), 3}, {STR_INIT("boolean"), 4},
    {STR_INIT("array"), 5},  {STR_INIT("object"), 6}, {STR_INIT("null"), 7},
};
static const struct words type_words = WORDS(type_rows);

static struct str finished(struct json_writer *w, struct buf *out, struct arena *a, struct str otherwise)
{
    struct str text = json_writer_finish(w) ? arena_copy(a, buf_str(out)) : otherwise;
    buf_done(out);
    return text;
}

/* ---- Google's to JSON Schema ---- */
static const struct {
    struct str snake, camel;
} spellings[] = {
    {STR_INIT("any_of"), STR_INIT("anyOf")},
    {STR_INIT("min_items"), STR_INIT("minItems")},
    {STR_INIT("max_items"), STR_INIT("maxItems")},
    {STR_INIT("min_length"), STR_INIT("minLength")},
    {STR_INIT("max_length"), STR_INIT("maxLength")},
    {STR_INIT("min_properties"), STR_INIT("minProperties")},
    {STR_INIT("max_properties"), STR_INIT("maxProperties")},
    {STR_INIT("additional_properties"), STR_INIT("additionalProperties")},
    {STR_INIT("property_ordering"), STR_INIT("propertyOrdering")},
};

static struct str camel_of(struct json_value key, struct arena *a)
{
    struct str name = {0};
    (void)!json_to_str(key, a, &name);
    for (size_t i = 0; i < ARRAY_COUNT(spellings); i++)
        if (str_equals(name, spellings[i].snake)) return spellings[i].camel;
    return name;
}

/* "STRING", "string", 1; empty: TYPE_UNSPECIFIED, or none of ours. */
static struct str lower_type(struct json_value type, struct arena *a)
{
    struct str word = {0};
    int64_t number;
    if (json_to_i64(type, &number)) return words_of(&type_words, number > 0 && number < 8 ? (int)number : -1);
    if (!json_to_str(type, a, &word)) return word;
    for (size_t i = 0; i < ARRAY_COUNT(type_rows); i++)
        if (str_equals_nocase(word, type_rows[i].word)) return type_rows[i].word;
    return (struct str){0};
}

static bool is_count(struct str name)
{
    static const struct str counts[] = {STR_INIT("minItems"),      STR_INIT("maxItems"),
                                        STR_INIT("minLength"),     STR_INIT("maxLength"),
                                        STR_INIT("minProperties"), STR_INIT("maxProperties")};
    for (size_t i = 0; i < ARRAY_COUNT(counts); i++)
        if (str_equals(name, counts[i])) return true;
    return false;
}

static void put_json_schema(struct json_writer *w, struct json_value schema, struct arena *a);

static void put_each(struct json_writer *w, struct json_value v, struct arena *a)
{
    struct json_items items;
    struct json_members members;
    struct json_value item, key;
    if (v.type == JSON_ARRAY) {
        json_begin_array(w);
        json_items_init(&items, v);
        while (json_items_next(&items, &item)) put_json_schema(w, item, a);
        json_end_array(w);
        return;
    }
    json_begin_object(w);
    json_members_init(&members, v);
    while (json_members_next(&members, &key, &item)) {
        struct str name = {0};
        (void)!json_to_str(key, a, &name);
        json_write_key(w, name);
        put_json_schema(w, item, a);
    }
    json_end_object(w);
}

static void put_member(struct json_writer *w, struct str name, struct json_value v, bool is_nullable,
                       struct arena *a)
{
    int64_t count;
    if (str_equals(name, STR("type"))) {
        struct str type = lower_type(v, a);
        if (type.len == 0 && v.type == JSON_ARRAY) json_put_raw(w, name, v.raw);
        if (type.len == 0) return;
        json_write_key(w, name);
        if (is_nullable) json_begin_array(w);
        json_write_str(w, type);
        if (is_nullable) json_write_str(w, STR("null"));
        if (is_nullable) json_end_array(w);
    } else if (is_count(name) && v.type == JSON_STRING && str_to_i64(json_str_raw(v), &count)) {
        json_put_i64(w, name, count);
    } else if ((str_equals(name, STR("properties")) && v.type == JSON_OBJECT) ||
               (str_equals(name, STR("anyOf")) && v.type == JSON_ARRAY)) {
        json_write_key(w, name);
        put_each(w, v, a);
    } else if (str_equals(name, STR("items")) && v.type == JSON_OBJECT) {
        json_write_key(w, name);
        put_json_schema(w, v, a);
    } else {
        bool is_said = str_equals(name, STR("nullable")) || str_equals(name, STR("propertyOrdering")) ||
                       (str_equals(name, STR("format")) && json_str_equals(v, STR("enum")));
        if (!is_said) json_put_raw(w, name, v.raw);
    }
}

static void put_json_schema(struct json_writer *w, struct json_value schema, struct arena *a)
{
    struct json_members it;
    struct json_value key, value;
    bool is_nullable = false;
    if (schema.type != JSON_OBJECT) {
        json_write_raw(w, schema.raw);
        return;
    }
    (void)!json_to_bool(json_get(schema, STR("nullable")), &is_nullable);
    json_begin_object(w);
    json_members_init(&it, schema);
    while (json_members_next(&it, &key, &value)) put_member(w, camel_of(key, a), value, is_nullable, a);
    json_end_object(w);
}

struct str gemini_schema_to_json(struct json_value schema, struct arena *a)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, MAX_SCHEMA_BYTES);
    json_writer_init(&w, &out, 0);
    put_json_schema(&w, schema, a);
    return finished(&w, &out, a, schema.raw);
}

/* ---- JSON Schema to Google's ---- */
struct subset {
    struct json_writer w;
    struct json_value root;
    struct arena *arena;
    struct losses *dropped;
    unsigned nodes; /* written so far: references may double a schema at each step */
};

/* What one place means: the schema, what it refers to, what it combines. The first that has a keyword decides. */
struct sources {
    struct json_value at[MAX_SOURCES];
    unsigned count;
    bool is_nullable;
};

static void lose_keyword(struct subset *s, struct str keyword)
{
    static const struct str silent[] = {
        STR_INIT("$schema"),
        STR_INIT("$id"),
        STR_INIT("$comment"),
        STR_INIT("$defs"),
        STR_INIT("definitions"),
        STR_INIT("examples"),
        STR_INIT("default"),
        STR_INIT("strict"),
        STR_INIT("readOnly"),
        STR_INIT("writeOnly"),
        STR_INIT("deprecated"),
        STR_INIT("$ref"),
        STR_INIT("allOf"),
        STR_INIT("oneOf"),
        STR_INIT("anyOf"),
        STR_INIT("const"),
        STR_INIT("type"),
        STR_INIT("properties"),
        STR_INIT("required"),
        STR_INIT("items"),
        STR_INIT("enum"),
        STR_INIT("format"),
        STR_INIT("additionalProperties"),
    };
    for (size_t i = 0; i < ARRAY_COUNT(silent); i++)
        if (str_equals(keyword, silent[i])) return;
    losses_add(s->dropped, arena_printf(s->arena, "schema.%.*s", STR_ARG(str_part(keyword, 0, 40))));
}

/* "#/$defs/name/…"; JSON_NONE: nothing there, or not in this text. */
static struct json_value resolve(const struct subset *s, struct str reference)
{
    struct json_value v = s->root;
    struct str rest = reference;
    if (!str_equals(str_cut(&rest, '/'), STR("#"))) return (struct json_value){0};
    while (rest.len > 0 && json_exists(v)) v = json_get(v, str_cut(&rest, '/'));
    return v;
}

static bool is_null_schema(struct json_value v)
{
    return json_str_equals(json_get(v, STR("type")), STR("null"));
}

/* The only alternative beside null; JSON_NONE: there are more, or none. */
static struct json_value only_alternative(struct json_value list, bool *is_nullable)
{
    struct json_value found = {0}, item;
    struct json_items it;
    unsigned count = 0;
    json_items_init(&it, list);
    while (json_items_next(&it, &item)) {
        if (is_null_schema(item)) {
            *is_nullable = true;
            continue;
        }
        found = item;
        count++;
    }
    return count == 1 ? found : (struct json_value){0};
}

static void gather(struct subset *s, struct sources *out, struct json_value v, unsigned depth)
{
    struct str reference = {0};
    struct json_items it;
    struct json_value item;
    if (v.type != JSON_OBJECT || out->count == MAX_SOURCES || depth > MAX_SOURCES) return;
    out->at[out->count++] = v;
    if (json_to_str(json_get(v, STR("$ref")), s->arena, &reference))
        gather(s, out, resolve(s, reference), depth + 1);
    json_items_init(&it, json_get(v, STR("allOf")));
    while (json_items_next(&it, &item)) gather(s, out, item, depth + 1);
    gather(s, out, only_alternative(json_get(v, STR("anyOf")), &out->is_nullable), depth + 1);
    gather(s, out, only_alternative(json_get(v, STR("oneOf")), &out->is_nullable), depth + 1);
}

static struct json_value first_with(const struct sources *from, struct str name)
{
    for (unsigned i = 0; i < from->count; i++) {
        struct json_value v = json_get(from->at[i], name);
        if (json_exists(v)) return v;
    }
    return (struct json_value){0};
}

static void put_subset(struct subset *s, struct json_value schema, unsigned depth);

/* Of a list of types the first that is not null; the others are lost. */
static struct str type_of(struct subset *s, struct sources *from)
{
    struct json_value type = first_with(from, STR("type")), item;
    struct json_items it;
    struct str found = {0}, word;
    if (type.type != JSON_ARRAY) found = lower_type(type, s->arena);
    json_items_init(&it, type);
    while (json_items_next(&it, &item)) {
        word = lower_type(item, s->arena);
        if (str_equals(word, STR("null")))
            from->is_nullable = true;
        else if (found.len == 0)
            found = word;
        else
            losses_add(s->dropped, STR("schema.type"));
    }
    if (found.len > 0) return found;
    if (json_exists(first_with(from, STR("properties")))) return STR("object");
    if (json_exists(first_with(from, STR("items")))) return STR("array");
    bool is_word = first_with(from, STR("const")).type == JSON_STRING ||
                   json_exists(first_with(from, STR("enum")));
    return is_word ? STR("string") : (struct str){0};
}

static void put_type(struct subset *s, struct str type, bool is_nullable)
{
    char upper[8];
    for (size_t i = 0; i < type.len; i++) upper[i] = (char)(type.at[i] & ~0x20);
    if (type.len > 0) json_put_str(&s->w, STR("type"), str_of(upper, type.len));
    if (is_nullable) json_put_bool(&s->w, STR("nullable"), true);
}

/* Of strings alone. */
static void put_enum(struct subset *s, const struct sources *from, struct str type)
{
    struct json_value list = first_with(from, STR("enum")), only = first_with(from, STR("const")), item;
    struct json_items it;
    if (!json_exists(list) && !json_exists(only)) return;
    if (!str_equals(type, STR("string"))) {
        losses_add(s->dropped, STR("schema.enum"));
        return;
    }
    begin_array_at(&s->w, STR("enum"));
    if (only.type == JSON_STRING) json_write_raw(&s->w, only.raw);
    json_items_init(&it, list);
    while (!json_exists(only) && json_items_next(&it, &item))
        if (item.type == JSON_STRING) json_write_raw(&s->w, item.raw);
    json_end_array(&s->w);
}

/* Only these; others are refused. */
static void put_format(struct subset *s, const struct sources *from)
{
    static const struct str known[] = {STR_INIT("date-time"), STR_INIT("float"), STR_INIT("double"),
                                       STR_INIT("int32"), STR_INIT("int64")};
    struct json_value format = first_with(from, STR("format"));
    if (!json_exists(format)) return;
    for (size_t i = 0; i < ARRAY_COUNT(known); i++)
        if (json_str_equals(format, known[i])) {
            json_put_raw(&s->w, STR("format"), format.raw);
            return;
        }
    losses_add(s->dropped, STR("schema.format"));
}

static bool is_new(const struct sources *from, unsigned upto, struct str list, struct str name)
{
    for (unsigned i = 0; i < upto; i++)
        if (json_exists(json_get(json_get(from->at[i], list), name))) return false;
    return true;
}

static unsigned put_properties(struct subset *s, const struct sources *from, unsigned depth)
{
    struct json_members it;
    struct json_value key, value;
    unsigned count = 0;
    for (unsigned i = 0; i < from->count; i++) {
        json_members_init(&it, json_get(from->at[i], STR("properties")));
        while (json_members_next(&it, &key, &value)) {
            struct str name = {0};
            if (!json_to_str(key, s->arena, &name) || !is_new(from, i, STR("properties"), name)) continue;
            if (count++ == 0) begin_object_at(&s->w, STR("properties"));
            json_write_key(&s->w, name);
            put_subset(s, value, depth + 1);
        }
    }
    if (count > 0) json_end_object(&s->w);
    return count;
}

static bool is_property(const struct sources *from, struct str name)
{
    return !is_new(from, from->count, STR("properties"), name);
}

static void put_required(struct subset *s, const struct sources *from)
{
    struct json_items it;
    struct json_value item;
    bool has_begun = false;
    for (unsigned i = 0; i < from->count; i++) {
        json_items_init(&it, json_get(from->at[i], STR("required")));
        while (json_items_next(&it, &item)) {
            struct str name = {0};
            if (!json_to_str(item, s->arena, &name) || !is_property(from, name)) continue;
            if (!has_begun) begin_array_at(&s->w, STR("required"));
            has_begun = true;
            json_write_str(&s->w, name);
        }
    }
    if (has_begun) json_end_array(&s->w);
}

/* Alternatives, where there is more than one beside null. */
static void put_alternatives(struct subset *s, const struct sources *from, unsigned depth)
{
    bool is_nullable;
    struct json_items it;
    struct json_value item, list = first_with(from, STR("anyOf"));
    if (!json_exists(list)) list = first_with(from, STR("oneOf"));
    if (list.type != JSON_ARRAY || json_exists(only_alternative(list, &is_nullable))) return;
    begin_array_at(&s->w, STR("anyOf"));
    json_items_init(&it, list);
    while (json_items_next(&it, &item))
        if (!is_null_schema(item)) put_subset(s, item, depth + 1);
    json_end_array(&s->w);
}

/* Keywords that both have, with the same values. */
static void put_common(struct subset *s, const struct sources *from)
{
    static const struct str common[] = {
        STR_INIT("title"),     STR_INIT("description"),   STR_INIT("pattern"),       STR_INIT("minimum"),
        STR_INIT("maximum"),   STR_INIT("minItems"),      STR_INIT("maxItems"),      STR_INIT("minLength"),
        STR_INIT("maxLength"), STR_INIT("minProperties"), STR_INIT("maxProperties"),
    };
    struct json_members it;
    struct json_value key, value;
    for (size_t i = 0; i < ARRAY_COUNT(common); i++) {
        value = first_with(from, common[i]);
        if (json_exists(value)) json_put_raw(&s->w, common[i], value.raw);
    }
    for (unsigned n = 0; n < from->count; n++) {
        json_members_init(&it, from->at[n]);
        while (json_members_next(&it, &key, &value)) {
            bool is_common = false;
            for (size_t i = 0; i < ARRAY_COUNT(common); i++)
                is_common = is_common || json_str_equals(key, common[i]);
            if (!is_common) lose_keyword(s, json_str_raw(key));
        }
    }
}

static void put_subset(struct subset *s, struct json_value schema, unsigned depth)
{
    struct sources from = {0};
    json_begin_object(&s->w);
    if (depth < MAX_DEPTH && s->nodes++ < MAX_NODES)
        gather(s, &from, schema, 0);
    else
        losses_add(s->dropped, STR("schema.$ref"));
    struct str type = type_of(s, &from);
    put_type(s, type, from.is_nullable);
    put_common(s, &from);
    put_enum(s, &from, type);
    put_format(s, &from);
    if (put_properties(s, &from, depth) > 0) put_required(s, &from);
    struct json_value items = first_with(&from, STR("items"));
    if (items.type == JSON_OBJECT) {
        json_write_key(&s->w, STR("items"));
        put_subset(s, items, depth + 1);
    } else if (str_equals(type, STR("array"))) { /* a list says of what */
        json_put_raw(&s->w, STR("items"), STR("{\"type\":\"STRING\"}"));
    }
    put_alternatives(s, &from, depth);
    json_end_object(&s->w);
}

struct str gemini_schema_from_json(struct json_value schema, struct arena *a, struct losses *dropped)
{
    struct subset s = {.root = schema, .arena = a, .dropped = dropped};
    struct sources top = {0};
    struct buf out;
    struct losses none = {0};
    if (schema.type != JSON_OBJECT) return (struct str){0};
    s.dropped = &none;
    gather(&s, &top, schema, 0);
    struct json_value properties = first_with(&top, STR("properties"));
    bool is_object = json_str_equals(first_with(&top, STR("type")), STR("object"));
    if (is_object && !json_exists(json_get(schema, STR("$ref"))) &&
        (!json_exists(properties) || str_trim(str_part(properties.raw, 1, properties.raw.len - 2)).len == 0))
        return (struct str){0};
    s.dropped = dropped;
    buf_init(&out, MAX_SCHEMA_BYTES);
    json_writer_init(&s.w, &out, 0);
    put_subset(&s, schema, 0);
    return finished(&s.w, &out, a, (struct str){0});
}
