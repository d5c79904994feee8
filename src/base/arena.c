/* base/arena.c: bump allocation in blocks that double from 4 KiB to 64 KiB.
 *     [block header | used ......_at | free ......_end]  ->  older block  ->  NULL
 * A request larger than a quarter of the next block gets a block of its own behind the newest one,
 * so that the newest one's room is not wasted. */
#include "base/arena.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

enum { FIRST_BLOCK_BYTES = 4096 - 64, LAST_BLOCK_BYTES = 64 * 1024 - 64 };

struct arena_block {
    struct arena_block *older;
    size_t bytes; /* of payload */
    _Alignas(ARENA_ALIGNMENT) char payload[];
};

void arena_init(struct arena *a)
{
    *a = (struct arena){0};
}

void arena_init_in(struct arena *a, void *room, size_t room_bytes)
{
    size_t skip = -(uintptr_t)room & (ARENA_ALIGNMENT - 1);
    if (skip > room_bytes) skip = room_bytes;
    *a = (struct arena){._at = (char *)room + skip, ._end = (char *)room + room_bytes};
}

void arena_done(struct arena *a)
{
    struct arena_block *b = a->_blocks;
    while (b) {
        struct arena_block *older = b->older;
        xfree(b);
        b = older;
    }
    *a = (struct arena){0};
}

static struct arena_block *block_new(size_t bytes)
{
    struct arena_block *b = xmalloc(sizeof *b + bytes);
    b->bytes = bytes;
    b->older = NULL;
    return b;
}

void *arena_alloc_block(struct arena *a, size_t bytes)
{
    size_t next = a->_blocks ? a->_blocks->bytes * 2 : FIRST_BLOCK_BYTES;
    if (next > LAST_BLOCK_BYTES) next = LAST_BLOCK_BYTES;
    if (bytes > next / 4 && a->_blocks) {
        struct arena_block *own = block_new(bytes);
        own->older = a->_blocks->older;
        a->_blocks->older = own;
        return own->payload;
    }
    if (bytes > next) next = bytes;
    struct arena_block *b = block_new(next);
    b->older = a->_blocks;
    a->_blocks = b;
    a->_at = b->payload + bytes;
    a->_end = b->payload + next;
    return b->payload;
}

void *arena_zalloc(struct arena *a, size_t bytes)
{
    return memset(arena_alloc(a, bytes), 0, bytes);
}

char *arena_cstr(struct arena *a, struct str s)
{
    char *copy = arena_alloc(a, s.len + 1);
    if (s.len) memcpy(copy, s.at, s.len);
    copy[s.len] = '\0';
    return copy;
}

struct str arena_copy(struct arena *a, struct str s)
{
    return str_of(arena_cstr(a, s), s.len);
}

struct str arena_printf(struct arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int need = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = arena_alloc(a, (size_t)need + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)need + 1, format, args);
    va_end(args);
    return str_of(text, (size_t)need);
}

struct str arena_join(struct arena *a, const struct str *pieces, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) total += pieces[i].len;
    char *text = arena_alloc(a, total + 1), *at = text;
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].len) memcpy(at, pieces[i].at, pieces[i].len);
        at += pieces[i].len;
    }
    *at = '\0';
    return str_of(text, total);
}
