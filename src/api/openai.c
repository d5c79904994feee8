/* api/openai.c: the OpenAI surface: paths that go to a model. */
#include "api/endpoints.h"

void api_run_model(struct exchange *x, struct str rest)
{
    (void)rest;
    exchange_run(x);
}
