/* dialects/gemini_request_read.c: a request in Gemini's format, into the neutral form. The model stands in the path, and
 * so does whether a stream is wanted. Members that only Gemini has become extras; those of generationConfig and toolConfig
 * with their container's name before theirs ("generationConfig.mediaResolution"), so that a writer of the same format finds
 * their place. */
#include "dialects/gemini.h"

#include "dialects/tool_calls.h"

struct request_draft {
    struct chat_request request;
    struct chat_parts system;
    struct str mime, model;
    struct json_value schema, json_schema, speech;
    struct chat_strings allowed;
    int mode;
};

static bool keep_extra(struct reading *r, void *into, struct str name, struct json_value v)
{
    chat_request_add_extra(&((struct request_draft *)into)->request, r->arena, name, v.raw);
    return true;
}

static bool keep_below(struct reading *r, void *into, struct str container, struct str name,
                       struct json_value v)
{
    const struct str pieces[] = {container, name};
    return keep_extra(r, into, arena_join(r->arena, pieces, ARRAY_COUNT(pieces)), v);
}

/* ---- contents ---- */
static void append(struct chat_parts *list, struct chat_part *part)
{
    part->next = NULL;
    if (list->last)
        list->last->next = part;
    else
        list->first = part;
    list->last = part;
    list->count++;
}

struct content {
    struct str role;
    struct chat_parts parts;
};

static bool read_parts(struct reading *r, void *into, struct json_value v)
{
    return gemini_read_parts(r, &((struct content *)into)->parts, v);
}

static const struct member content_rows[] = {
    MEMBER_AT("role", MEMBER_STR, struct content, role),
    MEMBER_CALL("parts", read_parts),
};
static const struct members content_members = MEMBERS(content_rows);

/* Results of tools are a turn of their own, what stands beside them another one. */
static bool read_content(struct reading *r, void *into, struct json_value v)
{
    struct chat_request *out = &((struct request_draft *)into)->request;
    struct content c = {0};
    if (!read_members(r, v, &content_members, &c)) return false;
    bool is_model = str_equals_nocase(c.role, STR("model"));
    enum chat_role role = is_model ? CHAT_ROLE_ASSISTANT : CHAT_ROLE_USER;
    if (str_equals_nocase(c.role, STR("system"))) role = CHAT_ROLE_SYSTEM;
    struct chat_message *results = NULL, *others = NULL;
    for (struct chat_part *p = c.parts.first, *next; p; p = next) {
        next = p->next;
        bool is_result = p->kind == CHAT_TOOL_RESULT;
        struct chat_message **to = is_result ? &results : &others;
        if (is_result && !results) results = chat_request_add_message(out, r->arena, CHAT_ROLE_TOOL);
        if (!is_result && !others && results) others = chat_request_add_message(out, r->arena, role);
        if (!*to) *to = chat_request_add_message(out, r->arena, role);
        append(&(*to)->parts, p);
    }
    if (c.parts.count == 0) chat_request_add_message(out, r->arena, role);
    return true;
}

static bool read_contents(struct reading *r, void *into, struct json_value v)
{
    return gemini_read_list(r, v, read_content, into);
}

static bool read_system(struct reading *r, void *into, struct json_value v)
{
    struct content c = {0};
    struct chat_parts *system = &((struct request_draft *)into)->system;
    if (v.type == JSON_STRING) { /* SDKs take that, and hand it through in places */
        struct str text = {0};
        if (!read_str(r, v, &text)) return false;
        if (text.len > 0) chat_parts_add(system, r->arena, CHAT_TEXT)->text = text;
        return true;
    }
    if (!read_members(r, v, &content_members, &c)) return false;
    *system = c.parts;
    return true;
}

/* ---- tools ---- */
static bool read_old_schema(struct reading *r, void *into, struct json_value v)
{
    if (v.type != JSON_OBJECT)
        return reading_refuse(r, "an object is needed, got %s", json_type_name(v.type));
    ((struct chat_tool *)into)->schema = gemini_schema_to_json(v, r->arena);
    return true;
}

static bool read_function(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_AT("name", MEMBER_STR, struct chat_tool, name),
        MEMBER_AT("description", MEMBER_STR, struct chat_tool, description),
        MEMBER_CALL("parameters", read_old_schema),
        BOTH_AT("parametersJsonSchema", "parameters_json_schema", MEMBER_OBJECT, struct chat_tool, schema),
    };
    static const struct members members = MEMBERS(rows);
    struct chat_request *out = &((struct request_draft *)into)->request;
    struct chat_tool *tool = chat_request_add_tool(out, r->arena, CHAT_TOOL_FUNCTION);
    if (!read_members(r, v, &members, tool)) return false;
    return tool->name.len > 0 || reading_refuse(r, "a function's name is needed");
}

static bool read_functions(struct reading *r, void *into, struct json_value v)
{
    return gemini_read_list(r, v, read_function, into);
}

/* googleSearch, codeExecution, …: a tool object may have several. */
static bool read_own_tool(struct reading *r, void *into, struct str name, struct json_value v)
{
    struct chat_request *out = &((struct request_draft *)into)->request;
    struct chat_tool *tool = chat_request_add_tool(out, r->arena, CHAT_TOOL_OTHER);
    const struct str pieces[] = {STR("{\""), name, STR("\":"), v.raw, STR("}")};
    tool->name = name;
    tool->json = arena_join(r->arena, pieces, ARRAY_COUNT(pieces));
    tool->format = CHAT_FORMAT_GEMINI;
    return true;
}

static bool read_tool(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        BOTH_CALL("functionDeclarations", "function_declarations", read_functions)};
    static const struct members members = {rows, ARRAY_COUNT(rows), read_own_tool};
    return read_members(r, v, &members, into);
}

static bool read_tools(struct reading *r, void *into, struct json_value v)
{
    return gemini_read_list(r, v, read_tool, into);
}

/* VALIDATED is AUTO whose calls keep to their schemas. */
static bool read_mode(struct reading *r, void *into, struct json_value v)
{
    static const struct word rows[] = {
        {STR_INIT("AUTO"), CHAT_CHOICE_AUTO},
        {STR_INIT("ANY"), CHAT_CHOICE_REQUIRED},
        {STR_INIT("NONE"), CHAT_CHOICE_NONE},
        {STR_INIT("VALIDATED"), CHAT_CHOICE_AUTO},
        {STR_INIT("MODE_UNSPECIFIED"), CHAT_CHOICE_UNSAID},
    };
    struct str word = {0};
    if (!read_str(r, v, &word)) return false;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (str_equals_nocase(word, rows[i].word)) {
            ((struct request_draft *)into)->mode = rows[i].value;
            return true;
        }
    return reading_refuse(r, "AUTO, ANY, NONE or VALIDATED is needed");
}

static bool read_calling(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_CALL("mode", read_mode),
        BOTH_AT("allowedFunctionNames", "allowed_function_names", MEMBER_STRINGS, struct request_draft,
                allowed),
    };
    static const struct members members = MEMBERS(rows);
    return read_members(r, v, &members, into);
}

static bool keep_tool_extra(struct reading *r, void *into, struct str name, struct json_value v)
{
    return keep_below(r, into, STR("toolConfig."), name, v);
}

static bool read_tool_config(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        BOTH_CALL("functionCallingConfig", "function_calling_config", read_calling)};
    static const struct members members = {rows, ARRAY_COUNT(rows), keep_tool_extra};
    return read_members(r, v, &members, into);
}

/* ---- generationConfig ---- */
static bool read_level(struct reading *r, void *into, struct json_value v)
{
    static const struct word rows[] = {
        {STR_INIT("MINIMAL"), CHAT_EFFORT_MINIMAL},
        {STR_INIT("LOW"), CHAT_EFFORT_LOW},
        {STR_INIT("MEDIUM"), CHAT_EFFORT_MEDIUM},
        {STR_INIT("HIGH"), CHAT_EFFORT_HIGH},
        {STR_INIT("THINKING_LEVEL_UNSPECIFIED"), CHAT_EFFORT_UNSAID},
    };
    struct str word = {0};
    if (!read_str(r, v, &word)) return false;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (str_equals_nocase(word, rows[i].word)) {
            ((struct chat_reasoning *)into)->effort = (enum chat_effort)rows[i].value;
            return true;
        }
    return reading_refuse(r, "MINIMAL, LOW, MEDIUM or HIGH is needed");
}

static bool read_thinking(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        BOTH_AT("includeThoughts", "include_thoughts", MEMBER_TRISTATE, struct chat_reasoning, is_shown),
        BOTH_AT("thinkingBudget", "thinking_budget", MEMBER_INT, struct chat_reasoning, budget),
        BOTH_CALL("thinkingLevel", "thinking_level", read_level),
    };
    static const struct members members = MEMBERS(rows);
    return read_members(r, v, &members, &((struct request_draft *)into)->request.reasoning);
}

static bool read_modality(struct reading *r, void *into, struct json_value v)
{
    static const struct word rows[] = {
        {STR_INIT("TEXT"), CHAT_WANTS_TEXT},
        {STR_INIT("IMAGE"), CHAT_WANTS_IMAGE},
        {STR_INIT("AUDIO"), CHAT_WANTS_AUDIO},
    };
    struct str word = {0};
    if (!read_str(r, v, &word)) return false;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (str_equals_nocase(word, rows[i].word)) {
            ((struct request_draft *)into)->request.modalities |= (unsigned)rows[i].value;
            return true;
        }
    return reading_refuse(r, "TEXT, IMAGE or AUDIO is needed");
}

static bool read_modalities(struct reading *r, void *into, struct json_value v)
{
    return read_items(r, v, read_modality, into);
}

static bool keep_generation_extra(struct reading *r, void *into, struct str name, struct json_value v)
{
    return keep_below(r, into, STR("generationConfig."), name, v);
}

#define ROW(camel, kind, field) MEMBER_AT(camel, kind, struct request_draft, field)
#define BOTH(camel, snake, kind, field) BOTH_AT(camel, snake, kind, struct request_draft, field)
static const struct member generation_rows[] = {
    BOTH("maxOutputTokens", "max_output_tokens", MEMBER_I64, request.max_tokens),
    ROW("temperature", MEMBER_DOUBLE, request.temperature),
    BOTH("topP", "top_p", MEMBER_DOUBLE, request.top_p),
    BOTH("topK", "top_k", MEMBER_INT, request.top_k),
    ROW("seed", MEMBER_INT, request.seed),
    BOTH("candidateCount", "candidate_count", MEMBER_INT, request.choices),
    BOTH("stopSequences", "stop_sequences", MEMBER_STRINGS, request.stop),
    BOTH("presencePenalty", "presence_penalty", MEMBER_DOUBLE, request.presence_penalty),
    BOTH("frequencyPenalty", "frequency_penalty", MEMBER_DOUBLE, request.frequency_penalty),
    BOTH("responseLogprobs", "response_logprobs", MEMBER_BOOL, request.wants_logprobs),
    ROW("logprobs", MEMBER_INT, request.top_logprobs),
    BOTH("responseMimeType", "response_mime_type", MEMBER_STR, mime),
    BOTH("responseSchema", "response_schema", MEMBER_VALUE, schema),
    BOTH("responseJsonSchema", "response_json_schema", MEMBER_VALUE, json_schema),
    BOTH_CALL("responseModalities", "response_modalities", read_modalities),
    BOTH("speechConfig", "speech_config", MEMBER_VALUE, speech),
    BOTH_CALL("thinkingConfig", "thinking_config", read_thinking),
};
static const struct members generation_members = {generation_rows, ARRAY_COUNT(generation_rows),
                                                  keep_generation_extra};

static bool read_generation(struct reading *r, void *into, struct json_value v)
{
    return read_members(r, v, &generation_members, into);
}

/* ---- what is known only when all has been read ---- */
static bool settle_output(struct reading *r, void *into, struct json_value v)
{
    struct request_draft *d = into;
    struct chat_output_format *o = &d->request.output;
    if (v.type != JSON_OBJECT)
        return reading_refuse(r, "an object is needed, got %s", json_type_name(v.type));
    bool is_own = !json_exists(d->json_schema);
    if (str_equals(d->mime, STR("text/x.enum"))) { /* one word of a list: nobody else's */
        keep_generation_extra(r, d, STR("responseMimeType"), json_value_of(STR("\"text/x.enum\"")));
        return keep_generation_extra(r, d, is_own ? STR("responseSchema") : STR("responseJsonSchema"), v);
    }
    o->kind = CHAT_OUTPUT_SCHEMA;
    o->schema = is_own ? gemini_schema_to_json(v, r->arena) : v.raw;
    return true;
}

static void settle_mime(struct request_draft *d)
{
    struct chat_output_format *o = &d->request.output;
    if (o->kind == CHAT_OUTPUT_SCHEMA) return;
    if (str_equals(d->mime, STR("application/json")) || str_equals(d->mime, STR("text/json")))
        o->kind = CHAT_OUTPUT_JSON;
    else if (str_equals(d->mime, STR("text/plain")))
        o->kind = CHAT_OUTPUT_TEXT;
}

static void settle_speech(struct reading *r, struct request_draft *d)
{
    struct json_value voice = json_get(d->speech, STR("voiceConfig"));
    if (!json_exists(d->speech)) return;
    d->request.voice = member_text(json_get(voice, STR("prebuiltVoiceConfig")), STR("voiceName"), r->arena);
    if (d->request.voice.len == 0) keep_generation_extra(r, d, STR("speechConfig"), d->speech);
}

static void settle_choice(struct request_draft *d)
{
    struct chat_request *out = &d->request;
    out->tool_choice = (enum chat_choice_mode)d->mode;
    if (d->allowed.count == 1 && d->mode == CHAT_CHOICE_REQUIRED) {
        out->tool_choice = CHAT_CHOICE_NAMED;
        out->tool_choice_name = d->allowed.at[0];
    } else if (d->mode != CHAT_CHOICE_NONE) {
        out->allowed_tools = d->allowed;
        if (d->allowed.count > 0 && d->mode == CHAT_CHOICE_UNSAID) out->tool_choice = CHAT_CHOICE_AUTO;
    }
}

/* In front of everything, where others have it. */
static void settle_system(struct request_draft *d, struct arena *a)
{
    if (d->system.count == 0) return;
    struct chat_message *m = arena_new(a, struct chat_message);
    m->role = CHAT_ROLE_SYSTEM;
    m->parts = d->system;
    m->next = d->request.messages;
    d->request.messages = m;
    if (!m->next) d->request._last_message = m;
}

static const struct member request_rows[] = {
    MEMBER_CALL("contents", read_contents),
    BOTH_CALL("systemInstruction", "system_instruction", read_system),
    MEMBER_CALL("tools", read_tools),
    BOTH_CALL("toolConfig", "tool_config", read_tool_config),
    BOTH_CALL("generationConfig", "generation_config", read_generation),
    ROW("model", MEMBER_STR, model),
};
static const struct members request_members = {request_rows, ARRAY_COUNT(request_rows), keep_extra};

bool gemini_read_request(struct chat_request *out, struct arena *a, const struct http_message *in,
                         struct chat_error *err)
{
    struct reading r;
    struct gemini_target target;
    struct request_draft d = {.request = {.format = CHAT_FORMAT_GEMINI}};
    reading_init(&r, a, err, false);
    gemini_read_path(&target, a, in->path, in->query);
    if (!read_members(&r, json_value_of(in->body), &request_members, &d)) return false;
    struct json_value schema = json_exists(d.json_schema) ? d.json_schema : d.schema;
    if (!read_later(&r, STR("generationConfig.responseSchema"), schema, settle_output, &d)) return false;
    if (!d.request.messages) {
        *err = (struct chat_error){.problem = PROBLEM_INVALID_REQUEST,
                                   .param = STR("contents"),
                                   .message = STR("contents: a list with at least one content is needed")};
        return false;
    }
    settle_mime(&d);
    settle_speech(&r, &d);
    settle_choice(&d);
    settle_system(&d, a);
    if (str_starts_with(d.model, STR("models/"))) d.model = str_from(d.model, 7);
    d.request.model = target.model.len > 0 ? target.model : d.model;
    d.request.is_stream = target.is_stream;
    d.request.is_array_stream = target.is_array;
    d.request.wants_stream_usage = target.is_stream;
    if (d.request.choices.value <= 1) d.request.choices.is_set = false;
    if (d.request.top_logprobs.is_set) d.request.wants_logprobs = true;
    chat_request_link(&d.request, a);
    *out = d.request;
    return true;
}
