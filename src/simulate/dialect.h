/* simulate/dialect.h: a wire format that we can play the provider of. A dialect is one file and one row in dialect.c.
 * Pure: a request goes in, a whole answer comes out. */
#ifndef WEIR_SIMULATE_DIALECT_H
#define WEIR_SIMULATE_DIALECT_H

#include "simulate/answer.h"

/* `message` is for people; `param` names the field at fault and may be empty; retry_after_s -1: no such header. */
struct sim_error {
    int status, retry_after_s;
    struct str message, param;
};

struct sim_dialect {
    const char *name;
    /* The answer to any request, also to wrong ones. */
    void (*answer)(struct sim_answer *out, const struct sim_request *in);
    /* An error in place of whatever `out` holds. */
    void (*error)(struct sim_answer *out, const struct sim_request *in, const struct sim_error *error);
    /* An error as the last event of a stream: its whole text, in the arena. */
    struct str (*error_event)(struct arena *a);
};

/* By the name on the command line. NULL: err says which ones there are, or that this one is not built yet. */
const struct sim_dialect *sim_dialect_find(struct str name, struct err *err);

extern const struct sim_dialect sim_dialect_openai;

#endif
