/* net/inside.h: what the files of net/ share; nobody else includes it. */
#ifndef WEIR_NET_INSIDE_H
#define WEIR_NET_INSIDE_H

#include "base/list.h"
#include "fiber/loop_item.h"
#include "net/stream.h"

#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

/* One kind of stream. Every slot is filled. */
struct stream_ops {
    enum io (*read)(struct stream *s, struct str *chunk, msec_t deadline);
    enum io (*read_into)(struct stream *s, struct str room, size_t *got, msec_t deadline);
    void (*unread)(struct stream *s, struct str rest);
    bool (*take)(struct stream *s, struct str *chunk);
    void (*say_last)(struct stream *s, struct str words);
    enum io (*write)(struct stream *s, const struct str *pieces, unsigned count, msec_t deadline);
    void (*shutdown)(struct stream *s);
    void (*close)(struct stream *s, bool is_abort);
    void (*set_hooks)(struct stream *s, const struct stream_hooks *hooks, void *arg);
    bool (*has_early)(const struct stream *s);
    bool (*has_ended)(const struct stream *s);
    const char *(*error)(const struct stream *s);
    struct plain *(*bottom)(struct stream *s); /* the socket below */
};
struct stream {
    const struct stream_ops *ops;
};

/* Bytes kept until somebody reads them. */
struct early {
    size_t from, len, room; /* bytes[from .. from + len) */
    char bytes[];
};

struct resolver;
struct tls_scratch;

enum { GATHERED_BYTES = 4096 };

/* What the loop's streams share: net.c. */
struct net {
    struct loop *loop;
    char *buffer;              /* STREAM_READ_BYTES: every read that has no better place lands here */
    char *gathered;            /* GATHERED_BYTES: the pieces of a small write */
    struct plain *fresh_owner; /* whose unread bytes lie in it */
    struct early *held;        /* early bytes that were lent: freed before anything else is lent */
    struct resolver *resolver; /* NULL: none yet */
    bool owns_resolver;
    struct tls_scratch *tls; /* tls_stream.c; NULL: none yet */
};
void tls_scratch_free(struct tls_scratch *t);
struct net *net_of(struct loop *l);
/* The read buffer is about to be used again: unread bytes move to their stream's heap. */
void net_reuse_buffer(struct net *n);

/* A socket: stream.c reads, stream_write.c writes, connects and closes, watch.c hears from the kernel. */
struct plain {
    struct stream stream;
    struct net *net;
    struct fiber *reader, *writer; /* in a wait on this stream; who connects is a writer */
    char *into;                    /* of a waiting stream_read_into */
    size_t into_left;
    struct str fresh;      /* unread bytes in the loop's buffer; then there are no early ones */
    struct early *early;   /* NULL: none */
    struct output *output; /* what the kernel has not taken yet; NULL: nothing */
    const struct stream_hooks *hooks;
    void *hooks_arg;
    struct loop_item later;      /* to call the hooks when the loop comes round */
    int fd;                      /* -1: closed */
    int end_code, write_code;    /* libuv's; 0: none. end_code UV_EOF: a clean end */
    int watched;                 /* libuv's events that it was told to watch for */
    bool is_reading, is_stopped; /* stopped: because more came than may be kept */
    bool is_connecting, is_connect_decided, is_edge;
    bool has_hung_up;  /* an end or an error is behind the bytes that the kernel has */
    bool has_seen_end; /* that was noticed while reading is stopped */
    bool has_told_readable, has_told_end, wants_shutdown, is_unix;
    uint8_t wakeups;
    uint8_t peer_bytes;
    char peer[46];
    uv_poll_t poll;
};
extern const struct stream_ops plain_ops;
static inline struct plain *plain_of(struct stream *s)
{
    return (struct plain *)(void *)s;
}
static inline const struct plain *plain_of_const(const struct stream *s)
{
    return (const struct plain *)(const void *)s;
}

/* Takes a socket; NULL: err, and it is closed. */
MUST_CHECK struct plain *plain_new(struct loop *l, int fd, bool is_unix, struct err *err);
void plain_on_later(struct loop_item *item); /* calls the hooks that are due */
void plain_set_peer(struct plain *p, const struct sockaddr *peer);
/* Connecting, for net/connect.c. Begin: IO_OK: it is connected, IO_FAIL: *code is libuv's, IO_TIMEOUT: not yet, and this
 * fiber is woken when it is decided; then the code says how (0: connected). End: before anything else is done with it. */
enum io plain_connect_begin(struct plain *p, const struct sockaddr *to, socklen_t bytes, int *code);
bool plain_connect_is_decided(const struct plain *p);
int plain_connect_code(const struct plain *p);
void plain_connect_end(struct plain *p);

/* watch.c: after any change of what its fields ask for. libuv's code, 0: fine. */
int plain_watch(struct plain *p);
/* What watch.c calls. The fibers that they resume may close the stream: then fd is -1. */
bool plain_read_ready(struct plain *p); /* true: it stopped although there may be more */
void plain_write_ready(struct plain *p);
void plain_hung_up(struct plain *p); /* while reading is stopped */

/* Bytes that are already here, lent as by stream_read; false: none. */
bool plain_take(struct plain *p, struct str *chunk);
enum io plain_write(struct stream *s, const struct str *pieces, unsigned count, msec_t deadline);
/* What the kernel takes at once of a last word; false: not all of it. */
bool plain_write_now(struct plain *p, struct str piece);
void plain_shutdown(struct stream *s);
void plain_close(struct stream *s, bool is_abort);

/* recv(), send() and sendmsg() without libc's wrappers, which make points of pthread_cancel() of them: two locked instructions each
 * time, as soon as there is a second thread. Sanitizers see only the wrappers. */
static inline ssize_t kernel_recv(int fd, void *at, size_t bytes, int flags)
{
#ifdef WEIR_SANITIZED
    return recv(fd, at, bytes, flags);
#else
    return syscall(SYS_recvfrom, fd, at, bytes, flags, NULL, NULL);
#endif
}
static inline ssize_t kernel_send(int fd, const void *at, size_t bytes, int flags)
{
#ifdef WEIR_SANITIZED
    return send(fd, at, bytes, flags);
#else
    return syscall(SYS_sendto, fd, at, bytes, flags, NULL, 0);
#endif
}
static inline ssize_t kernel_sendmsg(int fd, const struct msghdr *message, int flags)
{
#ifdef WEIR_SANITIZED
    return sendmsg(fd, message, flags);
#else
    return syscall(SYS_sendmsg, fd, message, flags);
#endif
}

/* address.c: 46 bytes at most, no NUL; the number of bytes. */
uint8_t address_format(const struct sockaddr *a, char out[46]);
bool address_is_loopback(const struct sockaddr *a);

#endif
