/* http/pool.h: a client's connections to one origin each, kept between calls. For client.c alone.
 *
 * A kept connection goes on reading: bytes that nobody asked for, or its end, close it at once. The one used last
 * is lent first, so that the surplus grows old and goes. */
#ifndef WEIR_HTTP_POOL_H
#define WEIR_HTTP_POOL_H

#include "base/list.h"
#include "base/map.h"
#include "net/dial.h"

struct http_origin;

enum { POOL_NAME_MAX_BYTES = 255 }; /* of a host or server name */

struct pools {
    struct map _by_key;
    struct list _by_age;    /* all kept connections, the longest idle first */
    struct list _forgotten; /* pools without a key, while calls still hold connections of theirs */
    msec_t _idle_ms;        /* 0: no limit */
    unsigned _max_idle;     /* per pool */
    unsigned idle, leased;
    uint64_t dialled, reused;
};

/* A connection on loan, until pooled_return() or pooled_close(). */
struct pooled {
    struct stream *stream;
    struct pool *pool;
    struct list _in_pool, _by_age; /* while it is idle */
    msec_t _idle_since;
    bool is_reused; /* it has served a call before this one */
    bool _is_idle;
};

void pools_init(struct pools *p, msec_t idle_ms, unsigned max_idle);
void pools_done(struct pools *p); /* nothing is leased any more */
unsigned pools_count(const struct pools *p);
/* Makes one if need be; names are at most POOL_NAME_MAX_BYTES long. It lives while a call holds a connection of it or until pools_expire(). */
struct pool *pools_find(struct pools *p, const struct http_origin *origin);
void pools_expire(struct pools *p); /* closes what has been idle too long, frees empty pools */
/* No connection made with `tls` is lent any more: kept ones close now, others when they come back. */
void pools_forget(struct pools *p, const struct tls_context *tls);

struct pooled *pool_lease(struct pool *p); /* a kept connection; NULL: none */
/* A new connection. NULL: *why and err as dial() has them. */
MUST_CHECK struct pooled *pool_dial(struct pool *p, msec_t deadline, enum io *why, struct err *err);
void pooled_return(
    struct pooled **c);               /* takes it: kept, or closed where there is no place or no life in it */
void pooled_close(struct pooled **c); /* takes it; NULL is fine */

#endif
