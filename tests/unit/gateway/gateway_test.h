/* tests/unit/gateway/gateway_test.h: a gateway, providers and callers on one loop. Providers answer, request by request,
 * what a table tells them; callers send bare bytes. A test is a configuration and a script that runs on a fiber:
 *
 *     static void script(void)
 *     {
 *         UPSTREAM(0, ANSWER(200_WITH_CHOICES));
 *         EXPECT_EQ(status_of(ask(CHAT("m"))), 200);
 *     }
 *     TEST(pipeline, answers) { run(PROVIDER_A MODEL_M, script); }
 *
 * In configurations ${A} and ${B} are the providers' base URLs; provider i is upstreams[i]. */
#ifndef WEIR_GATEWAY_TEST_H
#define WEIR_GATEWAY_TEST_H

#include "test.h"

#include "api/api.h"
#include "base/check.h"
#include "config/load.h"
#include "net/listener.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000, UPSTREAMS = 2, SEEN_BYTES = 1 << 16, LOG_BYTES = 1 << 18 };

/* ---- providers ---- */
enum then { THEN_KEEP, THEN_CLOSE, THEN_RESET, THEN_HANG };
struct answer {
    const char *parts[4]; /* with a millisecond in between; NULL: no more */
    enum then then;
    size_t filler_bytes; /* so many blanks follow the parts */
};

struct upstream {
    struct listener *listener;
    char url[64];
    const struct answer *answers;
    unsigned next, count;
    unsigned connections, open;
    bool resets;           /* the last answer was one to end with a reset */
    bool saw_end;          /* the gateway closed a connection while an answer was under way */
    char seen[SEEN_BYTES]; /* the last request */
    size_t seen_bytes;
};
struct upstream_connection {
    struct upstream *upstream;
    struct stream *stream;
};

static struct world {
    struct loop *loop;
    struct registry *registry;
    struct catalogues *catalogues;
    struct metrics *metrics;
    struct log *log;
    int log_fd;
    struct process_state process;
    struct config *config;
    struct snapshot *snapshot;
    struct gateway *gateway;
    struct api *api;
    struct http_server *server;
    struct listener *listener;
    struct listen_address address;
    struct upstream upstreams[UPSTREAMS];
    void (*script)(void);
} world;

/* A whole request into `seen`. False: the gateway has closed. */
static inline bool upstream_read(struct upstream *u, struct stream *s)
{
    struct str chunk;
    size_t need = 0;
    for (bool is_first = true;; is_first = false) {
        if (stream_read(s, &chunk, fiber_deadline(PATIENCE_MS)) != IO_OK) return false;
        if (is_first) u->seen_bytes = 0;
        if (chunk.len > SEEN_BYTES - u->seen_bytes) chunk.len = SEEN_BYTES - u->seen_bytes;
        memcpy(u->seen + u->seen_bytes, chunk.at, chunk.len);
        u->seen_bytes += chunk.len;
        struct str seen = str_of(u->seen, u->seen_bytes);
        size_t end = str_find(seen, STR("\r\n\r\n"));
        if (end == SIZE_MAX) continue;
        struct str length = str_from(seen, str_find(seen, STR("Content-Length: ")));
        int64_t bytes = 0;
        if (length.len) {
            length = str_from(length, 16);
            (void)!str_to_u63(str_cut(&length, '\r'), &bytes);
        }
        need = end + 4 + (size_t)bytes;
        if (u->seen_bytes >= need || u->seen_bytes == SEEN_BYTES) return true;
    }
}

static inline bool upstream_answer(struct upstream *u, struct stream *s)
{
    static char filler[1 << 16];
    if (u->next == u->count) return false;
    const struct answer answer = u->answers[u->next++], *a = &answer; /* the table may go while we wait */
    u->resets = a->then == THEN_RESET;
    for (size_t i = 0; i < ARRAY_COUNT(a->parts) && a->parts[i]; i++) {
        struct str part = str_from_cstr(a->parts[i]);
        if (i > 0) (void)fiber_sleep(1);
        if (part.len && stream_write(s, &part, 1, fiber_deadline(PATIENCE_MS)) != IO_OK) return false;
    }
    if (a->filler_bytes) memset(filler, ' ', sizeof filler);
    for (size_t left = a->filler_bytes; left > 0;) {
        struct str part = str_of(filler, left < sizeof filler ? left : sizeof filler);
        if (stream_write(s, &part, 1, fiber_deadline(PATIENCE_MS)) != IO_OK) return false;
        left -= part.len;
    }
    struct str chunk;
    if (a->then == THEN_HANG) {
        while (stream_read(s, &chunk, fiber_deadline(PATIENCE_MS)) == IO_OK) continue;
        u->saw_end = true;
    }
    return a->then == THEN_KEEP;
}

static inline void upstream_main(void *arg)
{
    struct upstream_connection *c = arg;
    struct upstream *u = c->upstream;
    u->open++;
    while (upstream_read(u, c->stream) && upstream_answer(u, c->stream)) continue;
    u->open--;
    if (u->resets)
        stream_abort(&c->stream);
    else
        stream_close(&c->stream);
    free(c);
}

static inline void upstream_accept(void *arg, struct stream *s)
{
    struct upstream_connection *c = malloc(sizeof *c);
    *c = (struct upstream_connection){arg, s};
    c->upstream->connections++;
    EXPECT_NOT_NULL(fiber_start(world.loop, upstream_main, c));
}

static inline uint16_t listen_here(struct listener **out, struct listen_address *address,
                                   listener_accept *on_accept, void *arg)
{
    struct err err;
    int fd = -1;
    require(listen_address_parse(address, STR("127.0.0.1:0"), &err) && listen_sockets(address, &fd, 1, &err));
    *out = listener_new(world.loop, fd, on_accept, arg, &err);
    require(*out != NULL);
    return ntohs(((struct sockaddr_in *)(void *)&address->address)->sin_port);
}

/* What provider i will answer from now on. */
static inline void upstream_will(unsigned i, const struct answer *answers, unsigned count)
{
    struct upstream *u = &world.upstreams[i];
    u->answers = answers;
    u->count = count;
    u->next = 0;
    u->saw_end = false;
}
#define UPSTREAM(i, ...)                                                                                     \
    upstream_will((i), (const struct answer[]){__VA_ARGS__},                                                 \
                  sizeof((const struct answer[]){__VA_ARGS__}) / sizeof(struct answer))

static inline struct str seen_by(unsigned i)
{
    return str_of(world.upstreams[i].seen, world.upstreams[i].seen_bytes);
}

/* ---- the configuration ---- */
static inline const char *test_getenv(void *arg, const char *name)
{
    (void)arg;
    if (name[0] >= 'A' && name[0] < 'A' + UPSTREAMS && !name[1]) return world.upstreams[name[0] - 'A'].url;
    return NULL;
}

static inline bool test_read_text(void *arg, const char *path, struct buf *out, struct err *err)
{
    if (strcmp(path, "weir.yaml") != 0) return err_set(err, ERR_NOT_FOUND, "no such file");
    return buf_append(out, str_from_cstr(arg));
}

static inline struct config *load_config(const char *yaml)
{
    struct config_report report;
    const struct config_source source = {test_getenv, test_read_text, (void *)(uintptr_t)yaml};
    const struct config_request request = {.source = &source};
    config_report_init(&report);
    struct config *c = config_load(&request, &report);
    for (size_t i = 0; i < report.errors.count; i++) FAIL("%.*s", STR_ARG(report.errors.at[i]));
    config_report_done(&report);
    require(c != NULL);
    return c;
}

static inline struct snapshot *build_snapshot(struct config *c, struct err *err)
{
    return snapshot_new(&(struct snapshot_request){.config = c,
                                                   .registry = world.registry,
                                                   .catalogues = world.catalogues,
                                                   .now = clock_monotonic_ms()},
                        err);
}

/* As SIGHUP does. */
static inline void reload(const char *yaml)
{
    struct err err;
    struct config *c = load_config(yaml);
    struct snapshot *fresh = build_snapshot(c, &err);
    require(fresh != NULL);
    gateway_set_snapshot(world.gateway, fresh);
    snapshot_unref(&fresh);
    config_unref(&c);
}

/* ---- the whole ---- */
static inline void wait_while(const unsigned *count)
{
    for (int i = 0; *count > 0 && i < 2000; i++) (void)fiber_sleep(1);
    EXPECT_EQ(*count, 0);
}

static inline void script_main(void *arg)
{
    (void)arg;
    world.script();
    listener_close(&world.listener);
    http_server_drain(world.server, true);
    for (int i = 0; http_server_read_stats(world.server).busy > 0 && i < 2000; i++) (void)fiber_sleep(1);
    EXPECT_EQ(http_server_read_stats(world.server).busy, 0);
    http_server_free(world.server);
    api_free(world.api);
    gateway_free(world.gateway);
    for (unsigned i = 0; i < UPSTREAMS; i++) {
        listener_close(&world.upstreams[i].listener);
        wait_while(&world.upstreams[i].open);
    }
    loop_stop(world.loop);
}

static inline void no_gauges(void *arg)
{
    (void)arg;
}

static inline void start_gateway(const char *yaml)
{
    struct err err;
    world.log_fd = memfd_create("log", MFD_CLOEXEC);
    world.log = log_new(&(struct log_options){.fd = world.log_fd, .rings = 1, .level = LOG_INFO}, &err);
    world.registry = registry_new();
    world.catalogues = catalogues_new();
    world.metrics = metrics_new(1, STR("test"), 0);
    world.process = (struct process_state){.version = STR("test"), .workers = 1};
    budget_set(&world.process.buffered, INT64_C(1) << 30);
    world.config = load_config(yaml);
    world.snapshot = build_snapshot(world.config, &err);
    if (!world.snapshot) FAIL("%s", err.text);
    require(world.log && world.snapshot);
    world.gateway = gateway_new(&(struct gateway_parts){.loop = world.loop,
                                                        .registry = world.registry,
                                                        .metrics = world.metrics,
                                                        .shard = metrics_shard(world.metrics, 0),
                                                        .log_main = world.log,
                                                        .log = log_ring(world.log, 0),
                                                        .process = &world.process,
                                                        .snapshot = world.snapshot,
                                                        .update_gauges = no_gauges});
    world.api = api_new(world.gateway);
    const struct http_server_options options = {
        .head_ms = 5000, .body_ms = 300, .keep_alive_ms = 5000, .max_body_bytes = 1 << 20};
    world.server = http_server_new(world.loop, &options, api_handler(world.api));
    (void)listen_here(&world.listener, &world.address, http_server_accept, world.server);
}

static inline void stop_gateway(void)
{
    log_free(world.log);
    close(world.log_fd);
    snapshot_unref(&world.snapshot);
    config_unref(&world.config);
    metrics_free(world.metrics);
    catalogues_free(world.catalogues);
    registry_free(world.registry);
}

static inline void run(const char *yaml, void (*script)(void))
{
    world.loop = loop_new();
    world.script = script;
    for (unsigned i = 0; i < UPSTREAMS; i++) {
        struct upstream *u = &world.upstreams[i];
        struct listen_address address;
        *u = (struct upstream){0};
        uint16_t port = listen_here(&u->listener, &address, upstream_accept, u);
        snprintf(u->url, sizeof u->url, "http://127.0.0.1:%u/v1", port);
    }
    start_gateway(yaml);
    EXPECT_NOT_NULL(fiber_start(world.loop, script_main, NULL));
    loop_run(world.loop);
    stop_gateway();
    loop_free(world.loop);
    buf_thread_done();
}

/* ---- callers ---- */
static inline struct stream *caller_sized(int buffer_bytes)
{
    struct err err;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (buffer_bytes) (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
    EXPECT_EQ(connect(fd, (struct sockaddr *)&world.address.address, world.address.bytes), 0);
    struct stream *s = stream_from_fd(world.loop, fd, NULL, &err);
    require(s != NULL);
    return s;
}

static inline void send_str(struct stream *s, struct str text)
{
    EXPECT_EQ(stream_write(s, &text, 1, fiber_deadline(PATIENCE_MS)), IO_OK);
}

/* Until the gateway's end, or until `needle` has come; the text lives until the next call. */
static inline struct str read_reply(struct stream *s, const char *needle)
{
    static char text[16 << 20];
    size_t len = 0;
    struct str chunk;
    while (stream_read(s, &chunk, fiber_deadline(PATIENCE_MS)) == IO_OK) {
        if (chunk.len > sizeof text - len) chunk.len = sizeof text - len;
        memcpy(text + len, chunk.at, chunk.len);
        len += chunk.len;
        if (needle && str_find(str_of(text, len), str_from_cstr(needle)) != SIZE_MAX) break;
    }
    return str_of(text, len);
}

/* The reply to one request that says Connection: close. */
static inline struct str ask(const char *request)
{
    struct stream *s = caller_sized(0);
    send_str(s, str_from_cstr(request));
    struct str reply = read_reply(s, NULL);
    stream_close(&s);
    return reply;
}

/* A request with a body, lines (each with its CRLF) among its headers. */
static inline const char *post(const char *path, const char *lines, const char *body)
{
    static char text[1 << 16];
    snprintf(text, sizeof text,
             "POST %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n%s", path,
             lines, strlen(body), body);
    return text;
}

static inline const char *get(const char *path, const char *lines)
{
    static char text[4096];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s\r\n", path, lines);
    return text;
}
#define CHAT "/v1/chat/completions"
#define ASK_CHAT(members) ask(post(CHAT, "", "{\"model\":\"m\",\"messages\":[]" members "}"))
#define ASK_STREAM() ASK_CHAT(",\"stream\":true")

static inline int status_of(struct str reply)
{
    int64_t status = 0;
    (void)!str_to_u63(str_part(reply, 9, 3), &status);
    return (int)status;
}

static inline struct str body_of(struct str reply)
{
    size_t at = str_find(reply, STR("\r\n\r\n"));
    return at == SIZE_MAX ? STR("") : str_from(reply, at + 4);
}
#define HAS(text, literal)                                                                                   \
    EXPECT_THAT(str_find((text), STR(literal)) != SIZE_MAX, "%s is not in: %.*s", literal, STR_ARG(text))
#define HAS_NOT(text, literal)                                                                               \
    EXPECT_THAT(str_find((text), STR(literal)) == SIZE_MAX, "%s is in: %.*s", literal, STR_ARG(text))

/* ---- looking ---- */
static inline struct breaker_counts breaker_of(unsigned provider)
{
    const struct snapshot *s = world.gateway->current->snapshot;
    return provider_state_counts(s->providers[provider].endpoints[0].state, fiber_now());
}

/* Is the breaker's every ticket back? An open breaker lets one probe through only when no other is out. */
static inline struct str metrics_text(void)
{
    static struct buf out;
    if (!out._max_bytes) buf_init(&out, 1 << 20);
    buf_clear(&out);
    EXPECT_TRUE(metrics_write_text(world.metrics, &out));
    return buf_str(&out);
}

/* ---- what providers say ---- */
#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define OK_BODY                                                                                              \
    "{\"id\":\"c\",\"choices\":[{\"message\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}],"             \
    "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}"
#define OK_REPLY OK_HEAD "Content-Length: 141\r\n\r\n" OK_BODY
#define OK_ANSWER                                                                                            \
    {                                                                                                        \
        .parts = { OK_REPLY }                                                                                \
    }
_Static_assert(sizeof OK_BODY - 1 == 141, "the length that OK_REPLY announces");
#define FAILURE(status, lines)                                                                               \
    {                                                                                                        \
        .parts = {                                                                                           \
            "HTTP/1.1 " status "\r\nContent-Type: application/json\r\n" lines                                \
            "Content-Length: 29\r\n\r\n{\"error\":{\"message\":\"sorry\"}}"                                  \
        }                                                                                                    \
    }
/* A stream ends with the connection: Content-Length and chunks are http/'s affair. */
#define STREAM_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
#define DELTA(text) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define ROLE "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n"
#define FINISH "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define USAGE "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n"
#define DONE "data: [DONE]\n\n"

/* ---- configurations ---- */
#define AUTH_OFF_YAML                                                                                        \
    "auth: {mode: \"off\"}\ntiers: {default: {requests_per_minute: 0, requests_per_hour: 0}}\n"
#define PROVIDER_A "  a: {kind: openai, base_url: \"${A}\", api_key: key-a}\n"
#define PROVIDER_B "  b: {kind: openai, base_url: \"${B}\", api_key: key-b}\n"
#define MODEL_A "models: {m: {targets: [{provider: a, model: ma}]}}\n"
#define MODEL_AB "models: {m: {targets: [{provider: a, model: ma}, {provider: b, model: mb}]}}\n"
#define ONE AUTH_OFF_YAML "providers:\n" PROVIDER_A MODEL_A
#define TWO AUTH_OFF_YAML "providers:\n" PROVIDER_A PROVIDER_B MODEL_AB

#endif
