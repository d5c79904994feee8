/* dialects/gemini_observe.c: Gemini's format on both sides: the request is checked and goes on with its model in the path,
 * replies pass by and are looked at: is this content, is it the end, what did it cost? Each event costs one skim; once
 * content has been seen, parts are not looked into any more. */
#include "dialects/gemini.h"

#include "base/check.h"
#include "json/skim.h"

/* ---- the request ---- */
enum { MODEL, GENERATION, GENERATION_SNAKE, MEMBER_COUNT };
static const struct json_wanted members[MEMBER_COUNT] = {
    [MODEL] = {STR_INIT("model")},
    [GENERATION] = {STR_INIT("generationConfig")},
    [GENERATION_SNAKE] = {STR_INIT("generation_config")},
};
_Static_assert((int)MEMBER_COUNT <= (int)FACTS_MAX_MEMBERS,
               "request_facts holds every member that we look for");

/* Model and streaming stand in the path: the gateway takes them from there (gemini_read_path()). */
static bool scan_request(struct request_facts *out, struct arena *a, enum operation op, struct str body,
                         struct chat_error *err)
{
    struct err broken;
    (void)op;
    *out = (struct request_facts){.body = body, .wants_usage = true};
    if (!json_check(body, members, MEMBER_COUNT, out->members, &broken)) {
        *err = (struct chat_error){.problem = PROBLEM_INVALID_REQUEST};
        err->message = arena_printf(a, "The request body is not valid JSON: %s", broken.text);
        return false;
    }
    struct json_value generation = out->members[GENERATION].value;
    if (!json_exists(generation)) generation = out->members[GENERATION_SNAKE].value;
    if (!json_to_i64(json_get(generation, STR("maxOutputTokens")), &out->max_tokens))
        (void)!json_to_i64(json_get(generation, STR("max_output_tokens")), &out->max_tokens);
    return true;
}

/* A body may name the model once more; it must not contradict the path. */
static bool splice_request(struct spliced *out, struct arena *a, const struct request_facts *facts,
                           struct str model, bool asks_usage)
{
    struct json_splice s;
    struct json_value old = facts->members[MODEL].value;
    (void)asks_usage; /* streams have it anyway */
    json_splice_init(&s, facts->body);
    if (model.len > 0 && json_exists(old)) {
        struct buf quoted;
        const struct str pieces[] = {STR("models/"), model};
        buf_init(&quoted, 6 * (model.len + pieces[0].len) + 2); /* each byte an escape */
        require(json_append_str(&quoted, arena_join(a, pieces, ARRAY_COUNT(pieces))));
        json_splice_replace(&s, old, arena_copy(a, buf_str(&quoted)));
        buf_done(&quoted);
    }
    json_splice_finish(&s);
    memcpy(out->pieces, s.pieces, s.piece_count * sizeof *s.pieces);
    out->count = (unsigned)s.piece_count;
    out->bytes = s.total_bytes;
    return true;
}

/* ---- one event ---- */
static void observer_init(struct observer *o, struct arena *a, enum operation op)
{
    *o = (struct observer){.operation = op, .arena = a};
}

/* Does a part say something? A signature on an empty text does not. */
static bool part_has_content(struct json_value part)
{
    struct json_members it;
    struct json_value key, value;
    json_members_init(&it, part);
    while (json_members_next(&it, &key, &value)) {
        if (value.type == JSON_OBJECT) return true; /* a call, a picture, code */
        if (value.type == JSON_STRING && value.raw.len > 2 && json_str_equals(key, STR("text"))) return true;
    }
    return false;
}

static bool has_content(struct json_value content)
{
    struct json_value parts = json_get(content, STR("parts")), part;
    struct json_items it;
    if (parts.type == JSON_OBJECT) return part_has_content(parts);
    json_items_init(&it, parts);
    while (json_items_next(&it, &part))
        if (part_has_content(part)) return true;
    return false;
}

static bool has_finish(struct json_value finish)
{
    int64_t number = 0;
    if (json_to_i64(finish, &number)) return number != 0;
    return finish.type == JSON_STRING && finish.raw.len > 2 &&
           !json_str_equals(finish, STR("FINISH_REASON_UNSPECIFIED"));
}

static unsigned observe_candidate(const struct observer *o, struct json_value candidate)
{
    enum { CONTENT, FINISH, COUNT };
    static const struct str names[COUNT] = {
        [CONTENT] = STR_INIT("content"), [FINISH] = STR_INIT("finishReason")};
    struct json_value got[COUNT];
    if (candidate.type != JSON_OBJECT || !json_skim(candidate.raw, names, COUNT, got)) return EVENT_MALFORMED;
    unsigned facts = has_finish(got[FINISH]) ? EVENT_FINISH : 0;
    if (!(o->seen & EVENT_CONTENT) && has_content(got[CONTENT])) facts |= EVENT_CONTENT;
    return facts;
}

enum { CANDIDATES, USAGE, FEEDBACK, ERROR, CHUNK_COUNT };
static const struct str chunk_names[CHUNK_COUNT] = {
    [CANDIDATES] = STR_INIT("candidates"),
    [USAGE] = STR_INIT("usageMetadata"),
    [FEEDBACK] = STR_INIT("promptFeedback"),
    [ERROR] = STR_INIT("error"),
};

static unsigned observe_object(struct observer *o, struct str data)
{
    struct json_value got[CHUNK_COUNT], candidate;
    struct json_items it;
    struct str why;
    unsigned facts = 0;
    if (!json_skim(data, chunk_names, CHUNK_COUNT, got)) return EVENT_MALFORMED;
    gemini_read_usage(&o->usage, got[USAGE]);
    if (got[ERROR].type == JSON_OBJECT) return EVENT_ERROR;
    json_items_init(&it, got[CANDIDATES]);
    while (json_items_next(&it, &candidate)) facts |= observe_candidate(o, candidate);
    /* a refused prompt is all that will be said */
    if (got[FEEDBACK].type == JSON_OBJECT && gemini_read_block(got[FEEDBACK], o->arena, &why))
        facts |= EVENT_FINISH;
    return it.is_malformed ? facts | EVENT_MALFORMED : facts;
}

static unsigned observe_event(struct observer *o, struct str name, struct str data)
{
    (void)name;
    unsigned facts = observe_object(o, str_trim(data));
    o->seen |= facts;
    o->events++;
    return facts;
}

static enum ending read_end(const struct observer *o)
{
    if (o->seen & (EVENT_ERROR | EVENT_MALFORMED)) return ENDING_INCOMPLETE;
    return o->seen & EVENT_FINISH ? ENDING_COMPLETE : ENDING_INCOMPLETE;
}

/* ---- a plain reply ---- */
static bool observe_reply(struct observer *o, struct str body, struct err *err)
{
    unsigned facts = observe_object(o, str_trim(body));
    if (facts & EVENT_MALFORMED)
        return err_set(err, ERR_INVALID, "the reply is not a JSON object of candidates");
    o->seen |= facts;
    if (facts & EVENT_ERROR)
        return err_set(err, ERR_INVALID, "the reply has status 200 and reports an error");
    if (!(facts & (EVENT_CONTENT | EVENT_FINISH)))
        return err_set(err, ERR_INVALID, "the reply has no candidates");
    o->seen |= EVENT_CONTENT | EVENT_FINISH;
    return true;
}

const struct same_dialect gemini_same = {
    .scan_request = scan_request,
    .splice_request = splice_request,
    .observer_init = observer_init,
    .observe_event = observe_event,
    .read_end = read_end,
    .observe_reply = observe_reply,
};
