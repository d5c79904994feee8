/* http/message.h: the head of an HTTP/1.x message (RFC 9112, RFC 9110), parsed in one strict shot.
 * Pure: no I/O, no allocation; everything parsed points into the bytes given and lives as long as they.
 * Whatever two implementations could read in two ways is refused (BAD with 400), never guessed. */
#ifndef WEIR_HTTP_MESSAGE_H
#define WEIR_HTTP_MESSAGE_H

#include "base/err.h"
#include "base/str.h"

enum {
    HTTP_MAX_HEADERS = 100,
    HTTP_MAX_HEAD_BYTES = 32 * 1024, /* request line, header lines and the blank line */
    HTTP_MAX_TARGET_BYTES = 8192,
    HTTP_MAX_TRAILER_BYTES = 8 * 1024,
};

/* Header names that somebody asks for; the rest is H_OTHER. One row each: enum, name in lower case (at most
 * 31 bytes), its first and its last letter (http/names.c hashes them; a test compares). */
#define HTTP_NAMES(X)                                                                                        \
    X(H_HOST, "host", 'h', 't')                                                                              \
    X(H_CONNECTION, "connection", 'c', 'n')                                                                  \
    X(H_CONTENT_LENGTH, "content-length", 'c', 'h')                                                          \
    X(H_CONTENT_TYPE, "content-type", 'c', 'e')                                                              \
    X(H_CONTENT_ENCODING, "content-encoding", 'c', 'g')                                                      \
    X(H_TRANSFER_ENCODING, "transfer-encoding", 't', 'g')                                                    \
    X(H_ACCEPT, "accept", 'a', 't')                                                                          \
    X(H_ACCEPT_ENCODING, "accept-encoding", 'a', 'g')                                                        \
    X(H_AUTHORIZATION, "authorization", 'a', 'n')                                                            \
    X(H_PROXY_AUTHORIZATION, "proxy-authorization", 'p', 'n')                                                \
    X(H_PROXY_AUTHENTICATE, "proxy-authenticate", 'p', 'e')                                                  \
    X(H_PROXY_CONNECTION, "proxy-connection", 'p', 'n')                                                      \
    X(H_KEEP_ALIVE, "keep-alive", 'k', 'e')                                                                  \
    X(H_TE, "te", 't', 'e')                                                                                  \
    X(H_TRAILER, "trailer", 't', 'r')                                                                        \
    X(H_UPGRADE, "upgrade", 'u', 'e')                                                                        \
    X(H_EXPECT, "expect", 'e', 't')                                                                          \
    X(H_COOKIE, "cookie", 'c', 'e')                                                                          \
    X(H_SET_COOKIE, "set-cookie", 's', 'e')                                                                  \
    X(H_ORIGIN, "origin", 'o', 'n')                                                                          \
    X(H_ACCESS_CONTROL_REQUEST_METHOD, "access-control-request-method", 'a', 'd')                            \
    X(H_ACCESS_CONTROL_REQUEST_HEADERS, "access-control-request-headers", 'a', 's')                          \
    X(H_SERVER, "server", 's', 'r')                                                                          \
    X(H_DATE, "date", 'd', 'e')                                                                              \
    X(H_ALT_SVC, "alt-svc", 'a', 'c')                                                                        \
    X(H_STRICT_TRANSPORT_SECURITY, "strict-transport-security", 's', 'y')                                    \
    X(H_RETRY_AFTER, "retry-after", 'r', 'r')                                                                \
    X(H_RETRY_AFTER_MS, "retry-after-ms", 'r', 's')                                                          \
    X(H_USER_AGENT, "user-agent", 'u', 't')                                                                  \
    X(H_FORWARDED, "forwarded", 'f', 'd')                                                                    \
    X(H_X_FORWARDED_FOR, "x-forwarded-for", 'x', 'r')                                                        \
    X(H_X_API_KEY, "x-api-key", 'x', 'y')                                                                    \
    X(H_X_GOOG_API_KEY, "x-goog-api-key", 'x', 'y')                                                          \
    X(H_API_KEY, "api-key", 'a', 'y')                                                                        \
    X(H_X_WEIR_KEY, "x-weir-key", 'x', 'y')                                                                  \
    X(H_X_CASE, "x-case", 'x', 'e')                                                                          \
    X(H_X_CORRELATION_ID, "x-correlation-id", 'x', 'd')                                                      \
    X(H_TRACEPARENT, "traceparent", 't', 't')                                                                \
    X(H_TRACESTATE, "tracestate", 't', 'e')                                                                  \
    X(H_LOCATION, "location", 'l', 'n')                                                                      \
    X(H_ANTHROPIC_VERSION, "anthropic-version", 'a', 'n')

#define HTTP_NAME_AS_ENUM(id, text, first, last) id,
enum http_name { H_OTHER, HTTP_NAMES(HTTP_NAME_AS_ENUM) H_COUNT };

enum http_method { M_OTHER, M_GET, M_HEAD, M_POST, M_PUT, M_DELETE, M_PATCH, M_OPTIONS, M_CONNECT, M_TRACE };

struct http_header {
    struct str name, value; /* value without blanks around */
    enum http_name id;
};

struct http_headers {
    struct http_header *at; /* HTTP_MAX_HEADERS places that the caller lends to the parser */
    unsigned count;
};

enum http_framing {
    FRAMING_NONE,   /* no body */
    FRAMING_LENGTH, /* content_length bytes */
    FRAMING_CHUNKED,
    FRAMING_CLOSE, /* replies only: until the connection ends */
};

struct http_request {
    enum http_method method;
    struct str method_name, target;
    struct str path, query; /* of the target, not decoded; query without '?'; "*" stays a path, none is "/" */
    int minor;              /* HTTP/1.minor: 0 or 1 */
    struct http_headers headers;
    enum http_framing framing;
    int64_t content_length; /* of FRAMING_LENGTH, else 0 */
    bool is_keep_alive;     /* by version and Connection */
    bool expects_continue;
};

struct http_response {
    int status; /* 100..599 */
    int minor;
    struct str reason;
    struct http_headers headers;
    enum http_framing framing; /* as if the request was not HEAD; 1xx, 204, 304: NONE */
    int64_t content_length;
    bool is_keep_alive;
};

enum http_parse {
    PARSE_DONE,
    PARSE_MORE, /* nothing wrong so far */
    PARSE_BAD,  /* *status says what to answer: 400, 414, 431, 501, 505 (requests), 502 (replies) */
};

/* Parses the head at the front of `bytes`. out->headers.at must have HTTP_MAX_HEADERS places. DONE:
 * *head_bytes says how long the head was, blank line included. MORE and BAD: *out means nothing. BAD: err
 * has a sentence that names the rule and never quotes header values; no further byte would change it.
 * Requests: leading empty lines (at most 2 CRLF) are skipped, as RFC 9112 2.2 lets a server do: when only
 * such have come, nothing was asked. The authority of an absolute-form target takes the place of the Host
 * header's value (RFC 9112 3.2.2). Percent escapes are not judged: url_decode() does where it matters. */
enum http_parse http_parse_request(struct http_request *out, struct str bytes, size_t *head_bytes,
                                   int *status, struct err *err);
enum http_parse http_parse_response(struct http_response *out, struct str bytes, size_t *head_bytes,
                                    struct err *err);

/* The first of several; NULL, or for the value an empty string: absent. Names are found in any case. */
const struct http_header *http_headers_find(const struct http_headers *h, enum http_name id);
const struct http_header *http_headers_find_text(const struct http_headers *h, struct str name);
struct str http_headers_value(const struct http_headers *h, enum http_name id);
enum http_name http_name_id(struct str name);
struct str http_name_text(enum http_name id); /* not of H_OTHER */
struct str http_status_reason(int status);    /* "" for unknown ones */
/* Is the token (any case) in a comma-separated list value? */
bool http_list_has(struct str list, struct str token);
/* Is the header hop-by-hop (RFC 9110 7.6.1), by its name or because `connection` lists it? */
bool http_header_is_hop_by_hop(const struct http_header *h, const struct http_headers *all);
/* May the text stand as a header value: visible ASCII, blanks inside, obs-text (0x80..0xff)? Or empty. */
bool http_value_is_valid(struct str value);

#endif
