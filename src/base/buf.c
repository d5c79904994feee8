/* base/buf.c: growing bytes. Small ones live in malloc and double. From LARGE_BYTES on they are
 * mappings, because a 1 MB body in malloc would mean a fresh mapping, 256 page
 * faults and an munmap for each request: each thread keeps freed mappings of moderate size, up to
 * STOCK_BYTES in all, and hands the one that was used last out first (its pages are in the caches); those that nobody
 * has needed from one buf_thread_trim() to the next go back to the kernel but for WARM_BYTES. Mappings that
 * the stock may keep have powers of two as their sizes; larger ones grow by steps, because moving pages costs little. */
#include "base/buf.h"

#include "base/check.h"
#include "base/mem.h"

#include <sys/mman.h>

enum {
    SMALL_FIRST_BYTES = 512,
    LARGE_BYTES = 256 * 1024,
    STOCK_COUNT = 64,
    STOCK_MAX_BYTES = 4 << 20, /* of one mapping */
    STOCK_BYTES = 32 << 20,    /* of all */
    WARM_BYTES = 4 << 20,      /* of those that nobody has needed for a while */
    STEP_BYTES = 1 << 20,      /* of mappings too large for the stock */
};

static _Thread_local struct {
    struct {
        char *at;
        size_t bytes;
    } mappings[STOCK_COUNT]; /* the one given last is last */
    unsigned count;
    unsigned unneeded; /* the oldest, that have been there since the last buf_thread_trim() */
    size_t bytes;
} stock;

static char *mapping_take(size_t bytes)
{
    for (unsigned i = stock.count; i-- > 0;) {
        if (stock.mappings[i].bytes != bytes) continue;
        char *at = stock.mappings[i].at;
        stock.count--;
        if (stock.unneeded > i) stock.unneeded = i;
        stock.bytes -= bytes;
        memmove(&stock.mappings[i], &stock.mappings[i + 1], (stock.count - i) * sizeof stock.mappings[0]);
        return at;
    }
    char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

static void mapping_give(char *at, size_t bytes)
{
    bool fits = bytes <= STOCK_MAX_BYTES && stock.bytes + bytes <= STOCK_BYTES && stock.count < STOCK_COUNT;
    if (!fits) {
        munmap(at, bytes);
        return;
    }
    stock.mappings[stock.count].at = at;
    stock.mappings[stock.count].bytes = bytes;
    stock.count++;
    stock.bytes += bytes;
}

void buf_thread_trim(void)
{
    unsigned gone = 0;
    while (gone < stock.unneeded && stock.bytes > WARM_BYTES) {
        munmap(stock.mappings[gone].at, stock.mappings[gone].bytes);
        stock.bytes -= stock.mappings[gone++].bytes;
    }
    stock.count -= gone;
    for (unsigned i = 0; gone > 0 && i < stock.count; i++) stock.mappings[i] = stock.mappings[i + gone];
    stock.unneeded = stock.count;
}

void buf_thread_done(void)
{
    while (stock.count > 0) {
        stock.count--;
        munmap(stock.mappings[stock.count].at, stock.mappings[stock.count].bytes);
    }
    stock.bytes = 0;
    stock.unneeded = 0;
}

void buf_init(struct buf *b, size_t max_bytes)
{
    buf_init_counted(b, max_bytes, NULL);
}

void buf_init_counted(struct buf *b, size_t max_bytes, struct budget *budget)
{
    require(max_bytes > 0);
    *b = (struct buf){._max_bytes = max_bytes, ._budget = budget};
}

static int64_t counted(size_t room)
{
    return room >= BUF_COUNTED_BYTES ? (int64_t)room : 0;
}

void buf_done(struct buf *b)
{
    if (b->_room >= LARGE_BYTES)
        mapping_give(b->at, b->_room);
    else
        xfree(b->at);
    budget_give(b->_budget, counted(b->_room));
    *b = (struct buf){._max_bytes = b->_max_bytes, ._budget = b->_budget};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
}

static size_t room_for(size_t need)
{
    if (need > STOCK_MAX_BYTES) return (need + STEP_BYTES - 1) / STEP_BYTES * STEP_BYTES;
    size_t room = need >= LARGE_BYTES ? LARGE_BYTES : SMALL_FIRST_BYTES;
    while (room < need) room *= 2;
    return room;
}

/* Large to large: the kernel moves the pages instead of us copying them. */
static char *grow_mapping(struct buf *b, size_t room)
{
    char *at = mremap(b->at, b->_room, room, MREMAP_MAYMOVE);
    return at == MAP_FAILED ? NULL : at;
}

static char *grow_into_mapping(struct buf *b, size_t room)
{
    char *at = mapping_take(room);
    if (!at) return NULL;
    if (b->len) memcpy(at, b->at, b->len);
    xfree(b->at);
    return at;
}

static bool grow(struct buf *b, size_t need)
{
    size_t room = room_for(need);
    int64_t more = counted(room) - counted(b->_room);
    if (more > 0 && !budget_take(b->_budget, more)) return false;
    char *at;
    if (b->_room >= LARGE_BYTES)
        at = grow_mapping(b, room);
    else if (room >= LARGE_BYTES)
        at = grow_into_mapping(b, room);
    else
        at = xrealloc(b->at, room);
    if (!at) {
        budget_give(b->_budget, more);
        return false;
    }
    b->at = at;
    b->_room = room;
    return true;
}

bool buf_reserve(struct buf *b, size_t bytes)
{
    require(b->_max_bytes > 0);
    if (LIKELY(b->_room - b->len >= bytes && b->len + bytes <= b->_max_bytes)) return true;
    b->_is_starved = false;
    if (bytes > b->_max_bytes || b->len > b->_max_bytes - bytes) return false;
    b->_is_starved = !grow(b, b->len + bytes);
    return !b->_is_starved;
}

bool buf_is_starved(const struct buf *b)
{
    return b->_is_starved;
}

bool buf_append(struct buf *b, struct str more)
{
    if (!buf_reserve(b, more.len)) return false;
    if (more.len) memcpy(b->at + b->len, more.at, more.len);
    b->len += more.len;
    return true;
}

bool buf_append_char(struct buf *b, char c)
{
    return buf_append(b, str_of(&c, 1));
}

void buf_consume(struct buf *b, size_t bytes)
{
    if (bytes >= b->len) {
        b->len = 0;
        return;
    }
    memmove(b->at, b->at + bytes, b->len - bytes);
    b->len -= bytes;
}
