/* A request in Anthropic's Messages format that is read can be written, as JSON, and what is written is read again; a third time
 * changes nothing any more. Replies likewise. */
#include "../unit/dialects/neutral.h"

#include "json/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct model_traits unknown;
static const struct chat_request any_request;

static void expect_json(struct str body)
{
    struct err err;
    require(json_check(body, NULL, 0, NULL, &err));
}

static bool write_request(struct str from, struct buf *to, struct arena *a)
{
    struct chat_request request;
    struct chat_error failure = {0};
    struct losses dropped = {0};
    struct http_message in = {.body = from};
    if (!dialect_anthropic.read_request(&request, a, &in, &failure)) {
        require(failure.problem == PROBLEM_INVALID_REQUEST && failure.message.len > 0);
        return false;
    }
    struct upstream_request up = {.arena = a, .body = to, .traits = &unknown};
    if (!dialect_anthropic.write_request(&up, &request, &dropped, &failure)) {
        require(failure.problem == PROBLEM_INVALID_REQUEST); /* nobody says anything */
        return false;
    }
    require(dropped.count <= LOSSES_MAX);
    expect_json(buf_str(to));
    return true;
}

static bool write_reply(struct str from, struct buf *to, struct arena *a)
{
    struct chat_reply reply;
    struct chat_error failure = {0};
    struct http_message in = {.status = 200, .body = from};
    struct reply_frame frame = {a, &any_request, STR("id"), STR("model"), 1};
    if (!dialect_anthropic.read_reply(&reply, a, &in, &any_request, &failure)) {
        require(failure.message.len > 0);
        return false;
    }
    require(dialect_anthropic.write_reply(to, &reply, &frame));
    expect_json(buf_str(to));
    return true;
}

static void expect_settled(struct str bytes, bool (*write)(struct str from, struct buf *to, struct arena *a),
                           struct arena *a)
{
    struct buf once, twice;
    buf_init(&once, 64 << 20);
    buf_init(&twice, 64 << 20);
    if (write(bytes, &once, a)) require(write(buf_str(&once), &twice, a));
    buf_done(&once);
    buf_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_of((const char *)data, size);
    struct arena a;
    struct err err;
    if (!json_check(bytes, NULL, 0, NULL, &err)) return 0; /* the gateway has checked it */
    arena_init(&a);
    expect_settled(bytes, write_request, &a);
    expect_settled(bytes, write_reply, &a);
    arena_done(&a);
    return 0;
}
