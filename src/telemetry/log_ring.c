/* telemetry/log_ring.c: one producer, one consumer, no locks; the picture is in log_inside.h.
 *
 * The producer promises: a line is reserved only while the whole of it, and so the lap's end too, lies within one ring
 * size of the tail. Hence when a lap ends, the writer is done with the lap before, and lap_end may be written anew.
 * The head is shown with sequential consistency, for it pairs with the writer's going to sleep (log.c): either the
 * writer sees the line, or the producer sees the sleeper. */
#include "telemetry/log_inside.h"

#include "base/check.h"
#include "base/mem.h"

struct log_ring *log_ring_new(struct log *l, uint64_t size)
{
    require(size >= 64 * 1024 && (size & (size - 1)) == 0);
    struct log_ring *r = xzalloc(sizeof *r);
    r->log = l;
    r->size = size;
    r->bytes = xmalloc(size + LOG_LINE_MAX_BYTES);
    r->stamp_s = INT64_MIN;
    return r;
}

void log_ring_free(struct log_ring *r)
{
    if (!r) return;
    xfree(r->bytes);
    xfree(r);
}

char *log_ring_reserve(struct log_ring *r)
{
    if (r->pos + LOG_LINE_MAX_BYTES - r->seen_tail > r->size) {
        r->seen_tail = atomic_load_explicit(&r->tail, memory_order_acquire);
        if (r->pos + LOG_LINE_MAX_BYTES - r->seen_tail > r->size) {
            uint64_t dropped = atomic_load_explicit(&r->dropped, memory_order_relaxed);
            atomic_store_explicit(&r->dropped, dropped + 1, memory_order_relaxed);
            return NULL;
        }
    }
    return r->bytes + (r->pos & (r->size - 1));
}

static bool ring_is_half_full(struct log_ring *r)
{
    if (r->pos - r->seen_tail <= r->size / 2) return false;
    r->seen_tail = atomic_load_explicit(&r->tail, memory_order_acquire);
    return r->pos - r->seen_tail > r->size / 2;
}

void log_ring_commit(struct log_ring *r, size_t bytes)
{
    require(bytes <= LOG_LINE_MAX_BYTES);
    uint64_t lap = r->pos & ~(r->size - 1), place = r->pos - lap + bytes;
    r->pos += bytes;
    if (place >= r->size) {
        atomic_store_explicit(&r->lap_end, place, memory_order_relaxed);
        r->pos = lap + r->size;
    }
    atomic_store_explicit(&r->head, r->pos, memory_order_seq_cst);
    if (atomic_load_explicit(&r->log->is_asleep, memory_order_seq_cst) || ring_is_half_full(r))
        log_wake(r->log);
}

unsigned log_ring_peek(const struct log_ring *r, struct iovec pieces[2], uint64_t *head)
{
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed), mask = r->size - 1;
    unsigned count = 0;
    *head = atomic_load_explicit(&r->head, memory_order_seq_cst);
    if (*head == tail) return 0;
    if ((tail & ~mask) == (*head & ~mask)) {
        pieces[0] = (struct iovec){r->bytes + (tail & mask), *head - tail};
        return 1;
    }
    uint64_t lap_end = atomic_load_explicit(&r->lap_end, memory_order_relaxed);
    pieces[count++] = (struct iovec){r->bytes + (tail & mask), lap_end - (tail & mask)};
    if (*head & mask) pieces[count++] = (struct iovec){r->bytes, *head & mask};
    return count;
}

void log_ring_release(struct log_ring *r, uint64_t head)
{
    atomic_store_explicit(&r->tail, head, memory_order_release);
}
