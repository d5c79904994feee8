/* docs/weir.example.yaml is what people copy: it loads without a word. */
#include "config_test.h"

TEST(example, loads_without_errors_or_warnings)
{
    struct str text = test_read_file(test_source_path("docs/weir.example.yaml"));
    ASSERT_TRUE(text.at != NULL);
    struct arena a;
    arena_init(&a);
    struct world w = {
        .files = {{"weir.yaml", arena_cstr(&a, text)}},
        .variables = {
            {"ALICE_KEY", "a"}, {"MONITORING_KEY", "b"}, {"OPENAI_API_KEY", "c"}, {"GROQ_API_KEY", "d"}}};
    struct config_report report;
    struct config *c = world_load(&w, &report);
    for (size_t i = 0; i < report.errors.count; i++) FAIL("%.*s", STR_ARG(report.errors.at[i]));
    for (size_t i = 0; i < report.warnings.count; i++) FAIL("%.*s", STR_ARG(report.warnings.at[i]));
    ASSERT_TRUE(c != NULL);
    EXPECT_EQ(c->providers.count, 3);
    EXPECT_STR_EQ(c->providers.at[0].name, "openai");
    EXPECT_STR_EQ(c->providers.at[0].preset, "openai");
    EXPECT_EQ(config_find_provider(c, STR("groq"))->api_keys.count, 1);
    EXPECT_EQ(config_find_provider(c, STR("lab"))->breaker.failure_threshold, 2);
    EXPECT_STR_EQ(config_find_model(c, STR("lab-7"))->targets.at[0].provider->name, "lab");
    config_unref(&c);
    config_report_done(&report);
    arena_done(&a);
}
