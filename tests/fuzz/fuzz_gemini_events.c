/* A stream of Gemini's format means the same, read whole and cut anywhere; its events keep the order of chat/event.h (the
 * listener require()s it); what is written of it for a caller can be read again, or is one JSON array. Such an array has the
 * same items wherever it is cut. */
#include "../unit/dialects/neutral.h"

#include "dialects/gemini.h"
#include "json/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct chat_request request = {.is_stream = true, .wants_stream_usage = true};
static const struct chat_request array_request = {.is_stream = true, .is_array_stream = true};

struct rewriter {
    struct chat_event_sink sink;
    struct event_writer *writer;
    struct buf out;
};

static void rewrite(struct chat_event_sink *sink, const struct chat_event *e)
{
    struct rewriter *w = CONTAINER_OF(sink, struct rewriter, sink);
    require(dialect_gemini.write_event(w->writer, &w->out, e));
}

static void tell(struct str bytes, size_t step, struct buf *out, struct arena *a)
{
    struct listener l;
    listener_init(&l, a);
    struct stream_run run = listen_to(&l, &dialect_gemini, bytes, step, &request);
    listener_text(out, &l);
    require(l.has_stopped == (run.ending == ENDING_COMPLETE) && !(l.has_stopped && l.has_failed));
    require(usage_total(&l.reply.usage) >= 0);
    say(out, "%d %d\n", run.ending, run.is_malformed);
    listener_done(&l);
}

/* What can be read again: a whole stream that reached its end well. */
static void expect_readable(struct str bytes, struct arena *a)
{
    struct listener again;
    listener_init(&again, a);
    require(listen_to(&again, &dialect_gemini, bytes, bytes.len, &request).ending == ENDING_COMPLETE);
    listener_done(&again);
}

static void expect_rewritten(struct str bytes, const struct chat_request *asked, struct arena *a)
{
    struct reply_frame frame = {a, asked, STR("id"), STR("model"), 1};
    struct rewriter w = {.sink = {rewrite}, .writer = dialect_gemini.open_writer(&frame)};
    struct event_reader *r = dialect_gemini.open_reader(a, &request);
    struct sse_reader sse;
    struct sse_event e;
    struct chat_error chat_err;
    struct err err;
    bool is_read = true;
    buf_init(&w.out, 64 << 20);
    sse_init(&sse, 1 << 20);
    sse_feed(&sse, bytes);
    while (is_read && sse_next(&sse, &e, &err) == SSE_EVENT)
        is_read = !e.is_dispatched || dialect_gemini.read_event(r, e.name, e.data, &w.sink, &chat_err);
    if (is_read && dialect_gemini.read_end(r, &w.sink) == ENDING_COMPLETE) {
        if (asked->is_array_stream)
            require(json_check(buf_str(&w.out), NULL, 0, NULL, &err));
        else
            expect_readable(buf_str(&w.out), a);
    }
    dialect_gemini.close_reader(r);
    dialect_gemini.close_writer(w.writer);
    sse_done(&sse);
    buf_done(&w.out);
}

static void cut_array(struct str bytes, size_t step, struct buf *out)
{
    struct gemini_array array;
    struct str item;
    struct err err;
    enum sse s = SSE_MORE;
    gemini_array_init(&array, 1 << 20);
    for (size_t at = 0; at < bytes.len && s == SSE_MORE; at += step) {
        gemini_array_feed(&array, str_part(bytes, at, step));
        while ((s = gemini_array_next(&array, &item, &err)) == SSE_EVENT)
            require(buf_append(out, item) && buf_append(out, STR("\n")));
    }
    say(out, "%d %d\n", (int)s, array.has_ended);
    gemini_array_done(&array);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_of((const char *)data, size);
    size_t odd = size ? data[size / 2] : 0;
    const size_t steps[] = {1, odd % 13 + 2, size / 2 + 1};
    struct arena a;
    struct buf whole, cut;
    arena_init(&a);
    buf_init(&whole, 64 << 20);
    buf_init(&cut, 64 << 20);
    tell(bytes, size + 1, &whole, &a);
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        buf_clear(&cut);
        tell(bytes, steps[i], &cut, &a);
        require(str_equals(buf_str(&whole), buf_str(&cut)));
    }
    expect_rewritten(bytes, &request, &a);
    expect_rewritten(bytes, &array_request, &a);
    buf_clear(&whole);
    cut_array(bytes, size + 1, &whole);
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        buf_clear(&cut);
        cut_array(bytes, steps[i], &cut);
        require(str_equals(buf_str(&whole), buf_str(&cut)));
    }
    buf_done(&whole);
    buf_done(&cut);
    arena_done(&a);
    return 0;
}
