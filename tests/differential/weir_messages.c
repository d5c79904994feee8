/* tests/differential/weir_messages.c: Weir's parsers of HTTP/1.1 as a program, for tests/differential/differential.py.
 *
 * Reads frames from stdin: a letter (Q: requests of a caller, R: a reply, H: a reply to HEAD), four bytes of length,
 * the lowest first, and so many bytes of one connection. Answers each with a line of JSON:
 *
 *     {"messages": [{"line": [method, target] or [status, ""], "minor": 1, "headers": [[name, value], …],
 *                    "body": "", "complete": true, "close": false}, …],
 *      "end": "clean" or "more" or "bad" or "closed", "why": "the rule"}
 *
 * Texts are in hexadecimal. Requests are read until the connection would close, a reply until the first that is
 * final. "more": the bytes ended in a message. The bytes come in two pieces, cut where their number says. */
#include "base/check.h"
#include "http/body.h"
#include "http/head.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_INPUT_BYTES = 1 << 20 };

enum end { END_CLEAN, END_MORE, END_BAD, END_CLOSED };

struct connection {
    char kind;
    struct http_header places[HTTP_MAX_HEADERS];
    struct head_reader head;
    struct http_request request;
    struct http_response response;
    struct body_reader body;
    bool is_in_body, is_last, is_final, has_begun;
    bool is_over; /* nobody would look at what comes now */
    enum end end;
    struct err err;
};

static void put_hex(struct str s)
{
    putchar('"');
    for (size_t i = 0; i < s.len; i++) printf("%02x", (uint8_t)s.at[i]);
    putchar('"');
}

static void put_headers(const struct http_headers *h)
{
    printf(",\"headers\":[");
    for (unsigned i = 0; i < h->count; i++) {
        printf(i ? ",[" : "[");
        put_hex(h->at[i].name);
        putchar(',');
        put_hex(h->at[i].value);
        putchar(']');
    }
    printf("],\"body\":[");
}

static enum http_parse parse_head(void *arg, struct str bytes, size_t *head_bytes)
{
    struct connection *c = arg;
    int status = 0;
    if (c->kind == 'Q') {
        c->request = (struct http_request){.headers.at = c->places};
        return http_parse_request(&c->request, bytes, head_bytes, &status, &c->err);
    }
    c->response = (struct http_response){.headers.at = c->places};
    enum http_parse result = http_parse_response(&c->response, bytes, head_bytes, &c->err);
    if (result != PARSE_DONE || c->response.status != 101) return result;
    err_set(&c->err, ERR_INVALID, "a protocol that nobody asked for"); /* as http/client.c */
    return PARSE_BAD;
}

static void stop(struct connection *c, enum end end)
{
    c->end = end;
    c->is_over = true;
}

/* The message's object is open, its body's pieces stand in a list. */
static void end_message(struct connection *c, bool is_complete)
{
    printf("],\"complete\":%s}", is_complete ? "true" : "false");
    c->is_in_body = false;
    if (is_complete && (c->is_last || c->is_final)) stop(c, END_CLOSED);
}

static void begin_message(struct connection *c)
{
    const struct http_request *q = &c->request;
    const struct http_response *r = &c->response;
    bool is_request = c->kind == 'Q';
    printf(c->has_begun ? ",{\"line\":[" : "{\"line\":[");
    c->has_begun = true;
    if (is_request) {
        put_hex(q->method_name);
        putchar(',');
        put_hex(q->target);
    } else {
        printf("\"%d\",\"\"", r->status);
    }
    printf("],\"minor\":%d,\"close\":%s", is_request ? q->minor : r->minor,
           (is_request ? q->is_keep_alive : r->is_keep_alive) ? "false" : "true");
    put_headers(is_request ? &q->headers : &r->headers);
    c->is_in_body = true;
    c->is_last = is_request && !q->is_keep_alive;
    c->is_final = !is_request && r->status >= 200;
    enum http_framing framing = is_request ? q->framing : c->kind == 'H' ? FRAMING_NONE : r->framing;
    body_init(&c->body, framing, is_request ? q->content_length : r->content_length);
    head_done(&c->head);
}

static void take_head(struct connection *c, struct str *chunk)
{
    struct str head;
    switch (head_take(&c->head, chunk, &head, parse_head, c)) {
    case PARSE_DONE: begin_message(c); break;
    case PARSE_MORE:
        if (head_is_full(&c->head)) stop(c, END_BAD);
        break;
    case PARSE_BAD: stop(c, END_BAD); break;
    }
}

static void take_body(struct connection *c, struct str *chunk)
{
    struct str payload, excess;
    bool is_good = body_decode(&c->body, *chunk, &payload, &excess, &c->err);
    if (is_good && payload.len > 0) {
        put_hex(payload);
        printf(",");
    }
    *chunk = excess;
    if (!is_good || c->body.is_bad) {
        printf("\"\"");
        end_message(c, false);
        stop(c, END_BAD);
    } else if (c->body.is_complete) {
        printf("\"\"");
        end_message(c, true);
    }
}

static void feed(struct connection *c, struct str bytes)
{
    while (!c->is_over && (bytes.len > 0 || (c->is_in_body && c->body.is_complete))) {
        if (c->is_in_body)
            take_body(c, &bytes);
        else
            take_head(c, &bytes);
    }
}

static void finish(struct connection *c)
{
    if (!c->is_over && c->is_in_body && c->body.framing == FRAMING_CLOSE) {
        printf("\"\"");
        end_message(c, true);
    } else if (!c->is_over && c->is_in_body) {
        printf("\"\"");
        end_message(c, false);
        stop(c, END_MORE);
    } else if (!c->is_over) {
        stop(c, head_is_blank(&c->head) ? END_CLEAN : END_MORE);
    }
    static const char *const ends[] = {"clean", "more", "bad", "closed"};
    printf("],\"end\":\"%s\",\"why\":\"%s\"}\n", ends[c->end], c->end == END_BAD ? c->err.text : "");
    fflush(stdout);
    head_done(&c->head);
}

/* Each piece in memory of its own, so that a sanitizer sees a step beyond it, and that may be written to. */
static void feed_copy(struct connection *c, const char *at, size_t len)
{
    char *copy = malloc(len + !len);
    if (!copy) abort();
    memcpy(copy, at, len);
    feed(c, str_of(copy, len));
    free(copy);
}

static bool read_exactly(void *at, size_t bytes)
{
    return fread(at, 1, bytes, stdin) == bytes;
}

int main(void)
{
    static char input[MAX_INPUT_BYTES];
    static struct connection c;
    uint8_t frame[5];
    while (read_exactly(frame, sizeof frame)) {
        size_t bytes = frame[1] | (size_t)frame[2] << 8 | (size_t)frame[3] << 16 | (size_t)frame[4] << 24;
        require(bytes <= sizeof input && read_exactly(input, bytes));
        c = (struct connection){.kind = (char)frame[0]};
        head_init(&c.head);
        printf("{\"messages\":[");
        size_t cut = bytes % 17 * bytes / 17;
        feed_copy(&c, input, cut);
        feed_copy(&c, input + cut, bytes - cut);
        finish(&c);
    }
    return 0;
}
