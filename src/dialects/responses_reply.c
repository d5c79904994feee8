/* dialects/responses_reply.c: whole answers in OpenAI's Responses format, read from a provider and written to a caller. A
 * response repeats much of its request, which SDKs rely on; what was not said has the service's own defaults there. */
#include "dialects/responses.h"

#include "base/fmt.h"
#include "dialects/data_url.h"
#include "dialects/openai_chat.h"
#include "dialects/tool_calls.h"
#include "json/check.h"

/* ---- why it ended ---- */
static const struct word reason_rows[] = {
    {STR_INIT("max_output_tokens"), FINISH_LENGTH},
    {STR_INIT("content_filter"), FINISH_FILTER},
    {STR_INIT("max_tokens"), FINISH_LENGTH},
};
static const struct words reason_words = WORDS(reason_rows);

enum chat_finish responses_read_finish(struct json_value status, struct json_value details, struct arena *a,
                                       struct str *native)
{
    struct str reason = member_text(details, STR("reason"), a);
    int finish = FINISH_LENGTH; /* what is not complete was cut, whatever the word */
    *native = (struct str){0};
    if (!json_str_equals(status, STR("incomplete"))) return FINISH_STOP;
    if (!words_find(&reason_words, reason, &finish)) *native = reason;
    return (enum chat_finish)finish;
}

struct str responses_status_word(enum chat_finish finish)
{
    return finish == FINISH_LENGTH || finish == FINISH_FILTER ? STR("incomplete") : STR("completed");
}

/* ---- reading ---- */
struct reply_draft {
    struct chat_reply reply;
    struct json_value output, usage, error, status, details;
};
static const struct member reply_rows[] = {
    MEMBER_AT("id", MEMBER_STR, struct reply_draft, reply.id),
    MEMBER_AT("model", MEMBER_STR, struct reply_draft, reply.model),
    MEMBER_AT("created_at", MEMBER_I64, struct reply_draft, reply.created_s),
    MEMBER_AT("output", MEMBER_VALUE, struct reply_draft, output),
    MEMBER_AT("usage", MEMBER_VALUE, struct reply_draft, usage),
    MEMBER_AT("error", MEMBER_VALUE, struct reply_draft, error),
    MEMBER_AT("status", MEMBER_VALUE, struct reply_draft, status),
    MEMBER_AT("incomplete_details", MEMBER_VALUE, struct reply_draft, details),
};
static const struct members reply_members = MEMBERS(reply_rows);

static bool refuse_reply(struct chat_error *err, struct str message)
{
    *err = (struct chat_error){.problem = PROBLEM_UPSTREAM, .message = message};
    return false;
}

void responses_restore_call(struct chat_part *call, const struct chat_request *request, struct arena *a)
{
    if (call->kind != CHAT_TOOL_CALL) return;
    call->name = tool_name_from(&TOOL_NAMES_OPENAI, call->name, request, a);
}

/* Of all texts of all messages. */
static struct chat_token *read_tokens(struct json_value output, struct arena *a)
{
    struct chat_token *first = NULL, **end = &first;
    struct json_items items, parts;
    struct json_value item, part;
    json_items_init(&items, output);
    while (json_items_next(&items, &item)) {
        json_items_init(&parts, json_get(item, STR("content")));
        while (json_items_next(&parts, &part)) {
            *end = openai_read_tokens(json_get(part, STR("logprobs")), a);
            while (*end) end = &(*end)->next;
        }
    }
    return first;
}

static void finish_choice(struct chat_choice *c, const struct reply_draft *d,
                          const struct chat_request *request, struct arena *a)
{
    enum chat_finish finish = responses_read_finish(d->status, d->details, a, &c->native_finish);
    unsigned n = 0;
    openai_place_signatures(&c->parts, a);
    for (struct chat_part *p = c->parts.first; p; p = p->next) {
        if (p->kind != CHAT_TOOL_CALL) continue;
        if (p->id.len == 0) p->id = tool_id_make(d->reply.id, n, a);
        n++;
        responses_restore_call(p, request, a);
    }
    c->finish = chat_finish_settled(finish, n > 0);
    c->logprobs = read_tokens(d->output, a);
}

static bool read_output(struct reading *r, void *parts, struct json_value v)
{
    return read_items(r, v, responses_read_item, parts);
}

bool responses_read_reply(struct chat_reply *out, struct arena *a, const struct http_message *in,
                          const struct chat_request *request, struct chat_error *err)
{
    struct reading r;
    struct reply_draft d = {0};
    struct err broken;
    reading_init(&r, a, err, true);
    if (!json_check(in->body, NULL, 0, NULL, &broken))
        return refuse_reply(err, arena_printf(a, "The provider's reply is not JSON: %s", broken.text));
    if (!read_members(&r, json_value_of(in->body), &reply_members, &d)) return false;
    if (json_exists(d.error)) {
        openai_read_error(err, d.error, a);
        return false;
    }
    bool is_cut = json_str_equals(d.status, STR("incomplete"));
    bool is_whole = is_cut || !json_exists(d.status) || json_str_equals(d.status, STR("completed"));
    if (!is_whole) return refuse_reply(err, STR("The provider's response is not complete."));
    if (d.output.type != JSON_ARRAY || (!is_cut && !json_exists(json_at(d.output, 0))))
        return refuse_reply(err, STR("The provider's response has no output."));
    struct chat_choice *c = chat_reply_add_choice(&d.reply, a);
    if (!read_later(&r, STR("output"), d.output, read_output, &c->parts)) return false;
    finish_choice(c, &d, request, a);
    responses_read_usage(&d.reply.usage, d.usage);
    *out = d.reply;
    return true;
}

/* ---- writing: what a response repeats ---- */
struct str responses_item_id(const char *prefix, unsigned n, const struct reply_frame *frame)
{
    char digits[FMT_U64_BYTES];
    const struct str pieces[] = {str_from_cstr(prefix), frame->id, STR("_"),
                                 str_of(digits, (size_t)(fmt_u64(digits, n) - digits))};
    return arena_join(frame->arena, pieces, ARRAY_COUNT(pieces));
}

void responses_begin_response(struct json_writer *w, const struct response_head *h)
{
    const struct reply_frame *frame = h->frame;
    bool is_cut = h->finish == FINISH_LENGTH || h->finish == FINISH_FILTER;
    const struct str pieces[] = {STR("resp_"), frame->id};
    json_begin_object(w);
    json_put_str(w, STR("id"), h->id.len > 0 ? h->id : arena_join(frame->arena, pieces, ARRAY_COUNT(pieces)));
    json_put_str(w, STR("object"), STR("response"));
    json_put_i64(w, STR("created_at"), h->created_s ? h->created_s : frame->created_s);
    json_put_str(w, STR("status"), h->is_over ? responses_status_word(h->finish) : STR("in_progress"));
    json_put_bool(w, STR("background"), false);
    json_put_null(w, STR("error"));
    if (h->is_over && is_cut) {
        begin_object_at(w, STR("incomplete_details"));
        json_put_str(w, STR("reason"), words_of(&reason_words, (int)h->finish));
        json_end_object(w);
    } else {
        json_put_null(w, STR("incomplete_details"));
    }
    json_put_str(w, STR("model"), h->model.len > 0 ? h->model : frame->model);
}

static void put_tools(struct json_writer *w, const struct chat_request *in, struct arena *a)
{
    const struct request_style style = {.arena = a};
    struct str extra = chat_request_extra(in, CHAT_FORMAT_OPENAI_RESPONSES, STR("tool_choice"));
    bool has_word = extra.len > 0 || in->tool_choice == CHAT_CHOICE_NONE ||
                    in->tool_choice == CHAT_CHOICE_REQUIRED ||
                    (in->tool_choice == CHAT_CHOICE_NAMED && chat_request_tool(in, in->tool_choice_name));
    begin_array_at(w, STR("tools"));
    for (const struct chat_tool *t = in->tools; t; t = t->next)
        if (t->kind == CHAT_TOOL_FUNCTION || t->format == CHAT_FORMAT_OPENAI_RESPONSES)
            responses_put_tool(w, t, in, &style);
    json_end_array(w);
    if (has_word)
        responses_put_choice(w, in, &style);
    else
        json_put_str(w, STR("tool_choice"), STR("auto"));
}

static void put_raw_or(struct json_writer *w, struct str name, struct str json, struct str instead)
{
    json_put_raw(w, name, json.len > 0 ? json : instead);
}

static void put_double_or_one(struct json_writer *w, struct str name, struct chat_double d)
{
    json_put_double(w, name, d.is_set ? d.value : 1);
}

/* The extra of that name, as the caller said it. */
static struct str said(const struct chat_request *in, const char *name)
{
    return chat_request_extra(in, CHAT_FORMAT_OPENAI_RESPONSES, str_from_cstr(name));
}

static void put_settings(struct json_writer *w, const struct chat_request *in)
{
    static const char *const efforts[] = {
        [CHAT_EFFORT_UNSAID] = NULL, [CHAT_EFFORT_NONE] = "none",     [CHAT_EFFORT_MINIMAL] = "minimal",
        [CHAT_EFFORT_LOW] = "low",   [CHAT_EFFORT_MEDIUM] = "medium", [CHAT_EFFORT_HIGH] = "high",
        [CHAT_EFFORT_MAX] = "xhigh",
    };
    json_put_null(w, STR("instructions"));
    if (in->max_tokens > 0)
        json_put_i64(w, STR("max_output_tokens"), in->max_tokens);
    else
        json_put_null(w, STR("max_output_tokens"));
    json_put_bool(w, STR("parallel_tool_calls"), in->parallel_tools != CHAT_NO);
    put_raw_or(w, STR("previous_response_id"), said(in, "previous_response_id"), STR("null"));
    begin_object_at(w, STR("reasoning"));
    put_str_or_null(w, STR("effort"), str_from_cstr(efforts[in->reasoning.effort]));
    put_str_or_null(w, STR("summary"), in->reasoning.is_shown == CHAT_YES ? STR("auto") : STR(""));
    json_end_object(w);
    put_raw_or(w, STR("service_tier"), said(in, "service_tier"), STR("\"default\""));
    put_raw_or(w, STR("store"), said(in, "store"), STR("false"));
    put_double_or_one(w, STR("temperature"), in->temperature);
    begin_object_at(w, STR("text"));
    responses_put_output(w, &in->output);
    put_raw_or(w, STR("verbosity"), said(in, "verbosity"), STR("\"medium\""));
    json_end_object(w);
    json_put_i64(w, STR("top_logprobs"), in->top_logprobs.is_set ? in->top_logprobs.value : 0);
    put_double_or_one(w, STR("top_p"), in->top_p);
    put_raw_or(w, STR("truncation"), said(in, "truncation"), STR("\"disabled\""));
}

void responses_end_response(struct json_writer *w, const struct response_head *h)
{
    const struct chat_request *in = h->frame->request;
    put_settings(w, in);
    put_tools(w, in, h->frame->arena);
    responses_put_usage(w, h->usage);
    put_str_or_null(w, STR("user"), in->user);
    put_raw_or(w, STR("metadata"), in->metadata, STR("{}"));
    json_end_object(w);
}

/* ---- writing: the output ---- */
struct output_draft {
    struct json_writer *w;
    const struct reply_frame *frame;
    const struct chat_choice *choice;
    unsigned items;                  /* so far */
    const struct chat_part *thought; /* whose signature goes with the next call, too */
    bool has_logprobs;               /* they are written */
};

static void begin_item(struct output_draft *d, const char *prefix, const char *type, struct str own_id)
{
    unsigned n = d->items++;
    json_begin_object(d->w);
    json_put_str(d->w, STR("id"), own_id.len > 0 ? own_id : responses_item_id(prefix, n, d->frame));
    json_put_str(d->w, STR("type"), str_from_cstr(type));
}

static bool is_said(const struct chat_part *p)
{
    return p->kind == CHAT_TEXT || p->kind == CHAT_REFUSAL;
}

static void put_text(struct output_draft *d, const struct chat_part *p)
{
    const struct chat_token *tokens = d->has_logprobs ? NULL : d->choice->logprobs;
    json_put_str(d->w, STR("type"), STR("output_text"));
    begin_array_at(d->w, STR("annotations"));
    for (const struct chat_citation *c = p->citations; c; c = c->next)
        if (c->url.len > 0) responses_put_citation(d->w, c);
    json_end_array(d->w);
    json_write_key(d->w, STR("logprobs"));
    openai_write_tokens(d->w, tokens);
    d->has_logprobs = true;
    json_put_str(d->w, STR("text"), p->text);
}

/* A run of words and refusals is one message; returns what is behind it. */
static const struct chat_part *put_message(struct output_draft *d, const struct chat_part *p)
{
    begin_item(d, "msg_", "message", STR(""));
    begin_array_at(d->w, STR("content"));
    for (; p && is_said(p); p = p->next) {
        json_begin_object(d->w);
        if (p->kind == CHAT_TEXT) {
            put_text(d, p);
        } else {
            json_put_str(d->w, STR("type"), STR("refusal"));
            json_put_str(d->w, STR("refusal"), p->text);
        }
        json_end_object(d->w);
    }
    json_end_array(d->w);
    json_put_str(d->w, STR("status"), p ? STR("completed") : responses_status_word(d->choice->finish));
    json_put_str(d->w, STR("role"), STR("assistant"));
    json_end_object(d->w);
    return p;
}

static void put_thought(struct output_draft *d, const struct chat_part *p)
{
    struct str sealed = responses_seal(p->signature, p->format, p->is_redacted, d->frame->arena);
    begin_item(d, "rs_", "reasoning", p->id);
    begin_array_at(d->w, STR("summary"));
    if (p->text.len > 0) {
        json_begin_object(d->w);
        json_put_str(d->w, STR("type"), STR("summary_text"));
        json_put_str(d->w, STR("text"), p->text);
        json_end_object(d->w);
    }
    json_end_array(d->w);
    put_str_if(d->w, STR("encrypted_content"), sealed);
    json_end_object(d->w);
    if (p->signature.len > 0 && !p->is_redacted && p->format == CHAT_FORMAT_ANTHROPIC) d->thought = p;
}

/* Callers who do not give thoughts back give back the ids of calls. */
static void put_call(struct output_draft *d, const struct chat_part *p)
{
    const struct chat_part *signer = p->signature.len > 0 ? p : d->thought;
    struct str id = signer ? tool_id_join(p->id, signer->signature, signer->format, d->frame->arena) : p->id;
    d->thought = NULL;
    begin_item(d, "fc_", "function_call", STR(""));
    json_put_str(d->w, STR("status"), STR("completed"));
    json_put_str(d->w, STR("arguments"), str_trim(p->json).len > 0 ? p->json : STR("{}"));
    json_put_str(d->w, STR("call_id"), id);
    json_put_str(d->w, STR("name"), p->name);
    json_end_object(d->w);
}

static void put_image(struct output_draft *d, const struct chat_media *m)
{
    begin_item(d, "ig_", "image_generation_call", m->id);
    json_put_str(d->w, STR("status"), STR("completed"));
    if (m->mime.len > 0) json_put_str(d->w, STR("output_format"), media_subtype(m->mime));
    json_put_str(d->w, STR("result"), m->data);
    json_end_object(d->w);
}

static void put_other(struct output_draft *d, const struct chat_part *p)
{
    json_write_raw(d->w, p->json);
    d->items++;
}

/* Nothing is an answer, too, but not one without output. */
static void put_empty_message(struct output_draft *d)
{
    static const struct chat_part nothing = {.kind = CHAT_TEXT};
    (void)put_message(d, &nothing);
}

static void put_output(struct output_draft *d)
{
    bool is_cut = d->choice && str_equals(responses_status_word(d->choice->finish), STR("incomplete"));
    begin_array_at(d->w, STR("output"));
    for (const struct chat_part *p = d->choice ? d->choice->parts.first : NULL; p;) {
        if (is_said(p)) {
            p = put_message(d, p);
            continue;
        }
        if (p->kind == CHAT_THINKING)
            put_thought(d, p);
        else if (p->kind == CHAT_TOOL_CALL)
            put_call(d, p);
        else if (p->kind == CHAT_IMAGE && p->media->data.len > 0)
            put_image(d, p->media);
        else if (p->kind == CHAT_OTHER && p->format == CHAT_FORMAT_OPENAI_RESPONSES)
            put_other(d, p);
        p = p->next;
    }
    if (d->items == 0 && !is_cut) put_empty_message(d);
    json_end_array(d->w);
}

/* The format has one choice: the first. */
bool responses_write_reply(struct buf *out, const struct chat_reply *reply, const struct reply_frame *frame)
{
    struct json_writer w;
    struct output_draft d = {.w = &w, .frame = frame, .choice = reply->choices};
    struct response_head h = {.frame = frame,
                              .id = reply->id,
                              .model = reply->model,
                              .created_s = reply->created_s,
                              .is_over = true,
                              .finish = reply->choices ? reply->choices->finish : FINISH_STOP,
                              .usage = &reply->usage};
    json_writer_init(&w, out, 0);
    responses_begin_response(&w, &h);
    put_output(&d);
    responses_end_response(&w, &h);
    return json_writer_finish(&w);
}
