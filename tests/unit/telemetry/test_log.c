/* The log: what lines look like whatever is in them, and what the rings promise: nothing waits, nothing is
 * torn, what is lost is counted. The output goes to files in memory and to pipes. */
#include "telemetry/log.h"

#include "base/clock.h"
#include "base/random.h"
#include "test.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SMALL_RING = 64 * 1024 };
static const int64_t WALL_MS = 1764239400123; /* 2025-11-27T10:30:00.123Z */

static struct log *log_to(int fd, unsigned rings, bool is_text)
{
    struct err err = {0};
    struct log *l = log_new(
        &(struct log_options){
            .fd = fd, .rings = rings, .ring_bytes = SMALL_RING, .level = LOG_INFO, .is_text = is_text},
        &err);
    EXPECT_THAT(l != NULL, "%s", err.text);
    return l;
}

static int file_in_memory(void)
{
    return memfd_create("log", MFD_CLOEXEC);
}

/* All of it; freed by the caller through .at. Closes the file. */
static struct str read_all(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *text = malloc((size_t)size + 1);
    EXPECT_EQ(pread(fd, text, (size_t)size, 0), size);
    close(fd);
    return str_of(text, (size_t)size);
}

static void release(struct str text)
{
    free((void *)(uintptr_t)text.at);
}

/* ---- a judge: one flat JSON object ---- */

static bool skip_string(const char **at, const char *end)
{
    if (*at == end || *(*at)++ != '"') return false;
    while (*at < end && **at != '"') {
        unsigned char c = (unsigned char)*(*at)++;
        if (c < 0x20) return false;
        if (c != '\\') continue;
        if (*at == end || !strchr("\"\\nrtu", **at)) return false;
        if (*(*at)++ == 'u')
            for (int i = 0; i < 4; i++)
                if (*at == end || !strchr("0123456789abcdef", *(*at)++)) return false;
    }
    return *at < end && *(*at)++ == '"';
}

static bool skip_value(const char **at, const char *end)
{
    if (*at < end && **at == '"') return skip_string(at, end);
    const char *start = *at;
    while (*at < end && strchr("-.0123456789truefalsn", **at)) ++*at;
    return *at > start;
}

static bool is_flat_json(struct str line)
{
    const char *at = line.at, *end = line.at + line.len;
    if (at == end || *at != '{') return false;
    do {
        at++;
        if (!skip_string(&at, end) || at == end || *at++ != ':' || !skip_value(&at, end)) return false;
    } while (at < end && *at == ',');
    return end - at == 1 && *at == '}';
}

static size_t judge_lines(struct str text)
{
    size_t lines = 0;
    EXPECT_TRUE(text.len == 0 || text.at[text.len - 1] == '\n');
    while (text.len > 0) {
        struct str line = str_cut(&text, '\n');
        EXPECT_THAT(is_flat_json(line), "no JSON: %.*s", STR_ARG(line));
        lines++;
    }
    return lines;
}

static bool contains(struct str text, const char *needle)
{
    return str_find(text, str_from_cstr(needle)) != SIZE_MAX;
}
#define EXPECT_HAS(text, needle) EXPECT_THAT(contains(text, needle), "no %s in %.*s", needle, STR_ARG(text))
#define EXPECT_HAS_NOT(text, needle) EXPECT_THAT(!contains(text, needle), "%s in %.*s", needle, STR_ARG(text))

/* ---- lines ---- */

static struct log_access access_of_example(void)
{
    return (struct log_access){.wall_ms = WALL_MS,
                               .level = LOG_INFO,
                               .category = LOG_API_GATEWAY,
                               .correlation_id = STR("abc-123-def"),
                               .method = STR("POST"),
                               .path = STR("/v1/chat/completions"),
                               .key = STR("alice"),
                               .provider = STR("openai"),
                               .model = STR("gpt-4o-mini"),
                               .outcome = STR("success"),
                               .duration_us = 145230,
                               .overhead_us = 17,
                               .bytes = 2048,
                               .input_tokens = 12,
                               .output_tokens = 34,
                               .status_code = 200,
                               .attempts = 1};
}

static struct str log_one_access(const struct log_access *a, bool is_text)
{
    int fd = file_in_memory();
    struct log *l = log_to(fd, 1, is_text);
    log_access(log_ring(l, 0), a);
    log_free(l);
    return read_all(fd);
}

TEST(log, writes_an_access_line)
{
    struct log_access a = access_of_example();
    struct str text = log_one_access(&a, false);
    EXPECT_STR_EQ(text, "{\"timestamp\":\"2025-11-27T10:30:00.123Z\",\"level\":\"INFO\","
                        "\"message\":\"Request completed\",\"category\":\"api_gateway\","
                        "\"correlation_id\":\"abc-123-def\",\"method\":\"POST\","
                        "\"path\":\"/v1/chat/completions\",\"status_code\":200,\"duration_ms\":145.230,"
                        "\"key\":\"alice\",\"provider\":\"openai\",\"model\":\"gpt-4o-mini\",\"attempts\":1,"
                        "\"outcome\":\"success\",\"stream\":false,\"input_tokens\":12,\"output_tokens\":34,"
                        "\"overhead_us\":17,\"bytes\":2048}\n");
    release(text);
}

TEST(log, leaves_out_what_is_not_known)
{
    struct log_access a = {.wall_ms = WALL_MS,
                           .level = LOG_WARNING,
                           .message = STR("Request refused"),
                           .method = STR("GET"),
                           .path = STR("/health"),
                           .overhead_us = UINT64_MAX,
                           .input_tokens = -1,
                           .output_tokens = -1,
                           .status_code = 401};
    struct str text = log_one_access(&a, false);
    EXPECT_EQ(judge_lines(text), 1);
    EXPECT_HAS(text, "\"message\":\"Request refused\"");
    static const char *const absent[] = {"provider", "model",          "_tokens",
                                         "overhead", "correlation_id", "outcome"};
    for (size_t i = 0; i < ARRAY_COUNT(absent); i++) EXPECT_HAS_NOT(text, absent[i]);
    release(text);
}

TEST(log, never_writes_the_query_of_a_path)
{
    struct log_access a = access_of_example();
    a.path = STR("/v1beta/models/x:generateContent?key=SECRET");
    struct str text = log_one_access(&a, false);
    EXPECT_HAS(text, "\"path\":\"/v1beta/models/x:generateContent\"");
    EXPECT_HAS_NOT(text, "SECRET");
    release(text);
}

TEST(log, writes_text_for_people)
{
    struct log_access a = access_of_example();
    a.key = STR("al ice");
    struct str text = log_one_access(&a, true);
    EXPECT_STR_EQ(
        text, "2025-11-27T10:30:00.123Z INFO    Request completed category=api_gateway "
              "correlation_id=abc-123-def method=POST path=/v1/chat/completions status_code=200 "
              "duration_ms=145.230 key=\"al ice\" provider=openai model=gpt-4o-mini attempts=1 "
              "outcome=success stream=false input_tokens=12 output_tokens=34 overhead_us=17 bytes=2048\n");
    release(text);
}

TEST(log, writes_an_event_with_its_facts)
{
    int fd = file_in_memory();
    struct log *l = log_to(fd, 1, false);
    log_event(log_ring(l, 0), WALL_MS,
              &(struct log_event){.level = LOG_WARNING,
                                  .category = LOG_HEALTH_CHECKER,
                                  .message = STR("Provider does not answer"),
                                  .correlation_id = STR("c1"),
                                  .fields = {LOG_TEXT("provider", STR("openai")), LOG_NUMBER("port", -443)}});
    log_free(l);
    struct str text = read_all(fd);
    EXPECT_STR_EQ(text, "{\"timestamp\":\"2025-11-27T10:30:00.123Z\",\"level\":\"WARNING\","
                        "\"message\":\"Provider does not answer\",\"category\":\"health_checker\","
                        "\"correlation_id\":\"c1\",\"provider\":\"openai\",\"port\":-443}\n");
    release(text);
}

TEST(log, escapes_whatever_it_is_given)
{
    int fd = file_in_memory();
    struct log *l = log_to(fd, 1, false);
    struct log_line *line = log_begin(log_ring(l, 0), WALL_MS, LOG_INFO, LOG_API_GATEWAY, STR("a\nb"));
    log_str(line, "s", STR("q\"b\\c\t\r\x01\x7f\xc3\xa4\xff\xe2\x82"));
    log_str(line, "empty", (struct str){NULL, 0});
    log_bool(line, "b", true);
    log_fixed(line, "f", 1234567, 3);
    log_i64(line, "i", INT64_MIN);
    log_end(line);
    log_free(l);
    struct str text = read_all(fd);
    EXPECT_EQ(judge_lines(text), 1);
    EXPECT_HAS(text, "\"message\":\"a\\nb\"");
    EXPECT_HAS(text, "\"s\":\"q\\\"b\\\\c\\t\\r\\u0001\\u007f\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    EXPECT_HAS(text, "\"empty\":\"\",\"b\":true,\"f\":1234.567,\"i\":-9223372036854775808}");
    release(text);
}

/* What stands for an ASCII character. */
static struct str escaped(char room[8], char c)
{
    static const char named[] = "\"\"\\\\\nn\rr\tt";
    for (const char *n = named; *n; n += 2)
        if (*n == c) return str_of(room, (size_t)snprintf(room, 8, "\\%c", n[1]));
    bool is_control = (unsigned char)c < 0x20 || c == 0x7f;
    return str_of(room, (size_t)snprintf(room, 8, is_control ? "\\u%04x" : "%c", c));
}

TEST(log, escapes_each_character_at_each_place_of_a_value)
{
    enum { PLACES = 17 };
    for (int c = 0; c < 128; c++) {
        char value[PLACES], want[64], room[8];
        struct str one = escaped(room, (char)c);
        int fd = file_in_memory();
        struct log *l = log_to(fd, 1, false);
        struct log_line *line = log_begin(log_ring(l, 0), WALL_MS, LOG_INFO, LOG_API_GATEWAY, STR("m"));
        for (int place = 0; place < PLACES; place++) {
            memset(value, 'a', sizeof value);
            value[place] = (char)c;
            log_str(line, "s", str_of(value, sizeof value));
        }
        log_end(line);
        log_free(l);
        struct str text = read_all(fd);
        EXPECT_EQ(judge_lines(text), 1);
        for (int place = 0; place < PLACES; place++) {
            snprintf(want, sizeof want, "\"s\":\"%.*s%.*s%.*s\"", place, "aaaaaaaaaaaaaaaaa", STR_ARG(one),
                     PLACES - 1 - place, "aaaaaaaaaaaaaaaaa");
            EXPECT_HAS(text, want);
        }
        release(text);
    }
}

TEST(log, cuts_long_values_between_characters)
{
    int fd = file_in_memory();
    struct log *l = log_to(fd, 1, false);
    char value[LOG_VALUE_MAX_BYTES + 2];
    memset(value, 'a', sizeof value);
    memcpy(value + LOG_VALUE_MAX_BYTES - 1, "\xc3\xa4", 2);
    struct log_line *line = log_begin(log_ring(l, 0), WALL_MS, LOG_INFO, LOG_API_GATEWAY, STR("m"));
    log_str(line, "s", str_of(value, sizeof value));
    log_end(line);
    log_free(l);
    struct str text = read_all(fd);
    EXPECT_EQ(judge_lines(text), 1);
    EXPECT_HAS(text, "aaa\xe2\x80\xa6\"}");
    EXPECT_EQ(text.len, str_find(text, STR("\"s\":\"")) + 5 + LOG_VALUE_MAX_BYTES - 1 + 3 + 3);
    release(text);
}

TEST(log, says_when_a_line_could_not_hold_all_its_fields)
{
    int fd = file_in_memory();
    struct log *l = log_to(fd, 1, false);
    char value[LOG_VALUE_MAX_BYTES + 1];
    memset(value, 1, sizeof value); /* each becomes six bytes */
    struct log_line *line = log_begin(log_ring(l, 0), WALL_MS, LOG_INFO, LOG_API_GATEWAY,
                                      str_of(value, sizeof value));
    for (int i = 0; i < 20; i++) log_str(line, "s", str_of(value, sizeof value));
    log_i64(line, "small", 1);
    log_end(line);
    line = log_begin(log_ring(l, 0), WALL_MS, LOG_INFO, LOG_API_GATEWAY, STR("m"));
    for (int i = 0; i < 5000; i++) log_i64(line, "n", i);
    log_end(line);
    log_free(l);
    struct str text = read_all(fd), rest = text;
    EXPECT_EQ(judge_lines(text), 2);
    EXPECT_TRUE(str_cut(&rest, '\n').len < LOG_LINE_MAX_BYTES);
    EXPECT_HAS(text, "\"small\":1,\"truncated\":true}\n");
    EXPECT_TRUE(str_ends_with(text, STR(",\"truncated\":true}\n")));
    release(text);
}

TEST(log, stays_json_for_random_bytes)
{
    int fd = file_in_memory();
    struct log *l = log_to(fd, 1, false);
    struct random r;
    random_init(&r, 3);
    for (int i = 0; i < 40; i++) {
        char bytes[1500];
        for (size_t k = 0; k < sizeof bytes; k++) bytes[k] = (char)(random_next(&r) % (i % 2 ? 256 : 40));
        struct str part = str_of(bytes, random_next(&r) % sizeof bytes);
        struct log_line *line = log_begin(log_ring(l, 0), WALL_MS, LOG_INFO, LOG_API_GATEWAY, part);
        for (int k = 0; k < 4; k++) log_str(line, "s", str_part(part, random_next(&r) % 1500, 1200));
        log_end(line);
    }
    uint64_t dropped = log_dropped(l);
    log_free(l);
    struct str text = read_all(fd);
    EXPECT_EQ(judge_lines(text) + dropped, 40);
    release(text);
}

TEST(log, keeps_to_its_level_and_takes_another_one_at_any_time)
{
    int fd = file_in_memory();
    struct log *l = log_to(fd, 1, false);
    struct log_ring *r = log_ring(l, 0);
    EXPECT_FALSE(log_wants(r, LOG_DEBUG));
    EXPECT_NULL(log_begin(r, WALL_MS, LOG_DEBUG, LOG_API_GATEWAY, STR("no")));
    log_str(NULL, "k", STR("v")); /* all of them take a line that is not written */
    log_i64(NULL, "k", 1);
    log_end(NULL);
    log_set_level(l, LOG_ERROR);
    log_event(r, WALL_MS, &(struct log_event){.level = LOG_WARNING, .message = STR("no")});
    log_set_level(l, LOG_DEBUG);
    log_event(r, WALL_MS, &(struct log_event){.level = LOG_DEBUG, .message = STR("yes")});
    log_free(l);
    struct str text = read_all(fd);
    EXPECT_EQ(judge_lines(text), 1);
    EXPECT_HAS(text, "yes");
    release(text);
}

TEST(log, level_names_are_those_of_the_configuration)
{
    enum log_level level = LOG_DEBUG;
    EXPECT_TRUE(log_level_parse(STR("info"), &level) && level == LOG_INFO);
    EXPECT_TRUE(log_level_parse(STR("WARN"), &level) && level == LOG_WARNING);
    EXPECT_TRUE(log_level_parse(STR("Warning"), &level) && level == LOG_WARNING);
    EXPECT_TRUE(log_level_parse(STR("error"), &level) && level == LOG_ERROR);
    EXPECT_TRUE(log_level_parse(STR("debug"), &level) && level == LOG_DEBUG);
    EXPECT_FALSE(log_level_parse(STR("loud"), &level));
    EXPECT_EQ(level, LOG_DEBUG);
}

TEST(log, stamps_follow_the_clock_over_seconds_and_backwards)
{
    int fd = file_in_memory();
    struct log *l = log_to(fd, 1, true);
    static const int64_t moments[] = {0, 5, 999, 1000, 61234, 59999, -1};
    for (size_t i = 0; i < ARRAY_COUNT(moments); i++)
        log_event(log_ring(l, 0), moments[i], &(struct log_event){.level = LOG_INFO, .message = STR("m")});
    log_free(l);
    struct str text = read_all(fd);
    static const char *const want[] = {"1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.005Z",
                                       "1970-01-01T00:00:00.999Z", "1970-01-01T00:00:01.000Z",
                                       "1970-01-01T00:01:01.234Z", "1970-01-01T00:00:59.999Z",
                                       "1969-12-31T23:59:59.999Z"};
    struct str rest = text;
    for (size_t i = 0; i < ARRAY_COUNT(want); i++)
        EXPECT_STR_EQ(str_part(str_cut(&rest, '\n'), 0, CLOCK_ISO_BYTES), want[i]);
    release(text);
}

/* ---- rings ---- */

struct producer {
    struct log_ring *ring;
    int64_t number, lines;
    uint64_t seed;
    bool is_patient; /* tries again when a line was dropped */
};

static void *produce(void *arg)
{
    struct producer *p = arg;
    struct random r;
    random_init(&r, p->seed);
    char filler[600];
    memset(filler, 'f', sizeof filler);
    for (int64_t i = 0; i < p->lines; i++) {
        struct log_line *line = NULL;
        do line = log_begin(p->ring, WALL_MS + i, LOG_INFO, LOG_API_GATEWAY, STR("m"));
        while (!line && p->is_patient && sched_yield() == 0);
        log_i64(line, "producer", p->number);
        log_i64(line, "line", i);
        log_str(line, "filler", str_of(filler, random_next(&r) % sizeof filler));
        log_end(line);
    }
    return NULL;
}

static int64_t number_after(struct str line, const char *key)
{
    struct str rest = str_from(line, str_find(line, str_from_cstr(key)) + strlen(key));
    int64_t number = -1;
    size_t len = 0;
    while (len < rest.len && rest.at[len] >= '0' && rest.at[len] <= '9') len++;
    EXPECT_TRUE(str_to_u63(str_part(rest, 0, len), &number));
    return number;
}

TEST(log, of_many_threads_loses_and_mixes_nothing_and_keeps_each_ones_order)
{
    enum { PRODUCERS = 4, LINES = 3000 }; /* each ring goes round 16 times */
    int fd = file_in_memory();
    struct log *l = log_to(fd, PRODUCERS, false);
    struct producer producers[PRODUCERS];
    pthread_t threads[PRODUCERS];
    int64_t last[PRODUCERS];
    for (unsigned i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){log_ring(l, i), i, LINES, i + 1, true};
        last[i] = -1;
        ASSERT_TRUE(pthread_create(&threads[i], NULL, produce, &producers[i]) == 0);
    }
    for (unsigned i = 0; i < PRODUCERS; i++) pthread_join(threads[i], NULL);
    log_free(l);
    struct str text = read_all(fd), rest = text;
    EXPECT_EQ(judge_lines(text), PRODUCERS * LINES);
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        int64_t producer = number_after(line, "\"producer\":"), number = number_after(line, "\"line\":");
        EXPECT_EQ(number, ++last[producer]);
    }
    release(text);
}

/* Reads a pipe to its end. */
static void *read_pipe(void *arg)
{
    int fd = *(int *)arg;
    FILE *copy = tmpfile();
    char chunk[4096];
    for (ssize_t got; (got = read(fd, chunk, sizeof chunk)) > 0;) fwrite(chunk, 1, (size_t)got, copy);
    fflush(copy);
    int file = dup(fileno(copy));
    fclose(copy);
    *(int *)arg = file;
    return NULL;
}

static void check_a_stuck_reader(int flags)
{
    int ends[2];
    uint64_t lines = 0;
    ASSERT_TRUE(pipe2(ends, O_CLOEXEC) == 0);
    if (flags) fcntl(ends[1], F_SETFL, flags);
    struct log *l = log_to(ends[1], 1, false);
    struct producer p = {log_ring(l, 0), 0, 100, 1, false};
    for (; log_dropped(l) == 0; lines += 100)
        produce(&p); /* nobody reads: it gets full, and produce() never waits */
    pthread_t reader;
    int end = ends[0];
    ASSERT_TRUE(pthread_create(&reader, NULL, read_pipe, &end) == 0);
    uint64_t dropped = log_dropped(l);
    log_free(l);
    close(ends[1]);
    pthread_join(reader, NULL);
    close(ends[0]);
    struct str text = read_all(end);
    EXPECT_EQ(judge_lines(text) + dropped, lines);
    release(text);
}

TEST(log, drops_and_counts_when_its_reader_is_stuck)
{
    check_a_stuck_reader(0);
}

TEST(log, waits_for_a_descriptor_that_would_block)
{
    check_a_stuck_reader(O_NONBLOCK);
}

/* Until the writer has counted so many; ten seconds are long enough for any machine. */
static void await_dropped(const struct log *l, uint64_t lines)
{
    int64_t until = clock_monotonic_ms() + 10000;
    while (log_dropped(l) < lines && clock_monotonic_ms() < until) sched_yield();
    EXPECT_EQ(log_dropped(l), lines);
}

TEST(log, survives_a_closed_pipe_and_counts_what_it_lost)
{
    int ends[2];
    ASSERT_TRUE(pipe2(ends, O_CLOEXEC) == 0);
    struct log *l = log_to(ends[1], 1, false);
    struct producer p = {log_ring(l, 0), 0, 10, 1, false};
    close(ends[0]);
    produce(&p);
    log_wake(l);
    await_dropped(l, 10);
    produce(&p);
    log_wake(l);
    await_dropped(l, 20);
    log_free(l);
    close(ends[1]);
}

TEST(log, survives_a_full_disk)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (fd < 0) SKIP("no /dev/full");
    struct log *l = log_to(fd, 1, false);
    struct producer p = {log_ring(l, 0), 0, 10, 1, false};
    produce(&p);
    log_wake(l);
    await_dropped(l, 10);
    log_free(l);
    close(fd);
}

/* A file that may not grow beyond a size, then may: the line that was cut does not spoil the next one. */
TEST(log, ends_a_torn_line_before_it_goes_on)
{
    enum { LIMIT = 100 };
    struct rlimit before, tight;
    int fd = file_in_memory();
    struct log *l = log_to(fd, 1, true);
    ASSERT_TRUE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    tight = (struct rlimit){.rlim_cur = LIMIT, .rlim_max = before.rlim_max};
    ASSERT_TRUE(setrlimit(RLIMIT_FSIZE, &tight) == 0);
    produce(&(struct producer){log_ring(l, 0), 0, 3, 5, false});
    log_wake(l);
    await_dropped(l, 3);
    ASSERT_TRUE(setrlimit(RLIMIT_FSIZE, &before) == 0);
    log_event(log_ring(l, 0), WALL_MS, &(struct log_event){.level = LOG_INFO, .message = STR("whole")});
    log_free(l);
    struct str text = read_all(fd);
    EXPECT_STR_EQ(str_from(text, LIMIT), "\n2025-11-27T10:30:00.123Z INFO    whole category=api_gateway\n");
    release(text);
}

TEST(log, wakes_up_for_the_first_line_after_a_silence)
{
    int ends[2];
    ASSERT_TRUE(pipe2(ends, O_CLOEXEC) == 0);
    struct log *l = log_to(ends[1], 1, true);
    for (int i = 0; i < 3; i++) {
        char line[256];
        log_event(log_ring(l, 0), WALL_MS, &(struct log_event){.level = LOG_INFO, .message = STR("hello")});
        ssize_t got = read(ends[0], line, sizeof line); /* blocks until the writer has written */
        EXPECT_TRUE(got > 0 && contains(str_of(line, (size_t)got), "INFO    hello"));
    }
    log_free(l);
    close(ends[0]);
    close(ends[1]);
}

TEST(log, without_rings_or_lines_ends_at_once)
{
    log_free(log_to(1, 0, false));
    log_free(log_to(1, 3, false));
    log_free(NULL);
}
