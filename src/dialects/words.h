/* dialects/words.h: words of a format and what they are here, as tables of rows. Pure. */
#ifndef WEIR_DIALECTS_WORDS_H
#define WEIR_DIALECTS_WORDS_H

#include "base/attributes.h"
#include "base/str.h"

struct word {
    struct str word;
    int value;
};
/* A table's own size goes with it: WORDS(rows). Where several words mean one value, the first is the one to write. */
struct words {
    const struct word *rows;
    size_t count;
};
#define WORDS(table)                                                                                         \
    {                                                                                                        \
        table, ARRAY_COUNT(table)                                                                            \
    }

/* False: not one of them, *value unchanged. */
static inline bool words_find(const struct words *w, struct str word, int *value)
{
    for (size_t i = 0; i < w->count; i++)
        if (str_equals(w->rows[i].word, word)) {
            *value = w->rows[i].value;
            return true;
        }
    return false;
}

/* Empty: no word means that. */
static inline struct str words_of(const struct words *w, int value)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->rows[i].value == value) return w->rows[i].word;
    return (struct str){0};
}

#endif
