/* base/check.h: our own bugs stop the process, in production too. The world's mistakes are
 * `struct err` (base/err.h), never these. */
#ifndef WEIR_BASE_CHECK_H
#define WEIR_BASE_CHECK_H

#include "base/attributes.h"

/* Prints "FILE:LINE: requirement failed: EXPR" to stderr and aborts. */
NORETURN COLD void require_failed(const char *file, int line, const char *expr);

#define require(expr) (LIKELY(expr) ? (void)0 : require_failed(__FILE__, __LINE__, #expr))

#endif
