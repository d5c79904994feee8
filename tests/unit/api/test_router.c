/* From a path to its row. */
#include "test.h"

#include "api/router.h"

static struct router router;

static struct str template_of(enum http_method method, const char *path)
{
    struct routed found = router_find(&router, method, str_from_cstr(path));
    return found.row ? found.row->route.endpoint : STR("none");
}

TEST(router, every_path_leads_to_its_own_row_with_every_method_it_allows)
{
    router_init(&router);
    for (size_t i = 0; i < endpoint_count; i++) {
        const struct endpoint_row *row = &endpoints[i];
        struct str path = row->route.endpoint, name = STR("");
        char text[200];
        size_t len = 0;
        for (size_t at = 0; at < path.len; at++) { /* "{id}" becomes "x/y" */
            if (path.at[at] != '{') {
                text[len++] = path.at[at];
                continue;
            }
            memcpy(text + len, "x/y", 3);
            len += 3;
            at = str_find_char(path, '}');
            name = STR("x/y");
        }
        static const enum http_method methods[] = {M_GET, M_POST};
        for (size_t m = 0; m < ARRAY_COUNT(methods); m++) {
            struct routed found = router_find(&router, methods[m], str_of(text, len));
            bool is_allowed = row->methods & 1u << methods[m];
            EXPECT_TRUE(found.methods == row->methods);
            EXPECT_TRUE(found.row == (is_allowed ? row : NULL));
            EXPECT_STR_EQ(found.rest, name);
        }
    }
    router_done(&router);
}

TEST(router, paths_answer_without_v1_too_and_head_goes_where_get_does)
{
    router_init(&router);
    EXPECT_STR_EQ(template_of(M_POST, "/chat/completions"), "/v1/chat/completions");
    EXPECT_STR_EQ(template_of(M_GET, "/models"), "/v1/models");
    EXPECT_STR_EQ(template_of(M_GET, "/models/a/b"), "/v1/models/{id}");
    EXPECT_STR_EQ(template_of(M_HEAD, "/v1/models"), "/v1/models");
    EXPECT_STR_EQ(template_of(M_HEAD, "/v1/chat/completions"), "none");
    router_done(&router);
}

TEST(router, what_is_no_path_of_ours_leads_nowhere)
{
    static const char *const paths[] = {"",
                                        "/",
                                        "*",
                                        "/v1",
                                        "/v1/",
                                        "/v1/chat",
                                        "/v1/models/",
                                        "/V1/models",
                                        "/v1/v1/models",

                                        "/circuit-breakers//reset",
                                        "/circuit-breakers/reset",
                                        "/api/v1/health/"};
    router_init(&router);
    for (size_t i = 0; i < ARRAY_COUNT(paths); i++)
        EXPECT_THAT(router_find(&router, M_GET, str_from_cstr(paths[i])).methods == 0, "%s", paths[i]);
    EXPECT_EQ(router_find(&router, M_POST, STR("/circuit-breakers//reset")).methods, 0);
    EXPECT_EQ(router_find(&router, M_GET, STR("/v1/chat/completions")).methods, BIT_POST);
    EXPECT_NULL(router_find(&router, M_OTHER, STR("/v1/models")).row);
    EXPECT_NULL(router_find(&router, M_TRACE, STR("/v1/models")).row);
    router_done(&router);
}

TEST(router, a_name_between_head_and_tail_is_taken_out)
{
    router_init(&router);
    struct routed found = router_find(&router, M_POST, STR("/circuit-breakers/a%232/reset"));
    EXPECT_STR_EQ(found.rest, "a%232");
    EXPECT_STR_EQ(found.row->route.endpoint, "/circuit-breakers/{name}/reset");
    found = router_find(&router, M_POST, STR("/circuit-breakers/reset/reset"));
    EXPECT_STR_EQ(found.rest, "reset");
    router_done(&router);
}
