/* http/exchange.h: the inside of a server's connections and exchanges, for server.c, exchange.c and exchange_reply.c.
 * What handlers see is http/server.h. */
#ifndef WEIR_HTTP_EXCHANGE_H
#define WEIR_HTTP_EXCHANGE_H

#include "base/pages.h"
#include "http/body.h"
#include "http/date.h"
#include "http/head.h"
#include "http/server.h"

enum {
    /* One block holds the exchange and the beginning of its arena, another the request's head and small body:
     * that one goes back when the handler has no more use for it. */
    EXCHANGE_BLOCK_BYTES = 8192,
    REQUEST_BLOCK_BYTES = 8192,
    SMALL_BODY_BYTES = 16 * 1024, /* up to here a body of known length lies in the request's arena */
    DRAIN_MAX_BYTES = 256 * 1024, /* more of an unread body is not read for the sake of keep-alive */
    DRAIN_MS = 5000,              /* nor for longer */
    DATE_LINE_BYTES = 6 + HTTP_DATE_BYTES + 2,
};

struct http_server {
    struct loop *loop;
    struct http_server_options options;
    struct http_server_handler handler;
    struct list idle;        /* connections without a fiber, the longest idle first */
    struct list busy;        /* with one */
    struct list turned_away; /* connections over the limit, while they are told so */
    unsigned turned_away_now;
    bool is_draining;
    struct http_server_stats stats;
    struct tick *tick;
    struct pages exchange_blocks, request_blocks;
    msec_t date_until; /* when date_line is out of date */
    char date_line[DATE_LINE_BYTES];
    struct http_header scratch[HTTP_MAX_HEADERS]; /* for the parser; never across a wait */
};

struct connection {
    struct http_server *server;
    struct stream *stream; /* NULL: taken over */
    struct list link;      /* of server->idle, busy or turned_away */
    msec_t idle_since;
    bool wants_tls;                 /* the handshake is still to come */
    bool has_served;                /* a request */
    struct fiber *fiber;            /* NULL: idle */
    struct http_exchange *exchange; /* NULL: none at present */
};

extern const struct stream_hooks connection_hooks;
/* server_tls.c: the handshake. False: it has failed, and what there was to say has been said. */
bool connection_secure(struct connection *c);
/* Ends our side, and reads and drops for a while: closing while the peer still sends would throw away our last words. */
void http_linger(struct stream *s, msec_t how_long_ms);

enum reply_state { REPLY_NONE, REPLY_HEAD_HELD, REPLY_STARTED, REPLY_FINISHED, REPLY_ABORTED };

struct http_exchange {
    struct connection *connection;
    struct http_server *server;
    struct stream *stream; /* NULL: taken over */
    struct arena arena;    /* its first bytes follow this struct in the same block */
    int64_t started_ns;

    /* the request */
    struct http_request request;
    void *request_block; /* NULL: released */
    struct arena request_arena;
    struct head_reader head;
    struct body_reader body;
    struct str first; /* payload that came together with the head, kept for the first read */
    char *small_at;   /* where a small body of known length gathers; NULL: elsewhere */
    struct buf large; /* where any other body gathers; counts against the server's budget */
    size_t max_body_bytes;
    uint64_t body_bytes; /* payload taken off the stream by pieces so far */
    struct str whole;    /* once has_whole */
    int body_status;

    /* the reply */
    int status;
    enum reply_state state;
    enum http_framing framing;
    uint64_t left; /* FRAMING_LENGTH: bytes that the handler still owes */
    uint64_t sent_bytes;
    struct str held_head;

    bool has_whole;
    bool is_head_request, is_http_1_0, wants_keep_alive; /* outlive the request's memory */
    bool awaits_continue;
    bool closes; /* the connection does not outlive this exchange */
    bool is_cut; /* a write has failed: bytes are missing in the reply */
    bool is_refused;
    bool is_caller_gone;
};

/* ---- exchange.c ---- */
struct http_exchange *http_exchange_new(struct connection *c);
void http_exchange_free(struct http_exchange *x);
/* Reads a head, lets the handler answer, reads what is left of the body. True: the connection may serve
 * another request; else the exchange's state says how it ends. */
bool http_exchange_run(struct http_exchange *x);

/* ---- exchange_reply.c ---- */
/* Whether more bytes of this request may come that nobody will want. */
bool http_exchange_has_unread_body(const struct http_exchange *x);

#endif
