/* dialects/responses_items.c: what conversations of OpenAI's Responses format are made of: items, and the parts of their
 * contents. The same functions read a past turn of a request and the "output" of a reply:
 *
 *     message                 words and refusals of the assistant
 *     reasoning               a thought: its summary (OpenAI, xAI) or its text (DeepSeek, OpenRouter), and what proves it
 *     function_call           a call; call_id is what its result names, id only counts items
 *     image_generation_call   an image, once it is there
 *
 * Everything else (searches, code, computer use, references, compactions) is kept whole, for providers of this format. */
#include "dialects/responses.h"

#include "dialects/data_url.h"
#include "dialects/tool_calls.h"

/* ---- parts of a content, read ---- */
static bool read_url(struct reading *r, void *into, struct json_value v)
{
    struct str url = {0};
    if (!read_str(r, v, &url)) return false;
    media_from_url(((struct chat_part *)into)->media, url);
    return true;
}

/* An URL, or the chat format's {"url": …}, which many callers mix up with it. */
static bool read_image_url(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {MEMBER_CALL("url", read_url)};
    static const struct members members = MEMBERS(rows);
    return v.type == JSON_STRING ? read_url(r, into, v) : read_members(r, v, &members, into);
}

static bool read_detail(struct reading *r, void *into, struct json_value v)
{
    return read_str(r, v, &((struct chat_part *)into)->media->detail);
}

/* Files belong to the account, whichever of OpenAI's two formats names them. */
static bool read_file_id(struct reading *r, void *into, struct json_value v)
{
    struct chat_part *part = into;
    part->format = CHAT_FORMAT_OPENAI_CHAT;
    return read_str(r, v, &part->media->file_id);
}

static bool read_file_data(struct reading *r, void *into, struct json_value v)
{
    struct chat_media *media = ((struct chat_part *)into)->media;
    struct str data = {0};
    if (!read_str(r, v, &data)) return false;
    if (str_starts_with_nocase(data, STR("data:")))
        media_from_url(media, data);
    else
        media->data = data;
    return true;
}

static bool read_filename(struct reading *r, void *into, struct json_value v)
{
    return read_str(r, v, &((struct chat_part *)into)->media->name);
}

static bool read_sound(struct reading *r, void *into, struct json_value v)
{
    struct chat_media *media = ((struct chat_part *)into)->media;
    media->data = member_text(v, STR("data"), r->arena);
    struct str format = member_text(v, STR("format"), r->arena);
    const struct str pieces[] = {STR("audio/"), format};
    if (format.len > 0) media->mime = arena_join(r->arena, pieces, ARRAY_COUNT(pieces));
    return true;
}

bool responses_read_citation(struct json_value annotation, struct arena *a, struct chat_citation *out)
{
    if (!str_equals(member_text(annotation, STR("type"), a), STR("url_citation"))) return false;
    *out = (struct chat_citation){.url = member_text(annotation, STR("url"), a),
                                  .title = member_text(annotation, STR("title"), a)};
    (void)!json_to_i64(json_get(annotation, STR("start_index")), &out->start);
    (void)!json_to_i64(json_get(annotation, STR("end_index")), &out->end);
    return out->url.len > 0;
}

static bool read_citation_item(struct reading *r, void *into, struct json_value v)
{
    struct chat_part *text = into;
    struct chat_citation read, **end = &text->citations;
    if (!responses_read_citation(v, r->arena, &read)) return true;
    while (*end) end = &(*end)->next;
    *end = arena_new(r->arena, struct chat_citation);
    **end = read;
    return true;
}

static bool read_annotations(struct reading *r, void *into, struct json_value v)
{
    return v.type != JSON_ARRAY || read_items(r, v, read_citation_item, into);
}

static const struct member text_rows[] = {
    MEMBER_AT("text", MEMBER_STR, struct chat_part, text),
    MEMBER_CALL("annotations", read_annotations),
};
static const struct member refusal_rows[] = {MEMBER_AT("refusal", MEMBER_STR, struct chat_part, text)};
static const struct member image_rows[] = {
    MEMBER_CALL("image_url", read_image_url),
    MEMBER_CALL("file_id", read_file_id),
    MEMBER_CALL("detail", read_detail),
};
static const struct member file_rows[] = {
    MEMBER_CALL("file_data", read_file_data),
    MEMBER_CALL("file_url", read_url),
    MEMBER_CALL("file_id", read_file_id),
    MEMBER_CALL("filename", read_filename),
};
static const struct member sound_rows[] = {MEMBER_CALL("input_audio", read_sound)};

static const struct part_type {
    struct str type;
    enum chat_part_kind kind;
    bool is_media;
    struct members members;
} part_types[] = {
    {STR_INIT("input_text"), CHAT_TEXT, false, MEMBERS(text_rows)},
    {STR_INIT("output_text"), CHAT_TEXT, false, MEMBERS(text_rows)},
    {STR_INIT("input_image"), CHAT_IMAGE, true, MEMBERS(image_rows)},
    {STR_INIT("input_file"), CHAT_DOCUMENT, true, MEMBERS(file_rows)},
    {STR_INIT("refusal"), CHAT_REFUSAL, false, MEMBERS(refusal_rows)},
    {STR_INIT("input_audio"), CHAT_AUDIO, true, MEMBERS(sound_rows)},
    /* the chat format's words */
    {STR_INIT("text"), CHAT_TEXT, false, MEMBERS(text_rows)},
    {STR_INIT("image_url"), CHAT_IMAGE, true, MEMBERS(image_rows)},
};

static void settle_file(struct chat_part *part)
{
    struct chat_media *m = part->media;
    if (m->data.len > 0 && m->mime.len == 0) m->mime = STR("application/pdf");
    if (m->data.len > 0) part->kind = chat_media_kind(m->mime);
}

static bool read_part(struct reading *r, void *into, struct json_value v)
{
    struct chat_parts *parts = into;
    struct str type = member_text(v, STR("type"), r->arena);
    for (size_t i = 0; i < ARRAY_COUNT(part_types); i++) {
        const struct part_type *t = &part_types[i];
        if (!str_equals(type, t->type)) continue;
        struct chat_part *part = t->is_media ? chat_parts_add_media(parts, r->arena, t->kind)
                                             : chat_parts_add(parts, r->arena, t->kind);
        if (!read_members(r, v, &t->members, part)) return false;
        if (part->kind == CHAT_DOCUMENT) settle_file(part);
        return true;
    }
    if (r->is_lenient) return true;
    bool is_of_content = str_starts_with(type, STR("input_")) || str_starts_with(type, STR("output_"));
    if (!is_of_content)
        return reading_refuse(
            r, "a part with its type (input_text, input_image, input_file, output_text, refusal) is "
               "needed");
    struct chat_part *part = chat_parts_add(parts, r->arena, CHAT_OTHER);
    part->name = type;
    part->json = v.raw;
    part->format = CHAT_FORMAT_OPENAI_RESPONSES;
    return true;
}

bool responses_read_content(struct reading *r, void *parts, struct json_value content)
{
    struct str text = {0};
    if (content.type == JSON_ARRAY) return read_items(r, content, read_part, parts);
    if (content.type != JSON_STRING && !r->is_lenient)
        return reading_refuse(r, "a string or a list of parts is needed, got %s",
                              json_type_name(content.type));
    if (!read_str(r, content, &text)) return false;
    if (text.len > 0) chat_parts_add(parts, r->arena, CHAT_TEXT)->text = text;
    return true;
}

static bool says_nothing(const struct chat_part *p)
{
    return (p->kind == CHAT_TEXT || p->kind == CHAT_REFUSAL) && p->text.len == 0;
}

static void append(struct chat_parts *to, struct chat_part *p)
{
    p->next = NULL;
    if (to->last)
        to->last->next = p;
    else
        to->first = p;
    to->last = p;
    to->count++;
}

bool responses_read_said(struct reading *r, void *into, struct json_value content)
{
    struct chat_parts said = {0};
    if (!responses_read_content(r, &said, content)) return false;
    for (struct chat_part *p = said.first, *next; p; p = next) {
        next = p->next;
        if (!says_nothing(p)) append(into, p);
    }
    return true;
}

/* ---- signatures ---- */
static const struct {
    struct str mark;
    enum chat_format format;
    bool is_redacted;
} seals[] = {
    {STR_INIT("weir-a."), CHAT_FORMAT_ANTHROPIC, false},
    {STR_INIT("weir-r."), CHAT_FORMAT_ANTHROPIC, true},
    {STR_INIT("weir-g."), CHAT_FORMAT_GEMINI, false},
};

struct str responses_seal(struct str signature, enum chat_format format, bool is_redacted, struct arena *a)
{
    if (signature.len == 0) return signature;
    for (size_t i = 0; i < ARRAY_COUNT(seals); i++) {
        if (seals[i].format != format || seals[i].is_redacted != is_redacted) continue;
        const struct str pieces[] = {seals[i].mark, signature};
        return arena_join(a, pieces, ARRAY_COUNT(pieces));
    }
    return signature;
}

void responses_unseal(struct chat_part *thought, struct str encrypted)
{
    thought->signature = encrypted;
    thought->format = CHAT_FORMAT_OPENAI_RESPONSES;
    for (size_t i = 0; i < ARRAY_COUNT(seals); i++) {
        if (!str_starts_with(encrypted, seals[i].mark)) continue;
        thought->signature = str_from(encrypted, seals[i].mark.len);
        thought->format = seals[i].format;
        thought->is_redacted = seals[i].is_redacted;
        thought->id = (struct str){0}; /* that was ours */
    }
}

/* ---- items ---- */
struct thought_draft {
    struct str id, encrypted, summary, text;
    unsigned paragraphs; /* of the summary */
};

static bool read_paragraph(struct reading *r, void *into, struct json_value v)
{
    struct thought_draft *d = into;
    struct str text = member_text(v, STR("text"), r->arena);
    const struct str pieces[] = {d->summary, STR("\n\n"), text};
    d->summary = d->paragraphs++ > 0 ? arena_join(r->arena, pieces, ARRAY_COUNT(pieces)) : text;
    return true;
}

static bool read_summary(struct reading *r, void *into, struct json_value v)
{
    return read_items(r, v, read_paragraph, into);
}

static bool read_thought_text(struct reading *r, void *into, struct json_value v)
{
    struct thought_draft *d = into;
    const struct str pieces[] = {d->text, member_text(v, STR("text"), r->arena)};
    d->text = d->text.len > 0 ? arena_join(r->arena, pieces, ARRAY_COUNT(pieces)) : pieces[1];
    return true;
}

static bool read_thought_content(struct reading *r, void *into, struct json_value v)
{
    return read_items(r, v, read_thought_text, into);
}

static bool read_reasoning(struct reading *r, void *parts, struct json_value item)
{
    static const struct member rows[] = {
        MEMBER_AT("id", MEMBER_STR, struct thought_draft, id),
        MEMBER_AT("encrypted_content", MEMBER_STR, struct thought_draft, encrypted),
        MEMBER_CALL("summary", read_summary),
        MEMBER_CALL("content", read_thought_content),
    };
    static const struct members members = MEMBERS(rows);
    struct thought_draft d = {0};
    if (!read_members(r, item, &members, &d)) return false;
    struct str text = d.summary.len > 0 ? d.summary : d.text;
    if (text.len + d.encrypted.len == 0 && (r->is_lenient || d.id.len == 0)) return true;
    struct chat_part *part = chat_parts_add(parts, r->arena, CHAT_THINKING);
    part->id = d.id;
    part->text = text;
    responses_unseal(part, d.encrypted);
    return true;
}

static bool read_arguments(struct reading *r, void *into, struct json_value v)
{
    struct chat_part *call = into;
    if (v.type == JSON_STRING) return read_str(r, v, &call->json);
    call->json = v.raw; /* some send the object itself */
    return true;
}

static bool read_call(struct reading *r, void *parts, struct json_value item)
{
    static const struct member rows[] = {
        MEMBER_AT("call_id", MEMBER_STR, struct chat_part, id),
        MEMBER_AT("name", MEMBER_STR, struct chat_part, name),
        MEMBER_CALL("arguments", read_arguments),
    };
    static const struct members members = MEMBERS(rows);
    struct chat_part call = {.kind = CHAT_TOOL_CALL};
    if (!read_members(r, item, &members, &call)) return false;
    if (call.name.len == 0) return r->is_lenient || reading_refuse(r, "a function_call has a name");
    if (call.id.len == 0) call.id = member_text(item, STR("id"), r->arena);
    (void)tool_id_split(&call.id, &call.signature, &call.format);
    struct chat_part *part = chat_parts_add(parts, r->arena, CHAT_TOOL_CALL);
    *part = call; /* the last of its list */
    return true;
}

static bool read_other(struct reading *r, void *parts, struct json_value item)
{
    struct chat_part *part = chat_parts_add(parts, r->arena, CHAT_OTHER);
    part->name = member_text(item, STR("type"), r->arena);
    if (part->name.len == 0) part->name = STR("item_reference");
    part->json = item.raw;
    part->format = CHAT_FORMAT_OPENAI_RESPONSES;
    return true;
}

static bool read_image(struct reading *r, void *parts, struct json_value item)
{
    struct str data = member_text(item, STR("result"), r->arena);
    struct str format = member_text(item, STR("output_format"), r->arena);
    if (data.len == 0) return read_other(r, parts, item);
    const struct str pieces[] = {STR("image/"), format.len > 0 ? format : STR("png")};
    struct chat_part *part = chat_parts_add_media(parts, r->arena, CHAT_IMAGE);
    part->media->id = member_text(item, STR("id"), r->arena);
    part->media->data = data;
    part->media->mime = arena_join(r->arena, pieces, ARRAY_COUNT(pieces));
    return true;
}

bool responses_read_item(struct reading *r, void *parts, struct json_value item)
{
    static const struct {
        struct str type;
        bool (*read)(struct reading *r, void *parts, struct json_value item);
    } kinds[] = {
        {STR_INIT("reasoning"), read_reasoning},
        {STR_INIT("function_call"), read_call},
        {STR_INIT("image_generation_call"), read_image},
    };
    if (item.type != JSON_OBJECT) return r->is_lenient || reading_refuse(r, "an item is an object");
    struct str type = member_text(item, STR("type"), r->arena);
    if (str_equals(type, STR("message")))
        return read_later(r, STR("content"), json_get(item, STR("content")), responses_read_said, parts);
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
        if (str_equals(type, kinds[i].type)) return kinds[i].read(r, parts, item);
    return read_other(r, parts, item);
}

/* ---- written ---- */
void responses_put_citation(struct json_writer *w, const struct chat_citation *c)
{
    json_begin_object(w);
    json_put_str(w, STR("type"), STR("url_citation"));
    json_put_i64(w, STR("start_index"), c->start);
    json_put_i64(w, STR("end_index"), c->end);
    json_put_str(w, STR("title"), c->title);
    json_put_str(w, STR("url"), c->url);
    json_end_object(w);
}

static bool has_file_id(const struct chat_part *p)
{
    return p->media->file_id.len > 0 &&
           (p->format == CHAT_FORMAT_OPENAI_CHAT || p->format == CHAT_FORMAT_OPENAI_RESPONSES);
}

static bool can_put(const struct chat_part *p)
{
    switch (p->kind) {
    case CHAT_TEXT: return true;
    case CHAT_IMAGE: return p->media->url.len > 0 || p->media->data.len > 0 || has_file_id(p);
    case CHAT_DOCUMENT:
        return p->media->url.len > 0 || p->media->data.len > 0 || p->media->text.len > 0 || has_file_id(p);
    case CHAT_AUDIO: return p->media->data.len > 0;
    case CHAT_OTHER: return p->format == CHAT_FORMAT_OPENAI_RESPONSES;
    case CHAT_REFUSAL:
    case CHAT_VIDEO:
    case CHAT_THINKING:
    case CHAT_TOOL_CALL:
    case CHAT_TOOL_RESULT: break;
    }
    return false;
}

static void put_text(struct json_writer *w, struct str text)
{
    json_put_str(w, STR("type"), STR("input_text"));
    json_put_str(w, STR("text"), text);
}

static void put_image(struct json_writer *w, const struct chat_part *p, struct arena *a)
{
    json_put_str(w, STR("type"), STR("input_image"));
    if (has_file_id(p))
        json_put_str(w, STR("file_id"), p->media->file_id);
    else
        json_put_str(w, STR("image_url"), media_to_url(p->media, STR("image/png"), a));
    put_str_if(w, STR("detail"), p->media->detail);
}

static void put_file(struct json_writer *w, const struct chat_part *p, struct arena *a)
{
    const struct chat_media *m = p->media;
    if (m->text.len > 0 && m->data.len == 0) {
        put_text(w, m->text);
        return;
    }
    json_put_str(w, STR("type"), STR("input_file"));
    if (has_file_id(p)) {
        json_put_str(w, STR("file_id"), m->file_id);
    } else if (m->url.len > 0) {
        json_put_str(w, STR("file_url"), m->url);
    } else {
        json_put_str(w, STR("filename"), m->name.len > 0 ? m->name : STR("document.pdf"));
        json_put_str(w, STR("file_data"), media_to_url(m, STR("application/pdf"), a));
    }
}

static void put_sound(struct json_writer *w, const struct chat_media *m)
{
    json_put_str(w, STR("type"), STR("input_audio"));
    begin_object_at(w, STR("input_audio"));
    json_put_str(w, STR("data"), m->data);
    json_put_str(w, STR("format"), m->mime.len > 0 ? media_subtype(m->mime) : STR("wav"));
    json_end_object(w);
}

bool responses_put_input(struct json_writer *w, const struct chat_part *part, struct arena *a)
{
    if (!can_put(part)) return false;
    if (part->kind == CHAT_OTHER) {
        json_write_raw(w, part->json);
        return true;
    }
    json_begin_object(w);
    if (part->kind == CHAT_TEXT)
        put_text(w, part->text);
    else if (part->kind == CHAT_IMAGE)
        put_image(w, part, a);
    else if (part->kind == CHAT_AUDIO)
        put_sound(w, part->media);
    else
        put_file(w, part, a);
    json_end_object(w);
    return true;
}
