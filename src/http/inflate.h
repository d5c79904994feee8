/* http/inflate.h: decodes the content codings gzip and deflate (RFC 9110 section 8.4.1, RFC 1950 to 1952), br (RFC 7932)
 * and zstd (RFC 8878, windows as in RFC 9659), cut anywhere. Pure but for its own memory: about 40 KiB for the first two,
 * for the others as much as the window that the encoder chose, up to 16 and 8 MiB. What it gives out is bounded twice: by
 * the room of each call and by a ceiling over all of them, so a few bytes that stand for very many do no harm. */
#ifndef WEIR_HTTP_INFLATE_H
#define WEIR_HTTP_INFLATE_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

enum coding {
    CODING_IDENTITY, /* none */
    CODING_GZIP,     /* members one after the other are one text; what follows them is passed over */
    CODING_DEFLATE,  /* zlib's format, or raw as some send it; what follows is passed over */
    CODING_BR,       /* what follows is passed over */
    CODING_ZSTD,     /* frames one after the other are one text */
    CODING_UNKNOWN,  /* compress, several on top of each other … */
};
enum coding coding_of(struct str content_encoding); /* the header's value; "": none */

struct inflater;
struct inflater *inflater_new(enum coding coding, uint64_t max_bytes); /* none of the two ends */
void inflater_free(struct inflater *f);                                /* NULL is fine */
size_t inflater_memory_bytes(const struct inflater *f);                /* what it holds now */

struct inflated {
    char *at;
    size_t room; /* > 0 */
    size_t len;  /* set by each call */
};
/* Takes bytes off the front of *in. INFLATE_DATA: out->len bytes, at least one. INFLATE_MORE: *in is used up.
 * INFLATE_BAD, for good: not what the coding says (ERR_INVALID), over the ceiling (ERR_TOO_LARGE), or in need of a
 * dictionary (ERR_UNSUPPORTED). Call again until MORE or BAD. */
enum inflate { INFLATE_DATA, INFLATE_MORE, INFLATE_BAD };
enum inflate inflater_next(struct inflater *f, struct str *in, struct inflated *out, struct err *err);
/* After MORE, when no more comes: was that all? Nothing at all is complete, too. False: ERR_CLOSED. */
MUST_CHECK bool inflater_end(const struct inflater *f, struct err *err);
bool inflater_has_tail(const struct inflater *f); /* bytes behind the end were passed over */

#endif
