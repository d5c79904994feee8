/* dialects/anthropic_parts.c: the blocks that turns, results and replies of Anthropic's Messages format are made of.
 *
 *     text, thinking, redacted_thinking, tool_use, tool_result, image, document      a part of chat/part.h each
 *     search_result                                                                  a document that is plain text
 *     server_tool_use, web_search_tool_result, mcp_tool_use, container_upload, …     CHAT_OTHER, for this format alone
 *
 * What blocks have that the neutral form has not, the citations of a past text and the settings of a document, stays in
 * part->json and is written again to the format it came from. */
#include "dialects/anthropic.h"

#include "dialects/data_url.h"
#include "dialects/tool_calls.h"

/* ---- signatures of others ---- */
static const struct {
    struct str mark;
    enum chat_format format;
} signers[] = {
    {STR_INIT("weir.openai."), CHAT_FORMAT_OPENAI_RESPONSES},
    {STR_INIT("weir.chat."), CHAT_FORMAT_OPENAI_CHAT},
    {STR_INIT("weir.gemini."), CHAT_FORMAT_GEMINI},
};
static const char ID_END = '~'; /* <mark><id>~<signature> */

struct str anthropic_mark_signature(struct str signature, struct str id, enum chat_format format,
                                    struct arena *a)
{
    for (size_t i = 0; i < ARRAY_COUNT(signers) && signature.len > 0; i++) {
        if (signers[i].format != format) continue;
        const struct str pieces[] = {signers[i].mark, id, str_of(&ID_END, 1), signature};
        return arena_join(a, pieces, ARRAY_COUNT(pieces));
    }
    return format == CHAT_FORMAT_ANTHROPIC ? signature : (struct str){0};
}

void anthropic_take_signature(struct chat_part *part, struct str signature)
{
    part->signature = signature;
    part->format = signature.len > 0 ? CHAT_FORMAT_ANTHROPIC : CHAT_FORMAT_NONE;
    for (size_t i = 0; i < ARRAY_COUNT(signers); i++) {
        if (!str_starts_with(signature, signers[i].mark)) continue;
        struct str rest = str_from(signature, signers[i].mark.len);
        part->id = str_cut(&rest, ID_END);
        part->signature = rest;
        part->format = rest.len > 0 ? signers[i].format : CHAT_FORMAT_NONE;
    }
}

/* ---- reading ---- */
static bool read_block_cache(struct reading *r, void *into, struct json_value v)
{
    return read_cache_control(r, v, &((struct chat_part *)into)->cache);
}

bool anthropic_read_citation(struct json_value citation, struct arena *a, struct chat_citation *out)
{
    *out = (struct chat_citation){
        .url = member_text(citation, STR("url"), a),
        .title = member_text(citation, STR("title"), a),
        .quote = member_text(citation, STR("cited_text"), a),
    };
    if (out->url.len == 0) out->url = member_text(citation, STR("source"), a);
    if (out->title.len == 0) out->title = member_text(citation, STR("document_title"), a);
    return out->url.len + out->title.len + out->quote.len > 0;
}

static bool read_citation_item(struct reading *r, void *into, struct json_value v)
{
    struct chat_part *text = into;
    struct chat_citation read, **end = &text->citations;
    if (v.type != JSON_OBJECT || !anthropic_read_citation(v, r->arena, &read)) return true;
    while (*end) end = &(*end)->next;
    *end = arena_new(r->arena, struct chat_citation);
    **end = read;
    return true;
}

/* Those of a past turn must come back as they were: they hold encrypted pieces. */
static bool read_citations(struct reading *r, void *into, struct json_value v)
{
    struct chat_part *text = into;
    if (!json_exists(json_at(v, 0))) return true;
    if (!r->is_lenient) {
        text->json = v.raw;
        text->format = CHAT_FORMAT_ANTHROPIC;
        return true;
    }
    return read_items(r, v, read_citation_item, text);
}

struct source_draft {
    struct str type, mime, data, url, file_id;
    struct json_value content;
};

/* A document that is given as blocks of text; anything else in it, and it stays nobody's but this format's. */
static bool read_source_content(struct reading *r, void *into, struct json_value v)
{
    struct chat_part *part = into;
    struct chat_parts blocks = {0};
    if (!anthropic_read_content(r, &blocks, v)) return false;
    for (const struct chat_part *p = blocks.first; p; p = p->next)
        if (p->kind != CHAT_TEXT) return true;
    part->media->text = chat_parts_text(&blocks, CHAT_TEXT, STR("\n\n"), r->arena);
    return true;
}

static bool read_source(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_AT("type", MEMBER_STR, struct source_draft, type),
        MEMBER_AT("media_type", MEMBER_STR, struct source_draft, mime),
        MEMBER_AT("data", MEMBER_STR, struct source_draft, data),
        MEMBER_AT("url", MEMBER_STR, struct source_draft, url),
        MEMBER_AT("file_id", MEMBER_STR, struct source_draft, file_id),
        MEMBER_AT("content", MEMBER_VALUE, struct source_draft, content),
    };
    static const struct members members = MEMBERS(rows);
    struct chat_part *part = into;
    struct source_draft s = {0};
    if (!read_members(r, v, &members, &s)) return false;
    part->media->mime = s.mime;
    if (str_equals(s.type, STR("base64"))) {
        part->media->data = s.data;
    } else if (str_equals(s.type, STR("url"))) {
        media_from_url(part->media, s.url);
    } else if (str_equals(s.type, STR("text"))) {
        part->media->text = s.data;
    } else if (str_equals(s.type, STR("file"))) {
        part->media->file_id = s.file_id;
        part->format = CHAT_FORMAT_ANTHROPIC;
    } else if (str_equals(s.type, STR("content"))) {
        return read_later(r, STR("content"), s.content, read_source_content, part);
    }
    return true;
}

static bool read_title(struct reading *r, void *into, struct json_value v)
{
    return read_str(r, v, &((struct chat_part *)into)->media->name);
}

static bool read_settings(struct reading *r, void *into, struct json_value v)
{
    (void)r;
    struct chat_part *part = into;
    part->json = v.raw;
    part->format = CHAT_FORMAT_ANTHROPIC;
    return true;
}

static bool read_signature(struct reading *r, void *into, struct json_value v)
{
    struct str signature = {0};
    if (!read_str(r, v, &signature)) return false;
    anthropic_take_signature(into, signature);
    return true;
}

static bool read_redacted(struct reading *r, void *into, struct json_value v)
{
    ((struct chat_part *)into)->is_redacted = true;
    return read_signature(r, into, v);
}

static bool read_result_content(struct reading *r, void *into, struct json_value v)
{
    return anthropic_read_content(r, &((struct chat_part *)into)->content, v);
}

#define CACHE_ROW MEMBER_CALL("cache_control", read_block_cache)
static const struct member text_rows[] = {
    MEMBER_AT("text", MEMBER_STR, struct chat_part, text),
    MEMBER_CALL("citations", read_citations),
    CACHE_ROW,
};
static const struct member thinking_rows[] = {
    MEMBER_AT("thinking", MEMBER_STR, struct chat_part, text),
    MEMBER_CALL("signature", read_signature),
};
static const struct member redacted_rows[] = {MEMBER_CALL("data", read_redacted)};
static const struct member call_rows[] = {
    MEMBER_AT("id", MEMBER_STR, struct chat_part, id),
    MEMBER_AT("name", MEMBER_STR, struct chat_part, name),
    MEMBER_AT("input", MEMBER_JSON, struct chat_part, json),
    CACHE_ROW,
};
static const struct member result_rows[] = {
    MEMBER_AT("tool_use_id", MEMBER_STR, struct chat_part, id),
    MEMBER_CALL("content", read_result_content),
    MEMBER_AT("is_error", MEMBER_BOOL, struct chat_part, is_error),
    CACHE_ROW,
};
static const struct member image_rows[] = {MEMBER_CALL("source", read_source), CACHE_ROW};
static const struct member document_rows[] = {
    MEMBER_CALL("source", read_source),
    MEMBER_CALL("title", read_title),
    MEMBER_CALL("citations", read_settings),
    CACHE_ROW,
};
static const struct member search_rows[] = {
    MEMBER_CALL("content", read_source_content),
    MEMBER_CALL("title", read_title),
    CACHE_ROW,
};

static const struct block_type {
    struct str type;
    enum chat_part_kind kind;
    bool is_media;
    struct members members;
} block_types[] = {
    {STR_INIT("text"), CHAT_TEXT, false, MEMBERS(text_rows)},
    {STR_INIT("tool_use"), CHAT_TOOL_CALL, false, MEMBERS(call_rows)},
    {STR_INIT("tool_result"), CHAT_TOOL_RESULT, false, MEMBERS(result_rows)},
    {STR_INIT("thinking"), CHAT_THINKING, false, MEMBERS(thinking_rows)},
    {STR_INIT("redacted_thinking"), CHAT_THINKING, false, MEMBERS(redacted_rows)},
    {STR_INIT("image"), CHAT_IMAGE, true, MEMBERS(image_rows)},
    {STR_INIT("document"), CHAT_DOCUMENT, true, MEMBERS(document_rows)},
    {STR_INIT("search_result"), CHAT_DOCUMENT, true, MEMBERS(search_rows)},
};

static void become_other(struct chat_part *part, struct str type, struct str json)
{
    struct chat_part *next = part->next;
    *part = (struct chat_part){.next = next, .kind = CHAT_OTHER, .name = type, .json = json};
    part->format = CHAT_FORMAT_ANTHROPIC;
}

/* Gemini's signature that hid in an id is the call's own, anybody else's the thought's before it. */
static void take_hidden_signature(struct reading *r, struct chat_parts *parts, struct chat_part *call)
{
    struct str signature;
    enum chat_format format;
    if (!tool_id_split(&call->id, &signature, &format)) return;
    if (call->kind == CHAT_TOOL_RESULT) return;
    if (format == CHAT_FORMAT_GEMINI) {
        call->signature = signature;
        call->format = format;
    } else if (!chat_parts_find(parts, CHAT_THINKING)) {
        struct chat_part *moved = chat_parts_add(parts, r->arena, CHAT_TOOL_CALL), *thought = call;
        *moved = *call;
        moved->next = NULL;
        *thought = (struct chat_part){
            .next = moved, .kind = CHAT_THINKING, .signature = signature, .format = format};
    }
}

static bool has_media(const struct chat_media *m)
{
    return m->data.len + m->url.len + m->file_id.len + m->text.len > 0;
}

static bool settle(struct reading *r, struct chat_parts *parts, struct str type, struct json_value v)
{
    struct chat_part *part = parts->last;
    if (part->media && !has_media(part->media)) become_other(part, type, v.raw);
    if (part->kind == CHAT_TOOL_CALL && part->name.len == 0 && !r->is_lenient)
        return reading_refuse(r, "a tool_use with its name is needed");
    if (part->kind == CHAT_TOOL_RESULT && part->id.len == 0 && !r->is_lenient)
        return reading_refuse(r, "a tool_result with its tool_use_id is needed");
    if (part->kind == CHAT_TOOL_CALL || part->kind == CHAT_TOOL_RESULT) take_hidden_signature(r, parts, part);
    return true;
}

static bool read_block(struct reading *r, void *into, struct json_value v)
{
    struct chat_parts *parts = into;
    if (v.type == JSON_STRING) {
        struct str text = {0};
        if (!read_str(r, v, &text)) return false;
        if (text.len > 0) chat_parts_add(parts, r->arena, CHAT_TEXT)->text = text;
        return true;
    }
    struct str type = member_text(v, STR("type"), r->arena);
    for (size_t i = 0; i < ARRAY_COUNT(block_types); i++) {
        const struct block_type *t = &block_types[i];
        if (!str_equals(type, t->type)) continue;
        struct chat_part *part = t->is_media ? chat_parts_add_media(parts, r->arena, t->kind)
                                             : chat_parts_add(parts, r->arena, t->kind);
        return read_members(r, v, &t->members, part) && settle(r, parts, type, v);
    }
    if (type.len == 0) return r->is_lenient || reading_refuse(r, "a block with its type is needed");
    become_other(chat_parts_add(parts, r->arena, CHAT_OTHER), type, v.raw);
    return true;
}

bool anthropic_read_content(struct reading *r, void *parts, struct json_value content)
{
    if (content.type == JSON_STRING) return read_block(r, parts, content);
    return read_items(r, content, read_block, parts);
}

/* ---- writing ---- */
static bool is_own(const struct chat_part *p)
{
    return p->format == CHAT_FORMAT_ANTHROPIC;
}

static bool is_web_url(struct str url)
{
    return str_starts_with_nocase(url, STR("https://")) || str_starts_with_nocase(url, STR("http://"));
}

static bool is_pdf(const struct chat_media *m)
{
    return m->mime.len == 0 || str_equals_nocase(m->mime, STR("application/pdf"));
}

static bool can_put_media(const struct chat_part *p)
{
    const struct chat_media *m = p->media;
    if (m->file_id.len > 0) return is_own(p);
    if (m->url.len > 0) return is_web_url(m->url);
    if (p->kind == CHAT_IMAGE) return m->data.len > 0;
    if (m->data.len == 0) return m->text.len > 0;
    return is_pdf(m) || str_starts_with_nocase(m->mime, STR("text/"));
}

bool anthropic_can_put(const struct chat_part *p, const struct block_style *style)
{
    switch (p->kind) {
    case CHAT_TEXT:
    case CHAT_REFUSAL: return style->is_reply ? p->text.len > 0 : str_trim(p->text).len > 0;
    case CHAT_THINKING:
        if (style->is_reply) return p->text.len > 0 || p->signature.len > 0;
        return p->signature.len > 0 && is_own(p);
    case CHAT_TOOL_CALL: return true;
    case CHAT_TOOL_RESULT: return !style->is_reply;
    case CHAT_IMAGE:
    case CHAT_DOCUMENT: return !style->is_reply && can_put_media(p);
    case CHAT_AUDIO: return style->is_reply && p->media->text.len > 0;
    case CHAT_OTHER: return is_own(p);
    case CHAT_VIDEO: break;
    }
    return false;
}

void anthropic_lose_part(const struct chat_part *p, const struct block_style *style)
{
    static const char *const names[] = {
        [CHAT_TEXT] = NULL, /* blank */
        [CHAT_THINKING] = "thinking", [CHAT_TOOL_CALL] = "tool_calls", [CHAT_TOOL_RESULT] = "tool_result",
        [CHAT_IMAGE] = "image",       [CHAT_AUDIO] = "input_audio",    [CHAT_VIDEO] = "video",
        [CHAT_DOCUMENT] = "file",     [CHAT_REFUSAL] = NULL,
    };
    if (!style->dropped) return;
    if (p->kind == CHAT_OTHER)
        losses_add(style->dropped, p->name);
    else if (names[p->kind])
        losses_add(style->dropped, str_from_cstr(names[p->kind]));
}

void anthropic_put_citation(struct json_writer *w, const struct chat_citation *c)
{
    bool is_web = c->url.len > 0;
    json_begin_object(w);
    json_put_str(w, STR("type"), is_web ? STR("web_search_result_location") : STR("char_location"));
    json_put_str(w, STR("cited_text"), c->quote);
    if (is_web) {
        json_put_str(w, STR("url"), c->url);
        put_str_or_null(w, STR("title"), c->title);
        json_put_str(w, STR("encrypted_index"), STR(""));
    } else {
        json_put_i64(w, STR("document_index"), 0);
        put_str_or_null(w, STR("document_title"), c->title);
        json_put_i64(w, STR("start_char_index"), 0);
        json_put_i64(w, STR("end_char_index"), 0);
        json_put_null(w, STR("file_id"));
    }
    json_end_object(w);
}

static void put_text(struct json_writer *w, const struct chat_part *p, struct str text)
{
    json_put_str(w, STR("type"), STR("text"));
    json_put_str(w, STR("text"), text);
    if (p->kind == CHAT_TEXT && is_own(p)) put_raw_if(w, STR("citations"), p->json);
    if (!p->citations) return;
    begin_array_at(w, STR("citations"));
    for (const struct chat_citation *c = p->citations; c; c = c->next) anthropic_put_citation(w, c);
    json_end_array(w);
}

static void put_thinking(struct json_writer *w, const struct chat_part *p, const struct block_style *style)
{
    struct str signature = anthropic_mark_signature(p->signature, p->id, p->format, style->arena);
    bool is_redacted = p->is_redacted && signature.len > 0;
    json_put_str(w, STR("type"), is_redacted ? STR("redacted_thinking") : STR("thinking"));
    if (is_redacted) {
        json_put_str(w, STR("data"), signature);
        return;
    }
    json_put_str(w, STR("thinking"), p->text);
    json_put_str(w, STR("signature"), signature);
}

/* The service takes letters, digits, _ and - in ids; the same change wherever an id stands. */
static struct str provider_id(struct str id, struct arena *a)
{
    static const struct tool_name_rule rule = {STR_INIT(""), 256};
    return tool_name_to(&rule, id, a);
}

static void put_call(struct json_writer *w, const struct chat_part *p, const struct block_style *style)
{
    struct arena *a = style->arena;
    json_put_str(w, STR("type"), STR("tool_use"));
    json_put_str(w, STR("id"),
                 style->is_reply ? tool_id_join(p->id, p->signature, p->format, a) : provider_id(p->id, a));
    json_put_str(w, STR("name"), style->is_reply ? p->name : tool_name_to(&TOOL_NAMES_ANTHROPIC, p->name, a));
    json_put_raw(w, STR("input"), tool_arguments_object(p->json, a, style->dropped));
}

/* ---- media ---- */
static struct str image_mime(struct str mime)
{
    if (mime.len == 0) return STR("image/png");
    return str_equals_nocase(mime, STR("image/jpg")) ? STR("image/jpeg") : mime;
}

/* The text of base64; what is no base64 ends it. */
static struct str decode_text(struct str data, struct arena *a)
{
    char *text = arena_alloc(a, data.len / 4 * 3 + 4);
    unsigned bits = 0, group = 0;
    size_t len = 0;
    for (size_t i = 0; i < data.len; i++) {
        char c = data.at[i];
        int digit = c >= 'A' && c <= 'Z'   ? c - 'A'
                    : c >= 'a' && c <= 'z' ? c - 'a' + 26
                    : c >= '0' && c <= '9' ? c - '0' + 52
                    : c == '+' || c == '-' ? 62
                    : c == '/' || c == '_' ? 63
                                           : -1;
        if (digit < 0) break;
        group = (group << 6 | (unsigned)digit) & 0xffffff;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        text[len++] = (char)(group >> bits & 0xff);
    }
    return str_of(text, len);
}

static void put_text_source(struct json_writer *w, struct str text)
{
    json_put_str(w, STR("type"), STR("text"));
    json_put_str(w, STR("media_type"), STR("text/plain"));
    json_put_str(w, STR("data"), text);
}

static void put_source(struct json_writer *w, const struct chat_part *p, struct arena *a)
{
    const struct chat_media *m = p->media;
    bool is_image = p->kind == CHAT_IMAGE;
    begin_object_at(w, STR("source"));
    if (m->file_id.len > 0) {
        json_put_str(w, STR("type"), STR("file"));
        json_put_str(w, STR("file_id"), m->file_id);
    } else if (m->url.len > 0) {
        json_put_str(w, STR("type"), STR("url"));
        json_put_str(w, STR("url"), m->url);
    } else if (m->data.len == 0) {
        put_text_source(w, m->text);
    } else if (!is_image && !is_pdf(m)) {
        put_text_source(w, decode_text(m->data, a));
    } else {
        json_put_str(w, STR("type"), STR("base64"));
        json_put_str(w, STR("media_type"), is_image ? image_mime(m->mime) : STR("application/pdf"));
        json_put_str(w, STR("data"), m->data);
    }
    json_end_object(w);
}

static void put_media(struct json_writer *w, const struct chat_part *p, const struct block_style *style)
{
    json_put_str(w, STR("type"), p->kind == CHAT_IMAGE ? STR("image") : STR("document"));
    put_source(w, p, style->arena);
    if (p->kind == CHAT_DOCUMENT) {
        put_str_if(w, STR("title"), p->media->name);
        if (is_own(p)) put_raw_if(w, STR("citations"), p->json);
    } else if (style->dropped) {
        losses_add_if(style->dropped, p->media->detail.len > 0 && !str_equals(p->media->detail, STR("auto")),
                      STR("image_url.detail"));
    }
}

/* ---- results ---- */
/* A failure must not be empty. */
static void put_result(struct json_writer *w, const struct chat_part *p, const struct block_style *style)
{
    json_put_str(w, STR("type"), STR("tool_result"));
    json_put_str(w, STR("tool_use_id"), provider_id(p->id, style->arena));
    bool is_begun = false;
    for (const struct chat_part *part = p->content.first; part; part = part->next) {
        if (!anthropic_can_put(part, style)) {
            anthropic_lose_part(part, style);
            continue;
        }
        if (!is_begun) begin_array_at(w, STR("content"));
        is_begun = true;
        anthropic_put_block(w, part, style);
    }
    if (is_begun)
        json_end_array(w);
    else if (p->is_error)
        json_put_str(w, STR("content"), STR("error"));
    if (p->is_error) json_put_bool(w, STR("is_error"), true);
}

void anthropic_put_block(struct json_writer *w, const struct chat_part *p, const struct block_style *style)
{
    if (p->kind == CHAT_OTHER) {
        json_write_raw(w, p->json);
        return;
    }
    json_begin_object(w);
    switch (p->kind) {
    case CHAT_TEXT:
    case CHAT_REFUSAL: put_text(w, p, p->text); break;
    case CHAT_AUDIO: put_text(w, p, p->media->text); break;
    case CHAT_THINKING: put_thinking(w, p, style); break;
    case CHAT_TOOL_CALL: put_call(w, p, style); break;
    case CHAT_TOOL_RESULT: put_result(w, p, style); break;
    case CHAT_IMAGE:
    case CHAT_DOCUMENT: put_media(w, p, style); break;
    case CHAT_VIDEO:
    case CHAT_OTHER: break;
    }
    if (!style->is_reply && p->kind != CHAT_THINKING) put_cache_control_if(w, p->cache);
    json_end_object(w);
}
