/* net/connect.c: the race for a connection.
 *
 *     now      +250 ms     +500 ms
 *     A ───────────────────────────► connected: wins, the others are closed
 *              B ──refused
 *                  C ──────────────►             the next starts at once when one has failed
 *
 * One fiber waits for all of them: each attempt is a plain socket that names this fiber as its writer, and whichever is
 * decided first wakes it. So there is nothing to be cancelled but one wait, and one place that closes. */
#include "net/connect.h"

#include "base/check.h"
#include "net/inside.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/un.h>

enum { FULL_QUEUE_MS = 10 };

struct race {
    const struct sockaddr_storage *addresses;
    unsigned count, next; /* next: the first that was not tried yet */
    msec_t deadline, next_at;
    struct plain *running[CONNECT_MAX_ADDRESSES]; /* by address; NULL: not yet, or not any more */
    unsigned running_count;
    int code; /* libuv's, of the last failure */
};

static socklen_t address_bytes(const struct sockaddr *a)
{
    return a->sa_family == AF_UNIX    ? sizeof(struct sockaddr_un)
           : a->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                      : sizeof(struct sockaddr_in);
}

static void attempt_close(struct race *r, unsigned i)
{
    struct stream *s = &r->running[i]->stream;
    plain_connect_end(r->running[i]);
    r->running[i] = NULL;
    r->running_count--;
    stream_close(&s);
}

static struct stream *attempt_wins(struct race *r, unsigned i)
{
    struct plain *winner = r->running[i];
    plain_connect_end(winner);
    r->running[i] = NULL;
    for (unsigned k = 0; k < r->next; k++)
        if (r->running[k]) attempt_close(r, k);
    plain_set_peer(winner, (const struct sockaddr *)&r->addresses[i]);
    return &winner->stream;
}

/* When the one after this one is due: every address gets a turn before the deadline. */
static msec_t next_turn(const struct race *r)
{
    msec_t now = fiber_now(), delay = CONNECT_ATTEMPT_DELAY_MS, left = r->count - r->next;
    if (left == 0) return NEVER;
    if (r->deadline != NEVER && (r->deadline - now) / (left + 1) < delay)
        delay = (r->deadline - now) / (left + 1);
    return now + (delay > 0 ? delay : 0);
}

/* False: this address is out at once; r->code says why. */
static bool attempt_start(struct race *r, enum io *io, struct err *err)
{
    unsigned i = r->next++;
    const struct sockaddr *to = (const struct sockaddr *)&r->addresses[i];
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        r->code = uv_translate_sys_error(errno);
        return false;
    }
    struct plain *p = plain_new(loop_current(), fd, to->sa_family == AF_UNIX, err);
    if (!p) {
        r->code = UV_ENOMEM;
        return false;
    }
    r->running[i] = p;
    r->running_count++;
    *io = plain_connect_begin(p, to, address_bytes(to), &r->code);
    if (*io != IO_FAIL) return true;
    attempt_close(r, i);
    return false;
}

/* One that is connected; those that have failed are closed, and then the next one's turn is now. */
static struct stream *look_around(struct race *r)
{
    for (unsigned i = 0; i < r->next; i++) {
        struct plain *p = r->running[i];
        if (!p || !plain_connect_is_decided(p)) continue;
        int code = plain_connect_code(p);
        if (code == 0) return attempt_wins(r, i);
        r->code = code;
        attempt_close(r, i);
        r->next_at = 0;
    }
    return NULL;
}

static void close_all(struct race *r)
{
    for (unsigned i = 0; i < r->next; i++)
        if (r->running[i]) attempt_close(r, i);
}

static enum io race_failed(const struct race *r, struct err *err)
{
    enum err_code code = ERR_SYSTEM;
    switch (r->code) {
    case UV_ECONNREFUSED:
    case UV_ECONNRESET:
    case UV_ENOENT: code = ERR_REFUSED; break;
    case UV_EMFILE:
    case UV_ENFILE:
    case UV_ENOMEM:
    case UV_ENOBUFS: code = ERR_EXHAUSTED; break;
    }
    err_set(err, code, "%s", uv_strerror(r->code));
    return IO_FAIL;
}

/* A unix socket whose queue is full says so at once, and never when there is room again: we ask now and then. IO_OK: again. */
static enum io wait_for_room(struct race *r)
{
    msec_t until = fiber_now() + FULL_QUEUE_MS;
    enum io io = fiber_wait(until < r->deadline ? until : r->deadline);
    if (io == IO_CANCELLED || fiber_now() >= r->deadline) return io;
    r->next = 0;
    return IO_OK;
}

struct stream *connect_first(const struct sockaddr_storage *addresses, unsigned count, msec_t deadline,
                             enum io *why, struct err *err)
{
    require(count > 0 && count <= CONNECT_MAX_ADDRESSES);
    struct race r = {.addresses = addresses, .count = count, .deadline = deadline};
    for (;;) {
        while (r.next < count && fiber_now() >= r.next_at) {
            enum io io = IO_FAIL;
            if (attempt_start(&r, &io, err) && io == IO_OK) {
                *why = IO_OK;
                return attempt_wins(&r, r.next - 1);
            }
            if (io != IO_FAIL) r.next_at = next_turn(&r);
        }
        if (r.running_count == 0) {
            *why = r.code == UV_EAGAIN ? wait_for_room(&r) : race_failed(&r, err);
            if (*why != IO_OK) return NULL;
            continue;
        }
        msec_t until = r.next < count && r.next_at < deadline ? r.next_at : deadline;
        *why = fiber_wait(until);
        struct stream *s = *why == IO_CANCELLED ? NULL : look_around(&r);
        if (s) {
            *why = IO_OK;
            return s;
        }
        if (*why == IO_CANCELLED || (*why == IO_TIMEOUT && fiber_now() >= deadline)) {
            close_all(&r);
            return NULL;
        }
    }
}
