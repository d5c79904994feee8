/* dialects/gemini_parts.c: what contents of Gemini's format are made of. The same functions read a turn of a request and
 * the content of a candidate:
 *
 *     {"text": …}  {"text": …, "thought": true}  {"inlineData": …}  {"fileData": …}  {"functionCall": …}
 *     {"functionResponse": …}  and what is Gemini's alone: executableCode, codeExecutionResult, toolCall, …
 *
 * each with a thoughtSignature, which belongs to its part. A part with members that nobody else has (videoMetadata) keeps
 * its whole text beside what it means. */
#include "dialects/gemini.h"

#include "dialects/tool_calls.h"
#include "json/check.h"

bool gemini_read_list(struct reading *r, struct json_value list,
                      bool (*item)(struct reading *r, void *into, struct json_value value), void *into)
{
    return list.type == JSON_OBJECT ? item(r, into, list) : read_items(r, list, item, into);
}

/* ---- media, read ---- */
static const struct {
    struct str ending, mime;
} endings[] = {
    {STR_INIT(".png"), STR_INIT("image/png")},         {STR_INIT(".jpg"), STR_INIT("image/jpeg")},
    {STR_INIT(".jpeg"), STR_INIT("image/jpeg")},       {STR_INIT(".webp"), STR_INIT("image/webp")},
    {STR_INIT(".gif"), STR_INIT("image/gif")},         {STR_INIT(".heic"), STR_INIT("image/heic")},
    {STR_INIT(".pdf"), STR_INIT("application/pdf")},   {STR_INIT(".txt"), STR_INIT("text/plain")},
    {STR_INIT(".csv"), STR_INIT("text/csv")},          {STR_INIT(".html"), STR_INIT("text/html")},
    {STR_INIT(".json"), STR_INIT("application/json")}, {STR_INIT(".mp3"), STR_INIT("audio/mpeg")},
    {STR_INIT(".wav"), STR_INIT("audio/wav")},         {STR_INIT(".ogg"), STR_INIT("audio/ogg")},
    {STR_INIT(".flac"), STR_INIT("audio/flac")},       {STR_INIT(".mp4"), STR_INIT("video/mp4")},
    {STR_INIT(".mov"), STR_INIT("video/quicktime")},   {STR_INIT(".webm"), STR_INIT("video/webm")},
};

static bool is_youtube(struct str url)
{
    return str_contains_nocase(url, STR("youtube.com/")) || str_contains_nocase(url, STR("youtu.be/"));
}

/* What an URL seems to be; empty: no idea. */
static struct str mime_of_url(struct str url)
{
    struct str path = str_part(url, 0, str_find_char(url, '?'));
    path = str_from(path, path.len > 8 ? path.len - 8 : 0);
    for (size_t i = 0; i < ARRAY_COUNT(endings); i++)
        if (path.len >= endings[i].ending.len &&
            str_equals_nocase(str_from(path, path.len - endings[i].ending.len), endings[i].ending))
            return endings[i].mime;
    return is_youtube(url) ? STR("video/mp4") : (struct str){0};
}

struct blob {
    struct str mime, data, uri, name;
};

static bool read_blob(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        BOTH_AT("mimeType", "mime_type", MEMBER_STR, struct blob, mime),
        MEMBER_AT("data", MEMBER_STR, struct blob, data),
        BOTH_AT("fileUri", "file_uri", MEMBER_STR, struct blob, uri),
        BOTH_AT("displayName", "display_name", MEMBER_STR, struct blob, name),
    };
    static const struct members members = MEMBERS(rows);
    return read_members(r, v, &members, into);
}

/* The part, or NULL: there is nothing in it. */
static struct chat_part *add_media(struct chat_parts *parts, struct arena *a, const struct blob *b)
{
    static const struct str files = STR_INIT("https://generativelanguage.googleapis.com/");
    if (b->data.len + b->uri.len == 0) return NULL;
    struct str mime = b->mime.len > 0 ? b->mime : mime_of_url(b->uri);
    struct chat_part *part = chat_parts_add_media(parts, a, chat_media_kind(mime));
    part->media->mime = b->mime;
    part->media->data = b->data;
    part->media->name = b->name;
    if (str_starts_with(b->uri, files)) {
        part->media->file_id = b->uri;
        part->format = CHAT_FORMAT_GEMINI;
    } else {
        part->media->url = b->uri;
    }
    return part;
}

/* ---- calls and results, read ---- */
struct call {
    struct str id, name, args;
    struct json_value response, parts;
};

static bool read_call(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_AT("id", MEMBER_STR, struct call, id),
        MEMBER_AT("name", MEMBER_STR, struct call, name),
        MEMBER_AT("args", MEMBER_OBJECT, struct call, args),
        MEMBER_AT("response", MEMBER_VALUE, struct call, response),
        MEMBER_AT("parts", MEMBER_VALUE, struct call, parts),
    };
    static const struct members members = MEMBERS(rows);
    if (!read_members(r, v, &members, into)) return false;
    return r->is_lenient || ((struct call *)into)->name.len > 0 ||
           reading_refuse(r, "a function's name is needed");
}

/* Another format's signature is a thought's, and that stands in front. */
static void place_thought(struct chat_parts *parts, struct arena *a, struct str signature,
                          enum chat_format format)
{
    struct chat_part *first = parts->first, *thought = NULL;
    if (first && first->kind == CHAT_THINKING && first->signature.len == 0) {
        thought = first;
    } else if (!first || first->kind == CHAT_THINKING) {
        thought = chat_parts_add(parts, a, CHAT_THINKING);
    } else {
        thought = arena_new(a, struct chat_part);
        thought->kind = CHAT_THINKING;
        thought->next = first;
        parts->first = thought;
        parts->count++;
    }
    thought->signature = signature;
    thought->format = format;
}

static struct chat_part *add_call(struct reading *r, struct chat_parts *parts, const struct call *c)
{
    struct str id = c->id, signature = {0};
    enum chat_format format = CHAT_FORMAT_NONE;
    if (c->name.len == 0) return NULL;
    bool is_signed = tool_id_split(&id, &signature, &format);
    if (is_signed && format != CHAT_FORMAT_GEMINI) place_thought(parts, r->arena, signature, format);
    struct chat_part *part = chat_parts_add(parts, r->arena, CHAT_TOOL_CALL);
    part->id = id;
    part->name = c->name;
    part->json = c->args;
    if (is_signed && format == CHAT_FORMAT_GEMINI) {
        part->signature = signature;
        part->format = format;
    }
    return part;
}

/* {"output": …} and {"error": …} alone are what Google recommends; everything else is the result itself. */
static void read_response(struct arena *a, struct chat_part *result, struct json_value response)
{
    struct json_members it;
    struct json_value key, value, more_key, more;
    struct str text = response.raw;
    json_members_init(&it, response);
    if (!json_exists(response)) return;
    if (json_members_next(&it, &key, &value) && !json_members_next(&it, &more_key, &more)) {
        bool is_output = json_str_equals(key, STR("output")), is_error = json_str_equals(key, STR("error"));
        bool is_text = json_to_str(value, a, &text);
        result->is_error = is_error;
        if (!is_text) text = is_error || (is_output && value.type == JSON_ARRAY) ? value.raw : response.raw;
        if (is_text && !is_output && !is_error) text = response.raw;
    }
    if (text.len > 0) chat_parts_add(&result->content, a, CHAT_TEXT)->text = text;
}

static struct chat_part *add_result(struct reading *r, struct chat_parts *parts, const struct call *c)
{
    struct str signature;
    enum chat_format format;
    struct chat_part *part = chat_parts_add(parts, r->arena, CHAT_TOOL_RESULT);
    part->id = c->id;
    part->name = c->name;
    (void)tool_id_split(&part->id, &signature, &format);
    read_response(r->arena, part, c->response);
    return read_later(r, STR("parts"), c->parts, gemini_read_parts, &part->content) ? part : NULL;
}

/* ---- parts, read ---- */
struct part_draft {
    struct str signature, other;
    struct json_value text, blob, call, result;
    bool is_thought, has_more;
};

static bool note_other(struct reading *r, void *into, struct str name, struct json_value v)
{
    static const struct str details[] = {
        STR_INIT("videoMetadata"),    STR_INIT("video_metadata"), STR_INIT("mediaResolution"),
        STR_INIT("media_resolution"), STR_INIT("partMetadata"),   STR_INIT("part_metadata"),
    };
    struct part_draft *d = into;
    (void)r;
    (void)v;
    for (size_t i = 0; i < ARRAY_COUNT(details); i++)
        if (str_equals(name, details[i])) d->has_more = true;
    if (!d->has_more && d->other.len == 0) d->other = name;
    return true;
}

static const struct member part_rows[] = {
    MEMBER_AT("text", MEMBER_VALUE, struct part_draft, text),
    MEMBER_AT("thought", MEMBER_BOOL, struct part_draft, is_thought),
    BOTH_AT("thoughtSignature", "thought_signature", MEMBER_STR, struct part_draft, signature),
    BOTH_AT("inlineData", "inline_data", MEMBER_VALUE, struct part_draft, blob),
    BOTH_AT("fileData", "file_data", MEMBER_VALUE, struct part_draft, blob),
    BOTH_AT("functionCall", "function_call", MEMBER_VALUE, struct part_draft, call),
    BOTH_AT("functionResponse", "function_response", MEMBER_VALUE, struct part_draft, result),
};
static const struct members part_members = {part_rows, ARRAY_COUNT(part_rows), note_other};

static struct chat_part *add_other(struct reading *r, struct chat_parts *parts, struct str name,
                                   struct json_value v)
{
    struct chat_part *part = chat_parts_add(parts, r->arena, CHAT_OTHER);
    part->name = name;
    part->json = v.raw;
    part->format = CHAT_FORMAT_GEMINI;
    return part;
}

static bool read_part(struct reading *r, void *into, struct json_value v)
{
    struct chat_parts *parts = into;
    struct chat_part *part = NULL;
    struct part_draft d = {0};
    struct blob blob = {0};
    struct call call = {0};
    if (!read_members(r, v, &part_members, &d)) return false;
    if (json_exists(d.call)) {
        if (!read_later(r, STR("functionCall"), d.call, read_call, &call)) return false;
        part = add_call(r, parts, &call);
    } else if (json_exists(d.result)) {
        if (!read_later(r, STR("functionResponse"), d.result, read_call, &call)) return false;
        if (!(part = add_result(r, parts, &call))) return false;
    } else if (json_exists(d.blob) && d.is_thought) { /* a picture on the way to one */
        add_other(r, parts, STR("thought"), v);
        return true;
    } else if (json_exists(d.blob)) {
        if (!read_later(r, STR("data"), d.blob, read_blob, &blob)) return false;
        part = add_media(parts, r->arena, &blob);
        if (part && d.has_more) {
            part->json = v.raw;
            part->format = CHAT_FORMAT_GEMINI;
        }
    } else if (d.other.len > 0) {
        add_other(r, parts, d.other, v);
        return true;
    } else {
        struct str text = {0};
        if (json_exists(d.text) && !read_str(r, d.text, &text)) return false;
        if (text.len + d.signature.len == 0) return true;
        part = chat_parts_add(parts, r->arena, d.is_thought ? CHAT_THINKING : CHAT_TEXT);
        part->text = text;
    }
    if (!part || d.signature.len == 0) return true;
    part->signature = d.signature;
    part->format = CHAT_FORMAT_GEMINI;
    return true;
}

bool gemini_read_parts(struct reading *r, void *parts, struct json_value list)
{
    return gemini_read_list(r, list, read_part, parts);
}

/* ---- writing ---- */
static void put_signature(struct json_writer *w, const struct chat_part *p)
{
    if (p->format == CHAT_FORMAT_GEMINI) put_str_if(w, STR("thoughtSignature"), p->signature);
}

static void put_text(struct json_writer *w, const struct chat_part *p, struct str text)
{
    json_begin_object(w);
    json_put_str(w, STR("text"), text);
    if (p->kind == CHAT_THINKING) json_put_bool(w, STR("thought"), true);
    put_signature(w, p);
    json_end_object(w);
}

static struct str usual_mime(const struct chat_part *p)
{
    switch (p->kind) {
    case CHAT_IMAGE: return STR("image/jpeg");
    case CHAT_AUDIO: return STR("audio/wav");
    case CHAT_VIDEO: return STR("video/mp4");
    case CHAT_DOCUMENT: return STR("application/pdf");
    case CHAT_TEXT:
    case CHAT_THINKING:
    case CHAT_TOOL_CALL:
    case CHAT_TOOL_RESULT:
    case CHAT_REFUSAL:
    case CHAT_OTHER: break;
    }
    return STR("application/octet-stream");
}

/* Addresses that a caller of this format gave without a type go on without one. */
static bool put_media(struct json_writer *w, const struct chat_part *p)
{
    const struct chat_media *m = p->media;
    if (p->json.len > 0 && p->format == CHAT_FORMAT_GEMINI) {
        json_write_raw(w, p->json);
        return true;
    }
    if (m->data.len == 0 && m->text.len > 0 && p->kind == CHAT_DOCUMENT) {
        put_text(w, p, m->text);
        return true;
    }
    bool is_own_file = m->file_id.len > 0 && p->format == CHAT_FORMAT_GEMINI;
    struct str uri = is_own_file ? m->file_id : m->url;
    struct str mime = m->mime.len > 0 ? m->mime : mime_of_url(uri);
    if (m->data.len + uri.len == 0) return false;
    if (mime.len == 0) mime = usual_mime(p);
    json_begin_object(w);
    begin_object_at(w, m->data.len > 0 ? STR("inlineData") : STR("fileData"));
    if (m->data.len > 0) {
        json_put_str(w, STR("mimeType"), mime);
        json_put_str(w, STR("data"), m->data);
    } else {
        if (m->mime.len > 0 || !(is_own_file || is_youtube(uri))) json_put_str(w, STR("mimeType"), mime);
        json_put_str(w, STR("fileUri"), uri);
    }
    json_end_object(w);
    put_signature(w, p);
    json_end_object(w);
    return true;
}

static struct str written_name(const struct chat_part *p, const struct gemini_style *style)
{
    return style->names_are_changed ? tool_name_to(&TOOL_NAMES_GEMINI, p->name, style->arena) : p->name;
}

static void put_call(struct json_writer *w, const struct chat_part *p, const struct gemini_style *style)
{
    /* https://ai.google.dev/gemini-api/docs/thought-signatures: for calls that another model made */
    static const struct str elsewhere = STR_INIT("skip_thought_signature_validator");
    bool is_own = p->format == CHAT_FORMAT_GEMINI && p->signature.len > 0;
    struct str id = p->id;
    if (style->ids_carry_signatures && !is_own) id = tool_id_join(id, p->signature, p->format, style->arena);
    json_begin_object(w);
    begin_object_at(w, STR("functionCall"));
    put_str_if(w, STR("id"), id);
    json_put_str(w, STR("name"), written_name(p, style));
    json_put_raw(w, STR("args"), tool_arguments_object(p->json, style->arena, style->dropped));
    json_end_object(w);
    put_signature(w, p);
    if (style->needs_signatures && !is_own) json_put_str(w, STR("thoughtSignature"), elsewhere);
    json_end_object(w);
}

static bool is_text_of_result(const struct chat_part *p)
{
    return p->kind == CHAT_TEXT || (p->kind == CHAT_DOCUMENT && p->media->text.len > 0);
}

static struct str text_of_result(const struct chat_part *result, struct arena *a)
{
    unsigned used = 0;
    struct str *pieces = arena_new_array(a, struct str, result->content.count + 1);
    for (const struct chat_part *p = result->content.first; p; p = p->next)
        if (is_text_of_result(p)) pieces[used++] = p->kind == CHAT_TEXT ? p->text : p->media->text;
    return used == 1 ? pieces[0] : arena_join(a, pieces, used);
}

/* Objects go as they are, other texts below Google's names for them. */
static void put_response(struct json_writer *w, const struct chat_part *p, struct arena *a)
{
    struct err broken;
    struct str text = text_of_result(p, a), trimmed = str_trim(text);
    char first = trimmed.len > 0 ? trimmed.at[0] : 0;
    bool is_json = (first == '{' || first == '[') && json_check(trimmed, NULL, 0, NULL, &broken);
    if (is_json && first == '{' && !p->is_error) {
        json_put_raw(w, STR("response"), trimmed);
        return;
    }
    begin_object_at(w, STR("response"));
    json_write_key(w, p->is_error ? STR("error") : STR("output"));
    if (is_json)
        json_write_raw(w, trimmed);
    else
        json_write_str(w, text);
    json_end_object(w);
}

static void put_result(struct json_writer *w, const struct chat_part *p, const struct gemini_style *style)
{
    bool has_list = false;
    json_begin_object(w);
    begin_object_at(w, STR("functionResponse"));
    put_str_if(w, STR("id"), p->id);
    json_put_str(w, STR("name"), written_name(p, style));
    put_response(w, p, style->arena);
    for (const struct chat_part *m = p->content.first; m && style->results_hold_media; m = m->next) {
        if (is_text_of_result(m)) continue;
        if (!has_list) begin_array_at(w, STR("parts"));
        has_list = true;
        (void)gemini_put_part(w, m, style);
    }
    if (has_list) json_end_array(w);
    json_end_object(w);
    put_signature(w, p);
    json_end_object(w);
}

bool gemini_put_part(struct json_writer *w, const struct chat_part *p, const struct gemini_style *style)
{
    switch (p->kind) {
    case CHAT_TEXT:
    case CHAT_REFUSAL:
    case CHAT_THINKING:
        if (p->is_redacted) return false;
        if (p->text.len > 0 || (p->format == CHAT_FORMAT_GEMINI && p->signature.len > 0))
            put_text(w, p, p->text);
        return true;
    case CHAT_TOOL_CALL: put_call(w, p, style); return true;
    case CHAT_TOOL_RESULT: put_result(w, p, style); return true;
    case CHAT_IMAGE:
    case CHAT_AUDIO:
    case CHAT_VIDEO:
    case CHAT_DOCUMENT: return put_media(w, p);
    case CHAT_OTHER:
        if (p->format != CHAT_FORMAT_GEMINI || p->json.len == 0) return false;
        json_write_raw(w, p->json);
        return true;
    }
    return false;
}
