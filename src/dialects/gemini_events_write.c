/* dialects/gemini_events_write.c: a stream in Gemini's format, for a caller: events with alt=sse, else the items of one JSON
 * array. Each is a reply of its own; what all of them have in common is rendered once:
 *
 *     data: {"candidates":[{"content":{"parts":[
 *           {"text":"Hel"}
 *           ],"role":"model"},"index":0}],"modelVersion":…,"responseId":…}
 *
 * A call is one part, so its arguments wait until they are complete. Finish reasons, sources and usage go into the last
 * chunk. Idle streams are sent an empty line, which is nothing in both forms; Google's SDKs do not all know comments. */
#include "dialects/gemini.h"

#include "base/fmt.h"
#include "dialects/stream.h"
#include "dialects/tool_calls.h"

enum { MAX_CALL_BYTES = 16 << 20, MAX_CITATIONS = 256, MAX_HELD = 16, MAX_NATIVE_BYTES = 64 };

struct choice_state {
    struct buf call;      /* the open call: its part up to the arguments, and these */
    size_t arguments;     /* where they begin there */
    struct buf signature; /* Gemini's, of the open call */
    struct str held;      /* another format's, of a thought, for the next call's id */
    enum chat_format held_format;
    struct gemini_sources sources;
    unsigned texts; /* text parts that began */
    bool is_begun, has_others;
    enum chat_finish finish;
    char native[MAX_NATIVE_BYTES];
    size_t native_len;
};
struct gemini_writer {
    struct event_writer base;
    struct str tail; /* behind a chunk's index */
    struct str audio_mime;
    unsigned held;
    bool is_array, has_items, has_ended;
    struct choice_state choices[STREAM_MAX_CHOICES];
};

static struct str audio_mime(const struct reply_frame *frame)
{
    struct str format = frame->request->audio_format;
    const struct str pieces[] = {STR("audio/"), format};
    if (format.len == 0 || str_equals(format, STR("pcm16"))) return STR("audio/L16;codec=pcm;rate=24000");
    return arena_join(frame->arena, pieces, ARRAY_COUNT(pieces));
}

struct event_writer *gemini_open_writer(const struct reply_frame *frame)
{
    struct gemini_writer *w = arena_new(frame->arena, struct gemini_writer);
    w->base.frame = frame;
    w->is_array = frame->request->is_array_stream;
    w->audio_mime = audio_mime(frame);
    for (size_t i = 0; i < STREAM_MAX_CHOICES; i++) {
        buf_init(&w->choices[i].call, MAX_CALL_BYTES);
        buf_init(&w->choices[i].signature, MAX_CALL_BYTES);
    }
    return &w->base;
}

void gemini_close_writer(struct event_writer *writer)
{
    struct gemini_writer *w = (struct gemini_writer *)writer;
    for (size_t i = 0; i < STREAM_MAX_CHOICES; i++) {
        buf_done(&w->choices[i].call);
        buf_done(&w->choices[i].signature);
    }
}

/* ---- chunks ---- */
static bool begin_item(struct gemini_writer *w, struct buf *out)
{
    struct str before = !w->is_array ? STR("data: ") : w->has_items ? STR(",") : STR("[");
    w->has_items = true;
    return buf_append(out, before);
}

static bool end_item(const struct gemini_writer *w, struct buf *out)
{
    return buf_append(out, w->is_array ? STR("\n") : STR("\n\n"));
}

static bool write_start(struct gemini_writer *w, const struct chat_event *e)
{
    const struct reply_frame *frame = w->base.frame;
    struct json_writer jw;
    struct buf text;
    buf_init(&text, 64 * 1024);
    json_writer_init(&jw, &text, 0);
    json_begin_object(&jw);
    json_put_str(&jw, STR("modelVersion"), e->name.len > 0 ? e->name : frame->model);
    json_put_str(&jw, STR("responseId"), e->id.len > 0 ? e->id : frame->id);
    json_end_object(&jw);
    bool fits = json_writer_finish(&jw);
    const struct str pieces[] = {STR("}],"), str_from(buf_str(&text), 1)};
    w->tail = arena_join(frame->arena, pieces, ARRAY_COUNT(pieces));
    buf_done(&text);
    return fits;
}

static bool write_index(struct buf *out, unsigned choice)
{
    char digits[FMT_U64_BYTES];
    return buf_append(out, STR("\"index\":")) &&
           buf_append(out, str_of(digits, (size_t)(fmt_u64(digits, choice) - digits)));
}

static bool begin_part(struct gemini_writer *w, struct buf *out)
{
    return begin_item(w, out) && buf_append(out, STR("{\"candidates\":[{\"content\":{\"parts\":["));
}

static bool end_part(struct gemini_writer *w, struct buf *out, unsigned choice)
{
    return buf_append(out, STR("],\"role\":\"model\"},")) && write_index(out, choice) &&
           buf_append(out, w->tail) && end_item(w, out);
}

/* A part that is `before`, the text in quotes, `after`. */
static bool write_words(struct gemini_writer *w, struct buf *out, unsigned choice, const struct str around[2],
                        struct str text)
{
    return begin_part(w, out) && buf_append(out, around[0]) && json_append_str(out, text) &&
           buf_append(out, around[1]) && end_part(w, out, choice);
}

static bool write_part(struct gemini_writer *w, struct buf *out, unsigned choice,
                       const struct chat_part *part)
{
    struct json_writer jw;
    struct arena scratch;
    if (!begin_part(w, out)) return false;
    arena_init(&scratch);
    size_t before = out->len;
    json_writer_init(&jw, out, 0);
    bool is_said = gemini_put_part(&jw, part, &(struct gemini_style){.arena = &scratch});
    arena_done(&scratch);
    if (!is_said)
        out->len = before;
    else if (!json_writer_finish(&jw))
        return false;
    return end_part(w, out, choice);
}

/* ---- calls ---- */
static bool begin_call(struct gemini_writer *w, const struct chat_event *e)
{
    struct choice_state *c = &w->choices[e->choice];
    bool is_own = e->format == CHAT_FORMAT_GEMINI && e->signature.len > 0;
    struct str id = e->id;
    struct arena scratch;
    buf_clear(&c->call);
    buf_clear(&c->signature);
    arena_init(&scratch);
    if (!is_own) {
        bool has_own = e->signature.len > 0;
        id = tool_id_join(id, has_own ? e->signature : c->held, has_own ? e->format : c->held_format,
                          &scratch);
        c->held = (struct str){0};
    }
    bool fits = buf_append(&c->call, STR("{\"functionCall\":{\"id\":")) && json_append_str(&c->call, id) &&
                buf_append(&c->call, STR(",\"name\":")) && json_append_str(&c->call, e->name) &&
                buf_append(&c->call, STR(",\"args\":")) &&
                (!is_own || buf_append(&c->signature, e->signature));
    c->arguments = c->call.len;
    arena_done(&scratch);
    return fits;
}

static bool end_call(struct gemini_writer *w, struct buf *out, unsigned choice)
{
    struct choice_state *c = &w->choices[choice];
    struct arena scratch;
    arena_init(&scratch);
    struct str text = buf_str(&c->call);
    struct str arguments = tool_arguments_object(str_from(text, c->arguments), &scratch, NULL);
    bool fits = begin_part(w, out) && buf_append(out, str_part(text, 0, c->arguments)) &&
                buf_append(out, arguments) && buf_append(out, STR("}"));
    if (fits && c->signature.len > 0)
        fits = buf_append(out, STR(",\"thoughtSignature\":")) && json_append_str(out, buf_str(&c->signature));
    arena_done(&scratch);
    return fits && buf_append(out, STR("}")) && end_part(w, out, choice);
}

/* ---- events ---- */
static bool write_begin(struct gemini_writer *w, struct buf *out, const struct chat_event *e)
{
    struct choice_state *c = &w->choices[e->choice];
    if (e->part_kind == CHAT_TOOL_CALL) return begin_call(w, e);
    if (e->part_kind == CHAT_TEXT) c->texts++;
    if (e->media && e->media->data.len + e->media->url.len > 0) {
        struct chat_media media = *e->media;
        return write_part(w, out, e->choice, &(struct chat_part){.kind = e->part_kind, .media = &media});
    }
    return true;
}

static bool write_sound(struct gemini_writer *w, struct buf *out, const struct chat_event *e)
{
    struct chat_media media = {.mime = w->audio_mime, .data = e->text};
    return write_part(w, out, e->choice, &(struct chat_part){.kind = CHAT_AUDIO, .media = &media});
}

static bool write_delta(struct gemini_writer *w, struct buf *out, const struct chat_event *e)
{
    static const struct str text[] = {STR_INIT("{\"text\":"), STR_INIT("}")};
    static const struct str thought[] = {STR_INIT("{\"text\":"), STR_INIT(",\"thought\":true}")};
    struct choice_state *c = &w->choices[e->choice];
    switch (e->part_kind) {
    case CHAT_TEXT:
        for (size_t i = 0; i < e->text.len && !c->has_others; i++)
            c->has_others = (e->text.at[i] & 0x80) != 0;
        return write_words(w, out, e->choice, text, e->text);
    case CHAT_REFUSAL: return write_words(w, out, e->choice, text, e->text);
    case CHAT_THINKING: return write_words(w, out, e->choice, thought, e->text);
    case CHAT_TOOL_CALL: return buf_append(&c->call, e->text);
    case CHAT_AUDIO: return write_sound(w, out, e);
    case CHAT_TOOL_RESULT:
    case CHAT_IMAGE:
    case CHAT_VIDEO:
    case CHAT_DOCUMENT:
    case CHAT_OTHER: break;
    }
    return true;
}

/* Gemini's own stands on an empty text behind what it signs; another format's thought is signed in the next call's id. */
static bool write_signature(struct gemini_writer *w, struct buf *out, const struct chat_event *e)
{
    static const struct str text[] = {STR_INIT("{\"text\":\"\",\"thoughtSignature\":"), STR_INIT("}")};
    static const struct str thought[] = {STR_INIT("{\"text\":\"\",\"thought\":true,\"thoughtSignature\":"),
                                         STR_INIT("}")};
    struct choice_state *c = &w->choices[e->choice];
    if (e->format == CHAT_FORMAT_GEMINI && e->part_kind == CHAT_TOOL_CALL) {
        buf_clear(&c->signature);
        return buf_append(&c->signature, e->signature);
    }
    if (e->format == CHAT_FORMAT_GEMINI)
        return write_words(w, out, e->choice, e->part_kind == CHAT_THINKING ? thought : text, e->signature);
    if (e->part_kind == CHAT_THINKING && e->signature.len <= TOOL_ID_MAX_SIGNATURE && w->held < MAX_HELD) {
        w->held++;
        c->held = arena_copy(w->base.frame->arena, e->signature);
        c->held_format = e->format;
    }
    return true;
}

/* Kept for the last chunk. */
static void keep_citation(struct gemini_writer *w, const struct chat_event *e)
{
    struct choice_state *c = &w->choices[e->choice];
    struct arena *a = w->base.frame->arena;
    if (e->citation->url.len == 0 || c->sources.count == MAX_CITATIONS) return;
    if (!c->sources.at) c->sources.at = arena_new_array(a, struct gemini_source, MAX_CITATIONS);
    struct chat_citation *kept = &c->sources.at[c->sources.count++].citation;
    *kept = (struct chat_citation){.url = arena_copy(a, e->citation->url),
                                   .title = arena_copy(a, e->citation->title),
                                   .quote = arena_copy(a, e->citation->quote)};
    if (c->has_others || c->texts > 1) return; /* characters are not bytes, or of which text? */
    kept->start = e->citation->start;
    kept->end = e->citation->end;
}

/* A candidate without content. */
static bool write_tokens(struct gemini_writer *w, struct buf *out, const struct chat_event *e)
{
    struct json_writer jw;
    if (!begin_item(w, out) || !buf_append(out, STR("{\"candidates\":["))) return false;
    json_writer_init(&jw, out, 0);
    json_begin_object(&jw);
    gemini_put_logprobs(&jw, e->logprobs);
    json_put_i64(&jw, STR("index"), e->choice);
    json_end_object(&jw);
    if (!json_writer_finish(&jw)) return false;
    out->len--; /* the tail closes it */
    return buf_append(out, w->tail) && end_item(w, out);
}

static void note_finish(struct choice_state *c, const struct chat_event *e)
{
    c->is_begun = true;
    c->finish = e->finish;
    c->native_len = e->native_finish.len < MAX_NATIVE_BYTES ? e->native_finish.len : 0;
    if (c->native_len > 0) memcpy(c->native, e->native_finish.at, c->native_len);
}

static void put_end(struct json_writer *jw, const struct choice_state *c, unsigned index)
{
    json_begin_object(jw);
    json_put_raw(jw, STR("content"), STR("{\"parts\":[{\"text\":\"\"}],\"role\":\"model\"}"));
    json_put_str(jw, STR("finishReason"), gemini_finish_word(c->finish, str_of(c->native, c->native_len)));
    json_put_i64(jw, STR("index"), index);
    gemini_put_sources(jw, &c->sources);
    json_end_object(jw);
}

static bool write_stop(struct gemini_writer *w, struct buf *out, const struct chat_event *e)
{
    struct json_writer jw;
    w->has_ended = true;
    if (!begin_item(w, out)) return false;
    json_writer_init(&jw, out, 0);
    json_begin_object(&jw);
    begin_array_at(&jw, STR("candidates"));
    for (unsigned i = 0; i < STREAM_MAX_CHOICES; i++)
        if (w->choices[i].is_begun) put_end(&jw, &w->choices[i], i);
    json_end_array(&jw);
    if (e->usage->is_known) gemini_put_usage(&jw, e->usage);
    json_end_object(&jw);
    if (!json_writer_finish(&jw)) return false;
    out->len--;
    return buf_append(out, STR(",")) && buf_append(out, str_from(w->tail, 3)) && end_item(w, out) &&
           (!w->is_array || buf_append(out, STR("]")));
}

static bool write_failure(struct gemini_writer *w, struct buf *out, const struct chat_error *error)
{
    w->has_ended = true;
    return begin_item(w, out) && gemini_write_error(out, error) && end_item(w, out) &&
           (!w->is_array || buf_append(out, STR("]")));
}

bool gemini_write_event(struct event_writer *writer, struct buf *out, const struct chat_event *e)
{
    struct gemini_writer *w = (struct gemini_writer *)writer;
    if (w->has_ended || e->choice >= STREAM_MAX_CHOICES) return true;
    switch (e->kind) {
    case CHAT_EVENT_START: return write_start(w, e);
    case CHAT_EVENT_BEGIN: return write_begin(w, out, e);
    case CHAT_EVENT_DELTA: return write_delta(w, out, e);
    case CHAT_EVENT_SIGNATURE: return write_signature(w, out, e);
    case CHAT_EVENT_CITATION: keep_citation(w, e); return true;
    case CHAT_EVENT_LOGPROBS: return write_tokens(w, out, e);
    case CHAT_EVENT_END: return e->part_kind != CHAT_TOOL_CALL || end_call(w, out, e->choice);
    case CHAT_EVENT_FINISH: note_finish(&w->choices[e->choice], e); return true;
    case CHAT_EVENT_PING: return buf_append(out, STR("\n"));
    case CHAT_EVENT_ERROR: return write_failure(w, out, e->error);
    case CHAT_EVENT_STOP: return write_stop(w, out, e);
    case CHAT_EVENT_TRANSCRIPT:
    case CHAT_EVENT_USAGE: break;
    }
    return true;
}
