/* net/tls_handshake.c: the handshake: OpenSSL's turns, and waits in between. */
#include "net/tls_inside.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

static bool handshake_failed(struct tls *t, struct err *err)
{
    long verdict = SSL_get_verify_result(t->ssl);
    if (verdict != X509_V_OK)
        return err_set(err, ERR_TLS, "certificate refused: %s", X509_verify_cert_error_string(verdict));
    (void)tls_failed(t);
    return err_set(err, ERR_TLS, "TLS handshake failed: %s", t->error);
}

enum io tls_shake_hands(struct tls *t, msec_t deadline, struct err *err)
{
    for (;;) {
        ERR_clear_error();
        tls_out_begin(t);
        int ok = SSL_do_handshake(t->ssl);
        int why = ok == 1 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, ok);
        if (why != SSL_ERROR_NONE && why != SSL_ERROR_WANT_READ) {
            handshake_failed(t, err);
            tls_flush_now(t);
            return IO_FAIL;
        }
        tls_put_back(t);
        enum io io = tls_flush(t, deadline);
        if (io == IO_OK && why == SSL_ERROR_NONE) return IO_OK;
        if (io == IO_OK) io = tls_fetch(t, deadline);
        if (io == IO_FAIL) err_set(err, ERR_TLS, "TLS handshake failed: %s", stream_error(t->plain));
        if (io != IO_OK) return io;
    }
}
