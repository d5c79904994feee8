/* A request in Gemini's format that is read can be written, as JSON, and what is written is read again. Replies likewise. Its
 * schemas fit the subset of older models. */
#include "../unit/dialects/neutral.h"

#include "json/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct model_traits all = {.bits = TRAIT_RESULT_MEDIA},
                                 old = {.bits = TRAIT_OPENAPI_SCHEMA | TRAIT_NEEDS_SIGNATURES};
static const struct chat_request any_request;

static void expect_json(struct str body)
{
    struct err err;
    require(json_check(body, NULL, 0, NULL, &err));
}

/* False: nobody says anything there. */
static bool write_for(const struct model_traits *traits, const struct chat_request *request, struct buf *to,
                      struct arena *a)
{
    struct chat_error failure = {0};
    struct losses dropped = {0};
    struct upstream_request up = {.arena = a, .body = to, .traits = traits};
    bool is_written = dialect_gemini.write_request(&up, request, &dropped, &failure);
    require(is_written || failure.problem == PROBLEM_INVALID_REQUEST);
    require(dropped.count <= LOSSES_MAX);
    expect_json(buf_str(to));
    return is_written;
}

static bool write_request(struct str from, struct buf *to, struct arena *a)
{
    struct chat_request request;
    struct chat_error failure = {0};
    struct http_message in = {.path = STR("/v1beta/models/g:generateContent"), .body = from};
    if (!dialect_gemini.read_request(&request, a, &in, &failure)) {
        require(failure.problem == PROBLEM_INVALID_REQUEST && failure.message.len > 0);
        return false;
    }
    (void)write_for(&old, &request, to, a);
    buf_clear(to);
    return write_for(&all, &request, to, a);
}

static bool write_reply(struct str from, struct buf *to, struct arena *a)
{
    struct chat_reply reply;
    struct chat_error failure = {0};
    struct http_message in = {.status = 200, .body = from};
    struct reply_frame frame = {a, &any_request, STR("id"), STR("model"), 1};
    if (!dialect_gemini.read_reply(&reply, a, &in, &any_request, &failure)) {
        require(failure.message.len > 0);
        return false;
    }
    require(dialect_gemini.write_reply(to, &reply, &frame));
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

/* At most how deep: those in strings count, which may be JSON of their own. */
static size_t brackets(struct str s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] == '{' || s.at[i] == '[') count++;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_of((const char *)data, size);
    struct arena a;
    struct err err;
    if (!json_check(bytes, NULL, 0, NULL, &err)) return 0; /* the gateway has checked it */
    if (brackets(bytes) > 100) return 0; /* what is near the ceiling goes over it, written */
    arena_init(&a);
    expect_settled(bytes, write_request, &a);
    expect_settled(bytes, write_reply, &a);
    arena_done(&a);
    return 0;
}
