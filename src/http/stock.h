/* http/stock.h: blocks of one size that are used again without malloc: calls (exchanges: base/pages.h).
 * Last in, first out, so that a block is still in the processor's cache. One thread. In sanitizer builds
 * nothing is kept, so that a use after the end shows. */
#ifndef WEIR_HTTP_STOCK_H
#define WEIR_HTTP_STOCK_H

#include <stddef.h>

struct stock {
    void *_first;
    size_t _block_bytes;
    unsigned _count, _max_kept;
};
void stock_init(struct stock *s, size_t block_bytes, unsigned max_kept); /* allocates nothing yet */
void stock_done(struct stock *s); /* blocks still taken may be given back no more */
void *stock_take(struct stock *s) __attribute__((returns_nonnull)); /* not zeroed, as malloc aligns it */
void stock_give(struct stock *s, void *block);                      /* NULL is fine */

#endif
