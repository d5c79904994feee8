/* http/body.h: a message's body by its framing, out of what a stream lends; for both halves of http/. Pure.
 *
 * What one stream_read() lends may hold several chunks of the chunked coding, but a reader of the body may
 * wait between two pieces, and then the lent bytes are gone. So all payload of one read is handed over as
 * one piece: the first chunk's data stays where it is, the data of further chunks are moved up to it, over
 * the size lines. That writes into the lent bytes, which belong to whoever read them until the next wait. */
#ifndef WEIR_HTTP_BODY_H
#define WEIR_HTTP_BODY_H

#include "http/chunked.h"

struct body_reader {
    uint64_t left; /* FRAMING_LENGTH: bytes that have not come */
    struct chunked_reader _chunked;
    enum http_framing framing;
    bool is_complete; /* the message's end was read */
    bool is_bad;      /* known, but the payload before it went out first */
};
void body_init(struct body_reader *b, enum http_framing framing, int64_t content_length);
/* Reads `in`: *payload is what of it is payload (may be empty), lies within `in` and lives as long. Once
 * b->is_complete, *excess is what follows the message. False: malformed, err tells. */
MUST_CHECK bool body_decode(struct body_reader *b, struct str in, struct str *payload, struct str *excess,
                            struct err *err);

#endif
