/* What Anthropic's service really sent and was sent, through the neutral form: read, cut anywhere, written, and read
 * again. */
#include "roundtrip.h"

static const struct model_traits unknown;

static unsigned judge(const char *file, recording_judge *how)
{
    roundtrip.dialect = &dialect_anthropic;
    roundtrip.traits = &unknown;
    roundtrip.end_mark = "event: message_stop";
    return judge_provider("anthropic", "messages", file, how) +
           judge_provider("vertex", "messages", file, how);
}

TEST(anthropic_recordings, every_request_means_the_same_when_it_is_written_again)
{
    if (!judge("request.json", roundtrip_request)) SKIP("there are no recordings");
}

/* One of them ends its turn without a word, as the service may. */
static void judge_reply(const struct recording *r)
{
    bool is_mute = str_find(r->text, STR("\"role\":\"assistant\",\"content\":[]")) != SIZE_MAX;
    struct chat_reply reply;
    roundtrip_begin();
    if (!is_mute)
        roundtrip_reply(r);
    else if (read_reply(r, r->text, &reply))
        EXPECT_TRUE(reply.choices->parts.count == 0 && reply.choices->finish == FINISH_STOP);
}

TEST(anthropic_recordings, every_reply_means_the_same_when_it_is_written_again)
{
    if (!judge("response.json", judge_reply)) SKIP("there are no recordings");
}

TEST(anthropic_recordings, every_stream_means_the_same_when_it_is_cut_anywhere_and_when_it_is_written_again)
{
    if (!judge("response.sse", roundtrip_stream)) SKIP("there are no recordings");
}

/* Who looks at a stream that passes by sees the same end and the same costs as who reads it. */
static void judge_observer(const struct recording *r)
{
    struct listener l;
    struct observer o;
    struct sse_reader sse;
    struct sse_event e;
    struct err err;
    roundtrip_begin();
    listener_init(&l, &roundtrip.arena);
    struct stream_run run = listen_to(&l, &dialect_anthropic, r->text, r->text.len, &any_request);
    dialect_anthropic.same->observer_init(&o, &roundtrip.arena, OP_CHAT);
    sse_init(&sse, 16 << 20);
    sse_feed(&sse, r->text);
    while (sse_next(&sse, &e, &err) == SSE_EVENT)
        if (e.is_dispatched) (void)dialect_anthropic.same->observe_event(&o, e.name, e.data);
    sse_done(&sse);
    EXPECT_THAT(dialect_anthropic.same->read_end(&o) == run.ending, "%s: ends otherwise", r->path);
    EXPECT_THAT((o.seen & EVENT_CONTENT) != 0, "%s: no content", r->path);
    say_usage(&roundtrip.first, &l.reply.usage);
    say_usage(&roundtrip.second, &o.usage);
    expect_same(r, "read and observed it costs");
    EXPECT_THAT(roundtrip.first.len > 0, "%s: no usage", r->path);
    listener_done(&l);
}

TEST(anthropic_recordings, a_stream_that_passes_by_costs_what_it_costs_when_it_is_read)
{
    if (!judge("response.sse", judge_observer)) SKIP("there are no recordings");
}
