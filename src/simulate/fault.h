/* simulate/fault.h: what goes wrong with one simulated reply, and when. Pure: the generator is an argument.
 * Every request draws the same numbers in the same order whatever they decide, so a seed repeats a run as long as its
 * requests come in the same order. */
#ifndef WEIR_SIMULATE_FAULT_H
#define WEIR_SIMULATE_FAULT_H

#include "base/clock.h"
#include "base/err.h"
#include "base/random.h"
#include "base/str.h"

enum fault_kind {
    FAULT_NONE,
    FAULT_ERROR,       /* an error reply in place of the answer */
    FAULT_CUT,         /* the connection is dropped half-way through the body */
    FAULT_STALL,       /* silence half-way, until the caller leaves */
    FAULT_MALFORMED,   /* a body that ends in the middle of its JSON; a stream with one broken event */
    FAULT_ERROR_EVENT, /* streams only: 200, and half-way an error event in place of the rest */
};

/* Rates are in [0, 1]. When several are drawn for one request, the first in the order of the enum holds. */
struct fault_options {
    double rates[FAULT_ERROR_EVENT + 1]; /* by kind; [FAULT_NONE] is unused */
    int error_status;
    int retry_after_s;          /* with FAULT_ERROR; -1: no such header */
    msec_t delay_ms, jitter_ms; /* before the head; the jitter is added or taken away, evenly spread */
    double tokens_per_second;   /* paces streams; 0: as fast as they can be taken */
};
void fault_options_init(struct fault_options *o); /* no fault; errors are 500 without Retry-After */

struct fault {
    enum fault_kind kind;
    int status, retry_after_s;
    msec_t delay_ms;
    double tokens_per_second;
    unsigned at_percent; /* how far cut, stall, malformed and error event let the reply come; 50 = half-way */
    unsigned tokens;     /* length of the reply's text; 0: as it is written */
};
enum { FAULT_MAX_DELAY_MS = 600 * 1000, FAULT_MAX_TOKENS = 100 * 1000 };
#define FAULT_MAX_TOKENS_PER_SECOND 1e6

struct fault fault_draw(const struct fault_options *o, struct random *r);

/* Changes f by what a request's X-Simulate header asks for: words with commas between,
 *     none  error[=STATUS]  retry-after=S  cut  stall  malformed  error-event  at=PERCENT
 *     delay=MS  tokens=N  tokens-per-second=N
 * The kind named last holds; without one the drawn one stays. False: err names the word and what is allowed. */
MUST_CHECK bool fault_read_header(struct fault *f, struct str value, struct err *err);

#endif
