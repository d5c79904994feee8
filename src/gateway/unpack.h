/* gateway/unpack.h: a request's body without its content coding. Callers may send gzip (RFC 9110 8.4.1.3), one member or
 * several; the provider gets it decoded. */
#ifndef WEIR_GATEWAY_UNPACK_H
#define WEIR_GATEWAY_UNPACK_H

#include "gateway/exchange.h"

/* By the request's Content-Encoding. False: 415 is out. */
MUST_CHECK bool unpack_is_possible(struct exchange *x);
/* x->body, if it is encoded, is x->unpacked from now on. Long ones give way to other fibers in between. False: the reply is
 * out (400: not gzip, cut off, or with bytes behind its end; 413: decoded over server.max_body; 503), or the fiber is
 * cancelled. */
MUST_CHECK bool unpack_body(struct exchange *x);

#endif
