/* dialects/responses_request_read.c: a request in OpenAI's Responses format, into the neutral form.
 *
 * "input" is a flat list of items; the assistant's follow each other (thoughts, words, calls) and become one turn, results
 * of calls the next. "instructions" stand in front as the system's. Nothing of the neutral form is stored by anybody:
 * "store" is kept only where it was asked for, and previous_response_id travels as an extra, for who can resolve it.
 * Members that have nothing to say beyond what is so anyway are no extras, as each of these is a loss elsewhere. */
#include "dialects/responses.h"

#include "dialects/openai_chat.h"
#include "dialects/tool_calls.h"

static const struct str LOGPROBS_INCLUDED = STR_INIT("message.output_text.logprobs");
static const struct str ENCRYPTED_INCLUDED = STR_INIT("reasoning.encrypted_content");

struct request_draft {
    struct chat_request request;
    struct str instructions, user, safety_identifier;
    struct json_value input, tool_choice;
};

static void add_extra(struct reading *r, struct request_draft *d, struct str name, struct str json)
{
    chat_request_add_extra(&d->request, r->arena, name, json);
}

/* ---- input ---- */
static const struct word role_rows[] = {
    {STR_INIT("user"), CHAT_ROLE_USER},
    {STR_INIT("assistant"), CHAT_ROLE_ASSISTANT},
    {STR_INIT("system"), CHAT_ROLE_SYSTEM},
    {STR_INIT("developer"), CHAT_ROLE_DEVELOPER},
};
static const struct words role_words = WORDS(role_rows);

struct item_draft {
    int role;
    struct str type, call_id;
    struct json_value content, output;
};

static bool add_result(struct reading *r, struct chat_request *out, const struct item_draft *d)
{
    struct str signature;
    enum chat_format format;
    if (d->call_id.len == 0) return reading_refuse(r, "a function_call_output has the call_id of its call");
    struct chat_message *m = chat_request_continue(out, r->arena, CHAT_ROLE_TOOL);
    struct chat_part *result = chat_parts_add(&m->parts, r->arena, CHAT_TOOL_RESULT);
    result->id = d->call_id;
    (void)tool_id_split(&result->id, &signature, &format);
    return read_later(r, STR("output"), d->output, responses_read_content, &result->content);
}

static bool add_message(struct reading *r, struct chat_request *out, const struct item_draft *d)
{
    enum chat_role role = (enum chat_role)d->role;
    if (d->role < 0) return reading_refuse(r, "a message has a role");
    if (!json_exists(d->content)) return reading_refuse(r, "a message has a content");
    bool is_assistant = role == CHAT_ROLE_ASSISTANT;
    struct chat_message *m = is_assistant ? chat_request_continue(out, r->arena, role)
                                          : chat_request_add_message(out, r->arena, role);
    return read_later(r, STR("content"), d->content,
                      is_assistant ? responses_read_said : responses_read_content, &m->parts);
}

/* What a caller sends back of items that only this format has: results, answers, settings. */
static bool is_callers(const struct item_draft *d)
{
    return str_ends_with(d->type, STR("_output")) || str_ends_with(d->type, STR("_response")) ||
           (d->role >= 0 && d->role != CHAT_ROLE_ASSISTANT);
}

static bool read_item(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_AT("type", MEMBER_STR, struct item_draft, type),
        MEMBER_WORD_AT("role", role_words, struct item_draft, role),
        MEMBER_AT("call_id", MEMBER_STR, struct item_draft, call_id),
        MEMBER_AT("content", MEMBER_VALUE, struct item_draft, content),
        MEMBER_AT("output", MEMBER_VALUE, struct item_draft, output),
    };
    static const struct members members = MEMBERS(rows);
    struct chat_request *out = into;
    struct item_draft d = {.role = -1};
    if (!read_members(r, v, &members, &d)) return false;
    if (d.type.len == 0 && d.role < 0 && !json_exists(json_get(v, STR("id"))))
        return reading_refuse(r, "an item with its type, or a message with its role, is needed");
    if (str_equals(d.type, STR("message")) || (d.type.len == 0 && d.role >= 0))
        return add_message(r, out, &d);
    if (str_equals(d.type, STR("function_call_output"))) return add_result(r, out, &d);
    enum chat_role role = is_callers(&d) ? CHAT_ROLE_USER : CHAT_ROLE_ASSISTANT;
    struct chat_message *m = chat_request_continue(out, r->arena, role);
    return responses_read_item(r, &m->parts, v);
}

static bool read_input(struct reading *r, void *into, struct json_value v)
{
    struct str text = {0};
    if (v.type != JSON_STRING) return read_items(r, v, read_item, into);
    if (!read_str(r, v, &text)) return false;
    struct chat_message *m = chat_request_add_message(into, r->arena, CHAT_ROLE_USER);
    chat_parts_add(&m->parts, r->arena, CHAT_TEXT)->text = text;
    return true;
}

/* ---- tools ---- */
static bool read_tool(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_AT("name", MEMBER_STR, struct chat_tool, name),
        MEMBER_AT("description", MEMBER_STR, struct chat_tool, description),
        MEMBER_AT("parameters", MEMBER_OBJECT, struct chat_tool, schema),
        MEMBER_AT("strict", MEMBER_TRISTATE, struct chat_tool, is_strict),
    };
    static const struct members members = MEMBERS(rows);
    struct chat_request *out = &((struct request_draft *)into)->request;
    struct str type = member_text(v, STR("type"), r->arena);
    if (type.len == 0) return reading_refuse(r, "a tool has a type");
    if (!str_equals(type, STR("function"))) {
        struct chat_tool *other = chat_request_add_tool(out, r->arena, CHAT_TOOL_OTHER);
        other->name = type;
        other->json = v.raw;
        other->format = CHAT_FORMAT_OPENAI_RESPONSES;
        return true;
    }
    struct chat_tool *tool = chat_request_add_tool(out, r->arena, CHAT_TOOL_FUNCTION);
    if (!read_members(r, v, &members, tool)) return false;
    return tool->name.len > 0 || reading_refuse(r, "a function has a name");
}

static bool read_tools(struct reading *r, void *into, struct json_value v)
{
    return read_items(r, v, read_tool, into);
}

static const struct word choice_rows[] = {
    {STR_INIT("auto"), CHAT_CHOICE_AUTO},
    {STR_INIT("none"), CHAT_CHOICE_NONE},
    {STR_INIT("required"), CHAT_CHOICE_REQUIRED},
};
static const struct words choice_words = WORDS(choice_rows);

struct allowed_draft {
    struct chat_strings names;
    bool has_others; /* that are no functions */
};

static bool read_allowed_tool(struct reading *r, void *into, struct json_value v)
{
    struct allowed_draft *d = into;
    struct str name = member_text(v, STR("name"), r->arena);
    bool is_function = str_equals(member_text(v, STR("type"), r->arena), STR("function"));
    if (is_function && name.len > 0)
        d->names.at[d->names.count++] = name;
    else
        d->has_others = true;
    return true;
}

static bool read_allowed(struct reading *r, struct request_draft *out, struct json_value v)
{
    struct json_value tools = json_get(v, STR("tools")), mode = json_get(v, STR("mode")), item;
    struct allowed_draft d = {0};
    struct json_items it;
    size_t count = 0;
    int choice = CHAT_CHOICE_AUTO;
    json_items_init(&it, tools);
    while (json_items_next(&it, &item)) count++;
    d.names.at = arena_new_array(r->arena, struct str, count + 1);
    if (json_exists(mode) && !read_word(r, mode, &choice_words, &choice)) return false;
    if (!read_items(r, tools, read_allowed_tool, &d)) return false;
    out->request.tool_choice = (enum chat_choice_mode)choice;
    if (d.has_others)
        add_extra(r, out, STR("tool_choice"), v.raw);
    else
        out->request.allowed_tools = d.names;
    return true;
}

/* A word, {"type": "function", "name"}, {"type": "allowed_tools", …}; a tool that the provider runs is an extra. */
static bool read_choice(struct reading *r, void *into, struct json_value v)
{
    struct request_draft *d = into;
    int mode = CHAT_CHOICE_UNSAID;
    if (v.type == JSON_STRING) {
        bool is_read = read_word(r, v, &choice_words, &mode);
        d->request.tool_choice = (enum chat_choice_mode)mode;
        return is_read;
    }
    struct str type = member_text(v, STR("type"), r->arena), name = member_text(v, STR("name"), r->arena);
    if (str_equals(type, STR("allowed_tools"))) return read_allowed(r, d, v);
    if (type.len == 0) return reading_refuse(r, "auto, none, required or an object with a type is needed");
    if (!str_equals(type, STR("function"))) {
        add_extra(r, d, STR("tool_choice"), v.raw);
        return true;
    }
    if (name.len == 0) return reading_refuse(r, "the name of a function is needed");
    d->request.tool_choice = CHAT_CHOICE_NAMED;
    d->request.tool_choice_name = name;
    return true;
}

/* ---- the answer's form ---- */
static const struct word output_rows[] = {
    {STR_INIT("text"), CHAT_OUTPUT_TEXT},
    {STR_INIT("json_object"), CHAT_OUTPUT_JSON},
    {STR_INIT("json_schema"), CHAT_OUTPUT_SCHEMA},
};
static const struct words output_words = WORDS(output_rows);

static bool read_format(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_WORD_AT("type", output_words, struct chat_output_format, kind),
        MEMBER_AT("name", MEMBER_STR, struct chat_output_format, name),
        MEMBER_AT("description", MEMBER_STR, struct chat_output_format, description),
        MEMBER_AT("schema", MEMBER_OBJECT, struct chat_output_format, schema),
        MEMBER_AT("strict", MEMBER_TRISTATE, struct chat_output_format, is_strict),
    };
    static const struct members members = MEMBERS(rows);
    struct chat_output_format *output = &((struct request_draft *)into)->request.output;
    if (!read_members(r, v, &members, output)) return false;
    return output->kind != CHAT_OUTPUT_SCHEMA || output->schema.len > 0 ||
           reading_refuse(r, "a json_schema has a schema");
}

/* "medium" is what there is anyway; the chat format calls it by the same name, at its root. */
static bool read_verbosity(struct reading *r, void *into, struct json_value v)
{
    if (!json_str_equals(v, STR("medium"))) add_extra(r, into, STR("verbosity"), v.raw);
    return true;
}

static bool read_text(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_CALL("format", read_format),
        MEMBER_CALL("verbosity", read_verbosity),
    };
    static const struct members members = MEMBERS(rows);
    return read_members(r, v, &members, into);
}

/* ---- reasoning ---- */
static bool read_effort(struct reading *r, void *into, struct json_value v)
{
    int effort = CHAT_EFFORT_UNSAID;
    bool is_read = read_word(r, v, &openai_effort_words, &effort);
    ((struct request_draft *)into)->request.reasoning.effort = (enum chat_effort)effort;
    return is_read;
}

/* auto, concise, detailed: a summary is wanted. How long it is, is the model's to know. */
static bool read_summary(struct reading *r, void *into, struct json_value v)
{
    struct str word = {0};
    if (!read_str(r, v, &word)) return false;
    ((struct request_draft *)into)->request.reasoning.is_shown = CHAT_YES;
    return true;
}

static bool keep_reasoning_extra(struct reading *r, void *into, struct str name, struct json_value v)
{
    const struct str pieces[] = {STR("reasoning."), name};
    add_extra(r, into, arena_join(r->arena, pieces, ARRAY_COUNT(pieces)), v.raw);
    return true;
}

static bool read_reasoning(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_CALL("effort", read_effort),
        MEMBER_CALL("summary", read_summary),
        MEMBER_CALL("generate_summary", read_summary),
    };
    static const struct members members = {rows, ARRAY_COUNT(rows), keep_reasoning_extra};
    return read_members(r, v, &members, into);
}

/* ---- the rest ---- */
/* What is included anyway, or has a word of its own, is no extra. */
static bool read_include(struct reading *r, void *into, struct json_value v)
{
    struct request_draft *d = into;
    struct json_items it;
    struct json_value item;
    bool has_others = false;
    if (v.type != JSON_ARRAY) return reading_refuse(r, "a list is needed, got %s", json_type_name(v.type));
    json_items_init(&it, v);
    while (json_items_next(&it, &item)) {
        bool are_logprobs = json_str_equals(item, LOGPROBS_INCLUDED);
        if (are_logprobs) d->request.wants_logprobs = true;
        has_others = has_others || (!are_logprobs && !json_str_equals(item, ENCRYPTED_INCLUDED));
    }
    if (has_others) add_extra(r, d, STR("include"), v.raw);
    return true;
}

static bool keep_extra(struct reading *r, void *into, struct str name, struct json_value v)
{
    static const struct {
        struct str name, json;
    } defaults[] = {
        {STR_INIT("store"), STR_INIT("false")},
        {STR_INIT("background"), STR_INIT("false")},
        {STR_INIT("truncation"), STR_INIT("\"disabled\"")},
        {STR_INIT("service_tier"), STR_INIT("\"auto\"")},
    };
    for (size_t i = 0; i < ARRAY_COUNT(defaults); i++)
        if (str_equals(name, defaults[i].name) && str_equals(v.raw, defaults[i].json)) return true;
    add_extra(r, into, name, v.raw);
    return true;
}

#define ROW(name, kind, field) MEMBER_AT(name, kind, struct request_draft, field)
static const struct member request_rows[] = {
    ROW("input", MEMBER_VALUE, input),
    ROW("instructions", MEMBER_STR, instructions),
    ROW("model", MEMBER_STR, request.model),
    ROW("stream", MEMBER_BOOL, request.is_stream),
    MEMBER_NOTHING("stream_options"), /* obfuscation */
    MEMBER_CALL("tools", read_tools),
    ROW("tool_choice", MEMBER_VALUE, tool_choice),
    ROW("parallel_tool_calls", MEMBER_TRISTATE, request.parallel_tools),
    MEMBER_CALL("text", read_text),
    MEMBER_CALL("reasoning", read_reasoning),
    ROW("max_output_tokens", MEMBER_I64, request.max_tokens),
    ROW("temperature", MEMBER_DOUBLE, request.temperature),
    ROW("top_p", MEMBER_DOUBLE, request.top_p),
    ROW("frequency_penalty", MEMBER_DOUBLE, request.frequency_penalty),
    ROW("presence_penalty", MEMBER_DOUBLE, request.presence_penalty),
    ROW("top_logprobs", MEMBER_INT, request.top_logprobs),
    MEMBER_CALL("include", read_include),
    ROW("user", MEMBER_STR, user),
    ROW("safety_identifier", MEMBER_STR, safety_identifier),
    ROW("metadata", MEMBER_OBJECT, request.metadata),
};
static const struct members request_members = {request_rows, ARRAY_COUNT(request_rows), keep_extra};

static void place_signatures(struct chat_request *request, struct arena *a)
{
    for (struct chat_message *m = request->messages; m; m = m->next)
        if (m->role == CHAT_ROLE_ASSISTANT) openai_place_signatures(&m->parts, a);
}

/* Without input something else must say what to answer. */
static bool has_something_to_say(const struct chat_request *r)
{
    static const struct str others[] = {STR_INIT("previous_response_id"), STR_INIT("prompt"),
                                        STR_INIT("conversation")};
    for (size_t i = 0; i < ARRAY_COUNT(others); i++)
        if (chat_request_extra(r, CHAT_FORMAT_OPENAI_RESPONSES, others[i]).len > 0) return true;
    return r->messages != NULL;
}

bool responses_read_request(struct chat_request *out, struct arena *a, const struct http_message *in,
                            struct chat_error *err)
{
    struct reading r;
    struct request_draft d = {.request = {.format = CHAT_FORMAT_OPENAI_RESPONSES}};
    reading_init(&r, a, err, false);
    if (!read_members(&r, json_value_of(in->body), &request_members, &d)) return false;
    if (d.instructions.len > 0) {
        struct chat_message *m = chat_request_add_message(&d.request, a, CHAT_ROLE_SYSTEM);
        chat_parts_add(&m->parts, a, CHAT_TEXT)->text = d.instructions;
    }
    if (!read_later(&r, STR("input"), d.input, read_input, &d.request) ||
        !read_later(&r, STR("tool_choice"), d.tool_choice, read_choice, &d))
        return false;
    if (!has_something_to_say(&d.request)) {
        *err = (struct chat_error){
            .problem = PROBLEM_INVALID_REQUEST,
            .param = STR("input"),
            .message = STR("input: a string, or a list with at least one item, is needed")};
        return false;
    }
    d.request.wants_stream_usage = d.request.is_stream;
    d.request.user = d.safety_identifier.len > 0 ? d.safety_identifier : d.user;
    place_signatures(&d.request, a);
    chat_request_link(&d.request, a);
    *out = d.request;
    return true;
}
