/* Whatever body comes, the simulated provider's answer is sound: one JSON value, or events that each hold one, with
 * [DONE] at the end. The first byte chooses the endpoint. */
#include "base/check.h"
#include "json/check.h"
#include "simulate/dialect.h"

static void require_json(struct str text)
{
    struct err err;
    require(json_check(text, NULL, 0, NULL, &err));
}

static void require_events(const struct sim_answer *a)
{
    static const struct str data = STR_INIT("data: "), end = STR_INIT("\n\n"), done = STR_INIT("[DONE]");
    size_t at = 0;
    for (unsigned i = 0; i < a->event_count; i++) {
        struct str event = str_part(a->body, at, a->event_ends[i] - at);
        at = a->event_ends[i];
        require(str_starts_with(event, data) && str_ends_with(event, end));
        event = str_part(event, data.len, event.len - data.len - end.len);
        if (i + 1 < a->event_count)
            require_json(event);
        else
            require(str_equals(event, done));
    }
    require(at == a->body.len && a->event_count > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str paths[] = {STR_INIT("/v1/chat/completions"), STR_INIT("/v1/completions"),
                                       STR_INIT("/v1/embeddings"), STR_INIT("/v1/moderations")};
    if (size == 0 || size > 1 << 16) return 0;
    struct arena arena;
    struct buf out;
    struct sim_answer a;
    arena_init(&arena);
    buf_init(&out, SIM_MAX_ANSWER_BYTES);
    sim_answer_init(&a, &arena, out);
    struct sim_request in = {.method = M_POST,
                             .path = paths[data[0] % ARRAY_COUNT(paths)],
                             .body = str_of((const char *)data + 1, size - 1),
                             .arena = &arena,
                             .now_s = 1790000000,
                             .id = STR("0123456789abcdef"),
                             .tokens = 20};
    sim_dialect_openai.answer(&a, &in);
    require(a.status == 200 || a.status == 400);
    if (a.is_stream)
        require_events(&a);
    else
        require_json(a.body);
    sim_answer_done(&a);
    arena_done(&arena);
    return 0;
}
