/* gateway/identify.h: who is calling? (CONTRACT section 4, "Credentials of a caller") */
#ifndef WEIR_GATEWAY_IDENTIFY_H
#define WEIR_GATEWAY_IDENTIFY_H

#include "gateway/exchange.h"

/* Fills x->principal. False: the reply (401 or 403) is out. */
bool identify(struct exchange *x);
/* May the caller ask for this model? */
bool identify_may_use_model(const struct exchange *x, struct str model);

#endif
