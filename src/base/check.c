/* base/check.c: the last words of a process that found a bug in itself. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void require_failed(const char *file, int line, const char *expr)
{
    fprintf(stderr, "%s:%d: requirement failed: %s\n", file, line, expr);
    abort();
}
