/* gateway/registry.h: policy state that all workers share and that survives reloads: breakers, limiters, what was
 * learned about providers. Each entry has a lock of its own that is held for some 100 ns, never across a wait. Entries
 * are made while a snapshot is built (main) and live as long as the registry, so pointers to them never dangle. */
#ifndef WEIR_GATEWAY_REGISTRY_H
#define WEIR_GATEWAY_REGISTRY_H

#include "base/arena.h"
#include "base/err.h"
#include "base/list.h"
#include "base/map.h"
#include "gateway/certificates.h"
#include "policy/breaker.h"
#include "policy/limiter.h"

#include <pthread.h>
#include <stdatomic.h>

enum { PROVIDER_MAX_KEYS = 16, KEY_ASIDE_MS = 600000 };

/* A bucket set with its lock: of a principal, a provider or a client address. */
struct limit_slot {
    pthread_mutex_t _lock;
    struct limiter _limiter;
    struct limiter_cfg _cfg;
    struct list _lru; /* of client addresses */
    struct str _name;
};
bool limit_slot_take(struct limit_slot *s, uint32_t requests, msec_t now, int64_t wall_ms,
                     struct limit_verdict *out);

/* A key that the provider has refused. It is known by the beginning of its digest, so that a reload that adds, removes
 * or exchanges keys does not punish others. */
struct key_aside {
    uint64_t key;
    msec_t until;
};

/* Of one provider endpoint: keyed by name and base URL. */
struct provider_state {
    pthread_mutex_t _lock;
    struct breaker _breaker;
    struct key_aside _aside[PROVIDER_MAX_KEYS];
    _Atomic msec_t _aside_until; /* the latest of theirs: nearly always it has passed, and nobody locks */
    unsigned _next_key;
    atomic_bool refuses_stream_options; /* it has said so once */
    struct str name;                    /* the provider's */
};
bool provider_state_allows(struct provider_state *p, msec_t now, struct breaker_ticket *ticket);
void provider_state_report(struct provider_state *p, struct breaker_ticket ticket, enum judgement j,
                           msec_t now);
struct breaker_counts provider_state_counts(struct provider_state *p, msec_t now);
msec_t provider_state_retry_after_ms(struct provider_state *p, msec_t now);
void provider_state_reset(struct provider_state *p);
/* Index of the key to use next, in turns; those that were refused lately come last. count > 0. */
unsigned provider_state_pick_key(struct provider_state *p, const uint64_t *keys, unsigned count, msec_t now);
bool provider_state_keys_are_aside(struct provider_state *p, const uint64_t *keys, unsigned count,
                                   msec_t now); /* all of them */
void provider_state_set_key_aside(struct provider_state *p, uint64_t key, msec_t now);

struct registry;
struct registry *registry_new(void);
void registry_free(struct registry *r);
/* main, while a snapshot is built; `name` is copied. An entry that is there already gets the new figures. */
struct limit_slot *registry_limit(struct registry *r, struct str name, const struct limiter_cfg *cfg,
                                  msec_t now);
struct provider_state *registry_provider(struct registry *r, struct str name, struct str base_url,
                                         const struct breaker_cfg *cfg);
struct certificates *registry_certificates(
    struct registry *r); /* lent; for main, while a snapshot is built */
/* Any thread: takes one request from the buckets of a client address. The table holds 65,536 addresses; the one that
 * was quiet longest makes room. */
struct address_take {
    struct str address;
    const struct limiter_cfg *cfg;
    msec_t now;
    int64_t wall_ms;
};
bool registry_take_address(struct registry *r, const struct address_take *take, struct limit_verdict *out);

#endif
