/* simulate/simulator.h: a provider that is not there: answers requests in a dialect, or with recordings, and fails on
 * demand. `weir simulate` runs some of these, the gateway runs one per worker for the model `demo`.
 * One thread: that of its loop. */
#ifndef WEIR_SIMULATE_SIMULATOR_H
#define WEIR_SIMULATE_SIMULATOR_H

#include "http/server.h"
#include "simulate/dialect.h"
#include "simulate/fault.h"
#include "simulate/replay.h"

struct simulator;

struct simulator_options {
    const struct sim_dialect *dialect;
    struct fault_options faults;
    struct replay
        *replay; /* NULL: the dialect answers. Lent; may be shared by simulators of several threads */
    unsigned replay_piece_bytes; /* recorded streams leave in pieces of so many bytes; 0: of random lengths */
    uint64_t seed;               /* the same seed and requests in the same order: the same faults */
};
/* The OpenAI dialect, no fault, seed 0. */
void simulator_options_init(struct simulator_options *o);

struct simulator *simulator_new(struct loop *l, const struct simulator_options *o);
/* Serves on a listening socket (net/listener.h), which it takes. */
MUST_CHECK bool simulator_listen(struct simulator *s, int fd, struct err *err);
/* Stops accepting, cancels what runs, closes what is idle. Some turns of the loop later it is idle and may be freed. */
void simulator_stop(struct simulator *s);
bool simulator_is_idle(const struct simulator *s);
void simulator_free(struct simulator *s); /* idle; NULL is fine */

/* For a server of your own (struct http_server_handler); arg is the simulator. */
void simulator_handle(void *arg, struct http_exchange *x);
void simulator_refuse(void *arg, struct http_exchange *x, int status, const char *why);

#endif
