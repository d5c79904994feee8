/* load/main.c: the load generator: `load --help` says what it takes. Its last line on stdout is one JSON object. */
#include "load/load.h"
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_EVENTS = 512 };

static _Noreturn void die(const char *what, const char *about)
{
    fprintf(stderr, "load: %s%s%s\n", what, about ? ": " : "", about ? about : "");
    exit(2);
}

int64_t load_clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* ---- options ---- */

#define AT(member) offsetof(struct settings, member)
static const struct option {
    const char *name, *help;
    bool is_number;
    size_t at;
} options[] = {
    {"--mode", "closed | open | stream | idle", false, AT(mode)},
    {"--target", "127.0.0.1:PORT", false, AT(target_text)},
    {"--path", "where to POST; /v1/chat/completions if not said", false, AT(path)},
    {"--key", "sent as Authorization: Bearer", false, AT(key)},
    {"--model", "of the chat body that is made; `bench` if not said", false, AT(model)},
    {"--body", "a file to send instead", false, AT(body_file)},
    {"--body-bytes", "length of the chat body that is made; 1024", true, AT(body_bytes)},
    {"--connections", "how many; 32", true, AT(connections)},
    {"--ramp", "connections opened in a second; 0 is all at once", true, AT(ramp)},
    {"--warmup", "seconds under load before the window; 0.5", true, AT(warmup)},
    {"--seconds", "length of the window; 3", true, AT(seconds)},
    {"--rate", "open: requests in a second; 1000", true, AT(rate)},
    {"--requests", "closed: end after so many, for profiles; 0 is by time", true, AT(max_requests)},
    {"--expect-bytes", "length of a right reply's body; -1 is any", true, AT(expect_bytes)},
    {"--expect-events", "data lines of a right stream, [DONE] not counted; -1: no stream is expected", true,
     AT(expect_events)},
    {"--spin", "1: yield the core instead of sleeping, so that nobody is charged for waking us; 0", true,
     AT(spin)},
    {"--tls", "1: speak TLS, and trust whoever answers; 0", true, AT(tls)},
    {"--limit", "give up after so many seconds; 120", true, AT(limit)},
};

static void print_help(void)
{
    printf(
        "load --target 127.0.0.1:PORT [OPTION VALUE]…   makes load, judges every reply, prints one line of JSON\n");
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        printf("  %-16s %s\n", options[i].name, options[i].help);
    printf("  %-16s %s\n", "--watch", "PID,PID…: processes whose CPU time and resident memory are told");
}

static void set_option(struct settings *s, const char *name, const char *value)
{
    if (!value) die("a value is missing", name);
    if (strcmp(name, "--watch") == 0) {
        if (!watch_add(&s->watch, value)) die("--watch wants at most eight process ids", value);
        return;
    }
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (strcmp(name, options[i].name) != 0) continue;
        char *at = (char *)s + options[i].at, *end = NULL;
        if (!options[i].is_number) {
            memcpy(at, &value, sizeof value);
            return;
        }
        double number = strtod(value, &end);
        if (end == value || *end) die("a number is expected", value);
        memcpy(at, &number, sizeof number);
        return;
    }
    die("there is no such option", name);
}

static void read_target(struct settings *s)
{
    char host[64];
    const char *colon = s->target_text ? strrchr(s->target_text, ':') : NULL;
    if (!colon || (size_t)(colon - s->target_text) >= sizeof host) die("--target wants 127.0.0.1:PORT", NULL);
    memcpy(host, s->target_text, (size_t)(colon - s->target_text));
    host[colon - s->target_text] = 0;
    s->target = (struct sockaddr_in){.sin_family = AF_INET,
                                     .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10))};
    if (inet_pton(AF_INET, host, &s->target.sin_addr) != 1 || (ntohl(s->target.sin_addr.s_addr) >> 24) != 127)
        die("only loopback addresses are loaded", s->target_text);
}

static void read_options(struct settings *s, int argc, char **argv)
{
    *s = (struct settings){.path = "/v1/chat/completions",
                           .model = "bench",
                           .mode = "closed",
                           .connections = 32,
                           .body_bytes = 1024,
                           .warmup = 0.5,
                           .seconds = 3,
                           .rate = 1000,
                           .expect_bytes = -1,
                           .expect_events = -1,
                           .limit = 120};
    for (int i = 1; i < argc; i += 2) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help();
            exit(0);
        }
        set_option(s, argv[i], argv[i + 1]);
    }
    read_target(s);
    const char *wrong = s->tls != 0 ? wire_use_tls(NULL, NULL) : NULL;
    if (wrong) die(wrong, NULL);
    if (!(s->connections >= 1 && s->connections <= 30000)) die("--connections: 1 to 30000", NULL);
    if (!(s->rate > 0 && s->rate <= 1e6)) die("--rate: above 0, to 1000000", NULL);
    if (!(s->body_bytes >= 256 && s->body_bytes <= 64e6)) die("--body-bytes: 256 to 64000000", NULL);
    if (!(s->warmup >= 0 && s->seconds > 0 && s->warmup + s->seconds < s->limit && s->limit <= 3600))
        die("--warmup and --seconds must lie within --limit, that within an hour", NULL);
}

/* ---- the request ---- */

/* A message of English text with an escape every 75 bytes or so, as chat bodies have. */
static char *make_body(const struct settings *s, size_t *length)
{
    static const char text[] =
        "Tell me how rivers find the sea, and why some of them never do.\\nBe brief, please. "
        "What follows is what we know of deltas, marshes, tides and wind:\\n";
    static const char last[] = "\"}]}";
    size_t bytes = (size_t)s->body_bytes, at;
    char *body = malloc(bytes + 1);
    if (!body) die("out of memory", NULL);
    int head = snprintf(
        body, bytes,
        "{\"model\":\"%s\",%s\"temperature\":0.7,\"messages\":[{\"role\":\"user\",\"content\":\"", s->model,
        s->expect_events >= 0 ? "\"stream\":true,\"stream_options\":{\"include_usage\":true}," : "");
    if (head < 0 || (size_t)head + sizeof last > bytes) die("--body-bytes is too little", NULL);
    at = (size_t)head;
    while (bytes - at >= sizeof text - 1 + sizeof last - 1) {
        memcpy(body + at, text, sizeof text - 1);
        at += sizeof text - 1;
    }
    memset(body + at, '.', bytes - at - (sizeof last - 1));
    memcpy(body + bytes - (sizeof last - 1), last, sizeof last);
    *length = bytes;
    return body;
}

static char *read_body(const char *path, size_t *length)
{
    struct stat facts;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &facts) != 0 || facts.st_size <= 0 || facts.st_size > 64 << 20)
        die("--body wants a file of 1 byte to 64 MiB", path);
    char *body = malloc((size_t)facts.st_size);
    if (!body || read(fd, body, (size_t)facts.st_size) != facts.st_size) die("reading failed", path);
    close(fd);
    *length = (size_t)facts.st_size;
    return body;
}

static void make_request(struct load *l)
{
    const struct settings *s = &l->settings;
    size_t length;
    char *body = s->body_file ? read_body(s->body_file, &length) : make_body(s, &length);
    l->request = malloc(length + 2048);
    if (!l->request) die("out of memory", NULL);
    int head = snprintf(l->request, 2048,
                        "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench-load\r\nAccept: */*\r\n"
                        "%s%s%sContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                        s->path, s->target_text, s->key ? "Authorization: Bearer " : "", s->key ? s->key : "",
                        s->key ? "\r\n" : "", length);
    if (head < 0 || head >= 2048) die("path or key is too long", NULL);
    memcpy(l->request + head, body, length);
    l->request_bytes = (size_t)head + length;
    free(body);
}

/* ---- the run ---- */

static void *xzalloc(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (!p) die("out of memory", NULL);
    return p;
}

static void prepare(struct load *l)
{
    const struct settings *s = &l->settings;
    struct rlimit files;
    l->mode = mode_find(s->mode);
    if (!l->mode) die("--mode: closed, open, stream or idle", s->mode);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    l->count = (unsigned)s->connections;
    l->conns = xzalloc(l->count, sizeof *l->conns);
    for (unsigned i = 0; i < l->count; i++) l->conns[i].load = l;
    l->idle = xzalloc(l->count, sizeof *l->idle);
    l->waiting_size = (size_t)(s->rate * (s->warmup + s->seconds)) + 1024;
    l->waiting = xzalloc(l->waiting_size, sizeof *l->waiting);
    l->read_buffer = xzalloc(1, READ_BYTES);
    l->random = UINT64_C(0x9E3779B97F4A7C15);
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    make_request(l);
    l->tally.rss_before_kb = watch_rss_kb(&s->watch);
}

static void run(struct load *l)
{
    static struct epoll_event events[MAX_EVENTS];
    l->started_ns = l->phase_began_ns = l->now_ns = load_clock_ns();
    bool is_spinning = l->settings.spin != 0;
    int64_t limit_ns = l->started_ns + (int64_t)(l->settings.limit * (double)NS_PER_S);
    while (l->phase != PHASE_OVER) {
        int64_t wait_ns = l->mode->on_turn(l) - load_clock_ns();
        if (wait_ns < 0 || is_spinning) wait_ns = 0;
        struct timespec wait = {wait_ns / NS_PER_S, wait_ns % NS_PER_S};
        int n = epoll_pwait2(l->epoll_fd, events, MAX_EVENTS, &wait, NULL);
        if (n < 0 && errno != EINTR) die("epoll_pwait2", strerror(errno));
        if (n == 0 && is_spinning) sched_yield();
        for (int i = 0; i < n && l->phase != PHASE_OVER; i++)
            conn_on_events(events[i].data.ptr, events[i].events);
        l->now_ns = load_clock_ns();
        if (l->now_ns < limit_ns) continue;
        l->tally.errors += l->busy ? l->busy : 1;
        if (!l->tally.first_error) l->tally.first_error = "not done within --limit";
        load_enter(l, PHASE_OVER);
    }
}

static void print_result(const struct load *l)
{
    const struct tally *t = &l->tally;
    const struct histogram *h = &t->latency, *e = &t->event_latency;
    double seconds = t->ended_ns ? (double)(t->ended_ns - t->began_ns) / (double)NS_PER_S : 0;
    printf(
        "{\"mode\":\"%s\",\"seconds\":%.4f,\"connections\":%u,\"opened\":%u,\"served\":%llu,\"errors\":%llu,"
        "\"first_error\":\"%s\",\"replies\":%llu,\"events\":%llu,\"reads\":%llu,\"finished_streams\":%llu,",
        l->mode->name, seconds, l->count, l->opened, (unsigned long long)l->served,
        (unsigned long long)t->errors, t->first_error ? t->first_error : "", (unsigned long long)t->replies,
        (unsigned long long)t->events, (unsigned long long)t->reads, (unsigned long long)t->finished_streams);
    printf("\"cpu_ns\":%lld,\"own_cpu_ns\":%lld,\"rss_before_kb\":%lld,\"rss_kb\":%lld,",
           (long long)t->cpu_ns, (long long)t->own_cpu_ns, (long long)t->rss_before_kb, (long long)t->rss_kb);
    printf("\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f,",
           histogram_part_us(h, 0.5), histogram_part_us(h, 0.9), histogram_part_us(h, 0.99),
           histogram_part_us(h, 0.999), (double)h->max_ns / 1000);
    printf("\"event_p50_us\":%.1f,\"event_p99_us\":%.1f,\"event_max_us\":%.1f}\n", histogram_part_us(e, 0.5),
           histogram_part_us(e, 0.99), (double)e->max_ns / 1000);
}

static struct load load;

int main(int argc, char **argv)
{
    read_options(&load.settings, argc, argv);
    prepare(&load);
    run(&load);
    print_result(&load);
    for (unsigned i = 0; i < load.count; i++) conn_close(&load.conns[i]);
    free(load.conns);
    free(load.idle);
    free(load.waiting);
    free(load.read_buffer);
    free(load.request);
    return load.tally.errors > 0;
}
