/* tests/fuzz/fuzz_http_body.c: a body is the same wherever the network cuts it, and whatever its framing: the same
 * payload, the same end, the same bytes left over. The first byte chooses framing and length. */
#include "base/buf.h"
#include "base/check.h"
#include "http/body.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_BYTES = 1 << 16 };

struct result {
    struct buf payload;
    size_t excess;
    bool is_complete, is_bad;
};

/* Each read has memory of its own, because reading moves payload together in it. */
static bool feed(struct result *r, struct body_reader *b, struct str bytes)
{
    char *lent = malloc(bytes.len + 1);
    struct str payload, excess;
    struct err err = {0};
    memcpy(lent, bytes.at, bytes.len);
    r->is_bad = !body_decode(b, str_of(lent, bytes.len), &payload, &excess, &err);
    require(!r->is_bad || err.code);
    require(r->is_bad || buf_append(&r->payload, payload));
    require(excess.len == 0 || excess.at + excess.len == lent + bytes.len);
    r->is_bad = r->is_bad || b->is_bad;
    r->is_complete = b->is_complete;
    r->excess = excess.len;
    free(lent);
    return !r->is_bad && !r->is_complete;
}

/* `step` bytes at a time; 0: all at once. */
static void read_body(struct result *r, struct str in, uint8_t choice, size_t step)
{
    static const enum http_framing framings[] = {FRAMING_CHUNKED, FRAMING_LENGTH, FRAMING_CLOSE,
                                                 FRAMING_CHUNKED};
    struct body_reader b;
    *r = (struct result){0};
    buf_init(&r->payload, MAX_BYTES);
    body_init(&b, framings[choice & 3], choice & ~3);
    r->is_complete = b.is_complete;
    r->excess = in.len;
    for (struct str rest = in; rest.len > 0 && !r->is_complete;) {
        struct str part = str_part(rest, 0, step ? step : rest.len);
        rest = str_from(rest, part.len);
        if (!feed(r, &b, part)) {
            r->excess += rest.len;
            break;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > MAX_BYTES) return 0;
    struct str in = str_of((const char *)data + 1, size - 1);
    struct result whole, cut;
    size_t steps[] = {1, 1 + data[1] % 16, 1 + in.len / 2};
    read_body(&whole, in, data[0], 0);
    for (size_t i = 0; i < 3; i++) {
        read_body(&cut, in, data[0], steps[i]);
        require(whole.is_complete == cut.is_complete && whole.is_bad == cut.is_bad);
        require(str_equals(buf_str(&whole.payload), buf_str(&cut.payload)));
        require(!whole.is_complete || whole.excess == cut.excess);
        buf_done(&cut.payload);
    }
    buf_done(&whole.payload);
    return 0;
}
