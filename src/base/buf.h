/* base/buf.h: bytes that grow, up to a ceiling given at birth. The owner of the struct owns the
 * memory. One thread. From 256 KiB on the memory is a mapping that grows in place where the kernel
 * can and goes back to the kernel (or a small per-thread stock) when it is freed. What a buf holds may count against a
 * budget that many share: its memory as it was taken, from BUF_COUNTED_BYTES on. */
#ifndef WEIR_BASE_BUF_H
#define WEIR_BASE_BUF_H

#include "base/attributes.h"
#include "base/budget.h"
#include "base/str.h"

enum { BUF_COUNTED_BYTES = 32 * 1024 };

struct buf {
    char *at; /* NULL while empty */
    size_t len;
    size_t _room, _max_bytes;
    struct budget *_budget; /* NULL: not counted */
    bool _is_starved;
};

void buf_init(struct buf *b, size_t max_bytes); /* allocates nothing yet; max_bytes > 0 */
void buf_init_counted(struct buf *b, size_t max_bytes, struct budget *budget); /* NULL: as buf_init() */
void buf_done(struct buf *b);  /* frees what it holds; the buf stays usable and empty; all zero is fine */
void buf_clear(struct buf *b); /* length 0, memory kept */

static inline struct str buf_str(const struct buf *b)
{
    return str_of(b->at, b->len); /* lent until b changes */
}

/* False: over the ceiling, or starved: b unchanged. */
MUST_CHECK bool buf_append(struct buf *b, struct str more);
MUST_CHECK bool buf_append_char(struct buf *b, char c);
/* Room for at least `bytes` more at b->at + b->len; write there, then add to b->len. */
MUST_CHECK bool buf_reserve(struct buf *b, size_t bytes);
/* Was the last refusal for want of memory or budget, and not because of b's own ceiling? */
bool buf_is_starved(const struct buf *b);
/* Cuts `bytes` off the front (clipped to the length). */
void buf_consume(struct buf *b, size_t bytes);

/* To be called about once a second: large mappings that nobody has needed since the last call go back to the kernel, all
 * but a few MiB of them. */
void buf_thread_trim(void);
/* Gives the thread's stock of large mappings back to the kernel: at a thread's end. */
void buf_thread_done(void);

#endif
