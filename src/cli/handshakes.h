/* cli/handshakes.h: a worker's TLS handshakes as metrics. For its thread. */
#ifndef WEIR_CLI_HANDSHAKES_H
#define WEIR_CLI_HANDSHAKES_H

#include "net/tls.h"
#include "telemetry/metrics.h"

struct handshakes {
    struct counter *_accepted[TLS_RESULT_COUNT], *_connected[TLS_RESULT_COUNT];
    struct tls_stats _counted;
};
void handshakes_init(struct handshakes *h, struct metrics_shard *shard);
void handshakes_count(struct handshakes *h, struct loop *l); /* now and then: adds what came since */

#endif
