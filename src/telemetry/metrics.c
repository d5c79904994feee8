/* telemetry/metrics.c: the table as data, series and their cells.
 *
 * A worker asks its shard's map for the cell of (metric, label values). Only when it is not there the lock is taken and
 * the series is found or made; the new cell lies in the shard's own arena, so two workers never write to one cache line.
 * The shard's map holds raw values, the registry's map shown ones: two values that look alike after escaping are one
 * series, for a duplicate line would spoil the whole scrape. */
#include "telemetry/metrics.h"

#include "base/check.h"
#include "base/fmt.h"
#include "base/mem.h"
#include "telemetry/metrics_inside.h"
#include "telemetry/utf8.h"

enum { KEY_MAX_BYTES = 1 + METRICS_MAX_LABELS * (1 + METRICS_LABEL_MAX_BYTES) };
#define US UINT64_C(1000)
#define MS (1000 * US)
#define S (1000 * MS)

/* Upper bounds, each included. Those of gen_ai_* are OpenTelemetry's (semantic conventions 1.41). */
#define BOUNDS_NONE NULL, 0
#define BOUNDS_OF(list) list, ARRAY_COUNT(list)
// clang-format off
static const uint64_t request_bounds[] = {
    5 * MS, 10 * MS, 25 * MS, 50 * MS, 100 * MS, 250 * MS, 500 * MS,
    1 * S, 2500 * MS, 5 * S, 10 * S, 30 * S, 60 * S, 120 * S,
};
static const uint64_t first_token_bounds[] = {
    1 * MS, 5 * MS, 10 * MS, 20 * MS, 40 * MS, 60 * MS, 80 * MS, 100 * MS,
    250 * MS, 500 * MS, 750 * MS, 1 * S, 2500 * MS, 5 * S, 7500 * MS, 10 * S,
};
static const uint64_t overhead_bounds[] = {
    5 * US, 10 * US, 25 * US, 50 * US, 100 * US, 250 * US, 500 * US,
    1 * MS, 2500 * US, 5 * MS, 10 * MS, 25 * MS, 100 * MS,
};
static const uint64_t lag_bounds[] = {
    1 * MS, 2500 * US, 5 * MS, 10 * MS, 25 * MS, 50 * MS, 100 * MS, 250 * MS, 500 * MS, 1 * S, 2500 * MS,
};
static const uint64_t token_bounds[] = {
    1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864,
};
// clang-format on
#define BOUNDS_REQUEST BOUNDS_OF(request_bounds)
#define BOUNDS_FIRST_TOKEN BOUNDS_OF(first_token_bounds)
#define BOUNDS_OVERHEAD BOUNDS_OF(overhead_bounds)
#define BOUNDS_LAG BOUNDS_OF(lag_bounds)
#define BOUNDS_TOKENS BOUNDS_OF(token_bounds)

#define METRIC_AS_ROW(id, metric_name, metric_kind, label_names, metric_unit, bound_set, text)               \
    [id] = {STR_INIT(metric_name), STR_INIT(label_names), STR_INIT(text),                                    \
            METRIC_##metric_kind,  metric_unit,           BOUNDS_##bound_set},
const struct metric_row metric_rows[METRIC_COUNT] = {METRICS(METRIC_AS_ROW)};

static size_t cell_bytes(const struct metric_row *row)
{
    if (row->kind == METRIC_HISTOGRAM)
        return sizeof(struct histogram) + (row->bound_count + 1) * sizeof(_Atomic uint64_t);
    return sizeof(struct counter);
}

struct str metrics_next_label(struct str *rest, bool *is_open)
{
    struct str name = str_cut(rest, ',');
    *is_open = name.len > 0 && name.at[0] == '*';
    return str_from(name, *is_open);
}

/* ---- series ---- */

/* Under the lock. */
static struct series *series_find(struct metrics *m, enum metric id, struct str shown)
{
    struct arena scratch;
    arena_init(&scratch);
    struct str key = arena_join(&scratch, (struct str[]){metric_rows[id].name, STR("{"), shown}, 3);
    struct series *s = map_get(&m->series, key);
    arena_done(&scratch);
    return s;
}

/* Under the lock. */
static struct series *series_add(struct metrics *m, enum metric id, struct str shown)
{
    struct family *f = &m->families[id];
    struct series *s = arena_zalloc(&m->arena, sizeof *s + m->shard_count * sizeof *s->cells);
    s->labels = arena_copy(&m->arena, shown);
    map_put(&m->series, arena_join(&m->arena, (struct str[]){metric_rows[id].name, STR("{"), shown}, 3), s);
    if (f->last)
        atomic_store_explicit(&f->last->next, s, memory_order_release);
    else
        atomic_store_explicit(&f->first, s, memory_order_release);
    f->last = s;
    return s;
}

/* Under the lock. A family that is full answers with its open labels as "other", and if even those are too many (the
 * closed labels took values from outside), with all of them. */
static struct series *series_get(struct metrics *m, enum metric id, const struct str *labels)
{
    const unsigned all = (1u << METRICS_MAX_LABELS) - 1;
    struct family *f = &m->families[id];
    struct arena scratch;
    arena_init(&scratch);
    struct str shown = metrics_show_labels(&scratch, id, labels, 0);
    struct series *s = series_find(m, id, shown);
    if (!s && f->series_count < METRICS_MAX_SERIES) {
        s = series_add(m, id, shown);
        f->series_count++;
    }
    for (unsigned others = f->open_labels ? f->open_labels : all; !s; others = all) {
        shown = metrics_show_labels(&scratch, id, labels, others);
        s = series_find(m, id, shown);
        if (s || (others != all && f->overflow_count >= METRICS_MAX_SERIES)) continue;
        s = series_add(m, id, shown);
        f->overflow_count++;
    }
    arena_done(&scratch);
    return s;
}

/* ---- cells ---- */

static void *cell_make(struct metrics_shard *s, enum metric id, const struct str *labels)
{
    struct metrics *m = s->metrics;
    const struct metric_row *row = &metric_rows[id];
    pthread_mutex_lock(&m->lock);
    struct series *series = series_get(m, id, labels);
    pthread_mutex_unlock(&m->lock);
    void *cell = atomic_load_explicit(&series->cells[s->index], memory_order_relaxed); /* ours alone */
    if (cell) return cell;
    cell = arena_zalloc(&s->arena, cell_bytes(row));
    if (row->kind == METRIC_HISTOGRAM) {
        struct histogram *h = cell;
        h->_bounds = row->bounds;
        h->_bound_count = row->bound_count;
    }
    atomic_store_explicit(&series->cells[s->index], cell, memory_order_release);
    return cell;
}

/* The key of the shard's map: metric, then each value behind its length. */
static struct str cell_key(char room[KEY_MAX_BYTES], const struct metrics *m, enum metric id,
                           const struct str *labels)
{
    char *at = room;
    *at++ = (char)id;
    for (unsigned i = 0; i < m->families[id].label_count; i++) {
        struct str value = str_of(labels[i].at,
                                  utf8_cut(labels[i].at, labels[i].len, METRICS_LABEL_MAX_BYTES));
        *at++ = (char)value.len;
        at = fmt_str(at, value);
    }
    return str_of(room, (size_t)(at - room));
}

static void *metrics_cell(struct metrics_shard *s, enum metric id, const struct str *labels)
{
    char room[KEY_MAX_BYTES];
    struct str key = cell_key(room, s->metrics, id, labels);
    void *cell = map_get(&s->cells, key);
    if (LIKELY(cell)) return cell;
    cell = cell_make(s, id, labels);
    if (s->cached[id] < METRICS_MAX_SERIES) { /* values without end go by the lock, but cost no memory */
        s->cached[id]++;
        map_put(&s->cells, arena_copy(&s->arena, key), cell);
    }
    return cell;
}

struct counter *metrics_counter(struct metrics_shard *s, enum metric id, const struct str *labels)
{
    require(metric_rows[id].kind == METRIC_COUNTER);
    return metrics_cell(s, id, labels);
}

struct gauge *metrics_gauge(struct metrics_shard *s, enum metric id, const struct str *labels)
{
    require(metric_rows[id].kind == METRIC_GAUGE);
    return metrics_cell(s, id, labels);
}

struct histogram *metrics_histogram(struct metrics_shard *s, enum metric id, const struct str *labels)
{
    require(metric_rows[id].kind == METRIC_HISTOGRAM);
    return metrics_cell(s, id, labels);
}

static void cell_add(_Atomic uint64_t *cell, uint64_t n)
{
    uint64_t value = atomic_load_explicit(cell, memory_order_relaxed);
    atomic_store_explicit(cell, value + n, memory_order_relaxed);
}

/* The first bound that is not below the value, by halves; the steps are the same for every value, so none is guessed. */
void histogram_observe(struct histogram *h, uint64_t value)
{
    const uint64_t *from = h->_bounds;
    uint32_t left = h->_bound_count;
    while (left > 0) {
        uint32_t half = (left + 1) / 2;
        from = value > from[half - 1] ? from + half : from;
        left -= half;
    }
    cell_add(&h->_counts[from - h->_bounds], 1);
    cell_add(&h->_sum, value);
}

/* ---- values of nobody's shard ---- */

void metrics_put(struct metrics *m, enum metric id, const struct str *labels, int64_t value)
{
    require(metric_rows[id].kind != METRIC_HISTOGRAM);
    pthread_mutex_lock(&m->lock);
    struct series *s = series_get(m, id, labels);
    pthread_mutex_unlock(&m->lock);
    atomic_store_explicit(&s->put_value, value, memory_order_relaxed);
    atomic_store_explicit(&s->is_hidden, false, memory_order_relaxed);
}

void metrics_drop(struct metrics *m, enum metric id, const struct str *labels)
{
    struct arena scratch;
    arena_init(&scratch);
    struct str shown = metrics_show_labels(&scratch, id, labels, 0);
    pthread_mutex_lock(&m->lock);
    struct series *s = series_find(m, id, shown);
    pthread_mutex_unlock(&m->lock);
    arena_done(&scratch);
    if (s) atomic_store_explicit(&s->is_hidden, true, memory_order_relaxed);
}

/* ---- life ---- */

static void family_init(struct family *f, const struct metric_row *row)
{
    struct str rest = row->labels;
    bool is_open;
    while (rest.len > 0) {
        metrics_next_label(&rest, &is_open);
        f->open_labels |= (unsigned)is_open << f->label_count++;
    }
    require(f->label_count <= METRICS_MAX_LABELS);
}

static struct metrics_shard *shard_new(struct metrics *m, unsigned index)
{
    struct metrics_shard *s = xzalloc(sizeof *s);
    s->metrics = m;
    s->index = index;
    arena_init(&s->arena);
    map_init(&s->cells);
    return s;
}

/* Families without labels are there from the start, as 0. */
struct metrics *metrics_new(unsigned shards, struct str version, int64_t started_wall_ms)
{
    struct metrics *m = xzalloc(sizeof *m + shards * sizeof *m->shards);
    pthread_mutex_init(&m->lock, NULL);
    arena_init(&m->arena);
    map_init(&m->series);
    m->shard_count = shards;
    for (unsigned i = 0; i < shards; i++) m->shards[i] = shard_new(m, i);
    for (int id = 0; id < METRIC_COUNT; id++) {
        family_init(&m->families[id], &metric_rows[id]);
        if (m->families[id].label_count == 0) series_get(m, (enum metric)id, NULL);
    }
    metrics_put(m, METRIC_BUILD_INFO, &version, 1);
    metrics_put(m, METRIC_START_TIME, NULL, started_wall_ms * (int64_t)MS);
    return m;
}

void metrics_free(struct metrics *m)
{
    if (!m) return;
    for (unsigned i = 0; i < m->shard_count; i++) {
        map_done(&m->shards[i]->cells);
        arena_done(&m->shards[i]->arena);
        xfree(m->shards[i]);
    }
    map_done(&m->series);
    arena_done(&m->arena);
    pthread_mutex_destroy(&m->lock);
    xfree(m);
}

struct metrics_shard *metrics_shard(struct metrics *m, unsigned index)
{
    require(index < m->shard_count);
    return m->shards[index];
}
