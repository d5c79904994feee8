/* dialects/operation.c: the rows of OPERATIONS. */
#include "dialects/dialect.h"

#define AS_ROW(op, name, path, streams, kind, result)                                                        \
    [op] = {STR_INIT(name), STR_INIT(path), streams, kind, STR_INIT(result)},
static const struct operation_row rows[OP_COUNT] = {OPERATIONS(AS_ROW)};

const struct operation_row *operation_row(enum operation op)
{
    return &rows[op];
}
