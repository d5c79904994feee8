/* gateway/registry.c: tables of shared policy state. Named entries are never removed (their number is that of names
 * that were ever configured); client addresses live in a table with a ceiling. */
#include "gateway/registry.h"

#include "base/mem.h"
#include "base/random.h"

enum { MAX_ADDRESSES = 65536 };

struct registry {
    struct map limits, providers; /* main's alone */
    struct arena arena;
    struct certificates *certificates;
    pthread_mutex_t addresses_lock;
    struct map addresses;
    struct list addresses_by_use; /* the quietest first */
};

struct registry *registry_new(void)
{
    struct registry *r = xzalloc(sizeof *r);
    map_init(&r->limits);
    map_init(&r->providers);
    r->certificates = certificates_new();
    map_init_seeded(&r->addresses, random_seed()); /* its keys are strangers' */
    arena_init(&r->arena);
    list_init(&r->addresses_by_use);
    pthread_mutex_init(&r->addresses_lock, NULL);
    return r;
}

static void address_free(struct limit_slot *s)
{
    pthread_mutex_destroy(&s->_lock);
    xfree((char *)s->_name.at);
    xfree(s);
}

void registry_free(struct registry *r)
{
    if (!r) return;
    LIST_EACH(slot, &r->addresses_by_use, struct limit_slot, _lru) address_free(slot);
    certificates_free(r->certificates);
    map_done(&r->addresses);
    map_done(&r->limits);
    map_done(&r->providers);
    arena_done(&r->arena);
    pthread_mutex_destroy(&r->addresses_lock);
    xfree(r);
}

/* ---- limits ---- */
bool limit_slot_take(struct limit_slot *s, uint32_t requests, msec_t now, int64_t wall_ms,
                     struct limit_verdict *out)
{
    pthread_mutex_lock(&s->_lock);
    bool is_allowed = limiter_take(&s->_limiter, requests, now, wall_ms, out);
    pthread_mutex_unlock(&s->_lock);
    return is_allowed;
}

static void slot_init(struct limit_slot *s, const struct limiter_cfg *cfg, msec_t now)
{
    pthread_mutex_init(&s->_lock, NULL);
    limiter_init(&s->_limiter, cfg, now);
    s->_cfg = *cfg;
    list_init(&s->_lru);
}

static void slot_resize(struct limit_slot *s, const struct limiter_cfg *cfg, msec_t now)
{
    if (memcmp(&s->_cfg, cfg, sizeof *cfg) == 0) return;
    limiter_resize(&s->_limiter, cfg, now);
    s->_cfg = *cfg;
}

struct limit_slot *registry_limit(struct registry *r, struct str name, const struct limiter_cfg *cfg,
                                  msec_t now)
{
    struct limit_slot *s = map_get(&r->limits, name);
    if (s) {
        pthread_mutex_lock(&s->_lock);
        slot_resize(s, cfg, now);
        pthread_mutex_unlock(&s->_lock);
        return s;
    }
    s = arena_new(&r->arena, struct limit_slot);
    slot_init(s, cfg, now);
    s->_name = arena_copy(&r->arena, name);
    map_put(&r->limits, s->_name, s);
    return s;
}

static struct limit_slot *address_slot(struct registry *r, struct str address, const struct limiter_cfg *cfg,
                                       msec_t now)
{
    struct limit_slot *s = map_get(&r->addresses, address);
    if (s) {
        list_remove(&s->_lru);
        slot_resize(s, cfg, now);
    } else {
        if (r->addresses.count >= MAX_ADDRESSES) {
            struct limit_slot *quietest = LIST_ITEM(r->addresses_by_use.next, struct limit_slot, _lru);
            list_remove(&quietest->_lru);
            map_remove(&r->addresses, quietest->_name);
            address_free(quietest);
        }
        s = xzalloc(sizeof *s);
        slot_init(s, cfg, now);
        char *copy = xmalloc(address.len + 1);
        s->_name = str_of(memcpy(copy, address.at, address.len), address.len);
        map_put(&r->addresses, s->_name, s);
    }
    list_append(&r->addresses_by_use, &s->_lru);
    return s;
}

bool registry_take_address(struct registry *r, const struct address_take *take, struct limit_verdict *out)
{
    pthread_mutex_lock(&r->addresses_lock);
    struct limit_slot *s = address_slot(r, take->address, take->cfg, take->now);
    bool is_allowed = limiter_take(&s->_limiter, 1, take->now, take->wall_ms, out);
    pthread_mutex_unlock(&r->addresses_lock);
    return is_allowed;
}

/* ---- providers ---- */
struct certificates *registry_certificates(struct registry *r)
{
    return r->certificates;
}

struct provider_state *registry_provider(struct registry *r, struct str name, struct str base_url,
                                         const struct breaker_cfg *cfg)
{
    struct arena scratch;
    arena_init(&scratch);
    struct str id = arena_join(&scratch, (struct str[]){name, STR(" "), base_url}, 3);
    struct provider_state *p = map_get(&r->providers, id);
    if (!p) id = arena_copy(&r->arena, id);
    arena_done(&scratch);
    if (p) {
        pthread_mutex_lock(&p->_lock);
        breaker_configure(&p->_breaker, cfg);
        pthread_mutex_unlock(&p->_lock);
        return p;
    }
    p = arena_new(&r->arena, struct provider_state);
    pthread_mutex_init(&p->_lock, NULL);
    breaker_init(&p->_breaker, cfg);
    p->name = str_of(id.at, name.len);
    map_put(&r->providers, id, p);
    return p;
}

bool provider_state_allows(struct provider_state *p, msec_t now, struct breaker_ticket *ticket)
{
    pthread_mutex_lock(&p->_lock);
    bool is_allowed = breaker_allows(&p->_breaker, now, ticket);
    pthread_mutex_unlock(&p->_lock);
    return is_allowed;
}

void provider_state_report(struct provider_state *p, struct breaker_ticket ticket, enum judgement j,
                           msec_t now)
{
    pthread_mutex_lock(&p->_lock);
    breaker_report(&p->_breaker, ticket, j, now);
    pthread_mutex_unlock(&p->_lock);
}

struct breaker_counts provider_state_counts(struct provider_state *p, msec_t now)
{
    pthread_mutex_lock(&p->_lock);
    struct breaker_counts counts = breaker_read_counts(&p->_breaker, now);
    pthread_mutex_unlock(&p->_lock);
    return counts;
}

msec_t provider_state_retry_after_ms(struct provider_state *p, msec_t now)
{
    pthread_mutex_lock(&p->_lock);
    msec_t ms = breaker_retry_after_ms(&p->_breaker, now);
    pthread_mutex_unlock(&p->_lock);
    return ms;
}

void provider_state_reset(struct provider_state *p)
{
    pthread_mutex_lock(&p->_lock);
    breaker_reset(&p->_breaker);
    pthread_mutex_unlock(&p->_lock);
}

static bool is_aside(const struct provider_state *p, uint64_t key, msec_t now)
{
    for (unsigned i = 0; i < PROVIDER_MAX_KEYS; i++)
        if (p->_aside[i].key == key && p->_aside[i].until > now) return true;
    return false;
}

unsigned provider_state_pick_key(struct provider_state *p, const uint64_t *keys, unsigned count, msec_t now)
{
    if (count <= 1) return 0;
    pthread_mutex_lock(&p->_lock);
    unsigned first = p->_next_key++ % count, pick = first;
    for (unsigned i = 0; i < count; i++) {
        unsigned candidate = (first + i) % count;
        if (!is_aside(p, keys[candidate], now)) {
            pick = candidate;
            break;
        }
    }
    pthread_mutex_unlock(&p->_lock);
    return pick;
}

bool provider_state_keys_are_aside(struct provider_state *p, const uint64_t *keys, unsigned count, msec_t now)
{
    bool are_aside = true;
    if (atomic_load_explicit(&p->_aside_until, memory_order_relaxed) <= now) return false;
    pthread_mutex_lock(&p->_lock);
    for (unsigned i = 0; i < count && are_aside; i++) are_aside = is_aside(p, keys[i], now);
    pthread_mutex_unlock(&p->_lock);
    return are_aside;
}

/* Its own place, or that of the key whose time ends first. */
void provider_state_set_key_aside(struct provider_state *p, uint64_t key, msec_t now)
{
    pthread_mutex_lock(&p->_lock);
    struct key_aside *place = &p->_aside[0];
    for (unsigned i = 0; i < PROVIDER_MAX_KEYS && place->key != key; i++)
        if (p->_aside[i].key == key || p->_aside[i].until < place->until) place = &p->_aside[i];
    *place = (struct key_aside){.key = key, .until = now + KEY_ASIDE_MS};
    atomic_store_explicit(&p->_aside_until, place->until, memory_order_relaxed);
    pthread_mutex_unlock(&p->_lock);
}
