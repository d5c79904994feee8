/* What a configuration becomes for workers. */
#include "gateway_test.h"

#include "base/fmt.h"

static const struct snapshot *current(void)
{
    return world.gateway->current->snapshot;
}

static const struct principal *who_has(const char *key)
{
    unsigned char digest[DIGEST_BYTES], again[DIGEST_BYTES];
    snapshot_digest(digest, str_from_cstr(key));
    gateway_digest(world.gateway, again, str_from_cstr(key));
    EXPECT_MEM_EQ(digest, DIGEST_BYTES, again, DIGEST_BYTES);
    const struct principal *p = snapshot_find_principal(current(), digest);
    for (int times = 0; times < 2; times++) /* the second time from what is known */
        EXPECT_TRUE(gateway_find_principal(world.gateway, world.gateway->current, str_from_cstr(key)) == p);
    return p;
}

static void principals(void)
{
    const struct principal *alice = who_has("alice-key"), *admin = who_has("admin-key");
    ASSERT_TRUE(alice && admin);
    EXPECT_STR_EQ(alice->name, "alice");
    EXPECT_EQ(alice->role, CONFIG_ROLE_USER);
    EXPECT_NOT_NULL(alice->limits);
    EXPECT_EQ(admin->role, CONFIG_ROLE_ADMIN);
    EXPECT_STR_EQ(admin->tier->name, "unlimited");
    EXPECT_NULL(admin->limits);
    EXPECT_NULL(who_has("alice-ke"));
    EXPECT_NULL(who_has(""));
}
TEST(snapshot, finds_principals_by_the_digest_of_their_keys)
{
    run("auth: {keys: [{name: alice, key: alice-key}, {name: root, key: admin-key, role: admin}]}\nproviders:\n" PROVIDER_A,
        principals);
}

TEST(snapshot, digests_are_sha_256)
{
    unsigned char digest[DIGEST_BYTES];
    char text[2 * DIGEST_BYTES];
    snapshot_digest(digest, STR("abc")); /* FIPS 180-2, appendix B.1 */
    fmt_hex_bytes(text, digest, DIGEST_BYTES);
    EXPECT_STR_EQ(str_of(text, sizeof text),
                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void providers(void)
{
    const struct snapshot *s = current();
    ASSERT_TRUE(s->provider_count == 2);
    EXPECT_STR_EQ(s->providers[0].name, "b"); /* the higher priority */
    const struct provider *a = snapshot_find_provider(s, STR("a"));
    EXPECT_TRUE(a == &s->providers[1]);
    EXPECT_NULL(snapshot_find_provider(s, STR("c")));
    EXPECT_EQ(a->key_count, 2);
    EXPECT_STR_EQ(a->own_lines[0], "Authorization: Bearer k1\r\nX-One: 1\r\nX-Two: 2\r\n");
    EXPECT_STR_EQ(a->own_lines[1], "Authorization: Bearer k2\r\nX-One: 1\r\nX-Two: 2\r\n");
    EXPECT_EQ(a->endpoint_count, 1);
    EXPECT_STR_EQ(a->endpoints[0].url.path, "/base/v1");
    EXPECT_STR_EQ(a->endpoints[0].targets[OP_CHAT], "POST /base/v1/chat/completions");
    EXPECT_STR_EQ(a->endpoints[0].host_line, " HTTP/1.1\r\nHost: h:81\r\n");
    EXPECT_STR_EQ(a->endpoints[0].origin.host, "h");
    EXPECT_EQ(a->endpoints[0].origin.port, 81);
    EXPECT_NULL(a->endpoints[0].origin.tls);
    EXPECT_NOT_NULL(s->providers[0].endpoints[0].origin.tls);
    EXPECT_EQ(s->providers[0].key_count, 1);
    EXPECT_TRUE(str_is_empty(s->providers[0].own_lines[0]));
    EXPECT_NULL(a->limits);
    EXPECT_NOT_NULL(s->providers[0].limits);
}
TEST(snapshot, has_each_providers_origin_and_lines_ready)
{
    run("providers:\n  a: {kind: openai, base_url: \"http://h:81/base\", api_keys: [k1, k2], headers: {X-One: \"1\", X-Two: \"2\"}}\n"
        "  b: {kind: openai, base_url: \"https://i\", priority: 5, requests_per_minute: 7}\n",
        providers);
}

static void kept(void)
{
    struct provider_state *state = current()->providers[0].endpoints[0].state;
    struct catalogue *catalogue = current()->providers[0].catalogue;
    struct snapshot_use *use = gateway_use_snapshot(world.gateway);
    const struct snapshot *old = use->snapshot;
    reload(ONE);
    EXPECT_TRUE(current() != old);
    EXPECT_EQ(use->uses, 1);
    EXPECT_STR_EQ(old->providers[0].name, "a"); /* still there for who uses it */
    EXPECT_TRUE(current()->providers[0].endpoints[0].state == state);
    EXPECT_TRUE(current()->providers[0].catalogue == catalogue);
    gateway_release_snapshot(world.gateway, use);
}
TEST(snapshot, lives_as_long_as_it_is_used_and_policy_state_longer)
{
    run(ONE, kept);
}
