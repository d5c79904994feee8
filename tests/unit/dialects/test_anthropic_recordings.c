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
