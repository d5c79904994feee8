/* dialects/openai_request_read.c: a request in OpenAI's chat format, into the neutral form. Every member that is known has
 * a row; the rest become extras. */
#include "dialects/openai_chat.h"

#include "dialects/tool_calls.h"

/* What is known only when all members have been read. */
struct request_draft {
    struct chat_request request;
    int64_t max_tokens, max_completion_tokens;
    struct str user, safety_identifier;
    struct json_value old_functions, old_choice, tool_choice;
};

/* ---- messages ---- */
enum { ROLE_FUNCTION = CHAT_ROLE_TOOL + 1 }; /* of 2023: the result of a call without an id */
static const struct word role_rows[] = {
    {STR_INIT("system"), CHAT_ROLE_SYSTEM}, {STR_INIT("developer"), CHAT_ROLE_DEVELOPER},
    {STR_INIT("user"), CHAT_ROLE_USER},     {STR_INIT("assistant"), CHAT_ROLE_ASSISTANT},
    {STR_INIT("tool"), CHAT_ROLE_TOOL},     {STR_INIT("function"), ROLE_FUNCTION},
};
static const struct words role_words = WORDS(role_rows);

struct message_draft {
    int role;
    struct str name, tool_call_id;
    struct json_value content;
    enum chat_cache cache;
};

static bool read_message_cache(struct reading *r, void *into, struct json_value v)
{
    return read_cache_control(r, v, &((struct message_draft *)into)->cache);
}

/* Consecutive results are one turn; each keeps its content's parts. */
static bool add_result(struct reading *r, struct chat_request *out, const struct message_draft *m)
{
    struct chat_message *message = chat_request_continue(out, r->arena, CHAT_ROLE_TOOL);
    struct chat_part *result = chat_parts_add(&message->parts, r->arena, CHAT_TOOL_RESULT);
    struct str signature;
    enum chat_format format;
    result->id = m->tool_call_id;
    result->name = m->name;
    result->cache = m->cache;
    (void)tool_id_split(&result->id, &signature, &format);
    return read_later(r, STR("content"), m->content, openai_read_content, &result->content);
}

static bool read_message(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_WORD_AT("role", role_words, struct message_draft, role),
        MEMBER_AT("content", MEMBER_VALUE, struct message_draft, content),
        MEMBER_AT("name", MEMBER_STR, struct message_draft, name),
        MEMBER_AT("tool_call_id", MEMBER_STR, struct message_draft, tool_call_id),
        MEMBER_CALL("cache_control", read_message_cache),
    };
    static const struct members members = MEMBERS(rows);
    struct chat_request *out = &((struct request_draft *)into)->request;
    struct message_draft m = {.role = -1};
    if (!read_members(r, v, &members, &m)) return false;
    if (m.role < 0) return reading_refuse(r, "a message has a role");
    if (m.role == CHAT_ROLE_TOOL || m.role == ROLE_FUNCTION) return add_result(r, out, &m);

    struct chat_message *message = chat_request_add_message(out, r->arena, (enum chat_role)m.role);
    message->name = m.name;
    bool is_read = m.role == CHAT_ROLE_ASSISTANT
                       ? openai_read_assistant(r, v, STR(""), &message->parts)
                       : read_later(r, STR("content"), m.content, openai_read_content, &message->parts);
    if (is_read && m.cache && message->parts.last) message->parts.last->cache = m.cache;
    return is_read;
}

static bool read_messages(struct reading *r, void *into, struct json_value v)
{
    return read_items(r, v, read_message, into);
}

/* ---- tools ---- */
static const struct member function_rows[] = {
    MEMBER_AT("name", MEMBER_STR, struct chat_tool, name),
    MEMBER_AT("description", MEMBER_STR, struct chat_tool, description),
    MEMBER_AT("parameters", MEMBER_OBJECT, struct chat_tool, schema),
    MEMBER_AT("strict", MEMBER_TRISTATE, struct chat_tool, is_strict),
};
static const struct members function_members = MEMBERS(function_rows);

static bool read_function(struct reading *r, void *into, struct json_value v)
{
    return read_members(r, v, &function_members, into);
}

static bool read_tool_cache(struct reading *r, void *into, struct json_value v)
{
    return read_cache_control(r, v, &((struct chat_tool *)into)->cache);
}

static bool need_name(struct reading *r, const struct chat_tool *tool)
{
    return tool->name.len > 0 || reading_refuse(r, "a function with its name is needed");
}

static bool read_tool(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_CALL("function", read_function),
        MEMBER_CALL("cache_control", read_tool_cache),
    };
    static const struct members members = MEMBERS(rows);
    struct chat_request *out = &((struct request_draft *)into)->request;
    struct str type = member_text(v, STR("type"), r->arena);
    if (type.len > 0 && !str_equals(type, STR("function"))) {
        struct chat_tool *other = chat_request_add_tool(out, r->arena, CHAT_TOOL_OTHER);
        other->name = type;
        other->json = v.raw;
        other->format = CHAT_FORMAT_OPENAI_CHAT;
        return true;
    }
    struct chat_tool *tool = chat_request_add_tool(out, r->arena, CHAT_TOOL_FUNCTION);
    return read_members(r, v, &members, tool) && need_name(r, tool);
}

static bool read_tools(struct reading *r, void *into, struct json_value v)
{
    return read_items(r, v, read_tool, into);
}

static bool read_old_function(struct reading *r, void *into, struct json_value v)
{
    struct chat_request *out = &((struct request_draft *)into)->request;
    struct chat_tool *tool = chat_request_add_tool(out, r->arena, CHAT_TOOL_FUNCTION);
    return read_members(r, v, &function_members, tool) && need_name(r, tool);
}

static bool read_old_functions(struct reading *r, void *into, struct json_value v)
{
    return read_items(r, v, read_old_function, into);
}

static const struct word choice_rows[] = {
    {STR_INIT("auto"), CHAT_CHOICE_AUTO},
    {STR_INIT("none"), CHAT_CHOICE_NONE},
    {STR_INIT("required"), CHAT_CHOICE_REQUIRED},
    {STR_INIT("any"), CHAT_CHOICE_REQUIRED}, /* Mistral */
};
static const struct words choice_words = WORDS(choice_rows);

static bool read_allowed_name(struct reading *r, void *into, struct json_value v)
{
    struct chat_strings *list = into;
    struct str name = member_text(json_get(v, STR("function")), STR("name"), r->arena);
    if (name.len > 0) list->at[list->count++] = name;
    return true;
}

static bool read_allowed(struct reading *r, void *into, struct json_value v)
{
    struct chat_request *out = into;
    struct json_value tools = json_get(v, STR("tools")), mode = json_get(v, STR("mode")), item;
    struct json_items it;
    size_t count = 0;
    int choice = CHAT_CHOICE_AUTO;
    json_items_init(&it, tools);
    while (json_items_next(&it, &item)) count++;
    out->allowed_tools.at = arena_new_array(r->arena, struct str, count + 1);
    if (json_exists(mode) && !read_word(r, mode, &choice_words, &choice)) return false;
    out->tool_choice = (enum chat_choice_mode)choice;
    return read_items(r, tools, read_allowed_name, &out->allowed_tools);
}

/* A word, {"type": "function", "function": {"name"}}, {"type": "allowed_tools", …}, or of 2023 {"name"}. */
static bool read_choice(struct reading *r, void *into, struct json_value v)
{
    struct chat_request *out = into;
    int mode = CHAT_CHOICE_UNSAID;
    if (v.type == JSON_STRING) {
        bool is_read = read_word(r, v, &choice_words, &mode);
        out->tool_choice = (enum chat_choice_mode)mode;
        return is_read;
    }
    struct json_value allowed = json_get(v, STR("allowed_tools"));
    if (json_exists(allowed)) return read_later(r, STR("allowed_tools"), allowed, read_allowed, out);
    struct json_value function = json_get(v, STR("function"));
    struct str name = member_text(json_exists(function) ? function : v, STR("name"), r->arena);
    if (name.len == 0) return reading_refuse(r, "auto, none, required or a function with its name is needed");
    out->tool_choice = CHAT_CHOICE_NAMED;
    out->tool_choice_name = name;
    return true;
}

/* ---- the answer's form ---- */
static const struct word output_rows[] = {
    {STR_INIT("text"), CHAT_OUTPUT_TEXT},
    {STR_INIT("json_object"), CHAT_OUTPUT_JSON},
    {STR_INIT("json_schema"), CHAT_OUTPUT_SCHEMA},
};
static const struct words output_words = WORDS(output_rows);

static bool read_schema(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_AT("name", MEMBER_STR, struct chat_output_format, name),
        MEMBER_AT("description", MEMBER_STR, struct chat_output_format, description),
        MEMBER_AT("schema", MEMBER_OBJECT, struct chat_output_format, schema),
        MEMBER_AT("strict", MEMBER_TRISTATE, struct chat_output_format, is_strict),
    };
    static const struct members members = MEMBERS(rows);
    return read_members(r, v, &members, into);
}

static bool read_output(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_WORD_AT("type", output_words, struct chat_output_format, kind),
        MEMBER_CALL("json_schema", read_schema),
        MEMBER_AT("schema", MEMBER_OBJECT, struct chat_output_format, schema), /* Together, llama.cpp */
    };
    static const struct members members = MEMBERS(rows);
    struct chat_output_format *output = &((struct request_draft *)into)->request.output;
    if (!read_members(r, v, &members, output)) return false;
    if (output->schema.len > 0) output->kind = CHAT_OUTPUT_SCHEMA;
    return output->kind != CHAT_OUTPUT_SCHEMA || output->schema.len > 0 ||
           reading_refuse(r, "a json_schema with its schema is needed");
}

static const struct word modality_rows[] = {
    {STR_INIT("text"), CHAT_WANTS_TEXT},
    {STR_INIT("image"), CHAT_WANTS_IMAGE},
    {STR_INIT("audio"), CHAT_WANTS_AUDIO},
};
static const struct words modality_words = WORDS(modality_rows);

static bool read_modality(struct reading *r, void *into, struct json_value v)
{
    int modality = 0;
    bool is_read = read_word(r, v, &modality_words, &modality);
    *(unsigned *)into |= (unsigned)modality;
    return is_read;
}

static bool read_modalities(struct reading *r, void *into, struct json_value v)
{
    return read_items(r, v, read_modality, &((struct request_draft *)into)->request.modalities);
}

static bool read_audio(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_AT("format", MEMBER_STR, struct chat_request, audio_format),
        MEMBER_AT("voice", MEMBER_STR, struct chat_request, voice),
    };
    static const struct members members = MEMBERS(rows);
    return read_members(r, v, &members, &((struct request_draft *)into)->request);
}

static bool read_stream_options(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_AT("include_usage", MEMBER_BOOL, struct chat_request, wants_stream_usage),
        MEMBER_NOTHING("include_obfuscation"),
    };
    static const struct members members = MEMBERS(rows);
    return read_members(r, v, &members, &((struct request_draft *)into)->request);
}

/* ---- reasoning, in three services' words ---- */
static const struct word effort_rows[] = {
    {STR_INIT("none"), CHAT_EFFORT_NONE}, {STR_INIT("minimal"), CHAT_EFFORT_MINIMAL},
    {STR_INIT("low"), CHAT_EFFORT_LOW},   {STR_INIT("medium"), CHAT_EFFORT_MEDIUM},
    {STR_INIT("high"), CHAT_EFFORT_HIGH}, {STR_INIT("xhigh"), CHAT_EFFORT_MAX},
    {STR_INIT("max"), CHAT_EFFORT_MAX},   {STR_INIT("default"), CHAT_EFFORT_UNSAID}, /* Groq */
};
const struct words openai_effort_words = WORDS(effort_rows);

static bool read_excluded(struct reading *r, void *into, struct json_value v)
{
    struct chat_reasoning *reasoning = into;
    bool is_hidden = false;
    (void)r;
    if (json_to_bool(v, &is_hidden)) reasoning->is_shown = is_hidden ? CHAT_NO : CHAT_YES;
    return true;
}

/* OpenRouter. */
static bool read_reasoning(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_WORD_AT("effort", openai_effort_words, struct chat_reasoning, effort),
        MEMBER_AT("max_tokens", MEMBER_INT, struct chat_reasoning, budget),
        MEMBER_AT("enabled", MEMBER_TRISTATE, struct chat_reasoning, is_on),
        MEMBER_CALL("exclude", read_excluded),
        MEMBER_NOTHING("summary"),
    };
    static const struct members members = MEMBERS(rows);
    return read_members(r, v, &members, &((struct request_draft *)into)->request.reasoning);
}

static const struct word thinking_rows[] = {
    {STR_INIT("enabled"), CHAT_YES},
    {STR_INIT("adaptive"), CHAT_YES},
    {STR_INIT("auto"), CHAT_UNSAID},
    {STR_INIT("disabled"), CHAT_NO},
};
static const struct words thinking_words = WORDS(thinking_rows);

/* Z.ai, DeepSeek, and proxies that take Anthropic's. */
static bool read_thinking(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_WORD_AT("type", thinking_words, struct chat_reasoning, is_on),
        MEMBER_AT("budget_tokens", MEMBER_INT, struct chat_reasoning, budget),
    };
    static const struct members members = MEMBERS(rows);
    return read_members(r, v, &members, &((struct request_draft *)into)->request.reasoning);
}

/* ---- the whole ---- */
static bool keep_extra(struct reading *r, void *into, struct str name, struct json_value v)
{
    chat_request_add_extra(&((struct request_draft *)into)->request, r->arena, name, v.raw);
    return true;
}

#define ROW(name, kind, field) MEMBER_AT(name, kind, struct request_draft, field)
static const struct member request_rows[] = {
    MEMBER_CALL("messages", read_messages),
    ROW("model", MEMBER_STR, request.model),
    ROW("stream", MEMBER_BOOL, request.is_stream),
    MEMBER_CALL("stream_options", read_stream_options),
    MEMBER_CALL("tools", read_tools),
    ROW("tool_choice", MEMBER_VALUE, tool_choice),
    ROW("parallel_tool_calls", MEMBER_TRISTATE, request.parallel_tools),
    ROW("functions", MEMBER_VALUE, old_functions),
    ROW("function_call", MEMBER_VALUE, old_choice),
    MEMBER_CALL("response_format", read_output),
    MEMBER_CALL("modalities", read_modalities),
    MEMBER_CALL("audio", read_audio),
    ROW("max_tokens", MEMBER_I64, max_tokens),
    ROW("max_completion_tokens", MEMBER_I64, max_completion_tokens),
    ROW("temperature", MEMBER_DOUBLE, request.temperature),
    ROW("top_p", MEMBER_DOUBLE, request.top_p),
    ROW("top_k", MEMBER_INT, request.top_k),
    ROW("frequency_penalty", MEMBER_DOUBLE, request.frequency_penalty),
    ROW("presence_penalty", MEMBER_DOUBLE, request.presence_penalty),
    ROW("seed", MEMBER_INT, request.seed),
    ROW("n", MEMBER_INT, request.choices),
    ROW("logprobs", MEMBER_BOOL, request.wants_logprobs),
    ROW("top_logprobs", MEMBER_INT, request.top_logprobs),
    ROW("stop", MEMBER_STRINGS, request.stop),
    MEMBER_WORD_AT("reasoning_effort", openai_effort_words, struct request_draft, request.reasoning.effort),
    MEMBER_CALL("reasoning", read_reasoning),
    MEMBER_CALL("thinking", read_thinking),
    ROW("user", MEMBER_STR, user),
    ROW("safety_identifier", MEMBER_STR, safety_identifier),
    ROW("metadata", MEMBER_OBJECT, request.metadata),
};
static const struct members request_members = {request_rows, ARRAY_COUNT(request_rows), keep_extra};

bool openai_chat_read_request(struct chat_request *out, struct arena *a, const struct http_message *in,
                              struct chat_error *err)
{
    struct reading r;
    struct request_draft d = {.request = {.format = CHAT_FORMAT_OPENAI_CHAT}};
    reading_init(&r, a, err, false);
    if (!read_members(&r, json_value_of(in->body), &request_members, &d)) return false;
    if (!read_later(&r, STR("functions"), d.old_functions, read_old_functions, &d) ||
        !read_later(&r, STR("function_call"), d.old_choice, read_choice, &d.request) ||
        !read_later(&r, STR("tool_choice"), d.tool_choice, read_choice, &d.request))
        return false;
    if (!d.request.messages) {
        *err = (struct chat_error){.problem = PROBLEM_INVALID_REQUEST,
                                   .param = STR("messages"),
                                   .message = STR("messages: a list with at least one message is needed")};
        return false;
    }
    d.request.max_tokens = d.max_completion_tokens ? d.max_completion_tokens : d.max_tokens;
    d.request.user = d.safety_identifier.len > 0 ? d.safety_identifier : d.user;
    if (d.request.choices.value <= 1) d.request.choices.is_set = false; /* one is what there is anyway */
    chat_request_link(&d.request, a);
    *out = d.request;
    return true;
}
