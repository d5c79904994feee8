/* load/reply.c: head, framing, events; each piece may be cut anywhere.
 *
 * The common case is made quick: a head that arrives whole is read where it lies, and a body of known length is counted
 * and not looked at. Event lines are looked at through memchr and their first 40 bytes. */
#include "load/reply.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_HEAD_BYTES = 16 << 10 };

void reply_init(struct reply *r)
{
    char *held = r->held;
    *r = (struct reply){.held = held};
}

void reply_done(struct reply *r)
{
    free(r->held);
    r->held = NULL;
}

/* ---- the head ---- */

static bool header_is(const char *line, size_t length, const char *name)
{
    size_t n = strlen(name);
    return length > n && line[n] == ':' && strncasecmp(line, name, n) == 0;
}

static const char *read_header(struct reply *r, const char *line, size_t length, bool *has_length)
{
    if (header_is(line, length, "content-length")) {
        r->rest = strtoull(line + sizeof "content-length:" - 1, NULL, 10);
        r->state = REPLY_LENGTH_BODY;
        *has_length = true;
    } else if (header_is(line, length, "transfer-encoding")) {
        if (!memmem(line, length, "chunked", 7)) return "a transfer encoding that is not chunked";
        r->state = REPLY_CHUNK_SIZE;
    } else if (header_is(line, length, "content-type")) {
        r->is_stream = memmem(line, length, "text/event-stream", 17) != NULL;
    } else if (header_is(line, length, "connection") && memmem(line, length, "close", 5)) {
        return "the connection is to be closed";
    }
    return NULL;
}

static const char *read_head(struct reply *r, const char *head, size_t length)
{
    bool has_length = false;
    if (length < 12 || memcmp(head, "HTTP/1.1 ", 9) != 0) return "this is not HTTP/1.1";
    if (memcmp(head + 9, "200", 3) != 0) {
        static char status[] = "status 000";
        memcpy(status + 7, head + 9, 3);
        return status;
    }
    const char *line = memchr(head, '\n', length), *end = head + length;
    while (line && ++line < end) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        const char *wrong = read_header(r, line, (size_t)((next ? next : end) - line), &has_length);
        if (wrong) return wrong;
        line = next;
    }
    if (r->state == REPLY_HEAD) return "neither a length nor chunks";
    if (has_length && r->rest == 0) r->state = REPLY_COMPLETE;
    return NULL;
}

/* Takes the head's bytes; *used says how many were its own. */
static const char *take_head(struct reply *r, const char *bytes, size_t count, size_t *used)
{
    if (r->held_bytes == 0) {
        const char *blank = memmem(bytes, count, "\r\n\r\n", 4);
        if (blank) {
            *used = (size_t)(blank - bytes) + 4;
            return read_head(r, bytes, *used - 2);
        }
    }
    if (!r->held) r->held = malloc(MAX_HEAD_BYTES);
    if (!r->held) return "out of memory";
    for (*used = 0; *used < count;) {
        if (r->held_bytes == MAX_HEAD_BYTES) return "a head of more than 16 KiB";
        r->held[r->held_bytes++] = bytes[(*used)++];
        if (r->held_bytes >= 4 && memcmp(r->held + r->held_bytes - 4, "\r\n\r\n", 4) == 0)
            return read_head(r, r->held, r->held_bytes - 2);
    }
    return NULL;
}

/* ---- events ---- */

static void end_line(struct reply *r, const struct reply_sink *sink)
{
    static const char done[] = "data: [DONE]", before[] = REPLY_STAMP_BEFORE;
    enum { DONE_BYTES = sizeof done - 1, BEFORE_BYTES = sizeof before - 1 };
    if (r->line_bytes >= 5 && memcmp(r->prefix, "data:", 5) == 0) {
        r->saw_done = r->line_bytes == DONE_BYTES && memcmp(r->prefix, done, DONE_BYTES) == 0;
        if (!r->saw_done) {
            int64_t sent_ns = 0;
            if (r->line_bytes >= REPLY_PREFIX_BYTES && memcmp(r->prefix, before, BEFORE_BYTES) == 0)
                for (size_t i = BEFORE_BYTES; i < REPLY_PREFIX_BYTES; i++)
                    sent_ns = sent_ns * 10 + (r->prefix[i] - '0');
            r->events++;
            if (sink->on_event) sink->on_event(sink->self, sent_ns);
        }
    }
    r->line_bytes = 0;
}

static void take_events(struct reply *r, const char *bytes, size_t count, const struct reply_sink *sink)
{
    const char *end = bytes + count;
    while (bytes < end) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
        size_t length = (size_t)((newline ? newline : end) - bytes);
        if (r->line_bytes < REPLY_PREFIX_BYTES) {
            size_t room = REPLY_PREFIX_BYTES - r->line_bytes;
            memcpy(r->prefix + r->line_bytes, bytes, length < room ? length : room);
        }
        r->line_bytes += (uint32_t)length;
        if (!newline) return;
        end_line(r, sink);
        bytes = newline + 1;
    }
}

/* ---- framing ---- */

static size_t take_data(struct reply *r, const char *bytes, size_t count, const struct reply_sink *sink)
{
    if (count > r->rest) count = (size_t)r->rest;
    r->rest -= count;
    r->body_bytes += count;
    if (r->is_stream) take_events(r, bytes, count, sink);
    return count;
}

static const char *take_chunk_size(struct reply *r, const char *bytes, size_t count, size_t *used)
{
    for (*used = 0; *used < count;) {
        char c = bytes[(*used)++];
        int digit = c >= '0' && c <= '9'                 ? c - '0'
                    : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                         : -1;
        if (digit >= 0) {
            r->rest = r->rest * 16 + (unsigned)digit;
        } else if (c == '\n') {
            r->state = r->rest > 0 ? REPLY_CHUNK_DATA : REPLY_TRAILER;
            return NULL;
        } else if (c != '\r') {
            return "a chunk size that is no number";
        }
    }
    return NULL;
}

/* The line end after a chunk's data, and after the last chunk, where no trailer is expected. */
static const char *take_line_end(struct reply *r, const char *bytes, size_t count, size_t *used)
{
    for (*used = 0; *used < count;) {
        char c = bytes[(*used)++];
        if (c == '\n') {
            r->state = r->state == REPLY_TRAILER ? REPLY_COMPLETE : REPLY_CHUNK_SIZE;
            r->rest = 0;
            return NULL;
        }
        if (c != '\r') return r->state == REPLY_TRAILER ? "a trailer" : "a chunk longer than its size";
    }
    return NULL;
}

static const char *take_some(struct reply *r, const char *bytes, size_t count, size_t *used)
{
    switch (r->state) {
    case REPLY_HEAD: return take_head(r, bytes, count, used);
    case REPLY_CHUNK_SIZE: return take_chunk_size(r, bytes, count, used);
    case REPLY_CHUNK_END:
    case REPLY_TRAILER: return take_line_end(r, bytes, count, used);
    case REPLY_LENGTH_BODY:
    case REPLY_CHUNK_DATA: break;
    case REPLY_COMPLETE: return "bytes after the reply";
    }
    return NULL;
}

const char *reply_take(struct reply *r, const char *bytes, size_t count, const struct reply_sink *sink)
{
    while (count > 0) {
        size_t used = 0;
        if (r->state == REPLY_LENGTH_BODY || r->state == REPLY_CHUNK_DATA) {
            used = take_data(r, bytes, count, sink);
            if (r->rest == 0) r->state = r->state == REPLY_CHUNK_DATA ? REPLY_CHUNK_END : REPLY_COMPLETE;
        } else {
            const char *wrong = take_some(r, bytes, count, &used);
            if (wrong) return wrong;
        }
        bytes += used;
        count -= used;
    }
    return NULL;
}
