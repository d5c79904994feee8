/* telemetry/metrics_write.c: the metrics as texts: Prometheus 0.0.4, the JSON object of `GET /metrics`, and
 * docs/metrics.md. Sums over the shards while they go on counting: each number is right for some moment of
 * the reading, and a histogram's count is the sum of the very buckets shown. */
#include "telemetry/metrics_inside.h"

#include "base/fmt.h"
#include "telemetry/process.h"
#include "telemetry/utf8.h"

enum { NUMBER_BYTES = 32 };

static const struct str kind_names[] = {[METRIC_COUNTER] = STR_INIT("counter"),
                                        [METRIC_GAUGE] = STR_INIT("gauge"),
                                        [METRIC_HISTOGRAM] = STR_INIT("histogram")};

/* ---- numbers ---- */

static struct str trim_fraction(char *start, char *end)
{
    while (end[-1] == '0') end--;
    if (end[-1] == '.') end--;
    return str_of(start, (size_t)(end - start));
}

/* In `room`: the stored whole number in the unit that is shown. */
static struct str number_str(char room[NUMBER_BYTES], enum metric_unit unit, int64_t value)
{
    char *at = room;
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (value < 0) *at++ = '-';
    if (unit == UNIT_NANOSECONDS) return trim_fraction(room, fmt_fixed(at, size, 9));
    return str_of(room, (size_t)(fmt_u64(at, size) - room));
}

/* ---- labels ---- */

/* Room for 2 × value.len bytes. What is no UTF-8 and controls become '?'. */
static char *escape_value(char *at, struct str value)
{
    if (value.len == 0) return at;
    const char *from = value.at, *end = value.at + value.len;
    while (from < end) {
        size_t length = utf8_length(from, end);
        if (length == 1 && (*from == '"' || *from == '\\')) *at++ = '\\';
        if (length == 0 || (length == 1 && (*from < 0x20 || *from == 0x7f)))
            *at++ = '?';
        else
            at = fmt_str(at, str_of(from, length));
        from += length ? length : 1;
    }
    return at;
}

struct str metrics_show_labels(struct arena *a, enum metric id, const struct str *labels, unsigned others)
{
    struct str rest = metric_rows[id].labels;
    char *text = arena_alloc(a, rest.len + METRICS_MAX_LABELS * (2 * METRICS_LABEL_MAX_BYTES + 4)),
         *at = text;
    for (unsigned i = 0; rest.len > 0; i++) {
        bool is_open;
        at = fmt_str(at, metrics_next_label(&rest, &is_open));
        at = fmt_str(at, STR("=\""));
        struct str value = others >> i & 1 ? STR("other") : labels[i];
        at = escape_value(at, str_of(value.at, utf8_cut(value.at, value.len, METRICS_LABEL_MAX_BYTES)));
        *at++ = '"';
        if (rest.len > 0) *at++ = ',';
    }
    return str_of(text, (size_t)(at - text));
}

/* ---- text ---- */

/* False once something did not fit. */
struct text {
    struct buf *out;
    bool has_room;
};

static void put_pieces(struct text *t, const struct str *pieces, size_t count)
{
    for (size_t i = 0; i < count; i++) t->has_room = t->has_room && buf_append(t->out, pieces[i]);
}
#define PUT(t, ...)                                                                                          \
    put_pieces((t), (struct str[]){__VA_ARGS__}, sizeof((struct str[]){__VA_ARGS__}) / sizeof(struct str))

/* name{labels} value */
static void put_sample(struct text *t, const struct metric_row *row, struct str suffix, struct str labels,
                       struct str value)
{
    if (labels.len)
        PUT(t, row->name, suffix, STR("{"), labels, STR("} "), value, STR("\n"));
    else
        PUT(t, row->name, suffix, STR(" "), value, STR("\n"));
}

static const struct series *family_first(const struct metrics *m, enum metric id)
{
    return atomic_load_explicit(&m->families[id].first, memory_order_acquire);
}

static const struct series *series_next(const struct series *s)
{
    return atomic_load_explicit(&s->next, memory_order_acquire);
}

static void *series_cell(const struct series *s, unsigned shard)
{
    return atomic_load_explicit(&s->cells[shard], memory_order_acquire);
}

static int64_t series_value(const struct metrics *m, const struct series *s)
{
    uint64_t sum = (uint64_t)atomic_load_explicit(&s->put_value, memory_order_relaxed);
    for (unsigned i = 0; i < m->shard_count; i++) {
        struct counter *cell = series_cell(s, i); /* a gauge has the same shape */
        if (cell) sum += atomic_load_explicit(&cell->_value, memory_order_relaxed);
    }
    return (int64_t)sum;
}

static uint64_t series_bucket(const struct metrics *m, const struct series *s, uint32_t bucket)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < m->shard_count; i++) {
        struct histogram *cell = series_cell(s, i);
        if (cell) sum += atomic_load_explicit(&cell->_counts[bucket], memory_order_relaxed);
    }
    return sum;
}

static uint64_t series_sum(const struct metrics *m, const struct series *s)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < m->shard_count; i++) {
        struct histogram *cell = series_cell(s, i);
        if (cell) sum += atomic_load_explicit(&cell->_sum, memory_order_relaxed);
    }
    return sum;
}

static void put_bucket(struct text *t, const struct metric_row *row, struct str labels, struct str bound,
                       uint64_t count)
{
    char room[NUMBER_BYTES];
    struct str comma = labels.len ? STR(",") : STR("");
    PUT(t, row->name, STR("_bucket{"), labels, comma, STR("le=\""), bound, STR("\"} "),
        number_str(room, UNIT_ONE, (int64_t)count), STR("\n"));
}

static void put_histogram(struct text *t, const struct metrics *m, const struct metric_row *row,
                          const struct series *s)
{
    char room[NUMBER_BYTES];
    uint64_t sum = series_sum(m, s), count = 0;
    for (uint32_t i = 0; i < row->bound_count; i++) {
        count += series_bucket(m, s, i);
        put_bucket(t, row, s->labels, number_str(room, row->unit, (int64_t)row->bounds[i]), count);
    }
    count += series_bucket(m, s, row->bound_count);
    put_bucket(t, row, s->labels, STR("+Inf"), count);
    put_sample(t, row, STR("_sum"), s->labels, number_str(room, row->unit, (int64_t)sum));
    put_sample(t, row, STR("_count"), s->labels, number_str(room, UNIT_ONE, (int64_t)count));
}

/* HELP and TYPE only come with a sample: a family that nobody used yet is not shown. */
static void put_family(struct text *t, const struct metrics *m, enum metric id)
{
    const struct metric_row *row = &metric_rows[id];
    bool has_head = false;
    char room[NUMBER_BYTES];
    for (const struct series *s = family_first(m, id); s; s = series_next(s)) {
        if (atomic_load_explicit(&s->is_hidden, memory_order_relaxed)) continue;
        if (!has_head)
            PUT(t, STR("# HELP "), row->name, STR(" "), row->help, STR("\n# TYPE "), row->name, STR(" "),
                kind_names[row->kind], STR("\n"));
        has_head = true;
        if (row->kind == METRIC_HISTOGRAM)
            put_histogram(t, m, row, s);
        else
            put_sample(t, row, STR(""), s->labels, number_str(room, row->unit, series_value(m, s)));
    }
}

static void put_process_facts(struct metrics *m)
{
    struct process_facts facts = process_read_facts();
    metrics_put(m, METRIC_CPU, NULL, facts.cpu_ns);
    metrics_put(m, METRIC_RESIDENT, NULL, facts.resident_bytes);
    metrics_put(m, METRIC_VIRTUAL, NULL, facts.virtual_bytes);
    metrics_put(m, METRIC_OPEN_FDS, NULL, facts.open_fds);
    metrics_put(m, METRIC_MAX_FDS, NULL, facts.max_fds);
}

bool metrics_write_text(struct metrics *m, struct buf *out)
{
    struct text t = {.out = out, .has_room = true};
    put_process_facts(m);
    for (int id = 0; id < METRIC_COUNT; id++) put_family(&t, m, (enum metric)id);
    return t.has_room;
}

/* ---- JSON ---- */

/* Over all series of the family, or those whose labels are exactly these. */
static uint64_t family_sum(const struct metrics *m, enum metric id, struct str labels)
{
    uint64_t sum = 0;
    for (const struct series *s = family_first(m, id); s; s = series_next(s))
        if (labels.len == 0 || str_equals(labels, s->labels)) sum += (uint64_t)series_value(m, s);
    return sum;
}

bool metrics_write_json(struct metrics *m, struct buf *out)
{
    uint64_t total = family_sum(m, METRIC_LLM_REQUESTS, STR(""));
    uint64_t hits = family_sum(m, METRIC_CACHE_REQUESTS, STR("result=\"hit\""));
    uint64_t failures = family_sum(m, METRIC_LLM_REQUESTS, STR("result=\"failure\""));
    double rate = total ? (double)hits * 10000 / (double)total : 0; /* hundredths of a percent */
    char text[256], *at = fmt_str(text, STR("{\"total_requests\":"));
    at = fmt_str(fmt_u64(at, total), STR(",\"cache_hits\":"));
    at = fmt_str(fmt_u64(at, hits), STR(",\"cache_hit_rate_percent\":"));
    at = fmt_str(fmt_fixed(at, (uint64_t)(rate + 0.5), 2), STR(",\"failures\":"));
    at = fmt_str(fmt_u64(at, failures), STR(",\"providers_active\":"));
    at = fmt_str(fmt_i64(at, (int64_t)family_sum(m, METRIC_PROVIDERS, STR(""))), STR("}"));
    return buf_append(out, str_of(text, (size_t)(at - text)));
}

/* ---- docs/metrics.md ---- */

static void put_docs_labels(struct text *t, struct str rest)
{
    while (rest.len > 0) {
        bool is_open;
        struct str name = metrics_next_label(&rest, &is_open);
        PUT(t, STR("`"), name, is_open ? STR("`\\*") : STR("`"), rest.len ? STR(", ") : STR(""));
    }
}

static void put_docs_bounds(struct text *t, const struct metric_row *row)
{
    char room[NUMBER_BYTES];
    for (uint32_t i = 0; i < row->bound_count; i++)
        PUT(t, i ? STR(", ") : STR(" Buckets: "), number_str(room, row->unit, (int64_t)row->bounds[i]));
    if (row->bound_count) PUT(t, STR("."));
}

bool metrics_write_docs(struct buf *out)
{
    struct text t = {.out = out, .has_room = true};
    PUT(&t,
        STR("# Metrics\n\n"
            "What `GET /metrics` shows, as Prometheus text. This page is made from the table in "
            "`src/telemetry/metrics.h`;\na test compares them.\n\n"
            "Labels marked \\* take values from outside. A metric has at most 1000 series; beyond that the "
            "marked labels of new ones\nread `other`. Times are in seconds.\n\n"
            "| name | type | labels | meaning |\n|---|---|---|---|\n"));
    for (int id = 0; id < METRIC_COUNT; id++) {
        const struct metric_row *row = &metric_rows[id];
        PUT(&t, STR("| `"), row->name, STR("` | "), kind_names[row->kind], STR(" | "));
        put_docs_labels(&t, row->labels);
        PUT(&t, STR(" | "), row->help);
        put_docs_bounds(&t, row);
        PUT(&t, STR(" |\n"));
    }
    PUT(&t,
        STR("\nWith `Accept: application/json` the same address answers with five numbers: `total_requests` "
            "and `failures` (from\n`weir_llm_requests_total`), `cache_hits` and `cache_hit_rate_percent` (from "
            "`weir_cache_requests_total`), and\n`providers_active` (`weir_providers`).\n"));
    return t.has_room;
}
