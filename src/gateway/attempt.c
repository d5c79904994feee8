/* gateway/attempt.c: one try at one target.
 *
 *     send ── head ──► status ── 2xx, stream ──► hold events until the first content ──► success: relay.c goes on
 *                        │    └─ 2xx, plain  ──► read the whole reply and check it   ──► success: relay.c goes on
 *                        └─ any other ─────────► read the rejection and classify it
 *     a failure, a timeout or a cancel anywhere: straight out with its outcome
 *
 * Nothing goes to the caller here (but keep-alives of a stream that waits long), so every failure may be tried
 * elsewhere; that is pipeline.c's decision. */
#include "gateway/attempt.h"

#include "gateway/headers.h"
#include "gateway/relay.h"

struct attempt *attempt_new(struct exchange *x, const struct plan *plan, const struct target *target,
                            struct breaker_ticket ticket)
{
    struct attempt *a = arena_new(x->arena, struct attempt);
    a->exchange = x;
    a->settings = plan->settings;
    a->target = *target;
    a->ticket = ticket;
    const struct provider *p = target->provider;
    a->key = provider_state_pick_key(target->endpoint->state, p->key_ids, p->key_count, fiber_now());
    a->asks_usage = x->facts.is_stream && !x->facts.wants_usage &&
                    target->provider->facts.stream_usage == STREAM_USAGE_INJECT &&
                    !atomic_load_explicit(&target->endpoint->state->refuses_stream_options,
                                          memory_order_relaxed);
    x->dialect->same->observer_init(&a->observer, x->arena, x->route->operation);
    bool is_text = operation_row(x->route->operation)->kind == OF_TEXT;
    /* A first content that is large itself, and what relay.c gathers from the same chunk, must fit, too. */
    buf_init_counted(
        &a->held, is_text && !x->facts.is_stream ? PLAIN_MAX_CHECKED_BYTES : HOLD_MAX_BYTES + EVENT_MAX_BYTES,
        exchange_budget(x));
    return a;
}

void attempt_done(struct attempt *a)
{
    http_call_end(&a->call); /* kept if the reply was read to its end */
    decoder_done(&a->decoder);
    buf_done(&a->held);
    if (a->has_sse) sse_done(&a->sse);
    a->has_sse = false;
}

bool attempt_hides(const struct attempt *a, unsigned event_facts)
{
    return (event_facts & EVENT_USAGE_ONLY) && !a->exchange->facts.wants_usage;
}

static bool is_starved(const struct attempt *a)
{
    return a->decoder.is_starved || buf_is_starved(&a->held);
}

enum outcome attempt_no_room(struct attempt *a)
{
    err_set(&a->err, ERR_SYSTEM, "server.max_buffered leaves no room for the reply");
    return OUTCOME_NO_ROOM;
}

/* A reply that breaks off after its head is malformed; without a head nobody was reached. */
static enum outcome outcome_of_io(struct attempt *a, enum io io)
{
    if (io == IO_FAIL && is_starved(a)) return attempt_no_room(a);
    switch (io) {
    case IO_TIMEOUT: return OUTCOME_TIMEOUT;
    case IO_CANCELLED: return OUTCOME_CALLER_GONE;
    case IO_OK:
    case IO_END:
    case IO_FAIL: break;
    }
    if (a->err.code == ERR_EXHAUSTED) return OUTCOME_EXHAUSTED;
    if (a->err.code == ERR_TIMEOUT) return OUTCOME_TIMEOUT; /* no successor to a dead connection in time */
    return a->head.status || a->err.code == ERR_INVALID ? OUTCOME_MALFORMED : OUTCOME_UNREACHABLE;
}

static enum outcome malformed(struct attempt *a, const char *why)
{
    err_set(&a->err, ERR_INVALID, "%s", why);
    return OUTCOME_MALFORMED;
}

/* ---- sending ---- */
static struct str request_head(struct attempt *a, size_t body_bytes)
{
    struct exchange *x = a->exchange;
    const struct provider *p = a->target.provider;
    struct lines l;
    lines_init(&l, &x->scratch, 1024);
    lines_raw(&l, a->target.endpoint->targets[x->route->operation]);
    lines_raw(&l, headers_query(x));
    lines_raw(&l, a->target.endpoint->host_line);
    lines_raw(&l, p->own_lines[a->key]);
    headers_upstream(x, &p->config->headers, &l);
    lines_add_i64(&l, STR("Content-Length"), (int64_t)body_bytes);
    lines_raw(&l, STR("\r\n"));
    return lines_str(&l);
}

static msec_t sooner(msec_t a, msec_t b)
{
    return a < b ? a : b;
}

/* Waits for the head or the next piece of a stream's body, and keeps the caller's connection alive meanwhile. */
static enum io wait_kept_alive(struct attempt *a,
                               enum io (*wait)(struct attempt *a, struct str *chunk, msec_t deadline),
                               struct str *chunk)
{
    struct exchange *x = a->exchange;
    for (;;) {
        msec_t deadline = sooner(a->deadline, x->keepalive_at);
        enum io io = wait(a, chunk, deadline);
        if (io != IO_TIMEOUT || deadline >= a->deadline) return io;
        if (relay_keepalive(x) != IO_OK) return IO_CANCELLED; /* the caller's fault, never the provider's */
        x->keepalive_at = fiber_deadline(a->settings->keepalive_ms);
    }
}

static enum io wait_head(struct attempt *a, struct str *chunk, msec_t deadline)
{
    (void)chunk;
    http_call_set_deadline(a->call, deadline);
    enum io io = http_call_read_head(a->call, &a->head, &a->exchange->scratch, &a->err);
    if (io != IO_OK) a->head = (struct http_response){0}; /* it may hold an interim one, or half of one */
    return io;
}

static enum io wait_chunk(struct attempt *a, struct str *chunk, msec_t deadline)
{
    return decoder_read(&a->decoder, chunk, deadline, &a->err);
}

static enum io send_request(struct attempt *a)
{
    struct exchange *x = a->exchange;
    struct spliced body;
    struct str pieces[1 + SPLICED_MAX_PIECES];
    x->dialect->same->splice_request(&body, &x->scratch, &x->facts, a->target.model, a->asks_usage);
    pieces[0] = request_head(a, body.bytes);
    memcpy(pieces + 1, body.pieces, body.count * sizeof *body.pieces);

    const struct config_timeouts *t = &a->settings->timeouts;
    a->reply_deadline = x->facts.is_stream ? x->deadline : sooner(x->deadline, fiber_deadline(t->reply_ms));
    a->deadline = x->facts.is_stream ? sooner(a->reply_deadline, fiber_deadline(t->first_token_ms))
                                     : a->reply_deadline;
    struct http_call_request request = {.origin = &a->target.endpoint->origin,
                                        .pieces = pieces,
                                        .count = 1 + body.count,
                                        .connect_ms = t->connect_ms,
                                        .deadline = a->deadline};
    a->started_ns = clock_monotonic_ns();
    enum io io = http_call_begin(&a->call, x->gateway->client, &request, &a->err);
    if (io != IO_OK) return io;
    return wait_kept_alive(a, wait_head, NULL);
}

/* False: it is encoded in a way that nobody here can read. */
static bool begin_body(struct attempt *a, uint64_t max_decoded_bytes)
{
    const struct decoder_limits limits = {max_decoded_bytes, exchange_budget(a->exchange)};
    return decoder_init(&a->decoder, a->call, &a->head.headers, &limits, &a->err);
}

/* ---- a rejection ---- */
static enum outcome read_rejection(struct attempt *a, enum outcome outcome)
{
    struct exchange *x = a->exchange;
    buf_done(&a->held);
    buf_init_counted(&a->held, REJECTION_MAX_BYTES, exchange_budget(x));
    enum io io = IO_FAIL;
    if (begin_body(a, REJECTION_MAX_BYTES))
        io = decoder_read_whole(&a->decoder, &a->body, &a->held, a->deadline, &a->err);
    if (io == IO_CANCELLED) return OUTCOME_CALLER_GONE;
    if (io == IO_FAIL && is_starved(a)) return attempt_no_room(a);
    if (io != IO_OK) a->body = STR("");
    if (io != IO_OK && outcome == OUTCOME_INVALID_REQUEST) /* nothing is left that could be passed on */
        return io == IO_TIMEOUT ? OUTCOME_TIMEOUT : OUTCOME_MALFORMED;
    struct http_message reply = {.status = a->head.status, .headers = &a->head.headers, .body = a->body};
    x->dialect->classify(&a->verdict, x->arena, &reply);
    err_set(&a->err, ERR_INVALID, "status %d", a->head.status);
    return outcome;
}

/* ---- a plain reply ---- */
/* What is not held back: its first bytes are enough. */
static enum io begin_large(struct attempt *a)
{
    struct str chunk = {0};
    enum io io = http_call_read_body(a->call, &chunk, a->deadline, &a->err);
    a->is_cut_short = io == IO_OK;
    a->body = arena_copy(a->exchange->arena, chunk); /* sending the head may wait */
    return io;
}

/* Reads on into `held` until the end or until it is full. */
static enum io gather(struct attempt *a)
{
    for (;;) {
        struct str chunk;
        enum io io = http_call_read_body(a->call, &chunk, a->deadline, &a->err);
        if (io == IO_END) break;
        if (io != IO_OK) return io;
        if (buf_append(&a->held, chunk)) continue;
        if (buf_is_starved(&a->held)) return IO_FAIL;
        a->is_cut_short = true;
        a->body = arena_copy(a->exchange->arena, chunk); /* `held` goes first, and that waits */
        return IO_OK;
    }
    a->body = buf_str(&a->held);
    return IO_OK;
}

static bool is_json_type(struct str type)
{
    return type.len == 0 || str_starts_with_nocase(type, STR("application/json")) ||
           str_contains_nocase(type, STR("json"));
}

static enum outcome read_json_reply(struct attempt *a)
{
    if (!is_json_type(http_headers_value(&a->head.headers, H_CONTENT_TYPE)))
        return malformed(a, "the reply is not JSON by its content type");
    if (!begin_body(a, PLAIN_MAX_CHECKED_BYTES)) return OUTCOME_MALFORMED;
    bool has_length = a->head.framing == FRAMING_LENGTH;
    enum io io;
    if (decoder_is_needed(&a->decoder) || (has_length && a->head.content_length <= PLAIN_MAX_CHECKED_BYTES))
        io = decoder_read_whole(&a->decoder, &a->body, &a->held, a->deadline, &a->err);
    else
        io = has_length ? begin_large(a) : gather(a);
    if (io != IO_OK) return outcome_of_io(a, io);
    if (a->is_cut_short) return OUTCOME_SUCCESS; /* too large to be held back: its head and size must do */
    if (!a->exchange->dialect->same->observe_reply(&a->observer, a->body, &a->err)) return OUTCOME_MALFORMED;
    return OUTCOME_SUCCESS;
}

/* ---- a stream, until its first content ---- */
/* Images and sounds: already the first event is content, and it may be large. */
static size_t hold_max_bytes(const struct attempt *a)
{
    return a->exchange->facts.is_stream ? HOLD_MAX_BYTES : EVENT_MAX_BYTES;
}

static enum outcome too_much(struct attempt *a)
{
    return malformed(a, a->exchange->facts.is_stream ? "over 256 KiB came before any content"
                                                     : "over 16 MiB came before any content");
}

static enum outcome hold_event(struct attempt *a, const struct sse_event *event, bool *has_content)
{
    struct exchange *x = a->exchange;
    unsigned facts = 0;
    if (event->is_dispatched) {
        facts = x->dialect->same->observe_event(&a->observer, event->name, event->data);
        if (facts & EVENT_ERROR) return malformed(a, "the stream reports an error before any content");
        if (facts & EVENT_MALFORMED) return malformed(a, "an event of the stream is not JSON");
        if ((facts & EVENT_TERMINAL) && !(a->observer.seen & (EVENT_CONTENT | EVENT_FINISH)))
            return malformed(a, "the stream ended without content and without a finish reason");
    }
    *has_content = facts & (EVENT_CONTENT | EVENT_FINISH);
    if (!attempt_hides(a, facts) && !buf_append(&a->held, event->raw))
        return buf_is_starved(&a->held) ? attempt_no_room(a)
                                        : malformed(a, "more came before any content than can be held");
    if (*has_content) return OUTCOME_SUCCESS;
    if (a->held.len > hold_max_bytes(a)) return too_much(a);
    if (a->observer.events > HOLD_MAX_EVENTS) return malformed(a, "over 64 events came before any content");
    return OUTCOME_SUCCESS;
}

/* All complete events of the chunk; stops behind the first with content, relay.c takes the rest. */
static enum outcome hold_chunk(struct attempt *a, struct str chunk, bool *has_content)
{
    struct sse_event event;
    sse_feed(&a->sse, chunk);
    while (!*has_content) {
        enum sse sse = sse_next(&a->sse, &event, &a->err);
        if (sse == SSE_MORE && a->held.len + sse_rest(&a->sse).len > hold_max_bytes(a)) return too_much(a);
        if (sse == SSE_MORE) return OUTCOME_SUCCESS;
        if (sse == SSE_BAD) return a->err.code == ERR_SYSTEM ? attempt_no_room(a) : OUTCOME_MALFORMED;
        enum outcome outcome = hold_event(a, &event, has_content);
        if (outcome != OUTCOME_SUCCESS) return outcome;
    }
    return OUTCOME_SUCCESS;
}

static bool is_event_stream(const struct attempt *a)
{
    return str_starts_with_nocase(http_headers_value(&a->head.headers, H_CONTENT_TYPE),
                                  STR("text/event-stream"));
}

static enum outcome await_content(struct attempt *a)
{
    if (!is_event_stream(a))
        return malformed(a, "a stream was asked for and the reply is none by its content type");
    if (!begin_body(a, STREAM_MAX_DECODED_BYTES)) return OUTCOME_MALFORMED;
    sse_init(&a->sse, EVENT_MAX_BYTES);
    sse_set_budget(&a->sse, exchange_budget(a->exchange));
    a->has_sse = true;
    bool has_content = false;
    while (!has_content) {
        struct str chunk;
        enum io io = wait_kept_alive(a, wait_chunk, &chunk);
        if (io == IO_END) return malformed(a, "the stream ended before any content");
        if (io != IO_OK) return outcome_of_io(a, io);
        enum outcome outcome = hold_chunk(a, chunk, &has_content);
        if (outcome != OUTCOME_SUCCESS) return outcome;
    }
    return OUTCOME_SUCCESS;
}

/* Sounds and texts: nothing in them can be checked, so they are committed with their first bytes. Of silence a
 * transcription may be empty; a sound never is. */
static enum outcome read_anything(struct attempt *a)
{
    if (!begin_body(a, PLAIN_MAX_CHECKED_BYTES)) return OUTCOME_MALFORMED;
    bool has_length = a->head.framing == FRAMING_LENGTH, is_encoded = decoder_is_needed(&a->decoder);
    enum io io;
    if (is_encoded || (has_length && a->head.content_length <= STREAM_READ_BYTES))
        io = decoder_read_whole(&a->decoder, &a->body, &a->held, a->deadline, &a->err);
    else
        io = begin_large(a);
    if (io == IO_END) a->body = STR("");
    if (io != IO_OK && io != IO_END) return outcome_of_io(a, io);
    bool may_be_empty = operation_row(a->exchange->route->operation)->kind == OF_FORM &&
                        a->head.status == 200;
    return a->body.len || may_be_empty ? OUTCOME_SUCCESS : malformed(a, "the reply is empty");
}

static enum outcome read_reply(struct attempt *a)
{
    if (operation_row(a->exchange->route->operation)->kind == OF_TEXT) return read_json_reply(a);
    if (is_event_stream(a)) return await_content(a);
    struct str type = http_headers_value(&a->head.headers, H_CONTENT_TYPE);
    return type.len && str_contains_nocase(type, STR("json")) ? read_json_reply(a) : read_anything(a);
}

enum outcome attempt_run(struct attempt *a)
{
    struct exchange *x = a->exchange;
    x->doing = "waiting for the reply's head";
    enum io io = send_request(a);
    if (io != IO_OK) return outcome_of_io(a, io);

    enum outcome outcome = outcome_of_status(a->head.status);
    if (outcome != OUTCOME_SUCCESS) return read_rejection(a, outcome);
    x->doing = x->facts.is_stream ? "waiting for the first content" : "reading the reply";
    outcome = x->facts.is_stream ? await_content(a) : read_reply(a);
    a->content_ns = clock_monotonic_ns();
    return outcome;
}
