/* net/tls_inside.h: what the files of TLS share; nobody else includes it.
 *
 *     tls_stream.c     a TLS stream at work: reading, writing, its end
 *     tls_handshake.c  from a plain stream to a TLS stream, and what all contexts have in common
 *     tls_client.c     connecting: whom we trust, what we show
 *     tls_sessions.c   what servers have handed out for resuming
 *     tls_server.c     accepting
 *     tls_tickets.c    what we hand out for resuming
 *     tls_files.c      PEM files into contexts */
#ifndef WEIR_NET_TLS_INSIDE_H
#define WEIR_NET_TLS_INSIDE_H

#include "base/buf.h"
#include "net/inside.h"
#include "net/tls.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>

enum {
    RECORD_BYTES = SSL3_RT_MAX_PLAIN_LENGTH,
    SCRATCH_BYTES = 2 * RECORD_BYTES,
    OUT_MAX_BYTES = 10 * RECORD_BYTES,
    TLS_WARNING_BYTES = 200,
    TLS_DIGEST_BYTES = 32,
};

/* One per loop. */
struct tls_scratch {
    BIO_METHOD *bio;
    struct buf spare;        /* memory for somebody's `out` */
    struct tls *fresh_owner; /* whose unread bytes lie in `decrypted` */
    struct tls_stats stats;
    char decrypted[SCRATCH_BYTES]; /* lent by stream_read */
    char gathered[RECORD_BYTES];   /* small pieces on their way into one record */
};

struct tls {
    struct stream stream;
    struct stream *plain;
    struct tls_scratch *scratch;
    SSL *ssl;
    struct str in;     /* ciphertext at hand; empty between calls */
    struct buf out;    /* ciphertext not yet handed on */
    struct str fresh;  /* decrypted and not read, in the loop's scratch; before `unread` */
    struct buf unread; /* decrypted, put back by stream_unread or moved out of the scratch */
    const struct stream_hooks *hooks;
    void *hooks_arg;
    struct loop_item later;
    struct tls_context *context; /* of a client: one reference */
    struct str session_key;      /* whose sessions it uses; behind this struct */
    const char *error;           /* static text; NULL: none */
    bool is_plain_over;          /* the socket has ended */
    bool is_over;                /* close_notify or an error has been seen; the socket may live on */
    bool has_spare_buffers;      /* OpenSSL may hold 16 KiB for nothing: tls_trim() */
    bool is_reading;             /* within OpenSSL's reading call */
    bool has_shaken_hands, has_told_readable, has_told_end;
};

static inline struct tls *tls_of(const struct stream *s)
{
    return (struct tls *)(uintptr_t)s;
}

/* ---- tls_stream.c ---- */
/* A TLS stream above `plain`, which it takes; the handshake is still to come. Never NULL. `key_bytes`: room for the
 * session key. */
struct tls *tls_new(SSL_CTX *ssl, struct stream *plain, size_t key_bytes);
/* After a handshake that failed: the plain stream again; t is freed. */
struct stream *tls_leave(struct tls *t);
struct tls_scratch *tls_scratch_of(struct net *n);
void tls_put_back(struct tls *t);  /* what a call has left of the chunk goes back to the plain stream */
void tls_out_begin(struct tls *t); /* `out` gets memory that another stream has used */
enum io tls_flush(struct tls *t, msec_t deadline); /* hands `out` on */
void tls_flush_now(struct tls *t);                 /* a last word: what the kernel takes at once */
enum io tls_fetch(struct tls *t, msec_t deadline); /* waits for more ciphertext, or the end of it */
/* OpenSSL keeps the buffer that it sets up for an answer to a session ticket, which has none. */
void tls_trim(struct tls *t);
enum io tls_failed(struct tls *t); /* IO_FAIL; t->error tells why OpenSSL's last call failed */

/* ---- tls_handshake.c ---- */
SSL_CTX *tls_ssl_new(const SSL_METHOD *method); /* versions, ciphers, modes; never NULL */
enum io tls_shake_hands(struct tls *t, msec_t deadline, enum tls_result *result, struct err *err);

/* ---- tls_files.c ---- */
struct tls_pem {
    struct tls_files files; /* lent */
    struct buf ca, cert, key;
    unsigned char digest[TLS_DIGEST_BYTES], ca_digest[TLS_DIGEST_BYTES]; /* of all contents; of ca's alone */
};
void tls_pem_init(struct tls_pem *p);
void tls_pem_done(struct tls_pem *p);
MUST_CHECK bool tls_pem_read(struct tls_pem *p, const struct tls_files *files, struct err *err);
MUST_CHECK bool tls_pem_use(const struct tls_pem *p, SSL_CTX *ssl, char warning[TLS_WARNING_BYTES],
                            struct err *err);

/* ---- tls_sessions.c: any thread ---- */
struct tls_sessions;
struct tls_sessions *tls_sessions_new(void);
void tls_sessions_free(struct tls_sessions *s);
void tls_sessions_put(struct tls_sessions *s, struct str key, SSL_SESSION *session); /* takes session */
/* The newest one, whose reference is the caller's; NULL: none. The last one stays, others are used once. */
SSL_SESSION *tls_sessions_take(struct tls_sessions *s, struct str key);
void tls_sessions_forget(struct tls_sessions *s, struct str key);

/* ---- tls_tickets.c ---- */
struct tls_tickets *tls_tickets_ref(struct tls_tickets *t);
void tls_tickets_use(struct tls_tickets *t, SSL_CTX *ssl); /* lent for as long as handshakes run with it */

#endif
