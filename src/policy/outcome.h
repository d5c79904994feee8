/* policy/outcome.h: how an attempt ended and what follows from it: the table "Outcome of an attempt" of the
 * contract, as data. Metrics, the retry loop, the breaker and the caller's status all read the same row. */
#ifndef WEIR_POLICY_OUTCOME_H
#define WEIR_POLICY_OUTCOME_H

#include "base/str.h"
#include "policy/breaker.h"

enum cooldown_kind {
    COOLDOWN_NONE,
    COOLDOWN_RATE_LIMITED, /* Retry-After, retry-after-ms, x-ratelimit-reset* decide how long */
    COOLDOWN_SERVER_ERROR,
    COOLDOWN_TIMEOUT,
    COOLDOWN_KEY, /* the provider's key is set aside, not the target */
};

/* status: what the caller gets if this was the last attempt; 0: as the provider said, or nothing can be said
 * any more. A 400 is tried elsewhere, too, when its dialect finds a cause for which the model lists
 * fallbacks. */
// clang-format off
/*    id                       name                next   cooldown               breaker         status  what happened */
#define OUTCOMES(X)                                                                                             \
    X(OUTCOME_SUCCESS,         "success",          false, COOLDOWN_NONE,         JUDGED_SUCCESS, 0)   /* a complete reply */ \
    X(OUTCOME_UNREACHABLE,     "unreachable",      true,  COOLDOWN_SERVER_ERROR, JUDGED_FAILURE, 502) /* connect, reset, DNS, TLS */ \
    X(OUTCOME_TIMEOUT,         "timeout",          true,  COOLDOWN_TIMEOUT,      JUDGED_FAILURE, 504) /* no content in time */ \
    X(OUTCOME_INVALID_REQUEST, "invalid_request",  false, COOLDOWN_NONE,         NOT_JUDGED,     0)   /* 400 413 415 422 */ \
    X(OUTCOME_CREDENTIALS,     "credentials",      true,  COOLDOWN_KEY,          NOT_JUDGED,     502) /* 401 402 403 */ \
    X(OUTCOME_NOT_FOUND,       "not_found",        true,  COOLDOWN_NONE,         NOT_JUDGED,     404) /* 404 */ \
    X(OUTCOME_SERVER_ERROR,    "server_error",     true,  COOLDOWN_SERVER_ERROR, JUDGED_FAILURE, 502) /* 408 409 425 5xx */ \
    X(OUTCOME_OVERLOADED,      "overloaded",       true,  COOLDOWN_SERVER_ERROR, JUDGED_FAILURE, 0)   /* 503 529 */ \
    X(OUTCOME_RATE_LIMITED,    "rate_limited",     true,  COOLDOWN_RATE_LIMITED, NOT_JUDGED,     429) /* 429 */ \
    X(OUTCOME_MALFORMED,       "malformed",        true,  COOLDOWN_SERVER_ERROR, JUDGED_FAILURE, 502) /* also empty, 3xx, error event */ \
    X(OUTCOME_NO_ROOM,         "no_room",          false, COOLDOWN_NONE,         NOT_JUDGED,     503) /* our own memory: server.max_buffered */ \
    X(OUTCOME_EXHAUSTED,       "exhausted",        true,  COOLDOWN_NONE,         NOT_JUDGED,     503) /* our own descriptors: another may have a kept connection */ \
    X(OUTCOME_INCOMPLETE,      "incomplete",       false, COOLDOWN_SERVER_ERROR, JUDGED_FAILURE, 0)   /* broke after the commit */ \
    X(OUTCOME_CALLER_GONE,     "caller_gone",      false, COOLDOWN_NONE,         NOT_JUDGED,     0)   \
    X(OUTCOME_HEDGE_LOST,      "hedge_lost",       false, COOLDOWN_NONE,         NOT_JUDGED,     0)
// clang-format on

#define OUTCOME_AS_ENUM(id, name, next, cooldown, judgement, status) id,
enum outcome { OUTCOMES(OUTCOME_AS_ENUM) OUTCOME_COUNT };

struct outcome_row {
    struct str name; /* the metrics' label and the log's word */
    bool tries_next; /* another target may be tried */
    enum cooldown_kind cooldown;
    enum judgement judgement;
    int caller_status;
};

const struct outcome_row *outcome_row(enum outcome o);
/* From the status of a provider's head alone; a 2xx is a success only until its body is read. */
enum outcome outcome_of_status(int status);

#endif
