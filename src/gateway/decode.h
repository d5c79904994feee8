/* gateway/decode.h: the body of a provider's reply without its content coding. Providers are asked for none (identity);
 * what is encoded all the same is decoded. A body without a coding passes through as it is, at no cost. One per attempt. */
#ifndef WEIR_GATEWAY_DECODE_H
#define WEIR_GATEWAY_DECODE_H

#include "http/client.h"
#include "http/inflate.h"

/* All zero: nothing to be done. */
struct decoder {
    struct http_call *call;
    struct inflater *inflater; /* NULL: not encoded */
    struct budget *budget;
    int64_t counted_bytes; /* of the inflater, against the budget */
    bool is_starved;       /* a read failed for want of memory, not because of the reply */
    struct buf encoded;    /* of the last chunk; a wait would end the chunk's own life */
    struct str rest;       /* of `encoded` */
    struct buf piece;      /* the decoded bytes that are lent */
};

struct decoder_limits {
    uint64_t max_bytes;    /* decoded */
    struct budget *budget; /* for what it holds meanwhile; NULL: none */
};
/* After the head. False: nobody here can decode it; reads are not allowed then. */
MUST_CHECK bool decoder_init(struct decoder *d, struct http_call *call, const struct http_headers *head,
                             const struct decoder_limits *limits, struct err *err);
void decoder_done(struct decoder *d);
bool decoder_is_needed(const struct decoder *d);
/* As http_call_read_body(). A decoded chunk is lent until the next call; IO_FAIL also for what is not as its coding says
 * (ERR_INVALID, ERR_CLOSED, ERR_UNSUPPORTED) or is over max_bytes (ERR_TOO_LARGE). */
enum io decoder_read(struct decoder *d, struct str *chunk, msec_t deadline, struct err *err);
/* As http_call_read_whole(). */
enum io decoder_read_whole(struct decoder *d, struct str *body, struct buf *into, msec_t deadline,
                           struct err *err);

#endif
