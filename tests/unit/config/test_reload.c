/* Snapshots, and what a reload leaves alone. */
#include "config_test.h"

TEST(reload, what_takes_a_restart_keeps_its_old_value_and_is_named)
{
    struct config *old = load_text(
        "server: {listen: [':1', ':2'], workers: 2}\nstate: redis://a\nlog: {level: info}\n");
    struct config *fresh = load_text(
        "server: {listen: ':3', workers: 3}\nstore: memory\nlog: {level: debug}\n");
    ASSERT_TRUE(old && fresh);
    struct config_report report;
    config_report_init(&report);
    EXPECT_TRUE(config_keep_frozen(fresh, old, &report));
    config_unref(&old); /* nothing of it is lent to the new one */
    EXPECT_EQ(fresh->server.listen.count, 2);
    EXPECT_STR_EQ(fresh->server.listen.at[1], ":2");
    EXPECT_EQ(fresh->server.workers, 2);
    EXPECT_STR_EQ(fresh->state, "redis://a");
    EXPECT_STR_EQ(fresh->store, "sqlite:weir.db");
    EXPECT_EQ(fresh->log.level, LOG_LEVEL_DEBUG);
    static const char *const named[] = {"server.listen", "server.workers", "state", "store"};
    EXPECT_EQ(report.warnings.count, ARRAY_COUNT(named));
    for (size_t i = 0; i < report.warnings.count && i < ARRAY_COUNT(named); i++) {
        EXPECT_TRUE(str_starts_with(report.warnings.at[i], str_from_cstr(named[i])));
        EXPECT_TRUE(str_ends_with(report.warnings.at[i],
                                  STR(" has changed, which takes a restart; the old value stays in force")));
    }
    config_unref(&fresh);
    config_report_done(&report);
}

TEST(reload, nothing_is_said_when_nothing_of_that_kind_changed)
{
    struct config *old = load_text("log: {level: info}\n"), *fresh = load_text("log: {level: warn}\n");
    ASSERT_TRUE(old && fresh);
    struct config_report report;
    config_report_init(&report);
    EXPECT_TRUE(config_keep_frozen(fresh, old, &report));
    EXPECT_EQ(report.warnings.count, 0);
    config_unref(&old);
    config_unref(&fresh);
    config_report_done(&report);
}

TEST(reload, the_old_addresses_do_not_stay_open_when_nobody_is_asked_for_a_key_any_more)
{
    struct config *old = load_text("server: {listen: ':1'}\n");
    struct config *fresh = load_text("server: {listen: '127.0.0.1:1'}\nauth: {mode: 'off'}\n");
    struct config *anywhere = load_text("server: {listen: ':1'}\nauth: {mode: 'off', anywhere: true}\n");
    ASSERT_TRUE(old && fresh && anywhere);
    struct config_report report;
    config_report_init(&report);
    EXPECT_FALSE(config_keep_frozen(fresh, old, &report));
    EXPECT_EQ(report.errors.count, 1);
    EXPECT_TRUE(config_keep_frozen(anywhere, old, &report));
    config_unref(&old);
    config_unref(&fresh);
    config_unref(&anywhere);
    config_report_done(&report);
}

TEST(reload, the_last_reference_frees_a_snapshot)
{
    struct config *c = load_text("");
    ASSERT_TRUE(c != NULL);
    struct config *mine = config_ref(c);
    config_unref(&c);
    EXPECT_NULL(c);
    EXPECT_STR_EQ(mine->server.listen.at[0], "127.0.0.1:8080");
    config_unref(&mine);
    config_unref(&mine);
}
