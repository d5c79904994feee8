/* OpenAI's recorded exchanges through Anthropic's format: requests keep the service's rules, and what a stream said is
 * said again. */
#include "roundtrip.h"

/* ---- requests ---- */
static void expect_block(const struct recording *r, struct json_value block)
{
    struct json_value type = json_get(block, STR("type"));
    struct str words = {0};
    if (!json_str_equals(type, STR("text"))) return;
    EXPECT_THAT(json_to_str(json_get(block, STR("text")), &roundtrip.arena, &words), "%s", r->path);
    EXPECT_THAT(str_trim(words).len > 0, "%s: a blank text", r->path);
}

/* Turns alternate and hold something; no text is blank. */
static void expect_turns(const struct recording *r, struct str body)
{
    struct json_value messages = json_get(json_value_of(body), STR("messages")), message, block;
    struct json_items it, blocks;
    struct str before = STR("");
    json_items_init(&it, messages);
    while (json_items_next(&it, &message)) {
        struct str role = json_str_raw(json_get(message, STR("role")));
        unsigned count = 0;
        EXPECT_THAT(!str_equals(role, before), "%s: two turns of one side", r->path);
        before = role;
        json_items_init(&blocks, json_get(message, STR("content")));
        while (json_items_next(&blocks, &block)) {
            count++;
            expect_block(r, block);
        }
        EXPECT_THAT(count > 0, "%s: an empty turn", r->path);
    }
    EXPECT_THAT(before.len > 0, "%s: no turn", r->path);
}

static void judge_request(const struct recording *r)
{
    struct chat_request request;
    struct chat_error failure = {0};
    struct losses dropped = {0};
    struct err broken = {0};
    struct buf body;
    struct http_message in = {.body = r->text};
    roundtrip_begin();
    if (!dialect_openai_chat.read_request(&request, &roundtrip.arena, &in, &failure)) return;
    buf_init(&body, 64 << 20);
    struct upstream_request up = {.arena = &roundtrip.arena, .body = &body};
    bool is_written = dialect_anthropic.write_request(&up, &request, &dropped, &failure);
    EXPECT_THAT(is_written, "%s: %.*s", r->path, STR_ARG(failure.message));
    EXPECT_THAT(json_check(buf_str(&body), NULL, 0, NULL, &broken), "%s: %s", r->path, broken.text);
    if (is_written) expect_turns(r, buf_str(&body));
    buf_done(&body);
}

TEST(anthropic_crossed, openais_requests_keep_the_services_rules)
{
    if (!judge_recordings("chat", "request.json", judge_request)) SKIP("there are no recordings");
}

/* ---- streams ---- */
/* A refusal has no block of its own: it is words, and why it ended. */
static void tell(struct buf *out, const struct listener *l)
{
    const struct chat_choice *c = l->reply.choices;
    struct arena *a = &roundtrip.arena;
    if (!c) return;
    bool is_refused = chat_parts_find(&c->parts, CHAT_REFUSAL) != NULL;
    say_str(out, "text", chat_parts_text(&c->parts, is_refused ? CHAT_REFUSAL : CHAT_TEXT, STR(""), a));
    say_str(out, "thinking", chat_parts_text(&c->parts, CHAT_THINKING, STR(""), a));
    for (const struct chat_part *p = c->parts.first; p; p = p->next)
        if (p->kind == CHAT_TOOL_CALL) {
            say_str(out, "call", p->name);
            say_raw(out, "with", p->json.len > 0 ? p->json : STR("{}"));
        }
    say(out, " finish %s tokens %lld of them read %lld\n",
        finish_word(is_refused ? FINISH_FILTER : c->finish), (long long)usage_total(&l->reply.usage),
        (long long)l->reply.usage.cache_read);
}

static void cross(struct rewriter *w, struct str stream)
{
    struct reply_frame frame = {&roundtrip.arena, &any_request, STR("x"), STR("model"), 1};
    struct event_reader *reader = dialect_openai_chat.open_reader(&roundtrip.arena, &any_request);
    struct sse_reader sse;
    struct sse_event e;
    struct chat_error failure;
    struct err err;
    *w = (struct rewriter){.sink = {rewrite}, .writer = dialect_anthropic.open_writer(&frame)};
    buf_init(&w->out, 64 << 20);
    sse_init(&sse, 16 << 20);
    sse_feed(&sse, stream);
    while (sse_next(&sse, &e, &err) == SSE_EVENT)
        if (e.is_dispatched)
            EXPECT_TRUE(dialect_openai_chat.read_event(reader, e.name, e.data, &w->sink, &failure));
    (void)dialect_openai_chat.read_end(reader, &w->sink);
    dialect_openai_chat.close_reader(reader);
    sse_done(&sse);
}

static void judge_stream(const struct recording *r)
{
    struct listener theirs, ours;
    struct rewriter w;
    roundtrip.dialect = &dialect_anthropic; /* rewrite() writes in it */
    roundtrip_begin();
    listener_init(&theirs, &roundtrip.arena);
    listener_init(&ours, &roundtrip.arena);
    (void)listen_to(&theirs, &dialect_openai_chat, r->text, r->text.len, &any_request);
    cross(&w, r->text);
    (void)listen_to(&ours, &dialect_anthropic, buf_str(&w.out), w.out.len, &any_request);
    EXPECT_THAT(theirs.has_stopped == ours.has_stopped && theirs.has_failed == ours.has_failed,
                "%s: ends otherwise", r->path);
    if (theirs.has_stopped) {
        tell(&roundtrip.first, &theirs);
        tell(&roundtrip.second, &ours);
        expect_same(r, "told in Anthropic's format it is");
    }
    buf_done(&w.out);
    listener_done(&theirs);
    listener_done(&ours);
}

TEST(anthropic_crossed, openais_streams_say_the_same)
{
    if (!judge_recordings("chat", "response.sse", judge_stream)) SKIP("there are no recordings");
}
