/* net/inside.h: what the files of net/ share; nobody else includes it. */
#ifndef WEIR_NET_INSIDE_H
#define WEIR_NET_INSIDE_H

#include "base/list.h"
#include "fiber/loop_item.h"
#include "net/stream.h"

#include <uv.h>

/* One kind of stream. Every slot is filled. */
struct stream_ops {
    enum io (*read)(struct stream *s, struct str *chunk, msec_t deadline);
    enum io (*read_into)(struct stream *s, struct str room, size_t *got, msec_t deadline);
    void (*unread)(struct stream *s, struct str rest);
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

/* What the loop's streams share: net.c. */
struct net {
    struct loop *loop;
    char *buffer;              /* STREAM_READ_BYTES: every read that has no better place lands here */
    struct plain *fresh_owner; /* whose unread bytes lie in it */
    struct early *held;        /* early bytes that were lent: freed before anything else is lent */
    struct list stopped;       /* plain streams that do not read: looked at once a second */
    bool is_watching;
    uv_timer_t watch;
    struct resolver *resolver; /* NULL: none yet */
    bool owns_resolver;
    struct tls_scratch *tls; /* tls.c; NULL: none yet */
};
void tls_scratch_free(struct tls_scratch *t);
struct net *net_of(struct loop *l);
/* The read buffer is about to be used again: unread bytes move to their stream's heap. */
void net_reuse_buffer(struct net *n);
void net_watch_start(struct net *n);

/* A socket: stream.c reads, stream_write.c writes and closes. */
struct plain {
    struct stream stream;
    struct net *net;
    struct fiber *reader, *writer; /* in a wait on this stream */
    char *into;                    /* of a waiting stream_read_into */
    size_t into_left;
    struct str fresh;      /* unread bytes in the loop's buffer; then there are no early ones */
    struct early *early;   /* NULL: none */
    struct output *output; /* what libuv still writes; NULL: nothing */
    const struct stream_hooks *hooks;
    void *hooks_arg;
    struct loop_item later; /* to call the hooks when the loop comes round */
    struct list stopped;    /* in net's list */
    int fd;
    int end_code, write_code;      /* libuv's; 0: none. end_code UV_EOF: a clean end */
    bool is_reading, has_seen_end; /* the second: by looking, before the bytes in between were read */
    bool has_told_readable, has_told_end, wants_shutdown, is_loopback, is_unix;
    uint8_t peer_bytes;
    char peer[46];
    union {
        uv_handle_t any;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
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

struct plain *plain_new(struct loop *l, bool is_unix); /* a handle without a socket yet */
void plain_on_later(struct loop_item *item);           /* calls the hooks that are due */
void plain_set_peer(struct plain *p, const struct sockaddr *peer);
void plain_connected(struct plain *p); /* the handle has its socket now */
/* Bytes that are already here, lent as by stream_read; false: none. */
bool plain_take(struct plain *p, struct str *chunk);
enum io plain_write(struct stream *s, const struct str *pieces, unsigned count, msec_t deadline);
void plain_shutdown(struct stream *s);
void plain_close(struct stream *s, bool is_abort);

/* address.c: 46 bytes at most, no NUL; the number of bytes. */
uint8_t address_format(const struct sockaddr *a, char out[46]);
bool address_is_loopback(const struct sockaddr *a);

#endif
