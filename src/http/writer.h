/* http/writer.h: hands pieces to a stream: small ones all in one write, large ones in slices, because what
 * the kernel does not take at once is copied by the stream, and that copy must stay small. Lives on the
 * fiber's stack for the length of one message part. */
#ifndef WEIR_HTTP_WRITER_H
#define WEIR_HTTP_WRITER_H

#include "net/stream.h"

enum { WRITER_PIECES = 16, WRITER_SLICE_BYTES = 256 * 1024 };

struct writer {
    struct stream *_stream;
    msec_t _deadline; /* for all */
    msec_t _slice_ms; /* for each slice; 0: no limit */
    size_t _bytes;
    unsigned _count;
    enum io _result;
    struct str _pieces[WRITER_PIECES];
};
void writer_init(struct writer *w, struct stream *s, msec_t deadline, msec_t slice_ms);
/* The piece is lent until writer_finish() has returned. May wait. */
void writer_add(struct writer *w, struct str piece);
enum io writer_finish(struct writer *w); /* the first result that was not IO_OK, or IO_OK */

#endif
