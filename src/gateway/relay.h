/* gateway/relay.h: from the commit on: the reply goes to the caller, and the target never changes again. */
#ifndef WEIR_GATEWAY_RELAY_H
#define WEIR_GATEWAY_RELAY_H

#include "gateway/attempt.h"

/* After attempt_run() said success, without a wait in between. SUCCESS, INCOMPLETE or CALLER_GONE. */
enum outcome relay(struct attempt *a);
/* A rejection goes back as the provider said it. */
void relay_rejection(struct attempt *a);

#endif
