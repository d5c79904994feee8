/* http/chunked.h: the chunked transfer coding (RFC 9112 section 7.1), strict: CRLF only, hex digits only,
 * at most 16 of them, extensions skipped up to a ceiling, trailers read and dropped up to
 * HTTP_MAX_TRAILER_BYTES. Pure. */
#ifndef WEIR_HTTP_CHUNKED_H
#define WEIR_HTTP_CHUNKED_H

#include "http/message.h"

struct chunked_reader {
    uint64_t _left;       /* of the current chunk's data */
    uint32_t _line_bytes; /* of the size line or the trailers so far */
    uint8_t _state;
};
void chunked_init(struct chunked_reader *r);
/* Takes bytes off the front of *in. CHUNKED_DATA: *data is the next piece of payload (it points into in).
 * CHUNKED_MORE: *in is used up. CHUNKED_END: the message is over, *in is what follows it.
 * CHUNKED_BAD: malformed, err tells. Call again until MORE, END or BAD. */
enum chunked { CHUNKED_DATA, CHUNKED_MORE, CHUNKED_END, CHUNKED_BAD };
enum chunked chunked_next(struct chunked_reader *r, struct str *in, struct str *data, struct err *err);

enum { CHUNKED_HEAD_BYTES = 18 };
/* "1a2b\r\n" for a chunk of `bytes`; returns the byte after it. Data and "\r\n" follow. */
char *chunked_write_size(char at[CHUNKED_HEAD_BYTES], size_t bytes);

#endif
