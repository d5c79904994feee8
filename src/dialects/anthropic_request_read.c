/* dialects/anthropic_request_read.c: a request in Anthropic's Messages format, into the neutral form. Every member that is
 * known has a row; the rest become extras. An extra with a dot in its name stands inside of another member
 * ("output_config.task_budget", "tools.defer_loading"): a loss for every other format.
 *
 * A user's turn that answers calls becomes two messages: the results, and what else it says. */
#include "dialects/anthropic.h"

/* What must wait for others. */
struct request_draft {
    struct chat_request request;
    struct json_value system, messages, old_output;
};

static void add_once(struct reading *r, struct chat_request *out, struct str prefix, struct str name,
                     struct json_value v)
{
    const struct str pieces[] = {prefix, name};
    struct str full = arena_join(r->arena, pieces, ARRAY_COUNT(pieces));
    const struct chat_extra *e = out->extras;
    while (e && !str_equals(e->name, full)) e = e->next;
    if (!e) chat_request_add_extra(out, r->arena, full, v.raw);
}

/* ---- messages ---- */
static bool read_system(struct reading *r, void *into, struct json_value v)
{
    struct chat_request *out = into;
    struct chat_message *m = chat_request_add_message(out, r->arena, CHAT_ROLE_SYSTEM);
    return anthropic_read_content(r, &m->parts, v);
}

static void move_to(struct chat_parts *list, struct chat_part *p)
{
    p->next = NULL;
    if (list->last)
        list->last->next = p;
    else
        list->first = p;
    list->last = p;
    list->count++;
}

static void add_turn(struct reading *r, struct chat_request *out, enum chat_role role,
                     const struct chat_parts *parts)
{
    struct chat_message *results = NULL, *rest = NULL;
    for (struct chat_part *p = parts->first, *next; p; p = next) {
        next = p->next;
        if (p->kind != CHAT_TOOL_RESULT) continue;
        if (!results) results = chat_request_continue(out, r->arena, CHAT_ROLE_TOOL);
        struct chat_part *copy = arena_new(r->arena, struct chat_part);
        *copy = *p;
        move_to(&results->parts, copy);
    }
    for (struct chat_part *p = parts->first, *next; p; p = next) {
        next = p->next;
        if (p->kind == CHAT_TOOL_RESULT) continue;
        if (!rest) rest = chat_request_add_message(out, r->arena, role);
        move_to(&rest->parts, p);
    }
    if (!results && !rest) chat_request_add_message(out, r->arena, role);
}

static const struct word role_rows[] = {
    {STR_INIT("user"), CHAT_ROLE_USER},
    {STR_INIT("assistant"), CHAT_ROLE_ASSISTANT},
    {STR_INIT("system"), CHAT_ROLE_SYSTEM},
};
static const struct words role_words = WORDS(role_rows);

struct message_draft {
    int role;
    struct json_value content;
};

static bool read_message(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_WORD_AT("role", role_words, struct message_draft, role),
        MEMBER_AT("content", MEMBER_VALUE, struct message_draft, content),
    };
    static const struct members members = MEMBERS(rows);
    struct message_draft m = {.role = -1};
    struct chat_parts parts = {0};
    if (!read_members(r, v, &members, &m)) return false;
    if (m.role < 0) return reading_refuse(r, "a message has a role");
    if (!read_later(r, STR("content"), m.content, anthropic_read_content, &parts)) return false;
    add_turn(r, into, (enum chat_role)m.role, &parts);
    return true;
}

static bool read_messages(struct reading *r, void *into, struct json_value v)
{
    return read_items(r, v, read_message, into);
}

/* ---- tools ---- */
struct tool_draft {
    struct chat_tool tool;
    struct chat_request *request;
};

static bool read_tool_cache(struct reading *r, void *into, struct json_value v)
{
    return read_cache_control(r, v, &((struct tool_draft *)into)->tool.cache);
}

/* defer_loading, allowed_callers, input_examples, … */
static bool note_tool_member(struct reading *r, void *into, struct str name, struct json_value v)
{
    add_once(r, ((struct tool_draft *)into)->request, STR("tools."), name, v);
    return true;
}

static bool read_tool(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_NOTHING("type"),
        MEMBER_AT("name", MEMBER_STR, struct tool_draft, tool.name),
        MEMBER_AT("description", MEMBER_STR, struct tool_draft, tool.description),
        MEMBER_AT("input_schema", MEMBER_OBJECT, struct tool_draft, tool.schema),
        MEMBER_AT("strict", MEMBER_TRISTATE, struct tool_draft, tool.is_strict),
        MEMBER_CALL("cache_control", read_tool_cache),
    };
    static const struct members members = {rows, ARRAY_COUNT(rows), note_tool_member};
    struct chat_request *out = into;
    struct str type = member_text(v, STR("type"), r->arena);
    if (type.len > 0 && !str_equals(type, STR("custom"))) {
        struct chat_tool *other = chat_request_add_tool(out, r->arena, CHAT_TOOL_OTHER);
        other->name = type;
        other->json = v.raw;
        other->format = CHAT_FORMAT_ANTHROPIC;
        return true;
    }
    struct tool_draft d = {.request = out};
    if (!read_members(r, v, &members, &d)) return false;
    if (d.tool.name.len == 0) return reading_refuse(r, "a tool with its name is needed");
    struct chat_tool *tool = chat_request_add_tool(out, r->arena, CHAT_TOOL_FUNCTION);
    *tool = d.tool;
    return true;
}

static bool read_tools(struct reading *r, void *into, struct json_value v)
{
    return read_items(r, v, read_tool, &((struct request_draft *)into)->request);
}

static const struct word choice_rows[] = {
    {STR_INIT("auto"), CHAT_CHOICE_AUTO},
    {STR_INIT("any"), CHAT_CHOICE_REQUIRED},
    {STR_INIT("none"), CHAT_CHOICE_NONE},
    {STR_INIT("tool"), CHAT_CHOICE_NAMED},
};
static const struct words choice_words = WORDS(choice_rows);

static bool read_one_at_a_time(struct reading *r, void *into, struct json_value v)
{
    bool is_disabled = false;
    if (!json_to_bool(v, &is_disabled)) return reading_refuse(r, "true or false is needed");
    ((struct chat_request *)into)->parallel_tools = is_disabled ? CHAT_NO : CHAT_YES;
    return true;
}

static bool read_choice(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_WORD_AT("type", choice_words, struct chat_request, tool_choice),
        MEMBER_AT("name", MEMBER_STR, struct chat_request, tool_choice_name),
        MEMBER_CALL("disable_parallel_tool_use", read_one_at_a_time),
    };
    static const struct members members = MEMBERS(rows);
    struct chat_request *out = &((struct request_draft *)into)->request;
    if (!read_members(r, v, &members, out)) return false;
    if (out->tool_choice == CHAT_CHOICE_NAMED && out->tool_choice_name.len == 0)
        return reading_refuse(r, "a tool's name is needed");
    return true;
}

/* ---- the answer's form, and thinking ---- */
static const struct word effort_rows[] = {
    {STR_INIT("low"), CHAT_EFFORT_LOW},   {STR_INIT("medium"), CHAT_EFFORT_MEDIUM},
    {STR_INIT("high"), CHAT_EFFORT_HIGH}, {STR_INIT("max"), CHAT_EFFORT_MAX},
    {STR_INIT("xhigh"), CHAT_EFFORT_MAX}, {STR_INIT("low"), CHAT_EFFORT_MINIMAL},
};
const struct words anthropic_effort_words = WORDS(effort_rows);

static bool read_format(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_AT("schema", MEMBER_OBJECT, struct chat_output_format, schema),
        MEMBER_AT("name", MEMBER_STR, struct chat_output_format, name),
    };
    static const struct members members = MEMBERS(rows);
    struct chat_output_format *output = &((struct request_draft *)into)->request.output;
    if (!read_members(r, v, &members, output)) return false;
    if (output->schema.len == 0) return reading_refuse(r, "a json_schema with its schema is needed");
    output->kind = CHAT_OUTPUT_SCHEMA;
    return true;
}

static bool note_output_member(struct reading *r, void *into, struct str name, struct json_value v)
{
    add_once(r, &((struct request_draft *)into)->request, STR("output_config."), name, v);
    return true;
}

static bool read_output(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_WORD_AT("effort", anthropic_effort_words, struct request_draft, request.reasoning.effort),
        MEMBER_CALL("format", read_format),
    };
    static const struct members members = {rows, ARRAY_COUNT(rows), note_output_member};
    return read_members(r, v, &members, into);
}

enum thinking_type { THINKING_UNSAID, THINKING_ENABLED, THINKING_ADAPTIVE, THINKING_DISABLED };
static const struct word thinking_rows[] = {
    {STR_INIT("enabled"), THINKING_ENABLED},
    {STR_INIT("adaptive"), THINKING_ADAPTIVE},
    {STR_INIT("disabled"), THINKING_DISABLED},
};
static const struct words thinking_words = WORDS(thinking_rows);
static const struct word display_rows[] = {
    {STR_INIT("summarized"), CHAT_YES},
    {STR_INIT("omitted"), CHAT_NO},
};
static const struct words display_words = WORDS(display_rows);

struct thinking_draft {
    int type, display;
    struct chat_int budget;
};

static bool read_thinking(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_WORD_AT("type", thinking_words, struct thinking_draft, type),
        MEMBER_WORD_AT("display", display_words, struct thinking_draft, display),
        MEMBER_AT("budget_tokens", MEMBER_INT, struct thinking_draft, budget),
    };
    static const struct members members = MEMBERS(rows);
    struct chat_reasoning *reasoning = &((struct request_draft *)into)->request.reasoning;
    struct thinking_draft d = {0};
    if (!read_members(r, v, &members, &d)) return false;
    if (d.type == THINKING_UNSAID) return reading_refuse(r, "enabled, adaptive or disabled is needed");
    reasoning->is_on = d.type == THINKING_DISABLED ? CHAT_NO : CHAT_YES;
    reasoning->is_shown = (enum chat_tristate)d.display;
    if (d.type == THINKING_ENABLED) reasoning->budget = d.budget;
    if (d.type == THINKING_ADAPTIVE) reasoning->budget = (struct chat_int){true, -1};
    return true;
}

/* ---- the whole ---- */
static bool read_metadata(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {MEMBER_AT("user_id", MEMBER_STR, struct chat_request, user)};
    static const struct members members = MEMBERS(rows);
    return read_members(r, v, &members, &((struct request_draft *)into)->request);
}

static bool read_root_cache(struct reading *r, void *into, struct json_value v)
{
    return read_cache_control(r, v, &((struct request_draft *)into)->request.cache);
}

static bool keep_extra(struct reading *r, void *into, struct str name, struct json_value v)
{
    chat_request_add_extra(&((struct request_draft *)into)->request, r->arena, name, v.raw);
    return true;
}

#define ROW(name, kind, field) MEMBER_AT(name, kind, struct request_draft, field)
static const struct member request_rows[] = {
    ROW("messages", MEMBER_VALUE, messages),
    ROW("system", MEMBER_VALUE, system),
    ROW("model", MEMBER_STR, request.model),
    ROW("max_tokens", MEMBER_I64, request.max_tokens),
    ROW("stream", MEMBER_BOOL, request.is_stream),
    MEMBER_CALL("tools", read_tools),
    MEMBER_CALL("tool_choice", read_choice),
    MEMBER_CALL("thinking", read_thinking),
    MEMBER_CALL("output_config", read_output),
    ROW("output_format", MEMBER_VALUE, old_output), /* the beta's word */
    ROW("stop_sequences", MEMBER_STRINGS, request.stop),
    ROW("temperature", MEMBER_DOUBLE, request.temperature),
    ROW("top_p", MEMBER_DOUBLE, request.top_p),
    ROW("top_k", MEMBER_INT, request.top_k),
    MEMBER_CALL("metadata", read_metadata),
    MEMBER_CALL("cache_control", read_root_cache),
};
static const struct members request_members = {request_rows, ARRAY_COUNT(request_rows), keep_extra};

bool anthropic_read_request(struct chat_request *out, struct arena *a, const struct http_message *in,
                            struct chat_error *err)
{
    struct reading r;
    struct request_draft d = {.request = {.format = CHAT_FORMAT_ANTHROPIC}};
    reading_init(&r, a, err, false);
    if (!read_members(&r, json_value_of(in->body), &request_members, &d)) return false;
    if (!read_later(&r, STR("system"), d.system, read_system, &d.request) ||
        !read_later(&r, STR("messages"), d.messages, read_messages, &d.request) ||
        !read_later(&r, STR("output_format"), d.old_output, read_format, &d))
        return false;
    if (!json_exists(json_at(d.messages, 0))) {
        *err = (struct chat_error){.problem = PROBLEM_INVALID_REQUEST,
                                   .param = STR("messages"),
                                   .message = STR("messages: a list with at least one message is needed")};
        return false;
    }
    d.request.wants_stream_usage = d.request.is_stream; /* there is no stream without it */
    chat_request_link(&d.request, a);
    *out = d.request;
    return true;
}
