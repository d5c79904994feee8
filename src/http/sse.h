/* http/sse.h: reads an event stream (WHATWG HTML 9.2.6) from chunks that are cut anywhere. Pure but for
 * its own buffers, which hold an event that is not complete yet. An event that lies within one chunk is
 * not copied. The raw bytes of all events, one after the other, are the stream: nothing is lost, so a
 * relay may pass on `raw` and still look at every event. Bytes are neither checked nor repaired: what is
 * not UTF-8 stays as it is. */
#ifndef WEIR_HTTP_SSE_H
#define WEIR_HTTP_SSE_H

#include "base/buf.h"
#include "base/err.h"

struct sse_event {
    struct str name;    /* of the `event` field; empty: "message" */
    struct str data;    /* lines joined by "\n" */
    struct str id;      /* of an `id` field in this event; at == NULL: none */
    struct str raw;     /* its bytes with all line ends, and comments before it; never empty */
    bool is_dispatched; /* false: no data (only comments, blank lines, retry): no event, but raw must go on */
    int64_t retry_ms;   /* -1: none */
};
/* `raw` is lent until the next sse_feed() or sse_done(), the other strings until the next call of any
 * kind. */

struct sse_reader {
    struct buf _held;   /* the beginning of an event whose end has not come */
    struct buf _lent;   /* what _held was, while an event from it is lent */
    struct buf _joined; /* data of several lines */
    size_t _max_event_bytes;
    struct str _chunk; /* what is left of it */
    uint8_t _state;
};
void sse_init(struct sse_reader *r, size_t max_event_bytes);      /* of raw, without the last LF */
void sse_set_budget(struct sse_reader *r, struct budget *budget); /* right after init: what is held counts */
void sse_done(struct sse_reader *r);
/* Gives the next chunk. It is lent until sse_next() has said MORE, or, where `raw` is still used, until the
 * next feed. All events of the one before must have been taken. */
void sse_feed(struct sse_reader *r, struct str chunk);
/* SSE_EVENT: *out. SSE_MORE: feed again. SSE_BAD: an event over the ceiling (ERR_TOO_LARGE), or no memory for it
 * (ERR_SYSTEM); for good. */
enum sse { SSE_EVENT, SSE_MORE, SSE_BAD };
enum sse sse_next(struct sse_reader *r, struct sse_event *out, struct err *err);
/* What came after the last complete event when the stream ended (raw, no event by the standard). */
struct str sse_rest(const struct sse_reader *r);

#endif
