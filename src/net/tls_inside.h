/* net/tls_inside.h: what the files of TLS share; nobody else includes it.
 *
 *     tls_stream.c     a TLS stream at work: reading, writing, its end
 *     tls_handshake.c  from a plain stream to a TLS stream
 *     tls_client.c     who we are and whom we trust when we connect */
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
    OUT_MAX_BYTES = 8 * RECORD_BYTES,
};

/* One per loop. */
struct tls_scratch {
    BIO_METHOD *bio;
    struct buf spare;              /* memory for somebody's `out` */
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
    struct buf unread; /* decrypted, put back by stream_unread */
    const struct stream_hooks *hooks;
    void *hooks_arg;
    struct loop_item later;
    const char *error;  /* static text; NULL: none */
    bool is_plain_over; /* the socket has ended */
    bool is_over;       /* close_notify or an error has been seen while nobody read */
    bool has_shaken_hands, has_told_readable, has_told_end;
};

static inline struct tls *tls_of(const struct stream *s)
{
    return (struct tls *)(uintptr_t)s;
}

/* A TLS stream above `plain`, which it takes; the handshake is still to come. Never NULL. */
struct tls *tls_new(SSL_CTX *ssl, struct stream *plain);
enum io tls_shake_hands(struct tls *t, msec_t deadline, struct err *err);

/* tls_stream.c, for the handshake */
void tls_put_back(struct tls *t);  /* what a call has left of the chunk goes back to the plain stream */
void tls_out_begin(struct tls *t); /* `out` gets memory that another stream has used */
enum io tls_flush(struct tls *t, msec_t deadline); /* hands `out` on */
void tls_flush_now(struct tls *t);                 /* a last word: what the kernel takes at once */
enum io tls_fetch(struct tls *t, msec_t deadline); /* waits for more ciphertext, or the end of it */
enum io tls_failed(struct tls *t);                 /* IO_FAIL; t->error tells why OpenSSL's last call failed */

#endif
