/* http/head.c: most heads come in one piece; then this costs one parse, one copy and some additions.
 * A head that comes byte by byte is parsed again when a line has ended or the bytes have doubled, so that
 * a slow sender cannot make us parse 32 KiB for each of them, and garbage is still noticed early. */
#include "http/head.h"

void head_init(struct head_reader *h)
{
    buf_init(&h->_held, HTTP_MAX_HEAD_BYTES);
    h->_tried_bytes = 0;
}

void head_done(struct head_reader *h)
{
    buf_done(&h->_held);
    h->_tried_bytes = 0;
}

static enum http_parse take_held(struct head_reader *h, struct str *chunk, struct str *head,
                                 head_parse *parse, void *arg)
{
    size_t had = h->_held.len, room = HTTP_MAX_HEAD_BYTES - had;
    struct str more = str_part(*chunk, 0, room);
    if (!buf_append(&h->_held, more)) return PARSE_BAD; /* never: more fits the ceiling */
    bool is_worth_it = h->_held.len >= 2 * h->_tried_bytes || str_find_char(more, '\n') != SIZE_MAX ||
                       h->_held.len == HTTP_MAX_HEAD_BYTES;
    size_t head_bytes = 0;
    enum http_parse result = PARSE_MORE;
    if (is_worth_it) {
        result = parse(arg, buf_str(&h->_held), &head_bytes);
        h->_tried_bytes = h->_held.len;
    }
    if (result == PARSE_DONE) *head = str_of(h->_held.at, head_bytes);
    *chunk = str_from(*chunk, result == PARSE_DONE ? head_bytes - had : more.len);
    return result;
}

enum http_parse head_take(struct head_reader *h, struct str *chunk, struct str *head, head_parse *parse,
                          void *arg)
{
    if (h->_held.len > 0) return take_held(h, chunk, head, parse, arg);
    size_t head_bytes = 0;
    struct str bytes = str_part(*chunk, 0, HTTP_MAX_HEAD_BYTES);
    enum http_parse result = parse(arg, bytes, &head_bytes);
    if (result == PARSE_DONE) {
        *head = str_of(bytes.at, head_bytes);
        *chunk = str_from(*chunk, head_bytes);
    } else if (result == PARSE_MORE) {
        if (!buf_append(&h->_held, bytes)) return PARSE_BAD; /* never, as above */
        h->_tried_bytes = bytes.len;
        *chunk = str_from(*chunk, bytes.len);
    }
    return result;
}

bool head_is_full(const struct head_reader *h)
{
    return h->_held.len >= HTTP_MAX_HEAD_BYTES;
}

bool head_is_blank(const struct head_reader *h)
{
    return str_trim(buf_str(&h->_held)).len == 0;
}

/* ---- moving ---- */
struct move {
    struct str from;
    const char *to;
};

static struct str moved(struct str s, const struct move *m)
{
    if (s.at >= m->from.at && s.at <= m->from.at + m->from.len) s.at = m->to + (s.at - m->from.at);
    return s;
}

static struct move move_begin(struct str head, struct arena *a)
{
    char *to = arena_alloc(a, head.len);
    if (head.len) memcpy(to, head.at, head.len);
    return (struct move){head, to};
}

/* Of a header all lies in the head, empty values too. */
static struct str moved_surely(struct str s, const struct move *m)
{
    return str_of((const char *)((uintptr_t)s.at - (uintptr_t)m->from.at + (uintptr_t)m->to), s.len);
}

static void move_headers(struct http_headers *h, const struct move *m, struct arena *a)
{
    const struct http_header *from = h->at;
    struct http_header *to = arena_alloc(a, sizeof *to * h->count);
    for (unsigned i = 0; i < h->count; i++)
        to[i] = (struct http_header){moved_surely(from[i].name, m), moved_surely(from[i].value, m),
                                     from[i].id};
    h->at = to;
}

void head_move_request(struct http_request *r, struct str head, struct arena *a)
{
    struct move m = move_begin(head, a);
    r->method_name = moved(r->method_name, &m);
    r->target = moved(r->target, &m);
    r->path = moved(r->path, &m);
    r->query = moved(r->query, &m);
    move_headers(&r->headers, &m, a);
}

void head_move_response(struct http_response *r, struct str head, struct arena *a)
{
    struct move m = move_begin(head, a);
    r->reason = moved(r->reason, &m);
    move_headers(&r->headers, &m, a);
}
