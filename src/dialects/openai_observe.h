/* dialects/openai_observe.h: how replies in OpenAI's formats are observed and judged; the slots of
 * dialects/openai_chat.c. Pure. */
#ifndef WEIR_DIALECTS_OPENAI_OBSERVE_H
#define WEIR_DIALECTS_OPENAI_OBSERVE_H

#include "dialects/dialect.h"

void openai_observer_init(struct observer *o, struct arena *a, enum operation op);
unsigned openai_observe_event(struct observer *o, struct str name, struct str data);
enum ending openai_read_end(const struct observer *o);
bool openai_observe_reply(struct observer *o, struct str body, struct err *err);
/* What an error's words, of a code or a message, say about why. */
enum rejection openai_rejection_in(struct str words);
void openai_classify(struct verdict *out, struct arena *a, const struct http_message *reply);

#endif
