/* net/tls_server.c: accepting. One SSL_CTX for all workers, so that a session made at one is resumed at any. */
#include "net/tls_inside.h"

#include "base/check.h"
#include "base/mem.h"

#include <openssl/err.h>
#include <stdatomic.h>

struct tls_acceptor {
    atomic_uint refs;
    SSL_CTX *ssl;
    struct tls_tickets *tickets;
    char warning[TLS_WARNING_BYTES];
};

/* Who offers protocols must offer ours (RFC 7301 3.2); who offers none is taken to mean it. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_bytes,
                           const unsigned char *offered, unsigned bytes, void *arg)
{
    static const unsigned char ours[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    (void)ssl, (void)arg;
    unsigned char *chosen = NULL;
    int found = SSL_select_next_proto(&chosen, out_bytes, ours, sizeof ours, offered, bytes);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool server_fill(struct tls_acceptor *s, const struct tls_files *files, struct err *err)
{
    struct tls_pem pem;
    tls_pem_init(&pem);
    bool is_fine = tls_pem_read(&pem, files, err) && tls_pem_use(&pem, s->ssl, s->warning, err);
    /* What one set of authorities has let in, another need not: tickets are bound to it. */
    require(SSL_CTX_set_session_id_context(s->ssl, pem.ca_digest, sizeof pem.ca_digest) == 1);
    tls_pem_done(&pem);
    return is_fine;
}

struct tls_acceptor *tls_acceptor_new(const struct tls_files *files, struct tls_tickets *tickets,
                                      struct err *err)
{
    struct tls_acceptor *s = xzalloc(sizeof *s);
    require(files->cert && files->key);
    atomic_init(&s->refs, 1);
    s->tickets = tls_tickets_ref(tickets);
    s->ssl = tls_ssl_new(TLS_server_method());
    SSL_CTX_set_options(s->ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_session_cache_mode(s->ssl, SSL_SESS_CACHE_OFF); /* tickets alone */
    SSL_CTX_set_alpn_select_cb(s->ssl, choose_protocol, NULL);
    tls_tickets_use(tickets, s->ssl);
    if (files->ca) SSL_CTX_set_verify(s->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    if (server_fill(s, files, err)) return s;
    tls_acceptor_unref(&s);
    return NULL;
}

struct tls_acceptor *tls_acceptor_ref(struct tls_acceptor *s)
{
    if (s) atomic_fetch_add(&s->refs, 1);
    return s;
}

void tls_acceptor_unref(struct tls_acceptor **pointer)
{
    struct tls_acceptor *s = *pointer;
    *pointer = NULL;
    if (!s || atomic_fetch_sub(&s->refs, 1) > 1) return;
    SSL_CTX_free(s->ssl);
    tls_tickets_unref(&s->tickets);
    xfree(s);
}

const char *tls_acceptor_warning(const struct tls_acceptor *s)
{
    return s->warning;
}

enum io tls_accept(struct tls_acceptor *server, struct stream **s, msec_t deadline, bool *is_plain_http,
                   struct err *err)
{
    require((*s)->ops == &plain_ops);
    struct tls_acceptor *held = tls_acceptor_ref(server); /* a reload may come while we wait */
    struct tls *t = tls_new(held->ssl, *s, 0);
    enum tls_result result;
    SSL_set_accept_state(t->ssl);
    enum io io = tls_shake_hands(t, deadline, &result, err);
    t->scratch->stats.accepted[result]++;
    *is_plain_http = result == TLS_PLAIN_HTTP;
    *s = io == IO_OK ? &t->stream : tls_leave(t);
    tls_acceptor_unref(&held);
    return io;
}
