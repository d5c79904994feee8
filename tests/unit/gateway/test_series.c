/* Metrics that are found once and kept. */
#include "test.h"

#include "gateway/series.h"

static struct metrics *metrics;
static struct series series;

static void begin(void)
{
    metrics = metrics_new(1, STR("test"), 0);
    series_init(&series, metrics_shard(metrics, 0));
}

static struct counter *requests(const void *route, struct str method_name, int status)
{
    struct series_route_key key = {
        .route = route, .endpoint = STR("/x"), .method_name = method_name, .status = status};
    key.method = str_equals(method_name, STR("GET")) ? M_GET : M_OTHER;
    return series_route(&series, &key)->requests;
}

TEST(series, the_same_route_method_and_status_are_one_series)
{
    int a, b;
    begin();
    struct counter *get = requests(&a, STR("GET"), 200);
    EXPECT_TRUE(requests(&a, STR("GET"), 200) == get);
    EXPECT_TRUE(requests(&a, STR("GET"), 404) != get);
    EXPECT_TRUE(requests(&a, STR("BREW"), 200) != get);
    EXPECT_TRUE(requests(&a, STR("BREW"), 200) == requests(&a, STR("STEEP"), 200)); /* both are OTHER */
    EXPECT_TRUE(requests(&b, STR("GET"), 200) == get); /* another place in the table, the same labels */
    metrics_free(metrics);
}

TEST(series, many_routes_share_the_places_and_are_still_told_apart)
{
    static int routes[SERIES_SLOTS * 4];
    begin();
    struct counter *of_status[5];
    for (int status = 0; status < 5; status++)
        of_status[status] = requests(&routes[0], STR("GET"), 200 + status);
    for (size_t i = 0; i < ARRAY_COUNT(routes); i++)
        for (int status = 0; status < 5; status++)
            EXPECT_TRUE(requests(&routes[i], STR("GET"), 200 + status) == of_status[status]);
    metrics_free(metrics);
}

static struct target_series *target(const void *provider, struct str name, struct str model)
{
    return series_target(
        &series, &(struct series_target_key){
                     .provider = provider, .provider_name = name, .model = model, .operation = OP_CHAT});
}

TEST(series, targets_are_told_apart_by_provider_and_model)
{
    int a, b;
    begin();
    struct histogram *am = target(&a, STR("a"), STR("m"))->input_tokens;
    EXPECT_TRUE(target(&a, STR("a"), STR("m"))->input_tokens == am);
    EXPECT_TRUE(target(&a, STR("a"), STR("n"))->input_tokens != am);
    EXPECT_TRUE(target(&b, STR("b"), STR("m"))->input_tokens != am);
    EXPECT_TRUE(target(&a, STR("a"), STR("m"))->output_tokens != am);
    EXPECT_TRUE(target(&a, STR("a"), STR("")) != NULL);
    metrics_free(metrics);
}

TEST(series, after_another_snapshot_a_providers_address_means_another)
{
    int place;
    begin();
    struct histogram *before = target(&place, STR("a"), STR("m"))->input_tokens;
    series_forget_targets(&series);
    EXPECT_TRUE(target(&place, STR("b"), STR("m"))->input_tokens != before);
    metrics_free(metrics);
}

TEST(series, a_model_too_long_for_its_place_is_counted_all_the_same)
{
    char names[2][SERIES_MODEL_BYTES + 10];
    int a;
    begin();
    memset(names, 'm', sizeof names);
    names[1][sizeof names[1] - 1] = 'n';
    struct str first = str_of(names[0], sizeof names[0]), second = str_of(names[1], sizeof names[1]);
    struct series_target_key key = {.provider = &a, .provider_name = STR("a"), .operation = OP_CHAT};
    for (int i = 0; i < 4; i++) {
        key.model = i % 2 ? second : first;
        series_count_attempt(&series, series_target(&series, &key), &key, OUTCOME_SUCCESS);
    }
    struct buf out;
    buf_init(&out, 1 << 20);
    EXPECT_TRUE(metrics_write_text(metrics, &out));
    struct str text = buf_str(&out);
    EXPECT_TRUE(str_find(text, STR("n\",outcome=\"success\"} 2\n")) != SIZE_MAX);
    EXPECT_TRUE(str_find(text, STR("mm\",outcome=\"success\"} 2\n")) != SIZE_MAX);
    buf_done(&out);
    metrics_free(metrics);
}
