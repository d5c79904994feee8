/* http/body.c: none, a length, chunks, or all there is. */
#include "http/body.h"

#include "base/check.h"

void body_init(struct body_reader *b, enum http_framing framing, int64_t content_length)
{
    *b = (struct body_reader){.framing = framing};
    if (framing == FRAMING_LENGTH) b->left = (uint64_t)content_length;
    if (framing == FRAMING_CHUNKED) chunked_init(&b->_chunked);
    b->is_complete = framing == FRAMING_NONE || (framing == FRAMING_LENGTH && content_length == 0);
}

static void decode_length(struct body_reader *b, struct str in, struct str *payload, struct str *excess)
{
    *payload = str_part(in, 0, b->left < in.len ? (size_t)b->left : in.len);
    b->left -= payload->len;
    b->is_complete = b->left == 0;
    *excess = str_from(in, payload->len);
}

/* Moves `data` up to the end of *payload; both lie in bytes that are ours to write until the next wait. */
static void join(struct str *payload, struct str data)
{
    if (payload->len == 0) {
        *payload = data;
        return;
    }
    memmove((char *)(uintptr_t)payload->at + payload->len, data.at, data.len);
    payload->len += data.len;
}

static bool decode_chunked(struct body_reader *b, struct str in, struct str *payload, struct str *excess,
                           struct err *err)
{
    for (;;) {
        struct str data = {0};
        switch (chunked_next(&b->_chunked, &in, &data, err)) {
        case CHUNKED_DATA: join(payload, data); break;
        case CHUNKED_MORE: return true;
        case CHUNKED_END:
            b->is_complete = true;
            *excess = in;
            return true;
        case CHUNKED_BAD: b->is_bad = true; return payload->len > 0;
        }
    }
}

bool body_decode(struct body_reader *b, struct str in, struct str *payload, struct str *excess,
                 struct err *err)
{
    *payload = *excess = (struct str){0};
    require(!b->is_bad);
    if (b->is_complete) {
        *excess = in;
        return true;
    }
    switch (b->framing) {
    case FRAMING_NONE: break;
    case FRAMING_LENGTH: decode_length(b, in, payload, excess); break;
    case FRAMING_CHUNKED: return decode_chunked(b, in, payload, excess, err);
    case FRAMING_CLOSE: *payload = in; break;
    }
    return true;
}
