/* providers/preset.c: the rows. Base URLs and the places of usage are the services' documented ones; what differs from
 * OpenAI's own is said behind the row. A new service is one row. */
#include "providers/preset.h"

#include "http/url.h"

#define CHAT_ONLY API_CHAT
#define OPENAI_BASICS (API_CHAT | API_COMPLETIONS | API_EMBEDDINGS)
#define EVERYTHING_SIMULATED (OPENAI_BASICS | API_MODERATIONS | API_IMAGES | API_SPEECH | API_TRANSCRIPTIONS)
#define OPENAI_ALL                                                                                           \
    (OPENAI_BASICS | API_RESPONSES | API_IMAGES | API_SPEECH | API_TRANSCRIPTIONS | API_MODERATIONS)
#define INJECT STREAM_USAGE_INJECT
#define NATIVE STREAM_USAGE_NATIVE

// clang-format off
static const struct preset presets[] = {
    {"openai",     KIND_OPENAI, "https://api.openai.com/v1",             OPENAI_ALL,               INJECT, "gpt-4o-mini"},
    {"groq",       KIND_OPENAI, "https://api.groq.com/openai/v1",        CHAT_ONLY | API_SPEECH | API_TRANSCRIPTIONS,
                                                                                                   INJECT, "llama-3.3-70b-versatile"},
    {"openrouter", KIND_OPENAI, "https://openrouter.ai/api/v1",          API_CHAT | API_COMPLETIONS | API_EMBEDDINGS,
                                                                                                   INJECT, "openrouter/auto"},
    {"together",   KIND_OPENAI, "https://api.together.xyz/v1",           OPENAI_BASICS,            INJECT, "meta-llama/Llama-3.3-70B-Instruct-Turbo"},
    {"mistral",    KIND_OPENAI, "https://api.mistral.ai/v1",             API_CHAT | API_EMBEDDINGS | API_MODERATIONS,
                                                                                                   NATIVE, "mistral-small-latest"}, /* refuses stream_options; usage comes unasked */
    {"deepseek",   KIND_OPENAI, "https://api.deepseek.com/v1",           CHAT_ONLY,                INJECT, "deepseek-chat"},
    {"xai",        KIND_OPENAI, "https://api.x.ai/v1",                   API_CHAT | API_RESPONSES, INJECT, NULL},
    {"ollama",     KIND_OPENAI, "http://127.0.0.1:11434/v1",             OPENAI_BASICS,            INJECT, NULL},
    {"vllm",       KIND_OPENAI, "http://127.0.0.1:8000/v1",              OPENAI_BASICS,            INJECT, NULL},
    {"llamacpp",   KIND_OPENAI, "http://127.0.0.1:8081/v1",              OPENAI_BASICS,            INJECT, NULL},
    {"simulator",  KIND_SIMULATOR, NULL,                                 EVERYTHING_SIMULATED,
                                                                                                   INJECT, "demo"},
};
const char *const preset_names[] = {
    "openai", "groq", "openrouter", "together", "mistral", "deepseek", "xai", "ollama", "vllm", "llamacpp", "simulator", NULL,
};
// clang-format on
_Static_assert(sizeof preset_names / sizeof *preset_names == sizeof presets / sizeof *presets + 1,
               "each preset has its name in the list");

static const struct provider_kind openai_kind = {
    .auth_header = "Authorization",
    .auth_prefix = "Bearer ",
    .version_part = "/v1",
    .apis = OPENAI_BASICS,
};
static const struct provider_kind *const kinds[] = {
    [KIND_OPENAI] = &openai_kind,
    [KIND_SIMULATOR] = &openai_kind,
    [KIND_LOCAL] = &openai_kind,
};

const struct preset *preset_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_COUNT(presets); i++)
        if (str_equals(name, str_from_cstr(presets[i].name))) return &presets[i];
    return NULL;
}

/* "/v1", "/api/v2", "/v1beta/openai": is there a version part in the path? Then the address is complete. */
static bool has_version(struct str path)
{
    while (path.len > 0) {
        struct str part = str_cut(&path, '/');
        if (part.len >= 2 && part.at[0] == 'v' && part.at[1] >= '0' && part.at[1] <= '9') return true;
    }
    return false;
}

static bool complete_url(struct str *out, struct arena *a, const char *version_part, struct str given,
                         struct err *err)
{
    bool is_bare_socket = str_starts_with(given, STR("unix:")) &&
                          str_find_char(str_from(given, 5), ':') == SIZE_MAX;
    struct url url;
    if (!url_parse(&url, a, given, err)) return false;
    if (url.query.at) return err_set(err, ERR_INVALID, "a path would be appended behind its query ('?')");
    while (given.len > 0 && given.at[given.len - 1] == '/') given.len--;
    *out = given;
    if (*version_part && !has_version(url.path))
        *out = arena_printf(a, "%.*s%s%s", STR_ARG(given), is_bare_socket ? ":" : "", version_part);
    return true;
}

static bool fill_urls(struct provider_facts *out, struct arena *a, const struct config_provider *p,
                      struct str known, struct err *err)
{
    struct str first = p->base_url.len ? p->base_url : known;
    if (str_is_empty(first))
        return err_set(err, ERR_INVALID, "provider %.*s: base_url is missing", STR_ARG(p->name));
    struct str *urls = arena_new_array(a, struct str, 1 + p->base_urls.count);
    size_t count = 1 + p->base_urls.count;
    for (size_t i = 0; i < count; i++) {
        struct str given = i == 0 ? first : p->base_urls.at[i - 1];
        if (!complete_url(&urls[i], a, p->wants_exact_url ? "" : out->kind->version_part, given, err)) {
            err_wrap(err, "base_url");
            return err_wrap(err, arena_cstr(a, p->name));
        }
    }
    out->base_urls = (struct config_strings){urls, count};
    return true;
}

bool provider_facts_fill(struct provider_facts *out, struct arena *a, const struct config_provider *p,
                         struct str simulator_url, struct err *err)
{
    const struct preset *preset = preset_find(p->preset);
    enum config_kind kind = p->kind;
    if (kind == KIND_FROM_PRESET) kind = preset ? preset->kind : KIND_OPENAI;
    if ((size_t)kind >= ARRAY_COUNT(kinds) || !kinds[kind])
        return err_set(err, ERR_UNSUPPORTED, "provider %.*s: kind %s is not built yet", STR_ARG(p->name),
                       config_kind_name(kind));
    *out = (struct provider_facts){.kind = kinds[kind], .apis = p->apis, .model = p->model};
    if (!out->apis) out->apis = preset ? preset->apis : kinds[kind]->apis;
    out->stream_usage = p->stream_usage;
    if (out->stream_usage == STREAM_USAGE_FROM_PRESET)
        out->stream_usage = preset ? preset->stream_usage : INJECT;
    if (str_is_empty(out->model) && preset && preset->model) out->model = str_from_cstr(preset->model);
    struct str known = preset && preset->base_url ? str_from_cstr(preset->base_url) : STR("");
    return fill_urls(out, a, p, kind == KIND_SIMULATOR ? simulator_url : known, err);
}
