/* base/arena.h: memory that is freed all at once. One per exchange, one per parsed document.
 * One thread at a time. Allocation never fails (the process aborts when memory is gone), so
 * only what has a ceiling of its own may be put here; bodies live in base/buf.h. */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include "base/attributes.h"
#include "base/str.h"

#include <stddef.h>

struct arena_block;
struct arena {
    struct arena_block *_blocks; /* newest first */
    char *_at, *_end;            /* free room of the newest block */
};

void arena_init(struct arena *a); /* allocates nothing yet */
/* The first bytes come from `room`, which must live as long as the arena. */
void arena_init_in(struct arena *a, void *room, size_t room_bytes);
void arena_done(struct arena *a); /* frees all; the arena is empty and usable again */

/* Aligned to 16 bytes, not zeroed / zeroed. */
static inline void *arena_alloc(struct arena *a, size_t bytes) __attribute__((malloc, returns_nonnull));
void *arena_zalloc(struct arena *a, size_t bytes) __attribute__((malloc, returns_nonnull));
#define arena_new(a, type) ((type *)arena_zalloc((a), sizeof(type)))
#define arena_new_array(a, type, count) ((type *)arena_zalloc((a), sizeof(type) * (count)))

/* Copies live in the arena; the copy is followed by a NUL that is not counted. */
struct str arena_copy(struct arena *a, struct str s);
char *arena_cstr(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *format, ...) PRINTF(2, 3);
/* The pieces one after the other. */
struct str arena_join(struct arena *a, const struct str *pieces, size_t count);

/* ---- inside ---- */
enum { ARENA_ALIGNMENT = 16 };
void *arena_alloc_block(struct arena *a, size_t bytes) __attribute__((malloc, returns_nonnull));

static inline void *arena_alloc(struct arena *a, size_t bytes)
{
    bytes = (bytes + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
    /* Also when it just fits, so that nothing, of an arena without a block, is a place and not NULL. */
    if (UNLIKELY((size_t)(a->_end - a->_at) <= bytes)) return arena_alloc_block(a, bytes);
    void *p = a->_at;
    a->_at += bytes;
    return p;
}

#endif
