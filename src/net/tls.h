/* net/tls.h: TLS over a stream, both sides: OpenSSL with memory BIOs, TLS 1.2 or newer, ALPN http/1.1, no renegotiation.
 * An end without close_notify is IO_FAIL: whoever knows by a length that all has come need not read on to it.
 *
 * A context is made of files that are read once: who wants changed files makes a new one. It is immutable but for what
 * peers hand out for resuming, counted, and shared by threads; its streams hold a reference each. */
#ifndef WEIR_NET_TLS_H
#define WEIR_NET_TLS_H

#include "net/stream.h"

/* PEM files; NULL: none. cert is a chain, ours first, and comes with key. No key is asked a password for. */
struct tls_files {
    const char *ca, *cert, *key;
};

/* ---- connecting ---- */
struct tls_context;
/* ca: trusted instead of the system's authorities (SSL_CERT_FILE as OpenSSL reads it); cert and key: what we show. The
 * system's file takes 25 ms to parse and some MB to keep, so it is read by the first connection (on the thread pool) and
 * one context should serve all who trust the system. Any thread, blocks while it reads. NULL: err names the file and says
 * why it is no good (ERR_TLS), without a word of what is in it. One reference. */
struct tls_context *tls_context_new(const struct tls_files *files, struct err *err);
struct tls_context *tls_context_ref(struct tls_context *c);
void tls_context_unref(struct tls_context **c);
/* The files hold still what they held when c was made of them. The system's authorities count as their files' ages. */
bool tls_context_is_current(const struct tls_context *c, const struct tls_files *files);
bool tls_context_is_shared(const struct tls_context *c);      /* others hold references, too */
const char *tls_context_warning(const struct tls_context *c); /* about a date of our certificate; "": none */

/* Who is at the other side: the name for SNI and in the certificate (RFC 6125), or an address. With the port it tells
 * whose sessions are resumed. */
struct tls_peer {
    struct str name;
    uint16_t port;
};
/* *s is a plain stream: taken. IO_OK: *s is the stream that speaks TLS above it; otherwise *s is NULL and, for IO_FAIL,
 * err tells (ERR_TLS). */
MUST_CHECK enum io tls_connect(struct tls_context *c, struct stream **s, const struct tls_peer *peer,
                               msec_t deadline, struct err *err);

/* ---- accepting ---- */
/* Keys of the session tickets that callers keep, shared by all who accept, so that a caller resumes at any worker and
 * after a reload. A new key every 12 hours; tickets are good for two. */
struct tls_tickets;
struct tls_tickets *tls_tickets_new(void);
void tls_tickets_unref(struct tls_tickets **t);

struct tls_acceptor;
/* cert and key are ours; ca: callers must show a certificate that one of these authorities has signed. A ticket is good
 * only for a server with the same ca. tickets: referenced. Otherwise as tls_context_new(). */
struct tls_acceptor *tls_acceptor_new(const struct tls_files *files, struct tls_tickets *tickets,
                                      struct err *err);
struct tls_acceptor *tls_acceptor_ref(struct tls_acceptor *s);
void tls_acceptor_unref(struct tls_acceptor **s);
const char *tls_acceptor_warning(const struct tls_acceptor *s);
/* *s is a plain stream. IO_OK: it is the one that speaks TLS above it. Otherwise *s is the plain one again, for a last
 * word or a close, and err tells what was wrong: *is_plain_http when plain HTTP was spoken, else an alert is out. */
MUST_CHECK enum io tls_accept(struct tls_acceptor *server, struct stream **s, msec_t deadline,
                              bool *is_plain_http, struct err *err);

/* ---- counted ---- */
// clang-format off
/*    how a handshake ended  for a label */
#define TLS_RESULTS(X)                                                                     \
    X(TLS_FULL,              "full")                                                       \
    X(TLS_RESUMED,           "resumed")                                                    \
    X(TLS_CERTIFICATE,       "certificate") /* one side has refused the other's, or misses one */ \
    X(TLS_VERSION,           "version")     /* nothing in common: version, cipher, protocol */ \
    X(TLS_PLAIN_HTTP,        "plain_http")                                                 \
    X(TLS_TIMED_OUT,         "timeout")                                                    \
    X(TLS_CLOSED,            "closed")      /* in the middle */                            \
    X(TLS_CANCELLED,         "cancelled")                                                  \
    X(TLS_BROKEN,            "failed")      /* everything else: not TLS at all, mostly */
// clang-format on
#define TLS_RESULT_AS_ENUM(id, label) id,
enum tls_result { TLS_RESULTS(TLS_RESULT_AS_ENUM) TLS_RESULT_COUNT };

struct tls_stats {
    uint64_t accepted[TLS_RESULT_COUNT], connected[TLS_RESULT_COUNT];
};
struct tls_stats tls_read_stats(struct loop *l); /* of this loop's handshakes */

#endif
