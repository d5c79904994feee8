/* simulate/openai.c: the OpenAI dialect, without the texts (openai_chat.c) and the vectors (openai_embeddings.c): which
 * path is what, errors, models, moderations. Paths are told apart by their ends, so that any base URL will do. */
#include "simulate/openai.h"

#include "base/fmt.h"
#include "http/url.h"
#include "json/cursor.h"

struct route {
    struct str end; /* of the path */
    enum http_method method;
    void (*answer)(struct sim_answer *out, const struct sim_request *in);
};
/* The first that fits holds. */
static const struct route routes[] = {
    {STR_INIT("/chat/completions"), M_POST, openai_answer_chat},
    {STR_INIT("/completions"), M_POST, openai_answer_completions},
    {STR_INIT("/embeddings"), M_POST, openai_answer_embeddings},
    {STR_INIT("/moderations"), M_POST, openai_answer_moderations},
    {STR_INIT("/images/generations"), M_POST, openai_answer_images},
    {STR_INIT("/images/edits"), M_POST, openai_answer_image_edits},
    {STR_INIT("/audio/speech"), M_POST, openai_answer_speech},
    {STR_INIT("/audio/transcriptions"), M_POST, openai_answer_transcriptions},
    {STR_INIT("/audio/translations"), M_POST, openai_answer_transcriptions},
    {STR_INIT("/models"), M_GET, openai_answer_models},
};
static const struct route one_model = {STR_INIT("/models/"), M_GET, openai_answer_models};

/* ---- errors ---- */

/* As OpenAI answers them; the first row whose status is not above the error's. */
static const struct {
    int status;
    const char *type, *code; /* NULL: null */
} error_kinds[] = {
    {504, "server_error", "timeout"},
    {503, "server_error", "service_unavailable"},
    {500, "server_error", NULL},
    {430, "invalid_request_error", NULL},
    {429, "rate_limit_error", "rate_limit_exceeded"},
    {414, "invalid_request_error", NULL},
    {413, "invalid_request_error", "request_too_large"},
    {405, "invalid_request_error", NULL},
    {404, "invalid_request_error", "model_not_found"},
    {403, "permission_error", NULL},
    {402, "invalid_request_error", NULL},
    {401, "invalid_request_error", "invalid_api_key"},
    {0, "invalid_request_error", NULL},
};

static void put_cstr_or_null(struct sim_answer *out, const char *text)
{
    if (text)
        sim_put_json_str(out, str_from_cstr(text));
    else
        sim_put(out, STR("null"));
}

static void put_error(struct sim_answer *out, const struct sim_error *e)
{
    size_t kind = 0;
    while (error_kinds[kind].status > e->status) kind++;
    sim_put(out, STR("{\"error\":{\"message\":"));
    sim_put_json_str(out, e->message);
    sim_put(out, STR(",\"type\":"));
    put_cstr_or_null(out, error_kinds[kind].type);
    sim_put(out, STR(",\"param\":"));
    if (e->param.len)
        sim_put_json_str(out, e->param);
    else
        sim_put(out, STR("null"));
    sim_put(out, STR(",\"code\":"));
    put_cstr_or_null(out, error_kinds[kind].code);
    sim_put(out, STR("}}"));
}

static struct str head_lines(const struct sim_request *in, bool is_stream, int retry_after_s)
{
    static const struct str json = STR_INIT("Content-Type: application/json\r\nX-Request-Id: req_");
    static const struct str stream = STR_INIT(
        "Content-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\nX-Request-Id: req_");
    static const struct str retry_after = STR_INIT("\r\nRetry-After: ");
    char *start = arena_alloc(in->arena, stream.len + in->id.len + retry_after.len + FMT_U64_BYTES + 2);
    char *at = fmt_str(start, is_stream ? stream : json);
    at = fmt_str(at, in->id);
    if (retry_after_s >= 0) at = fmt_u64(fmt_str(at, retry_after), (uint64_t)retry_after_s);
    at = fmt_str(at, STR("\r\n"));
    return str_of(start, (size_t)(at - start));
}

static void openai_error(struct sim_answer *out, const struct sim_request *in, const struct sim_error *e)
{
    sim_answer_restart(out);
    put_error(out, e);
    sim_answer_close(out, e->status, false, head_lines(in, false, e->retry_after_s));
}

static struct str openai_error_event(struct arena *a)
{
    (void)a;
    return STR(
        "data: {\"error\":{\"message\":\"Simulated error in the middle of a stream.\",\"type\":\"server_error\","
        "\"param\":null,\"code\":null}}\n\n");
}

static void refuse_with(struct sim_answer *out, const struct sim_request *in, int status, struct str message)
{
    struct sim_error e = {.status = status, .retry_after_s = -1, .message = message};
    openai_error(out, in, &e);
}

void openai_refuse(struct sim_answer *out, const struct sim_request *in, struct str param, struct str message)
{
    struct sim_error e = {.status = 400, .retry_after_s = -1, .message = message, .param = param};
    openai_error(out, in, &e);
}

void openai_close(struct sim_answer *out, const struct sim_request *in, bool is_stream)
{
    if (sim_answer_is_full(out))
        openai_refuse(out, in, STR(""), STR("The simulated reply would be over 64 MiB. Ask for less."));
    else
        sim_answer_close(out, 200, is_stream, head_lines(in, is_stream, -1));
}

void openai_close_as(struct sim_answer *out, const struct sim_request *in, struct str content_type)
{
    if (sim_answer_is_full(out)) {
        openai_close(out, in, false);
        return;
    }
    sim_answer_close(out, 200, false,
                     arena_printf(in->arena, "Content-Type: %.*s\r\nX-Request-Id: req_%.*s\r\n",
                                  STR_ARG(content_type), STR_ARG(in->id)));
}

/* ---- reading requests ---- */

bool openai_read(struct sim_answer *out, const struct sim_request *in, const struct json_wanted *wanted,
                 size_t count, struct json_found *found)
{
    struct err err;
    if (!json_check(in->body, wanted, count, found, &err)) {
        openai_refuse(
            out, in, STR(""),
            arena_printf(in->arena, "We could not parse the JSON body of your request: %s", err.text));
        return false;
    }
    if (found[0].value.type == JSON_STRING) return true;
    openai_refuse(out, in, wanted[0].name, STR("You must provide a model parameter: a string."));
    return false;
}

bool openai_read_number(struct sim_answer *out, const struct sim_request *in, const struct json_found *member,
                        int64_t max, int64_t *n)
{
    int64_t got;
    if (!json_exists(member->value) || json_is_null(member->value)) return true;
    if (json_to_i64(member->value, &got) && got >= 1 && got <= max) {
        *n = got;
        return true;
    }
    struct str name = json_str_raw(member->key);
    openai_refuse(out, in, name,
                  arena_printf(in->arena, "Invalid value for '%.*s': expected an integer from 1 to %lld.",
                               STR_ARG(name), (long long)max));
    return false;
}

/* ---- moderations ---- */

void openai_answer_moderations(struct sim_answer *out, const struct sim_request *in)
{
    static const struct str result = STR_INIT(
        "{\"flagged\":false,\"categories\":{\"harassment\":false,\"harassment/threatening\":false,\"hate\":false,"
        "\"hate/threatening\":false,\"illicit\":false,\"illicit/violent\":false,\"self-harm\":false,"
        "\"self-harm/instructions\":false,\"self-harm/intent\":false,\"sexual\":false,\"sexual/minors\":false,"
        "\"violence\":false,\"violence/graphic\":false},\"category_scores\":{\"harassment\":0.0,"
        "\"harassment/threatening\":0.0,\"hate\":0.0,\"hate/threatening\":0.0,\"illicit\":0.0,"
        "\"illicit/violent\":0.0,\"self-harm\":0.0,\"self-harm/instructions\":0.0,\"self-harm/intent\":0.0,"
        "\"sexual\":0.0,\"sexual/minors\":0.0,\"violence\":0.0,\"violence/graphic\":0.0},"
        "\"category_applied_input_types\":{\"harassment\":[],\"harassment/threatening\":[],\"hate\":[],"
        "\"hate/threatening\":[],\"illicit\":[],\"illicit/violent\":[],\"self-harm\":[],"
        "\"self-harm/instructions\":[],\"self-harm/intent\":[],\"sexual\":[],\"sexual/minors\":[],"
        "\"violence\":[],\"violence/graphic\":[]}}");
    static const struct json_wanted wanted[] = {{STR_INIT("model")}, {STR_INIT("input")}};
    struct json_found found[ARRAY_COUNT(wanted)];
    struct err err;
    if (!json_check(in->body, wanted, ARRAY_COUNT(wanted), found, &err)) {
        (void)openai_read(out, in, wanted, ARRAY_COUNT(wanted), found);
        return;
    }
    struct json_value model = found[0].value, input = found[1].value, item;
    if (input.type != JSON_STRING && input.type != JSON_ARRAY) {
        openai_refuse(out, in, STR("input"), STR("Missing or wrong 'input': expected a string or an array."));
        return;
    }
    /* Strings are judged one by one; parts with a type are one input together. */
    sim_put(out, STR("{\"id\":\"modr-"));
    sim_put(out, in->id);
    sim_put(out, STR("\",\"model\":"));
    sim_put(out, model.type == JSON_STRING ? model.raw : STR("\"omni-moderation-latest\""));
    sim_put(out, STR(",\"results\":["));
    sim_put(out, result);
    if (json_at(input, 0).type == JSON_STRING) {
        struct json_items it;
        json_items_init(&it, input);
        for (bool is_first = true; json_items_next(&it, &item); is_first = false) {
            if (is_first) continue;
            sim_put(out, STR(","));
            sim_put(out, result);
        }
    }
    sim_put(out, STR("]}"));
    openai_close(out, in, false);
}

/* ---- models ---- */

static const struct str model_names[] = {
    STR_INIT("demo"),        STR_INIT("echo"), STR_INIT("simulated"), STR_INIT("simulated-embeddings"),
    STR_INIT("gpt-4o-mini"),
};

static void put_model(struct sim_answer *out, struct str name)
{
    sim_put(out, STR("{\"id\":"));
    sim_put_json_str(out, name);
    sim_put(out, STR(",\"object\":\"model\",\"created\":1767225600,\"owned_by\":\"weir-simulated\"}"));
}

static void answer_one_model(struct sim_answer *out, const struct sim_request *in, struct str escaped)
{
    struct str name;
    if (!url_decode(&name, in->arena, escaped)) name = escaped;
    for (size_t i = 0; i < ARRAY_COUNT(model_names); i++) {
        if (!str_equals(name, model_names[i])) continue;
        put_model(out, name);
        openai_close(out, in, false);
        return;
    }
    refuse_with(out, in, 404,
                arena_printf(in->arena,
                             "The model '%.*s' does not exist here. GET /v1/models lists those that do.",
                             STR_ARG(str_part(name, 0, 100))));
}

void openai_answer_models(struct sim_answer *out, const struct sim_request *in)
{
    size_t at = str_find(in->path, one_model.end);
    if (at != SIZE_MAX) {
        answer_one_model(out, in, str_from(in->path, at + one_model.end.len));
        return;
    }
    sim_put(out, STR("{\"object\":\"list\",\"data\":["));
    for (size_t i = 0; i < ARRAY_COUNT(model_names); i++) {
        if (i) sim_put(out, STR(","));
        put_model(out, model_names[i]);
    }
    sim_put(out, STR("]}"));
    openai_close(out, in, false);
}

/* ---- the way to them ---- */

static const struct route *route_find(struct str path)
{
    for (size_t i = 0; i < ARRAY_COUNT(routes); i++)
        if (str_ends_with(path, routes[i].end)) return &routes[i];
    size_t at = str_find(path, one_model.end);
    return at != SIZE_MAX && path.len > at + one_model.end.len ? &one_model : NULL;
}

static void openai_answer(struct sim_answer *out, const struct sim_request *in)
{
    const struct route *route = route_find(in->path);
    if (!route)
        refuse_with(
            out, in, 404,
            STR("There is no such path in the simulated OpenAI API. It has /v1/chat/completions, /v1/completions, "
                "/v1/embeddings, /v1/moderations, /v1/images/generations and edits, /v1/audio/speech, transcriptions and "
                "translations, and /v1/models."));
    else if (route->method != in->method)
        refuse_with(out, in, 405,
                    arena_printf(in->arena, "Wrong method: use %s for this path.",
                                 route->method == M_GET ? "GET" : "POST"));
    else
        route->answer(out, in);
}

const struct sim_dialect sim_dialect_openai = {
    .name = "openai", .answer = openai_answer, .error = openai_error, .error_event = openai_error_event};
