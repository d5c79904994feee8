/* http/head.h: the head of a message out of chunks that are cut anywhere; for both halves of http/. A head
 * that lies in one chunk is parsed where it lies; only then its bytes are copied, once, to where they stay.
 * Pure but for the memory of a head that came in parts. */
#ifndef WEIR_HTTP_HEAD_H
#define WEIR_HTTP_HEAD_H

#include "base/arena.h"
#include "base/buf.h"
#include "http/message.h"

struct head_reader {
    struct buf _held;    /* the beginning of a head whose end has not come */
    size_t _tried_bytes; /* of _held when it was parsed last */
};
/* Parses the head at the front of `bytes`; as http_parse_request(). */
typedef enum http_parse head_parse(void *arg, struct str bytes, size_t *head_bytes);

void head_init(struct head_reader *h); /* allocates nothing yet */
void head_done(struct head_reader *h); /* ready for the next head */
/* Takes the head's bytes off the front of *chunk. DONE: *head are all its bytes, what was parsed points into
 * them, lent until the chunk or h goes. MORE: the chunk is used up. BAD: as the parser says. */
enum http_parse head_take(struct head_reader *h, struct str *chunk, struct str *head, head_parse *parse,
                          void *arg);
bool head_is_full(const struct head_reader *h);  /* after MORE: HTTP_MAX_HEAD_BYTES are there and no end */
bool head_is_blank(const struct head_reader *h); /* nothing but line ends so far */

/* Copies the head's bytes and the table of its headers into the arena and lets the message point there. */
void head_move_request(struct http_request *r, struct str head, struct arena *a);
void head_move_response(struct http_response *r, struct str head, struct arena *a);

#endif
