/* net/connect.h: one connection out of several addresses (Happy Eyeballs, RFC 8305). Within net/ only. */
#ifndef WEIR_NET_CONNECT_H
#define WEIR_NET_CONNECT_H

#include "net/stream.h"

struct sockaddr_storage;

enum { CONNECT_MAX_ADDRESSES = 8, CONNECT_ATTEMPT_DELAY_MS = 250 };

/* Tries them in their order, each CONNECT_ATTEMPT_DELAY_MS after the one before (sooner where the deadline asks for it), at
 * once when that has failed, and none before is given up: the first that is connected wins, the others are closed. A unix
 * socket whose queue is full is asked again until the deadline. NULL: *why says IO_TIMEOUT, IO_CANCELLED or IO_FAIL, and for
 * IO_FAIL err has the last failure (ERR_REFUSED, ERR_EXHAUSTED, ERR_SYSTEM). */
MUST_CHECK struct stream *connect_first(const struct sockaddr_storage *addresses, unsigned count,
                                        msec_t deadline, enum io *why, struct err *err);

#endif
