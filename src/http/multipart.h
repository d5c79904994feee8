/* http/multipart.h: reads multipart/form-data (RFC 7578, RFC 2046 5.1) from chunks that are cut anywhere. Pure but for one
 * buffer, which holds a part's head. What two readers could understand differently is refused: lines that end with LF
 * alone, a line that begins with the boundary and goes on, two names for one part, a name in an encoding, folded header
 * lines. Text before the first and behind the last delimiter means nothing and is passed over. */
#ifndef WEIR_HTTP_MULTIPART_H
#define WEIR_HTTP_MULTIPART_H

#include "base/buf.h"
#include "base/err.h"

enum {
    MULTIPART_MAX_BOUNDARY_BYTES = 70, /* RFC 2046 */
    MULTIPART_MAX_PARTS = 128,
    MULTIPART_MAX_HEAD_BYTES = 8192, /* of one part */
    MULTIPART_MAX_NAME_BYTES = 256,
};

/* The boundary that a Content-Type of multipart/form-data declares, in the value. False: ERR_UNSUPPORTED (another type) or
 * ERR_INVALID. */
MUST_CHECK bool multipart_boundary(struct str content_type, struct str *boundary, struct err *err);

struct multipart_event {
    struct str name; /* PART: without quotes and escapes; lent until the next PART */
    bool has_file;   /* PART: it has a filename */
    struct str data; /* DATA: some of the part's, at least a byte; lent as the chunk is */
    uint64_t
        offset; /* in all that was fed: PART: where its data begin; DATA: these; PART_END: where they have ended */
};
struct multipart_reader {
    struct buf _head; /* of the part that begins */
    uint64_t _at;     /* bytes taken */
    unsigned _matched,
        _imagined; /* bytes of the delimiter that match; of them, those that stand in for a line's end */
    unsigned _parts;
    uint8_t _state;
    uint8_t _delimiter_bytes;
    char _delimiter[4 + MULTIPART_MAX_BOUNDARY_BYTES];
};
void multipart_init(struct multipart_reader *m, struct str boundary); /* 1 to 70 bytes */
void multipart_done(struct multipart_reader *m);
/* Takes bytes off the front of *in. MORE: *in is used up. BAD, for good: ERR_INVALID, ERR_TOO_LARGE (a ceiling above). */
enum multipart { MULTIPART_PART, MULTIPART_DATA, MULTIPART_PART_END, MULTIPART_MORE, MULTIPART_BAD };
enum multipart multipart_next(struct multipart_reader *m, struct str *in, struct multipart_event *out,
                              struct err *err);
/* After MORE, when no more comes: was the last delimiter there? False: ERR_CLOSED. */
MUST_CHECK bool multipart_end(const struct multipart_reader *m, struct err *err);

#endif
