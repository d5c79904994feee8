/* gateway/snapshot.c: from what is configured to what a request needs at hand. Everything that can be computed once is
 * computed here: digests, origins, header lines. */
#include "gateway/snapshot.h"

#include "base/mem.h"
#include "gateway/headers.h"
#include "gateway/proxies.h"
#include "http/message.h"

#include <openssl/evp.h>

void snapshot_digest(unsigned char out[DIGEST_BYTES], struct str key)
{
    unsigned bytes = DIGEST_BYTES;
    EVP_Digest(key.at ? key.at : "", key.len, out, &bytes, EVP_sha256(), NULL);
}

static struct str digest_str(const unsigned char *digest)
{
    return str_of((const char *)digest, DIGEST_BYTES);
}

/* ---- principals ---- */
static uint32_t clip(int64_t n)
{
    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static struct limiter_cfg limiter_cfg_of(const struct config_limits *l)
{
    return (struct limiter_cfg){.requests = {[LIMIT_MINUTE] = clip(l->requests_per_minute),
                                             [LIMIT_HOUR] = clip(l->requests_per_hour),
                                             [LIMIT_DAY] = clip(l->requests_per_day)}};
}

static void principal_limits(struct principal *p, struct snapshot *s, const struct snapshot_request *r)
{
    struct limiter_cfg cfg = limiter_cfg_of(&p->tier->limits);
    static const struct limiter_cfg none;
    if (memcmp(&cfg, &none, sizeof cfg) == 0) return;
    struct str id = arena_join(&s->_arena, (struct str[]){STR("key "), p->name}, 2);
    p->limits = registry_limit(r->registry, id, &cfg, r->now);
}

static void add_admin(struct snapshot *s, const struct snapshot_request *r)
{
    static const struct str any = STR_INIT("*");
    struct principal *p = &s->principals[s->principal_count++];
    *p = (struct principal){
        .name = STR("admin"), .role = CONFIG_ROLE_ADMIN, .tier = s->config->unlimited_tier};
    p->models = (struct config_strings){&any, 1};
    memcpy(p->digest, r->admin_digest, DIGEST_BYTES);
    map_put(&s->_principals_by_digest, digest_str(p->digest), p);
}

static void build_principals(struct snapshot *s, const struct snapshot_request *r)
{
    size_t count = s->config->auth.keys.count;
    s->principals = arena_new_array(&s->_arena, struct principal, count + 1);
    for (size_t i = 0; i < count; i++) {
        const struct config_key *key = &s->config->auth.keys.at[i];
        struct principal *p = &s->principals[s->principal_count++];
        *p = (struct principal){
            .name = key->name, .role = key->role, .tier = key->tier, .models = key->models};
        snapshot_digest(p->digest, key->key);
        principal_limits(p, s, r);
        map_put(&s->_principals_by_digest, digest_str(p->digest), p);
    }
    if (r->admin_digest) add_admin(s, r);
}

/* ---- certificates ---- */
static void add_warning(struct snapshot *s, const char *where, const char *warning)
{
    if (!*warning || s->warning_count == SNAPSHOT_MAX_WARNINGS) return;
    s->warnings[s->warning_count++] = arena_printf(&s->_arena, "%s: %s", where, warning);
}

static const char *path_of(struct snapshot *s, struct str path)
{
    return path.len ? arena_cstr(&s->_arena, path) : NULL;
}

static bool build_acceptor(struct snapshot *s, const struct snapshot_request *r, struct err *err)
{
    const struct config_server *c = &s->config->server;
    struct tls_files files = {
        .ca = path_of(s, c->tls.client_ca), .cert = path_of(s, c->tls.cert), .key = path_of(s, c->tls.key)};
    if (!files.cert || !files.key) return true;
    s->tls = certificates_accept(registry_certificates(r->registry), &files, err);
    if (!s->tls && r->place) *r->place = c->tls_place;
    if (!s->tls) return err_wrap(err, "server.tls");
    add_warning(s, "server.tls", tls_acceptor_warning(s->tls));
    return true;
}

/* NULL: err. One reference. */
static struct tls_context *build_context(struct provider *p, struct snapshot *s,
                                         const struct snapshot_request *r, struct err *err)
{
    const struct config_provider *c = p->config;
    struct tls_files files = {
        .ca = path_of(s, c->tls.ca), .cert = path_of(s, c->tls.cert), .key = path_of(s, c->tls.key)};
    const char *where = arena_printf(&s->_arena, "providers.%.*s.tls", STR_ARG(c->name)).at;
    struct tls_context *tls = certificates_connect(registry_certificates(r->registry), &files, err);
    if (tls)
        add_warning(s, where, tls_context_warning(tls));
    else
        err_wrap(err, where);
    return tls;
}

/* ---- providers ---- */
/* What each of the workers may have of something that is limited for all together: one at least. */
static unsigned share_of(int64_t max, unsigned workers)
{
    if (workers == 0) workers = 1;
    return (unsigned)((max + workers - 1) / workers);
}

static bool build_proxy(const struct provider *p, struct snapshot *s, struct endpoint *e, struct err *err)
{
    struct str url = proxy_url(s->config, p->config, &e->url);
    if (url.len == 0) return true;
    struct http_proxy *proxy = arena_new(&s->_arena, struct http_proxy);
    e->origin.proxy = proxy;
    if (proxy_parse(proxy, &s->_arena, url, err)) return true;
    err_wrap(err, p->config->proxy.len ? "proxy" : "https_proxy");
    return err_wrap(err, arena_printf(&s->_arena, "providers.%.*s", STR_ARG(p->name)).at);
}

static void build_head_begin(struct endpoint *e, struct snapshot *s)
{
    for (int op = 0; op < OP_COUNT; op++)
        e->targets[op] = arena_join(
            &s->_arena, (struct str[]){STR("POST "), e->url.path, operation_row((enum operation)op)->path},
            3);
    e->host_line = arena_join(&s->_arena,
                              (struct str[]){STR(" HTTP/1.1\r\nHost: "), e->url.authority, STR("\r\n")}, 3);
}

static bool build_endpoints(struct provider *p, struct snapshot *s, const struct snapshot_request *r,
                            struct err *err)
{
    size_t count = p->facts.base_urls.count;
    p->endpoints = arena_new_array(&s->_arena, struct endpoint, count);
    p->endpoint_count = (unsigned)count;
    for (size_t i = 0; i < count; i++) {
        struct endpoint *e = &p->endpoints[i];
        if (!url_parse(&e->url, &s->_arena, p->facts.base_urls.at[i], err)) return false;
        build_head_begin(e, s);
        struct tls_context *tls = e->url.is_https ? build_context(p, s, r, err) : NULL;
        if (e->url.is_https && !tls) return false;
        e->origin = (struct http_origin){.host = e->url.host,
                                         .port = e->url.port,
                                         .tls = tls,
                                         .server_name = p->config->tls.server_name,
                                         .max_connections = share_of(p->config->max_connections, r->workers)};
        if (!build_proxy(p, s, e, err)) return false;
    }
    return true;
}

static uint64_t key_id(struct str key)
{
    unsigned char digest[DIGEST_BYTES];
    uint64_t id;
    snapshot_digest(digest, key);
    memcpy(&id, digest, sizeof id);
    return id;
}

/* The lines of `headers:`. */
static bool build_configured_lines(const struct config_provider *c, struct snapshot *s, struct str *out,
                                   struct err *err)
{
    for (size_t i = 0; i < c->headers.count; i++) {
        const struct config_pair *h = &c->headers.at[i];
        if (!http_value_is_valid(h->value) || str_is_empty(h->name))
            return err_set(err, ERR_INVALID, "provider %.*s: headers.%.*s is not a valid header",
                           STR_ARG(c->name), STR_ARG(h->name));
        *out = arena_printf(&s->_arena, "%.*s%.*s: %.*s\r\n", STR_ARG(*out), STR_ARG(h->name),
                            STR_ARG(h->value));
    }
    return true;
}

/* A configured header of the same name takes the place of the line with the key. */
static bool build_own_lines(struct provider *p, struct snapshot *s, struct err *err)
{
    const struct config_provider *c = p->config;
    size_t count = c->api_keys.count;
    bool is_replaced = headers_has_own(&c->headers, str_from_cstr(p->facts.kind->auth_header));
    struct str *lines = arena_new_array(&s->_arena, struct str, count ? count : 1), configured = STR("");
    uint64_t *ids = arena_new_array(&s->_arena, uint64_t, count ? count : 1);
    if (!build_configured_lines(c, s, &configured, err)) return false;
    lines[0] = configured;
    for (size_t i = 0; i < count; i++) {
        if (!http_value_is_valid(c->api_keys.at[i]))
            return err_set(err, ERR_INVALID, "provider %.*s: its api_key cannot stand in a header",
                           STR_ARG(c->name));
        ids[i] = key_id(c->api_keys.at[i]);
        lines[i] = configured;
        if (is_replaced) continue;
        lines[i] = arena_printf(&s->_arena, "%s: %s%.*s\r\n%.*s", p->facts.kind->auth_header,
                                p->facts.kind->auth_prefix, STR_ARG(c->api_keys.at[i]), STR_ARG(configured));
    }
    p->own_lines = lines;
    p->key_ids = ids;
    p->key_count = count ? (unsigned)count : 1;
    if (p->key_count > PROVIDER_MAX_KEYS) p->key_count = PROVIDER_MAX_KEYS;
    return true;
}

static bool build_provider(struct provider *p, struct snapshot *s, const struct snapshot_request *r,
                           struct err *err)
{
    return provider_facts_fill(&p->facts, &s->_arena, p->config, r->simulator_url, err) &&
           build_own_lines(p, s, err) && build_endpoints(p, s, r, err);
}

/* A provider whose kind is not built yet was named in a warning when the file was read: it is left out here. */
static bool build_providers(struct snapshot *s, const struct snapshot_request *r, struct err *err)
{
    size_t count = s->config->providers.count;
    s->providers = arena_new_array(&s->_arena, struct provider, count);
    for (size_t i = 0; i < count; i++) {
        const struct config_provider *c = &s->config->providers.at[i];
        if (!c->is_built) continue;
        struct provider *p = &s->providers[s->provider_count++];
        *p = (struct provider){.name = c->name, .config = c};
        if (build_provider(p, s, r, err)) continue;
        if (r->place) *r->place = c->place;
        return false;
    }
    return true;
}

/* ---- what outlives the snapshot ---- */
static void bind_provider(struct provider *p, struct snapshot *s, const struct snapshot_request *r)
{
    const struct config_breaker *b = &p->config->breaker;
    struct breaker_cfg breaker = {.failure_threshold = clip(b->failure_threshold),
                                  .success_threshold = clip(b->success_threshold),
                                  .window_size = clip(b->window_size),
                                  .failure_rate = b->failure_rate,
                                  .timeout_ms = b->timeout_ms};
    for (unsigned i = 0; i < p->endpoint_count; i++)
        p->endpoints[i].state = registry_provider(r->registry, p->name, p->facts.base_urls.at[i], &breaker);
    p->catalogue = catalogues_get(r->catalogues, p->name, p->facts.base_urls.at[0]);
    if (p->config->requests_per_minute == 0) return;
    struct limiter_cfg cfg = {.requests = {[LIMIT_MINUTE] = clip(p->config->requests_per_minute)}};
    struct str id = arena_join(&s->_arena, (struct str[]){STR("provider "), p->name}, 2);
    p->limits = registry_limit(r->registry, id, &cfg, r->now);
}

/* The registry takes the new figures only once nothing can fail any more: a bad reload changes nothing. */
struct snapshot *snapshot_new(const struct snapshot_request *r, struct err *err)
{
    struct snapshot *s = xzalloc(sizeof *s);
    atomic_init(&s->_refs, 1);
    arena_init(&s->_arena);
    map_init(&s->_principals_by_digest);
    s->config = config_ref(r->config);
    if (!build_providers(s, r, err) || !build_acceptor(s, r, err)) {
        snapshot_unref(&s);
        return NULL;
    }
    build_principals(s, r);
    client_proxies_init(&s->proxies, &s->_arena, &s->config->server.trusted_proxies);
    for (size_t i = 0; i < s->provider_count; i++) bind_provider(&s->providers[i], s, r);
    certificates_trim(registry_certificates(r->registry));
    return s;
}

struct snapshot *snapshot_ref(struct snapshot *s)
{
    atomic_fetch_add_explicit(&s->_refs, 1, memory_order_relaxed);
    return s;
}

void snapshot_unref(struct snapshot **pointer)
{
    struct snapshot *s = *pointer;
    *pointer = NULL;
    if (!s || atomic_fetch_sub_explicit(&s->_refs, 1, memory_order_acq_rel) != 1) return;
    map_done(&s->_principals_by_digest);
    for (size_t i = 0; i < s->provider_count; i++)
        for (unsigned k = 0; k < s->providers[i].endpoint_count; k++)
            tls_context_unref(&s->providers[i].endpoints[k].origin.tls);
    tls_acceptor_unref(&s->tls);
    config_unref(&s->config);
    arena_done(&s->_arena);
    xfree(s);
}

bool snapshot_has_context(const struct snapshot *s, const struct tls_context *tls)
{
    for (size_t i = 0; i < s->provider_count; i++)
        for (unsigned k = 0; k < s->providers[i].endpoint_count; k++)
            if (s->providers[i].endpoints[k].origin.tls == tls) return true;
    return false;
}

const struct principal *snapshot_find_principal(const struct snapshot *s,
                                                const unsigned char digest[DIGEST_BYTES])
{
    return map_get(&s->_principals_by_digest, digest_str(digest));
}

const struct provider *snapshot_find_provider(const struct snapshot *s, struct str name)
{
    for (size_t i = 0; i < s->provider_count; i++)
        if (str_equals(s->providers[i].name, name)) return &s->providers[i];
    return NULL;
}
