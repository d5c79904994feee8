/* dialects/gemini_events_read.c: a stream in Gemini's format, from a provider, as events of chat/event.h.
 *
 * Each event is a reply of its own with more parts of the candidates; words of one kind go on, a call or a picture is
 * whole. A signature may come on an empty text behind what it signs. There is no event for the end: a candidate has ended
 * with its finishReason, but that may come more than once, in front of more words, or in a chunk behind a call; so the
 * last one is kept until the stream ends. */
#include "dialects/gemini.h"

#include "dialects/stream.h"
#include "dialects/tool_calls.h"
#include "json/skim.h"

enum { MAX_ID_BYTES = 1024, MAX_NATIVE_BYTES = 64 };

struct choice_state {
    struct stream_choice c;
    enum chat_finish finish;
    bool is_signed;  /* the open part has its signature */
    bool has_others; /* text that is not ASCII: bytes are not characters */
    char native[MAX_NATIVE_BYTES];
    size_t native_len;
};

struct gemini_reader {
    struct event_reader base;
    struct str id; /* the reply's, for calls without one */
    unsigned calls;
    struct choice_state *choices[STREAM_MAX_CHOICES];
};

struct event_reader *gemini_open_reader(struct arena *a, const struct chat_request *request)
{
    struct gemini_reader *r = arena_new(a, struct gemini_reader);
    stream_init(&r->base, a, request);
    return &r->base;
}

void gemini_close_reader(struct event_reader *base)
{
    stream_done(base);
}

static bool refuse(struct chat_error *err, struct str message)
{
    *err = (struct chat_error){.problem = PROBLEM_UPSTREAM, .message = message};
    return false;
}

/* NULL: more choices than anybody may ask for. */
static struct choice_state *choice_at(struct gemini_reader *r, int64_t index)
{
    if (index < 0 || index >= STREAM_MAX_CHOICES) return NULL;
    if (!r->choices[index]) {
        r->choices[index] = arena_new(r->base.arena, struct choice_state);
        r->choices[index]->c.index = (unsigned)index;
    }
    return r->choices[index];
}

/* ---- parts ---- */
static void say(struct gemini_reader *r, struct choice_state *c, const struct chat_part *p)
{
    bool is_open = c->c.is_open && c->c.kind == p->kind;
    if (is_open && c->is_signed && p->signature.len > 0) {
        stream_close_part(&r->base, &c->c);
        is_open = false;
    }
    if (!is_open) {
        stream_open(&r->base, &c->c, &(struct chat_event){.part_kind = p->kind});
        c->is_signed = false;
    }
    for (size_t i = 0; i < p->text.len && p->kind == CHAT_TEXT && !c->has_others; i++)
        c->has_others = (p->text.at[i] & 0x80) != 0;
    stream_text(&r->base, &c->c, p->kind, p->text);
    if (p->signature.len == 0) return;
    c->is_signed = true;
    stream_add(&r->base, &c->c,
               &(struct chat_event){
                   .kind = CHAT_EVENT_SIGNATURE, .signature = p->signature, .format = CHAT_FORMAT_GEMINI});
}

static void call(struct gemini_reader *r, struct choice_state *c, const struct chat_part *p)
{
    struct arena *scratch = &r->base.scratch;
    struct chat_event begin = {.part_kind = CHAT_TOOL_CALL,
                               .id = gemini_call_id(p->id, r->id, r->calls++, scratch),
                               .name = tool_name_from(&TOOL_NAMES_GEMINI, p->name, r->base.request, scratch),
                               .signature = p->signature,
                               .format = p->format};
    stream_open(&r->base, &c->c, &begin);
    stream_text(&r->base, &c->c, CHAT_TOOL_CALL, p->json);
    stream_close_part(&r->base, &c->c);
}

static void take_part(struct gemini_reader *r, struct choice_state *c, const struct chat_part *p)
{
    switch (p->kind) {
    case CHAT_TEXT:
    case CHAT_THINKING: say(r, c, p); break;
    case CHAT_TOOL_CALL: call(r, c, p); break;
    case CHAT_IMAGE:
    case CHAT_AUDIO:
    case CHAT_VIDEO:
    case CHAT_DOCUMENT:
        stream_open(&r->base, &c->c, &(struct chat_event){.part_kind = p->kind, .media = p->media});
        stream_close_part(&r->base, &c->c);
        break;
    case CHAT_TOOL_RESULT:
    case CHAT_REFUSAL:
    case CHAT_OTHER: break; /* nobody else's */
    }
}

/* Where bytes are not characters, it is not known any more which characters are meant. */
static void take_sources(struct gemini_reader *r, struct choice_state *c, struct json_value grounding,
                         struct json_value citations)
{
    struct gemini_sources sources;
    if (!c->c.is_open || c->c.kind != CHAT_TEXT) return;
    gemini_read_sources(&sources, grounding, citations, &r->base.scratch);
    for (unsigned i = 0; i < sources.count; i++) {
        struct chat_citation *citation = &sources.at[i].citation;
        if (c->has_others) citation->start = citation->end = 0;
        stream_add(&r->base, &c->c, &(struct chat_event){.kind = CHAT_EVENT_CITATION, .citation = citation});
    }
}

/* ---- candidates ---- */
enum { INDEX, CONTENT, FINISH, GROUNDING, CITATIONS, LOGPROBS, CANDIDATE_COUNT };
static const struct str candidate_names[CANDIDATE_COUNT] = {
    [INDEX] = STR_INIT("index"),
    [CONTENT] = STR_INIT("content"),
    [FINISH] = STR_INIT("finishReason"),
    [GROUNDING] = STR_INIT("groundingMetadata"),
    [CITATIONS] = STR_INIT("citationMetadata"),
    [LOGPROBS] = STR_INIT("logprobsResult"),
};

static void note_finish(struct gemini_reader *r, struct choice_state *c, enum chat_finish finish,
                        struct str native)
{
    if (finish == FINISH_NONE) return;
    c->finish = finish;
    c->native_len = native.len < MAX_NATIVE_BYTES ? native.len : 0;
    if (c->native_len > 0) memcpy(c->native, native.at, c->native_len);
    r->base.seen |= EVENT_FINISH;
}

static bool take_candidate(struct gemini_reader *r, struct json_value candidate, struct chat_error *err)
{
    struct json_value got[CANDIDATE_COUNT];
    struct chat_parts parts = {0};
    struct reading reading;
    struct str native;
    int64_t index = 0;
    if (candidate.type != JSON_OBJECT || !json_skim(candidate.raw, candidate_names, CANDIDATE_COUNT, got))
        return refuse(err, STR("An event of the stream has a malformed candidate."));
    (void)!json_to_i64(got[INDEX], &index);
    struct choice_state *c = choice_at(r, index);
    if (!c) return refuse(err, STR("The stream has more candidates than are taken."));
    reading_init(&reading, &r->base.scratch, err, true);
    struct json_value list = json_get(got[CONTENT], STR("parts"));
    if (json_exists(list) && !json_is_null(list) && !gemini_read_parts(&reading, &parts, list)) return false;
    for (const struct chat_part *p = parts.first; p; p = p->next) take_part(r, c, p);
    if (json_exists(got[GROUNDING]) || json_exists(got[CITATIONS]))
        take_sources(r, c, got[GROUNDING], got[CITATIONS]);
    if (got[LOGPROBS].type == JSON_OBJECT && c->c.is_open) {
        struct chat_event e = {.kind = CHAT_EVENT_LOGPROBS};
        e.logprobs = gemini_read_logprobs(got[LOGPROBS], &r->base.scratch);
        if (e.logprobs) stream_add(&r->base, &c->c, &e);
    }
    enum chat_finish finish = gemini_read_finish(got[FINISH], &r->base.scratch, &native);
    note_finish(r, c, finish, native);
    return true;
}

/* ---- events ---- */
enum { CANDIDATES, USAGE, FEEDBACK, ERROR, ID, MODEL, CHUNK_COUNT };
static const struct str chunk_names[CHUNK_COUNT] = {
    [CANDIDATES] = STR_INIT("candidates"),   [USAGE] = STR_INIT("usageMetadata"),
    [FEEDBACK] = STR_INIT("promptFeedback"), [ERROR] = STR_INIT("error"),
    [ID] = STR_INIT("responseId"),           [MODEL] = STR_INIT("modelVersion"),
};

static void start(struct gemini_reader *r, const struct json_value got[CHUNK_COUNT])
{
    struct str id = {0}, model = {0};
    (void)!json_to_str(got[ID], &r->base.scratch, &id);
    (void)!json_to_str(got[MODEL], &r->base.scratch, &model);
    r->id = id.len > 0 && id.len <= MAX_ID_BYTES ? arena_copy(r->base.arena, id) : STR("reply");
    stream_start(&r->base, id, model, 0);
}

static bool take_chunk(struct gemini_reader *r, struct str data, struct chat_error *err)
{
    struct json_value got[CHUNK_COUNT], candidate;
    struct json_items it;
    struct str why;
    if (!json_skim(data, chunk_names, CHUNK_COUNT, got))
        return refuse(err, STR("An event of the stream is not a JSON object."));
    if (got[ERROR].type == JSON_OBJECT) {
        struct chat_error error;
        gemini_read_error(&error, got[ERROR], &r->base.scratch);
        stream_tell_error(&r->base, &error);
        return true;
    }
    struct usage before = r->base.usage;
    gemini_read_usage(&r->base.usage, got[USAGE]);
    bool has_more = r->base.has_started && memcmp(&before, &r->base.usage, sizeof before) != 0;
    if (!r->base.has_started) start(r, got);
    json_items_init(&it, got[CANDIDATES]);
    while (json_items_next(&it, &candidate))
        if (!take_candidate(r, candidate, err)) return false;
    if (gemini_read_block(got[FEEDBACK], &r->base.scratch, &why)) {
        struct choice_state *c = choice_at(r, 0);
        note_finish(r, c, FINISH_FILTER, why);
    }
    if (has_more) stream_usage(&r->base);
    return !it.is_malformed || refuse(err, STR("An event of the stream has malformed candidates."));
}

bool gemini_read_event(struct event_reader *base, struct str name, struct str data,
                       struct chat_event_sink *sink, struct chat_error *err)
{
    struct gemini_reader *r = (struct gemini_reader *)base;
    (void)name;
    stream_begin(base, sink);
    if (base->seen & EVENT_ERROR) return true;
    if (take_chunk(r, str_trim(data), err)) return true;
    base->seen |= EVENT_MALFORMED;
    return false;
}

enum ending gemini_read_end(struct event_reader *base, struct chat_event_sink *sink)
{
    struct gemini_reader *r = (struct gemini_reader *)base;
    stream_begin(base, sink);
    if (base->seen & (EVENT_ERROR | EVENT_MALFORMED)) return ENDING_INCOMPLETE;
    for (unsigned i = 0; i < STREAM_MAX_CHOICES; i++) {
        const struct choice_state *c = r->choices[i];
        if (c && c->c.parts > 0 && c->finish == FINISH_NONE) return ENDING_INCOMPLETE;
    }
    for (unsigned i = 0; i < STREAM_MAX_CHOICES; i++) {
        struct choice_state *c = r->choices[i];
        if (c && c->finish != FINISH_NONE)
            stream_finish(base, &c->c, c->finish, STR(""), str_of(c->native, c->native_len));
    }
    return stream_end(base);
}
