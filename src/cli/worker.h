/* cli/worker.h: a worker: a thread with its loop, its servers and its gateway. main makes it and sends it orders; all
 * functions are for main's thread. */
#ifndef WEIR_CLI_WORKER_H
#define WEIR_CLI_WORKER_H

#include "gateway/gateway.h"

enum { WORKER_MAX_LISTENERS = 17 };

struct worker;
struct worker_request {
    unsigned index;
    struct registry *registry;
    struct resolver *resolver; /* one cache of names for all */
    struct metrics *metrics;
    struct log *log;
    struct process_state *process;
    struct snapshot *snapshot; /* referenced */
    const int *fds;            /* its listening sockets; taken */
    unsigned fd_count;
    int simulator_fd;         /* taken; -1: none */
    unsigned max_connections; /* 0: no limit */
};
/* Starts the thread; NULL: err says why. Accepts from the start. */
struct worker *worker_start(const struct worker_request *r, struct err *err);
/* fresh: referenced; max_connections as in the request. */
void worker_set_snapshot(struct worker *w, struct snapshot *fresh, unsigned max_connections);
void worker_drain(struct worker *w);          /* replies say Connection: close */
void worker_stop_accepting(struct worker *w); /* ends by itself once nothing runs any more */
void worker_cancel(struct worker *w);         /* what still runs ends now */
bool worker_has_ended(struct worker *w);
/* Waits for the thread and frees w. False: it has not ended in time; a look-up of a name, for one, cannot be broken off. */
bool worker_join(struct worker *w, msec_t wait_ms);

#endif
