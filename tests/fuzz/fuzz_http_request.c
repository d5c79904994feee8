/* tests/fuzz/fuzz_http_request.c: a head means the same wherever the network cuts it; what was accepted
 * means the same when it is written anew in the plainest form; and it holds no byte that could be read in
 * two ways. */
#include "fuzz_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CUTS = 8 };

struct result {
    enum http_parse parse;
    int status;
    size_t head_bytes;
    uint64_t digest;
};

static struct http_header places[HTTP_MAX_HEADERS];

static struct result parse(struct str bytes, struct http_request *r)
{
    struct err err = {0};
    struct result result = {.status = 0};
    *r = (struct http_request){.headers.at = places};
    result.parse = http_parse_request(r, bytes, &result.head_bytes, &result.status, &err);
    require(result.parse != PARSE_BAD ||
            (err.code && err.text[0] && result.status >= 400 && result.status <= 505));
    if (result.parse != PARSE_DONE) return result;
    uint64_t d = digest_add(digest_add(digest_add(0, r->method_name), r->target), r->path);
    d = headers_digest(digest_add(d, r->query), &r->headers);
    d += (uint64_t)r->framing + (uint64_t)r->content_length * 3 + (uint64_t)r->minor * 5 +
         r->is_keep_alive * 7u;
    result.digest = d + r->expects_continue * 11u + (uint64_t)r->method * 13;
    return result;
}

static void check_cuts(struct str bytes, const struct result *whole)
{
    for (size_t i = 0; i < CUTS; i++) {
        struct http_request r;
        struct result cut = parse(str_part(bytes, 0, cut_of(bytes, i)), &r);
        if (cut.parse == PARSE_MORE) continue;
        require(cut.parse == whole->parse && cut.status == whole->status);
        require(cut.head_bytes == whole->head_bytes && cut.digest == whole->digest);
    }
}

static void check_bytes(struct str head)
{
    require(str_ends_with(head, STR("\r\n\r\n")));
    for (size_t i = 0; i < head.len; i++) {
        char c = head.at[i];
        if (c == '\r') require(head.at[i + 1] == '\n');
        if (c == '\n') require(head.at[i - 1] == '\r');
        require((uint8_t)c >= ' ' || c == '\t' || c == '\r' || c == '\n');
    }
}

static void check_framing(const struct http_request *r)
{
    unsigned lengths = 0, codings = 0, hosts = 0;
    for (unsigned i = 0; i < r->headers.count; i++) {
        lengths += r->headers.at[i].id == H_CONTENT_LENGTH;
        codings += r->headers.at[i].id == H_TRANSFER_ENCODING;
        hosts += r->headers.at[i].id == H_HOST;
    }
    require(lengths + codings <= 1 && hosts <= 1 && hosts >= (unsigned)r->minor);
    require(r->framing == (codings ? FRAMING_CHUNKED : lengths ? FRAMING_LENGTH : FRAMING_NONE));
    require(r->content_length >= 0 && (lengths || r->content_length == 0));
    require(r->path.len > 0 && r->target.len <= HTTP_MAX_TARGET_BYTES);
}

static void check_rewritten(const struct http_request *r, uint64_t digest)
{
    struct buf out;
    struct http_request again;
    buf_init(&out, 4 * HTTP_MAX_HEAD_BYTES);
    put(&out, r->method_name);
    put(&out, STR(" "));
    put(&out, r->target);
    put(&out, r->minor ? STR(" HTTP/1.1\r\n") : STR(" HTTP/1.0\r\n"));
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
    struct http_request r;
    struct result whole = parse(bytes, &r);
    if (whole.parse == PARSE_DONE) {
        require(whole.head_bytes <= size && whole.head_bytes <= HTTP_MAX_HEAD_BYTES);
        check_bytes(str_part(bytes, 0, whole.head_bytes));
        check_framing(&r);
        check_rewritten(&r, whole.digest);
    }
    check_cuts(bytes, &whole);
    return 0;
}
