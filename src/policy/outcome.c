/* policy/outcome.c: the table of outcome.h as an array, and which statuses lead to which row. */
#include "policy/outcome.h"

#include "base/check.h"

#define OUTCOME_AS_ROW(id, text, next, kind, judged, status)                                                 \
    [id] = {.name = STR_INIT(text),                                                                          \
            .tries_next = (next),                                                                            \
            .cooldown = (kind),                                                                              \
            .judgement = (judged),                                                                           \
            .caller_status = (status)},
static const struct outcome_row outcome_rows[OUTCOME_COUNT] = {OUTCOMES(OUTCOME_AS_ROW)};

const struct outcome_row *outcome_row(enum outcome o)
{
    require(o < OUTCOME_COUNT);
    return &outcome_rows[o];
}

/* The contract's rows, and 405 and 410 beside 404: the path or model is not there, but may be elsewhere. */
static const struct {
    int status;
    enum outcome outcome;
} outcome_statuses[] = {
    {401, OUTCOME_CREDENTIALS},  {402, OUTCOME_CREDENTIALS},  {403, OUTCOME_CREDENTIALS},
    {404, OUTCOME_NOT_FOUND},    {405, OUTCOME_NOT_FOUND},    {410, OUTCOME_NOT_FOUND},
    {408, OUTCOME_SERVER_ERROR}, {409, OUTCOME_SERVER_ERROR}, {425, OUTCOME_SERVER_ERROR},
    {429, OUTCOME_RATE_LIMITED}, {503, OUTCOME_OVERLOADED},   {529, OUTCOME_OVERLOADED},
};

enum outcome outcome_of_status(int status)
{
    if (status >= 200 && status <= 299) return OUTCOME_SUCCESS;
    for (size_t i = 0; i < ARRAY_COUNT(outcome_statuses); i++)
        if (outcome_statuses[i].status == status) return outcome_statuses[i].outcome;
    if (status >= 400 && status <= 499) return OUTCOME_INVALID_REQUEST;
    if (status >= 500 && status <= 599) return OUTCOME_SERVER_ERROR;
    return OUTCOME_MALFORMED; /* 1xx and 3xx are no answers, and the rest is no status */
}
