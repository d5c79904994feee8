/* net/resolver.h: names to addresses. One resolver serves all threads: a small cache, and callers that ask for a name
 * while it is being looked up share that look-up. Addresses in digits never leave the caller's thread. */
#ifndef WEIR_NET_RESOLVER_H
#define WEIR_NET_RESOLVER_H

#include "base/err.h"
#include "base/str.h"
#include "fiber/fiber.h"

#include <sys/socket.h>

struct resolver;
struct resolver *resolver_new(void); /* any thread */
/* All loops that use it have been freed. */
void resolver_free(struct resolver *r);
/* Without this call a loop makes a resolver of its own. */
void resolver_use(struct loop *l, struct resolver *r);

enum { RESOLVER_MAX_ADDRESSES = 8 };
struct resolved {
    unsigned count;
    struct sockaddr_storage addresses[RESOLVER_MAX_ADDRESSES]; /* with the port; in the system's order */
};
/* For fibers. *out is made on the heap (xfree) with IO_OK; otherwise it is NULL and err tells for IO_FAIL (ERR_DNS). */
enum io resolver_find(struct str host, uint16_t port, struct resolved **out, msec_t deadline,
                      struct err *err);

#endif
