/* net/listener.h: listening sockets. main makes them (listen_socket), workers accept on them. */
#ifndef WEIR_NET_LISTENER_H
#define WEIR_NET_LISTENER_H

#include "net/stream.h"

/* "127.0.0.1:8080", "[::]:8080", "localhost:8080", ":8080", "unix:/path". Port 0: the kernel chooses. */
struct listen_address {
    struct sockaddr_storage address;
    socklen_t bytes;
    bool is_unix, is_loopback;
};
MUST_CHECK bool listen_address_parse(struct listen_address *out, struct str text, struct err *err);

/* For main, before workers start: `count` sockets on one address with SO_REUSEPORT, one for each worker
 * (for unix sockets one socket, dup'ed), after a probe bind without it, so that a second process fails
 * with "address already in use". CLOEXEC, listening. fds[0..count) belong to the caller. After the call
 * address holds the real port. */
MUST_CHECK bool listen_sockets(struct listen_address *address, int *fds, unsigned count, struct err *err);
/* Text for people: "127.0.0.1:8080". `out` has 128 bytes. */
void listen_address_format(const struct listen_address *a, char out[128]);

/* ---- on a worker ---- */
struct listener;
typedef void listener_accept(void *arg, struct stream *s); /* on the loop; takes s */
/* Takes fd. Out of descriptors: accepting pauses 100 ms and goes on; stats count it. */
MUST_CHECK struct listener *listener_new(struct loop *l, int fd, listener_accept *on_accept, void *arg,
                                         struct err *err);
void listener_pause(struct listener *l, bool is_paused);
/* Accepts what is queued in the kernel, then closes. */
void listener_close(struct listener **l);
struct listener_stats {
    uint64_t accepted, out_of_descriptors;
};
struct listener_stats listener_read_stats(const struct listener *l);

#endif
