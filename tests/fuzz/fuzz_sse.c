/* tests/fuzz/fuzz_sse.c: a stream means the same wherever it is cut; it means what the standard's
 * algorithm, written down line by line, makes of it; and its raw pieces are its bytes. */
#include "base/buf.h"
#include "base/check.h"
#include "http/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was heard: "name\0data\0id\0"… of each event that counts. */
static void hear(struct buf *to, struct str name, struct str data, struct str id)
{
    require(buf_append(to, name) && buf_append_char(to, '\0') && buf_append(to, data) &&
            buf_append_char(to, '\0'));
    require(buf_append(to, id.at ? id : STR("-")) && buf_append_char(to, '\0'));
}

/* In pieces of `step` bytes, at most max_event_bytes each. False: refused. */
static bool read_stream(struct str bytes, size_t step, size_t max_event_bytes, struct buf *heard,
                        struct buf *raw)
{
    struct sse_reader r;
    struct sse_event e;
    struct err err = {0};
    enum sse s = SSE_MORE;
    buf_clear(heard);
    buf_clear(raw);
    sse_init(&r, max_event_bytes);
    for (size_t at = 0; at < bytes.len && s != SSE_BAD; at += step) {
        sse_feed(&r, str_part(bytes, at, step));
        while ((s = sse_next(&r, &e, &err)) == SSE_EVENT) {
            require(e.raw.len > 0 && e.raw.len <= max_event_bytes + 1 && buf_append(raw, e.raw));
            if (e.is_dispatched) hear(heard, e.name, e.data, e.id);
        }
    }
    if (s != SSE_BAD) require(buf_append(raw, sse_rest(&r)) && str_equals(buf_str(raw), bytes));
    if (s == SSE_BAD) require(err.code == ERR_TOO_LARGE && str_starts_with(bytes, buf_str(raw)));
    sse_done(&r);
    return s != SSE_BAD;
}

/* One line without its end off the front; false: no line end. */
static bool cut_line(struct str *rest, struct str *line)
{
    for (size_t i = 0; i < rest->len; i++) {
        if (rest->at[i] != '\n' && rest->at[i] != '\r') continue;
        bool is_crlf = rest->at[i] == '\r' && i + 1 < rest->len && rest->at[i + 1] == '\n';
        *line = str_part(*rest, 0, i);
        *rest = str_from(*rest, i + 1 + is_crlf);
        return true;
    }
    return false;
}

/* WHATWG HTML 9.2.6, as it is written there. */
static void read_by_the_book(struct str bytes, struct buf *heard, struct buf *data)
{
    struct str line, name = STR(""), id = {NULL, 0};
    buf_clear(heard);
    buf_clear(data);
    if (str_starts_with(bytes, STR("\xef\xbb\xbf"))) bytes = str_from(bytes, 3);
    while (cut_line(&bytes, &line)) {
        if (line.len == 0) {
            if (data->len > 0) hear(heard, name, str_of(data->at, data->len - 1), id);
            buf_clear(data);
            name = STR("");
            id = str_of(NULL, 0);
            continue;
        }
        struct str value = line, field = str_cut(&value, ':');
        if (str_starts_with(value, STR(" "))) value = str_from(value, 1);
        if (!value.at) value = STR("");
        if (str_equals(field, STR("data"))) require(buf_append(data, value) && buf_append_char(data, '\n'));
        if (str_equals(field, STR("event"))) name = value;
        if (str_equals(field, STR("id")) && str_find_char(value, '\0') == SIZE_MAX) id = value;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_of((const char *)data, size);
    size_t odd = size ? data[size / 2] : 0, ceiling = odd % 64 + 1;
    const size_t steps[] = {1, 2, odd % 13 + 3, size / 2 + 1};
    struct buf want, got, raw;
    buf_init(&want, 4 * size + 100);
    buf_init(&got, 4 * size + 100);
    buf_init(&raw, size + 100);
    read_by_the_book(bytes, &want, &raw);
    require(read_stream(bytes, size + 1, size + 1, &got, &raw));
    require(str_equals(buf_str(&got), buf_str(&want)));
    bool is_taken = read_stream(bytes, size + 1, ceiling, &want, &raw);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        require(read_stream(bytes, steps[i], ceiling, &got, &raw) == is_taken);
        require(str_equals(buf_str(&got), buf_str(&want)));
    }
    buf_done(&want);
    buf_done(&got);
    buf_done(&raw);
    return 0;
}
