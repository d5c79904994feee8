/* What services that speak OpenAI's chat format really sent, through the neutral form: read, cut anywhere, written, and
 * read again. */
#include "roundtrip.h"

/* Of whoever keeps everything. */
static const struct model_traits all = {
    .bits = TRAIT_CACHE_MARKS | TRAIT_REASONING_DETAILS | TRAIT_REASONING_CONTENT | TRAIT_TOP_K,
    .reasoning = REASONING_OBJECT,
};

static unsigned judge(const char *file, recording_judge *how)
{
    roundtrip.dialect = &dialect_openai_chat;
    roundtrip.traits = &all;
    roundtrip.end_mark = "data: [DONE]";
    return judge_recordings("chat", file, how);
}

TEST(openai_chat_recordings, every_request_means_the_same_when_it_is_written_again)
{
    if (!judge("request.json", roundtrip_request)) SKIP("there are no recordings");
}

TEST(openai_chat_recordings, every_reply_means_the_same_when_it_is_written_again)
{
    if (!judge("response.json", roundtrip_reply)) SKIP("there are no recordings");
}

TEST(openai_chat_recordings, every_stream_means_the_same_when_it_is_cut_anywhere_and_when_it_is_written_again)
{
    if (!judge("response.sse", roundtrip_stream)) SKIP("there are no recordings");
}
