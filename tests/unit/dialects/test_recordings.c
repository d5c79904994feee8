/* What services that speak OpenAI's format really sent, judged by the observer and by a reading that knows nothing of
 * JSON: the last number behind a name in the text. */
#include "recordings.h"

#include "dialects/dialect.h"
#include "http/sse.h"
#include "json/check.h"

static enum operation operation; /* of the recordings that are walked */

static const struct same_dialect *same_of_openai(void)
{
    return dialect_openai_chat.same;
}

static unsigned judge_operation(enum operation op, const char *api, const char *file, recording_judge *judge)
{
    operation = op;
    return judge_recordings(api, file, judge);
}

/* ---- the simple reading ---- */
/* The last whole number behind "name": in the text; -1: none. */
static int64_t last_number(struct str text, const char *name)
{
    char quoted[64];
    int64_t last = -1;
    snprintf(quoted, sizeof quoted, "\"%s\"", name);
    struct str needle = str_from_cstr(quoted);
    for (size_t at; (at = str_find(text, needle)) != SIZE_MAX;) {
        text = str_from(text, at + needle.len);
        struct str rest = str_trim(str_part(text, 0, 40));
        if (rest.len == 0 || rest.at[0] != ':') continue;
        rest = str_trim(str_from(rest, 1));
        size_t digits = 0;
        while (digits < rest.len && rest.at[digits] >= '0' && rest.at[digits] <= '9') digits++;
        int64_t n;
        if (str_to_u63(str_part(rest, 0, digits), &n)) last = n;
    }
    return last;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void expect_tokens(const struct recording *r, const char *what, int64_t got, int64_t want)
{
    EXPECT_THAT(got == want, "%s: %s %lld, want %lld", r->path, what, (long long)got, (long long)want);
}

/* Groq lists behind the sum what each of its models used. Some services name more cached tokens than there are in the
 * prompt, or more for reasoning than for all of the reply: parts are never larger than their whole. */
static void expect_usage(const struct recording *r, const struct usage *u)
{
    struct str text = str_part(r->text, 0, str_find(r->text, STR("\"usage_breakdown\"")));
    int64_t prompt = last_number(text, "prompt_tokens"), total = last_number(text, "total_tokens");
    int64_t cached = last_number(text, "cached_tokens"), reasoning = last_number(text, "reasoning_tokens");
    if (prompt < 0) prompt = total; /* Voyage */
    EXPECT_THAT(u->is_known == (prompt >= 0), "%s: usage is %sknown", r->path, u->is_known ? "" : "not ");
    if (prompt < 0) return;
    expect_tokens(r, "input", usage_input(u), prompt);
    expect_tokens(r, "total", usage_total(u), total);
    expect_tokens(r, "cached", u->cache_read, cached < 0 ? 0 : least(cached, prompt));
    expect_tokens(r, "reasoning", u->reasoning, reasoning < 0 ? 0 : least(reasoning, total - prompt));
}

/* ---- streams ---- */
struct heard {
    struct observer observer;
    unsigned events, first_content; /* first_content: its number, from 1; 0: none */
    size_t bytes_before;            /* raw, of what came before it */
};

static void hear(struct heard *h, struct arena *a, struct str stream)
{
    struct sse_reader reader;
    struct sse_event event;
    struct err err;
    *h = (struct heard){0};
    same_of_openai()->observer_init(&h->observer, a, operation);
    sse_init(&reader, 16 << 20);
    sse_feed(&reader, stream);
    while (sse_next(&reader, &event, &err) == SSE_EVENT) {
        unsigned facts = 0;
        if (event.is_dispatched) {
            h->events++;
            facts = same_of_openai()->observe_event(&h->observer, event.name, event.data);
        }
        if (h->first_content) continue;
        if (facts & (EVENT_CONTENT | EVENT_FINISH))
            h->first_content = h->events;
        else
            h->bytes_before += event.raw.len;
    }
    sse_done(&reader);
}

static void judge_stream(const struct recording *r)
{
    struct arena a;
    struct heard h;
    arena_init(&a);
    hear(&h, &a, r->text);
    bool reports_error = recording_has(r, "stream_error");
    EXPECT_THAT(same_of_openai()->read_end(&h.observer) ==
                    (reports_error ? ENDING_INCOMPLETE : ENDING_COMPLETE),
                "%s: ends %s, facts 0x%x", r->path, reports_error ? "well" : "badly", h.observer.seen);
    EXPECT_THAT(!(h.observer.seen & EVENT_ERROR) == !reports_error, "%s: facts 0x%x", r->path,
                h.observer.seen);
    EXPECT_THAT(!(h.observer.seen & EVENT_MALFORMED), "%s: an event is malformed", r->path);
    EXPECT_THAT(h.first_content > 0 && h.first_content <= 64, "%s: the first content is event %u of %u",
                r->path, h.first_content, h.events);
    EXPECT_THAT(h.bytes_before < 256 * 1024, "%s: %zu bytes before any content", r->path, h.bytes_before);
    EXPECT_THAT(!!(h.observer.seen & EVENT_TERMINAL) == (str_find(r->text, STR("data: [DONE]")) != SIZE_MAX),
                "%s: [DONE] is missed", r->path);
    expect_usage(r, &h.observer.usage);
    arena_done(&a);
}

TEST(recordings, every_stream_has_its_content_early_ends_well_and_tells_its_usage)
{
    if (!judge_operation(OP_CHAT, "chat", "response.sse", judge_stream)) SKIP("there are no recordings");
    EXPECT_TRUE(judge_operation(OP_COMPLETIONS, "completions", "response.sse", judge_stream) > 0);
}

/* ---- plain replies ---- */
static void judge_reply(const struct recording *r)
{
    struct arena a;
    struct observer o;
    struct err err = {0};
    arena_init(&a);
    same_of_openai()->observer_init(&o, &a, operation);
    EXPECT_THAT(same_of_openai()->observe_reply(&o, r->text, &err), "%s: %s", r->path, err.text);
    expect_usage(r, &o.usage);
    arena_done(&a);
}

TEST(recordings, every_plain_reply_is_one_and_tells_its_usage)
{
    if (!judge_operation(OP_CHAT, "chat", "response.json", judge_reply)) SKIP("there are no recordings");
    EXPECT_TRUE(judge_operation(OP_COMPLETIONS, "completions", "response.json", judge_reply) > 0);
    EXPECT_TRUE(judge_operation(OP_EMBEDDINGS, "embeddings", "response.json", judge_reply) > 0);
    EXPECT_TRUE(judge_operation(OP_MODERATIONS, "moderations", "response.json", judge_reply) > 0);
}

/* ---- requests ---- */
static void judge_request(const struct recording *r)
{
    struct arena a;
    struct request_facts facts;
    struct spliced spliced;
    struct chat_error err;
    struct err broken;
    struct json_wanted wanted[] = {{STR("model")}, {STR("stream_options")}};
    struct json_found found[2];
    arena_init(&a);
    if (same_of_openai()->scan_request(&facts, &a, operation, r->text, &err)) {
        EXPECT_TRUE(same_of_openai()->splice_request(&spliced, &a, &facts, STR("another/model"), true));
        struct str body = arena_join(&a, spliced.pieces, spliced.count);
        EXPECT_EQ(body.len, spliced.bytes);
        EXPECT_THAT(json_check(body, wanted, 2, found, &broken), "%s: %s", r->path, broken.text);
        EXPECT_STR_EQ(found[0].value.raw, "\"another/model\"");
        EXPECT_THAT(!facts.is_stream || str_find(found[1].value.raw, STR("include_usage")) != SIZE_MAX,
                    "%s: no usage is asked for", r->path);
        EXPECT_THAT(facts.is_stream || body.len + facts.model.len == r->text.len + strlen("another/model") ||
                        str_is_empty(facts.model),
                    "%s: more than the model has changed", r->path);
    } else {
        FAIL("%s: %.*s", r->path, STR_ARG(err.message));
    }
    arena_done(&a);
}

TEST(recordings, every_request_is_taken_and_spliced)
{
    if (!judge_operation(OP_CHAT, "chat", "request.json", judge_request)) SKIP("there are no recordings");
    EXPECT_TRUE(judge_operation(OP_EMBEDDINGS, "embeddings", "request.json", judge_request) > 0);
}

/* ---- errors ---- */
static void judge_error(const struct recording *r)
{
    static const struct http_headers none;
    struct arena a;
    struct verdict v;
    int64_t status = last_number(r->meta, "status");
    arena_init(&a);
    struct http_message reply = {.status = (int)status, .headers = &none, .body = r->text};
    dialect_openai_chat.classify(&v, &a, &reply);
    EXPECT_THAT(v.retry_after_ms == 0 && v.retry_at_s == 0, "%s: it says when to come back", r->path);
    arena_done(&a);
}

TEST(recordings, every_rejection_is_read_without_harm)
{
    if (!judge_recordings("errors", "response.json", judge_error)) SKIP("there are no recordings");
}
