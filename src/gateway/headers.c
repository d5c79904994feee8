/* gateway/headers.c: two tables of names that stop here; everything else passes, because providers and SDKs invent new
 * headers faster than any list of allowed ones could follow. */
#include "gateway/headers.h"

#include "http/url.h"

// clang-format off
/* Both ways: what a connection and its framing are told with (RFC 9110 7.6.1). */
#define OF_ONE_CONNECTION                                                                                    \
    [H_CONNECTION] = true, [H_KEEP_ALIVE] = true, [H_PROXY_CONNECTION] = true,                               \
    [H_PROXY_AUTHENTICATE] = true, [H_TE] = true, [H_TRAILER] = true, [H_UPGRADE] = true,                    \
    [H_TRANSFER_ENCODING] = true, [H_CONTENT_LENGTH] = true
// clang-format on

/* Stops on its way up: of one connection only, a credential, or set by us. */
static const bool stops_upstream[H_COUNT] = {
    OF_ONE_CONNECTION,
    [H_HOST] = true,
    [H_EXPECT] = true,
    [H_CONTENT_ENCODING] = true,
    [H_CONTENT_TYPE] = true,
    [H_ACCEPT_ENCODING] = true,
    [H_AUTHORIZATION] = true,
    [H_PROXY_AUTHORIZATION] = true,
    [H_X_API_KEY] = true,
    [H_X_GOOG_API_KEY] = true,
    [H_API_KEY] = true,
    [H_X_WEIR_KEY] = true,
    [H_COOKIE] = true,
    [H_ORIGIN] = true,
    [H_ACCESS_CONTROL_REQUEST_METHOD] = true,
    [H_ACCESS_CONTROL_REQUEST_HEADERS] = true,
    [H_FORWARDED] = true,
    [H_X_FORWARDED_FOR] = true,
    [H_X_CORRELATION_ID] = true,
    [H_TRACEPARENT] = true,
    [H_TRACESTATE] = true, /* goes on with a trace that goes on, see pass_tracestate() */
};

/* Stops on its way back: of one connection only, the provider's own business with its clients, or set by us. */
static const bool stops_back[H_COUNT] = {
    OF_ONE_CONNECTION,
    [H_CONTENT_ENCODING] = true, /* decode.c */
    [H_SET_COOKIE] = true,
    [H_SERVER] = true,
    [H_DATE] = true,
    [H_ALT_SVC] = true,
    [H_STRICT_TRANSPORT_SECURITY] = true,
    [H_X_CORRELATION_ID] = true,
    [H_TRACEPARENT] = true,
    [H_TRACESTATE] = true,
};

/* A header has a name; the prefixes are in lower case. */
static bool starts_with_any(struct str name, const struct str *prefixes, size_t count)
{
    char first = ascii_lower(name.at[0]);
    for (size_t i = 0; i < count; i++)
        if (first == prefixes[i].at[0] && str_starts_with_nocase(name, prefixes[i])) return true;
    return false;
}

/* A Connection header that names other headers is rare: only then each header is looked up in it. */
static bool names_headers(const struct http_headers *all)
{
    for (unsigned i = 0; i < all->count; i++)
        if (all->at[i].id == H_CONNECTION && !str_equals_nocase(all->at[i].value, STR("keep-alive")) &&
            !str_equals_nocase(all->at[i].value, STR("close")))
            return true;
    return false;
}

/* What stops: ids, prefixes of other names, and names that are set anew. */
struct filter {
    const bool *stops;
    const struct str *prefixes;
    size_t prefix_count;
    const struct config_pairs *replaced; /* NULL: none */
};

bool headers_has_own(const struct config_pairs *own, struct str name)
{
    for (size_t i = 0; own && i < own->count; i++)
        if (str_equals_nocase(own->at[i].name, name)) return true;
    return false;
}

static void add_unless_own(struct lines *l, const struct config_pairs *own, struct str name, struct str value)
{
    if (!headers_has_own(own, name)) lines_add(l, name, value);
}

static void pass(const struct http_headers *from, const struct filter *f, struct lines *l)
{
    bool is_listed = names_headers(from);
    for (unsigned i = 0; i < from->count; i++) {
        const struct http_header *h = &from->at[i];
        if (f->stops[h->id] || headers_has_own(f->replaced, h->name)) continue;
        if (h->id == H_OTHER && starts_with_any(h->name, f->prefixes, f->prefix_count)) continue;
        if (is_listed && http_header_is_hop_by_hop(h, from)) continue;
        lines_add(l, h->name, h->value);
    }
}

/* It belongs to the caller's traceparent: where that was missing or bad, a trace of our own began. */
static void pass_tracestate(const struct exchange *x, struct lines *l)
{
    const struct http_headers *all = &x->request->headers;
    for (unsigned i = 0; x->continues_trace && i < all->count; i++)
        if (all->at[i].id == H_TRACESTATE) lines_add(l, STR("tracestate"), all->at[i].value);
}

void headers_upstream(struct exchange *x, const struct config_pairs *own, struct lines *l)
{
    static const struct str prefixes[] = {STR_INIT("x-weir-"), STR_INIT("x-provider-key-")};
    const struct filter filter = {stops_upstream, prefixes, ARRAY_COUNT(prefixes), own};
    pass(&x->request->headers, &filter, l);
    struct str type = http_headers_value(&x->request->headers, H_CONTENT_TYPE);
    add_unless_own(l, own, STR("Content-Type"), type.len ? type : STR("application/json"));
    lines_raw(l, STR("Accept-Encoding: identity\r\n"));
    add_unless_own(l, own, STR("X-Correlation-ID"), x->correlation_id);
    if (headers_has_own(own, STR("traceparent"))) return; /* and no state of another trace */
    char traceparent[TRACEPARENT_BYTES];
    trace_format(traceparent, &x->trace);
    lines_add(l, STR("traceparent"), str_of(traceparent, sizeof traceparent));
    if (!headers_has_own(own, STR("tracestate"))) pass_tracestate(x, l);
}

void headers_back(const struct http_response *from, bool is_stream, struct lines *l)
{
    enum { FOR_STREAMS = 2 };
    static const struct str prefixes[] = {
        STR_INIT("x-ratelimit-"),
        STR_INIT("ratelimit"),
        STR_INIT("anthropic-ratelimit-"),
        STR_INIT("x-weir-"),
        STR_INIT("access-control-"),
        STR_INIT("x-cache"),
        STR_INIT("x-content-type-options"),
        STR_INIT("x-frame-options"),
        STR_INIT("x-xss-protection"),
        STR_INIT("content-security-policy"),
        /* the last FOR_STREAMS: */
        STR_INIT("cache-control"),
        STR_INIT("x-accel-buffering"),
    };
    size_t count = ARRAY_COUNT(prefixes) - (is_stream ? 0 : FOR_STREAMS);
    const struct filter filter = {stops_back, prefixes, count, NULL};
    pass(&from->headers, &filter, l);
}

/* A parameter's name counts, however it is spelt: "k%65y" is a key, too. What cannot be decoded is none. */
static bool is_key(struct arena *a, struct str pair)
{
    struct str name = str_cut(&pair, '='), decoded;
    return url_decode(&decoded, a, name) && str_equals(decoded, STR("key"));
}

struct str headers_query(struct exchange *x)
{
    struct str rest = x->request->query, kept = {0};
    if (rest.len == 0) return kept;
    struct lines l;
    lines_init(&l, &x->scratch, rest.len + 2);
    char separator = '?';
    while (rest.at) {
        struct str pair = str_cut(&rest, '&');
        if (pair.len == 0 || is_key(&x->scratch, pair)) continue;
        lines_raw(&l, str_of(&separator, 1));
        lines_raw(&l, pair);
        separator = '&';
    }
    return lines_str(&l);
}
