/* dialects/gemini_sources.c: where an answer's words come from. Google hands out a list of sources, and segments of the
 * text, counted in bytes of UTF-8, with the numbers of the sources that support them; we, a list of citations. A source
 * that supports nothing is a citation of nothing in particular. Older models have citationMetadata: segments with an
 * URL each. */
#include "dialects/gemini.h"

#include "dialects/members.h"

enum { MAX_SOURCES = 512 };

int64_t gemini_characters(struct str text, int64_t bytes)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.len && (int64_t)i < bytes; i++)
        if (((unsigned char)text.at[i] & 0xc0) != 0x80) count++;
    return count;
}

int64_t gemini_bytes(struct str text, int64_t characters)
{
    size_t i = 0;
    for (; i < text.len; i++)
        if (((unsigned char)text.at[i] & 0xc0) != 0x80 && characters-- <= 0) break;
    return (int64_t)i;
}

/* ---- reading ---- */
static int64_t number_at(struct json_value object, struct str name)
{
    int64_t n = 0;
    (void)!json_to_i64(json_get(object, name), &n);
    return n > 0 && n < (int64_t)1 << 40 ? n : 0;
}

static struct gemini_source *add_source(struct gemini_sources *s)
{
    static const struct gemini_source none;
    if (s->count == MAX_SOURCES) return NULL;
    s->at[s->count] = none;
    return &s->at[s->count++];
}

/* {"web": {"uri", "title"}}, or retrievedContext, maps. */
static void read_chunk(struct chat_citation *c, struct json_value chunk, struct arena *a)
{
    static const struct str kinds[] = {STR_INIT("web"), STR_INIT("retrievedContext"), STR_INIT("maps")};
    for (size_t i = 0; i < ARRAY_COUNT(kinds) && c->url.len == 0; i++) {
        struct json_value source = json_get(chunk, kinds[i]);
        c->url = member_text(source, STR("uri"), a);
        c->title = member_text(source, STR("title"), a);
    }
}

/* Chunks by number, read once. */
struct chunks {
    struct json_value *at;
    bool *is_used;
    unsigned count;
};

static void read_chunks(struct chunks *out, struct json_value list, struct arena *a)
{
    struct json_items it;
    struct json_value item;
    *out = (struct chunks){.at = arena_new_array(a, struct json_value, MAX_SOURCES),
                           .is_used = arena_new_array(a, bool, MAX_SOURCES)};
    json_items_init(&it, list);
    while (out->count < MAX_SOURCES && json_items_next(&it, &item)) out->at[out->count++] = item;
}

static void read_support(struct gemini_sources *out, struct json_value support, struct chunks *chunks,
                         struct arena *a)
{
    struct json_value segment = json_get(support, STR("segment")), item;
    struct json_items it;
    int64_t n;
    json_items_init(&it, json_get(support, STR("groundingChunkIndices")));
    while (json_items_next(&it, &item)) {
        if (!json_to_i64(item, &n) || n < 0 || n >= chunks->count) continue;
        struct gemini_source *s = add_source(out);
        if (!s) return;
        chunks->is_used[n] = true;
        read_chunk(&s->citation, chunks->at[n], a);
        s->part = number_at(segment, STR("partIndex"));
        s->citation.start = number_at(segment, STR("startIndex"));
        s->citation.end = number_at(segment, STR("endIndex"));
        s->citation.quote = member_text(segment, STR("text"), a);
        if (s->citation.url.len == 0) out->count--;
    }
}

static void read_grounding(struct gemini_sources *out, struct json_value grounding, struct arena *a)
{
    struct chunks chunks;
    struct json_items it;
    struct json_value support;
    read_chunks(&chunks, json_get(grounding, STR("groundingChunks")), a);
    json_items_init(&it, json_get(grounding, STR("groundingSupports")));
    while (json_items_next(&it, &support)) read_support(out, support, &chunks, a);
    for (unsigned i = 0; i < chunks.count; i++) {
        struct gemini_source *s = chunks.is_used[i] ? NULL : add_source(out);
        if (!s) continue;
        read_chunk(&s->citation, chunks.at[i], a);
        if (s->citation.url.len == 0) out->count--;
    }
}

static void read_citations(struct gemini_sources *out, struct json_value metadata, struct arena *a)
{
    struct json_value list = json_get(metadata, STR("citations")), item;
    struct json_items it;
    if (!json_exists(list)) list = json_get(metadata, STR("citationSources"));
    json_items_init(&it, list);
    while (json_items_next(&it, &item)) {
        struct str url = member_text(item, STR("uri"), a);
        struct gemini_source *s = url.len > 0 ? add_source(out) : NULL;
        if (!s) continue;
        s->citation.url = url;
        s->citation.title = member_text(item, STR("title"), a);
        s->citation.start = number_at(item, STR("startIndex"));
        s->citation.end = number_at(item, STR("endIndex"));
    }
}

void gemini_read_sources(struct gemini_sources *out, struct json_value grounding, struct json_value citations,
                         struct arena *a)
{
    *out = (struct gemini_sources){0};
    if (grounding.type != JSON_OBJECT && citations.type != JSON_OBJECT) return;
    out->at = arena_new_array(a, struct gemini_source, MAX_SOURCES);
    if (grounding.type == JSON_OBJECT) read_grounding(out, grounding, a);
    if (citations.type == JSON_OBJECT) read_citations(out, citations, a);
}

/* ---- writing: a source of its own for each citation ---- */
static void put_chunks(struct json_writer *w, const struct gemini_sources *sources)
{
    begin_array_at(w, STR("groundingChunks"));
    for (unsigned i = 0; i < sources->count; i++) {
        json_begin_object(w);
        begin_object_at(w, STR("web"));
        json_put_str(w, STR("uri"), sources->at[i].citation.url);
        put_str_if(w, STR("title"), sources->at[i].citation.title);
        json_end_object(w);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_support(struct json_writer *w, const struct gemini_source *s, unsigned chunk)
{
    json_begin_object(w);
    begin_object_at(w, STR("segment"));
    put_i64_if(w, STR("partIndex"), s->part);
    put_i64_if(w, STR("startIndex"), s->citation.start);
    put_i64_if(w, STR("endIndex"), s->citation.end);
    put_str_if(w, STR("text"), s->citation.quote);
    json_end_object(w);
    begin_array_at(w, STR("groundingChunkIndices"));
    json_write_i64(w, chunk);
    json_end_array(w);
    json_end_object(w);
}

void gemini_put_sources(struct json_writer *w, const struct gemini_sources *sources)
{
    if (sources->count == 0) return;
    begin_object_at(w, STR("groundingMetadata"));
    put_chunks(w, sources);
    begin_array_at(w, STR("groundingSupports"));
    for (unsigned i = 0; i < sources->count; i++)
        if (sources->at[i].citation.end > 0 || sources->at[i].citation.quote.len > 0)
            put_support(w, &sources->at[i], i);
    json_end_array(w);
    json_end_object(w);
}
