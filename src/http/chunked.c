/* http/chunked.c: reads the chunked coding, cut anywhere, and writes sizes.
 *
 *     SIZE_FIRST - SIZE --;--> EXTENSION --CR--> SIZE_LF --> DATA - DATA_CR - DATA_LF --> SIZE_FIRST …
 *     and after a size of 0:   LINE_FIRST - NAME - VALUE - VALUE_LF --> LINE_FIRST … --CR--> LAST_LF --> END
 *
 * A step takes as many bytes as its state can, so payload passes in the pieces in which it came, without a
 * copy. */
#include "http/chunked.h"

#include "base/attributes.h"
#include "base/fmt.h"
#include "http/bytes.h"

enum state {
    SIZE_FIRST, /* at least one digit */
    SIZE,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    LINE_FIRST, /* of a trailer, or the last line */
    NAME,
    VALUE,
    VALUE_LF,
    LAST_LF,
    END,
    BAD, /* for good */
};

void chunked_init(struct chunked_reader *r)
{
    *r = (struct chunked_reader){._state = SIZE_FIRST};
}

static COLD bool refuse(struct err *err, const char *rule)
{
    return err_set(err, ERR_INVALID, "chunked body: %s", rule);
}

static inline void take(struct str *in, size_t bytes)
{
    in->at += bytes;
    in->len -= bytes;
}

static bool take_char(struct str *in, char c, struct err *err, const char *rule)
{
    if (*in->at != c) return refuse(err, rule);
    take(in, 1);
    return true;
}

static bool count_line(struct chunked_reader *r, size_t bytes, size_t max_bytes, struct err *err)
{
    if (bytes > max_bytes - r->_line_bytes)
        return err_set(err, ERR_TOO_LARGE, "chunked body: %s longer than %zu bytes",
                       max_bytes == HTTP_MAX_TRAILER_BYTES ? "trailers" : "a chunk's size line", max_bytes);
    r->_line_bytes += (uint32_t)bytes;
    return true;
}

/* Digits, then ';' or CR. */
static bool read_size(struct chunked_reader *r, struct str *in, struct err *err)
{
    for (; in->len > 0; take(in, 1)) {
        int digit = byte_hex(*in->at);
        if (digit < 0) break;
        if (r->_left > (uint64_t)INT64_MAX >> 4)
            return err_set(err, ERR_TOO_LARGE, "chunked body: a chunk of 2^63 bytes or more");
        if (!count_line(r, 1, HTTP_MAX_EXTENSION_BYTES, err)) return false;
        r->_left = r->_left * 16 + (unsigned)digit;
        r->_state = SIZE;
    }
    if (in->len == 0) return true;
    if (r->_state == SIZE_FIRST) return refuse(err, "a size line begins with a hex digit");
    if (*in->at == '\n') return refuse(err, "a size line ends with a bare LF");
    if (*in->at != ';' && *in->at != '\r') return refuse(err, "a size is followed by ';' or CRLF");
    r->_state = *in->at == ';' ? EXTENSION : SIZE_LF;
    take(in, 1);
    return true;
}

/* Skips what may stand in a line, counted, then CR. */
static bool read_to_line_end(struct chunked_reader *r, struct str *in, struct err *err)
{
    bool is_trailer = r->_state == VALUE;
    size_t bytes = (size_t)(byte_skip_value(in->at, in->at + in->len) - in->at);
    if (!count_line(r, bytes, is_trailer ? HTTP_MAX_TRAILER_BYTES : HTTP_MAX_EXTENSION_BYTES, err))
        return false;
    take(in, bytes);
    if (in->len == 0) return true;
    r->_state = is_trailer ? VALUE_LF : SIZE_LF;
    return take_char(in, '\r', err, "a control character or bare LF in a line");
}

static bool read_size_end(struct chunked_reader *r, struct str *in, struct err *err)
{
    r->_state = r->_left > 0 ? DATA : LINE_FIRST;
    r->_line_bytes = 0;
    return take_char(in, '\n', err, "a CR without LF in a size line");
}

/* A trailer's name and colon. */
static bool read_name(struct chunked_reader *r, struct str *in, struct err *err)
{
    if (r->_state == LINE_FIRST && *in->at == '\r') {
        r->_state = LAST_LF;
        take(in, 1);
        return true;
    }
    size_t bytes = (size_t)(byte_skip(in->at, in->at + in->len, BYTE_TOKEN) - in->at);
    if (bytes == 0 && r->_state == LINE_FIRST) return refuse(err, "a trailer begins with a name");
    if (!count_line(r, bytes, HTTP_MAX_TRAILER_BYTES, err)) return false;
    take(in, bytes);
    r->_state = NAME;
    if (in->len == 0) return true;
    r->_state = VALUE;
    return take_char(in, ':', err, "a trailer's name is a token before a colon");
}

static bool step(struct chunked_reader *r, struct str *in, struct err *err)
{
    switch ((enum state)r->_state) {
    case SIZE_FIRST:
    case SIZE: return read_size(r, in, err);
    case EXTENSION:
    case VALUE: return read_to_line_end(r, in, err);
    case SIZE_LF: return read_size_end(r, in, err);
    case DATA_CR:
        r->_state = DATA_LF;
        return take_char(in, '\r', err, "a chunk's data is not followed by CRLF");
    case DATA_LF:
        r->_state = SIZE_FIRST;
        return take_char(in, '\n', err, "a chunk's data is not followed by CRLF");
    case LINE_FIRST:
    case NAME: return read_name(r, in, err);
    case VALUE_LF: r->_state = LINE_FIRST; return take_char(in, '\n', err, "a CR without LF in a trailer");
    case LAST_LF: r->_state = END; return take_char(in, '\n', err, "a CR without LF in the last line");
    case BAD: return refuse(err, "it was malformed before");
    case DATA:
    case END: break;
    }
    return true;
}

static struct str take_data(struct chunked_reader *r, struct str *in)
{
    struct str data = str_part(*in, 0, r->_left < SIZE_MAX ? (size_t)r->_left : SIZE_MAX);
    take(in, data.len);
    r->_left -= data.len;
    if (r->_left == 0) r->_state = DATA_CR;
    return data;
}

enum chunked chunked_next(struct chunked_reader *r, struct str *in, struct str *data, struct err *err)
{
    while (r->_state != END) {
        if (in->len == 0 && r->_state != BAD) return CHUNKED_MORE;
        if (r->_state == DATA) {
            *data = take_data(r, in);
            return CHUNKED_DATA;
        }
        if (UNLIKELY(!step(r, in, err))) {
            r->_state = BAD;
            return CHUNKED_BAD;
        }
    }
    return CHUNKED_END;
}

char *chunked_write_size(char at[CHUNKED_HEAD_BYTES], size_t bytes)
{
    at = fmt_hex(at, bytes);
    *at++ = '\r';
    *at++ = '\n';
    return at;
}
