/* "did you mean …?" */
#include "config/suggest.h"
#include "test.h"

static struct str nearest(const char *word, const char *const *candidates)
{
    struct suggestion s;
    suggest_init(&s, str_from_cstr(word));
    for (; *candidates; candidates++) suggest_offer(&s, str_from_cstr(*candidates));
    return s.best;
}

static const char *const options[] = {"priority", "provider", "headers", "api_key", "api_keys", "tls", NULL};

TEST(suggest, one_letter_too_many_too_few_wrong_or_swapped_is_near)
{
    EXPECT_STR_EQ(nearest("prioritty", options), "priority");
    EXPECT_STR_EQ(nearest("priorty", options), "priority");
    EXPECT_STR_EQ(nearest("prioriti", options), "priority");
    EXPECT_STR_EQ(nearest("proivder", options), "provider");
    EXPECT_STR_EQ(nearest("Header", options), "headers");
    EXPECT_STR_EQ(nearest("tsl", options), "tls");
}

TEST(suggest, the_nearest_of_several_wins)
{
    EXPECT_STR_EQ(nearest("api_keyz", options), "api_key");
    EXPECT_STR_EQ(nearest("apikeys", options), "api_keys");
}

TEST(suggest, what_has_little_in_common_gets_no_suggestion)
{
    EXPECT_STR_EQ(nearest("zork", options), "");
    EXPECT_STR_EQ(nearest("x", options), "");
    EXPECT_STR_EQ(nearest("", options), "");
    EXPECT_STR_EQ(nearest("priority_priority_priority_priority_priority_priority_priority_priority", options),
                  "");
}
