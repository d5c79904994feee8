/* net/resolver.h: names to addresses. One resolver serves all threads.
 *
 * A name is looked up on the thread pool, once for all who ask meanwhile. The answer is fresh for keep_ms; then it is still
 * given, for stale_ms more, while one look-up refreshes it: nobody waits for the DNS of a name that is in use. A failure
 * is remembered for retry_ms, so that a dead DNS is asked about a name at most that often. Addresses in digits never leave the
 * caller's thread. */
#ifndef WEIR_NET_RESOLVER_H
#define WEIR_NET_RESOLVER_H

#include "base/err.h"
#include "base/str.h"
#include "fiber/fiber.h"

#include <sys/socket.h>

struct addrinfo;
struct resolver;
struct resolved;

enum { RESOLVER_MAX_NAMES = 256 };
struct resolver_options {
    msec_t keep_ms, stale_ms, retry_ms;
    /* Instead of the system's look-up: runs on the thread pool, may block, fills `found` and returns 0, or libuv's code. */
    int (*lookup)(void *arg, const char *host, struct resolved *found);
    void *lookup_arg;
};
struct resolver *resolver_new(void); /* any thread; 30 s fresh, 5 min stale, 1 s between failures */
struct resolver *resolver_new_with(const struct resolver_options *o);
/* All loops that use it have been freed. */
void resolver_free(struct resolver *r);
/* Without this call a loop makes a resolver of its own. */
void resolver_use(struct loop *l, struct resolver *r);

struct resolver_stats {
    unsigned names, in_flight;     /* known; being looked up */
    uint64_t fresh, stale, waited; /* answers: at once, at once though old, after a look-up */
    uint64_t refused;              /* at once: it has just failed, or too many names are being looked up */
    uint64_t lookups, failures;    /* that ended */
};
struct resolver_stats resolver_read_stats(
    struct loop *l); /* of the resolver that the loop uses; any thread shares them */

enum { RESOLVER_MAX_ADDRESSES = 8 };
struct resolved {
    unsigned count;
    struct sockaddr_storage addresses[RESOLVER_MAX_ADDRESSES]; /* with the port */
};
/* What the system has found and sorted (RFC 6724). Families take turns (RFC 8305 4), so that one that leads nowhere costs
 * an attempt, not the deadline. */
void resolved_fill(struct resolved *found, const struct addrinfo *list);
/* For fibers. *out is made on the heap (xfree) with IO_OK; otherwise it is NULL and err tells for IO_FAIL (ERR_DNS). */
enum io resolver_find(struct str host, uint16_t port, struct resolved **out, msec_t deadline,
                      struct err *err);
/* None of its addresses could be reached: the next who asks causes a look-up although the answer is fresh. */
void resolver_doubt(struct str host);

#endif
