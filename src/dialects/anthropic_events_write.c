/* dialects/anthropic_events_write.c: a stream in Anthropic's Messages format, for a caller, in the service's own order:
 *
 *     message_start ( content_block_start [ping] content_block_delta* content_block_stop )* message_delta message_stop
 *
 * The ping comes once, behind the first block's start. Blocks are numbered as they are written: a part that has no block
 * here is not counted. What a delta has before its text is rendered when its block begins. Why it ended and what it cost
 * go out together at the end. */
#include "dialects/anthropic.h"

#include "base/check.h"
#include "base/fmt.h"
#include "dialects/tool_calls.h"

enum { PREFIX_BYTES = 160, ID_BYTES = 128, SEQUENCE_BYTES = 256 };

struct anthropic_writer {
    struct event_writer base;
    char prefix[PREFIX_BYTES]; /* of the open block's deltas */
    size_t prefix_bytes;
    char id[ID_BYTES]; /* of the open thought */
    size_t id_bytes;
    unsigned blocks; /* begun */
    bool is_open, has_ended;
    struct usage usage;
    struct anthropic_stop stop;
    char native[ID_BYTES], sequence[SEQUENCE_BYTES];
};

struct event_writer *anthropic_open_writer(const struct reply_frame *frame)
{
    struct anthropic_writer *w = arena_new(frame->arena, struct anthropic_writer);
    w->base.frame = frame;
    return &w->base;
}

/* ---- head ---- */
static bool begin_event(struct buf *out, struct str name)
{
    return buf_append(out, STR("event: ")) && buf_append(out, name) && buf_append(out, STR("\ndata: "));
}

static bool write_start(struct anthropic_writer *w, struct buf *out, const struct chat_event *e)
{
    const struct reply_frame *frame = w->base.frame;
    struct json_writer jw;
    if (e->usage) w->usage = *e->usage;
    if (!begin_event(out, STR("message_start"))) return false;
    json_writer_init(&jw, out, 0);
    json_begin_object(&jw);
    json_put_str(&jw, STR("type"), STR("message_start"));
    begin_object_at(&jw, STR("message"));
    json_put_str(&jw, STR("id"), anthropic_reply_id(e->id, frame));
    json_put_str(&jw, STR("type"), STR("message"));
    json_put_str(&jw, STR("role"), STR("assistant"));
    json_put_str(&jw, STR("model"), e->name.len > 0 ? e->name : frame->model);
    json_put_raw(&jw, STR("content"), STR("[]"));
    json_put_null(&jw, STR("stop_reason"));
    json_put_null(&jw, STR("stop_sequence"));
    anthropic_put_usage(&jw, &w->usage);
    json_end_object(&jw);
    json_end_object(&jw);
    return json_writer_finish(&jw) && buf_append(out, STR("\n\n"));
}

/* ---- blocks ---- */
enum block { BLOCK_NONE, BLOCK_TEXT, BLOCK_THINKING, BLOCK_REDACTED, BLOCK_CALL };
static enum block block_of(const struct chat_event *e)
{
    switch (e->part_kind) {
    case CHAT_TEXT:
    case CHAT_REFUSAL:
    case CHAT_AUDIO: return BLOCK_TEXT; /* of a sound, its words */
    case CHAT_THINKING: return e->is_redacted && e->signature.len > 0 ? BLOCK_REDACTED : BLOCK_THINKING;
    case CHAT_TOOL_CALL: return BLOCK_CALL;
    case CHAT_TOOL_RESULT:
    case CHAT_IMAGE:
    case CHAT_VIDEO:
    case CHAT_DOCUMENT:
    case CHAT_OTHER: break;
    }
    return BLOCK_NONE;
}

/* {"type":"content_block_delta","index":N,"delta":{ */
static bool begin_delta(const struct anthropic_writer *w, struct buf *out)
{
    char digits[FMT_U64_BYTES];
    struct str index = str_of(digits, (size_t)(fmt_u64(digits, w->blocks - 1) - digits));
    return begin_event(out, STR("content_block_delta")) &&
           buf_append(out, STR("{\"type\":\"content_block_delta\",\"index\":")) && buf_append(out, index) &&
           buf_append(out, STR(",\"delta\":{\"type\":"));
}

static bool end_delta(struct buf *out)
{
    return buf_append(out, STR("}}\n\n"));
}

static void render_prefix(struct anthropic_writer *w, enum block block)
{
    static const struct str kinds[] = {
        [BLOCK_TEXT] = STR_INIT("\"text_delta\",\"text\":"),
        [BLOCK_THINKING] = STR_INIT("\"thinking_delta\",\"thinking\":"),
        [BLOCK_REDACTED] = STR_INIT("\"thinking_delta\",\"thinking\":"),
        [BLOCK_CALL] = STR_INIT("\"input_json_delta\",\"partial_json\":"),
    };
    struct buf text;
    buf_init(&text, PREFIX_BYTES);
    require(begin_delta(w, &text) && buf_append(&text, kinds[block]));
    w->prefix_bytes = text.len;
    memcpy(w->prefix, text.at, text.len);
    buf_done(&text);
}

static void put_block(struct json_writer *jw, const struct chat_event *e, enum block block, struct arena *a)
{
    static const struct str types[] = {
        [BLOCK_TEXT] = STR_INIT("text"),
        [BLOCK_THINKING] = STR_INIT("thinking"),
        [BLOCK_REDACTED] = STR_INIT("redacted_thinking"),
        [BLOCK_CALL] = STR_INIT("tool_use"),
    };
    json_put_str(jw, STR("type"), types[block]);
    switch (block) {
    case BLOCK_TEXT: json_put_str(jw, STR("text"), STR("")); break;
    case BLOCK_THINKING:
        json_put_str(jw, STR("thinking"), STR(""));
        json_put_str(jw, STR("signature"), STR(""));
        break;
    case BLOCK_REDACTED:
        json_put_str(jw, STR("data"), anthropic_mark_signature(e->signature, e->id, e->format, a));
        break;
    case BLOCK_CALL:
        json_put_str(jw, STR("id"), tool_id_join(e->id, e->signature, e->format, a));
        json_put_str(jw, STR("name"), e->name);
        json_put_raw(jw, STR("input"), STR("{}"));
        break;
    case BLOCK_NONE: break;
    }
}

static bool write_signature(const struct anthropic_writer *w, struct buf *out, const struct chat_event *e)
{
    if (e->part_kind != CHAT_THINKING) return true;
    struct arena scratch;
    arena_init(&scratch);
    struct str id = e->id.len > 0 ? e->id : str_of(w->id, w->id_bytes);
    struct str signature = anthropic_mark_signature(e->signature, id, e->format, &scratch);
    bool fits = signature.len == 0 ||
                (begin_delta(w, out) && buf_append(out, STR("\"signature_delta\",\"signature\":")) &&
                 json_append_str(out, signature) && end_delta(out));
    arena_done(&scratch);
    return fits;
}

static bool write_block(struct anthropic_writer *w, struct buf *out, const struct chat_event *e)
{
    enum block block = block_of(e);
    struct json_writer jw;
    struct arena scratch;
    w->is_open = block != BLOCK_NONE;
    if (!w->is_open) return true;
    w->blocks++;
    w->id_bytes = e->part_kind == CHAT_THINKING && e->id.len <= ID_BYTES ? e->id.len : 0;
    if (w->id_bytes > 0) memcpy(w->id, e->id.at, w->id_bytes);
    if (e->part_kind == CHAT_REFUSAL) w->stop.is_refused = true;
    render_prefix(w, block);
    if (!begin_event(out, STR("content_block_start"))) return false;
    arena_init(&scratch);
    json_writer_init(&jw, out, 0);
    json_begin_object(&jw);
    json_put_str(&jw, STR("type"), STR("content_block_start"));
    json_put_i64(&jw, STR("index"), w->blocks - 1);
    begin_object_at(&jw, STR("content_block"));
    put_block(&jw, e, block, &scratch);
    json_end_object(&jw);
    json_end_object(&jw);
    arena_done(&scratch);
    if (!json_writer_finish(&jw) || !buf_append(out, STR("\n\n"))) return false;
    if (w->blocks == 1 && !buf_append(out, STR("event: ping\ndata: {\"type\": \"ping\"}\n\n"))) return false;
    return block != BLOCK_THINKING || e->signature.len == 0 || write_signature(w, out, e);
}

static bool write_text(const struct anthropic_writer *w, struct buf *out, struct str text)
{
    return buf_append(out, str_of(w->prefix, w->prefix_bytes)) && json_append_str(out, text) &&
           end_delta(out);
}

static bool write_citation(const struct anthropic_writer *w, struct buf *out, const struct chat_event *e)
{
    struct json_writer jw;
    if (e->part_kind != CHAT_TEXT || !begin_delta(w, out)) return e->part_kind != CHAT_TEXT;
    if (!buf_append(out, STR("\"citations_delta\",\"citation\":"))) return false;
    json_writer_init(&jw, out, 0);
    anthropic_put_citation(&jw, e->citation);
    return json_writer_finish(&jw) && end_delta(out);
}

static bool write_block_end(struct anthropic_writer *w, struct buf *out)
{
    char digits[FMT_U64_BYTES];
    struct str index = str_of(digits, (size_t)(fmt_u64(digits, w->blocks - 1) - digits));
    w->is_open = false;
    return begin_event(out, STR("content_block_stop")) &&
           buf_append(out, STR("{\"type\":\"content_block_stop\",\"index\":")) && buf_append(out, index) &&
           buf_append(out, STR("}\n\n"));
}

/* ---- the end ---- */
static struct str keep(char *room, size_t room_bytes, struct str s)
{
    s = str_part(s, 0, room_bytes);
    return str_of(room, (size_t)(fmt_str(room, s) - room));
}

static void note_finish(struct anthropic_writer *w, const struct chat_event *e)
{
    w->stop.finish = e->finish;
    w->stop.native = keep(w->native, sizeof w->native, e->native_finish);
    w->stop.sequence = keep(w->sequence, sizeof w->sequence, e->stop_sequence);
}

static bool write_stop(struct anthropic_writer *w, struct buf *out, const struct chat_event *e)
{
    struct json_writer jw;
    w->has_ended = true;
    if (e->usage) w->usage = *e->usage;
    if (!begin_event(out, STR("message_delta"))) return false;
    json_writer_init(&jw, out, 0);
    json_begin_object(&jw);
    json_put_str(&jw, STR("type"), STR("message_delta"));
    begin_object_at(&jw, STR("delta"));
    anthropic_put_stop(&jw, &w->stop);
    json_end_object(&jw);
    anthropic_put_usage(&jw, &w->usage);
    json_end_object(&jw);
    return json_writer_finish(&jw) &&
           buf_append(out, STR("\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
}

static bool write_part(struct anthropic_writer *w, struct buf *out, const struct chat_event *e)
{
    if (e->kind == CHAT_EVENT_BEGIN) return write_block(w, out, e);
    if (!w->is_open) return true;
    switch (e->kind) {
    case CHAT_EVENT_DELTA: return e->part_kind == CHAT_AUDIO || write_text(w, out, e->text);
    case CHAT_EVENT_TRANSCRIPT: return write_text(w, out, e->text);
    case CHAT_EVENT_SIGNATURE: return write_signature(w, out, e);
    case CHAT_EVENT_CITATION: return write_citation(w, out, e);
    case CHAT_EVENT_END: return write_block_end(w, out);
    default: break;
    }
    return true;
}

bool anthropic_write_event(struct event_writer *writer, struct buf *out, const struct chat_event *e)
{
    struct anthropic_writer *w = (struct anthropic_writer *)writer;
    if (w->has_ended || e->choice > 0) return true;
    switch (e->kind) {
    case CHAT_EVENT_START: return write_start(w, out, e);
    case CHAT_EVENT_BEGIN:
    case CHAT_EVENT_DELTA:
    case CHAT_EVENT_SIGNATURE:
    case CHAT_EVENT_CITATION:
    case CHAT_EVENT_TRANSCRIPT:
    case CHAT_EVENT_END: return write_part(w, out, e);
    case CHAT_EVENT_LOGPROBS: return true;
    case CHAT_EVENT_FINISH: note_finish(w, e); return true;
    case CHAT_EVENT_USAGE: w->usage = *e->usage; return true;
    case CHAT_EVENT_PING: return buf_append(out, STR("event: ping\ndata: {\"type\": \"ping\"}\n\n"));
    case CHAT_EVENT_ERROR: w->has_ended = true; return anthropic_write_error_event(out, e->error);
    case CHAT_EVENT_STOP: return write_stop(w, out, e);
    }
    return true;
}
