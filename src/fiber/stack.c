/* fiber/stack.c: one mapping per stack. Neighbours merge into one mapping of the kernel as long as nothing splits them,
 * so the guard is MADV_GUARD_INSTALL where the kernel has it (6.13): 30,000 guards by mprotect would need 60,000
 * mappings, and vm.max_map_count ends that at 65,530. The advice is tried once and judged by its effect, because
 * emulators accept any advice and do nothing.
 *
 * Freed stacks wait in a LIFO list. Of those that nobody has needed for a while FREE_WARM keep their pages, the next ones are
 * trimmed, and beyond FREE_MOST the mapping itself goes: what a burst has taken comes back to the kernel, and what comes
 * and goes all the time costs no system call. */
#include "fiber/stack.h"

#include "base/check.h"
#include "fiber/sanitize.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    FREE_WARM = 128,
    FREE_MOST = 1024,
    TRIM_MOST = 1024, /* in one call */
    PAGE_BYTES_LEAST = 4096,
};

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

void stack_pool_init(struct stack_pool *p)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    *p = (struct stack_pool){
        ._stack_bytes = (STACK_BYTES + page - 1) / page * page,
        ._guard_bytes = (STACK_GUARD_BYTES + page - 1) / page * page,
    };
}

static void stack_unmap(struct stack_pool *p, struct stack *s)
{
    SANITIZE_STACK_FORGET(s->_valgrind_id);
    munmap(s->_low - p->_guard_bytes, p->_guard_bytes + p->_stack_bytes);
    p->mapped--;
}

void stack_pool_done(struct stack_pool *p)
{
    require(p->mapped == p->free);
    while (p->_free) {
        struct stack *s = p->_free;
        p->_free = s->_next;
        stack_unmap(p, s);
    }
    p->free = 0;
}

/* The kernel refuses to read a path from a guarded page. */
static bool is_guarded(const char *page)
{
    return access(page, F_OK) != 0 && errno == EFAULT;
}

static bool guard_install(struct stack_pool *p, char *at)
{
    if (!p->_has_probed) {
        p->_has_guard_madvise = SANITIZE_SEES_GUARDS &&
                                madvise(at, p->_guard_bytes, MADV_GUARD_INSTALL) == 0 && is_guarded(at);
        p->_has_probed = true;
        if (p->_has_guard_madvise) return true;
    }
    if (p->_has_guard_madvise) return madvise(at, p->_guard_bytes, MADV_GUARD_INSTALL) == 0;
    return mprotect(at, p->_guard_bytes, PROT_NONE) == 0;
}

static struct stack *stack_map(struct stack_pool *p)
{
    size_t all = p->_guard_bytes + p->_stack_bytes;
    if (p->most && p->mapped >= p->most) return NULL;
    char *at = mmap(NULL, all, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (at == MAP_FAILED) return NULL;
    (void)madvise(at, all, MADV_NOHUGEPAGE); /* a kernel without huge pages refuses: just as well */
    if (!guard_install(p, at)) {
        munmap(at, all);
        return NULL;
    }
    struct stack *s = (struct stack *)(void *)(at + all) - 1;
    s->_low = at + p->_guard_bytes;
    s->_valgrind_id = SANITIZE_STACK_REMEMBER(s->_low, s);
    p->mapped++;
    return s;
}

struct stack *stack_take(struct stack_pool *p)
{
    struct stack *s = p->_free;
    if (!s) return stack_map(p);
    p->_free = s->_next;
    p->free--;
    if (p->_unneeded > p->free) p->_unneeded = p->free;
    s->_is_trimmed = false;
    return s;
}

void stack_give(struct stack_pool *p, struct stack *s)
{
    s->_next = p->_free;
    p->_free = s;
    p->free++;
}

/* True: that was work. *link is the stack's place in the list. */
static bool give_back(struct stack_pool *p, struct stack **link, bool whole)
{
    struct stack *s = *link;
    bool is_trimmed = s->_is_trimmed;
    if (whole) {
        *link = s->_next;
        p->free--;
        stack_unmap(p, s);
        return true;
    }
    if (!is_trimmed) stack_trim(s, s);
    s->_is_trimmed = true;
    return !is_trimmed;
}

/* The unneeded ones are the last of the list. */
void stack_pool_trim(struct stack_pool *p)
{
    struct stack **link = &p->_free;
    unsigned needed = p->free - p->_unneeded, work = 0;
    for (unsigned i = 0; *link && work < TRIM_MOST; i++) {
        const struct stack *s = *link;
        if (i >= needed && i >= FREE_WARM) work += give_back(p, link, i >= FREE_MOST);
        if (*link == s) link = &(*link)->_next;
    }
    p->_unneeded = p->free;
}

void stack_trim(struct stack *s, const void *sp)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t end = (uintptr_t)sp & ~(page - 1);
    if (end > (uintptr_t)s->_low) (void)madvise(s->_low, end - (uintptr_t)s->_low, MADV_DONTNEED);
}

size_t stack_high_water(const struct stack *s)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const char *end = (const char *)(s + 1);
    unsigned char is_there[STACK_BYTES / PAGE_BYTES_LEAST];
    size_t pages = (size_t)(end - s->_low) / page;
    if (pages > sizeof is_there || mincore(s->_low, pages * page, is_there) != 0) return 0;
    size_t untouched = 0;
    while (untouched < pages && !(is_there[untouched] & 1)) untouched++;
    return (pages - untouched) * page;
}
