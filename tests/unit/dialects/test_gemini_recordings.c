/* What the Gemini API and Vertex really sent, through the neutral form: read, cut anywhere, written, and read again. */
#include "roundtrip.h"

#include "dialects/gemini.h"

static const struct model_traits none;

static unsigned judge(const char *api, const char *file, recording_judge *how)
{
    roundtrip.dialect = &dialect_gemini;
    roundtrip.traits = &none;
    roundtrip.end_mark = "\"finishReason\"";
    return judge_provider("gemini", api, file, how) + judge_provider("vertex", api, file, how);
}

TEST(gemini_recordings, every_request_means_the_same_when_it_is_written_again)
{
    if (!judge("generateContent", "request.json", roundtrip_request)) SKIP("there are no recordings");
    judge("streamGenerateContent", "request.json", roundtrip_request);
}

TEST(gemini_recordings, every_reply_means_the_same_when_it_is_written_again)
{
    if (!judge("generateContent", "response.json", roundtrip_reply)) SKIP("there are no recordings");
}

TEST(gemini_recordings, every_stream_means_the_same_when_it_is_cut_anywhere_and_when_it_is_written_again)
{
    if (!judge("streamGenerateContent", "response.sse", roundtrip_stream)) SKIP("there are no recordings");
}

static int64_t count_at(struct json_value metadata, struct str name)
{
    int64_t n = 0;
    (void)!json_to_i64(json_get(metadata, name), &n);
    return n;
}

/* The parts do not overlap, and their sum is Google's own total. */
static void expect_usage(const struct recording *r)
{
    struct chat_reply reply;
    roundtrip_begin();
    if (!read_reply(r, r->text, &reply)) return;
    struct json_value said = json_get(json_value_of(r->text), STR("usageMetadata"));
    const struct usage *u = &reply.usage;
    if (!u->is_known) return;
    if (json_exists(json_get(said, STR("totalTokenCount"))))
        EXPECT_EQ(usage_total(u), count_at(said, STR("totalTokenCount")));
    EXPECT_EQ(u->cache_read, count_at(said, STR("cachedContentTokenCount")));
    EXPECT_EQ(u->output, count_at(said, STR("candidatesTokenCount")));
    EXPECT_EQ(u->reasoning, count_at(said, STR("thoughtsTokenCount")));
}

TEST(gemini_recordings, every_total_is_the_sum_of_its_parts_pitfall_22)
{
    if (!judge("generateContent", "response.json", expect_usage)) SKIP("there are no recordings");
}

/* What passes through unchanged is seen as what it is. */
static void observe_stream(const struct recording *r)
{
    struct observer o;
    struct sse_reader sse;
    struct sse_event e;
    struct err err;
    struct listener l;
    roundtrip_begin();
    gemini_same.observer_init(&o, &roundtrip.arena, OP_CHAT);
    sse_init(&sse, 16 << 20);
    sse_feed(&sse, r->text);
    while (sse_next(&sse, &e, &err) == SSE_EVENT)
        if (e.is_dispatched) (void)gemini_same.observe_event(&o, e.name, e.data);
    sse_done(&sse);
    listener_init(&l, &roundtrip.arena);
    struct stream_run run = listen_to(&l, &dialect_gemini, r->text, r->text.len, &any_request);
    EXPECT_THAT(gemini_same.read_end(&o) == run.ending, "%s", r->path);
    EXPECT_THAT((o.seen & EVENT_CONTENT) != 0 && !(o.seen & EVENT_MALFORMED), "%s: 0x%x", r->path, o.seen);
    EXPECT_EQ(usage_total(&o.usage), usage_total(&l.reply.usage));
    listener_done(&l);
}

static void observe_reply(const struct recording *r)
{
    struct observer o;
    struct chat_reply reply;
    struct err err = {0};
    roundtrip_begin();
    gemini_same.observer_init(&o, &roundtrip.arena, OP_CHAT);
    EXPECT_THAT(gemini_same.observe_reply(&o, r->text, &err), "%s: %s", r->path, err.text);
    if (read_reply(r, r->text, &reply)) EXPECT_EQ(usage_total(&o.usage), usage_total(&reply.usage));
}

TEST(gemini_recordings, what_passes_through_is_seen_as_what_it_is)
{
    if (!judge("streamGenerateContent", "response.sse", observe_stream)) SKIP("there are no recordings");
    judge("generateContent", "response.json", observe_reply);
}

/* ---- without alt=sse: one JSON array ---- */
static void listen_to_array(struct listener *l, struct str bytes, size_t step)
{
    struct event_reader *r = dialect_gemini.open_reader(&roundtrip.arena, &any_request);
    struct gemini_array array;
    struct chat_error failure;
    struct str item;
    struct err err;
    gemini_array_init(&array, 16 << 20);
    for (size_t at = 0; at < bytes.len; at += step) {
        struct arena chunk; /* memory of its own, which ends: nothing lent may be kept */
        arena_init(&chunk);
        gemini_array_feed(&array, arena_copy(&chunk, str_part(bytes, at, step)));
        enum sse s;
        while ((s = gemini_array_next(&array, &item, &err)) == SSE_EVENT)
            EXPECT_TRUE(dialect_gemini.read_event(r, STR(""), item, &l->sink, &failure));
        EXPECT_TRUE(s == SSE_MORE);
        arena_done(&chunk);
    }
    EXPECT_TRUE(array.has_ended);
    EXPECT_TRUE(dialect_gemini.read_end(r, &l->sink) == ENDING_COMPLETE);
    dialect_gemini.close_reader(r);
    gemini_array_done(&array);
}

struct array_rewriter {
    struct chat_event_sink sink;
    struct event_writer *writer;
    struct buf out;
};

static void rewrite_array(struct chat_event_sink *sink, const struct chat_event *e)
{
    struct array_rewriter *w = CONTAINER_OF(sink, struct array_rewriter, sink);
    EXPECT_TRUE(dialect_gemini.write_event(w->writer, &w->out, e));
}

static void write_array(struct array_rewriter *w, struct str bytes)
{
    static const struct chat_request request = {.is_stream = true, .is_array_stream = true};
    struct reply_frame frame = {&roundtrip.arena, &request, STR("x"), STR("model"), 1};
    struct event_reader *r = dialect_gemini.open_reader(&roundtrip.arena, &any_request);
    struct json_items it;
    struct json_value item;
    struct chat_error failure;
    *w = (struct array_rewriter){.sink = {rewrite_array}, .writer = dialect_gemini.open_writer(&frame)};
    buf_init(&w->out, 16 << 20);
    json_items_init(&it, json_value_of(str_trim(bytes)));
    while (json_items_next(&it, &item))
        EXPECT_TRUE(dialect_gemini.read_event(r, STR(""), item.raw, &w->sink, &failure));
    (void)dialect_gemini.read_end(r, &w->sink);
    dialect_gemini.close_reader(r);
    dialect_gemini.close_writer(w->writer);
}

static void roundtrip_array(const struct recording *r)
{
    static const size_t steps[] = {1, 7, 64, 1000};
    struct listener whole;
    struct array_rewriter w;
    struct err broken;
    roundtrip_begin();
    listener_init(&whole, &roundtrip.arena);
    listen_to_array(&whole, r->text, r->text.len);
    EXPECT_THAT(whole.has_content, "%s: says nothing", r->path);
    listener_text(&roundtrip.first, &whole);
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        struct listener cut;
        listener_init(&cut, &roundtrip.arena);
        listen_to_array(&cut, r->text, steps[i]);
        buf_clear(&roundtrip.second);
        listener_text(&roundtrip.second, &cut);
        expect_same(r, "cut");
        listener_done(&cut);
    }
    write_array(&w, r->text);
    EXPECT_THAT(json_check(buf_str(&w.out), NULL, 0, NULL, &broken), "%s: %s", r->path, broken.text);
    struct listener again;
    listener_init(&again, &roundtrip.arena);
    listen_to_array(&again, buf_str(&w.out), w.out.len);
    level_reply(&whole.reply, &again.reply);
    buf_clear(&roundtrip.first);
    buf_clear(&roundtrip.second);
    listener_text(&roundtrip.first, &whole);
    listener_text(&roundtrip.second, &again);
    expect_same(r, "written and read again it is");
    buf_done(&w.out);
    listener_done(&again);
    listener_done(&whole);
}

TEST(gemini_recordings, every_stream_that_is_an_array_means_the_same_when_it_is_cut_anywhere)
{
    if (!judge("streamGenerateContent", "response.json", roundtrip_array)) SKIP("there are no recordings");
}
