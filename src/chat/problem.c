/* chat/problem.c: the rows of chat/problem.h and how a status finds its row. */
#include "chat/problem.h"

#include "base/attributes.h"

#define AS_ROW(problem, status, type) [problem] = {status, type},
static const struct {
    int status;
    const char *type;
} rows[PROBLEM_COUNT] = {PROBLEMS(AS_ROW)};

int problem_status(enum problem p)
{
    return rows[p].status;
}

const char *problem_type(enum problem p)
{
    return rows[p].type;
}

enum problem problem_of_status(int status)
{
    for (int i = 0; i < PROBLEM_COUNT; i++)
        if (rows[i].status == status) return (enum problem)i;
    if (status == 529) return PROBLEM_UNAVAILABLE;
    return status >= 500 ? PROBLEM_UPSTREAM : PROBLEM_INVALID_REQUEST;
}
