/* tests/unit/http/connection.h: a connection in its smallest form: heads and bodies from bytes that arrive
 * in pieces, without a socket. What the server does with the same parsers, tests can follow here byte by
 * byte. */
#ifndef WEIR_TEST_HTTP_CONNECTION_H
#define WEIR_TEST_HTTP_CONNECTION_H

#include "http/chunked.h"
#include "http/message.h"

#include <stdlib.h>

enum end { END_CLEAN, END_CLOSED, END_REFUSED, END_INCOMPLETE };

struct verdict {
    unsigned complete; /* requests */
    enum end end;
    int status;      /* of a refusal */
    uint64_t digest; /* of what was read: methods, targets, headers, framing, bodies */
};

struct connection {
    struct verdict v;
    size_t at; /* of all bytes: where the parser goes on */
    bool is_over;
    enum http_framing body; /* what we are in; FRAMING_NONE: a head */
    int64_t left;
    bool is_last;
    struct chunked_reader chunked;
    struct http_header headers[HTTP_MAX_HEADERS];
    struct err err;
};

static inline void digest_add(uint64_t *digest, struct str s)
{
    for (size_t i = 0; i < s.len; i++) *digest = (*digest ^ (uint8_t)s.at[i]) * 0x100000001b3u;
}

static inline void connection_end(struct connection *c, enum end end, int status)
{
    c->v.end = end;
    c->v.status = status;
    c->is_over = true;
}

static inline void connection_end_body(struct connection *c)
{
    c->body = FRAMING_NONE;
    c->v.complete++;
    digest_add(&c->v.digest, STR(";"));
    if (c->is_last) connection_end(c, END_CLOSED, 0);
}

static inline void digest_request(struct connection *c, const struct http_request *r)
{
    const struct str parts[] = {r->method_name, r->target, r->path, r->query};
    for (size_t i = 0; i < 4; i++) digest_add(&c->v.digest, parts[i]);
    for (unsigned i = 0; i < r->headers.count; i++) {
        digest_add(&c->v.digest, r->headers.at[i].name);
        digest_add(&c->v.digest, r->headers.at[i].value);
        c->v.digest += r->headers.at[i].id;
    }
    c->v.digest += (uint64_t)r->framing * 7 + (uint64_t)r->content_length * 31 + (uint64_t)r->method * 3 +
                   (uint64_t)r->minor * 5 + r->is_keep_alive * 11u + r->expects_continue * 13u;
}

/* A head from a copy that ends where the bytes end, so that a sanitizer sees a look beyond. */
static inline bool connection_read_head(struct connection *c, struct str bytes)
{
    struct http_request r = {.headers.at = c->headers};
    size_t head_bytes = 0;
    int status = 0;
    char *copy = malloc(bytes.len ? bytes.len : 1);
    if (bytes.len) memcpy(copy, bytes.at, bytes.len);
    enum http_parse p = http_parse_request(&r, str_of(copy, bytes.len), &head_bytes, &status, &c->err);
    if (p == PARSE_DONE) digest_request(c, &r);
    free(copy);
    if (p == PARSE_MORE) return false;
    if (p == PARSE_BAD) {
        connection_end(c, END_REFUSED, status);
        return false;
    }
    c->at += head_bytes;
    c->is_last = !r.is_keep_alive;
    c->body = r.framing;
    c->left = r.content_length;
    chunked_init(&c->chunked);
    if (r.framing == FRAMING_NONE) connection_end_body(c);
    return !c->is_over;
}

static inline bool connection_read_length(struct connection *c, struct str bytes)
{
    size_t taken = bytes.len < (uint64_t)c->left ? bytes.len : (size_t)c->left;
    digest_add(&c->v.digest, str_part(bytes, 0, taken));
    c->left -= (int64_t)taken;
    c->at += taken;
    if (c->left == 0) connection_end_body(c);
    return c->body == FRAMING_NONE && !c->is_over;
}

static inline bool connection_read_chunked(struct connection *c, struct str bytes)
{
    struct str in = bytes, data;
    for (;;) {
        enum chunked r = chunked_next(&c->chunked, &in, &data, &c->err);
        if (r == CHUNKED_DATA) {
            digest_add(&c->v.digest, data);
            continue;
        }
        c->at += bytes.len - in.len;
        if (r == CHUNKED_BAD) connection_end(c, END_REFUSED, c->err.code == ERR_TOO_LARGE ? 413 : 400);
        if (r == CHUNKED_END) connection_end_body(c);
        return r == CHUNKED_END && !c->is_over;
    }
}

/* `all` up to `arrived` is there now. */
static inline void connection_feed(struct connection *c, struct str all, size_t arrived)
{
    bool goes_on = !c->is_over;
    while (goes_on) {
        struct str bytes = str_of(all.at + c->at, arrived - c->at);
        switch (c->body) {
        case FRAMING_LENGTH: goes_on = connection_read_length(c, bytes); break;
        case FRAMING_CHUNKED: goes_on = connection_read_chunked(c, bytes); break;
        case FRAMING_NONE:
        case FRAMING_CLOSE: goes_on = connection_read_head(c, bytes); break;
        }
    }
}

/* The peer ends. Empty lines alone are no request. */
static inline struct verdict connection_finish(struct connection *c, struct str all)
{
    if (c->is_over) return c->v;
    struct str rest = str_trim(str_from(all, c->at));
    connection_end(c, c->body == FRAMING_NONE && rest.len == 0 ? END_CLEAN : END_INCOMPLETE, 0);
    return c->v;
}

/* All bytes, cut at `cut` and then every `step` bytes (0: not). */
static inline struct verdict connection_run(struct str all, size_t cut, size_t step)
{
    struct connection c = {.v.digest = 0xcbf29ce484222325u};
    for (size_t at = cut; at < all.len; at += step) {
        connection_feed(&c, all, at);
        if (step == 0) break;
    }
    connection_feed(&c, all, all.len);
    return connection_finish(&c, all);
}

static inline bool verdict_equals(const struct verdict *a, const struct verdict *b)
{
    return a->complete == b->complete && a->end == b->end && a->status == b->status && a->digest == b->digest;
}

#endif
