/* Policy state that all workers share. */
#include "test.h"

#include "gateway/registry.h"

#include <stdio.h>

static const struct breaker_cfg breaker = {.failure_threshold = 1,
                                           .success_threshold = 1,
                                           .window_size = 10,
                                           .failure_rate = 0.5,
                                           .timeout_ms = 100};
static const struct limiter_cfg two = {.requests = {[LIMIT_MINUTE] = 2}};

/* ---- providers ---- */
TEST(registry, a_provider_is_known_by_its_name_and_place)
{
    struct registry *r = registry_new();
    struct provider_state *a = registry_provider(r, STR("a"), STR("http://h/v1"), &breaker);
    EXPECT_TRUE(registry_provider(r, STR("a"), STR("http://h/v1"), &breaker) == a);
    EXPECT_TRUE(registry_provider(r, STR("a"), STR("http://i/v1"), &breaker) != a);
    EXPECT_TRUE(registry_provider(r, STR("b"), STR("http://h/v1"), &breaker) != a);
    EXPECT_STR_EQ(a->name, "a");
    registry_free(r);
}

TEST(registry, a_breaker_keeps_its_state_when_its_figures_change)
{
    struct registry *r = registry_new();
    struct provider_state *p = registry_provider(r, STR("a"), STR("u"), &breaker);
    struct breaker_ticket ticket;
    EXPECT_TRUE(provider_state_allows(p, 0, &ticket));
    provider_state_report(p, ticket, JUDGED_FAILURE, 0);
    EXPECT_FALSE(provider_state_allows(p, 99, &ticket));
    struct breaker_cfg other = breaker;
    other.failure_threshold = 7;
    registry_provider(r, STR("a"), STR("u"), &other);
    EXPECT_EQ(provider_state_counts(p, 0).state, BREAKER_OPEN);
    EXPECT_EQ(provider_state_retry_after_ms(p, 40), 60);
    provider_state_reset(p);
    EXPECT_TRUE(provider_state_allows(p, 0, &ticket));
    registry_free(r);
}

static const uint64_t keys[] = {100, 101, 102};

TEST(registry, keys_take_turns_and_those_set_aside_come_last)
{
    struct registry *r = registry_new();
    struct provider_state *p = registry_provider(r, STR("a"), STR("u"), &breaker);
    for (unsigned i = 0; i < 6; i++) EXPECT_EQ(provider_state_pick_key(p, keys, 3, 0), i % 3);
    provider_state_set_key_aside(p, 101, 1000);
    for (unsigned i = 0; i < 6; i++)
        EXPECT_NE(provider_state_pick_key(p, keys, 3, 1000 + KEY_ASIDE_MS - 1), 1);
    unsigned seen = 0;
    for (unsigned i = 0; i < 3; i++) seen |= 1u << provider_state_pick_key(p, keys, 3, 1000 + KEY_ASIDE_MS);
    EXPECT_EQ(seen, 7);
    EXPECT_FALSE(provider_state_keys_are_aside(p, keys, 3, 1000));
    provider_state_set_key_aside(p, 100, 1000);
    provider_state_set_key_aside(p, 102, 1000);
    EXPECT_TRUE(provider_state_keys_are_aside(p, keys, 3, 1000));
    EXPECT_TRUE(provider_state_pick_key(p, keys, 3, 1000) < 3); /* one must do */
    EXPECT_EQ(provider_state_pick_key(p, keys, 1, 1000), 0);
    registry_free(r);
}

TEST(registry, a_key_set_aside_is_the_same_key_wherever_a_reload_puts_it)
{
    static const uint64_t others[] = {7, 101, 8};
    struct registry *r = registry_new();
    struct provider_state *p = registry_provider(r, STR("a"), STR("u"), &breaker);
    provider_state_set_key_aside(p, 100, 0);
    EXPECT_TRUE(provider_state_keys_are_aside(p, (const uint64_t[]){100}, 1, 1));
    EXPECT_FALSE(provider_state_keys_are_aside(p, (const uint64_t[]){7}, 1, 1)); /* in its place */
    provider_state_set_key_aside(p, 101, 0);
    for (int i = 0; i < 6; i++) EXPECT_NE(provider_state_pick_key(p, others, 3, 1), 1);
    for (uint64_t key = 1000; key < 1100; key++) provider_state_set_key_aside(p, key, (msec_t)key);
    EXPECT_TRUE(
        provider_state_keys_are_aside(p, (const uint64_t[]){1099, 1098, 1090}, 3, 1100)); /* the latest */
    registry_free(r);
}

/* ---- limits ---- */
TEST(registry, a_limit_is_shared_by_its_name_and_keeps_what_was_used)
{
    struct registry *r = registry_new();
    struct limit_verdict v;
    struct limit_slot *s = registry_limit(r, STR("key a"), &two, 0);
    EXPECT_TRUE(limit_slot_take(s, 1, 0, 0, &v) && limit_slot_take(s, 1, 0, 0, &v));
    EXPECT_FALSE(limit_slot_take(s, 1, 0, 0, &v));
    EXPECT_TRUE(registry_limit(r, STR("key a"), &two, 0) == s);
    EXPECT_FALSE(limit_slot_take(s, 1, 0, 0, &v));
    struct limiter_cfg three = {.requests = {[LIMIT_MINUTE] = 3}};
    EXPECT_TRUE(registry_limit(r, STR("key a"), &three, 0) == s);
    EXPECT_TRUE(limit_slot_take(s, 1, 0, 0, &v));
    EXPECT_FALSE(limit_slot_take(s, 1, 0, 0, &v));
    EXPECT_TRUE(limit_slot_take(registry_limit(r, STR("key b"), &two, 0), 1, 0, 0, &v));
    registry_free(r);
}

static bool take(struct registry *r, const char *address, const struct limiter_cfg *cfg)
{
    struct limit_verdict v;
    return registry_take_address(
        r, &(struct address_take){.address = str_from_cstr(address), .cfg = cfg, .now = 0, .wall_ms = 0}, &v);
}

TEST(registry, each_address_has_buckets_of_its_own)
{
    struct registry *r = registry_new();
    EXPECT_TRUE(take(r, "1.1.1.1", &two) && take(r, "1.1.1.1", &two));
    EXPECT_FALSE(take(r, "1.1.1.1", &two));
    EXPECT_TRUE(take(r, "1.1.1.2", &two));
    struct limiter_cfg three = {.requests = {[LIMIT_MINUTE] = 3}};
    EXPECT_TRUE(take(r, "1.1.1.1", &three));
    EXPECT_FALSE(take(r, "1.1.1.1", &three));
    registry_free(r);
}

TEST(registry, of_too_many_addresses_the_quietest_is_forgotten)
{
    enum { CEILING = 65536 };
    struct registry *r = registry_new();
    char address[32];
    EXPECT_TRUE(take(r, "quiet", &two) && take(r, "quiet", &two));
    EXPECT_TRUE(take(r, "busy", &two) && take(r, "busy", &two));
    for (int i = 0; i < CEILING - 2; i++) {
        snprintf(address, sizeof address, "10.%d", i);
        EXPECT_TRUE(take(r, address, &two));
    }
    EXPECT_FALSE(take(r, "busy", &two));
    EXPECT_TRUE(take(r, "new", &two)); /* in the place of the quiet one */
    EXPECT_FALSE(take(r, "busy", &two));
    EXPECT_TRUE(take(r, "quiet", &two));
    registry_free(r);
}

/* ---- many threads ---- */
enum { THREADS = 4 };
struct shared {
    struct registry *registry;
    struct provider_state *provider;
    struct limit_slot *limit;
    size_t rounds;
    atomic_uint taken, probes, probes_at_once;
};

static void *worker(void *arg)
{
    struct shared *s = arg;
    struct limit_verdict v;
    struct breaker_ticket ticket;
    char address[32];
    for (size_t i = 0; i < s->rounds; i++) {
        snprintf(address, sizeof address, "10.%zu", i % 50);
        (void)take(s->registry, address, &two);
        if (limit_slot_take(s->limit, 1, 0, 0, &v)) atomic_fetch_add(&s->taken, 1);
        (void)provider_state_pick_key(s->provider, keys, 3, 0);
        if (!provider_state_allows(s->provider, 1000, &ticket)) continue; /* half-open: one probe at a time */
        atomic_fetch_add(&s->probes, 1);
        EXPECT_EQ(atomic_fetch_add(&s->probes_at_once, 1), 0);
        atomic_fetch_sub(&s->probes_at_once, 1);
        provider_state_report(s->provider, ticket, NOT_JUDGED, 1000);
    }
    return NULL;
}

TEST(registry, what_threads_share_adds_up)
{
    struct limiter_cfg many = {.requests = {[LIMIT_HOUR] = 1000}};
    struct shared s = {.registry = registry_new(), .rounds = test_count(2000)};
    pthread_t threads[THREADS];
    struct breaker_ticket ticket;
    s.provider = registry_provider(s.registry, STR("a"), STR("u"), &breaker);
    s.limit = registry_limit(s.registry, STR("key a"), &many, 0);
    EXPECT_TRUE(provider_state_allows(s.provider, 0, &ticket));
    provider_state_report(s.provider, ticket, JUDGED_FAILURE, 0);
    for (int i = 0; i < THREADS; i++) EXPECT_EQ(pthread_create(&threads[i], NULL, worker, &s), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    EXPECT_EQ(atomic_load(&s.taken), s.rounds * THREADS < 1000 ? s.rounds * THREADS : 1000);
    EXPECT_TRUE(atomic_load(&s.probes) > 0);
    EXPECT_EQ(provider_state_counts(s.provider, 1000).state, BREAKER_HALF_OPEN);
    registry_free(s.registry);
}
