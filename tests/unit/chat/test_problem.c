/* The rows of chat/problem.h against the contract's list of types. */
#include "test.h"

#include "base/attributes.h"
#include "chat/problem.h"

TEST(problem, every_row_has_a_status_and_a_type_of_the_contract)
{
    static const char *const types[] = {
        "service_unavailable", "internal_server_error", "invalid_request", "unauthorized",   "forbidden",
        "not_found",           "payload_too_large",     "rate_limited",    "upstream_error", "timeout",
    };
    for (int p = 0; p < PROBLEM_COUNT; p++) {
        bool is_known = false;
        for (size_t i = 0; i < ARRAY_COUNT(types); i++)
            is_known = is_known || strcmp(types[i], problem_type((enum problem)p)) == 0;
        EXPECT_THAT(is_known, "problem %d has type %s", p, problem_type((enum problem)p));
        EXPECT_TRUE(problem_status((enum problem)p) >= 400 && problem_status((enum problem)p) <= 599);
    }
}

TEST(problem, is_found_by_its_own_status)
{
    for (int p = 0; p < PROBLEM_COUNT; p++) {
        int status = problem_status((enum problem)p);
        EXPECT_EQ(problem_status(problem_of_status(status)), status);
    }
    EXPECT_EQ(problem_of_status(404), PROBLEM_NOT_FOUND);
    EXPECT_EQ(problem_of_status(429), PROBLEM_RATE_LIMITED);
}

TEST(problem, other_statuses_have_the_next_best_row)
{
    EXPECT_EQ(problem_of_status(402), PROBLEM_INVALID_REQUEST);
    EXPECT_EQ(problem_of_status(422), PROBLEM_INVALID_REQUEST);
    EXPECT_EQ(problem_of_status(431), PROBLEM_INVALID_REQUEST);
    EXPECT_EQ(problem_of_status(529), PROBLEM_UNAVAILABLE);
    EXPECT_EQ(problem_of_status(520), PROBLEM_UPSTREAM);
}
