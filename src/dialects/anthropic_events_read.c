/* dialects/anthropic_events_read.c: a stream in Anthropic's Messages format, from a provider, as events of chat/event.h.
 * The format is nearly the neutral one: one block is open at a time and says when it begins and ends.
 *
 *     message_start ( content_block_start content_block_delta* content_block_stop )* message_delta message_stop
 *
 * with pings anywhere. Blocks that are this service's alone (tools that it runs itself) are passed over; each is told as
 * a sign of life. Deltas of arguments may be empty, and a call without any has none; some services that copy the format
 * send all arguments with the block's start. The usage at the end says only what has changed. */
#include "dialects/anthropic.h"

#include "dialects/stream.h"
#include "dialects/tool_calls.h"
#include "json/skim.h"

struct anthropic_reader {
    struct event_reader base;
    struct stream_choice choice;
    unsigned calls;
    bool is_silent;     /* the open block is not handed out */
    bool has_all_input; /* the open call's arguments came with its start */
};

struct event_reader *anthropic_open_reader(struct arena *a, const struct chat_request *request)
{
    struct anthropic_reader *r = arena_new(a, struct anthropic_reader);
    stream_init(&r->base, a, request);
    return &r->base;
}

static bool refuse(struct chat_error *err, struct str message)
{
    *err = (struct chat_error){.problem = PROBLEM_UPSTREAM, .message = message};
    return false;
}

static struct str text_of(struct anthropic_reader *r, struct json_value v)
{
    struct str text = {0};
    (void)!json_to_str(v, &r->base.scratch, &text);
    return text;
}

/* ---- the message ---- */
static void take_usage(struct anthropic_reader *r, struct json_value usage)
{
    struct usage before = r->base.usage;
    anthropic_read_usage(&r->base.usage, usage);
    if (r->base.has_started && memcmp(&before, &r->base.usage, sizeof before) != 0) stream_usage(&r->base);
}

static void take_start(struct anthropic_reader *r, struct json_value message)
{
    if (r->base.has_started) return;
    anthropic_read_usage(&r->base.usage, json_get(message, STR("usage")));
    stream_start(&r->base, text_of(r, json_get(message, STR("id"))),
                 text_of(r, json_get(message, STR("model"))), 0);
}

static void take_end(struct anthropic_reader *r, struct json_value delta, struct json_value usage)
{
    struct str word = text_of(r, json_get(delta, STR("stop_reason")));
    enum chat_finish finish = anthropic_read_finish(word);
    take_usage(r, usage);
    if (finish == FINISH_NONE) return;
    stream_finish(&r->base, &r->choice, finish, text_of(r, json_get(delta, STR("stop_sequence"))),
                  anthropic_native_finish(word, finish));
}

/* ---- blocks ---- */
static void open_call(struct anthropic_reader *r, struct json_value block)
{
    struct arena *a = &r->base.scratch;
    struct str name = text_of(r, json_get(block, STR("name"))), id = text_of(r, json_get(block, STR("id")));
    struct json_value input = json_get(block, STR("input"));
    struct json_members it;
    struct json_value key, value;
    r->calls++;
    stream_open(&r->base, &r->choice,
                &(struct chat_event){
                    .part_kind = CHAT_TOOL_CALL,
                    .id = id.len > 0 ? id : tool_id_make(STR("reply"), r->calls, a),
                    .name = tool_name_from(&TOOL_NAMES_ANTHROPIC, name, r->base.request, a),
                });
    json_members_init(&it, input);
    r->has_all_input = json_members_next(&it, &key, &value);
    if (r->has_all_input) stream_text(&r->base, &r->choice, CHAT_TOOL_CALL, input.raw);
}

static void open_thinking(struct anthropic_reader *r, struct json_value block, bool is_redacted)
{
    struct chat_part part = {0};
    struct str signature = text_of(r, json_get(block, is_redacted ? STR("data") : STR("signature")));
    anthropic_take_signature(&part, signature);
    stream_open(&r->base, &r->choice,
                &(struct chat_event){.part_kind = CHAT_THINKING,
                                     .id = part.id,
                                     .signature = part.signature,
                                     .format = part.format,
                                     .is_redacted = is_redacted});
    stream_text(&r->base, &r->choice, CHAT_THINKING, text_of(r, json_get(block, STR("thinking"))));
}

static void take_block(struct anthropic_reader *r, struct json_value block)
{
    struct str type = text_of(r, json_get(block, STR("type")));
    r->is_silent = r->has_all_input = false;
    if (str_equals(type, STR("text"))) {
        stream_open(&r->base, &r->choice, &(struct chat_event){.part_kind = CHAT_TEXT});
        stream_text(&r->base, &r->choice, CHAT_TEXT, text_of(r, json_get(block, STR("text"))));
    } else if (str_equals(type, STR("tool_use"))) {
        open_call(r, block);
    } else if (str_equals(type, STR("thinking"))) {
        open_thinking(r, block, false);
    } else if (str_equals(type, STR("redacted_thinking"))) {
        open_thinking(r, block, true);
    } else {
        stream_close_part(&r->base, &r->choice);
        r->is_silent = true;
        r->base.seen |= EVENT_CONTENT; /* the model is at work */
        if (!r->choice.is_finished) stream_ping(&r->base);
    }
}

static void take_signature(struct anthropic_reader *r, struct str signature)
{
    struct chat_part part = {0};
    if (signature.len == 0) return;
    anthropic_take_signature(&part, signature);
    if (!r->choice.is_open || r->choice.kind != CHAT_THINKING)
        stream_open(&r->base, &r->choice, &(struct chat_event){.part_kind = CHAT_THINKING});
    stream_add(
        &r->base, &r->choice,
        &(struct chat_event){
            .kind = CHAT_EVENT_SIGNATURE, .id = part.id, .signature = part.signature, .format = part.format});
}

static void take_citation(struct anthropic_reader *r, struct json_value v)
{
    struct chat_citation citation;
    if (!r->choice.is_open || r->choice.kind != CHAT_TEXT) return;
    if (anthropic_read_citation(v, &r->base.scratch, &citation))
        stream_add(&r->base, &r->choice,
                   &(struct chat_event){.kind = CHAT_EVENT_CITATION, .citation = &citation});
}

static bool take_delta(struct anthropic_reader *r, struct json_value delta, struct chat_error *err)
{
    enum { TYPE, TEXT, THINKING, INPUT, SIGNATURE, CITATION, COUNT };
    static const struct str names[COUNT] = {
        [TYPE] = STR_INIT("type"),           [TEXT] = STR_INIT("text"),
        [THINKING] = STR_INIT("thinking"),   [INPUT] = STR_INIT("partial_json"),
        [SIGNATURE] = STR_INIT("signature"), [CITATION] = STR_INIT("citation"),
    };
    struct json_value got[COUNT];
    if (delta.type != JSON_OBJECT || !json_skim(delta.raw, names, COUNT, got))
        return refuse(err, STR("An event of the stream has a malformed delta."));
    if (r->is_silent || r->choice.is_finished) return true;
    if (json_str_equals(got[TYPE], STR("text_delta"))) {
        stream_text(&r->base, &r->choice, CHAT_TEXT, text_of(r, got[TEXT]));
    } else if (json_str_equals(got[TYPE], STR("thinking_delta"))) {
        stream_text(&r->base, &r->choice, CHAT_THINKING, text_of(r, got[THINKING]));
    } else if (json_str_equals(got[TYPE], STR("signature_delta"))) {
        take_signature(r, text_of(r, got[SIGNATURE]));
    } else if (json_str_equals(got[TYPE], STR("citations_delta"))) {
        take_citation(r, got[CITATION]);
    } else if (json_str_equals(got[TYPE], STR("input_json_delta"))) {
        struct str piece = text_of(r, got[INPUT]);
        bool is_call = r->choice.is_open && r->choice.kind == CHAT_TOOL_CALL;
        if (!is_call && piece.len > 0)
            return refuse(err, STR("The stream has arguments for a call that is not open."));
        if (!r->has_all_input) stream_text(&r->base, &r->choice, CHAT_TOOL_CALL, piece);
    }
    return true;
}

/* ---- events ---- */
enum event_type { START, BLOCK, DELTA, BLOCK_END, END, STOP, PING, FAILURE, OTHER };
static enum event_type event_type(struct str name, struct json_value type)
{
    static const struct word rows[] = {
        {STR_INIT("content_block_delta"), DELTA},
        {STR_INIT("content_block_start"), BLOCK},
        {STR_INIT("content_block_stop"), BLOCK_END},
        {STR_INIT("message_start"), START},
        {STR_INIT("message_delta"), END},
        {STR_INIT("message_stop"), STOP},
        {STR_INIT("ping"), PING},
        {STR_INIT("error"), FAILURE},
    };
    static const struct words words = WORDS(rows);
    int found = OTHER;
    struct str word = json_str_raw(type);
    (void)!words_find(&words, word.len > 0 ? word : name, &found);
    return (enum event_type)found;
}

static void take_error(struct anthropic_reader *r, struct json_value error)
{
    struct chat_error e;
    anthropic_read_error(&e, error, &r->base.scratch);
    stream_tell_error(&r->base, &e);
}

static bool take_event(struct anthropic_reader *r, struct str name, struct str data, struct chat_error *err)
{
    enum { TYPE, MESSAGE, CONTENT_BLOCK, DELTAS, USAGE, ERROR, COUNT };
    static const struct str names[COUNT] = {
        [TYPE] = STR_INIT("type"),
        [MESSAGE] = STR_INIT("message"),
        [CONTENT_BLOCK] = STR_INIT("content_block"),
        [DELTAS] = STR_INIT("delta"),
        [USAGE] = STR_INIT("usage"),
        [ERROR] = STR_INIT("error"),
    };
    struct json_value got[COUNT];
    if (!json_skim(data, names, COUNT, got))
        return refuse(err, STR("An event of the stream is not a JSON object."));
    switch (event_type(name, got[TYPE])) {
    case START: take_start(r, got[MESSAGE]); break;
    case BLOCK: take_block(r, got[CONTENT_BLOCK]); break;
    case DELTA: return take_delta(r, got[DELTAS], err);
    case BLOCK_END:
        stream_close_part(&r->base, &r->choice);
        r->is_silent = false;
        break;
    case END: take_end(r, got[DELTAS], got[USAGE]); break;
    case STOP: r->base.seen |= EVENT_TERMINAL; break;
    case PING:
        if (r->base.has_started) stream_ping(&r->base);
        break;
    case FAILURE: take_error(r, got[ERROR]); break;
    case OTHER:
        if (json_exists(got[ERROR])) take_error(r, got[ERROR]);
        break;
    }
    return true;
}

bool anthropic_read_event(struct event_reader *base, struct str name, struct str data,
                          struct chat_event_sink *sink, struct chat_error *err)
{
    struct anthropic_reader *r = (struct anthropic_reader *)base;
    stream_begin(base, sink);
    if (base->seen & (EVENT_ERROR | EVENT_TERMINAL)) return true;
    if (take_event(r, name, str_trim(data), err)) return true;
    base->seen |= EVENT_MALFORMED;
    return false;
}

/* With message_stop an answer without a stop_reason is complete, too. */
enum ending anthropic_read_end(struct event_reader *base, struct chat_event_sink *sink)
{
    struct anthropic_reader *r = (struct anthropic_reader *)base;
    stream_begin(base, sink);
    if (base->seen & (EVENT_ERROR | EVENT_MALFORMED)) return ENDING_INCOMPLETE;
    bool is_ended = (base->seen & EVENT_TERMINAL) != 0 && r->choice.parts > 0;
    if (is_ended) stream_finish(base, &r->choice, FINISH_STOP, STR(""), STR(""));
    return stream_end(base);
}
