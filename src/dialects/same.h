/* dialects/same.h: what dialects share where the same one is spoken on both sides: the model's name in the body, and the
 * trail of attempts in an error. Pure. */
#ifndef WEIR_DIALECTS_SAME_H
#define WEIR_DIALECTS_SAME_H

#include "dialects/dialect.h"
#include "json/writer.h"

/* Takes the model's name from its member (absent and null are the same); false: err says what is wrong with it. */
bool same_read_model(struct request_facts *facts, struct arena *a, struct json_value model,
                     struct chat_error *err);
/* Puts the provider's name for the model in its place, if it is another one. */
void same_splice_model(struct json_splice *s, struct arena *a, const struct request_facts *facts,
                       struct json_value old, struct str model);
/* The pieces to send. */
void same_take_pieces(struct spliced *out, struct json_splice *s);
/* The member "attempts", if there are any. */
void same_put_attempts(struct json_writer *w, const struct chat_error *err);

#endif
