/* base/mem.h: small allocations that never fail (the process aborts when memory is gone).
 * What a peer can make large goes through base/buf.h, which has a ceiling and can refuse. */
#ifndef WEIR_BASE_MEM_H
#define WEIR_BASE_MEM_H

#include "base/attributes.h"

#include <stddef.h>

void *xmalloc(size_t bytes) __attribute__((malloc, returns_nonnull));
void *xzalloc(size_t bytes) __attribute__((malloc, returns_nonnull)); /* zeroed */
void *xrealloc(void *p, size_t bytes) __attribute__((returns_nonnull));
void xfree(void *p); /* NULL is fine */
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));

#endif
