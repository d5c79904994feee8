/* base/pages.h: blocks of whole pages that come and go by the thousand. Free ones are handed out again, last in, first
 * out; those that nobody has needed for a while give their memory back to the kernel and keep only their address. So what
 * ten thousand exchanges need for a moment is not still resident (as holes in malloc's heap) once they need it no more,
 * and what two hundred need all the time is never given away, however they come and go together.
 * One thread. In sanitizer builds every block is malloc'ed and freed, so that a use after its end shows. */
#ifndef WEIR_BASE_PAGES_H
#define WEIR_BASE_PAGES_H

#include <stddef.h>

struct pages {
    size_t _block_bytes;
    unsigned _max_warm;
    void **_free; /* cold ones first, then the warm ones; the last is handed out next */
    unsigned _cold, _count, _room;
    unsigned _unneeded;          /* warm ones that have been free ever since the last pages_trim() */
    struct pages_chunk *_chunks; /* mappings; all end with pages_done() */
};
void pages_init(struct pages *p, size_t block_bytes,
                unsigned max_warm); /* a multiple of 4096; allocates nothing yet */
void pages_done(struct pages *p);   /* blocks still taken are gone, too */
void *pages_take(struct pages *p) __attribute__((returns_nonnull)); /* not zeroed */
void pages_give(struct pages *p, void *block);                      /* NULL is fine */
/* To be called about once a second: what has been free since the last call goes back to the kernel, all but max_warm. */
void pages_trim(struct pages *p);

#endif
