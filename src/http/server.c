/* http/server.c: connections of callers, from accept to close.
 *
 *     accept ──► idle ──bytes──► busy (a fiber) ──nothing early──► idle …
 *                 │ end, expiry   │ head, handler, reply, next request, …
 *                 ▼               ▼
 *               close        [linger] close
 *
 * Idle, a connection is this file's small struct and its stream: no fiber, no buffer, no timer. Its first bytes start a
 * fiber straight from the loop's read callback, so that they are parsed where the kernel put them. Expiry is one list
 * per server, in the order in which connections became idle.
 *
 * Who comes when the limit is reached, or when no fiber can be had, is told so straight from the loop's callback.
 *
 * Closing while the caller still sends makes his kernel throw away the reply (RST). So after a refusal, or with an
 * unread body, we end our side, and read and drop for a while: that is lingering. */
#include "http/exchange.h"

#include "base/check.h"
#include "base/mem.h"

enum {
    KEPT_EXCHANGE_BLOCKS = 128, /* per worker; what a burst has taken beyond goes back to the kernel */
    KEPT_REQUEST_BLOCKS = 128,
    TICK_MAX_MS = 1000,
    RECENTLY_MS = 1000,
    LINGER_MS = 2000,
    LINGER_MAX_BYTES = 64 << 20,
    TURN_AWAY_MAX = 64, /* wait at once for their caller to read what was said; for more it must be quick */
    TURN_AWAY_MS = 500,
    PIPELINED_PER_TURN = 16, /* then others have theirs: one read may hold thousands of requests */
};

/* ---- a connection's life ---- */
static struct connection *connection_new(struct http_server *s, struct stream *stream)
{
    struct connection *c = xzalloc(sizeof *c);
    *c = (struct connection){.server = s,
                             .stream = stream,
                             .wants_tls = s->options.tls && !stream_peer_is_unix(stream),
                             .idle_since = fiber_now()};
    return c;
}

static void connection_free(struct connection *c)
{
    struct http_server *s = c->server;
    if (!c->fiber) s->stats.idle--;
    s->stats.connections--;
    list_remove(&c->link);
    if (c->stream) stream_close(&c->stream);
    xfree(c);
}

static void connection_become_idle(struct connection *c)
{
    struct http_server *s = c->server;
    c->fiber = NULL;
    c->idle_since = fiber_now();
    list_remove(&c->link);
    list_append(&s->idle, &c->link);
    s->stats.idle++;
}

static void connection_become_busy(struct connection *c)
{
    struct http_server *s = c->server;
    c->fiber = fiber_current();
    list_remove(&c->link);
    list_append(&s->busy, &c->link);
    s->stats.idle--;
}

void http_linger(struct stream *s, msec_t how_long_ms)
{
    msec_t deadline = fiber_deadline(how_long_ms);
    size_t dropped = 0;
    struct str chunk;
    stream_shutdown(s);
    while (dropped < LINGER_MAX_BYTES && stream_read(s, &chunk, deadline) == IO_OK) dropped += chunk.len;
}

enum ending { GO_ON, CLOSE, RESET, LINGER };

static enum ending ending_of(const struct http_exchange *x)
{
    if (!x->stream) return CLOSE; /* taken over */
    bool is_finished = x->state == REPLY_FINISHED && !x->is_cut;
    if (x->state == REPLY_ABORTED) return RESET;
    if (x->framing == FRAMING_CLOSE && x->state == REPLY_STARTED)
        return RESET; /* an end would look like the end */
    if (!is_finished) return CLOSE;
    if (x->is_refused || http_exchange_has_unread_body(x) || stream_has_early(x->stream)) return LINGER;
    return CLOSE;
}

/* One request. */
static enum ending connection_serve(struct connection *c)
{
    struct http_exchange *x = c->exchange = http_exchange_new(c);
    bool goes_on = http_exchange_run(x) && !stream_has_ended(c->stream) && !fiber_is_cancelled(c->fiber);
    enum ending ending = goes_on ? GO_ON : ending_of(x);
    c->exchange = NULL;
    c->has_served = true;
    http_exchange_free(x);
    return ending;
}

static void connection_main(void *arg)
{
    struct connection *c = arg;
    connection_become_busy(c);
    if (c->wants_tls) {
        if (!connection_secure(c)) {
            connection_free(c);
            return;
        }
        if (!stream_has_early(c->stream)) {
            connection_become_idle(c);
            return;
        }
    }
    for (unsigned served = 1;; served++) {
        switch (connection_serve(c)) {
        case GO_ON:
            if (!stream_has_early(c->stream)) {
                connection_become_idle(c);
                return;
            }
            if (served % PIPELINED_PER_TURN != 0 || fiber_yield() == IO_OK) continue;
            break;
        case LINGER: http_linger(c->stream, LINGER_MS); break;
        case RESET: stream_abort(&c->stream); break;
        case CLOSE: break;
        }
        connection_free(c);
        return;
    }
}

/* ---- too many: without a fiber ---- */
static const struct str overloaded_reply = STR_INIT(
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 84\r\nRetry-After: 1\r\n"
    "Connection: close\r\n\r\n"
    "{\"error\":{\"type\":\"service_unavailable\",\"message\":\"Too many connections, try later\"}}");

static void turned_away_free(struct connection *c)
{
    stream_close(&c->stream);
    list_remove(&c->link);
    c->server->turned_away_now--;
    xfree(c);
}

static void on_unwanted(void *arg)
{
    struct connection *c = arg;
    struct str chunk;
    while (stream_take(c->stream, &chunk)) continue;
}

static void on_turned_away_end(void *arg)
{
    turned_away_free(arg);
}

/* Says the reply, and lingers until the caller has read it or the tick comes: closing before all that he sends has come
 * would throw the reply away. c is in no list. */
static void turn_away(struct connection *c, struct str reply)
{
    static const struct stream_hooks hooks = {.on_readable = on_unwanted, .on_end = on_turned_away_end};
    struct http_server *s = c->server;
    if (c->wants_tls) { /* a handshake would cost more than it tells */
        stream_abort(&c->stream);
        xfree(c);
        return;
    }
    list_append(&s->turned_away, &c->link);
    s->turned_away_now++;
    c->idle_since = fiber_now();
    stream_say_last(c->stream, reply);
    if (s->turned_away_now > TURN_AWAY_MAX)
        turned_away_free(c);
    else
        stream_set_hooks(c->stream, &hooks, c);
}

static void turned_away_expire(struct http_server *s)
{
    LIST_EACH(c, &s->turned_away, struct connection, link)
    {
        if (fiber_now() - c->idle_since < TURN_AWAY_MS) return; /* the rest came later */
        turned_away_free(c);
    }
}

/* No memory for a stack. */
static void turn_away_unserved(struct connection *c)
{
    struct http_server *s = c->server;
    struct str first = {0}, reply = overloaded_reply;
    (void)stream_take(c->stream, &first);
    if (s->handler.overloaded) reply = s->handler.overloaded(s->handler.arg, first);
    s->stats.no_memory++;
    s->stats.idle--;
    s->stats.connections--;
    list_remove(&c->link);
    on_unwanted(c);
    turn_away(c, reply);
}

/* ---- what the stream tells ---- */
static void on_readable(void *arg)
{
    struct connection *c = arg;
    if (c->fiber) return; /* the fiber will come to it */
    if (!fiber_start_now(c->server->loop, connection_main, c)) turn_away_unserved(c);
}

static void on_end(void *arg)
{
    struct connection *c = arg;
    if (!c->fiber) {
        connection_free(c);
        return;
    }
    if (c->exchange) c->exchange->is_caller_gone = true;
    fiber_cancel(c->fiber);
}

const struct stream_hooks connection_hooks = {.on_readable = on_readable, .on_end = on_end};

void http_server_accept(void *server, struct stream *stream)
{
    struct http_server *s = server;
    s->stats.accepted++;
    if (s->options.max_connections > 0 && s->stats.connections >= s->options.max_connections) {
        s->stats.over_limit++;
        turn_away(connection_new(s, stream), overloaded_reply);
        return;
    }
    struct connection *c = connection_new(s, stream);
    s->stats.connections++;
    s->stats.idle++;
    list_append(&s->idle, &c->link);
    stream_set_hooks(stream, &connection_hooks, c);
}

/* ---- the server ---- */
static void on_tick(void *arg)
{
    struct http_server *s = arg;
    pages_trim(&s->exchange_blocks);
    pages_trim(&s->request_blocks);
    buf_thread_trim();
    turned_away_expire(s);
    msec_t keep_alive_ms = s->options.keep_alive_ms, now = fiber_now();
    if (keep_alive_ms == 0) return;
    LIST_EACH(c, &s->idle, struct connection, link)
    {
        if (now - c->idle_since < keep_alive_ms) return; /* the rest came later */
        connection_free(c);
    }
}

static msec_t tick_ms(const struct http_server_options *o)
{
    msec_t quarter = o->keep_alive_ms / 4;
    return quarter == 0 || quarter > TICK_MAX_MS ? TICK_MAX_MS : quarter;
}

struct http_server *http_server_new(struct loop *l, const struct http_server_options *o,
                                    const struct http_server_handler *h)
{
    struct http_server *s = xzalloc(sizeof *s);
    s->loop = l;
    s->options = *o;
    s->handler = *h;
    list_init(&s->idle);
    list_init(&s->busy);
    list_init(&s->turned_away);
    pages_init(&s->exchange_blocks, EXCHANGE_BLOCK_BYTES, KEPT_EXCHANGE_BLOCKS);
    pages_init(&s->request_blocks, REQUEST_BLOCK_BYTES, KEPT_REQUEST_BLOCKS);
    s->tick = loop_tick(l, tick_ms(o), on_tick, s);
    return s;
}

void http_server_set_options(struct http_server *s, const struct http_server_options *o)
{
    s->options = *o;
    tick_end(&s->tick);
    s->tick = loop_tick(s->loop, tick_ms(o), on_tick, s);
}

void http_server_drain(struct http_server *s, bool close_idle_now)
{
    s->is_draining = true;
    if (!close_idle_now) return;
    LIST_EACH(c, &s->idle, struct connection, link)
    {
        if (c->has_served && fiber_now() - c->idle_since >= RECENTLY_MS) connection_free(c);
    }
}

void http_server_cancel_all(struct http_server *s)
{
    LIST_EACH(c, &s->busy, struct connection, link) fiber_cancel(c->fiber);
    LIST_EACH(c, &s->turned_away, struct connection, link) turned_away_free(c);
}

void http_server_free(struct http_server *s)
{
    if (!s) return;
    require(list_is_empty(&s->busy));
    LIST_EACH(c, &s->turned_away, struct connection, link) turned_away_free(c);
    LIST_EACH(c, &s->idle, struct connection, link) connection_free(c);
    tick_end(&s->tick);
    pages_done(&s->exchange_blocks);
    pages_done(&s->request_blocks);
    xfree(s);
}

struct http_server_stats http_server_read_stats(const struct http_server *s)
{
    struct http_server_stats stats = s->stats;
    stats.busy = stats.connections - stats.idle + s->turned_away_now;
    return stats;
}
