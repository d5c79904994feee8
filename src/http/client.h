/* http/client.h: HTTP/1.1 towards providers: calls over pools of kept connections. One client per worker,
 * for the thread of its loop. A pool's key is the origin: host, port, TLS identity, proxy and ceiling. */
#ifndef WEIR_HTTP_CLIENT_H
#define WEIR_HTTP_CLIENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "http/message.h"
#include "http/proxy.h"
#include "net/dial.h"

struct http_client;
struct http_call;

struct http_origin { /* lent, with all that it points to, for the length of http_call_begin */
    struct str host;
    uint16_t port;
    struct tls_context *tls; /* NULL: plain; part of the key */
    struct str server_name;
    const struct http_proxy
        *proxy; /* NULL: directly; else through a tunnel of its (CONNECT), for plain origins, too */
    unsigned max_connections; /* of this client to this origin; over it calls wait in line; 0: no limit */
};

struct http_client_options {
    msec_t idle_ms;             /* a kept connection is closed after this */
    unsigned max_idle_per_pool; /* more are closed when they come back */
    unsigned max_connections;   /* to all origins together; over it calls wait in line; 0: no limit */
};
struct http_client *http_client_new(struct loop *l, const struct http_client_options *o);
void http_client_free(struct http_client *c); /* no call runs any more */
/* Before a TLS context goes: no connection made with it is lent any more, kept ones close now. */
void http_client_forget(struct http_client *c, const struct tls_context *tls);
void http_client_set_max_connections(struct http_client *c, unsigned max_connections);
struct http_client_stats {
    unsigned pools, idle, leased, waiting; /* leased: in use or being dialled; waiting: calls in line */
    uint64_t dialled, reused, waited;
    uint64_t replaced;               /* a kept connection was dead and a new one took its place */
    uint64_t failed[ERR_CODE_COUNT]; /* dials, by what went wrong: ERR_DNS, ERR_PROXY … */
};
struct http_client_stats http_client_read_stats(const struct http_client *c);

/* Times are lengths in ms, 0 = no limit. connect_ms: from standing in line for a connection to the end of the handshakes. */
struct http_call_request {
    const struct http_origin *origin;
    const struct str *pieces; /* head (with its blank line and framing) and body, in order */
    unsigned count;
    bool is_head; /* the reply has no body whatever its head says */
    msec_t connect_ms;
    msec_t deadline; /* for the whole of begin + read_head: a moment, or NEVER */
};
/* Leases or dials a connection and sends. A reply that comes while the request is still being sent is not lost: if
 * sending then fails, begin is IO_OK all the same and the reply is read. The request's memory is lent until http_call_read_head() has
 * returned: a kept connection that dies before a byte of the reply is replaced once, silently.
 * On IO_OK *out is the call; else it is NULL and err says why: ERR_DNS, ERR_REFUSED, ERR_TLS, ERR_PROXY, ERR_SYSTEM: no connection;
 * ERR_EXHAUSTED: we may make no more (descriptors, ceilings of connections); ERR_TIMEOUT (IO_TIMEOUT): connect or deadline;
 * ERR_CLOSED: it ended while we sent; ERR_CANCELLED. */
enum io http_call_begin(struct http_call **out, struct http_client *c, const struct http_call_request *r,
                        struct err *err);
/* Another deadline for the waits of read_head. A connection that takes a dead one's place there has the request's. */
void http_call_set_deadline(struct http_call *call, msec_t deadline);
/* The final head (1xx are skipped), copied into the arena. After IO_TIMEOUT it may be called again with a later
 * deadline. IO_FAIL: ERR_CLOSED when the connection ended before or inside the head, ERR_INVALID when the head is malformed
 * or too large, any of begin's (ERR_TIMEOUT, too) when a dead connection could not be replaced. */
enum io http_call_read_head(struct http_call *call, struct http_response *out, struct arena *a,
                            struct err *err);
/* The next piece of the body, without framing: IO_OK with a chunk lent until this fiber's next wait of any
 * kind, IO_END when the message is complete. IO_FAIL: cut (ERR_CLOSED) or malformed (ERR_INVALID). After IO_TIMEOUT the
 * call may go on. A connection is kept only if the body was read up to IO_END.
 * Between read_head and the first read_body there must be no other wait. */
enum io http_call_read_body(struct http_call *call, struct str *chunk, msec_t deadline, struct err *err);
/* The whole body into `into` unless it came in one piece: then *body is lent until the next wait and `into`
 * stays empty. Over into's ceiling: IO_FAIL, ERR_TOO_LARGE. */
enum io http_call_read_whole(struct http_call *call, struct str *body, struct buf *into, msec_t deadline,
                             struct err *err);
/* Ends the call and takes it: the connection is kept if the reply was read to its end, else closed (which
 * tells the provider to stop). NULL is fine. */
void http_call_end(struct http_call **call);

#endif
