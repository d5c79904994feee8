/* http/pool.h: a client's connections to one origin each, kept between calls. For client.c alone.
 *
 * A kept connection goes on reading: bytes that nobody asked for, or its end, close it at once. The one used last
 * is lent first, so that the surplus grows old and goes. Where there may be no more connections, calls wait in the order
 * in which they came, and get what comes back or the place of what goes. */
#ifndef WEIR_HTTP_POOL_H
#define WEIR_HTTP_POOL_H

#include "base/list.h"
#include "base/map.h"
#include "http/proxy.h"
#include "net/dial.h"

struct http_origin;

enum { POOL_NAME_MAX_BYTES = 255, POOLS_MAX = 512 }; /* of a host or server name; pools that are kept */
enum { POOL_KEY_MAX_BYTES = 3 * (POOL_NAME_MAX_BYTES + 1) + PROXY_MAX_AUTHORIZATION_BYTES + 32 };

struct pools_options {
    msec_t idle_ms;           /* 0: no limit */
    unsigned max_idle;        /* per pool */
    unsigned max_connections; /* of all pools, those being dialled included; 0: no limit */
};
struct pools {
    struct pools_options options;
    struct map _by_key;
    struct list _by_age;    /* all kept connections, the one put back longest ago first */
    struct list _forgotten; /* pools without a key, while calls still hold connections of theirs */
    struct list _crowded;   /* pools with calls that wait, in turn */
    unsigned idle, leased, waiting;
    uint64_t dialled, reused, waited;
    uint64_t failed[ERR_CODE_COUNT]; /* dials, by what went wrong */
    char _key[POOL_KEY_MAX_BYTES];
};

/* A connection on loan, until pooled_return() or pooled_close(). */
struct pooled {
    struct stream *stream;
    struct pool *pool;
    struct list _in_pool, _by_age; /* while it is idle */
    msec_t _expires_at;
    bool is_reused; /* it has served a call before this one */
    bool _is_idle;
};

void pools_init(struct pools *p, const struct pools_options *o);
void pools_done(struct pools *p); /* nothing is leased any more */
unsigned pools_count(const struct pools *p);
/* Calls in line go ahead if there is room for them now; a lower one counts as connections go. */
void pools_set_max_connections(struct pools *p, unsigned max_connections);
/* Makes one if need be; names are at most POOL_NAME_MAX_BYTES long. It lives while a call waits for or holds a connection of it,
 * or until pools_expire(), or until it makes room for another. */
struct pool *pools_find(struct pools *p, const struct http_origin *origin);
void pools_expire(struct pools *p); /* closes what has been idle too long, frees empty pools */
/* No connection made with `tls` is lent any more: kept ones close now, others when they come back. */
void pools_forget(struct pools *p, const struct tls_context *tls);

/* A kept connection or a new one, for which the call may have to wait. NULL: *why and err as dial() has them. */
MUST_CHECK struct pooled *pool_take(struct pool *p, msec_t deadline, enum io *why, struct err *err);
/* A new connection in place of one that proved dead. False: it is gone; *why and err as dial() has them. */
MUST_CHECK bool pooled_redial(struct pooled **c, msec_t deadline, enum io *why, struct err *err);
/* Takes it: kept, lent to who waits, or closed where there is no place or no life in it. keep_ms: how long the other side
 * means to keep it; -1: it did not say. */
void pooled_return(struct pooled **c, msec_t keep_ms);
void pooled_close(struct pooled **c); /* takes it; NULL is fine */

#endif
