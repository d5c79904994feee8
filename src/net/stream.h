/* net/stream.h: a connection's bytes, read and written by fibers. TCP, unix sockets or TLS below;
 * the same six verbs. For the thread of the stream's loop. A stream is on the heap; libuv's handle and
 * requests live inside it, so a cancelled fiber can always just leave.
 *
 * Reading stays on from the first read (or stream_set_hooks) until close, into one buffer of the loop. So a
 * hang-up is seen whenever it happens; bytes that come while nobody reads are kept up to STREAM_EARLY_BYTES,
 * then reading stops until they are taken, and a hang-up is seen within a second. (A peer whose last bytes do
 * not fit into our kernel's buffer cannot tell us its end before they are taken; an abort of its can.)
 * At most one fiber reads and at most one writes at a time. */
#ifndef WEIR_NET_STREAM_H
#define WEIR_NET_STREAM_H

#include "base/err.h"
#include "base/str.h"
#include "fiber/fiber.h"

#include <sys/socket.h>

struct stream;

enum { STREAM_EARLY_BYTES = 16 * 1024, STREAM_READ_BYTES = 64 * 1024 };

/* Waits for bytes. IO_OK: *chunk (never empty) is lent until this fiber's next wait of any kind;
 * IO_END: the peer has ended its side; IO_FAIL: reset or TLS error (stream_error tells).
 * IO_TIMEOUT leaves the stream usable. Early bytes come first. */
enum io stream_read(struct stream *s, struct str *chunk, msec_t deadline);
/* Exactly `bytes` into `at`, with no copy in between when they are many; *got says how many came. */
enum io stream_read_into(struct stream *s, char *at, size_t bytes, size_t *got, msec_t deadline);
/* Puts bytes back in front (copied): what a parser has read too far. At most STREAM_READ_BYTES. */
void stream_unread(struct stream *s, struct str rest);
/* All pieces are handed to the kernel (or copied into a buffer that the stream owns and waited for:
 * that wait is the back-pressure). On IO_OK the caller's memory is free again. Any other result:
 * bytes may have been lost in the middle, only stream_close makes sense. A cancelled fiber may still say
 * its last word: what the kernel takes at once needs no wait. */
enum io stream_write(struct stream *s, const struct str *pieces, unsigned count, msec_t deadline);
/* For the loop, when no fiber can be had: what has come already, lent until the loop's next turn. False: nothing has. */
bool stream_take(struct stream *s, struct str *chunk);
/* The same, to write: what the kernel takes at once of a few words, then the end of our direction. */
void stream_say_last(struct stream *s, struct str words);
/* Ends our direction after what was written (FIN; TLS close_notify). */
void stream_shutdown(struct stream *s);
/* What is written from here on leaves together with the end that stream_shutdown() puts behind it: the peer cannot see
 * one without the other. To be called right before the last write of a stream that ends. */
void stream_hold_last(struct stream *s);
/* Closes at once and takes the stream; *s becomes NULL. No fiber may be waiting on it. */
void stream_close(struct stream **s);
/* As stream_close, but with a reset (RST) so that the peer notices an aborted message. */
void stream_abort(struct stream **s);

/* ---- while no fiber reads ---- */
/* Hooks, called on the loop, never from inside a fiber's call. NULL: none. */
struct stream_hooks {
    void (*on_readable)(void *arg); /* nobody waits and bytes have come (kept as early bytes until read) */
    void (*on_end)(void *arg);      /* nobody waits and the peer has ended or reset its side; once */
};
/* `hooks` is lent for the stream's life. If bytes or an end are already here the hook is called when
 * the loop comes round. on_readable fires once for each batch of early bytes; inside it the handler may
 * start a fiber with fiber_start_now() whose stream_read() gets the bytes without a copy. */
void stream_set_hooks(struct stream *s, const struct stream_hooks *hooks, void *arg);
bool stream_has_early(const struct stream *s);    /* bytes that came before anyone asked */
bool stream_has_ended(const struct stream *s);    /* the peer's end or an error has been seen */
const char *stream_error(const struct stream *s); /* of the last IO_FAIL; "" without one; no secrets */

/* The peer's address in text, without port ("127.0.0.1", "::1", "unix"); lent for the stream's life. */
struct str stream_peer(const struct stream *s);
bool stream_peer_is_unix(const struct stream *s);
void stream_set_nodelay(struct stream *s, bool is_on); /* TCP_NODELAY; on from the start */

/* ---- made by net/ ---- */
/* Takes a connected or accepted descriptor on the current loop. NULL: err; the descriptor is closed. */
MUST_CHECK struct stream *stream_from_fd(struct loop *l, int fd, const struct sockaddr *peer,
                                         struct err *err);

#endif
