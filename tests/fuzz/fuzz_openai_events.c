/* A stream of events tells the same, read whole and cut anywhere: facts, usage, how it ends; and its parts keep the
 * promises of dialects/dialect.h. */
#include "base/check.h"
#include "dialects/dialect.h"
#include "fiber/sanitize.h"
#include "http/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
    struct usage usage;
    unsigned events, seen;
    enum ending ending;
    uint64_t facts; /* a digest of each event's */
    bool is_bad;
};

static void expect_usage(const struct usage *u)
{
    require(u->input_uncached >= 0 && u->cache_read >= 0 && u->cache_write_5m >= 0 && u->cache_write_1h >= 0);
    require(u->output >= 0 && u->reasoning >= 0);
    require(u->audio_input >= 0 && u->audio_input <= u->input_uncached);
    require(u->audio_output >= 0 && u->audio_output <= u->output);
    require(usage_total(u) == usage_input(u) + usage_output(u) && usage_total(u) >= 0);
    require(u->is_known || usage_total(u) == 0);
}

static void hear(struct told *t, struct observer *o, const struct sse_event *e)
{
    if (!e->is_dispatched) return;
    unsigned before = o->seen, facts = dialect_openai_chat.same->observe_event(o, e->name, e->data);
    require(o->seen == (before | facts) && o->events == ++t->events);
    /* What is hidden from the caller may carry nothing that he must see. */
    if (facts & EVENT_USAGE_ONLY)
        require(!(facts & (EVENT_CONTENT | EVENT_FINISH | EVENT_TERMINAL | EVENT_ERROR)));
    if (before & EVENT_CONTENT) require(!(facts & EVENT_CONTENT)); /* only looked for until it is found */
    t->facts = t->facts * 31 + facts + 1;
    expect_usage(&o->usage);
}

/* Where a piece lies while it may be looked at; for the rest of the time nobody may (a sanitizer watches), and it holds
 * something else. One place, and not a block of its own for each piece: that took nine tenths of the time. */
static char lent[1 << 20];

static struct str lend(struct str piece)
{
    SANITIZE_ALLOW(lent, piece.len);
    memcpy(lent, piece.at, piece.len);
    return str_of(lent, piece.len);
}

static void take_back(size_t bytes)
{
    memset(lent, '#', bytes);
    SANITIZE_FORBID(lent, bytes);
}

/* In pieces of `step` bytes, each taken back when the reader has asked for more. */
static struct told read_stream(struct str bytes, size_t step)
{
    struct told t = {0};
    struct sse_reader r;
    struct sse_event e;
    struct observer o;
    struct arena a;
    struct err err;
    arena_init(&a);
    sse_init(&r, 1 << 20);
    dialect_openai_chat.same->observer_init(&o, &a, OP_CHAT);
    for (size_t at = 0; at < bytes.len && !t.is_bad; at += step) {
        struct str piece = str_part(bytes, at, step);
        enum sse s;
        sse_feed(&r, lend(piece));
        while ((s = sse_next(&r, &e, &err)) == SSE_EVENT) hear(&t, &o, &e);
        t.is_bad = s == SSE_BAD;
        take_back(piece.len);
    }
    t.usage = o.usage;
    t.seen = o.seen;
    t.ending = dialect_openai_chat.same->read_end(&o);
    require(t.ending == ENDING_INCOMPLETE || (t.seen & (EVENT_FINISH | EVENT_TERMINAL)));
    require(t.ending == ENDING_INCOMPLETE || !(t.seen & (EVENT_ERROR | EVENT_MALFORMED)));
    sse_done(&r);
    arena_done(&a);
    return t;
}

static void expect_equal(const struct told *a, const struct told *b)
{
    const struct usage *u = &a->usage, *v = &b->usage;
    require(a->events == b->events && a->seen == b->seen && a->ending == b->ending && a->facts == b->facts);
    require(u->is_known == v->is_known && usage_input(u) == usage_input(v) &&
            usage_output(u) == usage_output(v));
    require(u->cache_read == v->cache_read && u->reasoning == v->reasoning);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_of((const char *)data, size);
    if (size > sizeof lent) return 0;
    SANITIZE_FORBID(lent, size);
    size_t odd = size ? data[size / 2] : 0;
    const size_t steps[] = {1, odd % 13 + 2, size / 2 + 1};
    struct told whole = read_stream(bytes, size + 1);
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        struct told cut = read_stream(bytes, steps[i]);
        expect_equal(&whole, &cut);
    }
    return 0;
}
