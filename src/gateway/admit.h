/* gateway/admit.h: may this request start now? Request limits per principal, or per client address where there is none
 * (CONTRACT section 4, "Limits"). */
#ifndef WEIR_GATEWAY_ADMIT_H
#define WEIR_GATEWAY_ADMIT_H

#include "gateway/exchange.h"

/* False: the reply (429) is out, and nothing was consumed anywhere. */
bool admit(struct exchange *x);

#endif
