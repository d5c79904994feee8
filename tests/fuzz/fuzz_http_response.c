/* tests/fuzz/fuzz_http_response.c: the head of a reply means the same wherever it is cut, and the same when
 * it is written anew. */
#include "fuzz_head.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CUTS = 8 };

struct result {
    enum http_parse parse;
    size_t head_bytes;
    uint64_t digest;
};

static struct http_header places[HTTP_MAX_HEADERS];

static struct result parse(struct str bytes, struct http_response *r)
{
    struct err err = {0};
    struct result result = {.head_bytes = 0};
    *r = (struct http_response){.headers.at = places};
    result.parse = http_parse_response(r, bytes, &result.head_bytes, &err);
    require(result.parse != PARSE_BAD || (err.code && err.text[0]));
    if (result.parse != PARSE_DONE) return result;
    require(r->status >= 100 && r->status <= 599 && r->content_length >= 0);
    require(r->framing != FRAMING_CLOSE || !r->is_keep_alive);
    bool has_no_body = r->status < 200 || r->status == 204 || r->status == 304;
    require(has_no_body == (r->framing == FRAMING_NONE));
    uint64_t d = headers_digest(digest_add(0, r->reason), &r->headers);
    d += (uint64_t)r->framing + (uint64_t)r->content_length * 3 + (uint64_t)r->minor * 5 +
         r->is_keep_alive * 7u;
    result.digest = d + (uint64_t)r->status * 11;
    return result;
}

static void check_rewritten(const struct http_response *r, uint64_t digest)
{
    struct buf out;
    struct http_response again;
    char line[32];
    buf_init(&out, 4 * HTTP_MAX_HEAD_BYTES);
    snprintf(line, sizeof line, "HTTP/1.%d %d ", r->minor, r->status);
    put(&out, str_from_cstr(line));
    put(&out, r->reason);
    put(&out, STR("\r\n"));
    put_headers(&out, &r->headers);
    if (out.len <= HTTP_MAX_HEAD_BYTES) {
        struct result result = parse(buf_str(&out), &again);
        require(result.parse == PARSE_DONE && result.head_bytes == out.len && result.digest == digest);
    }
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_of((const char *)data, size);
    struct http_response r;
    struct result whole = parse(bytes, &r);
    if (whole.parse == PARSE_DONE) check_rewritten(&r, whole.digest);
    for (size_t i = 0; i < CUTS; i++) {
        struct result cut = parse(str_part(bytes, 0, cut_of(bytes, i)), &r);
        if (cut.parse == PARSE_MORE) continue;
        require(cut.parse == whole.parse && cut.head_bytes == whole.head_bytes && cut.digest == whole.digest);
    }
    return 0;
}
