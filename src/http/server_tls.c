/* http/server_tls.c: what comes before the first request where callers speak TLS.
 *
 *     accepted ─first bytes─► handshake (a fiber, at most head_ms) ─► a request is here: goes on in the same fiber
 *                                   │ failed                       └► none yet: idle, without a fiber
 *                                   ▼
 *                        [400 in plain text] linger, close
 *
 * Who has not sent a byte is an idle connection as everywhere. */
#include "http/exchange.h"

enum { LAST_WORD_MS = 500 };

/* To who has taken https for http: in clear text, as nothing else would be understood. */
static const struct str plain_reply = STR_INIT(
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 60\r\n"
    "Connection: close\r\n\r\n"
    "This port speaks HTTPS. Write https:// in front of its name\n");

static bool refuse(struct connection *c, bool is_plain_http, const struct err *err)
{
    const struct http_server_handler *h = &c->server->handler;
    if (h->tls_failed) h->tls_failed(h->arg, stream_peer(c->stream), err->text);
    bool is_over = fiber_is_cancelled(c->fiber) || stream_has_ended(c->stream) || err->code != ERR_TLS;
    if (is_over) return false;
    if (is_plain_http && stream_write(c->stream, &plain_reply, 1, fiber_deadline(LAST_WORD_MS)) != IO_OK)
        return false;
    http_linger(c->stream, LAST_WORD_MS);
    return false;
}

bool connection_secure(struct connection *c)
{
    struct tls_acceptor *tls = c->server->options.tls;
    struct err err;
    bool is_plain_http = false;
    c->wants_tls = false;
    if (!tls) return true; /* turned off since this caller has connected */
    msec_t deadline = fiber_deadline(c->server->options.head_ms);
    if (tls_accept(tls, &c->stream, deadline, &is_plain_http, &err) != IO_OK)
        return refuse(c, is_plain_http, &err);
    stream_set_hooks(c->stream, &connection_hooks, c);
    return !fiber_is_cancelled(c->fiber);
}
