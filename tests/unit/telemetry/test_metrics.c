/* Counting and its text: values, labels, ceilings, the rules of the exposition format (a small judge below, after
 * `promtool check metrics`), docs/metrics.md, and workers that count while others read. */
#include "telemetry/metrics.h"

#include "base/arena.h"
#include "base/map.h"
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHARDS = 4 };

static struct metrics *metrics_of(unsigned shards)
{
    return metrics_new(shards, STR("1.2.3"), 1732123456789);
}

/* The text, in *out. */
static struct str text_of(struct metrics *m, struct buf *out)
{
    buf_clear(out);
    EXPECT_TRUE(metrics_write_text(m, out));
    return buf_str(out);
}

static bool has_line(struct str text, const char *line)
{
    while (text.len > 0)
        if (str_equals(str_cut(&text, '\n'), str_from_cstr(line))) return true;
    return false;
}
#define EXPECT_LINE(text, line) EXPECT_THAT(has_line(text, line), "no line: %s", line)

TEST(metrics, sum_a_counter_over_its_shards)
{
    struct metrics *m = metrics_of(SHARDS);
    struct buf out;
    buf_init(&out, 1 << 20);
    const struct str *labels = METRIC_LABELS(STR("POST"), STR("/v1/chat/completions"), STR("200"));
    for (unsigned i = 0; i < SHARDS; i++)
        counter_add(metrics_counter(metrics_shard(m, i), METRIC_HTTP_REQUESTS, labels), i + 1);
    EXPECT_LINE(text_of(m, &out),
                "http_requests_total{method=\"POST\",endpoint=\"/v1/chat/completions\",status=\"200\"} 10");
    buf_done(&out);
    metrics_free(m);
}

TEST(metrics, give_the_same_cell_for_the_same_labels)
{
    struct metrics *m = metrics_of(2);
    const struct str *a = METRIC_LABELS(STR("openai"), STR("m"), STR("success"));
    const struct str *b = METRIC_LABELS(STR("openai"), STR("m"), STR("timeout"));
    struct counter *first = metrics_counter(metrics_shard(m, 0), METRIC_ATTEMPTS, a);
    EXPECT_TRUE(first == metrics_counter(metrics_shard(m, 0), METRIC_ATTEMPTS, a));
    EXPECT_TRUE(first != metrics_counter(metrics_shard(m, 0), METRIC_ATTEMPTS, b));
    EXPECT_TRUE(first != metrics_counter(metrics_shard(m, 1), METRIC_ATTEMPTS, a));
    metrics_free(m);
}

TEST(metrics, add_up_gauges_that_go_up_and_down)
{
    struct metrics *m = metrics_of(2);
    struct buf out;
    buf_init(&out, 1 << 20);
    const struct str client = STR("client");
    gauge_add(metrics_gauge(metrics_shard(m, 0), METRIC_CONNECTIONS, &client), 5);
    gauge_add(metrics_gauge(metrics_shard(m, 1), METRIC_CONNECTIONS, &client), -7);
    gauge_set(metrics_gauge(metrics_shard(m, 0), METRIC_FIBERS, NULL), 12);
    struct str text = text_of(m, &out);
    EXPECT_LINE(text, "weir_connections{side=\"client\"} -2");
    EXPECT_LINE(text, "weir_fibers 12");
    buf_done(&out);
    metrics_free(m);
}

TEST(metrics, sort_observations_into_buckets_whose_bounds_are_included)
{
    struct metrics *m = metrics_of(2);
    struct buf out;
    buf_init(&out, 1 << 20);
    struct histogram *h = metrics_histogram(metrics_shard(m, 0), METRIC_OVERHEAD, NULL);
    struct histogram *other = metrics_histogram(metrics_shard(m, 1), METRIC_OVERHEAD, NULL);
    histogram_observe(h, 0);
    histogram_observe(h, 5000);
    histogram_observe(other, 5001);
    histogram_observe(other, 2000000000);
    struct str text = text_of(m, &out);
    EXPECT_LINE(text, "weir_overhead_seconds_bucket{le=\"0.000005\"} 2");
    EXPECT_LINE(text, "weir_overhead_seconds_bucket{le=\"0.00001\"} 3");
    EXPECT_LINE(text, "weir_overhead_seconds_bucket{le=\"0.1\"} 3");
    EXPECT_LINE(text, "weir_overhead_seconds_bucket{le=\"+Inf\"} 4");
    EXPECT_LINE(text, "weir_overhead_seconds_sum 2.000010001");
    EXPECT_LINE(text, "weir_overhead_seconds_count 4");
    buf_done(&out);
    metrics_free(m);
}

TEST(metrics, have_the_token_buckets_of_opentelemetry)
{
    struct metrics *m = metrics_of(1);
    struct buf out;
    buf_init(&out, 1 << 20);
    const struct str *labels = METRIC_LABELS(STR("chat"), STR("openai"), STR("input"), STR("gpt-4o-mini"));
    histogram_observe(metrics_histogram(metrics_shard(m, 0), METRIC_TOKEN_USAGE, labels), 1000);
    struct str text = text_of(m, &out);
#define SERIES                                                                                               \
    "gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"openai\",gen_ai_token_type=\"input\","            \
    "gen_ai_request_model=\"gpt-4o-mini\""
    EXPECT_LINE(text, "gen_ai_client_token_usage_bucket{" SERIES ",le=\"256\"} 0");
    EXPECT_LINE(text, "gen_ai_client_token_usage_bucket{" SERIES ",le=\"1024\"} 1");
    EXPECT_LINE(text, "gen_ai_client_token_usage_bucket{" SERIES ",le=\"67108864\"} 1");
    EXPECT_LINE(text, "gen_ai_client_token_usage_sum{" SERIES "} 1000");
    buf_done(&out);
    metrics_free(m);
}

TEST(metrics, show_values_that_nobody_counts_until_they_are_dropped)
{
    struct metrics *m = metrics_of(1);
    struct buf out;
    buf_init(&out, 1 << 20);
    const struct str a = STR("openai"), b = STR("anthropic");
    metrics_put(m, METRIC_BREAKER_STATE, &a, 2);
    metrics_put(m, METRIC_BREAKER_STATE, &b, 1);
    metrics_put(m, METRIC_BREAKER_STATE, &a, 0);
    metrics_put(m, METRIC_LOG_DROPPED, NULL, 17);
    struct str text = text_of(m, &out);
    EXPECT_LINE(text, "circuit_breaker_state{service=\"openai\"} 0");
    EXPECT_LINE(text, "circuit_breaker_state{service=\"anthropic\"} 1");
    EXPECT_LINE(text, "weir_log_lines_dropped_total 17");
    metrics_drop(m, METRIC_BREAKER_STATE, &a);
    metrics_drop(m, METRIC_BREAKER_STATE, &(struct str){"never", 5});
    EXPECT_FALSE(has_line(text_of(m, &out), "circuit_breaker_state{service=\"openai\"} 0"));
    metrics_put(m, METRIC_BREAKER_STATE, &a, 1);
    EXPECT_LINE(text_of(m, &out), "circuit_breaker_state{service=\"openai\"} 1");
    buf_done(&out);
    metrics_free(m);
}

TEST(metrics, tell_about_the_process_and_the_build)
{
    struct metrics *m = metrics_of(1);
    struct buf out;
    buf_init(&out, 1 << 20);
    struct str text = text_of(m, &out);
    EXPECT_LINE(text, "weir_build_info{version=\"1.2.3\"} 1");
    EXPECT_LINE(text, "process_start_time_seconds 1732123456.789");
    EXPECT_FALSE(has_line(text, "process_resident_memory_bytes 0"));
    EXPECT_FALSE(has_line(text, "process_open_fds 0"));
    EXPECT_FALSE(has_line(text, "process_max_fds 0"));
    EXPECT_NE(str_find(text, STR("\nprocess_cpu_seconds_total ")), SIZE_MAX);
    buf_done(&out);
    metrics_free(m);
}

TEST(metrics, escape_label_values)
{
    struct metrics *m = metrics_of(1);
    struct buf out;
    buf_init(&out, 1 << 20);
    const struct str odd = STR("a\"b\\c\nd\xff\xc3\xa4");
    counter_add(metrics_counter(metrics_shard(m, 0), METRIC_RATE_LIMITED, &odd), 1);
    EXPECT_LINE(text_of(m, &out), "rate_limit_exceeded_total{identifier=\"a\\\"b\\\\c?d?\xc3\xa4\"} 1");
    buf_done(&out);
    metrics_free(m);
}

TEST(metrics, are_one_series_where_two_values_look_alike)
{
    struct metrics *m = metrics_of(1);
    struct buf out;
    buf_init(&out, 1 << 20);
    char long_a[300], long_b[300];
    memset(long_a, 'x', sizeof long_a);
    memset(long_b, 'x', sizeof long_b);
    long_b[299] = 'y';
    const struct str values[] = {STR_INIT("a\x01"), STR_INIT("a\x02"), {long_a, 300}, {long_b, 300}};
    for (size_t i = 0; i < ARRAY_COUNT(values); i++)
        counter_add(metrics_counter(metrics_shard(m, 0), METRIC_RATE_LIMITED, &values[i]), 1);
    EXPECT_LINE(text_of(m, &out), "rate_limit_exceeded_total{identifier=\"a?\"} 2");
    buf_done(&out);
    metrics_free(m);
}

TEST(metrics, call_the_open_labels_other_beyond_the_ceiling)
{
    struct metrics *m = metrics_of(2);
    struct buf out;
    buf_init(&out, 4 << 20);
    for (unsigned i = 0; i < METRICS_MAX_SERIES + 500; i++) {
        char model[32];
        struct str name = str_of(model, (size_t)snprintf(model, sizeof model, "model-%u", i));
        const struct str *labels = METRIC_LABELS(STR("openai"), name,
                                                 i % 2 ? STR("success") : STR("timeout"));
        counter_add(metrics_counter(metrics_shard(m, i % 2), METRIC_ATTEMPTS, labels), 1);
        counter_add(metrics_counter(metrics_shard(m, i % 2), METRIC_ATTEMPTS, labels), 1);
    }
    struct str text = text_of(m, &out);
    EXPECT_LINE(text, "weir_attempts_total{provider=\"openai\",model=\"model-999\",outcome=\"success\"} 2");
    EXPECT_LINE(text, "weir_attempts_total{provider=\"other\",model=\"other\",outcome=\"success\"} 500");
    EXPECT_LINE(text, "weir_attempts_total{provider=\"other\",model=\"other\",outcome=\"timeout\"} 500");
    EXPECT_EQ(str_find(text, STR("model-1000")), SIZE_MAX);
    buf_done(&out);
    metrics_free(m);
}

TEST(metrics, stay_bounded_when_even_a_closed_label_runs_wild)
{
    struct metrics *m = metrics_of(1);
    struct buf out;
    buf_init(&out, 4 << 20);
    for (unsigned i = 0; i < 3 * METRICS_MAX_SERIES; i++) {
        char method[32];
        struct str name = str_of(method, (size_t)snprintf(method, sizeof method, "M%u", i));
        counter_add(metrics_counter(metrics_shard(m, 0), METRIC_HTTP_REQUESTS,
                                    METRIC_LABELS(name, STR("/x"), STR("200"))),
                    1);
    }
    struct str text = text_of(m, &out);
    EXPECT_LINE(text, "http_requests_total{method=\"other\",endpoint=\"other\",status=\"other\"} 1000");
    EXPECT_LINE(text, "http_requests_total{method=\"M1500\",endpoint=\"other\",status=\"200\"} 1");
    buf_done(&out);
    metrics_free(m);
}

TEST(metrics, say_so_when_the_buffer_is_too_small)
{
    struct metrics *m = metrics_of(1);
    struct buf out;
    buf_init(&out, 100);
    EXPECT_FALSE(metrics_write_text(m, &out));
    buf_done(&out);
    metrics_free(m);
}

TEST(metrics, as_json_are_the_five_numbers_of_the_contract)
{
    struct metrics *m = metrics_of(2);
    struct buf out;
    buf_init(&out, 1024);
    EXPECT_TRUE(metrics_write_json(m, &out));
    EXPECT_STR_EQ(buf_str(&out), "{\"total_requests\":0,\"cache_hits\":0,\"cache_hit_rate_percent\":0.00,"
                                 "\"failures\":0,\"providers_active\":0}");
    const struct str success = STR("success"), failure = STR("failure"), hit = STR("hit"), miss = STR("miss");
    counter_add(metrics_counter(metrics_shard(m, 0), METRIC_LLM_REQUESTS, &success), 40);
    counter_add(metrics_counter(metrics_shard(m, 1), METRIC_LLM_REQUESTS, &failure), 2);
    counter_add(metrics_counter(metrics_shard(m, 1), METRIC_CACHE_REQUESTS, &hit), 15);
    counter_add(metrics_counter(metrics_shard(m, 1), METRIC_CACHE_REQUESTS, &miss), 27);
    metrics_put(m, METRIC_PROVIDERS, NULL, 2);
    buf_clear(&out);
    EXPECT_TRUE(metrics_write_json(m, &out));
    EXPECT_STR_EQ(buf_str(&out), "{\"total_requests\":42,\"cache_hits\":15,\"cache_hit_rate_percent\":35.71,"
                                 "\"failures\":2,\"providers_active\":2}");
    buf_done(&out);
    metrics_free(m);
}

/* ---- a judge of the exposition format ---- */

struct judge {
    struct arena arena;
    struct map families, samples; /* seen: names and whole series */
    struct str family, type;      /* of the group that is being read */
    uint64_t last_bucket, inf_bucket;
};

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.at[i] >= 'a' && s.at[i] <= 'z') || s.at[i] == '_' ||
              (i && s.at[i] >= '0' && s.at[i] <= '9')))
            return false; /* capitals and colons are legal, and bad style */
    return s.len > 0;
}

static bool ends_in(struct str s, const char *end)
{
    return str_ends_with(s, str_from_cstr(end));
}

static void judge_type(struct judge *j, struct str name, struct str type)
{
    EXPECT_THAT(str_equals(name, j->family), "TYPE without HELP: %.*s", STR_ARG(name));
    EXPECT_THAT(str_equals(type, STR("counter")) == ends_in(name, "_total"), "_total: %.*s", STR_ARG(name));
    static const char *const bad_ends[] = {"_count",   "_sum",       "_bucket",      "_gauge",
                                           "_counter", "_histogram", "_ms",          "_msec",
                                           "_us",      "_minutes",   "_milliseconds"};
    for (size_t i = 0; i < ARRAY_COUNT(bad_ends); i++)
        EXPECT_THAT(!ends_in(name, bad_ends[i]), "%s: %.*s", bad_ends[i], STR_ARG(name));
    j->type = type;
}

static void judge_comment(struct judge *j, struct str rest)
{
    struct str word = str_cut(&rest, ' '), name = str_cut(&rest, ' ');
    EXPECT_TRUE(is_name(name));
    if (str_equals(word, STR("TYPE"))) {
        judge_type(j, name, rest);
        return;
    }
    EXPECT_STR_EQ(word, "HELP");
    EXPECT_THAT(rest.len > 10 && ends_in(rest, "."), "no help: %.*s", STR_ARG(name));
    EXPECT_EQ(str_find_char(rest, '\\'), SIZE_MAX);
    EXPECT_THAT(!map_put(&j->families, name, j), "twice: %.*s", STR_ARG(name));
    j->family = name;
    j->type = STR("");
}

/* Cuts {…} off, judging names and escapes; leaves the value. */
static struct str judge_labels(struct str *line)
{
    struct str labels = *line;
    size_t at = 0;
    while (at < line->len && line->at[at] != '}') {
        size_t start = at;
        while (at < line->len && line->at[at] != '=') at++;
        EXPECT_THAT(is_name(str_part(*line, start, at - start)), "label name in %.*s", STR_ARG(*line));
        EXPECT_TRUE(line->at[++at] == '"');
        for (at++; at < line->len && line->at[at] != '"'; at++)
            if (line->at[at] == '\\') EXPECT_TRUE(strchr("\\\"n", line->at[++at]) != NULL);
        if (++at < line->len && line->at[at] == ',') at++;
    }
    *line = str_from(*line, at + 2);
    return str_part(labels, 0, at);
}

static void judge_histogram(struct judge *j, struct str suffix, struct str labels, struct str value)
{
    int64_t number = 0;
    if (str_equals(suffix, STR("_sum"))) return;
    EXPECT_TRUE(str_to_u63(value, &number));
    if (str_equals(suffix, STR("_count"))) {
        EXPECT_EQ(number, j->inf_bucket);
        j->last_bucket = 0;
        return;
    }
    EXPECT_STR_EQ(suffix, "_bucket");
    EXPECT_TRUE((uint64_t)number >= j->last_bucket);
    j->last_bucket = (uint64_t)number;
    EXPECT_NE(str_find(labels, STR("le=\"")), SIZE_MAX);
    if (ends_in(labels, "le=\"+Inf\"")) j->inf_bucket = (uint64_t)number;
}

static void judge_sample(struct judge *j, struct str line)
{
    struct str whole = line, labels = {NULL, 0};
    size_t brace = str_find_char(line, '{'), blank = str_find_char(line, ' ');
    struct str name = str_part(line, 0, brace < blank ? brace : blank);
    line = str_from(line, name.len + 1);
    if (brace < blank) labels = judge_labels(&line);
    EXPECT_THAT(str_starts_with(name, j->family), "outside its group: %.*s", STR_ARG(whole));
    struct str suffix = str_from(name, j->family.len), series = str_part(whole, 0, whole.len - line.len);
    EXPECT_THAT(!map_put(&j->samples, series, j), "twice: %.*s", STR_ARG(series));
    char number[64], *end;
    snprintf(number, sizeof number, "%.*s", STR_ARG(line));
    (void)!strtod(number, &end);
    EXPECT_THAT(line.len > 0 && *end == 0, "no number: %.*s", STR_ARG(whole));
    if (str_equals(j->type, STR("histogram")))
        judge_histogram(j, suffix, labels, line);
    else
        EXPECT_THAT(suffix.len == 0, "outside its group: %.*s", STR_ARG(whole));
}

static size_t judge_text(struct str text)
{
    struct judge j = {0};
    arena_init(&j.arena);
    map_init(&j.families);
    map_init(&j.samples);
    EXPECT_TRUE(ends_in(text, "\n"));
    while (text.len > 0) {
        struct str line = str_cut(&text, '\n');
        if (str_starts_with(line, STR("# ")))
            judge_comment(&j, str_from(line, 2));
        else
            judge_sample(&j, line);
    }
    size_t families = j.families.count;
    map_done(&j.families);
    map_done(&j.samples);
    arena_done(&j.arena);
    return families;
}

/* Something in every family. */
static void count_everything(struct metrics *m)
{
    const struct str labels[METRICS_MAX_LABELS] = {STR_INIT("a\"\\"), STR_INIT(""), STR_INIT("b\n"),
                                                   STR_INIT("=,}{ ")};
#define COUNT_COUNTER(id, s) counter_add(metrics_counter(s, id, labels), 3)
#define COUNT_GAUGE(id, s) gauge_add(metrics_gauge(s, id, labels), 3)
#define COUNT_HISTOGRAM(id, s) histogram_observe(metrics_histogram(s, id, labels), 123456789)
#define COUNT(id, name, kind, label_names, unit, bounds, help) COUNT_##kind(id, metrics_shard(m, 0));
    METRICS(COUNT)
}

TEST(metrics, text_follows_the_rules_of_the_format_and_of_good_names)
{
    struct metrics *m = metrics_of(1);
    struct buf out;
    buf_init(&out, 1 << 20);
    EXPECT_TRUE(judge_text(text_of(m, &out)) > 10);
    count_everything(m);
    EXPECT_EQ(judge_text(text_of(m, &out)), METRIC_COUNT);
    buf_done(&out);
    metrics_free(m);
}

/* WEIR_WRITE_DOCS=1 writes the page. */
TEST(metrics, docs_page_is_made_from_the_table)
{
    struct buf want;
    buf_init(&want, 1 << 20);
    EXPECT_TRUE(metrics_write_docs(&want));
    const char *path = test_source_path("docs/metrics.md");
    ASSERT_TRUE(path != NULL);
    if (getenv("WEIR_WRITE_DOCS")) {
        FILE *f = fopen(path, "wb");
        ASSERT_TRUE(f && fwrite(want.at, 1, want.len, f) == want.len && fclose(f) == 0);
    }
    struct str have = test_read_file(path);
    EXPECT_THAT(str_equals(have, buf_str(&want)), "%s is stale: run this test with WEIR_WRITE_DOCS=1", path);
    buf_done(&want);
}

/* ---- threads ---- */

enum { ROUNDS = 3000 };

static void *count_in_a_thread(void *arg)
{
    struct metrics_shard *s = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        char model[32];
        struct str name = str_of(model, (size_t)snprintf(model, sizeof model, "m%u", i % 50));
        const struct str *labels = METRIC_LABELS(STR("p"), name, STR("success"));
        counter_add(metrics_counter(s, METRIC_ATTEMPTS, labels), 1);
        histogram_observe(metrics_histogram(s, METRIC_OVERHEAD, NULL), i);
        gauge_add(metrics_gauge(s, METRIC_EXCHANGES, NULL), i % 2 ? -1 : 1);
    }
    return NULL;
}

TEST(metrics, are_counted_by_threads_while_another_reads)
{
    struct metrics *m = metrics_of(SHARDS);
    struct buf out;
    buf_init(&out, 1 << 20);
    pthread_t threads[SHARDS];
    for (unsigned i = 0; i < SHARDS; i++)
        ASSERT_TRUE(pthread_create(&threads[i], NULL, count_in_a_thread, metrics_shard(m, i)) == 0);
    for (int i = 0; i < 20; i++) {
        metrics_put(m, METRIC_LOG_DROPPED, NULL, i);
        judge_text(text_of(m, &out));
    }
    for (unsigned i = 0; i < SHARDS; i++) pthread_join(threads[i], NULL);
    struct str text = text_of(m, &out);
    EXPECT_LINE(text, "weir_overhead_seconds_count 12000");
    EXPECT_LINE(text, "weir_exchanges_in_flight 0");
    EXPECT_LINE(text, "weir_attempts_total{provider=\"p\",model=\"m0\",outcome=\"success\"} 240");
    buf_done(&out);
    metrics_free(m);
}
