/* http/stock.c: a stack of free blocks, linked through their first bytes. */
#include "http/stock.h"

#include "base/mem.h"

struct free_block {
    struct free_block *next;
};

void stock_init(struct stock *s, size_t block_bytes, unsigned max_kept)
{
    *s = (struct stock){._block_bytes = block_bytes, ._max_kept = max_kept};
#ifdef WEIR_SANITIZED
    s->_max_kept = 0;
#endif
}

void stock_done(struct stock *s)
{
    while (s->_first) {
        struct free_block *b = s->_first;
        s->_first = b->next;
        xfree(b);
    }
    s->_count = 0;
}

void *stock_take(struct stock *s)
{
    struct free_block *b = s->_first;
    if (!b) return xmalloc(s->_block_bytes);
    s->_first = b->next;
    s->_count--;
    return b;
}

void stock_give(struct stock *s, void *block)
{
    if (!block) return;
    if (s->_count >= s->_max_kept) {
        xfree(block);
        return;
    }
    struct free_block *b = block;
    b->next = s->_first;
    s->_first = b;
    s->_count++;
}
