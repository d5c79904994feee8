/* The first byte says what to splice, the rest is a body. What scan_request() accepts becomes, with another model and
 * the request for usage, JSON that is accepted again and then says just that; nothing else of it changes. */
#include "base/check.h"
#include "dialects/dialect.h"
#include "json/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct str models[] = {STR_INIT("gpt"), STR_INIT("a\"\\\n\x01\xff/\xc3\xa9"), STR_INIT("")};
static const struct str spoken[] = {STR_INIT("gpt"), STR_INIT("a\"\\\n\x01\xef\xbf\xbd/\xc3\xa9"),
                                    STR_INIT("")};

static bool is_member(struct json_value key, const char *name)
{
    return json_str_equals(key, str_from_cstr(name));
}

/* All members but model and stream_options are there in their order, byte for byte. */
static void expect_rest(struct str before, struct str after)
{
    struct json_members was, is;
    struct json_value old_key, old_value, key = {0}, value;
    json_members_init(&was, json_value_of(before));
    json_members_init(&is, json_value_of(after));
    while (json_members_next(&was, &old_key, &old_value)) {
        if (is_member(old_key, "model") || is_member(old_key, "stream_options")) continue;
        do require(json_members_next(&is, &key, &value));
        while (is_member(key, "model") || is_member(key, "stream_options"));
        require(str_equals(key.raw, old_key.raw) && str_equals(value.raw, old_value.raw));
    }
    while (json_members_next(&is, &key, &value))
        require(is_member(key, "model") || is_member(key, "stream_options"));
    require(!is.is_malformed);
}

/* With two more it would be over json_check()'s ceiling, which only we have. */
static bool has_room(struct str body)
{
    struct json_members it;
    struct json_value key, value;
    size_t count = 0;
    json_members_init(&it, json_value_of(body));
    while (json_members_next(&it, &key, &value)) count++;
    return count + 2 <= JSON_MAX_MEMBERS;
}

static void expect_scanned(const struct request_facts *f)
{
    require(f->model.len <= MODEL_NAME_MAX_BYTES);
    struct json_value root = json_value_of(f->body);
    struct json_value model = json_get(root, STR("model"));
    require(str_is_empty(f->model) || json_str_equals(model, f->model));
    require(!f->is_stream || str_equals(json_get(root, STR("stream")).raw, STR("true")));
}

static void expect_refused(const struct chat_error *e)
{
    require(e->problem == PROBLEM_INVALID_REQUEST && e->message.len > 0 && e->attempt_count == 0);
}

static void splice(struct arena *a, const struct request_facts *facts, size_t model, bool asks)
{
    const struct same_dialect *same = dialect_openai_chat.same;
    struct spliced s;
    struct chat_error e;
    struct request_facts again;
    require(same->splice_request(&s, a, facts, models[model], asks));
    require(s.count <= SPLICED_MAX_PIECES);
    struct str body = arena_join(a, s.pieces, s.count);
    require(body.len == s.bytes);
    require(same->scan_request(&again, a, OP_CHAT, body, &e));
    require(str_equals(again.model, model == 2 ? facts->model : spoken[model]));
    require(again.is_stream == facts->is_stream && again.max_tokens == facts->max_tokens);
    require(again.wants_usage == (facts->wants_usage || (asks && facts->is_stream)));
    expect_rest(facts->body, body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct str body = str_of((const char *)data + 1, size - 1);
    struct request_facts facts;
    struct chat_error e = {0};
    struct arena a;
    arena_init(&a);
    if (dialect_openai_chat.same->scan_request(&facts, &a, OP_CHAT, body, &e)) {
        expect_scanned(&facts);
        if (has_room(body)) splice(&a, &facts, data[0] % 3, data[0] & 4);
    } else {
        expect_refused(&e);
    }
    arena_done(&a);
    return 0;
}
