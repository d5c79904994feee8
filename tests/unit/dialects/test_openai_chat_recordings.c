/* What services that speak OpenAI's chat format really sent, through the neutral form: read, compared with what stands in
 * the text, cut anywhere, written, and read again. */
#include "recordings.h"

#include "json/check.h"
#include "json/cursor.h"
#include "neutral.h"

static const struct dialect *const dialect = &dialect_openai_chat;
static struct arena arena;
static struct buf first, second;

static void begin(void)
{
    arena_done(&arena);
    buf_done(&first);
    buf_done(&second);
    buf_init(&first, 64 << 20);
    buf_init(&second, 64 << 20);
}

static void expect_same(const struct recording *r, const char *what)
{
    if (str_equals(buf_str(&first), buf_str(&second))) return;
    const char *a = first.at, *b = second.at;
    size_t i = 0;
    while (i < first.len && i < second.len && a[i] == b[i]) i++;
    size_t from = i > 80 ? i - 80 : 0;
    FAIL("%s: %s:\n%.*s\n---\n%.*s", r->path, what, STR_ARG(str_part(buf_str(&first), from, 300)),
         STR_ARG(str_part(buf_str(&second), from, 300)));
}

/* ---- requests ---- */
static bool read_request(const struct recording *r, struct str body, struct chat_request *out)
{
    struct chat_error err = {0};
    struct http_message in = {.body = body};
    bool is_read = dialect->read_request(out, &arena, &in, &err);
    EXPECT_THAT(is_read, "%s: %.*s", r->path, STR_ARG(err.message));
    return is_read;
}

/* What is said in other words, or added, by the writer. */
static void level(struct chat_request *request)
{
    for (struct chat_message *m = request->messages; m; m = m->next)
        if (m->role == CHAT_ROLE_DEVELOPER) m->role = CHAT_ROLE_SYSTEM;
    request->wants_stream_usage = request->is_stream;
    if (request->output.kind == CHAT_OUTPUT_SCHEMA && request->output.name.len == 0)
        request->output.name = STR("response");
}

/* As what has all the traits that keep everything; what is lost all the same is named. */
static void judge_request(const struct recording *r)
{
    static const struct model_traits all = {.bits = TRAIT_CACHE_MARKS | TRAIT_REASONING_DETAILS |
                                                    TRAIT_REASONING_CONTENT | TRAIT_TOP_K,
                                            .reasoning = REASONING_OBJECT};
    struct chat_request request, again;
    struct losses dropped = {0};
    struct chat_error err;
    struct err broken = {0};
    struct buf body;
    begin();
    if (!read_request(r, r->text, &request)) return;
    buf_init(&body, 64 << 20);
    struct upstream_request up = {.arena = &arena, .traits = &all, .body = &body};
    EXPECT_TRUE(dialect->write_request(&up, &request, &dropped, &err));
    EXPECT_THAT(json_check(buf_str(&body), NULL, 0, NULL, &broken), "%s: %s", r->path, broken.text);
    if (read_request(r, buf_str(&body), &again)) {
        level(&request);
        level(&again);
        request_text(&first, &request);
        request_text(&second, &again);
        if (dropped.count == 0) expect_same(r, "written and read again it is");
        EXPECT_THAT(dropped.count <= 1, "%s: %.*s is lost", r->path, STR_ARG(losses_join(&dropped, &arena)));
    }
    buf_done(&body);
}

TEST(openai_chat_recordings, every_request_means_the_same_when_it_is_written_again)
{
    if (!judge_recordings("chat", "request.json", judge_request)) SKIP("there are no recordings");
}

/* ---- plain replies ---- */
/* What a service leaves out comes from the frame. */
static void level_reply(struct chat_reply *reply, const struct chat_reply *again)
{
    if (reply->id.len == 0) reply->id = again->id;
    if (reply->model.len == 0) reply->model = again->model;
    if (reply->created_s == 0) reply->created_s = again->created_s;
}

static bool read_reply(const struct recording *r, struct str body, struct chat_reply *out)
{
    struct chat_error err = {0};
    struct http_message in = {.status = 200, .body = body};
    bool is_read = dialect->read_reply(out, &arena, &in, NULL, &err);
    EXPECT_THAT(is_read, "%s: %.*s", r->path, STR_ARG(err.message));
    return is_read;
}

static const struct chat_request any_request = {.is_stream = true, .wants_stream_usage = true};

static void judge_reply(const struct recording *r)
{
    struct chat_reply reply, again;
    struct buf body;
    struct err broken = {0};
    begin();
    if (!read_reply(r, r->text, &reply)) return;
    for (const struct chat_choice *c = reply.choices; c; c = c->next)
        EXPECT_THAT(c->parts.count > 0 || c->finish == FINISH_LENGTH, "%s: choice %u says nothing", r->path,
                    c->index);
    struct reply_frame frame = {&arena, &any_request, STR("x"), STR("model"), 1};
    buf_init(&body, 64 << 20);
    EXPECT_TRUE(dialect->write_reply(&body, &reply, &frame));
    EXPECT_THAT(json_check(buf_str(&body), NULL, 0, NULL, &broken), "%s: %s", r->path, broken.text);
    if (read_reply(r, buf_str(&body), &again)) {
        level_reply(&reply, &again);
        reply_text(&first, &reply);
        reply_text(&second, &again);
        expect_same(r, "written and read again it is");
    }
    buf_done(&body);
}

TEST(openai_chat_recordings, every_reply_means_the_same_when_it_is_written_again)
{
    if (!judge_recordings("chat", "response.json", judge_reply)) SKIP("there are no recordings");
}

/* ---- streams ---- */
struct rewriter {
    struct chat_event_sink sink;
    struct listener listener;
    struct event_writer *writer;
    struct buf out;
};

static void rewrite(struct chat_event_sink *sink, const struct chat_event *e)
{
    struct rewriter *w = CONTAINER_OF(sink, struct rewriter, sink);
    EXPECT_TRUE(dialect->write_event(w->writer, &w->out, e));
}

static void write_again(struct rewriter *w, struct str stream)
{
    struct reply_frame frame = {&arena, &any_request, STR("x"), STR("model"), 1};
    struct event_reader *r = dialect->open_reader(&arena, &any_request);
    struct sse_reader sse;
    struct sse_event e;
    struct chat_error chat_err;
    struct err err;
    *w = (struct rewriter){.sink = {rewrite}, .writer = dialect->open_writer(&frame)};
    buf_init(&w->out, 64 << 20);
    sse_init(&sse, 16 << 20);
    sse_feed(&sse, stream);
    while (sse_next(&sse, &e, &err) == SSE_EVENT)
        if (e.is_dispatched) EXPECT_TRUE(dialect->read_event(r, e.name, e.data, &w->sink, &chat_err));
    (void)dialect->read_end(r, &w->sink);
    dialect->close_reader(r);
    sse_done(&sse);
}

static void judge_stream(const struct recording *r)
{
    static const size_t steps[] = {1, 7, 64, 1000};
    struct listener whole;
    begin();
    listener_init(&whole, &arena);
    struct stream_run run = listen_to(&whole, dialect, r->text, r->text.len, &any_request);
    listener_text(&first, &whole);
    bool fails = recording_has(r, "stream_error");
    EXPECT_THAT(run.ending == (fails ? ENDING_INCOMPLETE : ENDING_COMPLETE) && whole.has_stopped == !fails &&
                    whole.has_failed == fails,
                "%s: ends as %d\n%.*s", r->path, run.ending, STR_ARG(buf_str(&first)));
    EXPECT_THAT(whole.has_content, "%s: says nothing", r->path);
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        struct listener cut;
        listener_init(&cut, &arena);
        (void)listen_to(&cut, dialect, r->text, steps[i], &any_request);
        buf_clear(&second);
        listener_text(&second, &cut);
        expect_same(r, "cut");
        listener_done(&cut);
    }
    struct rewriter w;
    struct listener again;
    write_again(&w, r->text);
    listener_init(&again, &arena);
    (void)listen_to(&again, dialect, buf_str(&w.out), w.out.len, &any_request);
    level_reply(&whole.reply, &again.reply);
    buf_clear(&first);
    buf_clear(&second);
    listener_text(&first, &whole);
    listener_text(&second, &again);
    expect_same(r, "written and read again it is");
    EXPECT_THAT((str_find(buf_str(&w.out), STR("data: [DONE]")) == SIZE_MAX) == fails, "%s: [DONE]", r->path);
    buf_done(&w.out);
    listener_done(&again);
    listener_done(&whole);
}

TEST(openai_chat_recordings, every_stream_means_the_same_when_it_is_cut_anywhere_and_when_it_is_written_again)
{
    if (!judge_recordings("chat", "response.sse", judge_stream)) SKIP("there are no recordings");
}
