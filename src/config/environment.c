/* config/environment.c: what the environment says becomes nodes on top of the file's tree, so that it is judged by the
 * same rows and in the same words. Its nodes have a source of their own ("environment LOG_LEVEL") and no line. */
#include "config/env_rows.h"
#include "config/judge.h"
#include "config/loading.h"
#include "config/value.h"

// clang-format off
const struct env_row env_rows[] = {
    {"OPENAI_API_KEY", ENV_ADDS_PROVIDER, ENV_SECRET, "openai.api_key", "Adds the provider openai."},
    {"ANTHROPIC_API_KEY", ENV_ADDS_PROVIDER, ENV_SECRET | ENV_LATER, "anthropic.api_key", "Adds the provider anthropic."},
    {"GEMINI_API_KEY", ENV_ADDS_PROVIDER, ENV_SECRET | ENV_LATER, "gemini.api_key", "Adds the provider gemini."},
    {"GEMINI_ENDPOINT", ENV_OF_PROVIDER, ENV_LATER, "gemini.base_url", "Where gemini is."},
    {"GROQ_API_KEY", ENV_ADDS_PROVIDER, ENV_SECRET, "groq.api_key", "Adds the provider groq."},
    {"OPENROUTER_API_KEY", ENV_ADDS_PROVIDER, ENV_SECRET, "openrouter.api_key", "Adds the provider openrouter."},
    {"TOGETHER_API_KEY", ENV_ADDS_PROVIDER, ENV_SECRET, "together.api_key", "Adds the provider together."},
    {"AZURE_OPENAI_API_KEY", ENV_ADDS_PROVIDER, ENV_SECRET | ENV_LATER, "azure.api_key", "Adds the provider azure."},
    {"AZURE_OPENAI_ENDPOINT", ENV_OF_PROVIDER, ENV_LATER, "azure.base_url", "Where azure is."},
    {"AZURE_OPENAI_API_VERSION", ENV_OF_PROVIDER, ENV_LATER, "azure.api_version", "Azure's api-version."},
    {"OLLAMA_HOST", ENV_ADDS_PROVIDER, 0, "ollama.base_url", "Adds the provider ollama: host, host:port or URL."},
    {"NETLIFY_BASE_URL", ENV_ADDS_PROVIDER, ENV_LATER, "netlify.base_url", "Adds the provider netlify."},
    {"USE_DIRECT_WORKERS", ENV_READ_ELSEWHERE, ENV_LATER, NULL, "Puts direct providers before netlify for images."},
    {"API_HOST", ENV_LISTEN, 0, "server.listen", "The address to listen on."},
    {"API_PORT", ENV_LISTEN, 0, "server.listen", "The port to listen on."},
    {"PORT", ENV_LISTEN, 0, "server.listen", "The port to listen on, if API_PORT is not set."},
    {"CORS_ORIGINS", ENV_SETS_LIST, 0, "server.cors_origins", "Origins whose web pages may call, with commas between them."},
    {"API_KEYS", ENV_ADDS_KEYS, ENV_SECRET, "auth.keys", "Adds keys of role user, named env-1, env-2 …; with commas between them."},
    {"WEIR_ADMIN_KEY", ENV_ADDS_ADMIN, ENV_SECRET, "auth.keys", "Adds a key of role admin, named admin, instead of one made at the first start."},
    {"API_KEY_SECRET", ENV_SETS, ENV_SECRET, "auth.jwt.secret", "Signs tokens."},
    {"RATE_LIMIT", ENV_SETS, 0, "tiers.default.requests_per_minute", "Requests in a minute, if RATE_LIMIT_PER_MINUTE is not set."},
    {"RATE_LIMIT_PER_MINUTE", ENV_SETS, 0, "tiers.default.requests_per_minute", "Requests in a minute."},
    {"RATE_LIMIT_PER_HOUR", ENV_SETS, 0, "tiers.default.requests_per_hour", "Requests in an hour."},
    {"REDIS_URL", ENV_SETS, ENV_SECRET, "state", "Redis that replicas share."},
    {"CIRCUIT_BREAKER_FAILURE_THRESHOLD", ENV_SETS, 0, "breaker.failure_threshold", "Failures until a breaker opens."},
    {"CIRCUIT_BREAKER_TIMEOUT", ENV_SETS_SECONDS, 0, "breaker.timeout", "How long a breaker stays open; a plain number is seconds."},
    {"QDRANT_URL", ENV_READ_ELSEWHERE, ENV_LATER, NULL, "Qdrant, which /health looks at."},
    {"MODEL_MANAGER_URL", ENV_READ_ELSEWHERE, ENV_LATER, NULL, "Who knows and downloads models."},
    {"CLUSTER_MANAGER_URL", ENV_READ_ELSEWHERE, ENV_LATER, NULL, "With REDIS_URL: tasks run on Celery workers."},
    {"TASK_MANAGER_URL", ENV_READ_ELSEWHERE, ENV_LATER, NULL, "Who manages tasks."},
    {"RECOMMENDATION_SERVICE_URL", ENV_READ_ELSEWHERE, ENV_LATER, NULL, "Where /api/v1/recommendations goes."},
    {"SEARCH_SERVICE_URL", ENV_READ_ELSEWHERE, ENV_LATER, NULL, "Where /api/v1/search goes."},
    {"PRICING_SERVICE_URL", ENV_READ_ELSEWHERE, ENV_LATER, NULL, "Where /api/v1/pricing goes."},
    {"CHATBOT_SERVICE_URL", ENV_READ_ELSEWHERE, ENV_LATER, NULL, "Where /api/v1/chat goes."},
    {"FRAUD_SERVICE_URL", ENV_READ_ELSEWHERE, ENV_LATER, NULL, "Where /api/v1/fraud goes."},
    {"FORECAST_SERVICE_URL", ENV_READ_ELSEWHERE, ENV_LATER, NULL, "Where /api/v1/forecast goes."},
    {"VISION_SERVICE_URL", ENV_READ_ELSEWHERE, ENV_LATER, NULL, "Where /api/v1/vision goes."},
    {"MODEL_CACHE_SIZE", ENV_SETS, 0, "local_models.cache_size", "How many local models stay loaded."},
    {"DEBUG", ENV_DEBUG, 0, "log.level", "true is LOG_LEVEL=debug."},
    {"LOG_LEVEL", ENV_SETS, 0, "log.level", "debug, info, warn or error."},
    {"LOG_JSON", ENV_SETS, 0, "log.json", "false: a log for people."},
    {"https_proxy", ENV_SETS, ENV_SECRET, "https_proxy", "The same as HTTPS_PROXY, if that is not set."},
    {"no_proxy", ENV_SETS_LIST, 0, "no_proxy", "The same as NO_PROXY, if that is not set."},
    {"HTTPS_PROXY", ENV_SETS, ENV_SECRET, "https_proxy", "The HTTP proxy on the way to providers with https base URLs."},
    {"NO_PROXY", ENV_SETS_LIST, 0, "no_proxy", "Hosts that it is not used for, with commas between them."},
    {"SSL_CERT_FILE", ENV_READ_ELSEWHERE, 0, NULL, "Trusts this PEM file's authorities instead of the system's; read by OpenSSL."},
    {"WEIR_ENV", ENV_READ_ELSEWHERE, 0, NULL, "NAME: merges weir.NAME.yaml over the file (development, testing, production)."},
    {"FLASK_ENV", ENV_READ_ELSEWHERE, 0, NULL, "The same, if WEIR_ENV is not set."},
};
// clang-format on
const size_t env_row_count = ARRAY_COUNT(env_rows);

/* A row's value at work. */
struct entry {
    struct loading *loading;
    const struct env_row *row;
    struct str value; /* not empty */
    const struct source *source;
};

/* Puts `child` at "a.b.c" unless something that is no map stands in the way; that is an error of its own. */
static void put_at(struct entry *e, struct str path, struct node *child)
{
    struct loading *l = e->loading;
    size_t dot = path.len;
    while (dot && path.at[dot - 1] != '.') dot--;
    struct node *map = dot ? node_map_at(l->arena, l->root, str_part(path, 0, dot - 1), e->source) : l->root;
    if (map) node_put(map, str_from(path, dot), child);
}

static struct node *scalar(struct entry *e, struct str text)
{
    return node_new_scalar(e->loading->arena, text, e->source);
}

/* A list of what stands between the commas. */
static struct node *split(struct entry *e)
{
    struct node *list = node_new(e->loading->arena, NODE_LIST, e->source, 0);
    struct str rest = e->value;
    while (rest.at) {
        struct str one = str_trim(str_cut(&rest, ','));
        if (one.len) node_append(list, scalar(e, arena_copy(e->loading->arena, one)));
    }
    return list;
}

static void add_key(struct entry *e, struct str name, struct str key, const char *role)
{
    struct arena *a = e->loading->arena;
    struct node *auth = node_map_at(a, e->loading->root, STR("auth"), e->source);
    struct node *keys = auth ? node_find(auth, STR("keys")) : NULL;
    if (auth && (!keys || node_is_empty(keys))) {
        node_put(auth, STR("keys"), node_new(a, NODE_LIST, e->source, 0));
        keys = node_find(auth, STR("keys"));
    }
    if (!keys || keys->kind != NODE_LIST) return;
    struct node *entry = node_new(a, NODE_MAP, e->source, 0);
    node_put(entry, STR("name"), scalar(e, name));
    node_put(entry, STR("key"), scalar(e, key));
    node_put(entry, STR("role"), scalar(e, str_from_cstr(role)));
    node_append(keys, entry);
}

static void add_keys(struct entry *e)
{
    unsigned number = 0;
    for (const struct node *key = split(e)->first; key; key = key->next)
        add_key(e, arena_printf(e->loading->arena, "env-%u", ++number), key->text, "user");
}

/* Ollama's own rules: a scheme and a port may be missing. */
static struct str ollama_url(struct entry *e)
{
    struct str url = e->value;
    bool has_scheme = str_find(url, STR("://")) != SIZE_MAX;
    if (!has_scheme) url = arena_printf(e->loading->arena, "http://%.*s", STR_ARG(url));
    struct str authority = str_from(url, str_find(url, STR("://")) + 3), host, port;
    bool has_path = str_find_char(authority, '/') != SIZE_MAX;
    bool has_port = listen_split(authority, &host, &port) && str_find_char(port, ']') == SIZE_MAX;
    if (has_scheme || has_path || has_port) return url;
    return arena_printf(e->loading->arena, "%.*s:11434", STR_ARG(url));
}

static void set_provider(struct entry *e)
{
    struct loading *l = e->loading;
    struct str path = str_from_cstr(e->row->path), name = str_cut(&path, '.');
    struct str place = arena_printf(l->arena, "providers.%.*s", STR_ARG(name));
    if (e->row->action == ENV_OF_PROVIDER && !node_at(l->root, place.at)) return;
    struct node *provider = node_map_at(l->arena, l->root, place, e->source);
    if (!node_find(provider, STR("preset"))) node_put(provider, STR("preset"), scalar(e, name));
    struct str value = str_equals(name, STR("ollama")) ? ollama_url(e) : e->value;
    node_put(provider, path, scalar(e, value));
}

static void set_debug(struct entry *e)
{
    bool is_on = false;
    if (!value_parse_bool(e->value, &is_on))
        notes_add(&e->loading->errors, e->source, 0, "%.*s is neither true nor false",
                  STR_ARG(quoted(e->loading->arena, e->value)));
    if (is_on) put_at(e, STR("log.level"), scalar(e, STR("debug")));
}

static void set_seconds(struct entry *e)
{
    int64_t seconds;
    bool is_plain = str_to_u63(e->value, &seconds);
    struct str text = is_plain ? arena_printf(e->loading->arena, "%.*ss", STR_ARG(e->value)) : e->value;
    put_at(e, str_from_cstr(e->row->path), scalar(e, text));
}

static void act(struct entry *e)
{
    switch (e->row->action) {
    case ENV_SETS: put_at(e, str_from_cstr(e->row->path), scalar(e, e->value)); return;
    case ENV_SETS_LIST: put_at(e, str_from_cstr(e->row->path), split(e)); return;
    case ENV_SETS_SECONDS: set_seconds(e); return;
    case ENV_DEBUG: set_debug(e); return;
    case ENV_ADDS_KEYS: add_keys(e); return;
    case ENV_ADDS_ADMIN: add_key(e, STR("admin"), e->value, "admin"); return;
    case ENV_ADDS_PROVIDER:
    case ENV_OF_PROVIDER: set_provider(e); return;
    case ENV_LISTEN: /* lay_listen() */
    case ENV_READ_ELSEWHERE: return;
    }
}

/* False: not set, empty, or not to be had, which is noted. */
static bool find_value(struct loading *l, const struct env_row *row, struct str *value)
{
    struct err err;
    enum env_result found = row->flags & ENV_SECRET ? env_find_secret(&l->env, row->name, value, &err)
                                                    : env_find(&l->env, row->name, value);
    if (found == ENV_FAILED)
        notes_add(&l->errors, loading_add_source(l, arena_printf(l->arena, "environment %s", row->name).at),
                  0, "%s", err.text);
    return found == ENV_FOUND && value->len > 0;
}

/* Each of API_HOST, API_PORT, PORT replaces its part of the file's first address. */
static void lay_listen(struct loading *l)
{
    struct str host = STR("127.0.0.1"), port = STR("8080"), name = STR("");
    const struct node *old = node_at(l->root, "server.listen");
    if (old && old->kind == NODE_LIST && old->first) old = old->first;
    if (old && old->kind == NODE_SCALAR && judge_listen(old->text))
        (void)listen_split(old->text, &host, &port);
    static const struct {
        const char *name;
        bool is_host;
    } parts[] = {{"PORT", false}, {"API_PORT", false}, {"API_HOST", true}};
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        struct str value;
        if (env_find(&l->env, parts[i].name, &value) != ENV_FOUND || !value.len) continue;
        name = str_from_cstr(parts[i].name);
        bool is_bare_v6 = parts[i].is_host && value.at[0] != '[' && str_find_char(value, ':') != SIZE_MAX;
        if (is_bare_v6) value = arena_printf(l->arena, "[%.*s]", STR_ARG(value));
        *(parts[i].is_host ? &host : &port) = value;
    }
    if (!name.len) return;
    struct entry e = {.loading = l};
    e.source = loading_add_source(l, arena_printf(l->arena, "environment %.*s", STR_ARG(name)).at);
    struct str address = arena_printf(l->arena, "%.*s:%.*s", STR_ARG(host), STR_ARG(port));
    put_at(&e, STR("server.listen"), scalar(&e, address));
}

void loading_lay_environment(struct loading *l)
{
    const struct node *providers = node_find(l->root, STR("providers"));
    bool wants_providers = !providers || node_is_empty(providers);
    for (size_t i = 0; i < env_row_count; i++) {
        struct entry e = {.loading = l, .row = &env_rows[i]};
        bool is_provider = e.row->action == ENV_ADDS_PROVIDER || e.row->action == ENV_OF_PROVIDER;
        if (e.row->action == ENV_LISTEN || (is_provider && !wants_providers)) continue;
        if (!find_value(l, e.row, &e.value)) continue;
        if (e.row->flags & ENV_LATER) {
            loading_note_later(l, str_from_cstr(e.row->name), NULL);
            continue;
        }
        e.source = loading_add_source(l, arena_printf(l->arena, "environment %s", e.row->name).at);
        act(&e);
    }
    lay_listen(l);
}

void loading_lay_flags(struct loading *l)
{
    const struct config_request *request = l->request;
    struct entry e = {.loading = l};
    if (request->listen_count) {
        e.source = loading_add_source(l, "--listen");
        struct node *list = node_new(l->arena, NODE_LIST, e.source, 0);
        for (size_t i = 0; i < request->listen_count; i++)
            node_append(list, scalar(&e, str_from_cstr(request->listen[i])));
        put_at(&e, STR("server.listen"), list);
    }
    if (request->workers) {
        e.source = loading_add_source(l, "--workers");
        put_at(&e, STR("server.workers"), scalar(&e, str_from_cstr(request->workers)));
    }
}
