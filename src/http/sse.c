/* http/sse.c: cuts a stream into events.
 *
 *     chunk: [rest of an event][event][event][event][beginning of one]
 *               to _held          read in place          to _held
 *
 * An event ends with a blank line. One that lies within the chunk is read line by line, once, where it
 * lies. The beginning of one waits in _held; when more comes, only the new bytes are searched for the end
 * (so a large event that trickles in costs no more than its bytes), and it is read once it is complete.
 *
 * A line may end with CR, LF or CRLF. A blank line that ends with a CR at the end of a chunk ends its event
 * at once; if the next chunk begins with LF, that LF goes on as a piece of its own (is_dispatched false),
 * so that no byte is lost. A byte order mark at the start of the stream counts as nothing, and a blank line
 * right after it as no end. */
#include "http/sse.h"

#include "base/check.h"
#include "http/lines.h"

enum {
    AT_START = 1 << 0,  /* no event was given out: a byte order mark may come */
    AFTER_CR = 1 << 1,  /* the last event ended with a CR: an LF belongs to it */
    IS_LENT = 1 << 2,   /* _held holds an event that was given out */
    IS_BROKEN = 1 << 3, /* SSE_BAD for good */
};
enum { KEPT_BYTES = 4096 }; /* a stream that waits keeps no larger buffer */

void sse_init(struct sse_reader *r, size_t max_event_bytes)
{
    *r = (struct sse_reader){._max_event_bytes = max_event_bytes, ._state = AT_START};
    buf_init(&r->_held, max_event_bytes + 1);
    buf_init(&r->_lent, max_event_bytes + 1);
    buf_init(&r->_joined, max_event_bytes + 1);
}

void sse_set_budget(struct sse_reader *r, struct budget *budget)
{
    buf_init_counted(&r->_held, r->_max_event_bytes + 1, budget);
    buf_init_counted(&r->_lent, r->_max_event_bytes + 1, budget);
    buf_init_counted(&r->_joined, r->_max_event_bytes + 1, budget);
}

void sse_done(struct sse_reader *r)
{
    buf_done(&r->_held);
    buf_done(&r->_lent);
    buf_done(&r->_joined);
}

static void empty(struct buf *b)
{
    if (b->_room > KEPT_BYTES)
        buf_done(b);
    else
        buf_clear(b);
}

void sse_feed(struct sse_reader *r, struct str chunk)
{
    require(r->_chunk.len == 0 || (r->_state & IS_BROKEN));
    r->_chunk = chunk;
    if (!(r->_state & IS_LENT)) return;
    r->_state &= (uint8_t)~IS_LENT;
    empty(&r->_held);
}

static enum sse refuse(struct sse_reader *r, struct err *err)
{
    r->_state |= IS_BROKEN;
    if (buf_is_starved(&r->_held) || buf_is_starved(&r->_joined))
        err_set(err, ERR_SYSTEM, "there is no memory for a large event of the stream");
    else
        err_set(err, ERR_TOO_LARGE, "an event of the stream is larger than %zu bytes", r->_max_event_bytes);
    return SSE_BAD;
}

static void take(struct sse_reader *r, size_t bytes)
{
    r->_chunk.at += bytes;
    r->_chunk.len -= bytes;
}

/* Is the line of that field? Then its value: after the colon and one space. */
static bool is_field(struct str line, struct str field, struct str *value)
{
    if (!str_starts_with(line, field)) return false;
    *value = str_from(line, field.len);
    if (value->len == 0) return true;
    if (*value->at != ':') return false;
    *value = str_from(*value, value->len > 1 && value->at[1] == ' ' ? 2 : 1);
    return true;
}

static bool add_data(struct sse_reader *r, struct sse_event *out, struct str value)
{
    if (!out->is_dispatched) {
        out->is_dispatched = true;
        out->data = value;
        return true;
    }
    if (r->_joined.len == 0 && !buf_append(&r->_joined, out->data)) return false;
    if (!buf_append_char(&r->_joined, '\n') || !buf_append(&r->_joined, value)) return false;
    out->data = buf_str(&r->_joined);
    return true;
}

static bool read_line(struct sse_reader *r, struct sse_event *out, struct str line)
{
    struct str value;
    switch (line.at[0]) {
    case 'd': return !is_field(line, STR("data"), &value) || add_data(r, out, value);
    case 'e':
        if (is_field(line, STR("event"), &value)) out->name = value;
        break;
    case 'i':
        if (is_field(line, STR("id"), &value) && str_find_char(value, '\0') == SIZE_MAX) out->id = value;
        break;
    case 'r':
        if (is_field(line, STR("retry"), &value)) (void)str_to_u63(value, &out->retry_ms);
        break;
    default: break;
    }
    return true;
}

/* The event at the front of `bytes`: EVENT with out->raw as long as it is, MORE when its end is not there. */
static enum sse read_event(struct sse_reader *r, struct str bytes, struct sse_event *out, struct err *err)
{
    const char *at = bytes.at, *end = bytes.at + bytes.len, *unended = NULL;
    *out = (struct sse_event){.retry_ms = -1};
    buf_clear(&r->_joined);
    if ((r->_state & AT_START) && str_starts_with(bytes, STR("\xef\xbb\xbf"))) unended = at += 3;
    for (;;) {
        const char *stop = line_end(at, end), *next = stop + 1;
        if (stop == end) return SSE_MORE;
        bool is_cut = *stop == '\r' && next == end;
        if (*stop == '\r' && next < end && *next == '\n') next++;
        if (stop == at && at != unended) {
            if ((size_t)(stop + 1 - bytes.at) > r->_max_event_bytes) return refuse(r, err);
            r->_state = (uint8_t)((r->_state & ~(AT_START | AFTER_CR)) | (is_cut ? AFTER_CR : 0));
            out->raw = str_of(bytes.at, (size_t)(next - bytes.at));
            return SSE_EVENT;
        }
        if (stop != at && !read_line(r, out, str_of(at, (size_t)(stop - at)))) return refuse(r, err);
        at = next;
    }
}

/* How many bytes of the chunk belong to the event whose beginning is held; 0: all, and its end is not
 * there. */
static size_t find_end(const struct sse_reader *r)
{
    const char *at = r->_chunk.at, *end = at + r->_chunk.len;
    char last = r->_held.at[r->_held.len - 1];
    bool is_line_start = last == '\n' || last == '\r';
    if (last == '\r' && *at == '\n') at++;
    for (;;) {
        const char *stop = line_end(at, end), *next = stop + 1;
        if (stop == end) return 0;
        if (*stop == '\r' && next < end && *next == '\n') next++;
        if (stop == at && is_line_start) return (size_t)(next - r->_chunk.at);
        is_line_start = true;
        at = next;
    }
}

static enum sse hold_rest(struct sse_reader *r, struct err *err)
{
    if (r->_state & IS_LENT) {
        struct buf lent = r->_held;
        r->_held = r->_lent;
        r->_lent = lent;
        r->_state &= (uint8_t)~IS_LENT;
        empty(&r->_held);
    }
    if (r->_held.len + r->_chunk.len > r->_max_event_bytes || !buf_append(&r->_held, r->_chunk))
        return refuse(r, err);
    r->_chunk = str_of(NULL, 0);
    return SSE_MORE;
}

static enum sse read_held(struct sse_reader *r, struct sse_event *out, struct err *err)
{
    size_t bytes = find_end(r);
    if (bytes == 0) return hold_rest(r, err);
    if (!buf_append(&r->_held, str_part(r->_chunk, 0, bytes))) return refuse(r, err);
    take(r, bytes);
    r->_state |= IS_LENT;
    enum sse result = read_event(r, buf_str(&r->_held), out, err);
    require(result != SSE_MORE);
    return result;
}

enum sse sse_next(struct sse_reader *r, struct sse_event *out, struct err *err)
{
    if (r->_state & IS_BROKEN) return refuse(r, err);
    if (r->_chunk.len == 0) return SSE_MORE;
    if ((r->_state & AFTER_CR) && *r->_chunk.at == '\n') {
        *out = (struct sse_event){.raw = str_part(r->_chunk, 0, 1), .retry_ms = -1};
        r->_state &= (uint8_t)~AFTER_CR;
        take(r, 1);
        return SSE_EVENT;
    }
    r->_state &= (uint8_t)~AFTER_CR;
    if (r->_held.len > 0 && !(r->_state & IS_LENT)) return read_held(r, out, err);
    enum sse result = read_event(r, r->_chunk, out, err);
    if (result == SSE_MORE) return hold_rest(r, err);
    if (result == SSE_EVENT) take(r, out->raw.len);
    return result;
}

struct str sse_rest(const struct sse_reader *r)
{
    return r->_state & IS_LENT ? str_of(NULL, 0) : buf_str(&r->_held);
}
