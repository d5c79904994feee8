/* dialects/openai_usage.h: the usage object of OpenAI's chat format and the record of chat/usage.h. Pure. */
#ifndef WEIR_DIALECTS_OPENAI_USAGE_H
#define WEIR_DIALECTS_OPENAI_USAGE_H

#include "chat/usage.h"
#include "json/value.h"
#include "json/writer.h"

/* An object that says nothing leaves what was known. */
void openai_read_usage(struct usage *u, struct json_value usage);
/* The member "usage". Cached tokens are in prompt_tokens, reasoning in completion_tokens. */
void openai_put_usage(struct json_writer *w, const struct usage *u);

#endif
