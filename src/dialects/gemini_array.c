/* dialects/gemini_array.c: a stream as one JSON array, as Google sends it without alt=sse, cut into its items wherever the
 * network cuts the bytes. An item that lies within one chunk is not copied. */
#include "dialects/gemini.h"

void gemini_array_init(struct gemini_array *s, size_t max_item_bytes)
{
    *s = (struct gemini_array){0};
    buf_init(&s->_held, max_item_bytes);
}

void gemini_array_done(struct gemini_array *s)
{
    buf_done(&s->_held);
}

void gemini_array_feed(struct gemini_array *s, struct str chunk)
{
    s->_chunk = chunk;
}

/* How much of the chunk belongs to the open item; it has ended if depth is 0 then. */
static size_t scan_item(struct gemini_array *s)
{
    size_t i = 0;
    while (i < s->_chunk.len) {
        char c = s->_chunk.at[i++];
        if (s->_in_string) {
            if (s->_is_escaped)
                s->_is_escaped = false;
            else if (c == '\\')
                s->_is_escaped = true;
            else if (c == '"')
                s->_in_string = false;
        } else if (c == '"') {
            s->_in_string = true;
        } else if (c == '{' || c == '[') {
            s->_depth++;
        } else if ((c == '}' || c == ']') && --s->_depth == 0) {
            break;
        }
    }
    return i;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Between items. True: one begins. */
static bool skip_between(struct gemini_array *s, bool *is_bad)
{
    for (; s->_chunk.len > 0; s->_chunk = str_from(s->_chunk, 1)) {
        char c = s->_chunk.at[0];
        if (is_blank(c)) continue;
        if (s->has_begun && !s->has_ended && c == '{') return true;
        if (!s->has_begun && c == '[')
            s->has_begun = true;
        else if (s->has_begun && !s->has_ended && c == ']')
            s->has_ended = true;
        else if (!s->has_begun || s->has_ended || c != ',')
            break;
    }
    *is_bad = s->_chunk.len > 0;
    return false;
}

enum sse gemini_array_next(struct gemini_array *s, struct str *item, struct err *err)
{
    bool is_bad = false;
    if (s->_is_lent) buf_clear(&s->_held);
    s->_is_lent = false;
    if (s->_depth == 0 && !skip_between(s, &is_bad)) {
        if (!is_bad) return SSE_MORE;
        err_set(err, ERR_INVALID, "the stream is not a list of objects");
        return SSE_BAD;
    }
    size_t used = scan_item(s);
    struct str piece = str_part(s->_chunk, 0, used);
    bool is_whole = s->_depth == 0 && s->_held.len == 0;
    s->_chunk = str_from(s->_chunk, used);
    if (is_whole) {
        *item = piece;
        return SSE_EVENT;
    }
    if (!buf_append(&s->_held, piece)) {
        err_set(err, ERR_TOO_LARGE, "an item of the stream is larger than what is taken");
        return SSE_BAD;
    }
    if (s->_depth > 0) return SSE_MORE;
    *item = buf_str(&s->_held);
    s->_is_lent = true;
    return SSE_EVENT;
}
