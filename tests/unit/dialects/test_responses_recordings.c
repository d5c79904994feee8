/* What services that speak OpenAI's Responses format really sent, through the neutral form: read, cut anywhere, written,
 * and read again. */
#include "roundtrip.h"

static const struct model_traits all = {.bits = TRAIT_REASONING_CONTENT};

static unsigned judge(const char *file, recording_judge *how)
{
    roundtrip.dialect = &dialect_responses;
    roundtrip.traits = &all;
    roundtrip.end_mark = "event: response.completed";
    return judge_recordings("responses", file, how) +
           judge_provider("bedrock_mantle", "responses", file, how);
}

TEST(responses_recordings, every_request_means_the_same_when_it_is_written_again)
{
    if (!judge("request.json", roundtrip_request)) SKIP("there are no recordings");
}

TEST(responses_recordings, every_reply_means_the_same_when_it_is_written_again)
{
    if (!judge("response.json", roundtrip_reply)) SKIP("there are no recordings");
}

TEST(responses_recordings, every_stream_means_the_same_when_it_is_cut_anywhere_and_when_it_is_written_again)
{
    if (!judge("response.sse", roundtrip_stream)) SKIP("there are no recordings");
}
