/* dialects/openai_events_write.c: a stream in OpenAI's chat format, for a caller. What all chunks have in common is rendered
 * once; a delta is that, the text and a tail.
 *
 *     data: {"id":…,"object":"chat.completion.chunk","created":…,"model":…,"choices":[{"index":0,"delta":{
 *           "content":"Hel"
 *           },"logprobs":null,"finish_reason":null}]}
 *
 * Each choice begins with its role. Calls are numbered from 0 as they begin; one that got no arguments is given {}. The
 * usage goes into a last chunk without choices, if the caller asked for it. */
#include "dialects/openai_chat.h"

#include "base/fmt.h"
#include "dialects/openai_usage.h"
#include "dialects/stream.h"
#include "dialects/tool_calls.h"

struct choice_state {
    bool has_role, has_arguments;
    unsigned calls;       /* begun */
    struct str signature; /* of a thought, for the next call's id */
    enum chat_format format;
};
struct openai_writer {
    struct event_writer base;
    struct str head; /* up to the choice's index */
    struct str tail; /* behind a delta */
    unsigned signatures;
    bool has_ended;
    struct choice_state choices[STREAM_MAX_CHOICES];
};

struct event_writer *openai_chat_open_writer(const struct reply_frame *frame)
{
    struct openai_writer *w = arena_new(frame->arena, struct openai_writer);
    w->base.frame = frame;
    return &w->base;
}

/* ---- chunks ---- */
static void put_head(struct json_writer *w, const struct openai_writer *ow, const struct chat_event *start)
{
    const struct reply_frame *frame = ow->base.frame;
    json_put_str(w, STR("id"), openai_reply_id(start->id, frame));
    json_put_str(w, STR("object"), STR("chat.completion.chunk"));
    json_put_i64(w, STR("created"), start->created_s ? start->created_s : frame->created_s);
    json_put_str(w, STR("model"), start->name.len > 0 ? start->name : frame->model);
}

static bool write_start(struct openai_writer *w, const struct chat_event *e)
{
    struct json_writer jw;
    struct buf text;
    buf_init(&text, 64 * 1024);
    json_writer_init(&jw, &text, 0);
    json_begin_object(&jw);
    put_head(&jw, w, e);
    json_end_object(&jw);
    bool fits = json_writer_finish(&jw);
    const struct str pieces[] = {STR("data: "), str_part(buf_str(&text), 0, text.len ? text.len - 1 : 0),
                                 STR(",\"choices\":[")};
    w->head = arena_join(w->base.frame->arena, pieces, ARRAY_COUNT(pieces));
    w->tail = w->base.frame->request->wants_stream_usage ? STR("}],\"usage\":null}\n\n") : STR("}]}\n\n");
    buf_done(&text);
    return fits;
}

static bool begin_delta(const struct openai_writer *w, struct buf *out, unsigned choice)
{
    char digits[FMT_U64_BYTES];
    struct str index = str_of(digits, (size_t)(fmt_u64(digits, choice) - digits));
    return buf_append(out, w->head) && buf_append(out, STR("{\"index\":")) && buf_append(out, index) &&
           buf_append(out, STR(",\"delta\":{"));
}

static bool end_delta(const struct openai_writer *w, struct buf *out)
{
    return buf_append(out, STR("},\"logprobs\":null,\"finish_reason\":null")) && buf_append(out, w->tail);
}

/* A chunk whose delta is `before`, the text in quotes, `after`. */
static bool write_delta(const struct openai_writer *w, struct buf *out, unsigned choice,
                        const struct str around[2], struct str text)
{
    return begin_delta(w, out, choice) && buf_append(out, around[0]) && json_append_str(out, text) &&
           buf_append(out, around[1]) && end_delta(w, out);
}

static bool write_role(struct openai_writer *w, struct buf *out, const struct chat_event *e)
{
    struct choice_state *c = &w->choices[e->choice];
    if (c->has_role) return true;
    c->has_role = true;
    bool is_text = e->kind == CHAT_EVENT_FINISH || e->part_kind == CHAT_TEXT;
    return begin_delta(w, out, e->choice) &&
           buf_append(out, is_text ? STR("\"role\":\"assistant\",\"content\":\"\",\"refusal\":null")
                                   : STR("\"role\":\"assistant\",\"content\":null,\"refusal\":null")) &&
           end_delta(w, out);
}

/* ---- events ---- */
/* {"tool_calls":[{"index":N,<what>}]} */
static bool begin_call(const struct openai_writer *w, struct buf *out, const struct chat_event *e)
{
    char digits[FMT_U64_BYTES];
    unsigned call = w->choices[e->choice].calls - 1;
    return begin_delta(w, out, e->choice) && buf_append(out, STR("\"tool_calls\":[{\"index\":")) &&
           buf_append(out, str_of(digits, (size_t)(fmt_u64(digits, call) - digits)));
}

static bool write_arguments(struct openai_writer *w, struct buf *out, const struct chat_event *e,
                            struct str text)
{
    w->choices[e->choice].has_arguments = true;
    return begin_call(w, out, e) && buf_append(out, STR(",\"function\":{\"arguments\":")) &&
           json_append_str(out, text) && buf_append(out, STR("}}]")) && end_delta(w, out);
}

static bool write_call(struct openai_writer *w, struct buf *out, const struct chat_event *e)
{
    struct choice_state *c = &w->choices[e->choice];
    struct str signature = e->signature.len > 0 ? e->signature : c->signature;
    enum chat_format format = e->signature.len > 0 ? e->format : c->format;
    struct arena scratch;
    arena_init(&scratch);
    struct str id = tool_id_join(e->id, signature, format, &scratch);
    c->signature = (struct str){0};
    c->has_arguments = false;
    c->calls++;
    bool fits = begin_call(w, out, e) && buf_append(out, STR(",\"id\":")) && json_append_str(out, id) &&
                buf_append(out, STR(",\"type\":\"function\",\"function\":{\"name\":")) &&
                json_append_str(out, e->name) && buf_append(out, STR(",\"arguments\":\"\"}}]")) &&
                end_delta(w, out);
    arena_done(&scratch);
    return fits;
}

/* A delta with one member that holds a list of one item, or an object. */
static bool write_detail(const struct openai_writer *w, struct buf *out, const struct chat_event *e)
{
    struct chat_parts parts = {0};
    struct chat_part part = {.kind = CHAT_THINKING,
                             .id = e->id,
                             .signature = e->signature,
                             .format = e->format,
                             .is_redacted = e->is_redacted};
    struct json_writer jw;
    parts.first = parts.last = &part;
    if (!begin_delta(w, out, e->choice)) return false;
    out->len--; /* the writer brings its own bracket */
    json_writer_init(&jw, out, 0);
    json_begin_object(&jw);
    openai_put_reasoning_details(&jw, &parts);
    json_end_object(&jw);
    if (!json_writer_finish(&jw)) return false;
    out->len--;
    return end_delta(w, out);
}

static bool write_media(const struct openai_writer *w, struct buf *out, const struct chat_event *e)
{
    struct chat_part part = {.kind = e->part_kind};
    struct chat_media media = *e->media;
    struct json_writer jw;
    struct arena scratch;
    part.media = &media;
    if (!begin_delta(w, out, e->choice)) return false;
    out->len--;
    arena_init(&scratch);
    json_writer_init(&jw, out, 0);
    json_begin_object(&jw);
    if (e->part_kind == CHAT_IMAGE) {
        begin_array_at(&jw, STR("images"));
        (void)openai_put_part(&jw, &part, false, &scratch);
        json_end_array(&jw);
    } else if (e->part_kind == CHAT_AUDIO) {
        begin_object_at(&jw, STR("audio"));
        json_put_str(&jw, STR("id"), media.id);
        put_str_if(&jw, STR("data"), media.data);
        put_i64_if(&jw, STR("expires_at"), media.expires_s);
        json_end_object(&jw);
    }
    json_end_object(&jw);
    arena_done(&scratch);
    if (!json_writer_finish(&jw)) return false;
    out->len--;
    return end_delta(w, out);
}

static bool write_begin(struct openai_writer *w, struct buf *out, const struct chat_event *e)
{
    if (!write_role(w, out, e)) return false;
    if (e->part_kind == CHAT_TOOL_CALL) return write_call(w, out, e);
    if (e->part_kind == CHAT_THINKING && e->signature.len > 0) return write_detail(w, out, e);
    return !e->media || write_media(w, out, e);
}

static bool write_text(struct openai_writer *w, struct buf *out, const struct chat_event *e)
{
    static const struct str text[] = {STR_INIT("\"content\":"), STR_INIT("")};
    static const struct str thinking[] = {STR_INIT("\"reasoning_content\":"), STR_INIT("")};
    static const struct str refusal[] = {STR_INIT("\"refusal\":"), STR_INIT("")};
    static const struct str sound[] = {STR_INIT("\"audio\":{\"data\":"), STR_INIT("}")};
    switch (e->part_kind) {
    case CHAT_TEXT: return write_delta(w, out, e->choice, text, e->text);
    case CHAT_THINKING: return write_delta(w, out, e->choice, thinking, e->text);
    case CHAT_REFUSAL: return write_delta(w, out, e->choice, refusal, e->text);
    case CHAT_AUDIO: return write_delta(w, out, e->choice, sound, e->text);
    case CHAT_TOOL_CALL: return write_arguments(w, out, e, e->text);
    case CHAT_TOOL_RESULT:
    case CHAT_IMAGE:
    case CHAT_VIDEO:
    case CHAT_DOCUMENT:
    case CHAT_OTHER: break;
    }
    return true;
}

/* Who knows the details gets the signature there, who does not, in the next call's id. */
enum { MAX_SIGNATURES = 16 };
static bool write_signature(struct openai_writer *w, struct buf *out, const struct chat_event *e)
{
    struct choice_state *c = &w->choices[e->choice];
    if (e->part_kind != CHAT_THINKING) return true;
    if (e->signature.len <= TOOL_ID_MAX_SIGNATURE && w->signatures++ < MAX_SIGNATURES) {
        c->signature = arena_copy(w->base.frame->arena, e->signature);
        c->format = e->format;
    }
    return write_detail(w, out, e);
}

static bool write_citation(const struct openai_writer *w, struct buf *out, const struct chat_event *e)
{
    struct json_writer jw;
    if (e->citation->url.len == 0) return true;
    if (!begin_delta(w, out, e->choice) || !buf_append(out, STR("\"annotations\":["))) return false;
    json_writer_init(&jw, out, 0);
    openai_put_citation(&jw, e->citation);
    return json_writer_finish(&jw) && buf_append(out, STR("]")) && end_delta(w, out);
}

/* The rest of a choice behind an empty delta: tokens, or the end. */
static bool write_rest(const struct openai_writer *w, struct buf *out, const struct chat_event *e)
{
    struct json_writer jw;
    if (!begin_delta(w, out, e->choice) || !buf_append(out, STR("},"))) return false;
    size_t bracket = out->len;
    json_writer_init(&jw, out, 0);
    json_begin_object(&jw);
    openai_put_logprobs(&jw, e->logprobs);
    if (e->kind == CHAT_EVENT_FINISH) {
        json_put_str(&jw, STR("finish_reason"), openai_finish_word(e->finish));
        put_str_if(&jw, STR("native_finish_reason"), e->native_finish);
    } else {
        json_put_null(&jw, STR("finish_reason"));
    }
    json_end_object(&jw);
    if (!json_writer_finish(&jw)) return false;
    memmove(out->at + bracket, out->at + bracket + 1, out->len - bracket - 1);
    out->len -= 2; /* without the writer's brackets */
    return buf_append(out, w->tail);
}

static bool write_stop(struct openai_writer *w, struct buf *out, const struct chat_event *e)
{
    struct json_writer jw;
    w->has_ended = true;
    if (w->base.frame->request->wants_stream_usage && e->usage->is_known) {
        if (!buf_append(out, w->head) || !buf_append(out, STR("],"))) return false;
        size_t bracket = out->len;
        json_writer_init(&jw, out, 0);
        json_begin_object(&jw);
        openai_put_usage(&jw, e->usage);
        json_end_object(&jw);
        if (!json_writer_finish(&jw)) return false;
        memmove(out->at + bracket, out->at + bracket + 1, out->len - bracket - 1);
        out->len--;
        if (!buf_append(out, STR("\n\n"))) return false;
    }
    return buf_append(out, STR("data: [DONE]\n\n"));
}

bool openai_chat_write_event(struct event_writer *writer, struct buf *out, const struct chat_event *e)
{
    static const struct str transcript[] = {STR_INIT("\"audio\":{\"transcript\":"), STR_INIT("}")};
    struct openai_writer *w = (struct openai_writer *)writer;
    if (w->has_ended || e->choice >= STREAM_MAX_CHOICES) return true;
    switch (e->kind) {
    case CHAT_EVENT_START: return write_start(w, e);
    case CHAT_EVENT_BEGIN: return write_begin(w, out, e);
    case CHAT_EVENT_DELTA: return write_text(w, out, e);
    case CHAT_EVENT_SIGNATURE: return write_signature(w, out, e);
    case CHAT_EVENT_CITATION: return write_citation(w, out, e);
    case CHAT_EVENT_TRANSCRIPT: return write_delta(w, out, e->choice, transcript, e->text);
    case CHAT_EVENT_LOGPROBS: return write_rest(w, out, e);
    case CHAT_EVENT_END:
        if (e->part_kind != CHAT_TOOL_CALL || w->choices[e->choice].has_arguments) return true;
        return write_arguments(w, out, e, STR("{}"));
    case CHAT_EVENT_FINISH: return write_role(w, out, e) && write_rest(w, out, e);
    case CHAT_EVENT_USAGE: return true;
    case CHAT_EVENT_PING: return buf_append(out, STR(": keep-alive\n\n"));
    case CHAT_EVENT_ERROR: w->has_ended = true; return openai_chat_write_error_event(out, e->error);
    case CHAT_EVENT_STOP: return write_stop(w, out, e);
    }
    return true;
}
