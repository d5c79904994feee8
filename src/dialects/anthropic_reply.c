/* dialects/anthropic_reply.c: whole answers in Anthropic's Messages format, read from a provider and written to a caller.
 * What a message is made of is in anthropic_parts.c. There is one choice; an answer may have no block at all. */
#include "dialects/anthropic.h"

#include "dialects/tool_calls.h"
#include "json/check.h"

/* ---- why it ended ---- */
static const struct word finish_rows[] = {
    {STR_INIT("end_turn"), FINISH_STOP},
    {STR_INIT("max_tokens"), FINISH_LENGTH},
    {STR_INIT("tool_use"), FINISH_TOOL_CALLS},
    {STR_INIT("refusal"), FINISH_FILTER},
    {STR_INIT("stop_sequence"), FINISH_STOP},
    {STR_INIT("pause_turn"), FINISH_STOP},
    {STR_INIT("model_context_window_exceeded"), FINISH_LENGTH},
    {STR_INIT("compaction"), FINISH_STOP},
};
static const struct words finish_words = WORDS(finish_rows);

enum chat_finish anthropic_read_finish(struct str word)
{
    int finish = word.len > 0 ? FINISH_STOP
                              : FINISH_NONE; /* a word that nobody knows is an end all the same */
    (void)!words_find(&finish_words, word, &finish);
    return (enum chat_finish)finish;
}

struct str anthropic_native_finish(struct str word, enum chat_finish finish)
{
    bool is_usual = str_equals(word, words_of(&finish_words, (int)finish)) ||
                    str_equals(word, STR("stop_sequence"));
    return is_usual ? (struct str){0} : word;
}

/* The word that was, if it is one of this format for the same thing. */
static struct str stop_word(const struct anthropic_stop *stop)
{
    int meaning = FINISH_NONE;
    enum chat_finish finish = stop->finish == FINISH_NONE ? FINISH_STOP : stop->finish;
    if (words_find(&finish_words, stop->native, &meaning) && meaning == (int)finish) return stop->native;
    if (finish == FINISH_STOP && stop->is_refused) return STR("refusal");
    if (finish == FINISH_STOP && stop->sequence.len > 0) return STR("stop_sequence");
    return words_of(&finish_words, (int)finish);
}

void anthropic_put_stop(struct json_writer *w, const struct anthropic_stop *stop)
{
    json_put_str(w, STR("stop_reason"), stop_word(stop));
    put_str_or_null(w, STR("stop_sequence"), stop->sequence);
}

/* ---- reading ---- */
struct reply_draft {
    struct chat_reply reply;
    struct str finish, stop_sequence;
    struct json_value content, usage, error;
};
static const struct member reply_rows[] = {
    MEMBER_AT("id", MEMBER_STR, struct reply_draft, reply.id),
    MEMBER_AT("model", MEMBER_STR, struct reply_draft, reply.model),
    MEMBER_AT("content", MEMBER_VALUE, struct reply_draft, content),
    MEMBER_AT("stop_reason", MEMBER_STR, struct reply_draft, finish),
    MEMBER_AT("stop_sequence", MEMBER_STR, struct reply_draft, stop_sequence),
    MEMBER_AT("usage", MEMBER_VALUE, struct reply_draft, usage),
    MEMBER_AT("error", MEMBER_VALUE, struct reply_draft, error),
};
static const struct members reply_members = MEMBERS(reply_rows);

static bool refuse_reply(struct chat_error *err, struct str message)
{
    *err = (struct chat_error){.problem = PROBLEM_UPSTREAM, .message = message};
    return false;
}

/* Calls have ids, and the names that the caller gave. */
static void settle_calls(struct chat_choice *c, struct str reply_id, const struct chat_request *request,
                         struct arena *a)
{
    unsigned n = 0;
    for (struct chat_part *p = c->parts.first; p; p = p->next) {
        if (p->kind != CHAT_TOOL_CALL) continue;
        p->name = tool_name_from(&TOOL_NAMES_ANTHROPIC, p->name, request, a);
        if (p->id.len == 0) p->id = tool_id_make(reply_id.len > 0 ? reply_id : STR("reply"), n, a);
        n++;
    }
}

bool anthropic_read_reply(struct chat_reply *out, struct arena *a, const struct http_message *in,
                          const struct chat_request *request, struct chat_error *err)
{
    struct reading r;
    struct reply_draft d = {0};
    struct err broken;
    reading_init(&r, a, err, true);
    if (!json_check(in->body, NULL, 0, NULL, &broken))
        return refuse_reply(err, arena_printf(a, "The provider's reply is not JSON: %s", broken.text));
    if (!read_members(&r, json_value_of(in->body), &reply_members, &d)) return false;
    if (d.content.type != JSON_ARRAY && json_exists(d.error)) {
        anthropic_read_error(err, d.error, a);
        return false;
    }
    if (d.content.type != JSON_ARRAY || d.finish.len == 0)
        return refuse_reply(err, STR("The provider's reply has no content with a stop_reason."));
    struct chat_choice *c = chat_reply_add_choice(&d.reply, a);
    if (!read_later(&r, STR("content"), d.content, anthropic_read_content, &c->parts)) return false;
    enum chat_finish finish = anthropic_read_finish(d.finish);
    c->finish = chat_finish_settled(finish, chat_parts_find(&c->parts, CHAT_TOOL_CALL) != NULL);
    c->native_finish = anthropic_native_finish(d.finish, finish);
    c->stop_sequence = d.stop_sequence;
    settle_calls(c, d.reply.id, request, a);
    anthropic_read_usage(&d.reply.usage, d.usage);
    *out = d.reply;
    return true;
}

/* ---- writing ---- */
struct str anthropic_reply_id(struct str id, const struct reply_frame *frame)
{
    const struct str pieces[] = {STR("msg_"), frame->id};
    return id.len > 0 ? id : arena_join(frame->arena, pieces, ARRAY_COUNT(pieces));
}

bool anthropic_write_reply(struct buf *out, const struct chat_reply *reply, const struct reply_frame *frame)
{
    static const struct chat_choice nothing;
    const struct chat_choice *c = reply->choices ? reply->choices : &nothing;
    const struct block_style style = {.arena = frame->arena, .is_reply = true};
    struct json_writer w;
    json_writer_init(&w, out, 0);
    json_begin_object(&w);
    json_put_str(&w, STR("id"), anthropic_reply_id(reply->id, frame));
    json_put_str(&w, STR("type"), STR("message"));
    json_put_str(&w, STR("role"), STR("assistant"));
    json_put_str(&w, STR("model"), reply->model.len > 0 ? reply->model : frame->model);
    begin_array_at(&w, STR("content"));
    for (const struct chat_part *p = c->parts.first; p; p = p->next)
        if (anthropic_can_put(p, &style)) anthropic_put_block(&w, p, &style);
    json_end_array(&w);
    anthropic_put_stop(&w, &(struct anthropic_stop){
                               .finish = c->finish,
                               .native = c->native_finish,
                               .sequence = c->stop_sequence,
                               .is_refused = chat_parts_find(&c->parts, CHAT_REFUSAL) != NULL,
                           });
    anthropic_put_usage(&w, &reply->usage);
    json_end_object(&w);
    return json_writer_finish(&w);
}
