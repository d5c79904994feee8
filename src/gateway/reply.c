/* gateway/reply.c: Weir's own words. Bodies are written into a bounded buffer; a message that would not fit is our bug. */
#include "gateway/reply.h"

#include "base/check.h"
#include "json/writer.h"

/* Holds a message of a sixteenth of it, each byte an escape, and a trail of the longest model names. */
enum { ERROR_BODY_MAX_BYTES = 128 * 1024 };

/* ---- lines on every reply ---- */
static const struct str SECURITY_LINES = STR_INIT("X-Content-Type-Options: nosniff\r\n"
                                                  "X-Frame-Options: DENY\r\n"
                                                  "X-XSS-Protection: 1; mode=block\r\n"
                                                  "Content-Security-Policy: default-src 'none'\r\n");

/* Names of known length are copied by a few moves. */
#define PUT_LIMIT(at, name, number)                                                                          \
    fmt_str(fmt_u64(fmt_str(at, STR("X-RateLimit-" name ": ")), number), STR("\r\n"))
#define PUT_WINDOW(at, window, state)                                                                        \
    do {                                                                                                     \
        (at) = PUT_LIMIT(at, "Limit-" window, (state)->limit);                                               \
        (at) = PUT_LIMIT(at, "Remaining-" window, (state)->remaining);                                       \
        (at) = PUT_LIMIT(at, "Reset-" window, (state)->reset_s);                                             \
    } while (0)

static void add_limit_lines(const struct limit_verdict *v, struct lines *l)
{
    enum { LINE_BYTES = 32 + FMT_U64_BYTES };
    const struct limit_state *minute = &v->windows[LIMIT_MINUTE], *hour = &v->windows[LIMIT_HOUR];
    char *at = lines_room(l, 6 * LINE_BYTES);
    if (minute->limit) PUT_WINDOW(at, "Minute", minute);
    if (hour->limit) PUT_WINDOW(at, "Hour", hour);
    lines_wrote(l, at);
}

static bool origin_is_allowed(const struct config_strings *allowed, struct str origin)
{
    for (size_t i = 0; i < allowed->count; i++)
        if (str_equals(allowed->at[i], STR("*")) || str_equals(allowed->at[i], origin)) return true;
    return false;
}

bool reply_allows_origin(const struct exchange *x)
{
    const struct config_strings *allowed = &x->config->server.cors_origins;
    if (allowed->count == 0) return false;
    struct str origin = http_headers_value(&x->request->headers, H_ORIGIN);
    return !str_is_empty(origin) && origin_is_allowed(allowed, origin);
}

static void add_cors_lines(const struct exchange *x, struct lines *l)
{
    if (x->config->server.cors_origins.count == 0) return;
    lines_raw(l, STR("Vary: Origin\r\n")); /* also where the answer is that this origin may not */
    if (!reply_allows_origin(x)) return;
    lines_add(l, STR("Access-Control-Allow-Origin"), http_headers_value(&x->request->headers, H_ORIGIN));
    lines_raw(l, STR("Access-Control-Expose-Headers: X-Correlation-ID, X-Weir-Provider, X-Weir-Model, "
                     "X-Weir-Attempts, X-Weir-Overhead-Us, X-Cache, Retry-After\r\n"));
}

void reply_common_lines(struct exchange *x, struct lines *l)
{
    lines_add(l, STR("X-Correlation-ID"), x->correlation_id);
    lines_raw(l, SECURITY_LINES);
    if (x->is_limited) add_limit_lines(&x->limits, l);
    add_cors_lines(x, l);
}

void reply_add_retry_after(struct lines *l, int64_t ms)
{
    int64_t seconds = (ms + 999) / 1000;
    lines_add_i64(l, STR("Retry-After"), seconds < 1 ? 1 : seconds);
}

/* ---- bodies ---- */
static void send_reply(struct exchange *x, int status, struct lines *l, struct str body)
{
    struct http_reply_head head = {
        .status = status, .header_lines = lines_str(l), .content_length = (int64_t)body.len};
    (void)!http_exchange_reply(x->http, &head, &body, 1);
}

/* {"error":{"type","message","correlation_id"}}: everything that is no provider's dialect. */
static bool write_plain_error(const struct exchange *x, struct buf *out, const struct chat_error *err)
{
    struct json_writer w;
    json_writer_init(&w, out, 0);
    json_begin_object(&w);
    json_write_key(&w, STR("error"));
    json_begin_object(&w);
    json_put_str(&w, STR("type"), str_from_cstr(problem_type(err->problem)));
    json_put_str(&w, STR("message"), err->message);
    json_put_str(&w, STR("correlation_id"), x->correlation_id);
    json_end_object(&w);
    json_end_object(&w);
    return json_writer_finish(&w);
}

/* The shape that S2's clients know for 429. */
static bool write_plain_limit(const struct exchange *x, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out, 0);
    json_begin_object(&w);
    json_write_key(&w, STR("detail"));
    json_begin_object(&w);
    json_put_str(&w, STR("error"), STR("Rate limit exceeded"));
    json_put_i64(&w, STR("limit_per_minute"), x->limits.windows[LIMIT_MINUTE].limit);
    json_put_i64(&w, STR("limit_per_hour"), x->limits.windows[LIMIT_HOUR].limit);
    json_put_i64(&w, STR("retry_after"), x->limits.retry_after_s);
    json_end_object(&w);
    json_end_object(&w);
    return json_writer_finish(&w);
}

static bool write_body(const struct exchange *x, struct buf *out, const struct chat_error *err)
{
    if (x->route->surface == SURFACE_OPENAI) return dialect_openai_chat.write_error(out, err);
    if (err->problem == PROBLEM_RATE_LIMITED && x->is_limited) return write_plain_limit(x, out);
    return write_plain_error(x, out, err);
}

void reply_error(struct exchange *x, const struct chat_error *err, struct lines *lines)
{
    struct lines own;
    if (!lines) {
        lines = &own;
        lines_init(lines, x->arena, 1024);
    }
    lines_raw(lines, STR("Content-Type: application/json\r\n"));
    if (err->problem == PROBLEM_UNAUTHORIZED) lines_raw(lines, STR("WWW-Authenticate: Bearer\r\n"));
    reply_common_lines(x, lines);
    struct buf body;
    buf_init(&body, ERROR_BODY_MAX_BYTES);
    struct chat_error shown = *err;
    if (shown.message.len > ERROR_BODY_MAX_BYTES / 16) shown.message.len = ERROR_BODY_MAX_BYTES / 16;
    require(write_body(x, &body, &shown));
    x->error_type = str_from_cstr(problem_type(err->problem));
    send_reply(x, err->status ? err->status : problem_status(err->problem), lines, buf_str(&body));
    buf_done(&body);
}

void reply_problem(struct exchange *x, enum problem problem, struct str param, struct str message)
{
    reply_error(x, &(struct chat_error){.problem = problem, .param = param, .message = message}, NULL);
}

void reply_body_too_large(struct exchange *x)
{
    reply_problem(x, PROBLEM_TOO_LARGE, STR(""),
                  arena_printf(x->arena, "The request body is larger than %lld bytes (server.max_body).",
                               (long long)x->config->server.max_body_bytes));
}

void reply_no_room(struct exchange *x)
{
    struct lines l;
    lines_init(&l, x->arena, 1024);
    reply_add_retry_after(&l, 1000);
    reply_error(x,
                &(struct chat_error){.problem = PROBLEM_UNAVAILABLE,
                                     .message = STR("The gateway holds as many bytes of bodies as it may "
                                                    "(server.max_buffered). Try again in a second.")},
                &l);
}

void reply_json(struct exchange *x, int status, struct str body)
{
    struct lines l;
    lines_init(&l, x->arena, 1024);
    lines_raw(&l, STR("Content-Type: application/json\r\n"));
    reply_common_lines(x, &l);
    send_reply(x, status, &l, body);
}

void reply_text(struct exchange *x, struct str content_type, struct str body)
{
    struct lines l;
    lines_init(&l, x->arena, 1024);
    lines_add(&l, STR("Content-Type"), content_type);
    reply_common_lines(x, &l);
    send_reply(x, 200, &l, body);
}
