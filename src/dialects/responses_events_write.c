/* dialects/responses_events_write.c: a stream in OpenAI's Responses format, for a caller. Each event has its number, and all
 * but the first two say which item they are about:
 *
 *     response.created, response.in_progress
 *     output_item.added
 *         message    content_part.added    output_text.delta …              output_text.done     content_part.done
 *         reasoning  reasoning_summary_part.added, …_text.delta …           …_text.done, …_part.done
 *         call       function_call_arguments.delta …                        …_arguments.done
 *     output_item.done
 *     response.completed | response.incomplete         with the whole output once more
 *
 * So everything said is kept until the end, escaped as it left: the text of the open part, the closed parts of the open
 * message, the closed items. Runs of words and refusals are one message. What the events of a part have in common is
 * rendered once, as it begins; then a delta is a number, that, the text and a tail. The format has one choice: the first. */
#include "dialects/responses.h"

#include "base/check.h"
#include "base/fmt.h"
#include "dialects/data_url.h"
#include "dialects/openai_chat.h"
#include "dialects/tool_calls.h"

enum { MAX_KEPT_BYTES = 64 << 20 };

enum open_item { ITEM_NONE, ITEM_MESSAGE, ITEM_THOUGHT, ITEM_CALL };

struct responses_writer {
    struct event_writer base;
    struct response_head head;
    int64_t sequence;
    unsigned items;    /* begun so far; the open one is items - 1 */
    unsigned contents; /* of the open message, begun so far */
    enum open_item open;
    enum chat_part_kind kind; /* of the open part */
    bool has_ended, has_started;
    struct buf output;  /* closed items, with commas */
    struct buf content; /* closed parts of the open message */
    struct buf fields;  /* of the open item, rendered: id and what else never changes */
    struct buf prefix;  /* of the open part's deltas, behind the number */
    struct buf text;    /* of the open part, escaped, without quotes */
    struct buf notes;   /* its annotations, with commas */
    struct buf tokens;  /* its logprobs, the same */
    struct buf sealed;  /* a thought's encrypted_content, with quotes */
    unsigned annotations;
    struct str signature; /* Anthropic's, of a thought: for the next call's id, too */
};

struct event_writer *responses_open_writer(const struct reply_frame *frame)
{
    struct responses_writer *w = arena_new(frame->arena, struct responses_writer);
    struct buf *const bufs[] = {&w->output, &w->content, &w->fields, &w->prefix,
                                &w->text,   &w->notes,   &w->tokens, &w->sealed};
    w->base.frame = frame;
    for (size_t i = 0; i < ARRAY_COUNT(bufs); i++) buf_init(bufs[i], MAX_KEPT_BYTES);
    return &w->base;
}

void responses_close_writer(struct event_writer *writer)
{
    struct responses_writer *w = (struct responses_writer *)writer;
    struct buf *const bufs[] = {&w->output, &w->content, &w->fields, &w->prefix,
                                &w->text,   &w->notes,   &w->tokens, &w->sealed};
    for (size_t i = 0; i < ARRAY_COUNT(bufs); i++) buf_done(bufs[i]);
}

/* ---- pieces ---- */
static bool put(struct buf *out, const struct str *pieces, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) bytes += pieces[i].len;
    if (!buf_reserve(out, bytes)) return false;
    char *at = out->at + out->len;
    for (size_t i = 0; i < count; i++) at = fmt_str(at, pieces[i]);
    out->len += bytes;
    return true;
}
#define PUT(out, ...)                                                                                        \
    put(out, (const struct str[]){__VA_ARGS__},                                                              \
        sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))

static struct str digits_of(char digits[FMT_U64_BYTES], uint64_t n)
{
    return str_of(digits, (size_t)(fmt_u64(digits, n) - digits));
}

/* event: TYPE, data: {"type":TYPE,"sequence_number":N */
static bool begin_event(struct responses_writer *w, struct buf *out, struct str type)
{
    char digits[FMT_U64_BYTES];
    return PUT(out, STR("event: "), type, STR("\ndata: {\"type\":\""), type, STR("\",\"sequence_number\":"),
               digits_of(digits, (uint64_t)w->sequence++));
}

static bool end_event(struct buf *out)
{
    return buf_append(out, STR("}\n\n"));
}

static struct str inner_index(const struct responses_writer *w)
{
    return w->open == ITEM_THOUGHT ? STR(",\"summary_index\":")
           : w->open == ITEM_CALL  ? STR("")
                                   : STR(",\"content_index\":");
}

/* ,"item_id":…,"output_index":N and, of words and thoughts, the number of the content. */
static bool render_prefix(struct responses_writer *w, struct str id)
{
    char item[FMT_U64_BYTES], content[FMT_U64_BYTES];
    buf_clear(&w->prefix);
    unsigned index = w->open == ITEM_MESSAGE ? w->contents - 1 : 0;
    struct str inner = inner_index(w);
    return buf_append(&w->prefix, STR(",\"item_id\":")) && json_append_str(&w->prefix, id) &&
           PUT(&w->prefix, STR(",\"output_index\":"), digits_of(item, w->items - 1), inner,
               inner.len > 0 ? digits_of(content, index) : STR(""));
}

/* A delta of the open part; what left is kept. */
static bool write_delta(struct responses_writer *w, struct buf *out, struct str type, struct str text,
                        struct str tail)
{
    if (!begin_event(w, out, type) || !PUT(out, buf_str(&w->prefix), STR(",\"delta\":"))) return false;
    size_t from = out->len + 1;
    if (!json_append_str(out, text)) return false;
    return buf_append(&w->text, str_of(out->at + from, out->len - 1 - from)) && buf_append(out, tail);
}

/* ---- items ---- */
/* The open item as it stands: in progress, or as it has become. */
static bool put_item(struct responses_writer *w, struct buf *out, struct str status)
{
    struct str fields = buf_str(&w->fields), text = buf_str(&w->text);
    bool is_over = status.len > 0;
    struct str word = is_over ? status : STR("in_progress");
    switch (w->open) {
    case ITEM_MESSAGE:
        return PUT(out, STR("{"), fields, STR(",\"type\":\"message\",\"status\":\""), word,
                   STR("\",\"content\":["), is_over ? buf_str(&w->content) : STR(""),
                   STR("],\"role\":\"assistant\"}"));
    case ITEM_THOUGHT: {
        bool has_text = is_over && text.len > 0, has_seal = is_over && w->sealed.len > 0;
        return PUT(out, STR("{"), fields, STR(",\"type\":\"reasoning\",\"summary\":["),
                   has_text ? STR("{\"type\":\"summary_text\",\"text\":\"") : STR(""),
                   has_text ? text : STR(""), has_text ? STR("\"}]") : STR("]"),
                   has_seal ? STR(",\"encrypted_content\":") : STR(""),
                   has_seal ? buf_str(&w->sealed) : STR(""), STR("}"));
    }
    case ITEM_CALL:
        return PUT(out, STR("{"), fields, STR(",\"type\":\"function_call\",\"status\":\""), word,
                   STR("\",\"arguments\":\""), is_over ? text : STR(""), STR("\"}"));
    case ITEM_NONE: break;
    }
    return true;
}

static bool write_item(struct responses_writer *w, struct buf *out, struct str status)
{
    char digits[FMT_U64_BYTES];
    struct str type = status.len > 0 ? STR("response.output_item.done") : STR("response.output_item.added");
    return begin_event(w, out, type) &&
           PUT(out, STR(",\"output_index\":"), digits_of(digits, w->items - 1), STR(",\"item\":")) &&
           put_item(w, out, status) && end_event(out);
}

static bool keep_comma(struct buf *b)
{
    return b->len == 0 || buf_append_char(b, ',');
}

static bool close_item(struct responses_writer *w, struct buf *out, struct str status)
{
    if (w->open == ITEM_NONE) return true;
    bool fits = write_item(w, out, status) && keep_comma(&w->output) && put_item(w, &w->output, status);
    w->open = ITEM_NONE;
    buf_clear(&w->content);
    buf_clear(&w->text);
    buf_clear(&w->sealed);
    return fits;
}

static bool begin_item(struct responses_writer *w, enum open_item kind, struct str id)
{
    w->open = kind;
    w->items++;
    w->contents = 0;
    buf_clear(&w->fields);
    buf_clear(&w->text);
    return buf_append(&w->fields, STR("\"id\":")) && json_append_str(&w->fields, id);
}

/* "msg_abc_3" in `room`. */
enum { ITEM_ID_BYTES = 160 };
static struct str item_id(const struct responses_writer *w, const char *prefix, char room[ITEM_ID_BYTES])
{
    char *at = fmt_str(room, str_from_cstr(prefix));
    at = fmt_str(at, str_part(w->base.frame->id, 0, 128));
    *at++ = '_';
    return str_of(room, (size_t)(fmt_u64(at, w->open == ITEM_NONE ? w->items : w->items - 1) - room));
}

/* ---- messages ---- */
static bool put_content(struct responses_writer *w, struct buf *out, bool is_over)
{
    struct str text = is_over ? buf_str(&w->text) : STR("");
    if (w->kind == CHAT_REFUSAL)
        return PUT(out, STR("{\"type\":\"refusal\",\"refusal\":\""), text, STR("\"}"));
    return PUT(out, STR("{\"type\":\"output_text\",\"annotations\":["),
               is_over ? buf_str(&w->notes) : STR(""), STR("],\"logprobs\":["),
               is_over ? buf_str(&w->tokens) : STR(""), STR("],\"text\":\""), text, STR("\"}"));
}

static bool begin_words(struct responses_writer *w, struct buf *out)
{
    char room[ITEM_ID_BYTES];
    bool fits = true;
    if (w->open != ITEM_MESSAGE) {
        fits = close_item(w, out, STR("completed"));
        struct str id = item_id(w, "msg_", room);
        fits = fits && begin_item(w, ITEM_MESSAGE, id) && write_item(w, out, STR(""));
    }
    w->contents++;
    buf_clear(&w->text);
    buf_clear(&w->notes);
    buf_clear(&w->tokens);
    w->annotations = 0;
    return fits && render_prefix(w, item_id(w, "msg_", room)) &&
           begin_event(w, out, STR("response.content_part.added")) &&
           PUT(out, buf_str(&w->prefix), STR(",\"part\":")) && put_content(w, out, false) && end_event(out);
}

static bool end_words(struct responses_writer *w, struct buf *out)
{
    bool is_refusal = w->kind == CHAT_REFUSAL;
    struct str prefix = buf_str(&w->prefix);
    bool fits = begin_event(w, out,
                            is_refusal ? STR("response.refusal.done") : STR("response.output_text.done")) &&
                PUT(out, prefix, is_refusal ? STR(",\"refusal\":\"") : STR(",\"text\":\""), buf_str(&w->text),
                    STR("\""), is_refusal ? STR("") : STR(",\"logprobs\":["),
                    is_refusal ? STR("") : buf_str(&w->tokens), is_refusal ? STR("") : STR("]")) &&
                end_event(out);
    return fits && begin_event(w, out, STR("response.content_part.done")) &&
           PUT(out, prefix, STR(",\"part\":")) && put_content(w, out, true) && end_event(out) &&
           keep_comma(&w->content) && put_content(w, &w->content, true);
}

/* ---- thoughts ---- */
static bool keep_seal(struct responses_writer *w, const struct chat_event *e, bool is_redacted)
{
    struct arena scratch;
    arena_init(&scratch);
    buf_clear(&w->sealed);
    bool fits = e->signature.len == 0 ||
                json_append_str(&w->sealed, responses_seal(e->signature, e->format, is_redacted, &scratch));
    arena_done(&scratch);
    if (e->format != CHAT_FORMAT_ANTHROPIC || is_redacted || e->signature.len > TOOL_ID_MAX_SIGNATURE)
        return fits;
    if (w->signature.len == 0) w->signature = arena_copy(w->base.frame->arena, e->signature);
    return fits;
}

static bool begin_thought(struct responses_writer *w, struct buf *out, const struct chat_event *e)
{
    char room[ITEM_ID_BYTES];
    if (!close_item(w, out, STR("completed"))) return false;
    struct str id = e->id.len > 0 ? e->id : item_id(w, "rs_", room);
    return begin_item(w, ITEM_THOUGHT, id) && keep_seal(w, e, e->is_redacted) && render_prefix(w, id) &&
           write_item(w, out, STR(""));
}

static bool write_thought(struct responses_writer *w, struct buf *out, struct str text)
{
    if (w->text.len == 0 &&
        !(begin_event(w, out, STR("response.reasoning_summary_part.added")) &&
          PUT(out, buf_str(&w->prefix), STR(",\"part\":{\"type\":\"summary_text\",\"text\":\"\"}")) &&
          end_event(out)))
        return false;
    return write_delta(w, out, STR("response.reasoning_summary_text.delta"), text, STR("}\n\n"));
}

static bool end_thought(struct responses_writer *w, struct buf *out)
{
    struct str prefix = buf_str(&w->prefix), text = buf_str(&w->text);
    if (text.len > 0 &&
        !(begin_event(w, out, STR("response.reasoning_summary_text.done")) &&
          PUT(out, prefix, STR(",\"text\":\""), text, STR("\"")) && end_event(out) &&
          begin_event(w, out, STR("response.reasoning_summary_part.done")) &&
          PUT(out, prefix, STR(",\"part\":{\"type\":\"summary_text\",\"text\":\""), text, STR("\"}")) &&
          end_event(out)))
        return false;
    return close_item(w, out, STR("completed"));
}

/* ---- calls ---- */
static bool begin_call(struct responses_writer *w, struct buf *out, const struct chat_event *e)
{
    char room[ITEM_ID_BYTES];
    struct arena scratch;
    if (!close_item(w, out, STR("completed"))) return false;
    struct str id = item_id(w, "fc_", room);
    bool is_own = e->signature.len > 0;
    arena_init(&scratch);
    struct str call_id = tool_id_join(e->id, is_own ? e->signature : w->signature,
                                      is_own ? e->format : CHAT_FORMAT_ANTHROPIC, &scratch);
    w->signature = (struct str){0};
    bool fits = begin_item(w, ITEM_CALL, id) && buf_append(&w->fields, STR(",\"call_id\":")) &&
                json_append_str(&w->fields, call_id) && buf_append(&w->fields, STR(",\"name\":"));
    size_t name = w->fields.len;
    fits = fits && json_append_str(&w->fields, e->name) && render_prefix(w, id) &&
           write_item(w, out, STR(""));
    arena_done(&scratch);
    buf_clear(&w->notes); /* the name, for the end */
    return fits && buf_append(&w->notes, str_from(buf_str(&w->fields), name));
}

static bool write_arguments(struct responses_writer *w, struct buf *out, struct str text)
{
    return write_delta(w, out, STR("response.function_call_arguments.delta"), text, STR("}\n\n"));
}

static bool end_call(struct responses_writer *w, struct buf *out)
{
    if (w->text.len == 0 && !write_arguments(w, out, STR("{}"))) return false;
    return begin_event(w, out, STR("response.function_call_arguments.done")) &&
           PUT(out, buf_str(&w->prefix), STR(",\"name\":"), buf_str(&w->notes), STR(",\"arguments\":\""),
               buf_str(&w->text), STR("\"")) &&
           end_event(out) && close_item(w, out, STR("completed"));
}

/* ---- images ---- */
static bool put_image(struct buf *out, struct str id, const struct chat_media *m, bool is_over)
{
    struct str format = media_subtype(m->mime);
    return buf_append(out, STR("{\"id\":")) && json_append_str(out, id) &&
           PUT(out, STR(",\"type\":\"image_generation_call\",\"status\":\""),
               is_over ? STR("completed\"") : STR("in_progress\"")) &&
           (format.len == 0 ||
            (buf_append(out, STR(",\"output_format\":")) && json_append_str(out, format))) &&
           buf_append(out, STR(",\"result\":")) &&
           (is_over ? json_append_str(out, m->data) : buf_append(out, STR("null"))) &&
           buf_append(out, STR("}"));
}

static bool write_image(struct responses_writer *w, struct buf *out, const struct chat_media *m)
{
    static const struct str types[] = {STR_INIT("response.output_item.added"),
                                       STR_INIT("response.output_item.done")};
    char room[ITEM_ID_BYTES], digits[FMT_U64_BYTES];
    if (m->data.len == 0) return true;
    if (!close_item(w, out, STR("completed"))) return false;
    struct str id = m->id.len > 0 ? m->id : item_id(w, "ig_", room);
    struct str index = digits_of(digits, w->items++);
    for (size_t i = 0; i < ARRAY_COUNT(types); i++)
        if (!begin_event(w, out, types[i]) ||
            !PUT(out, STR(",\"output_index\":"), index, STR(",\"item\":")) || !put_image(out, id, m, i > 0) ||
            !end_event(out))
            return false;
    return keep_comma(&w->output) && put_image(&w->output, id, m, true);
}

/* ---- the response ---- */
static bool write_response(struct responses_writer *w, struct buf *out, struct str type)
{
    struct json_writer jw;
    if (!begin_event(w, out, type) || !buf_append(out, STR(",\"response\":"))) return false;
    json_writer_init(&jw, out, 0);
    responses_begin_response(&jw, &w->head);
    json_write_key(&jw, STR("output"));
    struct arena scratch;
    arena_init(&scratch);
    const struct str pieces[] = {STR("["), buf_str(&w->output), STR("]")};
    json_write_raw(&jw, arena_join(&scratch, pieces, ARRAY_COUNT(pieces)));
    responses_end_response(&jw, &w->head);
    arena_done(&scratch);
    return json_writer_finish(&jw) && end_event(out);
}

static bool write_start(struct responses_writer *w, struct buf *out, const struct chat_event *e)
{
    struct arena *a = w->base.frame->arena;
    if (w->has_started) return true;
    w->has_started = true;
    w->head = (struct response_head){.frame = w->base.frame,
                                     .id = arena_copy(a, e->id),
                                     .model = arena_copy(a, e->name),
                                     .created_s = e->created_s};
    return write_response(w, out, STR("response.created")) &&
           write_response(w, out, STR("response.in_progress"));
}

static bool write_stop(struct responses_writer *w, struct buf *out, const struct chat_event *e)
{
    bool is_cut = str_equals(responses_status_word(w->head.finish), STR("incomplete"));
    w->has_ended = true;
    w->head.is_over = true;
    w->head.usage = e->usage;
    return write_response(w, out, is_cut ? STR("response.incomplete") : STR("response.completed"));
}

/* ---- events ---- */
static bool write_begin(struct responses_writer *w, struct buf *out, const struct chat_event *e)
{
    w->kind = e->part_kind;
    switch (e->part_kind) {
    case CHAT_TEXT:
    case CHAT_REFUSAL: return begin_words(w, out);
    case CHAT_THINKING: return begin_thought(w, out, e);
    case CHAT_TOOL_CALL: return begin_call(w, out, e);
    case CHAT_IMAGE: return !e->media || write_image(w, out, e->media);
    case CHAT_TOOL_RESULT:
    case CHAT_AUDIO:
    case CHAT_VIDEO:
    case CHAT_DOCUMENT:
    case CHAT_OTHER: break;
    }
    return true;
}

static bool write_text(struct responses_writer *w, struct buf *out, struct str text)
{
    switch (w->kind) {
    case CHAT_TEXT:
        return write_delta(w, out, STR("response.output_text.delta"), text, STR(",\"logprobs\":[]}\n\n"));
    case CHAT_REFUSAL: return write_delta(w, out, STR("response.refusal.delta"), text, STR("}\n\n"));
    case CHAT_THINKING: return write_thought(w, out, text);
    case CHAT_TOOL_CALL: return write_arguments(w, out, text);
    case CHAT_TOOL_RESULT:
    case CHAT_IMAGE:
    case CHAT_AUDIO:
    case CHAT_VIDEO:
    case CHAT_DOCUMENT:
    case CHAT_OTHER: break;
    }
    return true;
}

static bool write_end(struct responses_writer *w, struct buf *out)
{
    switch (w->kind) {
    case CHAT_TEXT:
    case CHAT_REFUSAL: return end_words(w, out);
    case CHAT_THINKING: return end_thought(w, out);
    case CHAT_TOOL_CALL: return end_call(w, out);
    case CHAT_TOOL_RESULT:
    case CHAT_IMAGE:
    case CHAT_AUDIO:
    case CHAT_VIDEO:
    case CHAT_DOCUMENT:
    case CHAT_OTHER: break;
    }
    return true;
}

static bool write_citation(struct responses_writer *w, struct buf *out, const struct chat_citation *c)
{
    struct json_writer jw;
    char digits[FMT_U64_BYTES];
    if (w->kind != CHAT_TEXT || c->url.len == 0) return true;
    if (!keep_comma(&w->notes)) return false;
    size_t from = w->notes.len;
    json_writer_init(&jw, &w->notes, 0);
    responses_put_citation(&jw, c);
    return json_writer_finish(&jw) && begin_event(w, out, STR("response.output_text.annotation.added")) &&
           PUT(out, buf_str(&w->prefix), STR(",\"annotation_index\":"), digits_of(digits, w->annotations++),
               STR(",\"annotation\":"), str_from(buf_str(&w->notes), from)) &&
           end_event(out);
}

/* Tokens come behind the words that they are of: with a delta that adds no words. */
static bool write_tokens(struct responses_writer *w, struct buf *out, const struct chat_token *tokens)
{
    struct json_writer jw;
    struct buf list;
    if (w->kind != CHAT_TEXT) return true;
    buf_init(&list, MAX_KEPT_BYTES);
    json_writer_init(&jw, &list, 0);
    openai_write_tokens(&jw, tokens);
    bool fits = json_writer_finish(&jw);
    struct str inside = fits ? str_part(buf_str(&list), 1, list.len - 2) : (struct str){0};
    fits = fits && (inside.len == 0 || (keep_comma(&w->tokens) && buf_append(&w->tokens, inside))) &&
           begin_event(w, out, STR("response.output_text.delta")) &&
           PUT(out, buf_str(&w->prefix), STR(",\"delta\":\"\",\"logprobs\":"), buf_str(&list)) &&
           end_event(out);
    buf_done(&list);
    return fits;
}

static bool write_finish(struct responses_writer *w, struct buf *out, const struct chat_event *e)
{
    w->head.finish = e->finish;
    return close_item(w, out, responses_status_word(e->finish));
}

static bool write_error(struct responses_writer *w, struct buf *out, const struct chat_error *error)
{
    w->has_ended = true;
    return responses_put_error_event(out, error, w->sequence++);
}

bool responses_write_event(struct event_writer *writer, struct buf *out, const struct chat_event *e)
{
    struct responses_writer *w = (struct responses_writer *)writer;
    if (w->has_ended || e->choice > 0) return true;
    switch (e->kind) {
    case CHAT_EVENT_START: return write_start(w, out, e);
    case CHAT_EVENT_BEGIN: return write_begin(w, out, e);
    case CHAT_EVENT_DELTA: return write_text(w, out, e->text);
    case CHAT_EVENT_SIGNATURE: return w->open != ITEM_THOUGHT || keep_seal(w, e, false);
    case CHAT_EVENT_CITATION: return write_citation(w, out, e->citation);
    case CHAT_EVENT_LOGPROBS: return write_tokens(w, out, e->logprobs);
    case CHAT_EVENT_END: return write_end(w, out);
    case CHAT_EVENT_FINISH: return write_finish(w, out, e);
    case CHAT_EVENT_PING: return buf_append(out, STR(": keep-alive\n\n"));
    case CHAT_EVENT_ERROR: return write_error(w, out, e->error);
    case CHAT_EVENT_STOP: return write_stop(w, out, e);
    case CHAT_EVENT_TRANSCRIPT:
    case CHAT_EVENT_USAGE: break;
    }
    return true;
}
