/* http/writer.h: hands pieces to a stream: small ones all in one write, large ones in slices, because
 * a peer that reads slowly must get its time for each. Lives on the fiber's stack for the length of one
 * message part. */
#ifndef WEIR_HTTP_WRITER_H
#define WEIR_HTTP_WRITER_H

#include "net/stream.h"

enum { WRITER_PIECES = 16, WRITER_SLICE_BYTES = 1088 * 1024, WRITER_PACE_BYTES = 256 * 1024 };

struct writer {
    struct stream *_stream;
    msec_t _deadline; /* for all */
    msec_t _pace_ms;  /* for each WRITER_PACE_BYTES begun of a slice; 0: no limit */
    size_t _bytes;
    unsigned _count;
    enum io _result;
    struct str _pieces[WRITER_PIECES];
};
void writer_init(struct writer *w, struct stream *s, msec_t deadline, msec_t pace_ms);
/* The piece is lent until writer_finish() has returned. May wait. */
void writer_add(struct writer *w, struct str piece);
enum io writer_finish(struct writer *w); /* the first result that was not IO_OK, or IO_OK */

#endif
