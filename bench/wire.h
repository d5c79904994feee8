/* bench/wire.h: recv() and send() of the load generator and the upstream, over TLS where wire_use_tls() was called: as the
 * system's, with errno, for non-blocking sockets. A handshake runs as bytes come and go. Descriptors below
 * WIRE_MAX_DESCRIPTORS. One thread. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stddef.h>
#include <sys/types.h>

enum { WIRE_MAX_DESCRIPTORS = 1 << 16 };

/* A server's, with certificate and key as PEM; or a client's, which trusts whoever answers. NULL: fine, else what is not. */
const char *wire_use_tls(const char *cert, const char *key);
ssize_t wire_send(int fd, const void *at, size_t bytes);
/* at NULL: they are dropped. Fewer than asked for were all that there were. */
ssize_t wire_recv(int fd, void *at, size_t bytes);
void wire_close(int fd);
/* What the handshakes were: full and resumed. */
extern unsigned long wire_full, wire_resumed;

#endif
