/* base/err.c: filling in the sentence. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char CUT_MARK[] = "…";

static void mark_cut(struct err *e)
{
    size_t at = sizeof e->text - sizeof CUT_MARK;
    while (at > 0 && ((unsigned char)e->text[at] & 0xc0) == 0x80) at--;
    memcpy(e->text + at, CUT_MARK, sizeof CUT_MARK);
}

bool err_set(struct err *e, enum err_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int need = vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    if (need >= (int)sizeof e->text) mark_cut(e);
    e->code = code;
    return false;
}

bool err_wrap(struct err *e, const char *what)
{
    char inner[sizeof e->text];
    memcpy(inner, e->text, sizeof inner);
    return err_set(e, e->code, "%s: %s", what, inner);
}

bool err_set_errno(struct err *e, int errno_value, const char *what)
{
    return err_set(e, ERR_SYSTEM, "%s: %s", what, strerror(errno_value));
}
