/* tests/unit/http/test_pool_line.c: ceilings of pools: who waits, for how long, and in which order he gets his turn. */
#include "upstream_test.h"

#include "http/pool.h"

static struct pools pools;

static struct pool *pool_of(unsigned max_connections)
{
    struct http_origin origin = origin_at(world_port());
    origin.max_connections = max_connections;
    return pools_find(&pools, &origin);
}

static void init(unsigned max_of_all)
{
    pools_init(&pools, &(struct pools_options){.max_idle = 100, .max_connections = max_of_all});
}

/* Somebody who takes a connection, holds it for a moment, and puts it back or closes it. */
struct user {
    struct pool *pool;
    struct fiber *fiber;
    msec_t patience_ms, hold_ms;
    bool closes;
    enum io io;
    enum err_code code;
    unsigned turn; /* the how-manieth to get one; 0: never */
};
static unsigned turns, in_use, most_in_use;

static void user_main(void *arg)
{
    struct user *u = arg;
    struct err err = {0};
    u->fiber = fiber_current();
    u->io = IO_OK;
    struct pooled *c = pool_take(u->pool, fiber_deadline(u->patience_ms), &u->io, &err);
    u->code = err.code;
    if (!c) return;
    u->turn = ++turns;
    if (++in_use > most_in_use) most_in_use = in_use;
    (void)fiber_sleep(u->hold_ms);
    in_use--;
    if (u->closes)
        pooled_close(&c);
    else
        pooled_return(&c, -1);
}

static void start_all(struct fiber_group *g, struct user *users, unsigned count)
{
    turns = in_use = most_in_use = 0;
    fiber_group_init(g);
    for (unsigned i = 0; i < count; i++) EXPECT_TRUE(fiber_group_start(g, user_main, &users[i]));
}

static void end_clean(void)
{
    EXPECT_EQ(pools.leased, 0);
    EXPECT_EQ(pools.waiting, 0);
    pools_done(&pools);
}

static void order_script(void)
{
    enum { USERS = 12 };
    struct user users[USERS];
    struct fiber_group g;
    init(0);
    for (unsigned i = 0; i < USERS; i++)
        users[i] = (struct user){.pool = pool_of(1), .patience_ms = PATIENCE_MS, .closes = i % 3 == 2};
    start_all(&g, users, USERS);
    EXPECT_EQ(fiber_group_wait_all(&g, NEVER), IO_OK);
    for (unsigned i = 0; i < USERS; i++) EXPECT_EQ(users[i].turn, i + 1);
    EXPECT_EQ(most_in_use, 1);
    EXPECT_EQ(pools.waited, USERS - 1);
    EXPECT_EQ(pools.dialled, USERS / 3); /* a new one after each that was closed */
    EXPECT_EQ(pools.reused, USERS - USERS / 3);
    end_clean();
}
TEST(line, gives_turns_in_the_order_of_coming)
{
    with_server(&plain_options, order_script);
}

static void load_script(void)
{
    enum { USERS = 200 };
    static struct user users[USERS];
    struct fiber_group g;
    init(0);
    for (unsigned i = 0; i < USERS; i++)
        users[i] = (struct user){
            .pool = pool_of(7), .patience_ms = PATIENCE_MS, .hold_ms = i % 3, .closes = i % 5 == 0};
    start_all(&g, users, USERS);
    EXPECT_EQ(fiber_group_wait_all(&g, NEVER), IO_OK);
    EXPECT_EQ(turns, USERS);
    EXPECT_EQ(most_in_use, 7);
    EXPECT_TRUE(pools.idle <= 7);
    end_clean();
}
TEST(line, keeps_a_ceiling_under_load_and_serves_everybody)
{
    with_server(&plain_options, load_script);
}

static void impatient_script(void)
{
    struct user users[] = {{.pool = NULL, .patience_ms = PATIENCE_MS, .hold_ms = ms(50)},
                           {.patience_ms = 5},
                           {.patience_ms = PATIENCE_MS}};
    struct fiber_group g;
    init(0);
    for (unsigned i = 0; i < 3; i++) users[i].pool = pool_of(1);
    start_all(&g, users, 3);
    EXPECT_EQ(fiber_group_wait_all(&g, NEVER), IO_OK);
    EXPECT_EQ(users[1].io, IO_FAIL);
    EXPECT_EQ(users[1].code, ERR_EXHAUSTED);
    EXPECT_EQ(users[2].turn, 2);
    end_clean();
}
TEST(line, is_left_by_who_has_no_more_time)
{
    with_server(&plain_options, impatient_script);
}

static void raised_script(void)
{
    struct user users[] = {
        {.patience_ms = PATIENCE_MS}, {.patience_ms = PATIENCE_MS}, {.patience_ms = PATIENCE_MS}};
    struct fiber_group g;
    enum io io;
    struct err err;
    init(1);
    for (unsigned i = 0; i < 3; i++) users[i].pool = pool_of(i == 2 ? 9 : 0);
    struct pooled *held = pool_take(users[0].pool, NEVER, &io, &err);
    start_all(&g, users, 3);
    (void)fiber_sleep(1);
    EXPECT_EQ(pools.waiting, 3);
    pools_set_max_connections(&pools, 4);
    EXPECT_EQ(fiber_group_wait_all(&g, fiber_deadline(PATIENCE_MS / 2)), IO_OK);
    EXPECT_EQ(turns, 3);
    pooled_close(&held);
    end_clean();
}
TEST(line, goes_ahead_when_the_ceiling_is_raised)
{
    with_server(&plain_options, raised_script);
}

/* The first in line is cancelled: while he waits, and between his turn and his waking. */
static void cancelled_script(void)
{
    for (unsigned round = 0; round < 4; round++) {
        struct user users[] = {{.patience_ms = PATIENCE_MS}, {.patience_ms = PATIENCE_MS}};
        struct fiber_group g;
        enum io io;
        struct err err;
        init(0);
        for (unsigned i = 0; i < 2; i++) users[i].pool = pool_of(1);
        struct pooled *held = pool_take(users[0].pool, NEVER, &io, &err);
        start_all(&g, users, 2);
        (void)fiber_sleep(1);
        EXPECT_EQ(pools.waiting, 2);
        if (round == 0) fiber_cancel(users[0].fiber);
        if (round == 3)
            pooled_close(&held); /* he may dial, and is cancelled before he does */
        else
            pooled_return(&held, -1);
        if (round == 1 || round == 3) fiber_cancel(users[0].fiber);
        EXPECT_EQ(fiber_group_wait_all(&g, NEVER), IO_OK);
        EXPECT_EQ(users[1].io, IO_OK);
        EXPECT_TRUE(users[1].turn > 0);
        end_clean();
    }
}
TEST(line, passes_on_what_a_cancelled_one_does_not_take)
{
    with_server(&plain_options, cancelled_script);
}

static void refused_script(void)
{
    struct user users[5];
    struct fiber_group g;
    struct upstream up;
    upstream_open(&up, NULL, 0);
    struct http_origin origin = origin_at(up.port);
    upstream_close(&up);
    init(0);
    origin.max_connections = 1;
    for (unsigned i = 0; i < 5; i++)
        users[i] = (struct user){.pool = pools_find(&pools, &origin), .patience_ms = PATIENCE_MS};
    start_all(&g, users, 5);
    EXPECT_EQ(fiber_group_wait_all(&g, NEVER), IO_OK);
    for (unsigned i = 0; i < 5; i++) EXPECT_EQ(users[i].code, ERR_REFUSED);
    EXPECT_EQ(pools.failed[ERR_REFUSED], 5);
    end_clean();
}
TEST(line, goes_on_when_a_connection_cannot_be_made)
{
    with_server(&plain_options, refused_script);
}

/* Two pools share three places. */
static void of_all_script(void)
{
    struct user users[30];
    struct fiber_group g;
    init(3);
    for (unsigned i = 0; i < 30; i++)
        users[i] = (struct user){
            .pool = pool_of(i % 2 ? 0 : 2), .patience_ms = PATIENCE_MS, .hold_ms = i % 3};
    start_all(&g, users, 30);
    EXPECT_EQ(fiber_group_wait_all(&g, NEVER), IO_OK);
    EXPECT_EQ(turns, 30);
    EXPECT_EQ(most_in_use, 3);
    EXPECT_TRUE(pools.idle <= 3);
    end_clean();
}
TEST(line, is_one_for_all_pools_where_all_are_too_many)
{
    with_server(&plain_options, of_all_script);
}

static void gives_way_script(void)
{
    enum io io;
    struct err err;
    init(2);
    struct pooled *c[3];
    for (int i = 0; i < 2; i++) c[i] = pool_take(pool_of(0), NEVER, &io, &err);
    for (int i = 0; i < 2; i++) pooled_return(&c[i], -1);
    EXPECT_EQ(pools.idle, 2);
    c[2] = pool_take(pool_of(5), fiber_deadline(PATIENCE_MS), &io, &err); /* nobody needs to wait */
    EXPECT_NOT_NULL(c[2]);
    EXPECT_EQ(pools.idle, 1);
    EXPECT_EQ(pools.waited, 0);
    pooled_return(&c[2], -1);
    end_clean();
}
TEST(line, is_empty_while_an_idle_connection_can_give_way)
{
    with_server(&plain_options, gives_way_script);
}
