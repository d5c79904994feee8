/* dialects/responses_events_read.c: a stream in OpenAI's Responses format, from a provider, as events of chat/event.h.
 *
 * An answer is a list of items, each announced, told in deltas and closed; "output_index" says which one an event is about.
 * A part begins with its first delta. Services may tell an item late (OpenRouter closes thoughts behind the words), not at
 * all but in its closing event, or several by turns; so of each item it is known how much of it was said:
 *
 *     item.added (call)   BEGIN             nothing else is begun until it is whole: what other items say meanwhile is
 *                                           taken from their closing events, which hold everything and wait in memory
 *     …delta              DELTA             of text and thoughts: whichever item speaks has the open part
 *     …done               what was not said yet, END
 *     item.done           signatures; all of an item that has said nothing before
 *
 * A thought is told as a summary or as its text; of an item that has both, the one that comes first. Items that only this
 * format has are passed over. */
#include "dialects/responses.h"

#include "dialects/openai_chat.h"
#include "dialects/stream.h"
#include "dialects/tool_calls.h"
#include "json/skim.h"

enum { MAX_ITEMS = 1024, MAX_WAITING_BYTES = 8 << 20, MAX_ID_BYTES = 32 * 1024 };

struct item {
    struct item *next;
    int64_t index;
    enum { ITEM_TEXT, ITEM_THOUGHT, ITEM_CALL, ITEM_OTHER } kind;
    struct str id;   /* of a thought */
    int64_t said;    /* contents, paragraphs: those below have been begun */
    bool is_summary; /* a thought's words are those of its summary */
    bool has_begun;  /* some part of it */
    bool is_late;    /* its deltas are passed over, its closing event says all */
    bool has_ended;
};

struct responses_reader {
    struct event_reader base;
    struct stream_choice choice;
    struct item *items, *open; /* open: whose part is open; NULL: nobody's */
    unsigned item_count, calls;
    struct str id;
    struct buf waiting; /* closing items, one a line, until the open call is whole */
};

struct event_reader *responses_open_reader(struct arena *a, const struct chat_request *request)
{
    struct responses_reader *r = arena_new(a, struct responses_reader);
    stream_init(&r->base, a, request);
    buf_init(&r->waiting, MAX_WAITING_BYTES);
    return &r->base;
}

void responses_close_reader(struct event_reader *base)
{
    buf_done(&((struct responses_reader *)base)->waiting);
    stream_done(base);
}

static bool refuse(struct chat_error *err, struct str message)
{
    *err = (struct chat_error){.problem = PROBLEM_UPSTREAM, .message = message};
    return false;
}

/* ---- one event ---- */
enum {
    TYPE,
    DELTA,
    ITEM,
    OUTPUT_INDEX,
    CONTENT_INDEX,
    SUMMARY_INDEX,
    TEXT,
    ARGUMENTS,
    REFUSAL,
    LOGPROBS,
    ANNOTATION,
    RESPONSE,
    ERROR,
    ITEM_ID,
    EVENT_COUNT
};
static const struct str event_names[EVENT_COUNT] = {
    [TYPE] = STR_INIT("type"),
    [DELTA] = STR_INIT("delta"),
    [ITEM] = STR_INIT("item"),
    [OUTPUT_INDEX] = STR_INIT("output_index"),
    [CONTENT_INDEX] = STR_INIT("content_index"),
    [SUMMARY_INDEX] = STR_INIT("summary_index"),
    [TEXT] = STR_INIT("text"),
    [ARGUMENTS] = STR_INIT("arguments"),
    [REFUSAL] = STR_INIT("refusal"),
    [LOGPROBS] = STR_INIT("logprobs"),
    [ANNOTATION] = STR_INIT("annotation"),
    [RESPONSE] = STR_INIT("response"),
    [ERROR] = STR_INIT("error"),
    [ITEM_ID] = STR_INIT("item_id"),
};

struct happening {
    struct json_value got[EVENT_COUNT];
    struct json_value whole;
    struct chat_error *err;
};

static struct str text_of(struct responses_reader *r, struct json_value v)
{
    struct str text = {0};
    (void)!json_to_str(v, &r->base.scratch, &text);
    return text;
}

static int64_t number_of(struct json_value v)
{
    int64_t n = 0;
    (void)!json_to_i64(v, &n);
    return n;
}

/* ---- items ---- */
static struct item *item_at(struct responses_reader *r, const struct happening *h, int kind)
{
    int64_t index = number_of(h->got[OUTPUT_INDEX]);
    if (r->open && r->open->index == index) return r->open;
    struct item **at = &r->items;
    while (*at && (*at)->index != index) at = &(*at)->next;
    if (*at || r->item_count == MAX_ITEMS) return *at;
    r->item_count++;
    *at = arena_new(r->base.arena, struct item);
    (*at)->index = index;
    (*at)->kind = kind;
    struct str id = text_of(r,
                            json_exists(h->got[ITEM]) ? json_get(h->got[ITEM], STR("id")) : h->got[ITEM_ID]);
    if (kind == ITEM_THOUGHT && id.len <= MAX_ID_BYTES) (*at)->id = arena_copy(r->base.arena, id);
    return *at;
}

/* Somebody else's call is not whole yet. */
static bool must_wait(const struct responses_reader *r, const struct item *item)
{
    return r->open && r->open != item && r->open->kind == ITEM_CALL;
}

static void close_open(struct responses_reader *r)
{
    stream_close_part(&r->base, &r->choice);
    r->open = NULL;
}

/* ---- whole items ---- */
static void say_part(struct responses_reader *r, const struct chat_part *p)
{
    struct chat_event begin = {.part_kind = p->kind, .id = p->id, .name = p->name};
    if (p->kind == CHAT_OTHER) return;
    if (p->kind == CHAT_TOOL_CALL) {
        if (p->id.len == 0) begin.id = tool_id_make(r->id, r->calls, &r->base.scratch);
        r->calls++;
        begin.name = tool_name_from(&TOOL_NAMES_OPENAI, p->name, r->base.request, &r->base.scratch);
        begin.signature = p->format == CHAT_FORMAT_GEMINI ? p->signature : (struct str){0};
        begin.format = p->format == CHAT_FORMAT_GEMINI ? p->format : CHAT_FORMAT_NONE;
    }
    if (p->is_redacted) {
        begin.is_redacted = true;
        begin.signature = p->signature;
        begin.format = p->format;
    }
    begin.media = p->media;
    stream_open(&r->base, &r->choice, &begin);
    if (!p->media) stream_text(&r->base, &r->choice, p->kind, p->kind == CHAT_TOOL_CALL ? p->json : p->text);
    for (const struct chat_citation *c = p->citations; c; c = c->next)
        stream_add(&r->base, &r->choice, &(struct chat_event){.kind = CHAT_EVENT_CITATION, .citation = c});
    if (p->kind == CHAT_THINKING && p->signature.len > 0 && !p->is_redacted)
        stream_add(&r->base, &r->choice,
                   &(struct chat_event){
                       .kind = CHAT_EVENT_SIGNATURE, .signature = p->signature, .format = p->format});
    stream_close_part(&r->base, &r->choice);
}

static bool say_item(struct responses_reader *r, struct json_value item, struct chat_error *err)
{
    struct reading reading;
    struct chat_parts parts = {0};
    reading_init(&reading, &r->base.scratch, err, true);
    if (!responses_read_item(&reading, &parts, item)) return false;
    close_open(r);
    for (const struct chat_part *p = parts.first; p; p = p->next) say_part(r, p);
    return true;
}

/* Lines of JSON: a line break inside of a string is escaped, and one between members is a blank. */
static bool wait_with(struct responses_reader *r, struct json_value item, struct chat_error *err)
{
    size_t from = r->waiting.len;
    if (!buf_append(&r->waiting, item.raw) || !buf_append_char(&r->waiting, '\n'))
        return refuse(err, STR("The stream has more items by turns than are taken."));
    for (size_t i = from; i + 1 < r->waiting.len; i++)
        if (r->waiting.at[i] == '\n') r->waiting.at[i] = ' ';
    return true;
}

static bool say_waiting(struct responses_reader *r, struct chat_error *err)
{
    if (r->open && r->open->kind == ITEM_CALL) return true;
    struct str rest = buf_str(&r->waiting);
    while (rest.len > 0)
        if (!say_item(r, json_value_of(str_cut(&rest, '\n')), err)) return false;
    buf_clear(&r->waiting);
    return true;
}

/* ---- words and thoughts ---- */
/* The open part becomes this item's; false: it has to wait. */
static bool turn_to(struct responses_reader *r, struct item *item)
{
    if (must_wait(r, item)) item->is_late = true;
    if (item->is_late || item->has_ended) return false;
    if (r->open != item) {
        close_open(r);
        r->open = item;
    }
    return true;
}

static void say(struct responses_reader *r, struct item *item, enum chat_part_kind kind, struct str text)
{
    if (text.len == 0) return;
    item->has_begun = true;
    if (!r->choice.is_open || r->choice.kind != kind)
        stream_open(&r->base, &r->choice, &(struct chat_event){.part_kind = kind, .id = item->id});
    stream_text(&r->base, &r->choice, kind, text);
}

/* Another content than the last one is another part. */
static void say_words(struct responses_reader *r, const struct happening *h, enum chat_part_kind kind,
                      struct json_value words, bool is_rest)
{
    struct item *item = item_at(r, h, ITEM_TEXT);
    int64_t index = number_of(h->got[CONTENT_INDEX]);
    struct str text = text_of(r, words);
    if (!item || item->kind != ITEM_TEXT || index < 0 || (is_rest && index < item->said)) return;
    if ((text.len == 0 && !json_exists(json_at(h->got[LOGPROBS], 0))) || !turn_to(r, item)) return;
    if (index >= item->said && r->choice.is_open) stream_close_part(&r->base, &r->choice);
    if (index >= item->said) item->said = index < INT64_MAX ? index + 1 : index;
    say(r, item, kind, text);
    struct chat_event e = {.kind = CHAT_EVENT_LOGPROBS};
    e.logprobs = openai_read_tokens(h->got[LOGPROBS], &r->base.scratch);
    if (e.logprobs) stream_add(&r->base, &r->choice, &e);
}

/* Paragraphs of a summary are told apart by an empty line, as where they are read whole. */
static void say_thought(struct responses_reader *r, const struct happening *h, struct json_value words,
                        bool is_summary, bool is_rest)
{
    struct item *item = item_at(r, h, ITEM_THOUGHT);
    int64_t index = number_of(h->got[is_summary ? SUMMARY_INDEX : CONTENT_INDEX]);
    struct str text = text_of(r, words);
    if (!item || item->kind != ITEM_THOUGHT || index < 0 || text.len == 0) return;
    if (is_rest && (index < item->said || (item->has_begun && item->is_summary != is_summary))) return;
    if (!turn_to(r, item)) return;
    if (!item->has_begun) item->is_summary = is_summary;
    if (item->is_summary != is_summary) return;
    if (is_summary && item->has_begun && index >= item->said) say(r, item, CHAT_THINKING, STR("\n\n"));
    if (index >= item->said) item->said = index < INT64_MAX ? index + 1 : index;
    say(r, item, CHAT_THINKING, text);
}

static void add_citation(struct responses_reader *r, const struct happening *h)
{
    struct chat_citation citation;
    bool is_open = r->choice.is_open && r->choice.kind == CHAT_TEXT && r->open &&
                   r->open->index == number_of(h->got[OUTPUT_INDEX]);
    if (is_open && responses_read_citation(h->got[ANNOTATION], &r->base.scratch, &citation))
        stream_add(&r->base, &r->choice,
                   &(struct chat_event){.kind = CHAT_EVENT_CITATION, .citation = &citation});
}

/* ---- calls ---- */
static void begin_call(struct responses_reader *r, struct item *item, struct json_value v)
{
    struct chat_part call = {.kind = CHAT_TOOL_CALL};
    call.id = text_of(r, json_get(v, STR("call_id")));
    call.name = text_of(r, json_get(v, STR("name")));
    if (call.name.len == 0) { /* the closing event may have it */
        item->is_late = true;
        return;
    }
    if (!turn_to(r, item)) return;
    if (call.id.len == 0) call.id = text_of(r, json_get(v, STR("id")));
    if (call.id.len == 0) call.id = tool_id_make(r->id, r->calls, &r->base.scratch);
    r->calls++;
    (void)tool_id_split(&call.id, &call.signature, &call.format);
    bool is_signed = call.format == CHAT_FORMAT_GEMINI && call.signature.len > 0;
    struct chat_event begin = {.part_kind = CHAT_TOOL_CALL, .id = call.id};
    begin.name = tool_name_from(&TOOL_NAMES_OPENAI, call.name, r->base.request, &r->base.scratch);
    if (is_signed) begin.signature = call.signature;
    if (is_signed) begin.format = call.format;
    stream_open(&r->base, &r->choice, &begin);
    item->has_begun = true;
}

static void say_arguments(struct responses_reader *r, const struct happening *h)
{
    struct item *item = item_at(r, h, ITEM_CALL);
    if (!item || item->kind != ITEM_CALL) return;
    if (!item->has_begun) item->is_late = true; /* it was never announced */
    if (r->open != item) return;
    struct str text = text_of(r, h->got[DELTA]);
    if (text.len > 0) item->said = 1;
    stream_text(&r->base, &r->choice, CHAT_TOOL_CALL, text);
}

/* The rest of it: some services send arguments only here (litellm#25321). */
static bool end_call(struct responses_reader *r, struct item *item, struct json_value arguments,
                     struct chat_error *err)
{
    if (r->open != item) return true;
    struct str text = arguments.type == JSON_OBJECT ? arguments.raw : text_of(r, arguments);
    if (item->said == 0) stream_text(&r->base, &r->choice, CHAT_TOOL_CALL, text);
    item->has_ended = true;
    close_open(r);
    return say_waiting(r, err);
}

/* ---- the ends of items ---- */
static int kind_of_item(struct json_value item)
{
    struct json_value type = json_get(item, STR("type"));
    if (json_str_equals(type, STR("message"))) return ITEM_TEXT;
    if (json_str_equals(type, STR("reasoning"))) return ITEM_THOUGHT;
    return json_str_equals(type, STR("function_call")) ? ITEM_CALL : ITEM_OTHER;
}

static bool add_item(struct responses_reader *r, const struct happening *h)
{
    int kind = kind_of_item(h->got[ITEM]);
    struct item *item = item_at(r, h, kind);
    if (!item) return refuse(h->err, STR("The stream has more items than are taken."));
    if (kind == ITEM_CALL && item->kind == ITEM_CALL && !item->has_begun && !item->is_late &&
        !item->has_ended)
        begin_call(r, item, h->got[ITEM]);
    return true;
}

/* What was said of it stands; of a thought, what proves it is known only now, and perhaps when others speak already. */
static void sign_thought(struct responses_reader *r, struct item *item, struct json_value v)
{
    struct chat_part thought = {.kind = CHAT_THINKING, .id = item->id};
    struct str encrypted = text_of(r, json_get(v, STR("encrypted_content")));
    if (encrypted.len == 0 || must_wait(r, item)) return;
    responses_unseal(&thought, encrypted);
    if (r->open == item && r->choice.is_open && r->choice.kind == CHAT_THINKING)
        stream_add(&r->base, &r->choice,
                   &(struct chat_event){.kind = CHAT_EVENT_SIGNATURE,
                                        .signature = thought.signature,
                                        .format = thought.format});
    else
        say_part(r, &thought);
}

static bool end_item(struct responses_reader *r, const struct happening *h)
{
    int kind = kind_of_item(h->got[ITEM]);
    struct item *item = item_at(r, h, kind);
    if (!item) return refuse(h->err, STR("The stream has more items than are taken."));
    if (item->has_ended) return true;
    if (item->has_begun) {
        if (item->kind == ITEM_CALL)
            return end_call(r, item, json_get(h->got[ITEM], STR("arguments")), h->err);
        if (item->kind == ITEM_THOUGHT) sign_thought(r, item, h->got[ITEM]);
        item->has_ended = true;
        if (r->open == item) close_open(r);
        return true;
    }
    item->has_ended = true;
    if (must_wait(r, item)) return wait_with(r, h->got[ITEM], h->err);
    return say_item(r, h->got[ITEM], h->err);
}

/* ---- the whole ---- */
static void start(struct responses_reader *r, struct json_value response)
{
    if (r->base.has_started) return;
    struct str id = text_of(r, json_get(response, STR("id")));
    r->id = id.len > 0 && id.len <= MAX_ID_BYTES ? arena_copy(r->base.arena, id) : STR("reply");
    stream_start(&r->base, id, text_of(r, json_get(response, STR("model"))),
                 number_of(json_get(response, STR("created_at"))));
}

static void tell_error(struct responses_reader *r, struct json_value error)
{
    struct chat_error failure;
    openai_read_error(&failure, error, &r->base.scratch);
    stream_tell_error(&r->base, &failure);
}

/* An answer of which nothing was told before is in here. */
static bool end_response(struct responses_reader *r, const struct happening *h)
{
    struct json_value response = h->got[RESPONSE], item;
    struct json_items it;
    struct str native;
    start(r, response);
    if (r->open) r->open->has_ended = true;
    close_open(r);
    if (!say_waiting(r, h->err)) return false;
    json_items_init(&it, json_get(response, STR("output")));
    while (r->item_count == 0 && json_items_next(&it, &item))
        if (!say_item(r, item, h->err)) return false;
    responses_read_usage(&r->base.usage, json_get(response, STR("usage")));
    if (r->base.usage.is_known) stream_usage(&r->base);
    enum chat_finish finish = responses_read_finish(json_get(response, STR("status")),
                                                    json_get(response, STR("incomplete_details")),
                                                    &r->base.scratch, &native);
    stream_finish(&r->base, &r->choice, finish, STR(""), native);
    r->base.seen |= EVENT_TERMINAL;
    return true;
}

static bool fail(struct responses_reader *r, const struct happening *h)
{
    struct json_value error = json_get(h->got[RESPONSE], STR("error"));
    start(r, h->got[RESPONSE]);
    tell_error(r, error.type == JSON_OBJECT ? error : h->got[RESPONSE]);
    r->base.seen |= EVENT_TERMINAL;
    return true;
}

static bool begin_response(struct responses_reader *r, const struct happening *h)
{
    start(r, h->got[RESPONSE]);
    return true;
}

static bool report(struct responses_reader *r, const struct happening *h)
{
    bool has_object = h->got[ERROR].type == JSON_OBJECT || h->got[ERROR].type == JSON_STRING;
    tell_error(r, has_object ? h->got[ERROR] : h->whole);
    return true;
}

static bool more_text(struct responses_reader *r, const struct happening *h)
{
    say_words(r, h, CHAT_TEXT, h->got[DELTA], false);
    return true;
}

static bool more_refusal(struct responses_reader *r, const struct happening *h)
{
    say_words(r, h, CHAT_REFUSAL, h->got[DELTA], false);
    return true;
}

static bool more_summary(struct responses_reader *r, const struct happening *h)
{
    say_thought(r, h, h->got[DELTA], true, false);
    return true;
}

static bool more_thought(struct responses_reader *r, const struct happening *h)
{
    say_thought(r, h, h->got[DELTA], false, false);
    return true;
}

static bool more_arguments(struct responses_reader *r, const struct happening *h)
{
    say_arguments(r, h);
    return true;
}

static bool rest_of_text(struct responses_reader *r, const struct happening *h)
{
    say_words(r, h, CHAT_TEXT, h->got[TEXT], true);
    return true;
}

static bool rest_of_refusal(struct responses_reader *r, const struct happening *h)
{
    say_words(r, h, CHAT_REFUSAL, h->got[REFUSAL], true);
    return true;
}

static bool rest_of_summary(struct responses_reader *r, const struct happening *h)
{
    say_thought(r, h, h->got[TEXT], true, true);
    return true;
}

static bool rest_of_thought(struct responses_reader *r, const struct happening *h)
{
    say_thought(r, h, h->got[TEXT], false, true);
    return true;
}

static bool rest_of_arguments(struct responses_reader *r, const struct happening *h)
{
    struct item *item = item_at(r, h, ITEM_CALL);
    return !item || item->kind != ITEM_CALL || !item->has_begun ||
           end_call(r, item, h->got[ARGUMENTS], h->err);
}

static bool cite(struct responses_reader *r, const struct happening *h)
{
    add_citation(r, h);
    return true;
}

static const struct {
    struct str type;
    bool (*take)(struct responses_reader *r, const struct happening *h);
} takers[] = {
    /* the frequent ones first */
    {STR_INIT("response.output_text.delta"), more_text},
    {STR_INIT("response.reasoning_summary_text.delta"), more_summary},
    {STR_INIT("response.function_call_arguments.delta"), more_arguments},
    {STR_INIT("response.reasoning_text.delta"), more_thought},
    {STR_INIT("response.refusal.delta"), more_refusal},
    {STR_INIT("response.output_item.added"), add_item},
    {STR_INIT("response.output_item.done"), end_item},
    {STR_INIT("response.output_text.done"), rest_of_text},
    {STR_INIT("response.output_text.annotation.added"), cite},
    {STR_INIT("response.refusal.done"), rest_of_refusal},
    {STR_INIT("response.reasoning_summary_text.done"), rest_of_summary},
    {STR_INIT("response.reasoning_text.done"), rest_of_thought},
    {STR_INIT("response.function_call_arguments.done"), rest_of_arguments},
    {STR_INIT("response.created"), begin_response},
    {STR_INIT("response.in_progress"), begin_response},
    {STR_INIT("response.queued"), begin_response},
    {STR_INIT("response.completed"), end_response},
    {STR_INIT("response.incomplete"), end_response},
    {STR_INIT("response.failed"), fail},
    {STR_INIT("error"), report},
};

static bool take_event(struct responses_reader *r, struct str name, struct str data, struct chat_error *err)
{
    struct happening h = {.whole = json_value_of(data), .err = err};
    if (!json_skim(data, event_names, EVENT_COUNT, h.got))
        return refuse(err, STR("An event of the stream is not a JSON object."));
    struct str type = json_str_raw(h.got[TYPE]);
    if (type.len == 0) type = name;
    for (size_t i = 0; i < ARRAY_COUNT(takers); i++)
        if (str_equals(type, takers[i].type)) return takers[i].take(r, &h);
    if (h.got[ERROR].type == JSON_OBJECT && type.len == 0) return report(r, &h);
    return true; /* an item's of which we know nothing */
}

bool responses_read_event(struct event_reader *base, struct str name, struct str data,
                          struct chat_event_sink *sink, struct chat_error *err)
{
    struct responses_reader *r = (struct responses_reader *)base;
    struct str text = str_trim(data);
    stream_begin(base, sink);
    if (base->seen & (EVENT_ERROR | EVENT_TERMINAL)) return true;
    if (str_equals(text, STR("[DONE]"))) return true;
    if (take_event(r, name, text, err)) return true;
    base->seen |= EVENT_MALFORMED;
    return false;
}

enum ending responses_read_end(struct event_reader *base, struct chat_event_sink *sink)
{
    stream_begin(base, sink);
    return stream_end(base);
}
