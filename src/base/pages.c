/* base/pages.c: blocks are cut from mappings of CHUNK_BLOCKS; the list of free ones lies outside of them, because a link
 * inside would keep a cold block's page resident. */
#include "base/pages.h"

#include "base/check.h"
#include "base/mem.h"

#include <sys/mman.h>

enum {
    CHUNK_BLOCKS = 64,
    PAGE_BYTES = 4096,
    TRIM_MOST = 1024, /* in one call: half a millisecond */
};

struct pages_chunk {
    struct pages_chunk *next;
    char *at;
};

void pages_init(struct pages *p, size_t block_bytes, unsigned max_warm)
{
    require(block_bytes > 0 && block_bytes % PAGE_BYTES == 0);
    *p = (struct pages){._block_bytes = block_bytes, ._max_warm = max_warm};
}

void pages_done(struct pages *p)
{
    while (p->_chunks) {
        struct pages_chunk *c = p->_chunks;
        p->_chunks = c->next;
        munmap(c->at, p->_block_bytes * CHUNK_BLOCKS);
        xfree(c);
    }
    xfree(p->_free);
    pages_init(p, p->_block_bytes, p->_max_warm);
}

#ifdef WEIR_SANITIZED
void *pages_take(struct pages *p)
{
    return xmalloc(p->_block_bytes);
}

void pages_give(struct pages *p, void *block)
{
    (void)p;
    xfree(block);
}

void pages_trim(struct pages *p)
{
    (void)p;
}
#else
static unsigned warm_count(const struct pages *p)
{
    return p->_count - p->_cold;
}

/* All of a fresh chunk's blocks are cold: nobody has touched them. */
static void add_chunk(struct pages *p)
{
    struct pages_chunk *c = xmalloc(sizeof *c);
    c->at = mmap(NULL, p->_block_bytes * CHUNK_BLOCKS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                 -1, 0);
    require(c->at != MAP_FAILED);
    madvise(c->at, p->_block_bytes * CHUNK_BLOCKS, MADV_NOHUGEPAGE);
    c->next = p->_chunks;
    p->_chunks = c;
    p->_room += CHUNK_BLOCKS;
    p->_free = xrealloc(p->_free, p->_room * sizeof *p->_free);
    for (unsigned i = 0; i < CHUNK_BLOCKS; i++) p->_free[i] = c->at + i * p->_block_bytes;
    p->_cold = p->_count = CHUNK_BLOCKS;
}

void *pages_take(struct pages *p)
{
    if (p->_count == 0) add_chunk(p);
    void *block = p->_free[--p->_count];
    if (p->_cold > p->_count) p->_cold = p->_count;
    if (p->_unneeded > warm_count(p)) p->_unneeded = warm_count(p);
    return block;
}

void pages_give(struct pages *p, void *block)
{
    if (block) p->_free[p->_count++] = block;
}

/* The unneeded ones are the oldest: they follow the cold ones. */
void pages_trim(struct pages *p)
{
    unsigned beyond = warm_count(p) > p->_max_warm ? warm_count(p) - p->_max_warm : 0;
    unsigned count = p->_unneeded < beyond ? p->_unneeded : beyond;
    if (count > TRIM_MOST) count = TRIM_MOST;
    for (unsigned i = 0; i < count; i++) madvise(p->_free[p->_cold++], p->_block_bytes, MADV_DONTNEED);
    p->_unneeded = warm_count(p);
}
#endif
