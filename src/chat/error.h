/* chat/error.h: what went wrong with an exchange, in no vendor's words. Dialects write it in their callers' shape.
 * Data only; all strings are lent by whoever fills it in (an exchange's arena or constants). */
#ifndef WEIR_CHAT_ERROR_H
#define WEIR_CHAT_ERROR_H

#include "base/str.h"
#include "chat/problem.h"

/* One try, as callers see it in error.attempts (the decision trail). */
struct chat_error_attempt {
    struct str provider, model, reason;
    int status; /* 0: there was no answer */
    int64_t ms;
};

/* Why a provider refused a request, where that matters to what comes next. */
enum rejection {
    REJECTION_OTHER,
    REJECTION_CONTEXT_WINDOW,
    REJECTION_CONTENT_POLICY,
    REJECTION_STREAM_OPTIONS,
    REJECTION_CREDENTIALS, /* our key, though the status does not say so: as a 401 */
};

struct chat_error {
    enum problem problem;
    enum rejection rejection;
    int status; /* 0: the problem's own */
    struct str message;
    struct str param;       /* the field that is meant; empty: none */
    struct str code;        /* instead of the dialect's own; empty: the dialect's */
    struct str provider;    /* who said so; empty: Weir itself */
    int64_t retry_after_ms; /* when to come back; 0: not said */
    const struct chat_error_attempt *attempts;
    unsigned attempt_count;
};

#endif
