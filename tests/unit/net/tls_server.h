/* tests/unit/net/tls_server.h: a TLS server in a thread, with certificates made on the spot by a CA made on the spot. It
 * serves one connection after the other and echoes. */
#ifndef WEIR_TLS_SERVER_H
#define WEIR_TLS_SERVER_H

#include "net_test.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

enum tls_server_kind {
    SERVER_ECHOES,
    SERVER_IS_MUTE,       /* never answers the handshake */
    SERVER_ENDS_RUDELY,   /* echoes once, then closes without close_notify */
    SERVER_READS_NOTHING, /* shakes hands and then leaves everything in the kernel */
    SERVER_SPEAKS_FIRST,  /* "hello", then echoes */
};

struct tls_server {
    enum tls_server_kind kind;
    const char *alt_name; /* "DNS:localhost,IP:127.0.0.1" */
    long valid_seconds;   /* negative: expired */
    bool is_tls12;
    /* set by start */
    char ca_file[64];
    uint16_t port;
    int listening;
    SSL_CTX *ssl;
    pthread_t thread;
    int ended_well; /* connections that ended with close_notify */
};

static inline X509 *certificate_new(EVP_PKEY *key, const char *name, long valid_seconds, long serial)
{
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), valid_seconds);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                               -1, 0);
    X509_set_pubkey(x, key);
    return x;
}

static inline void certificate_extend(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
}

static inline void tls_server_certify(struct tls_server *s)
{
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    X509 *ca = certificate_new(ca_key, "Weir test CA", 86400, 1);
    X509 *own = certificate_new(key, "a server", s->valid_seconds ? s->valid_seconds : 86400, 2);
    X509_set_issuer_name(ca, X509_get_subject_name(ca));
    X509_set_issuer_name(own, X509_get_subject_name(ca));
    certificate_extend(ca, NID_basic_constraints, "critical,CA:TRUE");
    certificate_extend(own, NID_subject_alt_name, s->alt_name ? s->alt_name : "DNS:localhost,IP:127.0.0.1");
    X509_sign(ca, ca_key, EVP_sha256());
    X509_sign(own, ca_key, EVP_sha256());
    SSL_CTX_use_certificate(s->ssl, own);
    SSL_CTX_use_PrivateKey(s->ssl, key);
    snprintf(s->ca_file, sizeof s->ca_file, "/tmp/weir-test-ca-XXXXXX");
    FILE *f = fdopen(mkstemp(s->ca_file), "w");
    PEM_write_X509(f, ca);
    fclose(f);
    X509_free(ca);
    X509_free(own);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
}

static inline void tls_server_talk(struct tls_server *s, SSL *ssl)
{
    char bytes[16384];
    int got;
    if (s->kind == SERVER_SPEAKS_FIRST) SSL_write(ssl, "hello", 5);
    while ((got = SSL_read(ssl, bytes, sizeof bytes)) > 0) {
        if (SSL_write(ssl, bytes, got) != got) return;
        if (s->kind == SERVER_ENDS_RUDELY) return;
    }
    if (SSL_get_error(ssl, got) == SSL_ERROR_ZERO_RETURN) s->ended_well++;
    SSL_shutdown(ssl);
}

static inline void wait_for_end(int fd)
{
    char byte;
    while (recv(fd, &byte, 1, MSG_PEEK) > 0)
        if (poll(&(struct pollfd){.fd = fd, .events = POLLRDHUP}, 1, -1) > 0) break;
}

static inline void *tls_server_main(void *arg)
{
    struct tls_server *s = arg;
    int fd;
    while ((fd = accept(s->listening, NULL, NULL)) >= 0) {
        if (s->kind == SERVER_IS_MUTE) {
            wait_for_end(fd);
            close(fd);
            continue;
        }
        SSL *ssl = SSL_new(s->ssl);
        SSL_set_fd(ssl, fd);
        if (SSL_accept(ssl) == 1) {
            if (s->kind == SERVER_READS_NOTHING)
                wait_for_end(fd);
            else
                tls_server_talk(s, ssl);
        }
        SSL_free(ssl);
        close(fd);
    }
    return NULL;
}

static inline void tls_server_start(struct tls_server *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof a;
    signal(SIGPIPE, SIG_IGN);
    s->ssl = SSL_CTX_new(TLS_server_method());
    if (s->is_tls12) SSL_CTX_set_max_proto_version(s->ssl, TLS1_2_VERSION);
    tls_server_certify(s);
    s->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(s->listening, (struct sockaddr *)&a, sizeof a), 0);
    EXPECT_EQ(listen(s->listening, 16), 0);
    EXPECT_EQ(getsockname(s->listening, (struct sockaddr *)&a, &bytes), 0);
    s->port = ntohs(a.sin_port);
    EXPECT_EQ(pthread_create(&s->thread, NULL, tls_server_main, s), 0);
}

static inline void tls_server_stop(struct tls_server *s)
{
    shutdown(s->listening, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->listening);
    SSL_CTX_free(s->ssl);
    unlink(s->ca_file);
}

#endif
