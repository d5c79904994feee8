/* dialects/openai_events_read.c: a stream in OpenAI's chat format, from a provider, as events of chat/event.h.
 *
 * The format has no parts, only deltas: words, thoughts, pieces of arguments by a call's index. A part begins with its
 * first delta and ends when another begins, so most is stream_text()'s work. Calls are the exception: services may send
 * pieces of several calls by turns, and only one part may be open. The first call stays open until its arguments are a
 * complete JSON value; pieces of others wait in memory until then, or until the finish:
 *
 *     index 0: {"a"     index 1: {"b"     index 0: :1}     index 1: :2}
 *     BEGIN 0 DELTA     (waits)           DELTA END        BEGIN 1 DELTA DELTA …
 *
 * Seen on the way: an index missing (Mistral), the same index for every call (told apart by id), ids that are empty,
 * finish reasons that come twice (OpenRouter), usage in three places. */
#include "dialects/openai_chat.h"

#include "dialects/openai_observe.h"
#include "dialects/openai_usage.h"
#include "dialects/stream.h"
#include "dialects/tool_calls.h"
#include "json/skim.h"

enum { MAX_CALLS = 256, MAX_WAITING_BYTES = 8 << 20, MAX_ID_BYTES = 32 * 1024, MAX_HELD_SIGNATURES = 32 };

/* Is a text of pieces a complete JSON object yet? */
struct json_progress {
    int64_t depth;
    bool has_begun, in_string, is_escaped;
};

struct call_state {
    struct call_state *next;
    int64_t index;
    uint64_t id_hash;
    struct str id, name, signature; /* copies, while it waits */
    enum { CALL_WAITS, CALL_OPEN, CALL_ENDED } phase;
    struct json_progress progress;
    struct buf waiting; /* arguments that came before it could begin */
};

struct choice_state {
    struct choice_state *next;
    struct stream_choice c;
    struct call_state *calls, *last_call;
    struct call_state *open; /* NULL: the open part, if any, is no call */
    unsigned call_count;
    bool is_waiting; /* some call waits */
    bool is_signed;  /* the open thought has its signature: it has ended */
};

struct held_signature { /* Gemini's, of a call that has not begun */
    struct held_signature *next;
    struct str id, signature;
};

struct openai_reader {
    struct event_reader base;
    struct choice_state *choices;
    struct held_signature *held;
    struct str id; /* the reply's, for calls without one */
    unsigned choice_count, held_count, calls;
};

struct event_reader *openai_chat_open_reader(struct arena *a, const struct chat_request *request)
{
    struct openai_reader *r = arena_new(a, struct openai_reader);
    stream_init(&r->base, a, request);
    return &r->base;
}

void openai_chat_close_reader(struct event_reader *base)
{
    struct openai_reader *r = (struct openai_reader *)base;
    for (struct choice_state *c = r->choices; c; c = c->next)
        for (struct call_state *call = c->calls; call; call = call->next) buf_done(&call->waiting);
    stream_done(base);
}

static bool refuse(struct chat_error *err, struct str message)
{
    *err = (struct chat_error){.problem = PROBLEM_UPSTREAM, .message = message};
    return false;
}

/* NULL: more choices than anybody may ask for. */
static struct choice_state *choice_at(struct openai_reader *r, int64_t index)
{
    struct choice_state **at = &r->choices;
    while (*at && (*at)->c.index != index) at = &(*at)->next;
    if (*at || index < 0 || index >= STREAM_MAX_CHOICES) return *at;
    *at = arena_new(r->base.arena, struct choice_state);
    (*at)->c.index = (unsigned)index;
    return *at;
}

/* ---- calls ---- */
static bool progress_is_complete(const struct json_progress *p)
{
    return p->has_begun && p->depth <= 0 && !p->in_string;
}

static void progress_take(struct json_progress *p, struct str piece)
{
    for (size_t i = 0; i < piece.len; i++) {
        char c = piece.at[i];
        if (p->in_string) {
            if (p->is_escaped)
                p->is_escaped = false;
            else if (c == '\\')
                p->is_escaped = true;
            else if (c == '"')
                p->in_string = false;
        } else if (c == '"') {
            p->in_string = p->has_begun = true;
        } else if (c == '{' || c == '[') {
            p->depth++;
            p->has_begun = true;
        } else if (c == '}' || c == ']') {
            p->depth--;
        }
    }
}

static struct str take_held(struct openai_reader *r, struct str id)
{
    for (struct held_signature **at = &r->held; *at; at = &(*at)->next)
        if (str_equals((*at)->id, id)) {
            struct str signature = (*at)->signature;
            *at = (*at)->next;
            return signature;
        }
    return (struct str){0};
}

static void open_call(struct openai_reader *r, struct choice_state *c, struct call_state *call)
{
    enum chat_format format = CHAT_FORMAT_GEMINI;
    struct str signature = call->signature.len > 0 ? call->signature : take_held(r, call->id);
    if (tool_id_split(&call->id, &signature, &format) && format != CHAT_FORMAT_GEMINI)
        signature = (struct str){0};
    struct str id = call->id.len > 0 ? call->id : tool_id_make(r->id, r->calls, &r->base.scratch);
    r->calls++;
    call->phase = CALL_OPEN;
    c->open = call;
    struct chat_event begin = {
        .part_kind = CHAT_TOOL_CALL,
        .id = id,
        .name = tool_name_from(&TOOL_NAMES_OPENAI, call->name, r->base.request, &r->base.scratch),
        .signature = signature,
        .format = signature.len > 0 ? CHAT_FORMAT_GEMINI : CHAT_FORMAT_NONE};
    stream_open(&r->base, &c->c, &begin);
}

static void more_arguments(struct openai_reader *r, struct choice_state *c, struct call_state *call,
                           struct str piece)
{
    progress_take(&call->progress, piece);
    stream_text(&r->base, &c->c, CHAT_TOOL_CALL, piece);
}

static void end_open_call(struct openai_reader *r, struct choice_state *c)
{
    if (!c->open) return;
    c->open->phase = CALL_ENDED;
    c->open = NULL;
    stream_close_part(&r->base, &c->c);
}

/* Those that wait, one after the other: all of them, or as long as one is complete before the next. */
static void open_waiting(struct openai_reader *r, struct choice_state *c, bool all)
{
    for (struct call_state *call = c->calls; call && c->is_waiting; call = call->next) {
        if (call->phase != CALL_WAITS) continue;
        if (!all && c->open && !progress_is_complete(&c->open->progress)) return;
        end_open_call(r, c);
        open_call(r, c, call);
        more_arguments(r, c, call, buf_str(&call->waiting));
        buf_done(&call->waiting);
    }
    c->is_waiting = false;
}

static struct call_state *find_call(struct choice_state *c, const struct openai_call *d)
{
    struct call_state *call = NULL;
    if (d->index < 0) { /* a new one names itself */
        call = d->name.len > 0 ? NULL : c->last_call;
    } else if (c->open && c->open->index == d->index) {
        call = c->open;
    } else {
        for (struct call_state *at = c->calls; at; at = at->next)
            if (at->index == d->index) call = at;
    }
    bool is_another = call && d->id.len > 0 && d->name.len > 0 && call->id_hash != str_hash(d->id);
    return is_another ? NULL : call;
}

static struct call_state *add_call(struct openai_reader *r, struct choice_state *c,
                                   const struct openai_call *d)
{
    struct call_state *call = arena_new(r->base.arena, struct call_state);
    buf_init(&call->waiting, MAX_WAITING_BYTES);
    call->index = d->index >= 0 ? d->index : c->call_count;
    call->id_hash = str_hash(d->id);
    call->id = arena_copy(r->base.arena, d->id);
    call->name = arena_copy(r->base.arena, d->name);
    call->signature = arena_copy(r->base.arena, d->signature);
    if (c->last_call)
        c->last_call->next = call;
    else
        c->calls = call;
    c->last_call = call;
    c->call_count++;
    return call;
}

static bool take_call(struct openai_reader *r, struct choice_state *c, const struct openai_call *d,
                      struct chat_error *err)
{
    struct call_state *call = find_call(c, d);
    if (!call && d->name.len == 0) /* nothing that could begin */
        return str_trim(d->arguments).len == 0 ||
               refuse(err, STR("The stream has arguments for a call without a name."));
    if (!call) {
        if (c->call_count == MAX_CALLS || d->id.len + d->name.len + d->signature.len > MAX_ID_BYTES)
            return refuse(err, STR("The stream has more calls, or longer names, than are taken."));
        call = add_call(r, c, d);
        bool must_wait = c->open && !progress_is_complete(&c->open->progress);
        if (!must_wait) {
            end_open_call(r, c);
            open_call(r, c, call);
        }
        c->is_waiting = c->is_waiting || must_wait;
    }
    switch (call->phase) {
    case CALL_OPEN:
        more_arguments(r, c, call, d->arguments);
        open_waiting(r, c, false);
        return true;
    case CALL_WAITS:
        return buf_append(&call->waiting, d->arguments) ||
               refuse(err, STR("The stream has more arguments of calls by turns than are taken."));
    case CALL_ENDED: break;
    }
    return str_trim(d->arguments).len == 0 ||
           refuse(err, STR("The stream has arguments for a call that has ended."));
}

/* ---- deltas ---- */
/* Words that are no call end the open one. */
static void say(struct openai_reader *r, struct choice_state *c, enum chat_part_kind kind, struct str text)
{
    if (text.len == 0) return;
    if (c->open) end_open_call(r, c);
    if (c->is_signed) stream_close_part(&r->base, &c->c);
    c->is_signed = false;
    stream_text(&r->base, &c->c, kind, text);
}

static void hold(struct openai_reader *r, const struct chat_part *p)
{
    if (r->held_count++ >= MAX_HELD_SIGNATURES || p->id.len + p->signature.len > MAX_ID_BYTES) return;
    struct held_signature *h = arena_new(r->base.arena, struct held_signature);
    *h = (struct held_signature){.next = r->held,
                                 .id = arena_copy(r->base.arena, p->id),
                                 .signature = arena_copy(r->base.arena, p->signature)};
    r->held = h;
}

/* A signature is the open thought's; what is encrypted is a part of its own, but where OpenAI signs with it. */
static void take_signature(struct openai_reader *r, struct choice_state *c, const struct chat_part *p)
{
    bool is_open = c->c.is_open && c->c.kind == CHAT_THINKING && !c->is_signed;
    struct chat_event e = {.kind = CHAT_EVENT_SIGNATURE,
                           .part_kind = CHAT_THINKING,
                           .id = p->id,
                           .signature = p->signature,
                           .format = p->format};
    if (is_open && (!p->is_redacted || p->format == CHAT_FORMAT_OPENAI_RESPONSES)) {
        stream_add(&r->base, &c->c, &e);
        c->is_signed = true;
        return;
    }
    if (c->open) end_open_call(r, c);
    e.is_redacted = p->is_redacted;
    stream_open(&r->base, &c->c, &e);
    c->is_signed = true;
}

/* "reasoning" and "reasoning_details" say the same words; signatures stand in the latter alone. */
static void take_details(struct openai_reader *r, struct choice_state *c, const struct chat_parts *details,
                         bool has_words)
{
    for (const struct chat_part *p = details->first; p; p = p->next) {
        if (p->is_redacted && p->format == CHAT_FORMAT_GEMINI && p->id.len > 0) {
            hold(r, p);
            continue;
        }
        if (!has_words) say(r, c, CHAT_THINKING, p->text);
        if (p->signature.len > 0) take_signature(r, c, p);
    }
}

static void take_parts(struct openai_reader *r, struct choice_state *c, const struct chat_parts *parts)
{
    for (const struct chat_part *p = parts->first; p; p = p->next) {
        if (!p->media) {
            if (p->kind != CHAT_OTHER) say(r, c, p->kind, p->text);
            continue;
        }
        if (c->open) end_open_call(r, c);
        c->is_signed = false;
        stream_open(&r->base, &c->c, &(struct chat_event){.part_kind = p->kind, .media = p->media});
        stream_close_part(&r->base, &c->c);
    }
}

static void take_sound(struct openai_reader *r, struct choice_state *c, const struct chat_media *sound)
{
    bool is_open = c->c.is_open && c->c.kind == CHAT_AUDIO;
    if (sound->id.len + sound->data.len + sound->text.len == 0) return;
    if (c->open) end_open_call(r, c);
    c->is_signed = false;
    const struct chat_media begun = {.id = sound->id, .expires_s = sound->expires_s};
    if (!is_open)
        stream_open(&r->base, &c->c, &(struct chat_event){.part_kind = CHAT_AUDIO, .media = &begun});
    stream_text(&r->base, &c->c, CHAT_AUDIO, sound->data);
    if (sound->text.len > 0)
        stream_add(&r->base, &c->c, &(struct chat_event){.kind = CHAT_EVENT_TRANSCRIPT, .text = sound->text});
}

static void take_citations(struct openai_reader *r, struct choice_state *c, struct json_value annotations)
{
    struct json_items it;
    struct json_value item;
    struct chat_citation citation;
    json_items_init(&it, annotations);
    while (c->c.is_open && c->c.kind == CHAT_TEXT && json_items_next(&it, &item))
        if (openai_read_citation(item, &r->base.scratch, &citation))
            stream_add(&r->base, &c->c,
                       &(struct chat_event){.kind = CHAT_EVENT_CITATION, .citation = &citation});
}

struct delta {
    struct str reasoning_content, reasoning, refusal;
    struct chat_parts details, parts, images;
    struct chat_media sound;
    struct json_value calls, annotations;
    struct openai_call old_call;
};

static bool read_details(struct reading *reading, void *into, struct json_value v)
{
    return openai_read_details(reading, &((struct delta *)into)->details, v);
}

static bool read_content(struct reading *reading, void *into, struct json_value v)
{
    return openai_read_content(reading, &((struct delta *)into)->parts, v);
}

static bool read_images(struct reading *reading, void *into, struct json_value v)
{
    return openai_read_content(reading, &((struct delta *)into)->images, v);
}

static bool read_sound(struct reading *reading, void *into, struct json_value v)
{
    return openai_read_sound(reading, &((struct delta *)into)->sound, v);
}

static bool read_old_call(struct reading *reading, void *into, struct json_value v)
{
    return openai_read_function_call(reading, &((struct delta *)into)->old_call, v);
}

static const struct member delta_rows[] = {
    MEMBER_CALL("content", read_content),
    MEMBER_AT("reasoning_content", MEMBER_STR, struct delta, reasoning_content),
    MEMBER_AT("reasoning", MEMBER_STR, struct delta, reasoning),
    MEMBER_CALL("reasoning_details", read_details),
    MEMBER_AT("refusal", MEMBER_STR, struct delta, refusal),
    MEMBER_AT("tool_calls", MEMBER_VALUE, struct delta, calls),
    MEMBER_CALL("function_call", read_old_call),
    MEMBER_CALL("audio", read_sound),
    MEMBER_CALL("images", read_images),
    MEMBER_AT("annotations", MEMBER_VALUE, struct delta, annotations),
};
static const struct members delta_members = MEMBERS(delta_rows);

static bool take_calls(struct openai_reader *r, struct choice_state *c, struct reading *reading,
                       const struct delta *d)
{
    struct json_items it;
    struct json_value item;
    struct openai_call call;
    json_items_init(&it, d->calls);
    while (json_items_next(&it, &item))
        if (!openai_read_call(reading, item, &call) || !take_call(r, c, &call, reading->err)) return false;
    call = d->old_call;
    call.index = 0;
    return !it.is_malformed &&
           (call.name.len + call.arguments.len == 0 || take_call(r, c, &call, reading->err));
}

static bool take_delta(struct openai_reader *r, struct choice_state *c, struct json_value value,
                       struct chat_error *err)
{
    struct reading reading;
    struct delta d = {.old_call = {.index = -1}};
    reading_init(&reading, &r->base.scratch, err, true);
    if (!read_members(&reading, value, &delta_members, &d)) return false;
    struct str words = d.reasoning_content.len > 0 ? d.reasoning_content : d.reasoning;
    say(r, c, CHAT_THINKING, words);
    take_details(r, c, &d.details, words.len > 0);
    take_parts(r, c, &d.parts);
    take_citations(r, c, d.annotations);
    say(r, c, CHAT_REFUSAL, d.refusal);
    take_sound(r, c, &d.sound);
    take_parts(r, c, &d.images);
    return take_calls(r, c, &reading, &d);
}

/* ---- events ---- */
static void finish(struct openai_reader *r, struct choice_state *c, struct json_value word,
                   struct json_value native)
{
    struct str said = {0}, theirs = {0};
    (void)!json_to_str(word, &r->base.scratch, &said);
    (void)!json_to_str(native, &r->base.scratch, &theirs);
    enum chat_finish why = openai_read_finish(said);
    if (why == FINISH_NONE) return;
    if (theirs.len == 0 && !str_equals(said, openai_finish_word(why))) theirs = said;
    open_waiting(r, c, true);
    end_open_call(r, c);
    stream_finish(&r->base, &c->c, why, STR(""), theirs);
}

static bool take_choice(struct openai_reader *r, struct json_value choice, struct chat_error *err)
{
    enum { INDEX, DELTA, FINISH, NATIVE, LOGPROBS, TEXT, COUNT };
    static const struct str names[COUNT] = {
        [INDEX] = STR_INIT("index"),          [DELTA] = STR_INIT("delta"),
        [FINISH] = STR_INIT("finish_reason"), [NATIVE] = STR_INIT("native_finish_reason"),
        [LOGPROBS] = STR_INIT("logprobs"),    [TEXT] = STR_INIT("text"),
    };
    struct json_value got[COUNT];
    struct str text = {0};
    int64_t index = 0;
    if (choice.type != JSON_OBJECT || !json_skim(choice.raw, names, COUNT, got))
        return refuse(err, STR("An event of the stream has a malformed choice."));
    (void)!json_to_i64(got[INDEX], &index);
    struct choice_state *c = choice_at(r, index);
    if (!c) return refuse(err, STR("The stream has more choices than are taken."));
    if (c->c.is_finished) return true;
    if (got[DELTA].type == JSON_OBJECT && !take_delta(r, c, got[DELTA], err)) return false;
    if (got[DELTA].type != JSON_OBJECT && json_to_str(got[TEXT], &r->base.scratch, &text))
        say(r, c, CHAT_TEXT, text);
    if (got[LOGPROBS].type == JSON_OBJECT && c->c.is_open) {
        struct chat_event e = {.kind = CHAT_EVENT_LOGPROBS};
        e.logprobs = openai_read_logprobs(got[LOGPROBS], &r->base.scratch);
        if (e.logprobs) stream_add(&r->base, &c->c, &e);
    }
    finish(r, c, got[FINISH], got[NATIVE]);
    return true;
}

enum { CHOICES, USAGE, ERROR, X_GROQ, ID, MODEL, CREATED, CHUNK_COUNT };
static const struct str chunk_names[CHUNK_COUNT] = {
    [CHOICES] = STR_INIT("choices"), [USAGE] = STR_INIT("usage"), [ERROR] = STR_INIT("error"),
    [X_GROQ] = STR_INIT("x_groq"),   [ID] = STR_INIT("id"),       [MODEL] = STR_INIT("model"),
    [CREATED] = STR_INIT("created"),
};

/* Azure's first chunk is about the prompt, and has no names yet. */
static void start(struct openai_reader *r, const struct json_value got[CHUNK_COUNT])
{
    struct str id = {0}, model = {0};
    int64_t created_s = 0;
    (void)!json_to_str(got[ID], &r->base.scratch, &id);
    (void)!json_to_str(got[MODEL], &r->base.scratch, &model);
    (void)!json_to_i64(got[CREATED], &created_s);
    r->id = id.len > 0 && id.len <= MAX_ID_BYTES ? arena_copy(r->base.arena, id) : STR("reply");
    stream_start(&r->base, id, model, created_s);
}

static void take_usage(struct openai_reader *r, const struct json_value got[CHUNK_COUNT])
{
    struct usage before = r->base.usage;
    openai_read_usage(&r->base.usage,
                      got[USAGE].type == JSON_OBJECT ? got[USAGE] : json_get(got[X_GROQ], STR("usage")));
    if (r->base.has_started && memcmp(&before, &r->base.usage, sizeof before) != 0) stream_usage(&r->base);
}

static bool reports_error(struct json_value error)
{
    return error.type == JSON_OBJECT || (error.type == JSON_STRING && error.raw.len > 2);
}

static bool take_chunk(struct openai_reader *r, struct str name, struct str data, struct chat_error *err)
{
    struct json_value got[CHUNK_COUNT], choice;
    struct json_items it;
    if (!json_skim(data, chunk_names, CHUNK_COUNT, got))
        return refuse(err, STR("An event of the stream is not a JSON object."));
    if (reports_error(got[ERROR]) || str_equals(name, STR("error"))) {
        struct chat_error error;
        openai_read_error(&error, json_exists(got[ERROR]) ? got[ERROR] : json_value_of(data),
                          &r->base.scratch);
        stream_tell_error(&r->base, &error);
        return true;
    }
    json_items_init(&it, got[CHOICES]);
    for (bool is_first = true; json_items_next(&it, &choice); is_first = false) {
        if (is_first && !r->base.has_started) start(r, got);
        if (!take_choice(r, choice, err)) return false;
    }
    take_usage(r, got);
    return !it.is_malformed || refuse(err, STR("An event of the stream has malformed choices."));
}

bool openai_chat_read_event(struct event_reader *base, struct str name, struct str data,
                            struct chat_event_sink *sink, struct chat_error *err)
{
    struct openai_reader *r = (struct openai_reader *)base;
    struct str text = str_trim(data);
    stream_begin(base, sink);
    if (str_equals(text, STR("[DONE]"))) {
        base->seen |= EVENT_TERMINAL;
        return true;
    }
    if (base->seen & (EVENT_ERROR | EVENT_TERMINAL)) return true;
    if (take_chunk(r, name, text, err)) return true;
    base->seen |= EVENT_MALFORMED;
    return false;
}

/* With [DONE] an answer without a finish reason is complete, too. */
enum ending openai_chat_read_end(struct event_reader *base, struct chat_event_sink *sink)
{
    struct openai_reader *r = (struct openai_reader *)base;
    stream_begin(base, sink);
    if (base->seen & (EVENT_ERROR | EVENT_MALFORMED)) return ENDING_INCOMPLETE;
    for (struct choice_state *c = r->choices; c; c = c->next) {
        if (c->c.is_finished || c->c.parts == 0) continue;
        if (!(base->seen & EVENT_TERMINAL)) return ENDING_INCOMPLETE;
        open_waiting(r, c, true);
        end_open_call(r, c);
        stream_finish(base, &c->c, FINISH_STOP, STR(""), STR(""));
    }
    return stream_end(base);
}
