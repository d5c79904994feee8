/* api/api.c: the first thing that sees a request and the last: routes it, asks who it is and whether it may, calls the
 * row's handler, and lets the exchange account for itself. */
#include "api/api.h"

#include "api/router.h"
#include "base/mem.h"
#include "gateway/admit.h"
#include "gateway/identify.h"
#include "gateway/reply.h"

struct api {
    struct gateway *gateway;
    struct router router;
    struct http_server_handler handler;
    msec_t tls_lines_second; /* of the clock: so many lines were written in it */
    unsigned tls_lines;
};

/* ---- paths that are none ---- */
static const struct exchange_route unknown_v1 = {.endpoint = STR_INIT("unknown"), .surface = SURFACE_OPENAI};
static const struct exchange_route unknown_plain = {.endpoint = STR_INIT("unknown"),
                                                    .surface = SURFACE_PLAIN};

static const struct exchange_route *unknown_route(struct str path)
{
    bool is_v1 = str_starts_with(path, STR("/v1/")) || str_equals(path, STR("/v1"));
    return is_v1 ? &unknown_v1 : &unknown_plain;
}

static void refuse_path(struct exchange *x)
{
    struct str path = x->request->path;
    x->route = unknown_route(path);
    if (str_starts_with(path, STR("/v1/v1/")))
        reply_problem(x, PROBLEM_NOT_FOUND, STR(""),
                      STR("This path has /v1 twice: the client's base URL should end with one /v1."));
    else
        reply_problem(x, PROBLEM_NOT_FOUND, STR(""),
                      STR("There is nothing at this path. OpenAI-compatible clients use the base URL "
                          "http://HOST:PORT/v1."));
}

static struct str method_list(struct arena *a, uint32_t methods)
{
    return arena_printf(a, "%s%sOPTIONS", methods & BIT_GET ? "GET, HEAD, " : "",
                        methods & BIT_POST ? "POST, " : "");
}

static void refuse_method(struct exchange *x, uint32_t methods)
{
    struct lines l;
    struct str allowed = method_list(x->arena, methods);
    x->route = unknown_route(x->request->path);
    lines_init(&l, x->arena, 1024);
    lines_add(&l, STR("Allow"), allowed);
    struct chat_error err = {.problem = PROBLEM_METHOD_NOT_ALLOWED};
    err.message = arena_printf(x->arena, "This path allows %.*s.", STR_ARG(allowed));
    reply_error(x, &err, &l);
}

/* ---- OPTIONS: preflights and plain questions, without key and limit ---- */
static void answer_options(struct exchange *x, uint32_t methods)
{
    struct lines l;
    lines_init(&l, x->arena, 1024);
    struct str allowed = method_list(x->arena, methods);
    lines_add(&l, STR("Allow"), allowed);
    reply_common_lines(x, &l);
    if (reply_allows_origin(x)) {
        struct str asked = http_headers_value(&x->request->headers, H_ACCESS_CONTROL_REQUEST_HEADERS);
        lines_add(&l, STR("Access-Control-Allow-Methods"), allowed);
        lines_add(&l, STR("Access-Control-Allow-Headers"), asked.len ? asked : STR("*"));
        lines_raw(&l, STR("Access-Control-Max-Age: 600\r\n"));
    }
    (void)!http_exchange_reply(
        x->http, &(struct http_reply_head){.status = 204, .header_lines = lines_str(&l)}, NULL, 0);
}

static void dispatch(struct api *api, struct exchange *x)
{
    struct routed r = router_find(&api->router, x->request->method, x->request->path);
    bool is_options = x->request->method == M_OPTIONS;
    if (is_options && str_equals(x->request->path, STR("*"))) {
        answer_options(x, BIT_GET | BIT_POST);
        return;
    }
    if (!r.methods) {
        refuse_path(x);
        return;
    }
    if (is_options) {
        answer_options(x, r.methods);
        return;
    }
    if (!r.row) {
        refuse_method(x, r.methods);
        return;
    }
    x->route = &r.row->route;
    if (identify(x) && admit(x)) r.row->handle(x, r.rest);
}

static void handle(void *arg, struct http_exchange *http)
{
    struct api *api = arg;
    struct exchange *x = exchange_begin(api->gateway, http);
    dispatch(api, x);
    exchange_end(x);
}

#define OVERLOADED(bytes, body)                                                                              \
    STR_INIT("HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: " bytes  \
             "\r\nRetry-After: 1\r\nConnection: close\r\n\r\n" body)

/* There is no memory for an exchange: the path alone says in which shape its caller reads errors. */
static struct str overloaded(void *arg, struct str first_bytes)
{
    static const struct str openai = OVERLOADED(
        "133", "{\"error\":{\"message\":\"Out of memory for further requests, try later\","
               "\"type\":\"server_error\",\"param\":null,\"code\":\"service_unavailable\"}}");
    static const struct str plain = OVERLOADED(
        "98",
        "{\"error\":{\"type\":\"service_unavailable\",\"message\":\"Out of memory for further requests, "
        "try later\"}}");
    struct api *api = arg;
    struct str line = str_cut(&first_bytes, '\r'), method = str_cut(&line, ' '), path = str_cut(&line, ' ');
    enum http_method id = str_equals(method, STR("GET")) ? M_GET : M_POST;
    path = str_cut(&path, '?');
    struct routed r = router_find(&api->router, id, path);
    const struct exchange_route *route = r.row ? &r.row->route : unknown_route(path);
    return route->surface == SURFACE_OPENAI ? openai : plain;
}

/* The server itself says no: the request's head is broken, too large or too slow. */
static void refuse(void *arg, struct http_exchange *http, int status, const char *why)
{
    struct api *api = arg;
    struct exchange *x = exchange_begin(api->gateway, http);
    bool is_unsupported = status == 501 || status == 505; /* nobody upstream had a say in it */
    struct chat_error err = {.problem = is_unsupported ? PROBLEM_INVALID_REQUEST : problem_of_status(status),
                             .status = status,
                             .message = str_from_cstr(why)};
    x->route = unknown_route(x->request->path);
    if (status == 413)
        reply_body_too_large(x);
    else
        reply_error(x, &err, NULL);
    exchange_end(x);
}

enum { TLS_LINES_PER_SECOND = 10 };

/* Whoever scans the port must not fill the log: the counters have all of them. */
static void tls_failed(void *arg, struct str peer, const char *why)
{
    struct api *api = arg;
    msec_t second = fiber_now() / 1000;
    if (second != api->tls_lines_second) api->tls_lines = 0;
    api->tls_lines_second = second;
    if (api->tls_lines++ >= TLS_LINES_PER_SECOND) return;
    log_event(api->gateway->parts.log, clock_wall_ms(),
              &(struct log_event){.level = LOG_INFO,
                                  .category = LOG_API_GATEWAY,
                                  .message = STR("A caller's TLS handshake failed"),
                                  .fields = {LOG_TEXT("peer", peer), LOG_TEXT("error", str_from_cstr(why))}});
}

struct api *api_new(struct gateway *g)
{
    struct api *a = xzalloc(sizeof *a);
    a->gateway = g;
    router_init(&a->router);
    a->handler = (struct http_server_handler){
        .handle = handle, .refuse = refuse, .overloaded = overloaded, .tls_failed = tls_failed, .arg = a};
    return a;
}

void api_free(struct api *a)
{
    if (!a) return;
    router_done(&a->router);
    xfree(a);
}

const struct http_server_handler *api_handler(struct api *a)
{
    return &a->handler;
}
