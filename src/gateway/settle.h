/* gateway/settle.h: what an attempt leaves behind: a report to its breaker, a line in the trail, counts. */
#ifndef WEIR_GATEWAY_SETTLE_H
#define WEIR_GATEWAY_SETTLE_H

#include "gateway/attempt.h"

void settle_attempt(struct attempt *a, enum outcome outcome);
void settle_exchange(struct exchange *x);
/* A target that was passed over without a try. */
void settle_passed_over(struct exchange *x, const struct target *t, struct str reason);

#endif
