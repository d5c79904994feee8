/* tests/unit/net/net_test.h: a loop with one first fiber, and connected pairs of streams, for the tests of net/. */
#ifndef WEIR_NET_TEST_H
#define WEIR_NET_TEST_H

#include "test.h"

#include "net/listener.h"
#include "net/stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/* Runs main(arg) as a fiber on a loop of its own until nothing is left to do. */
static inline void run_on_loop(fiber_main *main, void *arg)
{
    struct loop *l = loop_new();
    ASSERT_TRUE(l != NULL);
    EXPECT_NOT_NULL(fiber_start(l, main, arg));
    loop_run(l);
    loop_free(l);
}

/* Two connected TCP descriptors on the loopback; small_buffers: a few KB in the kernel at most. */
static inline void tcp_pair_sized(int fds[2], bool has_small_buffers)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof a;
    int few = 4096;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (has_small_buffers) {
        (void)setsockopt(listening, SOL_SOCKET, SO_RCVBUF, &few, sizeof few);
        (void)setsockopt(listening, SOL_SOCKET, SO_SNDBUF, &few, sizeof few);
        (void)setsockopt(fds[0], SOL_SOCKET, SO_RCVBUF, &few, sizeof few);
        (void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &few, sizeof few);
    }
    bool ok = bind(listening, (struct sockaddr *)&a, sizeof a) == 0 && listen(listening, 1) == 0 &&
              getsockname(listening, (struct sockaddr *)&a, &bytes) == 0 &&
              connect(fds[0], (struct sockaddr *)&a, sizeof a) == 0;
    fds[1] = ok ? accept(listening, NULL, NULL) : -1;
    close(listening);
    EXPECT_TRUE(fds[1] >= 0);
}

static inline struct stream *take_fd(int fd)
{
    struct err err;
    struct stream *s = stream_from_fd(loop_current(), fd, NULL, &err);
    EXPECT_NOT_NULL(s);
    return s;
}

/* Two streams, one at each end. */
static inline void stream_pair(struct stream *pair[2])
{
    int fds[2];
    tcp_pair_sized(fds, false);
    pair[0] = take_fd(fds[0]);
    pair[1] = take_fd(fds[1]);
}

/* A stream and the bare descriptor of its peer. */
static inline struct stream *stream_and_fd(int *peer, bool has_small_buffers)
{
    int fds[2];
    tcp_pair_sized(fds, has_small_buffers);
    *peer = fds[1];
    return take_fd(fds[0]);
}

static inline enum io write_str(struct stream *s, struct str text, msec_t after_ms)
{
    return stream_write(s, &text, 1, fiber_deadline(after_ms));
}

#endif
