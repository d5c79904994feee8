/* net/tls_client.c: connecting: whom we trust, what name we expect. */
#include "net/tls_inside.h"

#include "base/check.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>

enum { MAX_NAME_BYTES = 255 };

struct tls_context {
    SSL_CTX *ssl; /* counts its own references: streams outlive the context */
    uv_mutex_t lock;
    atomic_uint refs;     /* the owner, and loads on the pool */
    atomic_bool is_ready; /* its authorities are loaded */
};

/* ---- the context ---- */

static bool trust_file(SSL_CTX *ssl, const char *ca_file, struct err *err)
{
    ERR_clear_error();
    if (SSL_CTX_load_verify_file(ssl, ca_file) == 1) return true;
    const char *why = ERR_reason_error_string(ERR_peek_last_error());
    return err_set(err, ERR_TLS, "%s: no trusted certificates: %s", ca_file, why ? why : "unknown");
}

struct tls_context *tls_context_new(const char *ca_file, struct err *err)
{
    static const unsigned char alpn[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    struct tls_context *c = xzalloc(sizeof *c);
    uv_mutex_init(&c->lock);
    atomic_init(&c->refs, 1);
    atomic_init(&c->is_ready, ca_file != NULL);
    c->ssl = SSL_CTX_new(TLS_client_method());
    require(c->ssl != NULL);
    require(SSL_CTX_set_min_proto_version(c->ssl, TLS1_2_VERSION) == 1);
    require(SSL_CTX_set_alpn_protos(c->ssl, alpn, sizeof alpn) == 0);
    SSL_CTX_set_options(c->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(c->ssl, SSL_VERIFY_PEER, NULL);
    if (!ca_file || trust_file(c->ssl, ca_file, err)) return c;
    tls_context_free(c);
    return NULL;
}

void tls_context_free(struct tls_context *c)
{
    if (!c || atomic_fetch_sub(&c->refs, 1) > 1) return;
    SSL_CTX_free(c->ssl);
    uv_mutex_destroy(&c->lock);
    xfree(c);
}

/* On the pool. Who comes second waits for the lock and finds it done. */
static void load_work(void *job)
{
    struct tls_context *c = job;
    uv_mutex_lock(&c->lock);
    if (!atomic_load(&c->is_ready)) {
        (void)SSL_CTX_set_default_verify_paths(c->ssl); /* what it cannot read it will not trust */
        atomic_store(&c->is_ready, true);
    }
    uv_mutex_unlock(&c->lock);
    OPENSSL_thread_stop(); /* this thread of the pool need not keep OpenSSL's state */
}

static void load_drop(void *job)
{
    tls_context_free(job);
}

static enum io context_ready(struct tls_context *c, msec_t deadline)
{
    if (LIKELY(atomic_load(&c->is_ready))) return IO_OK;
    atomic_fetch_add(&c->refs, 1);
    enum io io = fiber_offload(load_work, load_drop, c, deadline);
    if (io == IO_OK) tls_context_free(c);
    return io;
}

/* ---- connecting ---- */

static bool set_name(struct tls *t, struct str server_name, struct err *err)
{
    char name[MAX_NAME_BYTES + 1];
    unsigned char address[16];
    if (str_ends_with(server_name, STR("."))) server_name.len--;
    if (server_name.len == 0 || server_name.len > MAX_NAME_BYTES ||
        memchr(server_name.at, 0, server_name.len))
        return err_set(err, ERR_TLS, "TLS needs the server's name");
    memcpy(name, server_name.at, server_name.len);
    name[server_name.len] = 0;
    X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1 ||
               err_set(err, ERR_TLS, "%s: no name for TLS", name);
    if (X509_VERIFY_PARAM_set1_host(param, name, 0) == 1 && SSL_set_tlsext_host_name(t->ssl, name) == 1)
        return true;
    return err_set(err, ERR_TLS, "%s: no name for TLS", name);
}

enum io tls_connect(struct tls_context *c, struct stream **s, struct str server_name, msec_t deadline,
                    struct err *err)
{
    require((*s)->ops == &plain_ops);
    enum io io = context_ready(c, deadline);
    if (io != IO_OK) {
        stream_close(s);
        return io;
    }
    struct tls *t = tls_new(c->ssl, *s);
    SSL_set_connect_state(t->ssl);
    *s = &t->stream;
    io = set_name(t, server_name, err) ? tls_shake_hands(t, deadline, err) : IO_FAIL;
    t->has_shaken_hands = io == IO_OK;
    if (io != IO_OK) stream_close(s);
    return io;
}
