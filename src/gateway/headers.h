/* gateway/headers.h: which headers pass, in both directions (CONTRACT section 4, "Headers upstream", "Headers back"). */
#ifndef WEIR_GATEWAY_HEADERS_H
#define WEIR_GATEWAY_HEADERS_H

#include "gateway/exchange.h"

/* The caller's headers that go upstream, then those that every upstream request gets. `own`: the provider's configured
 * ones, which take the place of the caller's. */
void headers_upstream(struct exchange *x, const struct config_pairs *own, struct lines *l);
/* Whether a provider's configured headers have one of this name; they take the place of ours, too. */
bool headers_has_own(const struct config_pairs *own, struct str name);
/* The provider's headers that go back; of a stream's, ours take the place of those about caching and buffering. */
void headers_back(const struct http_response *from, bool is_stream, struct lines *l);
/* The caller's query without its key, with '?' in front; empty: none. */
struct str headers_query(struct exchange *x);

#endif
