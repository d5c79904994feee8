/* gateway/attempt.h: one try of one exchange at one target, up to the point where content may go to the caller. */
#ifndef WEIR_GATEWAY_ATTEMPT_H
#define WEIR_GATEWAY_ATTEMPT_H

#include "gateway/decode.h"
#include "gateway/plan.h"
#include "http/sse.h"

/* Bounds of what a stream may send before its first content. */
enum {
    HOLD_MAX_EVENTS = 64,
    HOLD_MAX_BYTES = 256 * 1024,
    EVENT_MAX_BYTES = 16 << 20,
    PLAIN_MAX_CHECKED_BYTES = 8 << 20,
    REJECTION_MAX_BYTES = 1 << 20,
    STREAM_MAX_DECODED_BYTES = 1 << 30, /* of one that is encoded */
};

struct attempt {
    struct exchange *exchange;
    const struct config_model *settings;
    struct target target;
    unsigned key;    /* index into the provider's keys */
    bool asks_usage; /* we added the request for a stream's usage */
    struct breaker_ticket ticket;
    int64_t started_ns, content_ns; /* content: the first; 0: none yet */
    msec_t deadline;                /* until content or the whole plain reply */
    msec_t reply_deadline;          /* until the end of the reply */

    struct http_call *call;
    struct http_response head; /* status 0: there was none */
    struct decoder decoder;    /* the body goes through it, but for a plain one that is not encoded */
    struct observer observer;
    struct verdict verdict; /* of an error status */

    struct buf held;       /* stream: events before the commit. Plain: the body, if it came in pieces */
    struct str body;       /* plain: the whole body; lent until the next wait, or from `held` */
    bool is_cut_short;     /* plain, too large to be checked: `held`, then body, then what is still to come */
    struct sse_reader sse; /* stream */
    bool has_sse;
    struct err err; /* why it failed; for the log */
};

/* In the exchange's arena; holds a ticket of the target's breaker. */
struct attempt *attempt_new(struct exchange *x, const struct plan *plan, const struct target *target,
                            struct breaker_ticket ticket);
/* OUTCOME_SUCCESS: content is at hand: relay() must follow without a wait in between. OUTCOME_INVALID_REQUEST and
 * friends: head and body of the rejection are at hand. */
enum outcome attempt_run(struct attempt *a);
void attempt_done(struct attempt *a); /* frees buffers and the call */

/* For want of memory (server.max_buffered): says so in `err`. OUTCOME_NO_ROOM. */
enum outcome attempt_no_room(struct attempt *a);

/* An event that the caller is not shown: usage that only we asked for. */
bool attempt_hides(const struct attempt *a, unsigned event_facts);

#endif
