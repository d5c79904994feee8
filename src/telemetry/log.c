/* telemetry/log.c: the writer thread and the life of a log.
 *
 *     busy ── nothing for a second ──► asleep        every 20 ms, or woken by a half-full ring: take, write
 *     asleep ── a line, log_wake() ──► busy          costs nothing while nobody logs
 *
 * What a ring holds is written straight from it with one writev for all rings and released afterwards, so a line is
 * copied by nobody but the kernel. A blocked descriptor blocks this thread alone; rings fill up and drop. */
#include "telemetry/log.h"

#include "base/check.h"
#include "base/mem.h"
#include "telemetry/log_inside.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    DEFAULT_RING_BYTES = 1 << 20,
    TAKE_EVERY_MS = 20,
    IDLE_TURNS = 50,   /* a second */
    MAX_PIECES = 1024, /* IOV_MAX */
    RETRY_MS = 100,    /* of a descriptor that would block */
    LAST_RETRIES = 15, /* at the end */
    LAST_WAIT_S = 2,
};

/* ---- writing ---- */

/* True: what is left begins within a line. */
static bool pieces_advance(struct iovec **pieces, unsigned *count, size_t bytes)
{
    while (*count > 0 && bytes >= (*pieces)->iov_len) {
        bytes -= (*pieces)->iov_len;
        ++*pieces;
        --*count;
    }
    if (bytes == 0) return false;
    char *at = (char *)(*pieces)->iov_base + bytes;
    **pieces = (struct iovec){at, (*pieces)->iov_len - bytes};
    return at[-1] != '\n';
}

static uint64_t pieces_count_lines(const struct iovec *pieces, unsigned count)
{
    uint64_t lines = 0;
    for (unsigned i = 0; i < count; i++) {
        const char *at = pieces[i].iov_base;
        for (size_t k = 0; k < pieces[i].iov_len; k++) lines += at[k] == '\n';
    }
    return lines;
}

/* False: it will not take more now. */
static bool log_wait_writable(const struct log *l, int *retries)
{
    struct pollfd fd = {.fd = l->fd, .events = POLLOUT};
    if (atomic_load(&l->is_stopping) && ++*retries > LAST_RETRIES) return false;
    (void)poll(&fd, 1, RETRY_MS);
    return true;
}

/* All of it, or what the descriptor takes: the rest is dropped and counted. A line that was cut is ended before the
 * next one begins. */
static void log_write(struct log *l, struct iovec *pieces, unsigned count)
{
    struct iovec line_end = {(char[]){'\n'}, 1};
    bool is_cut = false;
    int retries = 0;
    while (count > 0) {
        unsigned batch = count < MAX_PIECES ? count : MAX_PIECES;
        ssize_t written = l->is_torn ? writev(l->fd, &line_end, 1) : writev(l->fd, pieces, (int)batch);
        if (written > 0 && l->is_torn)
            l->is_torn = false;
        else if (written > 0)
            is_cut = pieces_advance(&pieces, &count, (size_t)written);
        else if (written == 0 || (errno != EINTR && (errno != EAGAIN || !log_wait_writable(l, &retries))))
            break;
    }
    l->is_torn = l->is_torn || is_cut;
    atomic_fetch_add_explicit(&l->refused, pieces_count_lines(pieces, count), memory_order_relaxed);
}

/* False: there was nothing. */
static bool log_take(struct log *l)
{
    unsigned count = 0;
    for (unsigned i = 0; i < l->ring_count; i++)
        count += log_ring_peek(l->rings[i], l->pieces + count, &l->heads[i]);
    if (count == 0) return false;
    log_write(l, l->pieces, count);
    for (unsigned i = 0; i < l->ring_count; i++) log_ring_release(l->rings[i], l->heads[i]);
    return true;
}

/* ---- the thread ---- */

static bool log_has_lines(const struct log *l)
{
    struct iovec pieces[2];
    uint64_t head;
    for (unsigned i = 0; i < l->ring_count; i++)
        if (log_ring_peek(l->rings[i], pieces, &head) > 0) return true;
    return false;
}

/* The flag goes down before the rings are looked at, so a wake-up in between is never lost. */
static void log_wait(struct log *l, int timeout_ms)
{
    struct pollfd fd = {.fd = l->wake_fd, .events = POLLIN};
    uint64_t times;
    (void)poll(&fd, 1, timeout_ms);
    (void)!read(l->wake_fd, &times, sizeof times);
    atomic_store(&l->is_woken, false);
}

/* First says that it sleeps, then looks once more: a producer that missed the one is caught by the other. */
static void log_sleep(struct log *l)
{
    atomic_store(&l->is_asleep, true);
    if (!log_has_lines(l) && !atomic_load(&l->is_stopping)) log_wait(l, -1);
    atomic_store(&l->is_asleep, false);
}

static void *log_main(void *arg)
{
    struct log *l = arg;
    int idle_turns = 0;
    for (;;) {
        bool is_stopping = atomic_load(&l->is_stopping);
        idle_turns = log_take(l) ? 0 : idle_turns + 1;
        if (is_stopping && idle_turns > 0) return NULL;
        if (idle_turns < IDLE_TURNS)
            log_wait(l, is_stopping ? 0 : TAKE_EVERY_MS);
        else
            log_sleep(l);
    }
}

void log_wake(struct log *l)
{
    uint64_t once = 1;
    if (!atomic_exchange(&l->is_woken, true)) (void)!write(l->wake_fd, &once, sizeof once);
}

/* All signals go to other threads; a SIGPIPE of this one stays blocked, and EPIPE says the same. */
static int log_start(struct log *l)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&l->thread, NULL, log_main, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure == 0) pthread_setname_np(l->thread, "weir-log");
    return failure;
}

/* ---- life ---- */

static void log_destroy(struct log *l)
{
    for (unsigned i = 0; i < l->ring_count; i++) log_ring_free(l->rings[i]);
    if (l->wake_fd >= 0) close(l->wake_fd);
    xfree(l->pieces);
    xfree(l->heads);
    xfree(l);
}

struct log *log_new(const struct log_options *options, struct err *err)
{
    uint64_t ring_bytes = options->ring_bytes ? options->ring_bytes : DEFAULT_RING_BYTES;
    struct log *l = xzalloc(sizeof *l + options->rings * sizeof *l->rings);
    l->fd = options->fd;
    l->is_text = options->is_text;
    l->ring_count = options->rings;
    atomic_init(&l->level, (int)options->level);
    l->pieces = xzalloc((2 * options->rings + 1) * sizeof *l->pieces);
    l->heads = xzalloc((options->rings + 1) * sizeof *l->heads);
    for (unsigned i = 0; i < options->rings; i++) l->rings[i] = log_ring_new(l, ring_bytes);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int failure = l->wake_fd < 0 ? errno : log_start(l);
    if (failure == 0) return l;
    err_set_errno(err, failure, "log");
    log_destroy(l);
    return NULL;
}

/* A writer that hangs in a descriptor is left behind with all it uses: the process is about to end. */
void log_free(struct log *l)
{
    if (!l) return;
    int64_t until_ms = clock_wall_ms() + LAST_WAIT_S * 1000;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    atomic_store(&l->is_stopping, true);
    log_wake(l);
    if (pthread_timedjoin_np(l->thread, NULL, &until) == 0)
        log_destroy(l);
    else
        pthread_detach(l->thread);
}

struct log_ring *log_ring(struct log *l, unsigned index)
{
    require(index < l->ring_count);
    return l->rings[index];
}

void log_set_level(struct log *l, enum log_level level)
{
    atomic_store_explicit(&l->level, (int)level, memory_order_relaxed);
}

uint64_t log_dropped(const struct log *l)
{
    uint64_t sum = atomic_load_explicit(&l->refused, memory_order_relaxed);
    for (unsigned i = 0; i < l->ring_count; i++)
        sum += atomic_load_explicit(&l->rings[i]->dropped, memory_order_relaxed);
    return sum;
}
