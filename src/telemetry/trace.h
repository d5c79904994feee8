/* telemetry/trace.h: what ties the log lines and hops of one exchange together: the correlation id and
 * W3C Trace Context (https://www.w3.org/TR/trace-context/). Pure; randomness is an argument. */
#ifndef WEIR_TELEMETRY_TRACE_H
#define WEIR_TELEMETRY_TRACE_H

#include "base/attributes.h"
#include "base/random.h"
#include "base/str.h"

enum { CORRELATION_MAX_BYTES = 128, CORRELATION_MADE_BYTES = 32, TRACEPARENT_BYTES = 55 };

/* The caller's id if it is 1 to 128 visible ASCII characters, else 32 hex digits made in `room`. The result
 * is lent from `given` or `room`. */
struct str correlation_id(struct str given, struct random *random, char room[CORRELATION_MADE_BYTES]);

struct trace {
    uint8_t trace_id[16]; /* not all zero */
    uint8_t span_id[8];   /* ours, or the caller's after trace_parse(); not all zero */
    uint8_t flags;        /* bit 0: sampled (a hint), bit 1: the id is random */
};

/* A traceparent header's value. False: not to be used, *out unchanged. */
MUST_CHECK bool trace_parse(struct trace *out, struct str header);
/* The caller's trace with a span id of our own, or a new trace when the header is missing or bad.
 * True: it goes on, so the caller's `tracestate` may be passed on, too; false: it must not. */
bool trace_continue(struct trace *out, struct str header, struct random *random);
/* "00-…-…-01", no NUL: what we send upstream. */
void trace_format(char out[TRACEPARENT_BYTES], const struct trace *t);

#endif
