/* Lists of models, by hand: who fetches, what is kept. */
#include "test.h"

#include "gateway/catalogue.h"

static struct arena arena;
static struct catalogues *all;

static struct catalogue *fresh_catalogue(void)
{
    arena_done(&arena);
    all = catalogues_new();
    return catalogues_get(all, STR("a"), STR("http://a/v1"));
}

static struct str listed(struct catalogue *c)
{
    const struct str *ids;
    size_t count = catalogue_list(c, &arena, &ids);
    struct str text = STR("");
    for (size_t i = 0; i < count; i++)
        text = arena_printf(&arena, "%.*s%.*s,", STR_ARG(text), STR_ARG(ids[i]));
    return text;
}

TEST(catalogue, is_one_for_a_provider_at_a_place)
{
    struct catalogue *c = fresh_catalogue();
    EXPECT_TRUE(catalogues_get(all, STR("a"), STR("http://a/v1")) == c);
    EXPECT_TRUE(catalogues_get(all, STR("a"), STR("http://b/v1")) != c);
    EXPECT_TRUE(catalogues_get(all, STR("b"), STR("http://a/v1")) != c);
    catalogues_free(all);
}

TEST(catalogue, has_one_who_fetches_at_a_time)
{
    struct catalogue *c = fresh_catalogue();
    EXPECT_EQ(catalogue_claim(c, 0), CATALOGUE_YOURS);
    EXPECT_EQ(catalogue_claim(c, 0), CATALOGUE_AWAITED);
    catalogue_release(c);
    EXPECT_EQ(catalogue_claim(c, 1), CATALOGUE_YOURS);
    catalogue_store(c, STR("{\"data\":[{\"id\":\"m\"}]}"), 10);
    EXPECT_EQ(catalogue_claim(c, 9 + CATALOGUE_FRESH_MS), CATALOGUE_KNOWN);
    EXPECT_EQ(catalogue_claim(c, 10 + CATALOGUE_FRESH_MS), CATALOGUE_YOURS);
    EXPECT_EQ(catalogue_claim(c, 10 + CATALOGUE_FRESH_MS),
              CATALOGUE_KNOWN); /* the old list will do meanwhile */
    catalogues_free(all);
}

TEST(catalogue, keeps_what_it_knows_when_there_is_nothing_better)
{
    static const char *const others[] = {
        "", "<html>", "{}", "{\"data\":{}}", "null", "{\"data\":[{\"id\":\"x\"}"};
    struct catalogue *c = fresh_catalogue();
    catalogue_store(c, STR("{\"data\":[{\"id\":\"m\"}]}"), 0);
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        EXPECT_EQ(catalogue_claim(c, (msec_t)(i + 1) * CATALOGUE_FRESH_MS), CATALOGUE_YOURS);
        catalogue_store(c, str_from_cstr(others[i]), (msec_t)(i + 1) * CATALOGUE_FRESH_MS);
        EXPECT_TRUE(catalogue_has(c, STR("m")));
        EXPECT_EQ(catalogue_claim(c, (msec_t)(i + 1) * CATALOGUE_FRESH_MS + CATALOGUE_RETRY_MS - 1),
                  CATALOGUE_KNOWN);
    }
    catalogue_store(c, STR("{\"data\":[]}"), 0);
    EXPECT_FALSE(catalogue_has(c, STR("m")));
    catalogues_free(all);
}

TEST(catalogue, reads_both_shapes_and_leaves_out_what_is_no_name)
{
    struct catalogue *c = fresh_catalogue();
    catalogue_store(
        c, STR(" [{\"id\":\"b\"},{\"id\":\"a\\/1\"},{\"id\":\"b\"},{\"id\":\"\"},{\"id\":7},{},null] "), 0);
    EXPECT_STR_EQ(listed(c), "b,a/1,");
    EXPECT_TRUE(catalogue_has(c, STR("a/1")));
    EXPECT_FALSE(catalogue_has(c, STR("")));
    catalogue_store(c, STR("{\"object\":\"list\",\"data\":[{\"id\":\"c\"}]}"), 0);
    EXPECT_STR_EQ(listed(c), "c,");
    EXPECT_FALSE(catalogue_has(c, STR("b")));
    catalogues_free(all);
    arena_done(&arena);
}
