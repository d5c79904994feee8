/* dialects/openai_media.c: OpenAI's images and audio. What goes up is JSON or a form (multipart/form-data) whose part
 * `model` says what JSON's member says elsewhere; what comes back is told by its content type: JSON, text (srt, vtt), the
 * bytes of a sound, or events. Passed on in the same dialect alone; errors are worded as everywhere in OpenAI's API.
 *
 * Events name themselves: transcript.text.delta … .done, speech.audio.delta … .done, image_generation.partial_image …
 * .completed. Services that copied the endpoints send [DONE] instead. Usage stands in the reply or in the last event, in
 * tokens, or in seconds, which are none. */
#include "dialects/dialect.h"

#include "http/multipart.h"
#include "json/cursor.h"
#include "json/scan.h"
#include "json/skim.h"

static const struct same_dialect *same_as_chat(void)
{
    return dialect_openai_chat.same;
}

/* ---- the request ---- */
static bool refuse(struct chat_error *err, struct str param, struct str message)
{
    *err = (struct chat_error){.problem = PROBLEM_INVALID_REQUEST, .param = param, .message = message};
    return false;
}

static bool refuse_model(struct chat_error *err, const char *message)
{
    return refuse(err, STR("model"), str_from_cstr(message));
}

/* A part begins. False: it is a second model, or a file of that name. */
static bool part_begins(const struct multipart_event *e, bool *is_model, struct request_facts *out,
                        struct chat_error *err)
{
    *is_model = str_equals(e->name, STR("model"));
    if (!*is_model) return true;
    if (e->has_file) return refuse_model(err, "model: the part is a file; a name is needed.");
    if (out->in_form.at) return refuse_model(err, "model: the form has two parts of this name.");
    out->in_form = str_of(out->body.at + e->offset, 0);
    return true;
}

static bool read_parts(struct multipart_reader *m, struct request_facts *out, struct arena *a,
                       struct chat_error *err)
{
    struct str rest = out->body;
    bool is_model = false;
    for (;;) {
        struct multipart_event e;
        struct err why;
        switch (multipart_next(m, &rest, &e, &why)) {
        case MULTIPART_PART:
            if (!part_begins(&e, &is_model, out, err)) return false;
            break;
        case MULTIPART_DATA: break;
        case MULTIPART_PART_END:
            if (is_model) out->in_form.len = (size_t)(out->body.at + e.offset - out->in_form.at);
            break;
        case MULTIPART_MORE:
            if (multipart_end(m, &why)) return true;
            /* fallthrough */
        case MULTIPART_BAD:
            return refuse(err, STR(""),
                          arena_printf(a, "The request body is not a valid form: %s.", why.text));
        }
    }
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] < 0x20 || s.at[i] == 0x7f) return false;
    return s.len > 0 && json_scan_utf8(s) == s.len;
}

static bool scan_form(struct request_facts *out, struct arena *a, const struct http_message *in,
                      struct chat_error *err)
{
    struct err why;
    struct str boundary;
    struct multipart_reader m;
    *out = (struct request_facts){.body = in->body};
    if (!multipart_boundary(http_headers_value(in->headers, H_CONTENT_TYPE), &boundary, &why))
        return refuse(err, STR(""), arena_printf(a, "Content-Type: %s.", why.text));
    multipart_init(&m, boundary);
    bool is_read = read_parts(&m, out, a, err);
    multipart_done(&m);
    if (!is_read) return false;
    if (!out->in_form.at)
        return refuse_model(err, "model: the form has no part of this name, and needs one.");
    if (out->in_form.len > MODEL_NAME_MAX_BYTES || !is_name(out->in_form))
        return refuse(
            err, STR("model"),
            arena_printf(a, "model: the part must hold a name of 1 to %d bytes.", MODEL_NAME_MAX_BYTES));
    out->model = arena_copy(a, out->in_form); /* outlives the body */
    return true;
}

/* Whether events come back is seen when they come: not every model that is asked to stream does. */
static bool scan_request(struct request_facts *out, struct arena *a, enum operation op, struct str body,
                         struct chat_error *err)
{
    if (!same_as_chat()->scan_request(out, a, op, body, err)) return false;
    out->is_stream = false;
    return true;
}

static bool splice_request(struct spliced *out, struct arena *a, const struct request_facts *facts,
                           struct str model, bool asks_usage)
{
    (void)asks_usage;
    if (!facts->in_form.at) return same_as_chat()->splice_request(out, a, facts, model, false);
    struct str name = str_is_empty(model) ? facts->in_form : model;
    size_t before = (size_t)(facts->in_form.at - facts->body.at);
    out->pieces[0] = str_part(facts->body, 0, before);
    out->pieces[1] = name;
    out->pieces[2] = str_from(facts->body, before + facts->in_form.len);
    out->count = 3;
    out->bytes = facts->body.len - facts->in_form.len + name.len;
    return true;
}

/* ---- the reply ---- */
static void observer_init(struct observer *o, struct arena *a, enum operation op)
{
    *o = (struct observer){.operation = op, .arena = a};
}

/* Clipped, so that sums of a few stay numbers whatever a provider says. */
static int64_t tokens(struct json_value v)
{
    const int64_t most = (int64_t)1 << 50;
    int64_t n = 0;
    if (!json_to_i64(v, &n) || n < 0) return 0;
    return n < most ? n : most;
}

static void read_usage(struct usage *u, struct json_value usage)
{
    if (usage.type != JSON_OBJECT) return;
    struct json_value input = json_get(usage, STR("input_tokens")),
                      output = json_get(usage, STR("output_tokens"));
    if (!json_exists(input) && !json_exists(output)) return; /* seconds */
    *u = (struct usage){.is_known = true, .input_uncached = tokens(input), .output = tokens(output)};
    struct json_value details = json_get(usage, STR("input_token_details"));
    int64_t audio = details.type == JSON_OBJECT ? tokens(json_get(details, STR("audio_tokens"))) : 0;
    u->audio_input = audio < u->input_uncached ? audio : u->input_uncached;
}

static bool is_error(struct json_value error)
{
    return error.type == JSON_OBJECT || (error.type == JSON_STRING && error.raw.len > 2);
}

/* ".done" and ".completed", in quotes. */
static bool is_last_type(struct json_value type)
{
    return str_ends_with(type.raw, STR(".done\"")) || str_ends_with(type.raw, STR(".completed\""));
}

static unsigned look_at_event(struct observer *o, struct str name, struct str data)
{
    enum { TYPE, USAGE, ERROR, COUNT };
    static const struct str names[COUNT] = {
        [TYPE] = STR_INIT("type"), [USAGE] = STR_INIT("usage"), [ERROR] = STR_INIT("error")};
    struct json_value got[COUNT];
    if (str_equals(data, STR("[DONE]"))) return EVENT_TERMINAL;
    if (!json_skim(data, names, COUNT, got)) return EVENT_MALFORMED;
    read_usage(&o->usage, got[USAGE]);
    if (is_error(got[ERROR]) || str_equals(name, STR("error")) || str_equals(got[TYPE].raw, STR("\"error\"")))
        return EVENT_ERROR;
    return is_last_type(got[TYPE]) ? EVENT_CONTENT | EVENT_FINISH : EVENT_CONTENT;
}

static unsigned observe_event(struct observer *o, struct str name, struct str data)
{
    unsigned facts = look_at_event(o, name, str_trim(data));
    o->seen |= facts;
    o->events++;
    return facts;
}

static enum ending read_end(const struct observer *o)
{
    if (o->seen & (EVENT_ERROR | EVENT_MALFORMED)) return ENDING_INCOMPLETE;
    return o->seen & (EVENT_FINISH | EVENT_TERMINAL) ? ENDING_COMPLETE : ENDING_INCOMPLETE;
}

/* A reply that says it is JSON. */
static bool observe_reply(struct observer *o, struct str body, struct err *err)
{
    enum { RESULT, USAGE, ERROR, COUNT };
    const struct operation_row *row = operation_row(o->operation);
    const struct str names[COUNT] = {row->result_member, STR("usage"), STR("error")};
    struct json_value got[COUNT];
    if (!json_skim(str_trim(body), names, COUNT, got))
        return err_set(err, ERR_INVALID, "the reply is not a JSON object");
    read_usage(&o->usage, got[USAGE]);
    if (is_error(got[ERROR]))
        return err_set(err, ERR_INVALID, "the reply has status 200 and reports an error");
    if (row->result_member.len && !json_exists(got[RESULT]))
        return err_set(err, ERR_INVALID, "the reply has no %.*s", STR_ARG(row->result_member));
    o->seen |= EVENT_CONTENT | EVENT_FINISH;
    return true;
}

/* ---- words that all of OpenAI's API shares ---- */
static bool write_error(struct buf *out, const struct chat_error *err)
{
    return dialect_openai_chat.write_error(out, err);
}

static bool write_error_event(struct buf *out, const struct chat_error *err)
{
    return dialect_openai_chat.write_error_event(out, err);
}

static void classify(struct verdict *out, struct arena *a, const struct http_message *reply)
{
    dialect_openai_chat.classify(out, a, reply);
}

static const struct same_dialect same = {.scan_request = scan_request,
                                         .scan_form = scan_form,
                                         .splice_request = splice_request,
                                         .observer_init = observer_init,
                                         .observe_event = observe_event,
                                         .read_end = read_end,
                                         .observe_reply = observe_reply};

const struct dialect dialect_openai_media = {.name = "openai media",
                                             .same = &same,
                                             .write_error = write_error,
                                             .write_error_event = write_error_event,
                                             .keepalive = STR_INIT(": keep-alive\n\n"),
                                             .classify = classify};
