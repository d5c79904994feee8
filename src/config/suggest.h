/* config/suggest.h: "did you mean …?": of the words offered the one that is nearest to what was written. Pure. */
#ifndef WEIR_CONFIG_SUGGEST_H
#define WEIR_CONFIG_SUGGEST_H

#include "base/str.h"

enum { SUGGEST_MAX_WORD_BYTES = 64 }; /* longer ones get no suggestion */

struct suggestion {
    struct str best; /* empty: none is near enough */
    struct str _word;
    unsigned _distance;
};
void suggest_init(struct suggestion *s, struct str word); /* lent, as are the candidates */
void suggest_offer(struct suggestion *s, struct str candidate);

#endif
