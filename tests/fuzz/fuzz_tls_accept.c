/* tests/fuzz/fuzz_tls_accept.c: whatever a caller sends instead of a handshake: it ends, with a reason, and with the same
 * one wherever the network cuts the bytes. (Nobody completes a handshake with bytes that were made before it.) */
#include "base/check.h"
#include "net/tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_BYTES = 32 * 1024 };

static struct tls_acceptor *acceptor;

static FILE *new_file(char path[64])
{
    snprintf(path, 64, "/tmp/weir-fuzz-tls-XXXXXX");
    return fdopen(mkstemp(path), "w");
}

static void make_acceptor(void)
{
    char cert[64], key[64];
    struct err err;
    EVP_PKEY *own = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_set_pubkey(x, own);
    X509_sign(x, own, EVP_sha256());
    FILE *f = new_file(cert);
    PEM_write_X509(f, x);
    fclose(f);
    f = new_file(key);
    PEM_write_PrivateKey(f, own, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    struct tls_tickets *tickets = tls_tickets_new();
    acceptor = tls_acceptor_new(&(struct tls_files){.cert = cert, .key = key}, tickets, &err);
    require(acceptor != NULL);
    tls_tickets_unref(&tickets);
    unlink(cert);
    unlink(key);
    X509_free(x);
    EVP_PKEY_free(own);
}

struct caller {
    int fd;
    struct str first, rest;
    enum tls_result result;
};

/* The rest comes when the first bytes have been looked at. */
static void send_rest(void *arg)
{
    const struct caller *c = arg;
    (void)fiber_yield();
    (void)fiber_yield();
    (void)!send(c->fd, c->rest.at, c->rest.len, MSG_NOSIGNAL);
    shutdown(c->fd, SHUT_WR);
}

static void accept_main(void *arg)
{
    struct caller *c = arg;
    struct err err = {0};
    bool is_plain_http = false;
    int pair[2];
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    c->fd = pair[0];
    struct stream *plain = stream_from_fd(loop_current(), pair[1], NULL, &err), *s = plain;
    require(s != NULL);
    require(send(c->fd, c->first.at, c->first.len, 0) == (ssize_t)c->first.len);
    struct fiber_group group;
    fiber_group_init(&group);
    require(fiber_group_start(&group, send_rest, c));
    require(tls_accept(acceptor, &s, NEVER, &is_plain_http, &err) == IO_FAIL);
    require(s == plain && err.text[0]);
    struct tls_stats stats = tls_read_stats(loop_current());
    for (int i = 0; i < TLS_RESULT_COUNT; i++)
        if (stats.accepted[i]) c->result = (enum tls_result)i;
    require(is_plain_http == (c->result == TLS_PLAIN_HTTP));
    (void)fiber_group_wait_all(&group, NEVER);
    stream_close(&s);
    close(c->fd);
}

static enum tls_result run(struct str bytes, size_t cut)
{
    struct caller c = {.first = str_part(bytes, 0, cut), .rest = str_from(bytes, cut)};
    struct loop *l = loop_new();
    require(fiber_start(l, accept_main, &c) != NULL);
    loop_run(l);
    loop_free(l);
    return c.result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!acceptor) make_acceptor();
    if (size == 0 || size > MOST_BYTES) return 0;
    struct str bytes = str_of((const char *)data, size);
    require(run(bytes, size) == run(bytes, data[size - 1] % size));
    return 0;
}
