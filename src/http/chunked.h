/* http/chunked.h: the chunked transfer coding (RFC 9112 section 7.1), strict: CRLF only, hex digits only,
 * sizes below 2^63, no blanks beside a size, extensions skipped up to HTTP_MAX_EXTENSION_BYTES per chunk,
 * trailers checked and dropped up to HTTP_MAX_TRAILER_BYTES in all. Pure. */
#ifndef WEIR_HTTP_CHUNKED_H
#define WEIR_HTTP_CHUNKED_H

#include "http/message.h"

enum { HTTP_MAX_EXTENSION_BYTES = 1024 }; /* of a chunk's size line, leading zeros of the size included */

struct chunked_reader {
    uint64_t _left;       /* of the current chunk's data; while its size is read: the size so far */
    uint32_t _line_bytes; /* of the size line or the trailers so far */
    uint8_t _state;
};
void chunked_init(struct chunked_reader *r);
/* Takes bytes off the front of *in. CHUNKED_DATA: *data is the next piece of payload, not empty (it points
 * into in). CHUNKED_MORE: *in is used up. CHUNKED_END: the message is over, *in is what follows it.
 * CHUNKED_BAD: malformed (ERR_INVALID) or over a ceiling (ERR_TOO_LARGE), err tells. Call again until MORE,
 * END or BAD. */
enum chunked { CHUNKED_DATA, CHUNKED_MORE, CHUNKED_END, CHUNKED_BAD };
enum chunked chunked_next(struct chunked_reader *r, struct str *in, struct str *data, struct err *err);

enum { CHUNKED_HEAD_BYTES = 18 };
/* "1a2b\r\n" for a chunk of `bytes`; returns the byte after it. Data and "\r\n" follow. */
char *chunked_write_size(char at[CHUNKED_HEAD_BYTES], size_t bytes);

#endif
