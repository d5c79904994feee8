/* dialects/openai_parts.c: what messages of OpenAI's chat format are made of. The same functions read a past turn of a
 * request and the "message" of a reply, and know the words that the services which copy the format have added:
 *
 *     thinking   reasoning_content (DeepSeek, xAI, Z.ai, llama.cpp), reasoning (Groq, Ollama, OpenRouter),
 *                reasoning_details (OpenRouter; with signatures), a content part "thinking" (Mistral)
 *     media      video_url, document_url, images beside the content (OpenRouter)
 *     calls      function_call (OpenAI's own of 2023), empty strings for what is not there (Snowflake)
 *
 * Signatures that hide in ids of calls (dialects/tool_calls.h) come back to where they belong: Gemini's to the call,
 * everybody else's to the thought before it. */
#include "dialects/openai_chat.h"

#include "dialects/data_url.h"
#include "dialects/tool_calls.h"

/* ---- parts of a content, read ---- */
static bool read_part_cache(struct reading *r, void *into, struct json_value v)
{
    return read_cache_control(r, v, &((struct chat_part *)into)->cache);
}

static bool read_url(struct reading *r, void *into, struct json_value v)
{
    struct str url = {0};
    if (!read_str(r, v, &url)) return false;
    media_from_url(((struct chat_part *)into)->media, url);
    return true;
}

static bool read_detail(struct reading *r, void *into, struct json_value v)
{
    return read_str(r, v, &((struct chat_part *)into)->media->detail);
}

/* {"url": …, "detail": …}, or only the URL (Mistral). */
static bool read_url_object(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {MEMBER_CALL("url", read_url), MEMBER_CALL("detail", read_detail)};
    static const struct members members = MEMBERS(rows);
    return v.type == JSON_STRING ? read_url(r, into, v) : read_members(r, v, &members, into);
}

static bool read_sound_format(struct reading *r, void *into, struct json_value v)
{
    struct str word = {0};
    if (!read_str(r, v, &word)) return false;
    const struct str pieces[] = {STR("audio/"), word};
    ((struct chat_part *)into)->media->mime = arena_join(r->arena, pieces, ARRAY_COUNT(pieces));
    return true;
}

static bool read_sound(struct reading *r, void *into, struct json_value v)
{
    static const struct member media_rows[] = {MEMBER_AT("data", MEMBER_STR, struct chat_media, data)};
    static const struct member part_rows[] = {MEMBER_CALL("format", read_sound_format)};
    static const struct members media_members = MEMBERS(media_rows), part_members = MEMBERS(part_rows);
    struct chat_part *part = into;
    return read_members(r, v, &media_members, part->media) && read_members(r, v, &part_members, part);
}

static bool read_file_data(struct reading *r, void *into, struct json_value v)
{
    struct str data = {0};
    struct chat_media *media = into;
    if (!read_str(r, v, &data)) return false;
    if (str_starts_with_nocase(data, STR("data:")) || str_find(str_part(data, 0, 16), STR("://")) != SIZE_MAX)
        media_from_url(media, data);
    else
        media->data = data;
    return true;
}

static bool read_file(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_CALL("file_data", read_file_data),
        MEMBER_AT("file_id", MEMBER_STR, struct chat_media, file_id),
        MEMBER_AT("filename", MEMBER_STR, struct chat_media, name),
    };
    static const struct members members = MEMBERS(rows);
    struct chat_part *part = into;
    if (!read_members(r, v, &members, part->media)) return false;
    if (part->media->data.len > 0 && part->media->mime.len == 0) part->media->mime = STR("application/pdf");
    if (part->media->mime.len > 0) part->kind = chat_media_kind(part->media->mime);
    part->format = CHAT_FORMAT_OPENAI_CHAT;
    return true;
}

static bool read_thought_piece(struct reading *r, void *into, struct json_value v)
{
    struct chat_part *part = into;
    struct str text = member_text(v, STR("text"), r->arena);
    const struct str pieces[] = {part->text, text};
    part->text = part->text.len > 0 ? arena_join(r->arena, pieces, ARRAY_COUNT(pieces)) : text;
    return true;
}

/* Mistral: a list of texts. */
static bool read_thought(struct reading *r, void *into, struct json_value v)
{
    if (v.type == JSON_STRING) return read_str(r, v, &((struct chat_part *)into)->text);
    return read_items(r, v, read_thought_piece, into);
}

#define CACHE_ROW MEMBER_CALL("cache_control", read_part_cache)
static const struct member text_rows[] = {MEMBER_AT("text", MEMBER_STR, struct chat_part, text), CACHE_ROW};
static const struct member refusal_rows[] = {MEMBER_AT("refusal", MEMBER_STR, struct chat_part, text)};
static const struct member thinking_rows[] = {
    MEMBER_CALL("thinking", read_thought),
    MEMBER_AT("signature", MEMBER_STR, struct chat_part, signature),
};
static const struct member image_rows[] = {MEMBER_CALL("image_url", read_url_object), CACHE_ROW};
static const struct member video_rows[] = {MEMBER_CALL("video_url", read_url_object), CACHE_ROW};
static const struct member document_rows[] = {MEMBER_CALL("document_url", read_url), CACHE_ROW};
static const struct member sound_rows[] = {MEMBER_CALL("input_audio", read_sound), CACHE_ROW};
static const struct member file_rows[] = {MEMBER_CALL("file", read_file), CACHE_ROW};

static const struct part_type {
    struct str type;
    enum chat_part_kind kind;
    bool is_media;
    struct members members;
} part_types[] = {
    {STR_INIT("text"), CHAT_TEXT, false, MEMBERS(text_rows)},
    {STR_INIT("image_url"), CHAT_IMAGE, true, MEMBERS(image_rows)},
    {STR_INIT("input_audio"), CHAT_AUDIO, true, MEMBERS(sound_rows)},
    {STR_INIT("file"), CHAT_DOCUMENT, true, MEMBERS(file_rows)},
    {STR_INIT("refusal"), CHAT_REFUSAL, false, MEMBERS(refusal_rows)},
    {STR_INIT("thinking"), CHAT_THINKING, false, MEMBERS(thinking_rows)},
    {STR_INIT("video_url"), CHAT_VIDEO, true, MEMBERS(video_rows)},
    {STR_INIT("document_url"), CHAT_DOCUMENT, true, MEMBERS(document_rows)},
    /* words of the Responses format, which many callers mix up with these */
    {STR_INIT("input_text"), CHAT_TEXT, false, MEMBERS(text_rows)},
    {STR_INIT("output_text"), CHAT_TEXT, false, MEMBERS(text_rows)},
};

static bool read_part(struct reading *r, void *into, struct json_value v)
{
    struct chat_parts *parts = into;
    if (v.type == JSON_STRING) { /* a list of texts */
        struct str text = {0};
        if (!read_str(r, v, &text)) return false;
        if (text.len > 0) chat_parts_add(parts, r->arena, CHAT_TEXT)->text = text;
        return true;
    }
    struct str type = member_text(v, STR("type"), r->arena);
    for (size_t i = 0; i < ARRAY_COUNT(part_types); i++) {
        const struct part_type *t = &part_types[i];
        if (!str_equals(type, t->type)) continue;
        struct chat_part *part = t->is_media ? chat_parts_add_media(parts, r->arena, t->kind)
                                             : chat_parts_add(parts, r->arena, t->kind);
        return read_members(r, v, &t->members, part);
    }
    if (type.len == 0) return r->is_lenient || reading_refuse(r, "a part with its type is needed");
    struct chat_part *part = chat_parts_add(parts, r->arena, CHAT_OTHER);
    part->name = type;
    part->json = v.raw;
    part->format = CHAT_FORMAT_OPENAI_CHAT;
    return true;
}

bool openai_read_content(struct reading *r, void *parts, struct json_value content)
{
    if (content.type == JSON_STRING) return read_part(r, parts, content);
    if (content.type != JSON_OBJECT || !r->is_lenient) return read_items(r, content, read_part, parts);
    chat_parts_add(parts, r->arena, CHAT_TEXT)->text = content.raw;
    return true;
}

/* ---- thoughts with signatures ---- */
static const struct word signer_rows[] = {
    {STR_INIT("anthropic-claude-v1"), CHAT_FORMAT_ANTHROPIC},
    {STR_INIT("google-gemini-v1"), CHAT_FORMAT_GEMINI},
    {STR_INIT("openai-responses-v1"), CHAT_FORMAT_OPENAI_RESPONSES},
};
static const struct words signer_words = WORDS(signer_rows);

enum chat_format openai_signer(struct str word)
{
    int format = CHAT_FORMAT_NONE;
    (void)!words_find(&signer_words, word, &format);
    return (enum chat_format)format;
}

struct thought_detail {
    struct str type, text, summary, data, signature, id, format;
};

/* One of "reasoning_details". What is encrypted is Anthropic's redacted thinking, or the signature of the thought
 * before it (OpenAI), or of a call, which its id names (Gemini): that one is kept as a thought until calls are known. */
static bool read_detail_item(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_AT("type", MEMBER_STR, struct thought_detail, type),
        MEMBER_AT("text", MEMBER_STR, struct thought_detail, text),
        MEMBER_AT("summary", MEMBER_STR, struct thought_detail, summary),
        MEMBER_AT("data", MEMBER_STR, struct thought_detail, data),
        MEMBER_AT("signature", MEMBER_STR, struct thought_detail, signature),
        MEMBER_AT("id", MEMBER_STR, struct thought_detail, id),
        MEMBER_AT("format", MEMBER_STR, struct thought_detail, format),
    };
    static const struct members members = MEMBERS(rows);
    struct chat_parts *parts = into;
    struct thought_detail d = {0};
    if (!read_members(r, v, &members, &d)) return false;
    struct str text = d.text.len > 0 ? d.text : d.summary;
    struct str signature = d.signature.len > 0 ? d.signature : d.data;
    if (text.len == 0 && signature.len == 0) return true;
    enum chat_format format = openai_signer(d.format);
    struct chat_part *last = parts->last;
    bool belongs_to_last = last && last->kind == CHAT_THINKING && text.len == 0 && last->signature.len == 0 &&
                           (d.data.len == 0 || format == CHAT_FORMAT_OPENAI_RESPONSES);
    struct chat_part *part = belongs_to_last ? last : chat_parts_add(parts, r->arena, CHAT_THINKING);
    if (!belongs_to_last) part->text = text;
    part->is_redacted = !belongs_to_last && d.data.len > 0;
    part->signature = signature;
    part->format = signature.len > 0 ? format : CHAT_FORMAT_NONE;
    if (format != CHAT_FORMAT_ANTHROPIC) part->id = d.id;
    return true;
}

bool openai_read_details(struct reading *r, void *parts, struct json_value details)
{
    return read_items(r, details, read_detail_item, parts);
}

/* ---- calls ---- */
static bool read_arguments(struct reading *r, void *into, struct json_value v)
{
    struct openai_call *call = into;
    if (v.type == JSON_STRING) return read_str(r, v, &call->arguments);
    call->arguments = v.raw; /* some send the object itself */
    return true;
}

static const struct member function_rows[] = {
    MEMBER_AT("name", MEMBER_STR, struct openai_call, name),
    MEMBER_CALL("arguments", read_arguments),
};
static const struct members function_members = MEMBERS(function_rows);

bool openai_read_function_call(struct reading *r, void *into, struct json_value v)
{
    return read_members(r, v, &function_members, into);
}

static bool read_custom(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_AT("name", MEMBER_STR, struct openai_call, name),
        MEMBER_AT("input", MEMBER_STR, struct openai_call, arguments),
    };
    static const struct members members = MEMBERS(rows);
    struct openai_call *call = into;
    return call->name.len > 0 || read_members(r, v, &members, call);
}

/* Google's own, where Gemini speaks this format: {"google": {"thought_signature": …}}. */
static bool read_extra_content(struct reading *r, void *into, struct json_value v)
{
    struct openai_call *call = into;
    call->signature = member_text(json_get(v, STR("google")), STR("thought_signature"), r->arena);
    return true;
}

static void add_call(struct chat_parts *parts, struct arena *a, const struct openai_call *call)
{
    struct chat_part *part = chat_parts_add(parts, a, CHAT_TOOL_CALL);
    part->id = call->id;
    part->name = call->name;
    part->json = call->arguments;
    part->signature = call->signature;
    part->format = call->signature.len > 0 ? CHAT_FORMAT_GEMINI : CHAT_FORMAT_NONE;
    tool_id_split(&part->id, &part->signature, &part->format);
}

bool openai_read_call(struct reading *r, struct json_value v, struct openai_call *out)
{
    static const struct member rows[] = {
        MEMBER_AT("index", MEMBER_I64, struct openai_call, index),
        MEMBER_AT("id", MEMBER_STR, struct openai_call, id),
        MEMBER_CALL("function", openai_read_function_call),
        MEMBER_CALL("custom", read_custom),
        MEMBER_CALL("extra_content", read_extra_content),
    };
    static const struct members members = MEMBERS(rows);
    *out = (struct openai_call){.index = -1};
    return read_members(r, v, &members, out);
}

static bool read_call(struct reading *r, void *into, struct json_value v)
{
    struct openai_call call;
    if (!openai_read_call(r, v, &call)) return false;
    if (call.name.len > 0)
        add_call(into, r->arena, &call);
    else if (!r->is_lenient)
        return reading_refuse(r, "a function with its name is needed");
    return true;
}

static bool read_calls(struct reading *r, void *parts, struct json_value v)
{
    return read_items(r, v, read_call, parts);
}

static bool read_old_call(struct reading *r, void *parts, struct json_value v)
{
    struct openai_call call = {0};
    if (!openai_read_function_call(r, &call, v)) return false;
    if (call.name.len > 0) add_call(parts, r->arena, &call);
    return true;
}

/* ---- signatures find their place ---- */
enum { MAX_SIGNATURES = 64 }; /* of one message that are placed; each is looked for in all of its parts */

static struct chat_part *unsigned_thought(struct chat_parts *parts, struct arena *a)
{
    struct chat_part *p = parts->first;
    while (p && !(p->kind == CHAT_THINKING && p->signature.len == 0)) p = p->next;
    if (p) return p;
    p = arena_new(a, struct chat_part);
    p->kind = CHAT_THINKING;
    p->next = parts->first;
    if (!parts->last) parts->last = p;
    parts->first = p;
    parts->count++;
    return p;
}

static bool is_signed_by(const struct chat_parts *parts, struct str signature)
{
    const struct chat_part *p = parts->first;
    while (p && !(p->kind == CHAT_THINKING && str_equals(p->signature, signature))) p = p->next;
    return p != NULL;
}

static bool names_a_call(const struct chat_part *p)
{
    return p->kind == CHAT_THINKING && p->is_redacted && p->format == CHAT_FORMAT_GEMINI && p->id.len > 0;
}

/* Gemini's signatures that name a call go there; they are no thoughts of their own. */
static void place_on_calls(struct chat_parts *parts)
{
    unsigned left = MAX_SIGNATURES;
    struct chat_parts kept = {0};
    for (struct chat_part *p = parts->first, *next; p; p = next) {
        next = p->next;
        if (!names_a_call(p)) {
            if (kept.last)
                kept.last->next = p;
            else
                kept.first = p;
            kept.last = p;
            kept.count++;
            continue;
        }
        struct chat_part *call = left > 0 ? next : NULL;
        if (left > 0) left--;
        while (call && !(call->kind == CHAT_TOOL_CALL && str_equals(call->id, p->id))) call = call->next;
        if (!call || call->signature.len > 0) continue;
        call->signature = p->signature;
        call->format = p->format;
    }
    if (kept.last) kept.last->next = NULL;
    *parts = kept;
}

/* What hid in an id and is not Gemini's signs the thought before the call. */
void openai_place_signatures(struct chat_parts *parts, struct arena *a)
{
    unsigned left = MAX_SIGNATURES;
    for (struct chat_part *call = parts->first; call; call = call->next) {
        if (call->kind != CHAT_TOOL_CALL || call->signature.len == 0 || call->format == CHAT_FORMAT_GEMINI)
            continue;
        if (left > 0 && !is_signed_by(parts, call->signature)) {
            left--;
            struct chat_part *thought = unsigned_thought(parts, a);
            thought->signature = call->signature;
            thought->format = call->format;
        }
        call->signature = (struct str){0};
        call->format = CHAT_FORMAT_NONE;
    }
}

static void make_ids(struct chat_parts *parts, struct str reply_id, struct arena *a)
{
    unsigned n = 0;
    for (struct chat_part *p = parts->first; p && reply_id.len > 0; p = p->next) {
        if (p->kind != CHAT_TOOL_CALL) continue;
        if (p->id.len == 0) p->id = tool_id_make(reply_id, n, a);
        n++;
    }
}

/* ---- a whole message ---- */
struct assistant_draft {
    struct str reasoning_content, reasoning, refusal;
    struct json_value content, details, calls, old_call, audio, images, annotations;
};

bool openai_read_sound(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_AT("id", MEMBER_STR, struct chat_media, id),
        MEMBER_AT("data", MEMBER_STR, struct chat_media, data),
        MEMBER_AT("transcript", MEMBER_STR, struct chat_media, text),
        MEMBER_AT("expires_at", MEMBER_I64, struct chat_media, expires_s),
    };
    static const struct members members = MEMBERS(rows);
    return read_members(r, v, &members, into);
}

static bool read_audio(struct reading *r, void *parts, struct json_value v)
{
    struct chat_media media = {0};
    if (!openai_read_sound(r, &media, v)) return false;
    if (media.id.len > 0 || media.data.len > 0)
        *chat_parts_add_media(parts, r->arena, CHAT_AUDIO)->media = media;
    return true;
}

static bool read_citation_item(struct reading *r, void *into, struct json_value v)
{
    struct chat_part *text = into;
    struct chat_citation read = {0}, **end = &text->citations;
    if (!openai_read_citation(v, r->arena, &read)) return true;
    while (*end) end = &(*end)->next;
    *end = arena_new(r->arena, struct chat_citation);
    **end = read;
    return true;
}

static bool read_citations(struct reading *r, void *parts, struct json_value v)
{
    struct chat_part *text = chat_parts_find(parts, CHAT_TEXT);
    return !text || v.type != JSON_ARRAY || read_items(r, v, read_citation_item, text);
}

static bool read_images(struct reading *r, void *parts, struct json_value v)
{
    return read_items(r, v, read_part, parts);
}

/* Thoughts first: the details if they say it with signatures, else the words. */
static bool read_thoughts(struct reading *r, const struct assistant_draft *m, struct chat_parts *parts)
{
    if (!read_later(r, STR("reasoning_details"), m->details, openai_read_details, parts)) return false;
    struct str text = m->reasoning_content.len > 0 ? m->reasoning_content : m->reasoning;
    const struct chat_part *p = parts->first;
    while (p && p->text.len == 0) p = p->next;
    if (p || text.len == 0) return true;
    struct chat_part *first = parts->first && !parts->first->is_redacted ? parts->first : NULL;
    if (!first) first = chat_parts_add(parts, r->arena, CHAT_THINKING);
    first->text = text;
    return true;
}

bool openai_read_assistant(struct reading *r, struct json_value message, struct str reply_id,
                           struct chat_parts *parts)
{
    static const struct member rows[] = {
        MEMBER_AT("content", MEMBER_VALUE, struct assistant_draft, content),
        MEMBER_AT("refusal", MEMBER_STR, struct assistant_draft, refusal),
        MEMBER_AT("reasoning_content", MEMBER_STR, struct assistant_draft, reasoning_content),
        MEMBER_AT("reasoning", MEMBER_STR, struct assistant_draft, reasoning),
        MEMBER_AT("reasoning_details", MEMBER_VALUE, struct assistant_draft, details),
        MEMBER_AT("tool_calls", MEMBER_VALUE, struct assistant_draft, calls),
        MEMBER_AT("function_call", MEMBER_VALUE, struct assistant_draft, old_call),
        MEMBER_AT("audio", MEMBER_VALUE, struct assistant_draft, audio),
        MEMBER_AT("images", MEMBER_VALUE, struct assistant_draft, images),
        MEMBER_AT("annotations", MEMBER_VALUE, struct assistant_draft, annotations),
    };
    static const struct members members = MEMBERS(rows);
    struct assistant_draft m = {0};
    if (!read_members(r, message, &members, &m) || !read_thoughts(r, &m, parts)) return false;
    if (!read_later(r, STR("content"), m.content, openai_read_content, parts)) return false;
    if (m.refusal.len > 0) chat_parts_add(parts, r->arena, CHAT_REFUSAL)->text = m.refusal;
    if (!read_later(r, STR("annotations"), m.annotations, read_citations, parts) ||
        !read_later(r, STR("audio"), m.audio, read_audio, parts) ||
        !read_later(r, STR("images"), m.images, read_images, parts) ||
        !read_later(r, STR("tool_calls"), m.calls, read_calls, parts))
        return false;
    if (!chat_parts_find(parts, CHAT_TOOL_CALL) &&
        !read_later(r, STR("function_call"), m.old_call, read_old_call, parts))
        return false;
    place_on_calls(parts);
    openai_place_signatures(parts, r->arena);
    make_ids(parts, reply_id, r->arena);
    return true;
}

/* ---- writing ---- */
static void put_url_part(struct json_writer *w, struct str type, struct str url, struct str detail)
{
    json_put_str(w, STR("type"), type);
    begin_object_at(w, type);
    json_put_str(w, STR("url"), url);
    put_str_if(w, STR("detail"), detail);
    json_end_object(w);
}

static bool put_document(struct json_writer *w, const struct chat_part *part, struct arena *a)
{
    const struct chat_media *m = part->media;
    bool has_id = m->file_id.len > 0 && part->format == CHAT_FORMAT_OPENAI_CHAT;
    if (!has_id && m->data.len == 0) return false;
    json_put_str(w, STR("type"), STR("file"));
    begin_object_at(w, STR("file"));
    if (has_id) {
        json_put_str(w, STR("file_id"), m->file_id);
    } else {
        json_put_str(w, STR("filename"), m->name.len > 0 ? m->name : STR("document.pdf"));
        json_put_str(w, STR("file_data"), media_to_url(m, STR("application/pdf"), a));
    }
    json_end_object(w);
    return true;
}

static bool can_put(const struct chat_part *p)
{
    switch (p->kind) {
    case CHAT_TEXT:
    case CHAT_REFUSAL: return true;
    case CHAT_IMAGE:
    case CHAT_VIDEO: return p->media->url.len > 0 || p->media->data.len > 0;
    case CHAT_AUDIO: return p->media->data.len > 0;
    case CHAT_DOCUMENT:
        return p->media->text.len > 0 || p->media->data.len > 0 ||
               (p->media->file_id.len > 0 && p->format == CHAT_FORMAT_OPENAI_CHAT);
    case CHAT_OTHER: return p->format == CHAT_FORMAT_OPENAI_CHAT;
    case CHAT_THINKING:
    case CHAT_TOOL_CALL:
    case CHAT_TOOL_RESULT: break;
    }
    return false;
}

static void put_text_part(struct json_writer *w, struct str type, struct str text)
{
    json_put_str(w, STR("type"), type);
    json_put_str(w, type, text);
}

static void put_sound(struct json_writer *w, const struct chat_media *m)
{
    json_put_str(w, STR("type"), STR("input_audio"));
    begin_object_at(w, STR("input_audio"));
    json_put_str(w, STR("data"), m->data);
    json_put_str(w, STR("format"), m->mime.len > 0 ? media_subtype(m->mime) : STR("wav"));
    json_end_object(w);
}

bool openai_put_part(struct json_writer *w, const struct chat_part *part, bool marks_cache, struct arena *a)
{
    if (!can_put(part)) return false;
    if (part->kind == CHAT_OTHER) {
        json_write_raw(w, part->json);
        return true;
    }
    json_begin_object(w);
    if (part->kind == CHAT_TEXT)
        put_text_part(w, STR("text"), part->text);
    else if (part->kind == CHAT_REFUSAL)
        put_text_part(w, STR("refusal"), part->text);
    else if (part->kind == CHAT_IMAGE)
        put_url_part(w, STR("image_url"), media_to_url(part->media, STR("image/png"), a),
                     part->media->detail);
    else if (part->kind == CHAT_VIDEO)
        put_url_part(w, STR("video_url"), media_to_url(part->media, STR("video/mp4"), a), STR(""));
    else if (part->kind == CHAT_AUDIO)
        put_sound(w, part->media);
    else if (!put_document(w, part, a))
        put_text_part(w, STR("text"), part->media->text);
    if (marks_cache) put_cache_control_if(w, part->cache);
    json_end_object(w);
    return true;
}

static void put_detail(struct json_writer *w, const struct chat_part *p, unsigned index)
{
    json_begin_object(w);
    if (p->is_redacted || p->kind == CHAT_TOOL_CALL) {
        json_put_str(w, STR("type"), STR("reasoning.encrypted"));
        json_put_str(w, STR("data"), p->signature);
    } else {
        json_put_str(w, STR("type"), STR("reasoning.text"));
        json_put_str(w, STR("text"), p->text);
        put_str_if(w, STR("signature"), p->signature);
    }
    put_str_if(w, STR("id"), p->id);
    put_str_if(w, STR("format"), words_of(&signer_words, (int)p->format));
    json_put_i64(w, STR("index"), index);
    json_end_object(w);
}

/* Gemini signs calls; the detail says by its id which. */
static bool has_detail(const struct chat_part *p)
{
    return p->signature.len > 0 && (p->kind == CHAT_THINKING || p->kind == CHAT_TOOL_CALL);
}

void openai_put_reasoning_details(struct json_writer *w, const struct chat_parts *parts)
{
    const struct chat_part *p = parts->first;
    unsigned index = 0;
    while (p && !has_detail(p)) p = p->next;
    if (!p) return;
    begin_array_at(w, STR("reasoning_details"));
    for (p = parts->first; p; p = p->next)
        if (p->kind == CHAT_THINKING || has_detail(p)) put_detail(w, p, index++);
    json_end_array(w);
}

static void put_google_signature(struct json_writer *w, struct str signature)
{
    begin_object_at(w, STR("extra_content"));
    begin_object_at(w, STR("google"));
    json_put_str(w, STR("thought_signature"), signature);
    json_end_object(w);
    json_end_object(w);
}

void openai_put_tool_calls(struct json_writer *w, const struct chat_parts *parts,
                           const struct call_style *style)
{
    const struct chat_part *thought = NULL; /* whose signature goes with the next call */
    if (!chat_parts_find(parts, CHAT_TOOL_CALL)) return;
    begin_array_at(w, STR("tool_calls"));
    for (const struct chat_part *p = parts->first; p; p = p->next) {
        if (p->kind == CHAT_THINKING && p->signature.len > 0 && !p->is_redacted) thought = p;
        if (p->kind != CHAT_TOOL_CALL) continue;
        const struct chat_part *signer = p->signature.len > 0 ? p : thought;
        struct str id = p->id;
        if (style->ids_carry_signatures && signer)
            id = tool_id_join(id, signer->signature, signer->format, style->arena);
        thought = NULL;
        json_begin_object(w);
        json_put_str(w, STR("id"), id);
        json_put_str(w, STR("type"), STR("function"));
        begin_object_at(w, STR("function"));
        struct str name = style->names_are_changed ? tool_name_to(&TOOL_NAMES_OPENAI, p->name, style->arena)
                                                   : p->name;
        json_put_str(w, STR("name"), name);
        json_put_str(w, STR("arguments"), str_trim(p->json).len > 0 ? p->json : STR("{}"));
        json_end_object(w);
        if (style->has_google_signatures && p->format == CHAT_FORMAT_GEMINI)
            put_google_signature(w, p->signature);
        json_end_object(w);
    }
    json_end_array(w);
}
