/* telemetry/metrics_inside.h: what metrics.c (counting) and metrics_write.c (showing) share.
 *
 *     family 1 ─ n series ─ one cell per shard      a cell is a counter, a gauge or a histogram
 *
 * Series are only ever appended, never freed before the metrics: readers walk the lists without a lock. */
#ifndef WEIR_TELEMETRY_METRICS_INSIDE_H
#define WEIR_TELEMETRY_METRICS_INSIDE_H

#include "base/arena.h"
#include "base/map.h"
#include "telemetry/metrics.h"

#include <pthread.h>

struct metric_row {
    struct str name, labels, help;
    enum metric_kind kind;
    enum metric_unit unit;
    const uint64_t *bounds;
    uint32_t bound_count;
};
extern const struct metric_row metric_rows[METRIC_COUNT];

struct series {
    struct series *_Atomic next;
    struct str labels; /* as shown between the braces; empty: none */
    _Atomic int64_t put_value;
    atomic_bool is_hidden; /* by metrics_drop() */
    void *_Atomic cells[]; /* one per shard; NULL: that shard never counted here */
};

struct family {
    unsigned label_count, open_labels; /* the latter a bit each */
    struct series *_Atomic first;
    struct series *last;   /* the rest is read and written under the lock alone */
    unsigned series_count; /* those of overflow not included */
    unsigned overflow_count;
};

struct metrics_shard {
    struct metrics *metrics;
    struct arena arena; /* cells and keys, of this shard's thread alone */
    struct map cells;   /* metric and label values → cell */
    unsigned index;
    unsigned cached[METRIC_COUNT]; /* entries of `cells` by family */
};

struct metrics {
    pthread_mutex_t lock; /* around what makes series */
    struct arena arena;
    struct map series; /* family's name and shown labels → series */
    struct family families[METRIC_COUNT];
    unsigned shard_count;
    struct metrics_shard *shards[];
};

/* The values with their names, escaped, as they stand between the braces; those with a bit in `others` read "other".
 * Lives in `a`. */
struct str metrics_show_labels(struct arena *a, enum metric id, const struct str *labels, unsigned others);
/* The next name of a row's list, without its '*'. */
struct str metrics_next_label(struct str *rest, bool *is_open);

#endif
