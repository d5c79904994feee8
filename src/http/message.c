/* http/message.c: the strict head parser.
 *
 *     empty lines - start line - header lines - blank line - then one look at what decides the framing
 *
 * Each step reads from s->at on and either moves it (PARSE_DONE), finds that the bytes end first
 * (PARSE_MORE) or refuses (PARSE_BAD). Steps judge from left to right and never look beyond the byte that
 * decides, so a head means the same wherever the network cuts it: once BAD, no further byte can change the
 * verdict. The bytes are clipped to the longest head we take, so MORE with that many bytes is BAD too.
 * Called again with more bytes it starts over: a head is small and usually comes in one piece.
 *
 * Strict means: CRLF alone ends a line, one space separates, nothing is folded, trimmed (but blanks around
 * values) or repaired. Every refusal names its rule, and none quotes a value. */
#include "http/message.h"

#include "base/attributes.h"
#include "http/bytes.h"
#include "http/names.h"
#include "http/url.h"

enum { MAX_METHOD_BYTES = 32, MAX_VERSION_BYTES = 16, MAX_EMPTY_LINES = 2, MAX_CONNECTION_BYTES = 1024 };

struct scan {
    const char *at, *end;
    int status; /* of a refusal */
    struct err *err;
    struct str authority;                             /* of an absolute-form target */
    const struct http_header *host, *length, *coding; /* the first of each */
    unsigned hosts, lengths, codings;
    size_t connection_bytes; /* of Connection's values: each header is looked up in them later */
    bool wants_close, wants_keep_alive, expects_continue;
};

static COLD enum http_parse refuse(struct scan *s, int status, const char *rule)
{
    bool is_size = status == 414 || status == 431;
    s->status = status;
    err_set(s->err, is_size ? ERR_TOO_LARGE : status == 400 ? ERR_INVALID : ERR_UNSUPPORTED, "%s", rule);
    return PARSE_BAD;
}

/* The name of a byte that must not be where it is. */
static COLD enum http_parse refuse_byte(struct scan *s, char c, const char *rule)
{
    if (c == '\0') return refuse(s, 400, "a NUL byte in the head");
    if (c == '\n') return refuse(s, 400, "a line of the head ends with a bare LF, not with CRLF");
    return refuse(s, 400, rule);
}

/* CRLF at s->at. */
static inline enum http_parse read_line_end(struct scan *s, const char *rule)
{
    if (s->end - s->at >= 2 && s->at[0] == '\r' && s->at[1] == '\n') {
        s->at += 2;
        return PARSE_DONE;
    }
    if (s->at == s->end) return PARSE_MORE;
    if (*s->at != '\r') return refuse_byte(s, *s->at, rule);
    return s->end - s->at == 1 ? PARSE_MORE : refuse(s, 400, "a CR without LF in the head");
}

static enum http_parse skip_empty_lines(struct scan *s)
{
    for (int lines = 0; s->at < s->end && *s->at == '\r'; lines++) {
        if (lines == MAX_EMPTY_LINES)
            return refuse(s, 400, "more than two empty lines before the request line");
        enum http_parse r = read_line_end(s, "");
        if (r != PARSE_DONE) return r;
    }
    return s->at == s->end ? PARSE_MORE : PARSE_DONE;
}

static enum http_method method_of(struct str name)
{
    static const struct {
        struct str name;
        enum http_method method;
    } methods[] = {
        {STR_INIT("POST"), M_POST},       {STR_INIT("GET"), M_GET},         {STR_INIT("HEAD"), M_HEAD},
        {STR_INIT("OPTIONS"), M_OPTIONS}, {STR_INIT("DELETE"), M_DELETE},   {STR_INIT("PUT"), M_PUT},
        {STR_INIT("PATCH"), M_PATCH},     {STR_INIT("CONNECT"), M_CONNECT}, {STR_INIT("TRACE"), M_TRACE},
    };
    for (size_t i = 0; i < ARRAY_COUNT(methods); i++)
        if (str_equals(methods[i].name, name)) return methods[i].method;
    return M_OTHER;
}

static enum http_parse read_method(struct scan *s, struct http_request *out)
{
    const char *stop = byte_skip(s->at, s->end, BYTE_TOKEN);
    out->method_name = str_of(s->at, (size_t)(stop - s->at));
    if (out->method_name.len > MAX_METHOD_BYTES) return refuse(s, 400, "the method is longer than 32 bytes");
    if (stop == s->end) return PARSE_MORE;
    if (*stop != ' ' || out->method_name.len == 0)
        return refuse_byte(s, *stop, "a request line begins with a method (a token) and one space");
    out->method = method_of(out->method_name);
    s->at = stop + 1;
    return PARSE_DONE;
}

static enum http_parse read_target(struct scan *s, struct http_request *out)
{
    const char *stop = byte_skip(s->at, s->end, BYTE_TARGET);
    out->target = str_of(s->at, (size_t)(stop - s->at));
    if (out->target.len > HTTP_MAX_TARGET_BYTES)
        return refuse(s, 414, "the target is longer than 8192 bytes");
    if (stop == s->end) return PARSE_MORE;
    if (*stop == ' ' && out->target.len == 0) return refuse(s, 400, "more than one space after the method");
    if (*stop == '\r') return refuse(s, 400, "a request line needs an HTTP version after its target");
    if (*stop == '#') return refuse(s, 400, "a fragment ('#') in the target");
    if (*stop != ' ')
        return refuse_byte(s, *stop, "a byte in the target that no URI may hold; it must be written as %XX");
    s->at = stop + 1;
    return PARSE_DONE;
}

/* HTTP/1.x and CRLF. */
static enum http_parse read_version(struct scan *s, struct http_request *out)
{
    if (s->end - s->at >= 10 && memcmp(s->at, "HTTP/1.1\r\n", 10) == 0) {
        out->minor = 1;
        s->at += 10;
        return PARSE_DONE;
    }
    static const char rule[] = "a request line ends with HTTP/1.1 and CRLF";
    struct str version = str_of(s->at, (size_t)(byte_skip(s->at, s->end, BYTE_TARGET) - s->at));
    if (version.len > MAX_VERSION_BYTES) return refuse(s, 400, rule);
    s->at += version.len;
    enum http_parse r = read_line_end(s, rule);
    if (r != PARSE_DONE) return r;
    if (version.len != 8 || !str_starts_with(version, STR("HTTP/")) || version.at[6] != '.')
        return refuse(s, 400, rule);
    char major = version.at[5], minor = version.at[7];
    if (major < '0' || major > '9' || minor < '0' || minor > '9') return refuse(s, 400, rule);
    if (major != '1') return refuse(s, 505, "this server speaks HTTP/1.1 and HTTP/1.0");
    out->minor = minor > '0';
    return PARSE_DONE;
}

/* http://authority/path?query: the authority stands for the Host header (RFC 9112 3.2.2). */
static enum http_parse split_absolute(struct scan *s, struct http_request *out, size_t scheme_bytes)
{
    struct str rest = str_from(out->target, scheme_bytes), host, port;
    size_t len = 0;
    while (len < rest.len && rest.at[len] != '/' && rest.at[len] != '?') len++;
    s->authority = str_part(rest, 0, len);
    if (!url_split_authority(s->authority, &host, &port))
        return refuse(s, 400, "the authority of the target is not host[:port]; user information is refused");
    out->query = str_from(rest, len);
    out->path = str_cut(&out->query, '?');
    if (out->path.len == 0) out->path = STR("/");
    return PARSE_DONE;
}

/* By the four forms of RFC 9112 3.2. */
static enum http_parse split_target(struct scan *s, struct http_request *out)
{
    struct str t = out->target, host, port;
    if (out->method == M_CONNECT) {
        out->path = t;
        if (url_split_authority(t, &host, &port) && port.len > 0) return PARSE_DONE;
        return refuse(s, 400, "the target of CONNECT is host:port");
    }
    if (t.at[0] == '/') {
        out->query = t;
        out->path = str_cut(&out->query, '?');
        return PARSE_DONE;
    }
    if (str_starts_with_nocase(t, STR("http://"))) return split_absolute(s, out, 7);
    if (str_starts_with_nocase(t, STR("https://"))) return split_absolute(s, out, 8);
    if (str_equals(t, STR("*")) && out->method == M_OPTIONS) {
        out->path = t;
        return PARSE_DONE;
    }
    return refuse(s, 400, "a target begins with '/', http:// or https://; '*' is for OPTIONS");
}

static enum http_parse read_request_line(struct scan *s, struct http_request *out)
{
    enum http_parse r = read_method(s, out);
    if (r == PARSE_DONE) r = read_target(s, out);
    if (r == PARSE_DONE) r = read_version(s, out);
    if (r == PARSE_DONE) r = split_target(s, out);
    return r;
}

/* HTTP/1.x SP three digits, a reason or none, CRLF. */
static enum http_parse read_status_line(struct scan *s, struct http_response *out)
{
    static const char rule[] = "a reply begins with HTTP/1.1, one space and a status of three digits";
    static const char form[] = "HTTP/1.d ddd"; /* d: a digit */
    bool is_usual = s->end - s->at >= 12 && memcmp(s->at, "HTTP/1.1 ", 9) == 0;
    for (size_t i = is_usual ? 9 : 0; i < sizeof form - 1; i++) {
        if (s->at + i == s->end) return PARSE_MORE;
        char c = s->at[i];
        bool is_digit = c >= '0' && c <= '9';
        if (form[i] == 'd' ? !is_digit : c != form[i]) return refuse_byte(s, c, rule);
    }
    out->minor = s->at[7] > '0';
    out->status = (s->at[9] - '0') * 100 + (s->at[10] - '0') * 10 + (s->at[11] - '0');
    if (out->status < 100 || out->status > 599) return refuse(s, 502, "a reply's status is from 100 to 599");
    s->at += sizeof form - 1;
    if (s->at < s->end && *s->at == ' ') {
        const char *stop = byte_skip_value(s->at, s->end);
        out->reason = str_of(s->at + 1, (size_t)(stop - s->at - 1));
        s->at = stop;
    }
    return read_line_end(s, "a control character in the status line");
}

static COLD enum http_parse refuse_name(struct scan *s, const char *stop)
{
    if (s->at == stop && (*stop == ' ' || *stop == '\t'))
        return refuse(s, 400, "a line folded over two (obs-fold), or a blank before the first header");
    if (s->at == stop && *stop == ':') return refuse(s, 400, "a header without a name");
    if (*stop == ' ' || *stop == '\t') return refuse(s, 400, "a blank between a header's name and its colon");
    if (*stop == '\r') return refuse(s, 400, "a header line without a colon");
    return refuse_byte(s, *stop, "a byte in a header's name that no token may hold");
}

/* Name, colon, value, CRLF. */
static inline enum http_parse read_header_line(struct scan *s, struct http_header *h)
{
    size_t name_len = http_name_scan(s->at, s->end, &h->id);
    const char *at = s->at + name_len;
    if (at == s->end) return PARSE_MORE;
    if (UNLIKELY(*at != ':' || name_len == 0)) return refuse_name(s, at);
    h->name = str_of(s->at, name_len);
    at++;
    while (at < s->end && (*at == ' ' || *at == '\t')) at++;
    const char *stop = byte_skip_value(at, s->end), *last = stop;
    s->at = stop;
    enum http_parse r = read_line_end(s, "a control character in a header's value");
    if (UNLIKELY(r != PARSE_DONE)) return r;
    while (last > at && (last[-1] == ' ' || last[-1] == '\t')) last--;
    h->value = str_of(at, (size_t)(last - at));
    return PARSE_DONE;
}

static void note_connection(struct scan *s, struct str value)
{
    bool is_keep_alive = str_equals(value, STR("keep-alive")); /* nearly always */
    s->connection_bytes += value.len;
    s->wants_keep_alive |= is_keep_alive || http_list_has(value, STR("keep-alive"));
    s->wants_close |= !is_keep_alive && http_list_has(value, STR("close"));
}

/* Keeps what the framing and the connection's life depend on. */
static inline void note_header(struct scan *s, const struct http_header *h)
{
    switch (h->id) {
    case H_HOST:
        if (s->hosts++ == 0) s->host = h;
        break;
    case H_CONTENT_LENGTH:
        if (s->lengths++ == 0) s->length = h;
        break;
    case H_TRANSFER_ENCODING:
        if (s->codings++ == 0) s->coding = h;
        break;
    case H_CONNECTION: note_connection(s, h->value); break;
    case H_EXPECT: s->expects_continue |= http_list_has(h->value, STR("100-continue")); break;
    default: break;
    }
}

/* Up to and with the blank line. */
static enum http_parse read_header_lines(struct scan *s, struct http_headers *headers)
{
    for (headers->count = 0;; headers->count++) {
        if (s->at == s->end) return PARSE_MORE;
        if (*s->at == '\r') return read_line_end(s, "");
        if (headers->count == HTTP_MAX_HEADERS) return refuse(s, 431, "more than 100 headers");
        struct http_header *h = &headers->at[headers->count];
        enum http_parse r = read_header_line(s, h);
        if (UNLIKELY(r != PARSE_DONE)) return r;
        if (h->id != H_OTHER) note_header(s, h);
    }
}

/* Are the transfer codings tokens, "chunked" once and last? Then they are well-formed and only not ours. */
static bool ends_in_chunked(const struct http_headers *headers)
{
    unsigned chunked = 0;
    bool is_last = false;
    for (unsigned i = 0; i < headers->count; i++) {
        if (headers->at[i].id != H_TRANSFER_ENCODING) continue;
        struct str list = headers->at[i].value;
        do {
            struct str coding = str_trim(str_cut(&list, ','));
            const char *end = coding.at + coding.len;
            if (coding.len == 0 || byte_skip(coding.at, end, BYTE_TOKEN) != end) return false;
            is_last = str_equals_nocase(coding, STR("chunked"));
            chunked += is_last;
        } while (list.at);
    }
    return is_last && chunked == 1;
}

static enum http_parse judge_coding(struct scan *s, const struct http_headers *headers, int minor)
{
    if (minor == 0) return refuse(s, 400, "Transfer-Encoding in an HTTP/1.0 message");
    if (s->lengths > 0) return refuse(s, 400, "both Transfer-Encoding and Content-Length");
    if (s->codings == 1 && str_equals_nocase(s->coding->value, STR("chunked"))) return PARSE_DONE;
    if (ends_in_chunked(headers)) return refuse(s, 501, "a transfer coding other than chunked");
    return refuse(s, 400, "Transfer-Encoding is not exactly chunked");
}

static enum http_parse judge_length(struct scan *s, int64_t *length)
{
    if (s->lengths > 1) return refuse(s, 400, "more than one Content-Length");
    if (str_to_u63(s->length->value, length)) return PARSE_DONE;
    return refuse(s, 400, "Content-Length is not a number, or too large for any message");
}

static bool keeps_alive(const struct scan *s, int minor)
{
    return !s->wants_close && (minor > 0 || s->wants_keep_alive);
}

static enum http_parse judge_host(struct scan *s, const struct http_request *out)
{
    struct str host, port;
    if (s->hosts == 0)
        return out->minor == 0 ? PARSE_DONE : refuse(s, 400, "an HTTP/1.1 request without a Host header");
    if (s->hosts > 1) return refuse(s, 400, "more than one Host header");
    if (!url_split_authority(s->host->value, &host, &port))
        return refuse(s, 400, "the Host header is not host[:port]; user information is refused");
    return PARSE_DONE;
}

static enum http_parse judge_request(struct scan *s, struct http_request *out)
{
    enum http_parse r = judge_host(s, out);
    if (r != PARSE_DONE) return r;
    out->framing = s->codings ? FRAMING_CHUNKED : s->lengths ? FRAMING_LENGTH : FRAMING_NONE;
    out->content_length = 0;
    if (s->codings)
        r = judge_coding(s, &out->headers, out->minor);
    else if (s->lengths)
        r = judge_length(s, &out->content_length);
    if (r != PARSE_DONE) return r;
    if (s->connection_bytes > MAX_CONNECTION_BYTES)
        return refuse(s, 431, "Connection headers of more than 1024 bytes");
    if (out->method == M_CONNECT) return refuse(s, 501, "CONNECT is not offered: this is no tunnel");
    /* Nobody after us shall see two opinions about the host. */
    if (s->authority.len > 0 && s->host) out->headers.at[s->host - out->headers.at].value = s->authority;
    out->is_keep_alive = keeps_alive(s, out->minor);
    out->expects_continue = s->expects_continue && out->minor > 0;
    return PARSE_DONE;
}

static enum http_parse judge_response(struct scan *s, struct http_response *out)
{
    enum http_parse r = PARSE_DONE;
    out->framing = s->codings ? FRAMING_CHUNKED : s->lengths ? FRAMING_LENGTH : FRAMING_CLOSE;
    out->content_length = 0;
    if (s->codings)
        r = judge_coding(s, &out->headers, out->minor);
    else if (s->lengths)
        r = judge_length(s, &out->content_length);
    if (r != PARSE_DONE) return r;
    bool has_body = out->framing == FRAMING_CHUNKED || out->content_length > 0;
    if (out->status < 200 && has_body) return refuse(s, 502, "an interim reply that announces a body");
    bool is_in_doubt = out->status == 204 &&
                       has_body; /* the standard says that there is none; not all know it */
    if (out->status < 200 || out->status == 204 || out->status == 304) {
        out->framing = FRAMING_NONE;
        out->content_length = 0;
    }
    out->is_keep_alive = keeps_alive(s, out->minor) && out->framing != FRAMING_CLOSE && !is_in_doubt;
    return PARSE_DONE;
}

static void scan_init(struct scan *s, struct str bytes, struct err *err)
{
    size_t len = bytes.len < HTTP_MAX_HEAD_BYTES ? bytes.len : HTTP_MAX_HEAD_BYTES;
    *s = (struct scan){.at = bytes.at, .end = bytes.at + len, .err = err};
}

static enum http_parse scan_finish(struct scan *s, enum http_parse r, struct str bytes, size_t *head_bytes)
{
    if (r == PARSE_DONE) *head_bytes = (size_t)(s->at - bytes.at);
    if (r == PARSE_MORE && bytes.len >= HTTP_MAX_HEAD_BYTES)
        return refuse(s, 431, "the head is longer than 32768 bytes");
    return r;
}

enum http_parse http_parse_request(struct http_request *out, struct str bytes, size_t *head_bytes,
                                   int *status, struct err *err)
{
    struct scan s;
    if (bytes.len == 0) return PARSE_MORE;
    scan_init(&s, bytes, err);
    enum http_parse r = skip_empty_lines(&s);
    if (r == PARSE_DONE) r = read_request_line(&s, out);
    if (r == PARSE_DONE) r = read_header_lines(&s, &out->headers);
    if (r == PARSE_DONE) r = judge_request(&s, out);
    r = scan_finish(&s, r, bytes, head_bytes);
    if (r == PARSE_BAD) *status = s.status;
    return r;
}

enum http_parse http_parse_response(struct http_response *out, struct str bytes, size_t *head_bytes,
                                    struct err *err)
{
    struct scan s;
    if (bytes.len == 0) return PARSE_MORE;
    scan_init(&s, bytes, err);
    out->reason = str_of(NULL, 0);
    enum http_parse r = read_status_line(&s, out);
    if (r == PARSE_DONE) r = read_header_lines(&s, &out->headers);
    if (r == PARSE_DONE) r = judge_response(&s, out);
    return scan_finish(&s, r, bytes, head_bytes);
}
