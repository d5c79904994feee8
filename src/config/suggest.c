/* config/suggest.c: edit distance with swapped neighbours (insert, delete, replace, swap: one each), ASCII letters
 * folded. Near enough is a third of the word, one edit at least. */
#include "config/suggest.h"

#include <stdint.h>

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

/* Three rows of the table are enough: this one, the last, and the one before it for swaps. */
static unsigned distance(struct str a, struct str b)
{
    uint8_t rows[3][SUGGEST_MAX_WORD_BYTES + 1];
    uint8_t *before = rows[0], *last = rows[1], *here = rows[2];
    for (size_t j = 0; j <= b.len; j++) last[j] = (uint8_t)j;
    memset(before, 0, sizeof rows[0]);
    for (size_t i = 1; i <= a.len; i++) {
        here[0] = (uint8_t)i;
        for (size_t j = 1; j <= b.len; j++) {
            char x = ascii_lower(a.at[i - 1]), y = ascii_lower(b.at[j - 1]);
            unsigned best = min3(last[j] + 1u, here[j - 1] + 1u, last[j - 1] + (x == y ? 0u : 1u));
            if (i > 1 && j > 1 && x == ascii_lower(b.at[j - 2]) && ascii_lower(a.at[i - 2]) == y &&
                before[j - 2] + 1u < best)
                best = before[j - 2] + 1u;
            here[j] = (uint8_t)best;
        }
        uint8_t *free_row = before;
        before = last;
        last = here;
        here = free_row;
    }
    return last[b.len];
}

void suggest_init(struct suggestion *s, struct str word)
{
    unsigned near = word.len < 3 ? 1 : (unsigned)(word.len + 2) / 3;
    *s = (struct suggestion){._word = word, ._distance = near + 1};
}

void suggest_offer(struct suggestion *s, struct str candidate)
{
    if (s->_word.len > SUGGEST_MAX_WORD_BYTES || candidate.len > SUGGEST_MAX_WORD_BYTES || !candidate.len)
        return;
    unsigned d = distance(s->_word, candidate);
    if (d >= s->_distance || d >= candidate.len) return; /* nothing in common is no likeness */
    s->_distance = d;
    s->best = candidate;
}
