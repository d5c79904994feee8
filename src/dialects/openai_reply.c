/* dialects/openai_reply.c: whole answers in OpenAI's chat format, read from a provider and written to a caller. What a
 * message is made of is in openai_parts.c. */
#include "dialects/openai_chat.h"

#include "dialects/openai_observe.h"
#include "dialects/openai_usage.h"
#include "dialects/tool_calls.h"
#include "json/check.h"

/* ---- why it ended ---- */
static const struct word finish_rows[] = {
    {STR_INIT("stop"), FINISH_STOP},
    {STR_INIT("length"), FINISH_LENGTH},
    {STR_INIT("tool_calls"), FINISH_TOOL_CALLS},
    {STR_INIT("content_filter"), FINISH_FILTER},
    {STR_INIT("function_call"), FINISH_TOOL_CALLS},
    {STR_INIT("eos"), FINISH_STOP},            /* Together */
    {STR_INIT("model_length"), FINISH_LENGTH}, /* Mistral */
    {STR_INIT("max_tokens"), FINISH_LENGTH},
};
static const struct words finish_words = WORDS(finish_rows);

enum chat_finish openai_read_finish(struct str word)
{
    int finish = word.len > 0 ? FINISH_STOP
                              : FINISH_NONE; /* a word that nobody knows is an end all the same */
    (void)!words_find(&finish_words, word, &finish);
    return (enum chat_finish)finish;
}

struct str openai_finish_word(enum chat_finish finish)
{
    struct str word = words_of(&finish_words, (int)finish);
    return word.len > 0 ? word : STR("stop");
}

/* ---- tokens ---- */
static struct chat_token *read_tokens(struct json_value list, bool with_rivals, struct arena *a)
{
    struct chat_token *first = NULL, **end = &first;
    struct json_items it;
    struct json_value item;
    json_items_init(&it, list);
    while (json_items_next(&it, &item)) {
        struct chat_token *t = arena_new(a, struct chat_token);
        t->text = member_text(item, STR("token"), a);
        (void)!json_to_double(json_get(item, STR("logprob")), &t->logprob);
        if (with_rivals) t->rivals = read_tokens(json_get(item, STR("top_logprobs")), false, a);
        *end = t;
        end = &t->next;
    }
    return first;
}

struct chat_token *openai_read_tokens(struct json_value list, struct arena *a)
{
    return read_tokens(list, true, a);
}

struct chat_token *openai_read_logprobs(struct json_value logprobs, struct arena *a)
{
    return openai_read_tokens(json_get(logprobs, STR("content")), a);
}

static void put_token(struct json_writer *w, const struct chat_token *t)
{
    json_put_str(w, STR("token"), t->text);
    json_put_double(w, STR("logprob"), t->logprob);
    begin_array_at(w, STR("bytes"));
    for (size_t i = 0; i < t->text.len; i++) json_write_i64(w, (unsigned char)t->text.at[i]);
    json_end_array(w);
}

void openai_write_tokens(struct json_writer *w, const struct chat_token *tokens)
{
    json_begin_array(w);
    for (const struct chat_token *t = tokens; t; t = t->next) {
        json_begin_object(w);
        put_token(w, t);
        begin_array_at(w, STR("top_logprobs"));
        for (const struct chat_token *rival = t->rivals; rival; rival = rival->next) {
            json_begin_object(w);
            put_token(w, rival);
            json_end_object(w);
        }
        json_end_array(w);
        json_end_object(w);
    }
    json_end_array(w);
}

void openai_put_logprobs(struct json_writer *w, const struct chat_token *tokens)
{
    if (!tokens) {
        json_put_null(w, STR("logprobs"));
        return;
    }
    begin_object_at(w, STR("logprobs"));
    json_write_key(w, STR("content"));
    openai_write_tokens(w, tokens);
    json_put_null(w, STR("refusal"));
    json_end_object(w);
}

/* ---- sources ---- */
bool openai_read_citation(struct json_value annotation, struct arena *a, struct chat_citation *out)
{
    struct json_value c = json_get(annotation, STR("url_citation"));
    if (c.type != JSON_OBJECT) return false;
    *out = (struct chat_citation){
        .url = member_text(c, STR("url"), a),
        .title = member_text(c, STR("title"), a),
        .quote = member_text(c, STR("content"), a),
    };
    (void)!json_to_i64(json_get(c, STR("start_index")), &out->start);
    (void)!json_to_i64(json_get(c, STR("end_index")), &out->end);
    return out->url.len > 0;
}

void openai_put_citation(struct json_writer *w, const struct chat_citation *c)
{
    json_begin_object(w);
    json_put_str(w, STR("type"), STR("url_citation"));
    begin_object_at(w, STR("url_citation"));
    json_put_i64(w, STR("start_index"), c->start);
    json_put_i64(w, STR("end_index"), c->end);
    json_put_str(w, STR("title"), c->title);
    json_put_str(w, STR("url"), c->url);
    put_str_if(w, STR("content"), c->quote);
    json_end_object(w);
    json_end_object(w);
}

/* ---- errors ---- */
static enum problem problem_in(struct json_value error)
{
    static const struct word rows[] = {
        {STR_INIT("invalid_request_error"), PROBLEM_INVALID_REQUEST},
        {STR_INIT("rate_limit_error"), PROBLEM_RATE_LIMITED},
        {STR_INIT("rate_limit_exceeded"), PROBLEM_RATE_LIMITED},
        {STR_INIT("service_unavailable"), PROBLEM_UNAVAILABLE},
        {STR_INIT("overloaded_error"), PROBLEM_UNAVAILABLE},
    };
    static const struct words words = WORDS(rows);
    int64_t status = 0;
    int problem = PROBLEM_UPSTREAM;
    if (!json_to_i64(json_get(error, STR("status_code")), &status))
        (void)!json_to_i64(json_get(error, STR("code")), &status);
    if (status >= 400 && status <= 599) return problem_of_status((int)status);
    struct str type = json_str_raw(json_get(error, STR("type")));
    struct str code = json_str_raw(json_get(error, STR("code")));
    if (!words_find(&words, code, &problem)) (void)!words_find(&words, type, &problem);
    return (enum problem)problem;
}

void openai_read_error(struct chat_error *out, struct json_value error, struct arena *a)
{
    *out = (struct chat_error){.problem = problem_in(error)};
    if (!json_to_str(error, a, &out->message)) out->message = member_text(error, STR("message"), a);
    if (out->message.len == 0) out->message = STR("The provider reported an error without a message.");
    out->code = member_text(error, STR("code"), a);
    out->param = member_text(error, STR("param"), a);
    out->rejection = openai_rejection_in(out->code);
    if (out->rejection == REJECTION_OTHER) out->rejection = openai_rejection_in(out->message);
}

/* ---- reading ---- */
struct choice_draft {
    int64_t index;
    struct str finish, native_finish;
    struct json_value message, logprobs;
};

static bool read_choice(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_AT("index", MEMBER_I64, struct choice_draft, index),
        MEMBER_AT("message", MEMBER_VALUE, struct choice_draft, message),
        MEMBER_AT("finish_reason", MEMBER_STR, struct choice_draft, finish),
        MEMBER_AT("native_finish_reason", MEMBER_STR, struct choice_draft, native_finish),
        MEMBER_AT("logprobs", MEMBER_VALUE, struct choice_draft, logprobs),
    };
    static const struct members members = MEMBERS(rows);
    struct chat_reply *out = into;
    struct choice_draft d = {.index = -1};
    if (!read_members(r, v, &members, &d)) return false;
    struct chat_choice *c = chat_reply_add_choice(out, r->arena);
    if (d.index >= 0 && d.index < UINT16_MAX) c->index = (unsigned)d.index;
    if (!openai_read_assistant(r, d.message, out->id.len > 0 ? out->id : STR("reply"), &c->parts))
        return false;
    enum chat_finish finish = openai_read_finish(d.finish);
    if (finish == FINISH_NONE && c->parts.count > 0) finish = FINISH_STOP; /* Snowflake: "" */
    c->finish = chat_finish_settled(finish, chat_parts_find(&c->parts, CHAT_TOOL_CALL) != NULL);
    bool is_own_word = str_equals(d.finish, openai_finish_word(finish));
    c->native_finish = d.native_finish.len > 0 ? d.native_finish : is_own_word ? STR("") : d.finish;
    c->logprobs = openai_read_logprobs(d.logprobs, r->arena);
    return true;
}

static bool read_choices(struct reading *r, void *into, struct json_value v)
{
    return read_items(r, v, read_choice, into);
}

struct reply_draft {
    struct chat_reply reply;
    struct json_value choices, usage, error;
};
static const struct member reply_rows[] = {
    MEMBER_AT("id", MEMBER_STR, struct reply_draft, reply.id),
    MEMBER_AT("model", MEMBER_STR, struct reply_draft, reply.model),
    MEMBER_AT("created", MEMBER_I64, struct reply_draft, reply.created_s),
    MEMBER_AT("choices", MEMBER_VALUE, struct reply_draft, choices),
    MEMBER_AT("usage", MEMBER_VALUE, struct reply_draft, usage),
    MEMBER_AT("error", MEMBER_VALUE, struct reply_draft, error),
};
static const struct members reply_members = MEMBERS(reply_rows);

static bool refuse_reply(struct chat_error *err, struct str message)
{
    *err = (struct chat_error){.problem = PROBLEM_UPSTREAM, .message = message};
    return false;
}

/* Names that had to be changed for this format are the caller's again. */
static void restore_names(struct chat_reply *reply, const struct chat_request *request, struct arena *a)
{
    for (struct chat_choice *c = reply->choices; c; c = c->next)
        for (struct chat_part *p = c->parts.first; p; p = p->next)
            if (p->kind == CHAT_TOOL_CALL) p->name = tool_name_from(&TOOL_NAMES_OPENAI, p->name, request, a);
}

bool openai_chat_read_reply(struct chat_reply *out, struct arena *a, const struct http_message *in,
                            const struct chat_request *request, struct chat_error *err)
{
    struct reading r;
    struct reply_draft d = {0};
    struct err broken;
    reading_init(&r, a, err, true);
    if (!json_check(in->body, NULL, 0, NULL, &broken))
        return refuse_reply(err, arena_printf(a, "The provider's reply is not JSON: %s", broken.text));
    if (!read_members(&r, json_value_of(in->body), &reply_members, &d)) return false;
    if (!read_later(&r, STR("choices"), d.choices, read_choices, &d.reply)) return false;
    if (!d.reply.choices && json_exists(d.error)) {
        openai_read_error(err, d.error, a);
        return false;
    }
    if (!d.reply.choices) return refuse_reply(err, STR("The provider's reply has no choices."));
    openai_read_usage(&d.reply.usage, d.usage);
    restore_names(&d.reply, request, a);
    *out = d.reply;
    return true;
}

/* ---- writing ---- */
static void put_sound(struct json_writer *w, const struct chat_media *m)
{
    begin_object_at(w, STR("audio"));
    json_put_str(w, STR("id"), m->id);
    json_put_i64(w, STR("expires_at"), m->expires_s);
    json_put_str(w, STR("data"), m->data);
    json_put_str(w, STR("transcript"), m->text);
    json_end_object(w);
}

struct str openai_reply_id(struct str id, const struct reply_frame *frame)
{
    const struct str pieces[] = {STR("chatcmpl-"), frame->id};
    return id.len > 0 ? id : arena_join(frame->arena, pieces, ARRAY_COUNT(pieces));
}

static void put_images(struct json_writer *w, const struct chat_parts *parts, struct arena *a)
{
    if (!chat_parts_find(parts, CHAT_IMAGE)) return;
    begin_array_at(w, STR("images"));
    for (const struct chat_part *p = parts->first; p; p = p->next)
        if (p->kind == CHAT_IMAGE) (void)openai_put_part(w, p, false, a);
    json_end_array(w);
}

static void put_citations(struct json_writer *w, const struct chat_parts *parts)
{
    bool is_begun = false;
    for (const struct chat_part *p = parts->first; p; p = p->next)
        for (const struct chat_citation *c = p->citations; c; c = c->next) {
            if (c->url.len == 0) continue;
            if (!is_begun) begin_array_at(w, STR("annotations"));
            is_begun = true;
            openai_put_citation(w, c);
        }
    if (is_begun) json_end_array(w);
}

static void put_message(struct json_writer *w, const struct chat_parts *parts,
                        const struct reply_frame *frame)
{
    struct str text = chat_parts_text(parts, CHAT_TEXT, STR(""), frame->arena);
    bool has_other = chat_parts_find(parts, CHAT_TOOL_CALL) || chat_parts_find(parts, CHAT_REFUSAL) ||
                     chat_parts_find(parts, CHAT_AUDIO);
    const struct chat_part *sound = chat_parts_find(parts, CHAT_AUDIO);
    begin_object_at(w, STR("message"));
    json_put_str(w, STR("role"), STR("assistant"));
    if (text.len > 0 || !has_other)
        json_put_str(w, STR("content"), text);
    else
        json_put_null(w, STR("content"));
    put_str_or_null(w, STR("refusal"), chat_parts_text(parts, CHAT_REFUSAL, STR(""), frame->arena));
    put_str_if(w, STR("reasoning_content"), chat_parts_text(parts, CHAT_THINKING, STR(""), frame->arena));
    openai_put_reasoning_details(w, parts);
    put_citations(w, parts);
    if (sound) put_sound(w, sound->media);
    put_images(w, parts, frame->arena);
    openai_put_tool_calls(w, parts,
                          &(struct call_style){.arena = frame->arena, .ids_carry_signatures = true});
    json_end_object(w);
}

static void put_choice(struct json_writer *w, const struct chat_choice *c, const struct reply_frame *frame)
{
    json_begin_object(w);
    json_put_i64(w, STR("index"), c->index);
    put_message(w, &c->parts, frame);
    openai_put_logprobs(w, c->logprobs);
    json_put_str(w, STR("finish_reason"), openai_finish_word(c->finish));
    put_str_if(w, STR("native_finish_reason"), c->native_finish);
    json_end_object(w);
}

bool openai_chat_write_reply(struct buf *out, const struct chat_reply *reply, const struct reply_frame *frame)
{
    struct json_writer w;
    json_writer_init(&w, out, 0);
    json_begin_object(&w);
    json_put_str(&w, STR("id"), openai_reply_id(reply->id, frame));
    json_put_str(&w, STR("object"), STR("chat.completion"));
    json_put_i64(&w, STR("created"), reply->created_s ? reply->created_s : frame->created_s);
    json_put_str(&w, STR("model"), reply->model.len > 0 ? reply->model : frame->model);
    begin_array_at(&w, STR("choices"));
    for (const struct chat_choice *c = reply->choices; c; c = c->next) put_choice(&w, c, frame);
    json_end_array(&w);
    if (reply->usage.is_known) openai_put_usage(&w, &reply->usage);
    json_end_object(&w);
    return json_writer_finish(&w);
}
