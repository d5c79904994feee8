/* simulate/openai_chat.c: /chat/completions and /completions, plain and streamed. First the request is read into a
 * `struct completion` that knows what will be said, to how many tokens that comes and why it ends; then it is written
 * in one of four forms. Reading refuses what OpenAI refuses, as far as callers' mistakes go. */
#include "simulate/openai.h"

#include "base/fmt.h"
#include "json/cursor.h"
#include "json/skim.h"
#include "simulate/schema.h"
#include "simulate/text.h"

enum { MAX_CHOICES = 128 };

struct completion {
    struct sim_answer *out;
    const struct sim_request *in;
    bool is_chat, is_stream, wants_usage, calls_tool;
    struct str model;     /* as JSON */
    struct str tool_name; /* as JSON */
    struct str text;      /* what is said, or the tool's arguments */
    struct str finish;    /* as JSON */
    unsigned choices;     /* prompts × n */
    unsigned prompt_tokens, completion_tokens;
    struct json_value last_user;
};

/* ---- reading ---- */

enum {
    MODEL,
    MESSAGES,
    PROMPT,
    STREAM,
    STREAM_OPTIONS,
    MAX_TOKENS,
    MAX_COMPLETION_TOKENS,
    N,
    TOOLS,
    TOOL_CHOICE,
    RESPONSE_FORMAT,
    MEMBER_COUNT
};
static const struct json_wanted members[MEMBER_COUNT] = {
    {STR_INIT("model")},
    {STR_INIT("messages")},
    {STR_INIT("prompt")},
    {STR_INIT("stream")},
    {STR_INIT("stream_options")},
    {STR_INIT("max_tokens")},
    {STR_INIT("max_completion_tokens")},
    {STR_INIT("n")},
    {STR_INIT("tools")},
    {STR_INIT("tool_choice")},
    {STR_INIT("response_format")},
};

static bool refuse(struct completion *c, struct str param, struct str message)
{
    openai_refuse(c->out, c->in, param, message);
    return false;
}

static size_t content_bytes(struct json_value content)
{
    if (content.type == JSON_STRING) return json_str_raw(content).len;
    size_t bytes = 0;
    struct json_items it;
    struct json_value part;
    json_items_init(&it, content);
    while (json_items_next(&it, &part)) bytes += json_str_raw(json_get(part, STR("text"))).len;
    return bytes;
}

static bool read_messages(struct completion *c, struct json_value messages)
{
    static const struct str names[] = {STR_INIT("role"), STR_INIT("content")};
    struct json_value got[2], message;
    struct json_items it;
    size_t bytes = 0, count = 0;
    json_items_init(&it, messages);
    for (; json_items_next(&it, &message); count++) {
        if (message.type != JSON_OBJECT || !json_skim(message.raw, names, 2, got) ||
            got[0].type != JSON_STRING)
            return refuse(c, STR("messages"), STR("Wrong 'messages': each one is an object with a 'role'."));
        bytes += content_bytes(got[1]);
        if (json_str_equals(got[0], STR("user"))) c->last_user = got[1];
    }
    if (!count)
        return refuse(c, STR("messages"), STR("Missing 'messages': expected an array of one or more."));
    c->prompt_tokens = text_tokens(bytes);
    return true;
}

static bool read_prompt(struct completion *c, struct json_value prompt)
{
    struct json_value first = json_at(prompt, 0), item;
    if (prompt.type != JSON_STRING && prompt.type != JSON_ARRAY)
        return refuse(c, STR("prompt"), STR("Missing or wrong 'prompt': expected a string or an array."));
    c->prompt_tokens = text_tokens(prompt.raw.len - 2);
    c->last_user = prompt.type == JSON_STRING ? prompt : first;
    if (first.type != JSON_STRING && first.type != JSON_ARRAY) return true;
    struct json_items it;
    unsigned count = 0;
    json_items_init(&it, prompt);
    while (json_items_next(&it, &item)) count++;
    if (count > MAX_CHOICES) return refuse(c, STR("prompt"), STR("Too many prompts: 128 are allowed."));
    c->choices *= count;
    return true;
}

/* The function that must be called: the one that tool_choice names, the first one for "required". JSON_NONE: none. */
static struct json_value chosen_tool(struct json_value tools, struct json_value choice)
{
    bool is_required = json_str_equals(choice, STR("required"));
    struct json_value wanted = json_get(json_get(choice, STR("function")), STR("name")), tool;
    struct json_items it;
    json_items_init(&it, tools);
    while (json_items_next(&it, &tool)) {
        struct json_value function = json_get(tool, STR("function"));
        struct json_value own = json_get(function, STR("name"));
        if (own.type == JSON_STRING && (is_required || str_equals(own.raw, wanted.raw))) return function;
    }
    return (struct json_value){0};
}

static bool say_instance(struct completion *c, struct json_value schema)
{
    struct buf instance;
    buf_init(&instance, 1 << 20);
    bool is_written = schema_write_instance(&instance, schema, c->in->arena);
    c->text = arena_copy(c->in->arena, buf_str(&instance));
    buf_done(&instance);
    return is_written || refuse(c, STR(""), STR("A value that fits this schema would be over 1 MiB."));
}

static bool read_tools(struct completion *c, const struct json_found *found)
{
    struct json_value choice = found[TOOL_CHOICE].value;
    bool names_one = json_exists(json_get(json_get(choice, STR("function")), STR("name")));
    if (!names_one && !json_str_equals(choice, STR("required"))) return true;
    struct json_value function = chosen_tool(found[TOOLS].value, choice);
    if (!json_exists(function))
        return refuse(c, STR("tool_choice"),
                      STR("'tool_choice' asks for a function that 'tools' does not hold."));
    c->calls_tool = true;
    c->tool_name = json_get(function, STR("name")).raw;
    c->finish = STR("\"tool_calls\"");
    return say_instance(c, json_get(function, STR("parameters")));
}

static struct str echo_of(struct completion *c)
{
    struct arena *a = c->in->arena;
    struct json_value part;
    struct str text;
    if (json_to_str(c->last_user, a, &text)) return text;
    char *start = arena_alloc(a, c->last_user.raw.len), *at = start; /* its texts are no longer than itself */
    struct json_items it;
    json_items_init(&it, c->last_user);
    while (json_items_next(&it, &part))
        if (json_to_str(json_get(part, STR("text")), a, &text)) at = fmt_str(at, text);
    return str_of(start, (size_t)(at - start));
}

static bool choose_text(struct completion *c, const struct json_found *found)
{
    struct json_value type = json_get(found[RESPONSE_FORMAT].value, STR("type"));
    c->finish = STR("\"stop\"");
    if (c->is_chat && !read_tools(c, found)) return false;
    if (c->calls_tool) return true;
    if (json_str_equals(type, STR("json_schema")))
        return say_instance(
            c, json_get(json_get(found[RESPONSE_FORMAT].value, STR("json_schema")), STR("schema")));
    if (json_str_equals(type, STR("json_object")))
        c->text = STR("{\"simulated\":true}");
    else if (str_equals(c->model, STR("\"echo\"")) || str_ends_with(c->model, STR("/echo\"")))
        c->text = echo_of(c);
    else
        c->text = text_reply(c->in->arena, c->prompt_tokens, c->in->tokens);
    return true;
}

static bool is_true(struct json_value v)
{
    bool is_set = false;
    return json_to_bool(v, &is_set) && is_set;
}

static bool completion_read(struct completion *c)
{
    struct json_found found[MEMBER_COUNT];
    int64_t n = 1, max_tokens = INT64_MAX;
    if (!openai_read(c->out, c->in, members, MEMBER_COUNT, found)) return false;
    c->model = found[MODEL].value.raw;
    if (!openai_read_number(c->out, c->in, &found[N], MAX_CHOICES, &n)) return false;
    for (int i = MAX_TOKENS; i <= MAX_COMPLETION_TOKENS; i++)
        if (!openai_read_number(c->out, c->in, &found[i], INT32_MAX, &max_tokens)) return false;
    c->choices = (unsigned)n;
    if (!(c->is_chat ? read_messages(c, found[MESSAGES].value) : read_prompt(c, found[PROMPT].value)))
        return false;
    if (!choose_text(c, found)) return false;
    if (!c->calls_tool && max_tokens < INT32_MAX) {
        struct str cut = text_cut(c->text, (unsigned)max_tokens);
        if (cut.len < c->text.len) c->finish = STR("\"length\"");
        c->text = cut;
    }
    c->completion_tokens = c->choices * text_tokens(c->text.len);
    c->is_stream = is_true(found[STREAM].value);
    c->wants_usage = is_true(json_get(found[STREAM_OPTIONS].value, STR("include_usage")));
    return true;
}

/* ---- writing ---- */

/* {"id":…,"object":…,"created":…,"model":… */
static void put_opening(struct completion *c)
{
    static const struct str objects[2][2] = {
        {STR_INIT("\",\"object\":\"text_completion\",\"created\":"),
         STR_INIT("\",\"object\":\"text_completion\",\"created\":")},
        {STR_INIT("\",\"object\":\"chat.completion\",\"created\":"),
         STR_INIT("\",\"object\":\"chat.completion.chunk\",\"created\":")},
    };
    sim_put(c->out, c->is_chat ? STR("{\"id\":\"chatcmpl-") : STR("{\"id\":\"cmpl-"));
    sim_put(c->out, c->in->id);
    sim_put(c->out, objects[c->is_chat][c->is_stream]);
    sim_put_u64(c->out, (uint64_t)c->in->now_s);
    sim_put(c->out, STR(",\"model\":"));
    sim_put(c->out, c->model);
    sim_put(c->out, STR(",\"system_fingerprint\":\"fp_simulated\""));
}

static void put_usage(struct completion *c)
{
    sim_put(c->out, STR(",\"usage\":{\"prompt_tokens\":"));
    sim_put_u64(c->out, c->prompt_tokens);
    sim_put(c->out, STR(",\"completion_tokens\":"));
    sim_put_u64(c->out, c->completion_tokens);
    sim_put(c->out, STR(",\"total_tokens\":"));
    sim_put_u64(c->out, (uint64_t)c->prompt_tokens + c->completion_tokens);
    sim_put(c->out, STR(",\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
                        "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,"
                        "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}"));
}

static void put_whole_choice(struct completion *c, unsigned index)
{
    sim_put(c->out, index ? STR(",{\"index\":") : STR("{\"index\":"));
    sim_put_u64(c->out, index);
    if (!c->is_chat) {
        sim_put(c->out, STR(",\"text\":"));
        sim_put_json_str(c->out, c->text);
    } else if (c->calls_tool) {
        sim_put(c->out, STR(",\"message\":{\"role\":\"assistant\",\"content\":null,\"refusal\":null,"
                            "\"annotations\":[],\"tool_calls\":[{\"id\":\"call_"));
        sim_put(c->out, c->in->id);
        sim_put(c->out, STR("\",\"type\":\"function\",\"function\":{\"name\":"));
        sim_put(c->out, c->tool_name);
        sim_put(c->out, STR(",\"arguments\":"));
        sim_put_json_str(c->out, c->text);
        sim_put(c->out, STR("}}]}"));
    } else {
        sim_put(c->out, STR(",\"message\":{\"role\":\"assistant\",\"content\":"));
        sim_put_json_str(c->out, c->text);
        sim_put(c->out, STR(",\"refusal\":null,\"annotations\":[]}"));
    }
    sim_put(c->out, STR(",\"logprobs\":null,\"finish_reason\":"));
    sim_put(c->out, c->finish);
    sim_put(c->out, STR("}"));
}

static void put_whole(struct completion *c)
{
    put_opening(c);
    sim_put(c->out, STR(",\"choices\":["));
    for (unsigned i = 0; i < c->choices; i++) put_whole_choice(c, i);
    sim_put(c->out, STR("]"));
    put_usage(c);
    sim_put(c->out, STR("}"));
}

/* One event with one choice: the delta's (or text's) JSON in `before`, a string in between, `after`. */
static void put_chunk(struct completion *c, unsigned index, struct str before, const struct str *text,
                      struct str after)
{
    sim_put(c->out, STR("data: "));
    put_opening(c);
    sim_put(c->out, STR(",\"choices\":[{\"index\":"));
    sim_put_u64(c->out, index);
    sim_put(c->out, c->is_chat ? STR(",\"delta\":") : STR(",\"text\":"));
    sim_put(c->out, before);
    if (text) sim_put_json_str(c->out, *text);
    sim_put(c->out, after);
    sim_put(c->out, c->wants_usage ? STR("}],\"usage\":null}\n\n") : STR("}]}\n\n"));
    sim_end_event(c->out);
}

static const struct str unfinished = STR_INIT(",\"logprobs\":null,\"finish_reason\":null");

static void put_first_delta(struct completion *c, unsigned index)
{
    struct str text = STR("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}");
    struct str call[] = {
        STR("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"index\":0,\"id\":\"call_"),
        c->in->id, STR("\",\"type\":\"function\",\"function\":{\"name\":"), c->tool_name,
        STR(",\"arguments\":\"\"}}]}")};
    put_chunk(c, index, c->calls_tool ? arena_join(c->in->arena, call, ARRAY_COUNT(call)) : text, NULL,
              unfinished);
}

static void put_choice_chunks(struct completion *c, unsigned index)
{
    static const struct str before[] = {
        STR_INIT("{\"content\":"), STR_INIT("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":")};
    static const struct str after[] = {STR_INIT("},\"logprobs\":null,\"finish_reason\":null"),
                                       STR_INIT("}}]},\"logprobs\":null,\"finish_reason\":null")};
    struct str rest = c->text, piece;
    if (c->is_chat) put_first_delta(c, index);
    while (text_next_piece(&rest, &piece)) {
        if (c->is_chat)
            put_chunk(c, index, before[c->calls_tool], &piece, after[c->calls_tool]);
        else
            put_chunk(c, index, STR(""), &piece, unfinished);
    }
    struct str end = arena_join(c->in->arena,
                                (struct str[]){STR(",\"logprobs\":null,\"finish_reason\":"), c->finish}, 2);
    put_chunk(c, index, c->is_chat ? STR("{}") : STR("\"\""), NULL, end);
}

static void put_stream(struct completion *c)
{
    for (unsigned i = 0; i < c->choices; i++) put_choice_chunks(c, i);
    if (c->wants_usage) {
        sim_put(c->out, STR("data: "));
        put_opening(c);
        sim_put(c->out, STR(",\"choices\":[]"));
        put_usage(c);
        sim_put(c->out, STR("}\n\n"));
        sim_end_event(c->out);
    }
    sim_put(c->out, STR("data: [DONE]\n\n"));
    sim_end_event(c->out);
}

static void completion_answer(struct completion *c)
{
    if (!completion_read(c)) return;
    if (c->is_stream)
        put_stream(c);
    else
        put_whole(c);
    openai_close(c->out, c->in, c->is_stream);
}

void openai_answer_chat(struct sim_answer *out, const struct sim_request *in)
{
    struct completion c = {.out = out, .in = in, .is_chat = true};
    completion_answer(&c);
}

void openai_answer_completions(struct sim_answer *out, const struct sim_request *in)
{
    struct completion c = {.out = out, .in = in};
    completion_answer(&c);
}
