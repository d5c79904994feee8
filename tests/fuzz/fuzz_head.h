/* tests/fuzz/fuzz_head.h: what requests and replies have in common: digests of their headers, and their
 * headers written anew. */
#ifndef WEIR_FUZZ_HEAD_H
#define WEIR_FUZZ_HEAD_H

#include "base/buf.h"
#include "base/check.h"
#include "http/message.h"

static inline uint64_t digest_add(uint64_t digest, struct str s)
{
    for (size_t i = 0; i < s.len; i++) digest = (digest ^ (uint8_t)s.at[i]) * 0x100000001b3u;
    return (digest ^ 0xff) * 0x100000001b3u;
}

/* Checks what holds for every header on the way. */
static inline uint64_t headers_digest(uint64_t digest, const struct http_headers *h)
{
    require(h->count <= HTTP_MAX_HEADERS);
    for (unsigned i = 0; i < h->count; i++) {
        require(h->at[i].name.len > 0 && http_name_id(h->at[i].name) == h->at[i].id);
        require(http_value_is_valid(h->at[i].value));
        require(http_headers_find_text(h, h->at[i].name) != NULL);
        digest = digest_add(digest_add(digest, h->at[i].name), h->at[i].value);
    }
    return digest;
}

static inline void put(struct buf *out, struct str s)
{
    require(buf_append(out, s));
}

static inline void put_headers(struct buf *out, const struct http_headers *h)
{
    for (unsigned i = 0; i < h->count; i++) {
        put(out, h->at[i].name);
        put(out, STR(": "));
        put(out, h->at[i].value);
        put(out, STR("\r\n"));
    }
    put(out, STR("\r\n"));
}

/* Some place in the input, another for each `i`, that the input itself decides. */
static inline size_t cut_of(struct str bytes, size_t i)
{
    uint64_t digest = digest_add(0xcbf29ce484222325u + i, str_part(bytes, 0, 4096));
    return bytes.len ? (size_t)(digest % (bytes.len + 1)) : 0;
}

#endif
