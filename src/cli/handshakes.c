/* cli/handshakes.c: every series is there from the start, so that rates can be had of what has not happened yet. */
#include "cli/handshakes.h"

#define TLS_RESULT_AS_TEXT(id, label) STR_INIT(label),
static const struct str results[] = {TLS_RESULTS(TLS_RESULT_AS_TEXT)};

void handshakes_init(struct handshakes *h, struct metrics_shard *shard)
{
    *h = (struct handshakes){0};
    for (int i = 0; i < TLS_RESULT_COUNT; i++) {
        h->_accepted[i] = metrics_counter(shard, METRIC_TLS_HANDSHAKES,
                                          METRIC_LABELS(STR("client"), results[i]));
        h->_connected[i] = metrics_counter(shard, METRIC_TLS_HANDSHAKES,
                                           METRIC_LABELS(STR("upstream"), results[i]));
    }
}

void handshakes_count(struct handshakes *h, struct loop *l)
{
    struct tls_stats now = tls_read_stats(l);
    for (int i = 0; i < TLS_RESULT_COUNT; i++) {
        counter_add(h->_accepted[i], now.accepted[i] - h->_counted.accepted[i]);
        counter_add(h->_connected[i], now.connected[i] - h->_counted.connected[i]);
    }
    h->_counted = now;
}
