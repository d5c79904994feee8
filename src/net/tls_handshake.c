/* net/tls_handshake.c: what all contexts have in common, and the handshake: OpenSSL's turns with waits in between. */
#include "net/tls_inside.h"

#include "base/check.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* With forward secrecy and authenticated encryption; AES-128 first: it is as good and takes less time. */
#define CIPHERS_13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define CIPHERS_12 "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"

SSL_CTX *tls_ssl_new(const SSL_METHOD *method)
{
    SSL_CTX *ssl = SSL_CTX_new(method);
    require(ssl != NULL);
    require(SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1);
    require(SSL_CTX_set_max_proto_version(ssl, 0) == 1);
    require(SSL_CTX_set_ciphersuites(ssl, CIPHERS_13) == 1);
    require(SSL_CTX_set_cipher_list(ssl, CIPHERS_12) == 1);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return ssl;
}

/* ---- what went wrong ---- */

static enum tls_result result_of(int reason)
{
    switch (reason) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST: return TLS_PLAIN_HTTP;
    case SSL_R_UNEXPECTED_EOF_WHILE_READING: return TLS_CLOSED;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_NO_APPLICATION_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
    case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: return TLS_VERSION;
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED: return TLS_CERTIFICATE;
    }
    return TLS_BROKEN;
}

static enum tls_result handshake_failed(struct tls *t, struct err *err)
{
    int reason = ERR_GET_REASON(ERR_peek_error());
    long verdict = SSL_get_verify_result(t->ssl);
    (void)tls_failed(t);
    if (verdict != X509_V_OK) {
        err_set(err, ERR_TLS, "certificate refused: %s", X509_verify_cert_error_string(verdict));
        return TLS_CERTIFICATE;
    }
    err_set(err, ERR_TLS, "TLS handshake failed: %s", t->error);
    return result_of(reason);
}

static enum tls_result wait_failed(const struct tls *t, enum io io, struct err *err)
{
    if (io == IO_TIMEOUT) {
        err_set(err, ERR_TIMEOUT, "TLS handshake not done in time");
        return TLS_TIMED_OUT;
    }
    if (io == IO_CANCELLED) {
        err_set(err, ERR_CANCELLED, "TLS handshake given up");
        return TLS_CANCELLED;
    }
    err_set(err, ERR_TLS, "TLS handshake failed: %s", stream_error(t->plain));
    return TLS_CLOSED;
}

/* ---- the handshake ---- */

enum io tls_shake_hands(struct tls *t, msec_t deadline, enum tls_result *result, struct err *err)
{
    for (;;) {
        ERR_clear_error();
        tls_out_begin(t);
        int ok = SSL_do_handshake(t->ssl);
        int why = ok == 1 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, ok);
        if (why != SSL_ERROR_NONE && why != SSL_ERROR_WANT_READ) {
            *result = handshake_failed(t, err);
            tls_flush_now(t);
            return IO_FAIL;
        }
        tls_put_back(t);
        enum io io = tls_flush(t, deadline);
        if (io == IO_OK && why == SSL_ERROR_NONE) {
            t->has_shaken_hands = true;
            tls_trim(t);
            *result = SSL_session_reused(t->ssl) ? TLS_RESUMED : TLS_FULL;
            return IO_OK;
        }
        if (io == IO_OK) io = tls_fetch(t, deadline);
        if (io != IO_OK) {
            *result = wait_failed(t, io, err);
            return io;
        }
    }
}
