/* net/pieces.h: where a write stands in its pieces. */
#ifndef WEIR_NET_PIECES_H
#define WEIR_NET_PIECES_H

#include "base/str.h"

struct pieces {
    const struct str *at;
    unsigned count;
    size_t skip; /* of the first piece */
};

static inline void pieces_advance(struct pieces *p, size_t bytes)
{
    bytes += p->skip;
    while (p->count && bytes >= p->at->len) {
        bytes -= p->at->len;
        p->at++;
        p->count--;
    }
    p->skip = bytes;
}

/* What is left, or `most`. */
static inline size_t pieces_left(const struct pieces *p, size_t most)
{
    size_t left = 0;
    for (unsigned i = 0; i < p->count && left < most + p->skip; i++) left += p->at[i].len;
    left -= p->skip;
    return left < most ? left : most;
}

/* Copies up to `bytes` out and advances; how many. */
static inline size_t pieces_copy(struct pieces *p, char *to, size_t bytes)
{
    size_t copied = 0;
    while (p->count && copied < bytes) {
        size_t here = p->at->len - p->skip;
        if (here > bytes - copied) here = bytes - copied;
        if (here) memcpy(to + copied, p->at->at + p->skip, here);
        copied += here;
        pieces_advance(p, here);
    }
    return copied;
}

#endif
