/* Keys that came lately. */
#include "test.h"

#include "gateway/known_keys.h"

static const struct principal *const ALICE = (const void *)"alice", *const BOB = (const void *)"bob";

TEST(known_keys, knows_a_key_until_its_snapshot_goes)
{
    struct known_keys k;
    known_keys_init(&k);
    struct siphash alice = known_keys_hash(&k, STR("alice-key"));
    EXPECT_NULL(known_keys_find(&k, alice));
    known_keys_add(&k, alice, ALICE);
    EXPECT_TRUE(known_keys_find(&k, known_keys_hash(&k, STR("alice-key"))) == ALICE);
    EXPECT_NULL(known_keys_find(&k, known_keys_hash(&k, STR("alice-kez"))));
    known_keys_clear(&k);
    EXPECT_NULL(known_keys_find(&k, alice));
}

TEST(known_keys, who_needs_the_place_gets_it)
{
    struct known_keys k;
    known_keys_init(&k);
    struct siphash alice = {{5, 1}}, bob = {{5 + KNOWN_KEYS, 1}}, other_half = {{5, 2}};
    known_keys_add(&k, alice, ALICE);
    EXPECT_NULL(known_keys_find(&k, bob));
    EXPECT_NULL(known_keys_find(&k, other_half));
    known_keys_add(&k, bob, BOB);
    EXPECT_NULL(known_keys_find(&k, alice));
    EXPECT_TRUE(known_keys_find(&k, bob) == BOB);
}

TEST(known_keys, each_worker_has_a_secret_of_its_own)
{
    struct known_keys a, b;
    known_keys_init(&a);
    known_keys_init(&b);
    EXPECT_FALSE(siphash_equals(known_keys_hash(&a, STR("key")), known_keys_hash(&b, STR("key"))));
}
