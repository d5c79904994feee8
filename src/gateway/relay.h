/* gateway/relay.h: from the commit on: the reply goes to the caller, and the target never changes again. */
#ifndef WEIR_GATEWAY_RELAY_H
#define WEIR_GATEWAY_RELAY_H

#include "gateway/attempt.h"

/* After attempt_run() said success, without a wait in between. SUCCESS, INCOMPLETE or CALLER_GONE. */
enum outcome relay(struct attempt *a);
/* Before the commit of a stream that lets wait: the head, and something that SDKs pass over. */
enum io relay_keepalive(struct exchange *x);
/* Ends a stream whose head is out with the dialect's error event. */
void relay_error_event(struct exchange *x, const struct chat_error *err);
/* There is no memory for the reply: 503, or the error event if the head is out. */
void relay_no_room(struct exchange *x);
/* A rejection goes back as the provider said it. */
void relay_rejection(struct attempt *a);

#endif
