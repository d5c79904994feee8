/* json/writer.h: writes JSON into a buf. Commas, colons and line breaks are the writer's business; that begin and end,
 * key and value alternate rightly is the caller's (a mistake there is our bug and stops the process). A full buffer is
 * remembered: calls after it do nothing, and json_writer_finish() says so.
 *
 *     struct json_writer w;
 *     json_writer_init(&w, out, 0);
 *     json_begin_object(&w);
 *     json_put_str(&w, STR("object"), STR("list"));
 *     json_write_key(&w, STR("data"));
 *     json_begin_array(&w);
 *     …
 *     json_end_array(&w);
 *     json_end_object(&w);
 *     return json_writer_finish(&w);
 *
 * Strings are given as UTF-8 and leave as UTF-8: only '"', '\' and control characters are escaped; every ill-formed
 * sequence becomes one U+FFFD, so the result always passes json_check(). */
#ifndef WEIR_JSON_WRITER_H
#define WEIR_JSON_WRITER_H

#include "base/attributes.h"
#include "base/buf.h"
#include "json/value.h"

#include <stdbool.h>
#include <stdint.h>

struct json_writer {
    struct buf *_out;
    uint64_t _is_object[2], _has_members[2]; /* a bit for each open container */
    unsigned _depth, _indent;
    bool _is_full, _has_key, _has_root;
};

/* Appends to `out`, which must outlive the writer. indent: blanks per level, for texts that people read; 0: compact. */
void json_writer_init(struct json_writer *w, struct buf *out, unsigned indent);
/* True: the value is complete and all of it is in the buffer. False: the buffer's ceiling was hit and what is behind
 * its length before json_writer_init() is a fragment. */
MUST_CHECK bool json_writer_finish(struct json_writer *w);

void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_write_key(struct json_writer *w, struct str name);

void json_write_str(struct json_writer *w, struct str s);
void json_write_raw(struct json_writer *w,
                    struct str json); /* one value that is JSON already; not looked at */
void json_write_i64(struct json_writer *w, int64_t n);
void json_write_u64(struct json_writer *w, uint64_t n);
void json_write_double(struct json_writer *w,
                       double d); /* shortest that reads back equal; infinite and NaN: null */
void json_write_bool(struct json_writer *w, bool b);
void json_write_null(struct json_writer *w);

/* A string in its quotes, without a writer: for a splice or a log line. False: over the ceiling, `out` as before. */
MUST_CHECK bool json_append_str(struct buf *out, struct str s);

/* Key and value in one. */
static inline void json_put_str(struct json_writer *w, struct str name, struct str s)
{
    json_write_key(w, name);
    json_write_str(w, s);
}

static inline void json_put_raw(struct json_writer *w, struct str name, struct str json)
{
    json_write_key(w, name);
    json_write_raw(w, json);
}

static inline void json_put_i64(struct json_writer *w, struct str name, int64_t n)
{
    json_write_key(w, name);
    json_write_i64(w, n);
}

static inline void json_put_double(struct json_writer *w, struct str name, double d)
{
    json_write_key(w, name);
    json_write_double(w, d);
}

static inline void json_put_bool(struct json_writer *w, struct str name, bool b)
{
    json_write_key(w, name);
    json_write_bool(w, b);
}

static inline void json_put_null(struct json_writer *w, struct str name)
{
    json_write_key(w, name);
    json_write_null(w);
}

#endif
