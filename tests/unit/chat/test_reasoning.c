/* Efforts and budgets. */
#include "test.h"

#include "base/attributes.h"
#include "chat/reasoning.h"

TEST(reasoning, efforts_have_budgets_between_1024_and_max_tokens_pitfall_18)
{
    static const struct {
        enum chat_effort effort;
        int64_t max_tokens, budget;
    } rows[] = {
        {CHAT_EFFORT_LOW, 0, 1024},     {CHAT_EFFORT_MEDIUM, 0, 8192},     {CHAT_EFFORT_HIGH, 0, 24576},
        {CHAT_EFFORT_HIGH, 4096, 4095}, {CHAT_EFFORT_MINIMAL, 1025, 1024}, {CHAT_EFFORT_LOW, 1024, 0},
        {CHAT_EFFORT_HIGH, 500, 0},     {CHAT_EFFORT_NONE, 0, 0},          {CHAT_EFFORT_UNSAID, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct chat_reasoning r = {.effort = rows[i].effort};
        EXPECT_EQ(chat_reasoning_budget(&r, rows[i].max_tokens), rows[i].budget);
    }
}

TEST(reasoning, a_budget_of_its_own_goes_before_the_effort_and_is_never_too_small_pitfall_18)
{
    struct chat_reasoning r = {.is_on = CHAT_YES, .budget = {true, 500}};
    EXPECT_EQ(chat_reasoning_budget(&r, 0), 1024);
    r.budget.value = 9000;
    r.effort = CHAT_EFFORT_LOW;
    EXPECT_EQ(chat_reasoning_budget(&r, 0), 9000);
    EXPECT_EQ(chat_reasoning_budget(&r, 5000), 4999);
    r.budget.value = -1;
    EXPECT_EQ(chat_reasoning_budget(&r, 0), 1024);
}

TEST(reasoning, budgets_have_efforts)
{
    struct chat_reasoning r = {.budget = {true, 1024}};
    EXPECT_EQ(chat_reasoning_effort(&r), CHAT_EFFORT_LOW);
    r.budget.value = 16384;
    EXPECT_EQ(chat_reasoning_effort(&r), CHAT_EFFORT_MEDIUM);
    r.budget.value = 16385;
    EXPECT_EQ(chat_reasoning_effort(&r), CHAT_EFFORT_HIGH);
    r.budget.value = -1;
    EXPECT_EQ(chat_reasoning_effort(&r), CHAT_EFFORT_MEDIUM);
    r.budget.value = 0;
    EXPECT_EQ(chat_reasoning_effort(&r), CHAT_EFFORT_NONE);
    r.effort = CHAT_EFFORT_MAX;
    EXPECT_EQ(chat_reasoning_effort(&r), CHAT_EFFORT_MAX);
}

TEST(reasoning, it_is_wanted_when_somebody_says_so)
{
    EXPECT_EQ(chat_reasoning_is_wanted(&(struct chat_reasoning){0}), CHAT_UNSAID);
    EXPECT_EQ(
        chat_reasoning_is_wanted(&(struct chat_reasoning){.is_on = CHAT_NO, .effort = CHAT_EFFORT_HIGH}),
        CHAT_NO);
    EXPECT_EQ(chat_reasoning_is_wanted(&(struct chat_reasoning){.effort = CHAT_EFFORT_NONE}), CHAT_NO);
    EXPECT_EQ(chat_reasoning_is_wanted(&(struct chat_reasoning){.budget = {true, -1}}), CHAT_YES);
    EXPECT_EQ(chat_reasoning_effort(&(struct chat_reasoning){.is_on = CHAT_YES}), CHAT_EFFORT_MEDIUM);
}
