/* tests/unit/http/upstream_test.h: an upstream that says, request by request, what a table tells it, and a client. */
#ifndef WEIR_UPSTREAM_TEST_H
#define WEIR_UPSTREAM_TEST_H

#include "http_test.h"

#include "http/client.h"

enum then { KEEP, CLOSE, RESET, HANG };

struct answer {
    struct str text;
    enum then then;
    size_t cut; /* a pause after so many bytes; 0: none */
};

struct upstream {
    struct listener *listener;
    uint16_t port;
    const struct answer *answers;
    unsigned next, count;
    unsigned connections, open;
    bool ignores_requests; /* answers without reading */
};

struct upstream_connection {
    struct upstream *upstream;
    struct stream *stream;
};

static inline bool upstream_answer(struct upstream *u, struct stream *s)
{
    if (u->next == u->count) return false;
    const struct answer *a = &u->answers[u->next++];
    struct str first = str_part(a->text, 0, a->cut ? a->cut : a->text.len),
               second = str_from(a->text, first.len);
    (void)stream_write(s, &first, 1, NEVER);
    if (second.len > 0) {
        (void)fiber_sleep(1);
        (void)stream_write(s, &second, 1, NEVER);
    }
    struct str chunk;
    if (a->then == HANG)
        while (stream_read(s, &chunk, fiber_deadline(PATIENCE_MS)) == IO_OK) continue;
    return a->then == KEEP;
}

static inline void upstream_main(void *arg)
{
    struct upstream_connection *c = arg;
    struct upstream *u = c->upstream;
    struct str chunk;
    bool goes_on = true;
    u->open++;
    while (goes_on &&
           (u->ignores_requests || stream_read(c->stream, &chunk, fiber_deadline(PATIENCE_MS)) == IO_OK))
        goes_on = upstream_answer(u, c->stream);
    u->open--;
    if (u->next > 0 && u->answers[u->next - 1].then == RESET)
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

static inline void upstream_open(struct upstream *u, const struct answer *answers, unsigned count)
{
    struct listen_address address;
    struct err err;
    int fd = -1;
    *u = (struct upstream){.answers = answers, .count = count};
    EXPECT_TRUE(listen_address_parse(&address, STR("127.0.0.1:0"), &err));
    EXPECT_TRUE(listen_sockets(&address, &fd, 1, &err));
    u->port = ntohs(((struct sockaddr_in *)(void *)&address.address)->sin_port);
    u->listener = listener_new(world.loop, fd, upstream_accept, u, &err);
    EXPECT_NOT_NULL(u->listener);
}

static inline void upstream_close(struct upstream *u)
{
    listener_close(&u->listener);
    WAIT_FOR(u->open == 0);
    EXPECT_EQ(u->open, 0);
}

/* ---- the client ---- */
static struct http_client *client;
static const struct http_client_options client_options = {.idle_ms = 5000, .max_idle_per_pool = 8};

static inline struct http_client_stats stats_of_client(void)
{
    return http_client_read_stats(client);
}

static inline struct http_origin origin_at(uint16_t port)
{
    return (struct http_origin){.host = STR("127.0.0.1"), .port = port};
}

/* One call from begin to end. */
struct outcome {
    enum io io; /* of the first step that failed, else IO_OK */
    enum err_code code;
    int status;
    char text[200];  /* of the error */
    struct str body; /* as far as it came; lives until the next call() */
    bool is_reused;
    unsigned headers;
};

static inline void read_pieces(struct http_call *call, struct outcome *o, struct err *err)
{
    static char bytes[1 << 16];
    struct str chunk;
    o->body = str_of(bytes, 0);
    while ((o->io = http_call_read_body(call, &chunk, fiber_deadline(PATIENCE_MS), err)) == IO_OK) {
        EXPECT_TRUE(chunk.len > 0 && o->body.len + chunk.len <= sizeof bytes);
        memcpy(bytes + o->body.len, chunk.at, chunk.len);
        o->body.len += chunk.len;
    }
    if (o->io == IO_END) o->io = IO_OK;
}

static inline struct outcome call_with(const struct http_call_request *r)
{
    struct outcome o = {0};
    struct err err = {0};
    struct http_call *call;
    struct arena a;
    struct http_client_stats before = stats_of_client(), after;
    arena_init(&a);
    o.io = http_call_begin(&call, client, r, &err);
    if (o.io == IO_OK) {
        struct http_response head;
        o.io = http_call_read_head(call, &head, &a, &err);
        after = stats_of_client();
        o.is_reused = after.reused - before.reused > after.replaced - before.replaced;
        if (o.io == IO_OK) {
            o.status = head.status;
            o.headers = head.headers.count;
            read_pieces(call, &o, &err);
        }
        http_call_end(&call);
    }
    EXPECT_NULL(call);
    arena_done(&a);
    o.code = err.code;
    snprintf(o.text, sizeof o.text, "%s", err.text);
    return o;
}

static inline struct outcome call_text(uint16_t port, struct str request)
{
    struct http_origin origin = origin_at(port);
    struct http_call_request r = {.origin = &origin,
                                  .pieces = &request,
                                  .count = 1,
                                  .connect_ms = 1000,
                                  .deadline = fiber_deadline(PATIENCE_MS),
                                  .is_head = str_starts_with(request, STR("HEAD"))};
    return call_with(&r);
}
#define GET STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n")

#endif
