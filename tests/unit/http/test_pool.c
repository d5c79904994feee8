/* tests/unit/http/test_pool.c: which connections are kept, lent, and let go. */
#include "upstream_test.h"

#include "http/pool.h"

static struct pools pools;
static struct upstream up;

static void pools_init_with(msec_t idle_ms, unsigned max_idle)
{
    pools_init(&pools, &(struct pools_options){.idle_ms = idle_ms, .max_idle = max_idle});
}

static struct pooled *take_one(struct pool *p)
{
    enum io why;
    struct err err;
    struct pooled *c = pool_take(p, fiber_deadline(PATIENCE_MS), &why, &err);
    EXPECT_NOT_NULL(c);
    return c;
}

/* Where nothing is idle. */
static struct pooled *dial_one(struct pool *p)
{
    uint64_t before = pools.dialled;
    struct pooled *c = take_one(p);
    EXPECT_EQ(pools.dialled, before + 1);
    return c;
}

static struct pool *pool_at(uint16_t port)
{
    struct http_origin origin = origin_at(port);
    return pools_find(&pools, &origin);
}

static void keys_script(void)
{
    pools_init_with(0, 4);
    struct http_origin a = {.host = STR("h"), .port = 1}, b = a;
    struct pool *first = pools_find(&pools, &a);
    EXPECT_TRUE(pools_find(&pools, &b) == first);
    b.port = 2;
    EXPECT_TRUE(pools_find(&pools, &b) != first);
    b = a;
    b.server_name = STR("h");
    EXPECT_TRUE(pools_find(&pools, &b) != first);
    b = a;
    b.tls = (struct tls_context *)(void *)&pools;
    EXPECT_TRUE(pools_find(&pools, &b) != first);
    EXPECT_EQ(pools_count(&pools), 4);
    pools_forget(&pools, b.tls);
    EXPECT_EQ(pools_count(&pools), 3);
    b = a;
    b.max_connections = 3;
    EXPECT_TRUE(pools_find(&pools, &b) != first);
    struct http_proxy proxy = {.host = STR("p"), .port = 1}, same = proxy;
    b = a;
    b.proxy = &proxy;
    struct pool *through = pools_find(&pools, &b);
    EXPECT_TRUE(through != first);
    b.proxy = &same;
    EXPECT_TRUE(pools_find(&pools, &b) == through);
    same.authorization = STR("Basic eDp5");
    EXPECT_TRUE(pools_find(&pools, &b) != through);
    EXPECT_EQ(pools_count(&pools), 6);
    for (int i = 0; i < 6; i++) pools_expire(&pools); /* empty ones go, one a tick */
    EXPECT_EQ(pools_count(&pools), 0);
    pools_done(&pools);
}
TEST(pool, has_one_for_each_host_port_proxy_and_identity)
{
    with_server(&plain_options, keys_script);
}

static void lifo_script(void)
{
    pools_init_with(0, 2);
    struct pool *p = pool_at(world_port());
    struct pooled *c[3], *first, *last;
    for (int i = 0; i < 3; i++) c[i] = dial_one(p);
    first = c[0];
    last = c[1];
    EXPECT_EQ(pools.leased, 3);
    for (int i = 0; i < 3; i++) pooled_return(&c[i], -1);
    EXPECT_EQ(pools.idle, 2); /* the third found no place */
    EXPECT_EQ(pools.leased, 0);
    struct pooled *again = take_one(p);
    EXPECT_TRUE(again == last && again->is_reused);
    struct pooled *older = take_one(p);
    EXPECT_TRUE(older == first);
    struct pooled *fresh = dial_one(p);
    EXPECT_FALSE(fresh->is_reused);
    pooled_close(&fresh);
    pooled_close(&older);
    pooled_return(&again, -1);
    EXPECT_EQ(pools.idle, 1);
    pools_done(&pools);
}
TEST(pool, lends_the_connection_used_last_and_keeps_a_few)
{
    with_server(&plain_options, lifo_script);
}

static void expiry_script(void)
{
    pools_init_with(ms(200), 4);
    struct pool *p = pool_at(world_port());
    struct pooled *old = dial_one(p), *young = dial_one(p);
    pooled_return(&old, -1);
    (void)fiber_sleep(ms(150));
    pooled_return(&young, -1);
    (void)fiber_sleep(ms(80));
    pools_expire(&pools);
    EXPECT_EQ(pools.idle, 1);
    (void)fiber_sleep(ms(150));
    pools_expire(&pools);
    EXPECT_EQ(pools.idle, 0);
    EXPECT_EQ(pools_count(&pools), 0);
    pools_done(&pools);
}
TEST(pool, closes_what_was_idle_too_long)
{
    with_server(&plain_options, expiry_script);
}

static void unasked_script(void)
{
    static const struct answer answers[] = {{STR_INIT("HTTP/1.1 408 Request Timeout\r\n\r\n"), HANG, 0},
                                            {STR_INIT(""), CLOSE, 0},
                                            {STR_INIT(""), RESET, 0}};
    pools_init_with(0, 4);
    upstream_open(&up, answers, 3);
    for (int i = 0; i < 3; i++) {
        struct pooled *c = dial_one(pool_at(up.port));
        struct str poke = STR("x");
        EXPECT_EQ(stream_write(c->stream, &poke, 1, NEVER), IO_OK);
        pooled_return(&c, -1);
        EXPECT_EQ(pools.idle, 1);
        WAIT_FOR(pools.idle == 0);
        EXPECT_EQ(pools.idle, 0);
    }
    pools_done(&pools);
    upstream_close(&up);
}
TEST(pool, drops_a_kept_connection_that_speaks_or_ends)
{
    with_server(&plain_options, unasked_script);
}

static void dead_on_return_script(void)
{
    static const struct answer answers[] = {{STR_INIT("more"), HANG, 0}, {STR_INIT(""), CLOSE, 0}};
    pools_init_with(0, 4);
    upstream_open(&up, answers, 2);
    for (int i = 0; i < 2; i++) {
        struct pooled *c = dial_one(pool_at(up.port));
        struct str poke = STR("x");
        EXPECT_EQ(stream_write(c->stream, &poke, 1, NEVER), IO_OK);
        (void)fiber_sleep(ms(10)); /* nobody reads meanwhile */
        pooled_return(&c, -1);
        EXPECT_NULL(c);
        EXPECT_EQ(pools.idle, 0);
        EXPECT_EQ(pools.leased, 0);
    }
    pools_done(&pools);
    upstream_close(&up);
}
TEST(pool, takes_no_connection_back_that_has_spoken_or_ended)
{
    with_server(&plain_options, dead_on_return_script);
}

static void forget_script(void)
{
    pools_init_with(0, 4);
    struct pooled *kept = dial_one(pool_at(world_port())), *lent = dial_one(pool_at(world_port()));
    pooled_return(&kept, -1);
    pools_forget(&pools, NULL);
    EXPECT_EQ(pools.idle, 0);
    EXPECT_EQ(pools_count(&pools), 0);
    struct pooled *other = dial_one(pool_at(world_port())); /* a pool of the same key, but a new one */
    EXPECT_TRUE(other->pool != lent->pool);
    pooled_return(&lent, -1);
    EXPECT_EQ(pools.idle, 0);
    pooled_return(&other, -1);
    EXPECT_EQ(pools.idle, 1);
    pools_done(&pools);
}
TEST(pool, forgets_an_identity)
{
    with_server(&plain_options, forget_script);
}

static void failed_dial_script(void)
{
    pools_init_with(0, 4);
    upstream_open(&up, NULL, 0);
    uint16_t port = up.port;
    upstream_close(&up);
    enum io why;
    struct err err = {0};
    EXPECT_NULL(pool_take(pool_at(port), fiber_deadline(PATIENCE_MS), &why, &err));
    EXPECT_EQ(why, IO_FAIL);
    EXPECT_EQ(err.code, ERR_REFUSED);
    EXPECT_EQ(pools.leased, 0);
    EXPECT_EQ(pools.failed[ERR_REFUSED], 1);
    pools_done(&pools);
}
TEST(pool, holds_nothing_after_a_failed_dial)
{
    with_server(&plain_options, failed_dial_script);
}

static void bounded_script(void)
{
    pools_init_with(0, 4);
    struct pooled *kept = dial_one(pool_at(world_port()));
    pooled_return(&kept, -1);
    for (unsigned i = 0; i < POOLS_MAX + 10; i++) {
        struct http_origin origin = origin_at(1);
        origin.max_connections = i + 1;
        EXPECT_NOT_NULL(pools_find(&pools, &origin));
    }
    EXPECT_EQ(pools_count(&pools), POOLS_MAX);
    pools_done(&pools);
}
TEST(pool, is_one_of_a_bounded_number)
{
    with_server(&plain_options, bounded_script);
}

static void keep_alive_script(void)
{
    pools_init_with(100000, 4);
    struct pool *p = pool_at(world_port());
    struct pooled *c = dial_one(p);
    pooled_return(&c, 0); /* timeout=0: not at all */
    EXPECT_EQ(pools.idle, 0);
    struct pooled *brief = dial_one(p), *lasting = dial_one(p), *expected = lasting;
    pooled_return(&lasting, -1);
    pooled_return(&brief, 2); /* half of two milliseconds: the other side may be faster */
    EXPECT_EQ(pools.idle, 2);
    (void)fiber_sleep(5);
    c = take_one(p); /* the newest, but its time is over */
    EXPECT_TRUE(c == expected && c->is_reused);
    EXPECT_EQ(pools.idle, 0);
    brief = dial_one(p);
    pooled_return(&c, -1);
    pooled_return(&brief, 2);
    (void)fiber_sleep(5);
    pools_expire(&pools); /* behind one that is older and stays */
    EXPECT_EQ(pools.idle, 1);
    pools_done(&pools);
}
TEST(pool, keeps_a_connection_no_longer_than_the_other_side_means_to)
{
    with_server(&plain_options, keep_alive_script);
}
