/* simulate/deliver.h: sends an answer as a provider with a given fault would. */
#ifndef WEIR_SIMULATE_DELIVER_H
#define WEIR_SIMULATE_DELIVER_H

#include "http/server.h"
#include "simulate/answer.h"
#include "simulate/fault.h"

/* In the exchange's fiber. fault->kind is not FAULT_ERROR: that is an answer of its own. error_event is the text that
 * FAULT_ERROR_EVENT puts in. Nothing is returned: a caller who has left needs no answer. */
void deliver(struct http_exchange *x, const struct sim_answer *answer, const struct fault *fault,
             struct str error_event);

#endif
