/* The table of outcomes, row by row as the contract prints it, and the status that leads to each. */
#include "policy/outcome.h"

#include "test.h"

TEST(outcome, of_each_status_follows_the_contract)
{
    static const struct {
        int status;
        enum outcome want;
    } cases[] = {
        {200, OUTCOME_SUCCESS},         {204, OUTCOME_SUCCESS},         {299, OUTCOME_SUCCESS},
        {400, OUTCOME_INVALID_REQUEST}, {413, OUTCOME_INVALID_REQUEST}, {415, OUTCOME_INVALID_REQUEST},
        {422, OUTCOME_INVALID_REQUEST}, {401, OUTCOME_CREDENTIALS},     {402, OUTCOME_CREDENTIALS},
        {403, OUTCOME_CREDENTIALS},     {404, OUTCOME_NOT_FOUND},       {408, OUTCOME_SERVER_ERROR},
        {409, OUTCOME_SERVER_ERROR},    {425, OUTCOME_SERVER_ERROR},    {500, OUTCOME_SERVER_ERROR},
        {502, OUTCOME_SERVER_ERROR},    {504, OUTCOME_SERVER_ERROR},    {599, OUTCOME_SERVER_ERROR},
        {503, OUTCOME_OVERLOADED},      {529, OUTCOME_OVERLOADED},      {429, OUTCOME_RATE_LIMITED},
        {301, OUTCOME_MALFORMED},       {304, OUTCOME_MALFORMED},       {101, OUTCOME_MALFORMED},
        {0, OUTCOME_MALFORMED},         {600, OUTCOME_MALFORMED},       {-1, OUTCOME_MALFORMED},
        {405, OUTCOME_NOT_FOUND},       {410, OUTCOME_NOT_FOUND},       {418, OUTCOME_INVALID_REQUEST},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        EXPECT_THAT(outcome_of_status(cases[i].status) == cases[i].want, "status %d", cases[i].status);
}

TEST(outcome, rows_say_what_the_contract_says)
{
    const struct outcome_row *r = outcome_row(OUTCOME_UNREACHABLE);
    EXPECT_TRUE(r->tries_next && r->cooldown == COOLDOWN_SERVER_ERROR && r->judgement == JUDGED_FAILURE);
    EXPECT_EQ(r->caller_status, 502);
    r = outcome_row(OUTCOME_TIMEOUT);
    EXPECT_TRUE(r->tries_next && r->cooldown == COOLDOWN_TIMEOUT && r->judgement == JUDGED_FAILURE);
    EXPECT_EQ(r->caller_status, 504);
    r = outcome_row(OUTCOME_INVALID_REQUEST);
    EXPECT_TRUE(!r->tries_next && r->cooldown == COOLDOWN_NONE && r->judgement == NOT_JUDGED);
    EXPECT_EQ(r->caller_status, 0);
    r = outcome_row(OUTCOME_CREDENTIALS);
    EXPECT_TRUE(r->tries_next && r->cooldown == COOLDOWN_KEY && r->judgement == NOT_JUDGED);
    EXPECT_EQ(r->caller_status, 502);
    r = outcome_row(OUTCOME_RATE_LIMITED);
    EXPECT_TRUE(r->tries_next && r->cooldown == COOLDOWN_RATE_LIMITED && r->judgement == NOT_JUDGED);
    EXPECT_EQ(r->caller_status, 429);
    r = outcome_row(OUTCOME_MALFORMED);
    EXPECT_TRUE(r->tries_next && r->cooldown == COOLDOWN_SERVER_ERROR && r->judgement == JUDGED_FAILURE);
    EXPECT_EQ(r->caller_status, 502);
}

TEST(outcome, of_a_caller_who_left_blames_nobody)
{
    EXPECT_EQ(outcome_row(OUTCOME_CALLER_GONE)->judgement, NOT_JUDGED);
    EXPECT_EQ(outcome_row(OUTCOME_HEDGE_LOST)->judgement, NOT_JUDGED);
    EXPECT_FALSE(outcome_row(OUTCOME_CALLER_GONE)->tries_next);
    const struct outcome_row *r = outcome_row(OUTCOME_NO_ROOM); /* our own want of memory */
    EXPECT_TRUE(!r->tries_next && r->cooldown == COOLDOWN_NONE && r->judgement == NOT_JUDGED);
    EXPECT_EQ(r->caller_status, 503);
    r = outcome_row(OUTCOME_EXHAUSTED); /* and of descriptors */
    EXPECT_TRUE(r->tries_next && r->cooldown == COOLDOWN_NONE && r->judgement == NOT_JUDGED);
    EXPECT_EQ(r->caller_status, 503);
}

TEST(outcome, that_cools_a_target_down_also_tries_the_next_or_is_too_late_for_it)
{
    for (int o = 0; o < OUTCOME_COUNT; o++) {
        const struct outcome_row *r = outcome_row((enum outcome)o);
        if (r->cooldown != COOLDOWN_NONE) EXPECT_TRUE(r->tries_next || o == OUTCOME_INCOMPLETE);
        EXPECT_TRUE(r->caller_status == 0 || (r->caller_status >= 400 && r->caller_status <= 504));
        EXPECT_NE(r->caller_status, 401);
    }
}

TEST(outcome, names_are_distinct_plain_words)
{
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        struct str name = outcome_row((enum outcome)i)->name;
        EXPECT_TRUE(name.len > 0);
        for (size_t c = 0; c < name.len; c++)
            EXPECT_TRUE((name.at[c] >= 'a' && name.at[c] <= 'z') || name.at[c] == '_');
        for (int j = 0; j < i; j++) EXPECT_STR_NE(name, outcome_row((enum outcome)j)->name);
    }
}
