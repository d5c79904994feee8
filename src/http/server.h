/* http/server.h: HTTP/1.1 for callers. The handler sees an exchange: one request and its reply, no
 * descriptor and no chunk. Each exchange runs in a fiber of its own; an idle connection has none.
 * One server per worker, for the thread of its loop.
 *
 * While the handler runs, a caller who hangs up cancels the exchange's fiber: each wait of any kind
 * returns IO_CANCELLED from then on. */
#ifndef WEIR_HTTP_SERVER_H
#define WEIR_HTTP_SERVER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/budget.h"
#include "http/message.h"
#include "net/listener.h"
#include "net/tls.h"

struct http_server;
struct http_exchange;

struct http_server_options {
    msec_t head_ms;           /* for the whole head since its first byte; 0: no limit, here and below */
    msec_t body_ms;           /* between two reads of a body, and for the caller to take 256 KiB of a reply */
    msec_t keep_alive_ms;     /* idle */
    size_t max_body_bytes;    /* then 413 */
    unsigned max_connections; /* over it a connection gets 503 and is closed; 0: no limit */
    struct tls_acceptor
        *tls;              /* lent until the next options; NULL: plain. Unix sockets are plain in any case */
    struct budget *budget; /* for bodies over 16 KiB that are read whole: then 503; NULL: no limit */
};

struct http_server_handler {
    void (*handle)(void *arg, struct http_exchange *x);
    /* The server itself refuses a request (before handle): writes the reply for `status` (400, 408, 413,
     * 414, 431, 501, 505) with http_exchange_reply(). x's request may be empty. */
    void (*refuse)(void *arg, struct http_exchange *x, int status, const char *why);
    /* There is no memory for a fiber, so no exchange either: a whole reply (503, Connection: close) that lives for ever,
     * for a request that begins with these bytes. NULL: the server has one of its own. */
    struct str (*overloaded)(void *arg, struct str first_bytes);
    void (*tls_failed)(void *arg, struct str peer, const char *why); /* a handshake has; NULL: nobody asks */
    void *arg;
};

struct http_server *http_server_new(struct loop *l, const struct http_server_options *o,
                                    const struct http_server_handler *h);
void http_server_set_options(struct http_server *s, const struct http_server_options *o);
void http_server_accept(void *server, struct stream *s); /* a listener_accept */
/* From now on each reply says Connection: close; connections that wait for another request close at once when
 * `close_idle_now`. Those stay that have not had their first request, or had one within the last second: the next may be
 * on its way, and closing now would lose it. */
void http_server_drain(struct http_server *s, bool close_idle_now);
/* Cancels every fiber of the server: exchanges that still run, heads half read, refusals that linger. They
 * are gone when busy is 0, after some turns of the loop. */
void http_server_cancel_all(struct http_server *s);
void http_server_free(struct http_server *s); /* busy is 0; idle connections are closed */
struct http_server_stats {
    unsigned connections, idle, exchanges; /* now; exchanges: from the head's end to the reply's */
    unsigned busy;                         /* now: connections with a fiber, refused ones too */
    uint64_t accepted, requests, refused;
    uint64_t over_limit, no_memory; /* connections turned away: max_connections; no stack for a fiber */
};
struct http_server_stats http_server_read_stats(const struct http_server *s);

/* ---- the request ---- */
/* Lent until the handler returns. */
const struct http_request *http_exchange_request(const struct http_exchange *x);
/* Freed when the handler has returned and the reply is out. */
struct arena *http_exchange_arena(struct http_exchange *x);
struct stream *http_exchange_stream(struct http_exchange *x); /* for its peer's address; not to read */
int64_t http_exchange_started_ns(
    const struct http_exchange *x); /* clock_monotonic_ns() when the head was complete */
/* IO_OK with a lent chunk, IO_END after the last. Sends 100 Continue where it is awaited. IO_FAIL: the body is malformed,
 * too large, too slow or finds no room: http_exchange_body_status() says 400, 413, 408 or 503, and the connection
 * closes after the reply. IO_CANCELLED: also when the caller's bytes ended in the middle. */
enum io http_exchange_read_body(struct http_exchange *x, struct str *chunk);
/* The whole body, at most max_body_bytes: small ones in the arena, large ones in a buffer of the exchange;
 * *body is lent until the handler returns. */
enum io http_exchange_read_whole(struct http_exchange *x, struct str *body);
int http_exchange_body_status(const struct http_exchange *x);
/* The request's head and body are needed no more: their memory goes back (for replies that take long). Of
 * http_exchange_request() only `method` and `minor` are left; a body that was not read will be skipped. */
void http_exchange_release_request(struct http_exchange *x);
/* Why the fiber was cancelled: by the caller's hanging up (true) or by http_server_cancel_all(). */
bool http_exchange_is_caller_gone(const struct http_exchange *x);

/* ---- the reply ---- */
/* Header lines are complete lines, one after the other: "Name: value\r\n…". The server adds Date,
 * Connection and the framing (Content-Length, Transfer-Encoding), nothing else. */
struct http_reply_head {
    int status;
    struct str header_lines;
    int64_t content_length; /* -1: not known: chunked (HTTP/1.0: until close) */
};
/* Head and body in one write. HEAD requests get the head alone. */
enum io http_exchange_reply(struct http_exchange *x, const struct http_reply_head *head,
                            const struct str *pieces, unsigned count);
/* A reply in parts: the head is held back until the first body bytes or http_exchange_flush(). A cancelled fiber may
 * still say its last word with http_exchange_reply() or http_exchange_send_last(): what the kernel takes at once. */
void http_exchange_send_head(struct http_exchange *x, const struct http_reply_head *head);
/* Over 1 MiB in one call (of reply, send_body or send_last) the fiber waits in between: no piece may then be lent from a
 * read of another stream, whose bytes a wait ends. */
enum io http_exchange_send_body(struct http_exchange *x, const struct str *pieces, unsigned count);
enum io http_exchange_flush(struct http_exchange *x);
/* The last chunk. Without it the connection is closed so that the caller sees an unfinished message. */
enum io http_exchange_finish(struct http_exchange *x);
/* As send_body and then finish, in one write. */
enum io http_exchange_send_last(struct http_exchange *x, const struct str *pieces, unsigned count);
/* The connection closes after this reply. */
void http_exchange_close_after(struct http_exchange *x);
/* Nothing more is sent; the connection is reset. */
void http_exchange_abort(struct http_exchange *x);
bool http_exchange_has_sent(const struct http_exchange *x);       /* a byte of the reply's head is out */
int http_exchange_status(const struct http_exchange *x);          /* of the reply; 0: none yet */
uint64_t http_exchange_sent_bytes(const struct http_exchange *x); /* body bytes */
/* Takes the connection (WebSocket): bytes read too far are in front. The handler closes it. */
struct stream *http_exchange_take_over(struct http_exchange *x);

#endif
