/* simulate/text.h: what a simulated provider says, and how long it is in tokens. A token is four bytes here. Pure. */
#ifndef WEIR_SIMULATE_TEXT_H
#define WEIR_SIMULATE_TEXT_H

#include "base/arena.h"
#include "base/str.h"

enum { TEXT_TOKEN_BYTES = 4 };

unsigned text_tokens(size_t bytes); /* at least 1 */
/* Says that it is simulated, and how long the prompt was; never a word of the prompt. tokens > 0: that long. */
struct str text_reply(struct arena *a, unsigned prompt_tokens, unsigned tokens);
/* The first max_tokens of a text, cut between characters. */
struct str text_cut(struct str text, unsigned max_tokens);
/* Takes the next piece for a stream off the front: about a word, whole characters (of valid UTF-8), never empty.
 * False: *rest is used up. */
bool text_next_piece(struct str *rest, struct str *piece);

#endif
