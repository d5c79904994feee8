/* gateway/certificates.h: TLS contexts by the files they are made of. Who trusts and shows the same shares one context,
 * and with it connections and sessions; a file that holds something else than before makes a new one, under which nothing
 * of the old is used. For main's thread; what it hands out is counted and for any. */
#ifndef WEIR_GATEWAY_CERTIFICATES_H
#define WEIR_GATEWAY_CERTIFICATES_H

#include "net/tls.h"

struct certificates;
struct certificates *certificates_new(void);
void certificates_free(struct certificates *c);
/* One reference; NULL: err. An unchanged file gives the context that there is. */
struct tls_context *certificates_connect(struct certificates *c, const struct tls_files *files,
                                         struct err *err);
/* One reference to a new one, whose callers resume what they began at an older one; NULL: err. */
struct tls_acceptor *certificates_accept(struct certificates *c, const struct tls_files *files,
                                         struct err *err);
/* Lets go of contexts that nobody else holds any more. */
void certificates_trim(struct certificates *c);

#endif
