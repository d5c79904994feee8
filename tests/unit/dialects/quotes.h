/* tests/unit/dialects/quotes.h: JSON in tests without backslashes: Q("{'a':'b'}") is {"a":"b"}. */
#ifndef WEIR_TEST_QUOTES_H
#define WEIR_TEST_QUOTES_H

#include "base/arena.h"

static struct arena quotes_arena; /* lasts as long as the program */

static inline struct str Q(const char *text) {
    size_t len = strlen(text);
    char *at = arena_cstr(&quotes_arena, str_of(text, len));
    for (size_t i = 0; i < len; i++)
        if (at[i] == '\'') at[i] = '"';
    return str_of(at, len);
}

#endif
