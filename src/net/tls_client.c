/* net/tls_client.c: connecting: whom we trust, what we show, what name we expect, whose sessions we resume.
 *
 * Authorities, our certificate and the name belong to a session: it is looked for in the context that made it, by the
 * name that its certificate was judged for. */
#include "net/tls_inside.h"

#include "base/check.h"
#include "base/fmt.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>

enum { MAX_NAME_BYTES = 255, KEY_MAX_BYTES = MAX_NAME_BYTES + 8 };

struct tls_context {
    SSL_CTX *ssl;
    struct tls_sessions *sessions;
    uv_mutex_t lock;
    atomic_uint refs;     /* owners, streams, and loads on the pool */
    atomic_bool is_ready; /* its authorities are loaded */
    unsigned char digest[TLS_DIGEST_BYTES];
    char warning[TLS_WARNING_BYTES];
};

/* ---- the context ---- */

static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls *t = SSL_get_app_data(ssl);
    t->has_spare_buffers = true;
    if (!SSL_SESSION_is_resumable(session)) return 0;
    tls_sessions_put(t->context->sessions, t->session_key, session);
    return 1; /* taken */
}

static bool context_fill(struct tls_context *c, const struct tls_files *files, struct err *err)
{
    struct tls_pem pem;
    tls_pem_init(&pem);
    bool is_fine = tls_pem_read(&pem, files, err) && tls_pem_use(&pem, c->ssl, c->warning, err);
    memcpy(c->digest, pem.digest, sizeof c->digest);
    tls_pem_done(&pem);
    return is_fine;
}

struct tls_context *tls_context_new(const struct tls_files *files, struct err *err)
{
    static const unsigned char alpn[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    struct tls_context *c = xzalloc(sizeof *c);
    uv_mutex_init(&c->lock);
    atomic_init(&c->refs, 1);
    atomic_init(&c->is_ready, files->ca != NULL);
    c->sessions = tls_sessions_new();
    c->ssl = tls_ssl_new(TLS_client_method());
    require(SSL_CTX_set_alpn_protos(c->ssl, alpn, sizeof alpn) == 0);
    SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(c->ssl, on_new_session);
    SSL_CTX_set_verify(c->ssl, SSL_VERIFY_PEER, NULL);
    if (context_fill(c, files, err)) return c;
    tls_context_unref(&c);
    return NULL;
}

struct tls_context *tls_context_ref(struct tls_context *c)
{
    atomic_fetch_add(&c->refs, 1);
    return c;
}

void tls_context_unref(struct tls_context **pointer)
{
    struct tls_context *c = *pointer;
    *pointer = NULL;
    if (!c || atomic_fetch_sub(&c->refs, 1) > 1) return;
    SSL_CTX_free(c->ssl);
    tls_sessions_free(c->sessions);
    uv_mutex_destroy(&c->lock);
    xfree(c);
}

bool tls_context_is_current(const struct tls_context *c, const struct tls_files *files)
{
    struct tls_pem pem;
    struct err err;
    tls_pem_init(&pem);
    bool is_same = tls_pem_read(&pem, files, &err) && memcmp(pem.digest, c->digest, sizeof c->digest) == 0;
    tls_pem_done(&pem);
    return is_same;
}

bool tls_context_is_shared(const struct tls_context *c)
{
    return atomic_load(&c->refs) > 1;
}

const char *tls_context_warning(const struct tls_context *c)
{
    return c->warning;
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
    struct tls_context *c = job;
    tls_context_unref(&c);
}

static enum io context_ready(struct tls_context *c, msec_t deadline)
{
    if (LIKELY(atomic_load(&c->is_ready))) return IO_OK;
    enum io io = fiber_offload(load_work, load_drop, tls_context_ref(c), deadline);
    if (io == IO_OK) tls_context_unref(&(struct tls_context *){c});
    return io;
}

/* ---- connecting ---- */

static bool set_name(struct tls *t, struct str server_name, struct err *err)
{
    char name[MAX_NAME_BYTES + 1];
    unsigned char address[16];
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

static bool name_is_usable(struct str name)
{
    return name.len > 0 && name.len <= MAX_NAME_BYTES && !memchr(name.at, 0, name.len);
}

static struct str key_of(const struct tls_peer *peer, struct str name, char *at)
{
    char *end = fmt_str(at, name);
    *end++ = ':';
    memcpy(end, &peer->port, sizeof peer->port);
    return str_of(at, (size_t)(end - at) + sizeof peer->port);
}

/* What we offer may be too old for the server, or not of its making: it says so by a full handshake. */
static void offer_session(struct tls *t)
{
    SSL_SESSION *session = tls_sessions_take(t->context->sessions, t->session_key);
    if (!session) return;
    (void)SSL_set_session(t->ssl, session);
    SSL_SESSION_free(session);
}

static struct tls *client_new(struct tls_context *c, struct stream *plain, const struct tls_peer *peer,
                              struct str name)
{
    char bytes[KEY_MAX_BYTES];
    struct str key = key_of(peer, name, bytes);
    struct tls *t = tls_new(c->ssl, plain, key.len);
    t->context = tls_context_ref(c);
    t->session_key = str_of(memcpy(t + 1, key.at, key.len), key.len);
    SSL_set_app_data(t->ssl, t);
    SSL_set_connect_state(t->ssl);
    return t;
}

enum io tls_connect(struct tls_context *c, struct stream **s, const struct tls_peer *peer, msec_t deadline,
                    struct err *err)
{
    require((*s)->ops == &plain_ops);
    struct str name = peer->name;
    if (str_ends_with(name, STR("."))) name.len--;
    enum io io = name_is_usable(name) ? context_ready(c, deadline) : IO_FAIL;
    if (io == IO_FAIL) err_set(err, ERR_TLS, "TLS needs the server's name");
    if (io != IO_OK) {
        stream_close(s);
        return io;
    }
    struct tls *t = client_new(c, *s, peer, name);
    enum tls_result result = TLS_BROKEN;
    *s = &t->stream;
    offer_session(t);
    io = set_name(t, name, err) ? tls_shake_hands(t, deadline, &result, err) : IO_FAIL;
    t->scratch->stats.connected[result]++;
    if (io == IO_OK) return io;
    if (io != IO_CANCELLED)
        tls_sessions_forget(c->sessions, t->session_key); /* the next one shakes hands in full */
    stream_close(s);
    return io;
}
