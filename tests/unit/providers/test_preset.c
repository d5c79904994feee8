/* What a configured provider becomes. */
#include "test.h"

#include "http/url.h"
#include "providers/preset.h"

static struct arena arena;
static struct provider_facts facts;
static struct err error;

static bool fill(const struct config_provider *p)
{
    arena_done(&arena);
    return provider_facts_fill(&facts, &arena, p, STR("http://127.0.0.1:9/v1"), &error);
}

static struct str url_of(const char *base_url)
{
    struct config_provider p = {.name = STR("a"), .kind = KIND_OPENAI, .base_url = str_from_cstr(base_url)};
    if (!fill(&p)) return str_from_cstr(error.text);
    return facts.base_urls.at[0];
}

/* ---- rows ---- */
TEST(preset, every_name_has_a_row_with_a_url_that_is_complete)
{
    for (size_t i = 0; preset_names[i]; i++) {
        struct config_provider p = {.name = STR("x"), .preset = str_from_cstr(preset_names[i])};
        const struct preset *row = preset_find(p.preset);
        ASSERT_TRUE(row != NULL);
        EXPECT_STR_EQ(row->name, preset_names[i]);
        EXPECT_TRUE(fill(&p));
        EXPECT_TRUE(facts.apis & API_CHAT);
        EXPECT_TRUE(facts.stream_usage != STREAM_USAGE_FROM_PRESET);
        if (row->base_url) EXPECT_STR_EQ(facts.base_urls.at[0], row->base_url); /* nothing had to be added */
    }
    EXPECT_NULL(preset_find(STR("nobody")));
    EXPECT_NULL(preset_find(STR("")));
}

TEST(preset, fills_in_what_the_file_leaves_out_and_nothing_else)
{
    struct config_provider p = {.name = STR("m"), .preset = STR("mistral")};
    EXPECT_TRUE(fill(&p));
    EXPECT_STR_EQ(facts.base_urls.at[0], "https://api.mistral.ai/v1");
    EXPECT_EQ(facts.stream_usage, STREAM_USAGE_NATIVE);
    EXPECT_TRUE(facts.model.len > 0);
    p.base_url = STR("http://h/v1");
    p.model = STR("own");
    p.apis = API_EMBEDDINGS;
    p.stream_usage = STREAM_USAGE_INJECT;
    EXPECT_TRUE(fill(&p));
    EXPECT_STR_EQ(facts.base_urls.at[0], "http://h/v1");
    EXPECT_STR_EQ(facts.model, "own");
    EXPECT_EQ(facts.apis, API_EMBEDDINGS);
    EXPECT_EQ(facts.stream_usage, STREAM_USAGE_INJECT);
}

TEST(preset, a_kind_without_a_preset_is_openais_basics)
{
    struct config_provider p = {.name = STR("x"), .kind = KIND_OPENAI, .base_url = STR("http://h")};
    EXPECT_TRUE(fill(&p));
    EXPECT_EQ(facts.apis, API_CHAT | API_COMPLETIONS | API_EMBEDDINGS);
    EXPECT_EQ(facts.stream_usage, STREAM_USAGE_INJECT);
    EXPECT_TRUE(str_is_empty(facts.model));
    EXPECT_STR_EQ(facts.kind->auth_header, "Authorization");
}

/* ---- URLs ---- */
TEST(preset, a_trailing_version_part_is_optional)
{
    EXPECT_STR_EQ(url_of("http://h"), "http://h/v1");
    EXPECT_STR_EQ(url_of("http://h/"), "http://h/v1");
    EXPECT_STR_EQ(url_of("http://h:8080//"), "http://h:8080/v1");
    EXPECT_STR_EQ(url_of("http://h/v1"), "http://h/v1");
    EXPECT_STR_EQ(url_of("http://h/v1/"), "http://h/v1");
    EXPECT_STR_EQ(url_of("http://h/openai/v1beta"), "http://h/openai/v1beta");
    EXPECT_STR_EQ(url_of("http://h/api"), "http://h/api/v1");
    EXPECT_STR_EQ(url_of("http://h/very"), "http://h/very/v1");
}

TEST(preset, a_base_url_may_be_complete_without_one)
{
    struct config_provider p = {.name = STR("a"),
                                .kind = KIND_OPENAI,
                                .base_url = STR("https://x.example/serving-endpoints/"),
                                .wants_exact_url = true};
    EXPECT_TRUE(fill(&p));
    EXPECT_STR_EQ(facts.base_urls.at[0], "https://x.example/serving-endpoints");
}

TEST(preset, a_unix_socket_gets_its_version_part_as_a_path)
{
    EXPECT_STR_EQ(url_of("unix:/run/v.sock"), "unix:/run/v.sock:/v1");
    EXPECT_STR_EQ(url_of("unix:/run/v.sock:/api"), "unix:/run/v.sock:/api/v1");
    EXPECT_STR_EQ(url_of("unix:/run/v.sock:/v2/"), "unix:/run/v.sock:/v2");
}

TEST(preset, what_is_no_url_or_could_not_be_appended_to_is_refused)
{
    static const char *const urls[] = {
        "h", "ftp://h", "http://", "http://u:p@h", "http://h/v1?x=1", "http://h/v1#x"};
    for (size_t i = 0; i < ARRAY_COUNT(urls); i++) {
        struct config_provider p = {
            .name = STR("a"), .kind = KIND_OPENAI, .base_url = str_from_cstr(urls[i])};
        EXPECT_THAT(!fill(&p), "%s", urls[i]);
        EXPECT_TRUE(str_starts_with(str_from_cstr(error.text), STR("a: base_url: ")));
    }
}

TEST(preset, alternatives_follow_in_their_order)
{
    const struct str more[] = {STR("http://b"), STR("http://c/v2")};
    struct config_provider p = {
        .name = STR("a"), .kind = KIND_OPENAI, .base_url = STR("http://a"), .base_urls = {more, 2}};
    EXPECT_TRUE(fill(&p));
    EXPECT_EQ(facts.base_urls.count, 3);
    EXPECT_STR_EQ(facts.base_urls.at[1], "http://b/v1");
    EXPECT_STR_EQ(facts.base_urls.at[2], "http://c/v2");
}

TEST(preset, without_any_url_or_with_a_kind_that_is_not_built_it_says_so)
{
    struct config_provider p = {.name = STR("a"), .kind = KIND_OPENAI};
    EXPECT_FALSE(fill(&p));
    EXPECT_EQ(error.code, ERR_INVALID);
    p = (struct config_provider){.name = STR("a"), .kind = KIND_GEMINI, .base_url = STR("http://h")};
    EXPECT_FALSE(fill(&p));
    EXPECT_EQ(error.code, ERR_UNSUPPORTED);
}

TEST(preset, the_simulator_is_where_it_was_started)
{
    struct config_provider p = {.name = STR("demo"), .kind = KIND_SIMULATOR};
    EXPECT_TRUE(fill(&p));
    EXPECT_STR_EQ(facts.base_urls.at[0], "http://127.0.0.1:9/v1");
    EXPECT_FALSE(provider_facts_fill(&facts, &arena, &p, STR(""), &error)); /* none was */
    arena_done(&arena);
}
