/* simulate/openai.h: what the files of the OpenAI dialect share. */
#ifndef WEIR_SIMULATE_OPENAI_H
#define WEIR_SIMULATE_OPENAI_H

#include "json/check.h"
#include "simulate/dialect.h"

void openai_answer_chat(struct sim_answer *out, const struct sim_request *in);        /* /chat/completions */
void openai_answer_completions(struct sim_answer *out, const struct sim_request *in); /* /completions */
void openai_answer_embeddings(struct sim_answer *out, const struct sim_request *in);
void openai_answer_moderations(struct sim_answer *out, const struct sim_request *in);
void openai_answer_models(struct sim_answer *out, const struct sim_request *in); /* and /models/{id} */
void openai_answer_images(struct sim_answer *out, const struct sim_request *in); /* /images/generations */
void openai_answer_image_edits(struct sim_answer *out, const struct sim_request *in);
void openai_answer_speech(struct sim_answer *out, const struct sim_request *in);
void openai_answer_transcriptions(struct sim_answer *out,
                                  const struct sim_request *in); /* and /translations */

/* 400 in OpenAI's shape, in place of what was put so far. */
void openai_refuse(struct sim_answer *out, const struct sim_request *in, struct str param,
                   struct str message);
/* Closes the answer as a 200 with the id as x-request-id; one that became too large is refused instead. */
void openai_close(struct sim_answer *out, const struct sim_request *in, bool is_stream);
/* The same for what is neither JSON nor a stream. */
void openai_close_as(struct sim_answer *out, const struct sim_request *in, struct str content_type);
/* The body's root members; false: it is no JSON object, or `model` is not a string there, and was refused.
 * wanted[0] is "model". */
bool openai_read(struct sim_answer *out, const struct sim_request *in, const struct json_wanted *wanted,
                 size_t count, struct json_found *found);
/* A whole number from 1 to max; absent or null: *n stays. False: refused. */
bool openai_read_number(struct sim_answer *out, const struct sim_request *in, const struct json_found *member,
                        int64_t max, int64_t *n);

#endif
