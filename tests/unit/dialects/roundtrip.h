/* tests/unit/dialects/roundtrip.h: recorded exchanges through the neutral form and back into their own format: what is
 * written and read again must say the same, wherever the network cuts a stream. For test_<dialect>_recordings.c:
 *
 *     roundtrip.dialect = &dialect_openai_chat;
 *     roundtrip.traits = &all;
 *     roundtrip.end_mark = "data: [DONE]";
 *     judge_recordings("chat", "request.json", roundtrip_request);
 *     judge_recordings("chat", "response.json", roundtrip_reply);
 *     judge_recordings("chat", "response.sse", roundtrip_stream); */
#ifndef WEIR_TEST_ROUNDTRIP_H
#define WEIR_TEST_ROUNDTRIP_H

#include "neutral.h"
#include "recordings.h"

#include "json/check.h"
#include "json/cursor.h"

static struct {
    const struct dialect *dialect;
    const struct model_traits *traits; /* what keeps as much as the format can */
    const char *end_mark;              /* what a stream that ended well has, and no other */
    struct arena arena;
    struct buf first, second;
} roundtrip;

static inline void roundtrip_begin(void)
{
    arena_done(&roundtrip.arena);
    buf_done(&roundtrip.first);
    buf_done(&roundtrip.second);
    buf_init(&roundtrip.first, 64 << 20);
    buf_init(&roundtrip.second, 64 << 20);
}

static inline void expect_same(const struct recording *r, const char *what)
{
    if (str_equals(buf_str(&roundtrip.first), buf_str(&roundtrip.second))) return;
    const char *a = roundtrip.first.at, *b = roundtrip.second.at;
    size_t i = 0;
    while (i < roundtrip.first.len && i < roundtrip.second.len && a[i] == b[i]) i++;
    size_t from = i > 80 ? i - 80 : 0;
    FAIL("%s: %s:\n%.*s\n---\n%.*s", r->path, what, STR_ARG(str_part(buf_str(&roundtrip.first), from, 300)),
         STR_ARG(str_part(buf_str(&roundtrip.second), from, 300)));
}

/* As it came: some formats say things in the path. */
static inline struct http_message message_of(const struct recording *r, int status, struct str body)
{
    struct str query = {0};
    (void)!json_to_str(json_get(json_value_of(r->meta), STR("path")), &roundtrip.arena, &query);
    struct str path = str_cut(&query, '?');
    return (struct http_message){.status = status, .path = path, .query = query, .body = body};
}

/* ---- requests ---- */
static inline bool read_request(const struct recording *r, struct str body, struct chat_request *out)
{
    struct chat_error err = {0};
    struct http_message in = message_of(r, 0, body);
    bool is_read = roundtrip.dialect->read_request(out, &roundtrip.arena, &in, &err);
    EXPECT_THAT(is_read, "%s: %.*s", r->path, STR_ARG(err.message));
    return is_read;
}

/* What is said in other words, or added, by the writer. */
static inline void level(struct chat_request *request)
{
    for (struct chat_message *m = request->messages; m; m = m->next)
        if (m->role == CHAT_ROLE_DEVELOPER) m->role = CHAT_ROLE_SYSTEM;
    request->wants_stream_usage = request->is_stream;
    if (request->output.kind == CHAT_OUTPUT_SCHEMA && request->output.name.len == 0)
        request->output.name = STR("response");
}

/* As what has all the traits that keep everything; what is lost all the same is named. */
static inline void roundtrip_request(const struct recording *r)
{
    struct chat_request request, again;
    struct losses dropped = {0};
    struct chat_error err;
    struct err broken = {0};
    struct buf body;
    roundtrip_begin();
    if (!read_request(r, r->text, &request)) return;
    buf_init(&body, 64 << 20);
    struct upstream_request up = {.arena = &roundtrip.arena, .traits = roundtrip.traits, .body = &body};
    EXPECT_TRUE(roundtrip.dialect->write_request(&up, &request, &dropped, &err));
    EXPECT_THAT(json_check(buf_str(&body), NULL, 0, NULL, &broken), "%s: %s", r->path, broken.text);
    if (read_request(r, buf_str(&body), &again)) {
        level(&request);
        level(&again);
        request_text(&roundtrip.first, &request);
        request_text(&roundtrip.second, &again);
        if (dropped.count == 0) expect_same(r, "written and read again it is");
        EXPECT_THAT(dropped.count <= 1, "%s: %.*s is lost", r->path,
                    STR_ARG(losses_join(&dropped, &roundtrip.arena)));
    }
    buf_done(&body);
}

/* ---- plain replies ---- */
/* What a service leaves out comes from the frame. */
static inline void level_reply(struct chat_reply *reply, const struct chat_reply *again)
{
    if (reply->id.len == 0) reply->id = again->id;
    if (reply->model.len == 0) reply->model = again->model;
    if (reply->created_s == 0) reply->created_s = again->created_s;
}

static inline bool read_reply(const struct recording *r, struct str body, struct chat_reply *out)
{
    struct chat_error err = {0};
    struct http_message in = message_of(r, 200, body);
    bool is_read = roundtrip.dialect->read_reply(out, &roundtrip.arena, &in, NULL, &err);
    EXPECT_THAT(is_read, "%s: %.*s", r->path, STR_ARG(err.message));
    return is_read;
}

static const struct chat_request any_request = {.is_stream = true, .wants_stream_usage = true};

static inline void roundtrip_reply(const struct recording *r)
{
    struct chat_reply reply, again;
    struct buf body;
    struct err broken = {0};
    roundtrip_begin();
    if (!read_reply(r, r->text, &reply)) return;
    for (const struct chat_choice *c = reply.choices; c; c = c->next)
        EXPECT_THAT(c->parts.count > 0 || c->finish == FINISH_LENGTH || c->finish == FINISH_FILTER,
                    "%s: choice %u says nothing", r->path, c->index);
    struct reply_frame frame = {&roundtrip.arena, &any_request, STR("x"), STR("model"), 1};
    buf_init(&body, 64 << 20);
    EXPECT_TRUE(roundtrip.dialect->write_reply(&body, &reply, &frame));
    EXPECT_THAT(json_check(buf_str(&body), NULL, 0, NULL, &broken), "%s: %s", r->path, broken.text);
    if (read_reply(r, buf_str(&body), &again)) {
        level_reply(&reply, &again);
        reply_text(&roundtrip.first, &reply);
        reply_text(&roundtrip.second, &again);
        expect_same(r, "written and read again it is");
    }
    buf_done(&body);
}

/* ---- streams ---- */
struct rewriter {
    struct chat_event_sink sink;
    struct listener listener;
    struct event_writer *writer;
    struct buf out;
};

static inline void rewrite(struct chat_event_sink *sink, const struct chat_event *e)
{
    struct rewriter *w = CONTAINER_OF(sink, struct rewriter, sink);
    EXPECT_TRUE(roundtrip.dialect->write_event(w->writer, &w->out, e));
}

static inline void write_again(struct rewriter *w, struct str stream)
{
    struct reply_frame frame = {&roundtrip.arena, &any_request, STR("x"), STR("model"), 1};
    struct event_reader *r = roundtrip.dialect->open_reader(&roundtrip.arena, &any_request);
    struct sse_reader sse;
    struct sse_event e;
    struct chat_error chat_err;
    struct err err;
    *w = (struct rewriter){.sink = {rewrite}, .writer = roundtrip.dialect->open_writer(&frame)};
    buf_init(&w->out, 64 << 20);
    sse_init(&sse, 16 << 20);
    sse_feed(&sse, stream);
    while (sse_next(&sse, &e, &err) == SSE_EVENT)
        if (e.is_dispatched)
            EXPECT_TRUE(roundtrip.dialect->read_event(r, e.name, e.data, &w->sink, &chat_err));
    (void)roundtrip.dialect->read_end(r, &w->sink);
    if (roundtrip.dialect->close_reader) roundtrip.dialect->close_reader(r);
    sse_done(&sse);
}

static inline void roundtrip_stream(const struct recording *r)
{
    static const size_t steps[] = {1, 7, 64, 1000};
    struct listener whole;
    roundtrip_begin();
    listener_init(&whole, &roundtrip.arena);
    struct stream_run run = listen_to(&whole, roundtrip.dialect, r->text, r->text.len, &any_request);
    listener_text(&roundtrip.first, &whole);
    bool fails = recording_has(r, "stream_error");
    EXPECT_THAT(run.ending == (fails ? ENDING_INCOMPLETE : ENDING_COMPLETE) && whole.has_stopped == !fails &&
                    whole.has_failed == fails,
                "%s: ends as %d\n%.*s", r->path, run.ending, STR_ARG(buf_str(&roundtrip.first)));
    EXPECT_THAT(whole.has_content, "%s: says nothing", r->path);
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        struct listener cut;
        listener_init(&cut, &roundtrip.arena);
        (void)listen_to(&cut, roundtrip.dialect, r->text, steps[i], &any_request);
        buf_clear(&roundtrip.second);
        listener_text(&roundtrip.second, &cut);
        expect_same(r, "cut");
        listener_done(&cut);
    }
    struct rewriter w;
    struct listener again;
    write_again(&w, r->text);
    listener_init(&again, &roundtrip.arena);
    (void)listen_to(&again, roundtrip.dialect, buf_str(&w.out), w.out.len, &any_request);
    level_reply(&whole.reply, &again.reply);
    buf_clear(&roundtrip.first);
    buf_clear(&roundtrip.second);
    listener_text(&roundtrip.first, &whole);
    listener_text(&roundtrip.second, &again);
    expect_same(r, "written and read again it is");
    bool has_mark = str_find(buf_str(&w.out), str_from_cstr(roundtrip.end_mark)) != SIZE_MAX;
    EXPECT_THAT(has_mark == !fails, "%s: written, it ends wrongly", r->path);
    if (roundtrip.dialect->close_writer) roundtrip.dialect->close_writer(w.writer);
    buf_done(&w.out);
    listener_done(&again);
    listener_done(&whole);
}

#endif
