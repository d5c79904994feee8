/* http/client_tunnel.c: CONNECT host:port, and the proxy's answer.
 *
 * The answer goes through the parser of all replies, with its ceilings. A 2xx is the whole message whatever its headers
 * say; bytes behind it were sent by nobody whom we have spoken to yet, so they end the connection. Of any other answer
 * only the status is used: its body is the proxy's own page. */
#include "http/client_tunnel.h"

#include "base/fmt.h"
#include "base/mem.h"
#include "http/head.h"

enum { MAX_INTERIM_REPLIES = 16, PORT_BYTES = 6 };

struct tunnel {
    struct http_response reply;
    struct head_reader head;
    unsigned interim_replies;
    struct http_header headers[HTTP_MAX_HEADERS]; /* too large for a fiber's stack */
};

static enum io refuse(struct err *err, const char *why)
{
    err_set(err, ERR_PROXY, "%s", why);
    return IO_FAIL;
}

static enum io ask(struct stream *s, const struct dial_target *t, msec_t deadline, struct err *err)
{
    const struct http_proxy *proxy = t->tunnel.arg;
    bool is_v6 = str_find_char(t->host, ':') != SIZE_MAX, has_user = proxy->authorization.len > 0;
    char port[PORT_BYTES + FMT_U64_BYTES] = ":";
    struct str digits = str_of(port, (size_t)(fmt_u64(port + 1, t->port) - port));
    struct str open = is_v6 ? STR("[") : STR(""), close = is_v6 ? STR("]") : STR("");
    struct str pieces[] = {STR("CONNECT "),
                           open,
                           t->host,
                           close,
                           digits,
                           STR(" HTTP/1.1\r\nHost: "),
                           open,
                           t->host,
                           close,
                           digits,
                           has_user ? STR("\r\nProxy-Authorization: ") : STR(""),
                           proxy->authorization,
                           STR("\r\n\r\n")};
    enum io io = stream_write(s, pieces, ARRAY_COUNT(pieces), deadline);
    if (io == IO_FAIL) err_set(err, ERR_PROXY, "the connection broke: %s", stream_error(s));
    return io;
}

static enum http_parse parse_reply(void *arg, struct str bytes, size_t *head_bytes)
{
    struct tunnel *t = arg;
    struct err ignored;
    t->reply.headers = (struct http_headers){.at = t->headers};
    return http_parse_response(&t->reply, bytes, head_bytes, &ignored);
}

/* IO_TIMEOUT: no final answer yet. */
static enum io judge(struct tunnel *t, struct str rest, bool has_user, struct err *err)
{
    int status = t->reply.status;
    if (status >= 200 && status < 300)
        return rest.len == 0 ? IO_OK : refuse(err, "it sent bytes behind its answer");
    if (status == 407)
        return refuse(err, has_user ? "it refuses the user or password (status 407)"
                                    : "it wants a user and password (status 407)");
    if (status >= 200 || status == 101 || ++t->interim_replies > MAX_INTERIM_REPLIES) {
        err_set(err, ERR_PROXY, "it refused the tunnel with status %d", status);
        return IO_FAIL;
    }
    head_done(&t->head);
    return IO_TIMEOUT;
}

static enum io read_answer(struct tunnel *t, struct stream *s, bool has_user, msec_t deadline,
                           struct err *err)
{
    for (;;) {
        struct str chunk, head;
        enum io io = stream_read(s, &chunk, deadline);
        if (io == IO_END) return refuse(err, "it closed the connection instead of answering");
        if (io == IO_FAIL) err_set(err, ERR_PROXY, "the connection broke: %s", stream_error(s));
        if (io != IO_OK) return io;
        while (chunk.len > 0) {
            enum http_parse result = head_take(&t->head, &chunk, &head, parse_reply, t);
            if (result == PARSE_BAD) return refuse(err, "its answer is not HTTP/1");
            if (result == PARSE_MORE) break;
            io = judge(t, chunk, has_user, err);
            if (io != IO_TIMEOUT) return io;
        }
        if (head_is_full(&t->head)) return refuse(err, "the head of its answer is too large");
    }
}

enum io client_tunnel_open(struct stream *s, const struct dial_target *target, msec_t deadline,
                           struct err *err)
{
    const struct http_proxy *proxy = target->tunnel.arg;
    enum io io = ask(s, target, deadline, err);
    if (io != IO_OK) return io;
    struct tunnel *t = xzalloc(sizeof *t);
    head_init(&t->head);
    io = read_answer(t, s, proxy->authorization.len > 0, deadline, err);
    head_done(&t->head);
    xfree(t);
    return io;
}
