/* bench/wire.c: OpenSSL over the socket itself, a table of connections by descriptor. A client keeps the newest session. */
#include "wire.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

static SSL_CTX *context;
static SSL *connections[WIRE_MAX_DESCRIPTORS];
static SSL_SESSION *newest;
static int is_server;
unsigned long wire_full, wire_resumed;

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(newest);
    newest = session;
    return 1;
}

const char *wire_use_tls(const char *cert, const char *key)
{
    is_server = cert != NULL;
    context = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    if (!context) return "no TLS";
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    if (is_server) {
        if (SSL_CTX_use_certificate_chain_file(context, cert) != 1) return "no certificate";
        return SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 ? NULL : "no key";
    }
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_session);
    return NULL;
}

static SSL *connection_of(int fd)
{
    SSL *ssl = connections[fd];
    if (ssl) return ssl;
    ssl = connections[fd] = SSL_new(context);
    SSL_set_fd(ssl, fd);
    if (is_server)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    if (newest) SSL_set_session(ssl, newest);
    return ssl;
}

/* Before the first bytes; 1: done, else as SSL_do_handshake(). */
static int shake(SSL *ssl)
{
    if (SSL_is_init_finished(ssl)) return 1;
    int ok = SSL_do_handshake(ssl);
    if (ok == 1) *(SSL_session_reused(ssl) ? &wire_resumed : &wire_full) += 1;
    return ok;
}

static ssize_t outcome(SSL *ssl, int ok)
{
    int why = SSL_get_error(ssl, ok);
    ERR_clear_error();
    if (why == SSL_ERROR_ZERO_RETURN) return 0;
    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
    return -1;
}

ssize_t wire_send(int fd, const void *at, size_t bytes)
{
    if (!context) return send(fd, at, bytes, MSG_NOSIGNAL);
    SSL *ssl = connection_of(fd);
    size_t sent = 0;
    int ok = shake(ssl);
    if (ok == 1) ok = SSL_write_ex(ssl, at, bytes, &sent);
    return ok == 1 ? (ssize_t)sent : outcome(ssl, ok);
}

ssize_t wire_recv(int fd, void *at, size_t bytes)
{
    static char dropped[1 << 14];
    if (!context) return recv(fd, at, bytes, at ? 0 : MSG_TRUNC);
    SSL *ssl = connection_of(fd);
    size_t got = 0;
    int ok = shake(ssl);
    while (ok == 1 && got < bytes) {
        size_t more = 0, room = bytes - got;
        if (!at && room > sizeof dropped) room = sizeof dropped;
        ok = SSL_read_ex(ssl, at ? (char *)at + got : dropped, room, &more);
        got += more;
    }
    return got ? (ssize_t)got : outcome(ssl, ok);
}

void wire_close(int fd)
{
    if (context && connections[fd]) {
        SSL_set_shutdown(connections[fd], SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(connections[fd]);
        connections[fd] = NULL;
    }
    close(fd);
}
