/* http/writer.c: gathers pieces up to a slice's bytes or places. A slice is large enough that a conversation of 1 MiB
 * goes out in one system call: each further one would wake the peer once more (measured: 100 us of 480). */
#include "http/writer.h"

void writer_init(struct writer *w, struct stream *s, msec_t deadline, msec_t pace_ms)
{
    w->_stream = s;
    w->_deadline = deadline;
    w->_pace_ms = pace_ms;
    w->_bytes = 0;
    w->_count = 0;
    w->_result = IO_OK;
}

static void send_slice(struct writer *w)
{
    msec_t deadline = fiber_deadline(w->_pace_ms * (msec_t)(1 + w->_bytes / WRITER_PACE_BYTES));
    if (deadline > w->_deadline) deadline = w->_deadline;
    w->_result = stream_write(w->_stream, w->_pieces, w->_count, deadline);
    w->_count = 0;
    w->_bytes = 0;
}

static void add_slowly(struct writer *w, struct str piece)
{
    while (piece.len > 0 && w->_result == IO_OK) {
        struct str part = str_part(piece, 0, WRITER_SLICE_BYTES - w->_bytes);
        w->_pieces[w->_count++] = part;
        w->_bytes += part.len;
        piece = str_from(piece, part.len);
        if (w->_count == WRITER_PIECES || w->_bytes == WRITER_SLICE_BYTES) send_slice(w);
    }
}

/* Nearly always it just fits. */
void writer_add(struct writer *w, struct str piece)
{
    if (UNLIKELY(piece.len >= WRITER_SLICE_BYTES - w->_bytes || w->_count >= WRITER_PIECES - 1)) {
        add_slowly(w, piece);
    } else if (piece.len > 0) {
        w->_pieces[w->_count++] = piece;
        w->_bytes += piece.len;
    }
}

enum io writer_finish(struct writer *w)
{
    if (w->_count > 0 && w->_result == IO_OK) send_slice(w);
    return w->_result;
}
