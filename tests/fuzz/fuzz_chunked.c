/* tests/fuzz/fuzz_chunked.c: a chunked body means the same wherever it is cut; any bytes, written as
 * chunks, are read again as they were. */
#include "base/buf.h"
#include "base/check.h"
#include "http/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
    enum chunked end;
    enum err_code code;
    size_t taken;
};

/* In pieces of `step` bytes; the payload goes to `out`. */
static struct result read_all(struct str bytes, size_t step, struct buf *out)
{
    struct chunked_reader r;
    struct err err = {0};
    struct str payload;
    struct result result = {.end = CHUNKED_MORE};
    buf_clear(out);
    chunked_init(&r);
    for (size_t at = 0; at < bytes.len && result.end == CHUNKED_MORE; at += step) {
        struct str in = str_part(bytes, at, step);
        const char *end = in.at + in.len;
        while ((result.end = chunked_next(&r, &in, &payload, &err)) == CHUNKED_DATA) {
            require(payload.len > 0 && buf_append(out, payload));
        }
        require(in.at + in.len == end && (result.end != CHUNKED_MORE || in.len == 0));
        result.taken = (size_t)(in.at - bytes.at);
    }
    require((result.end == CHUNKED_BAD) == (err.code != ERR_NONE));
    result.code = err.code;
    return result;
}

static void check_cuts(struct str bytes, struct buf *whole, struct buf *cut)
{
    struct result want = read_all(bytes, bytes.len + 1, whole);
    size_t first = bytes.len ? (uint8_t)bytes.at[bytes.len / 2] : 0;
    const size_t steps[] = {1, 2, first % 17 + 3, bytes.len / 2 + 1};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct result got = read_all(bytes, steps[i], cut);
        require(got.end == want.end && got.code == want.code);
        require(want.end == CHUNKED_BAD || got.taken == want.taken);
        require(str_equals(buf_str(cut), buf_str(whole)));
    }
}

/* As two chunks and an end, with something behind. */
static void check_written(struct str payload, struct buf *wire, struct buf *got)
{
    size_t half = payload.len / 2;
    const struct str parts[] = {str_part(payload, 0, half), str_from(payload, half)};
    char head[CHUNKED_HEAD_BYTES];
    buf_clear(wire);
    for (int i = 0; i < 2; i++) {
        if (parts[i].len == 0) continue;
        struct str size = str_of(head, (size_t)(chunked_write_size(head, parts[i].len) - head));
        require(buf_append(wire, size) && buf_append(wire, parts[i]) && buf_append(wire, STR("\r\n")));
    }
    require(buf_append(wire, STR("0\r\n\r\nmore")));
    struct result r = read_all(buf_str(wire), wire->len, got);
    require(r.end == CHUNKED_END && r.taken == wire->len - 4 && str_equals(buf_str(got), payload));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_of((const char *)data, size);
    struct buf a, b;
    buf_init(&a, size + 100);
    buf_init(&b, size + 100);
    check_cuts(bytes, &a, &b);
    check_written(bytes, &a, &b);
    buf_done(&a);
    buf_done(&b);
    return 0;
}
