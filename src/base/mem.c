/* base/mem.c: malloc with a verdict instead of NULL. */
#include "base/mem.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

void *xmalloc(size_t bytes)
{
    void *p = malloc(bytes ? bytes : 1);
    require(p != NULL);
    return p;
}

void *xzalloc(size_t bytes)
{
    void *p = calloc(1, bytes ? bytes : 1);
    require(p != NULL);
    return p;
}

void *xrealloc(void *p, size_t bytes)
{
    p = realloc(p, bytes ? bytes : 1);
    require(p != NULL);
    return p;
}

void xfree(void *p)
{
    free(p);
}

char *xstrdup(const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(xmalloc(n), s, n);
}
