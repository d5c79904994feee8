/* simulate/deliver.c: a plain answer goes out in one write, a stream event by event, paced if asked. Every fault is a
 * place in the body and what happens there:
 *     cut          … half an event |  the handler returns, the server closes the connection
 *     stall        … half an event |  silence until the caller has gone (that cancels this fiber)
 *     malformed    … half an event |  a blank line, then the rest as if nothing were
 *     error event  … whole events  |  the error event, then the end of the message
 * A plain answer is one event: cut and stall stop inside of it, malformed ends there and calls it complete. */
#include "simulate/deliver.h"

#include "base/random.h"

enum { SILENCE_MS = 60 * 1000 };

struct delivery {
    struct http_exchange *x;
    const struct sim_answer *answer;
    const struct fault *fault;
    msec_t began;
    unsigned next_event; /* the first one that is not out completely */
    struct random odd;
};

static void stay_silent(struct http_exchange *x)
{
    http_exchange_release_request(x);
    fiber_trim_stack();
    while (fiber_sleep(SILENCE_MS) == IO_TIMEOUT) {}
}

/* ---- plain ---- */

static void deliver_part(struct http_exchange *x, const struct http_reply_head *head, struct str part)
{
    http_exchange_send_head(x, head);
    if (http_exchange_flush(x) == IO_OK && part.len) (void)http_exchange_send_body(x, &part, 1);
}

static void deliver_plain(struct http_exchange *x, const struct sim_answer *answer, const struct fault *fault)
{
    struct http_reply_head head = {.status = answer->status,
                                   .header_lines = answer->header_lines,
                                   .content_length = (int64_t)answer->body.len};
    struct str part = str_part(answer->body, 0, answer->body.len * fault->at_percent / 100);
    if (part.len == answer->body.len && part.len) part.len--; /* at 100 % there is still something missing */
    switch (fault->kind) {
    case FAULT_NONE:
    case FAULT_ERROR:
    case FAULT_ERROR_EVENT: (void)http_exchange_reply(x, &head, &answer->body, 1); return;
    case FAULT_MALFORMED: (void)http_exchange_reply(x, &head, &part, 1); return;
    case FAULT_CUT: deliver_part(x, &head, part); return;
    case FAULT_STALL:
        deliver_part(x, &head, part);
        stay_silent(x);
        return;
    }
}

/* ---- streams ---- */

/* Waits until the event is due: the first at once, each other one token later than the one before. */
static bool delivery_pace(struct delivery *d, unsigned event)
{
    if (d->fault->tokens_per_second <= 0) return true;
    msec_t due = d->began + (msec_t)(event * 1000.0 / d->fault->tokens_per_second);
    return due <= fiber_now() || fiber_sleep(due - fiber_now()) == IO_TIMEOUT;
}

static size_t event_start(const struct sim_answer *a, unsigned event)
{
    return event ? a->event_ends[event - 1] : 0;
}

/* Where the piece that begins at `at` ends: with its event; or anywhere, from 1 byte to about an event's length, and
 * inside of a character of several bytes when one is near. */
static size_t piece_end(struct delivery *d, size_t at)
{
    enum { NEAR_BYTES = 24 };
    const struct sim_answer *a = d->answer;
    if (!a->is_cut_oddly) return a->event_ends[d->next_event];
    size_t typical = a->body.len / a->event_count;
    size_t end = at + 1 + (size_t)(random_next(&d->odd) % (typical + 1));
    for (size_t i = end; i < a->body.len && i < end + NEAR_BYTES; i++)
        if ((a->body.at[i] & 0xc0) == 0x80) return i;
    return end;
}

static bool delivery_send(struct delivery *d, size_t from, size_t to)
{
    const struct sim_answer *a = d->answer;
    while (from < to) {
        while (d->next_event < a->event_count && a->event_ends[d->next_event] <= from) d->next_event++;
        if (!delivery_pace(d, d->next_event)) return false;
        size_t end = d->next_event < a->event_count ? piece_end(d, from) : to;
        if (end > to) end = to;
        struct str piece = str_part(a->body, from, end - from);
        if (http_exchange_send_body(d->x, &piece, 1) != IO_OK) return false;
        from = end;
    }
    return true;
}

/* The reply up to the fault, and the fault. True: the message is to be finished. */
static bool delivery_run(struct delivery *d, struct str error_event)
{
    const struct sim_answer *a = d->answer;
    if (d->fault->kind == FAULT_NONE || !a->event_count) return delivery_send(d, 0, a->body.len);
    unsigned event = (unsigned)((uint64_t)a->event_count * d->fault->at_percent / 100);
    if (event >= a->event_count) event = a->event_count - 1;
    size_t start = event_start(a, event), middle = start + (a->event_ends[event] - start) / 2;
    static const struct str blank_line = STR_INIT("\n\n");
    switch (d->fault->kind) {
    case FAULT_NONE:
    case FAULT_ERROR: break;
    case FAULT_CUT: return delivery_send(d, 0, d->fault->at_percent ? middle : 0) && false;
    case FAULT_STALL:
        if (delivery_send(d, 0, d->fault->at_percent ? middle : 0)) stay_silent(d->x);
        return false;
    case FAULT_MALFORMED:
        return delivery_send(d, 0, middle) && http_exchange_send_body(d->x, &blank_line, 1) == IO_OK &&
               delivery_send(d, a->event_ends[event], a->body.len);
    case FAULT_ERROR_EVENT:
        return delivery_send(d, 0, start) && http_exchange_send_body(d->x, &error_event, 1) == IO_OK;
    }
    return delivery_send(d, 0, a->body.len);
}

static void deliver_stream(struct http_exchange *x, const struct sim_answer *answer,
                           const struct fault *fault, struct str error_event)
{
    struct delivery d = {.x = x, .answer = answer, .fault = fault, .began = fiber_now()};
    struct http_reply_head head = {
        .status = answer->status, .header_lines = answer->header_lines, .content_length = -1};
    random_init(&d.odd, answer->odd_seed);
    http_exchange_send_head(x, &head);
    if (fault->kind == FAULT_CUT || fault->kind == FAULT_STALL)
        if (http_exchange_flush(x) != IO_OK) return;
    if (fault->tokens_per_second > 0) {
        http_exchange_release_request(x);
        fiber_trim_stack();
    }
    if (delivery_run(&d, error_event)) (void)http_exchange_finish(x);
}

void deliver(struct http_exchange *x, const struct sim_answer *answer, const struct fault *fault,
             struct str error_event)
{
    if (answer->is_stream)
        deliver_stream(x, answer, fault, error_event);
    else
        deliver_plain(x, answer, fault);
}
