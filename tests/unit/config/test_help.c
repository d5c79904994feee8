/* The rows as text, and the rows themselves. WEIR_UPDATE_DOCS=1 writes docs/configuration.md anew. */
#include "config/env_rows.h"
#include "config/help.h"
#include "config/rows.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

static struct buf text_of(enum config_help topic)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    EXPECT_TRUE(config_help_text(&text, topic));
    return text;
}

TEST(help, the_manual_is_current)
{
    struct buf text = text_of(CONFIG_HELP_MARKDOWN);
    const char *path = test_source_path("docs/configuration.md");
    if (getenv("WEIR_UPDATE_DOCS")) {
        FILE *f = fopen(path, "w");
        ASSERT_TRUE(f != NULL);
        EXPECT_EQ(fwrite(text.at, 1, text.len, f), text.len);
        fclose(f);
    }
    EXPECT_THAT(str_equals(test_read_file(path), buf_str(&text)),
                "docs/configuration.md is not what the rows say: run this test with WEIR_UPDATE_DOCS=1");
    buf_done(&text);
}

/* Each row: a sentence, limits that its default keeps, a place for its value. */
static void judge_rows(const struct option_group *g, const char *where)
{
    for (size_t i = 0; i < g->count; i++) {
        const struct option *o = &g->options[i];
        char path[200];
        snprintf(path, sizeof path, "%s.%s", where, o->name);
        size_t end = o->help ? strlen(o->help) : 0;
        EXPECT_THAT(end > 3 && o->help[end - 1] == '.', "%s: its help is no sentence", path);
        EXPECT_THAT(o->max >= o->min, "%s: max is below min", path);
        EXPECT_THAT((o->type > OPT_MONEY) || o->max > 0, "%s: a number without a limit", path);
        EXPECT_THAT((o->type == OPT_ENUM || o->type == OPT_FLAGS) == (o->choices != NULL), "%s: choices",
                    path);
        EXPECT_THAT((o->type >= OPT_GROUP) == (o->group != NULL), "%s: group", path);
        EXPECT_THAT(!o->judge || o->allowed, "%s: refuses texts without saying which are allowed", path);
        for (size_t k = 0; k < i; k++)
            EXPECT_THAT(strcmp(g->options[k].name, o->name) != 0, "%s: twice", path);
        if (o->group) judge_rows(o->group, path);
    }
}

TEST(help, every_row_is_complete)
{
    judge_rows(&config_options, "");
}

TEST(help, every_path_of_the_environment_leads_to_an_option)
{
    for (size_t i = 0; i < env_row_count; i++) {
        const struct env_row *row = &env_rows[i];
        bool is_provider = row->action == ENV_ADDS_PROVIDER || row->action == ENV_OF_PROVIDER;
        struct str rest = str_from_cstr(row->path);
        const struct option_group *g = &config_options;
        const struct option *o = NULL;
        if (is_provider) {
            (void)str_cut(&rest, '.');
            g = option_find(g, STR("providers"))->group;
        }
        while (rest.at && g) {
            o = option_find(g, str_cut(&rest, '.'));
            if (o && o->type == OPT_MAP) (void)str_cut(&rest, '.');
            g = o ? o->group : NULL;
        }
        EXPECT_THAT((row->path == NULL) == (row->action == ENV_READ_ELSEWHERE), "%s: action and path",
                    row->name);
        EXPECT_THAT(!row->path || o, "%s: %s is no option", row->name, row->path);
        EXPECT_THAT(!o || !(o->flags & OPTION_SECRET) || (row->flags & ENV_SECRET) ||
                        strstr(row->path, "base_url"),
                    "%s: sets a secret and is none", row->name);
    }
}

TEST(help, all_names_of_the_contract_are_rows)
{
    static const char names[] =
        "OPENAI_API_KEY ANTHROPIC_API_KEY GEMINI_API_KEY GEMINI_ENDPOINT GROQ_API_KEY OPENROUTER_API_KEY "
        "TOGETHER_API_KEY AZURE_OPENAI_API_KEY AZURE_OPENAI_ENDPOINT AZURE_OPENAI_API_VERSION OLLAMA_HOST "
        "USE_DIRECT_WORKERS NETLIFY_BASE_URL API_HOST API_PORT PORT REDIS_URL QDRANT_URL MODEL_MANAGER_URL "
        "CLUSTER_MANAGER_URL TASK_MANAGER_URL API_KEYS API_KEY_SECRET WEIR_ADMIN_KEY WEIR_ENV FLASK_ENV RATE_LIMIT "
        "RATE_LIMIT_PER_MINUTE RATE_LIMIT_PER_HOUR CIRCUIT_BREAKER_FAILURE_THRESHOLD CIRCUIT_BREAKER_TIMEOUT "
        "RECOMMENDATION_SERVICE_URL SEARCH_SERVICE_URL PRICING_SERVICE_URL CHATBOT_SERVICE_URL FRAUD_SERVICE_URL "
        "FORECAST_SERVICE_URL VISION_SERVICE_URL CORS_ORIGINS MODEL_CACHE_SIZE LOG_LEVEL LOG_JSON DEBUG HTTPS_PROXY "
        "NO_PROXY https_proxy no_proxy SSL_CERT_FILE"; /* the lower-case ones: besides the contract */
    struct buf text = text_of(CONFIG_HELP_ENVIRONMENT);
    struct str rest = str_from_cstr(names);
    size_t count = 0;
    while (rest.at) {
        struct str name = str_cut(&rest, ' ');
        bool is_row = false;
        for (size_t i = 0; i < env_row_count; i++)
            is_row |= str_equals(str_from_cstr(env_rows[i].name), name);
        EXPECT_THAT(is_row && str_find(buf_str(&text), name) != SIZE_MAX, "%.*s", STR_ARG(name));
        count++;
    }
    EXPECT_EQ(count, env_row_count);
    buf_done(&text);
}

TEST(help, the_terminal_text_names_options_with_default_limits_and_environment)
{
    struct buf text = text_of(CONFIG_HELP_CONFIGURATION);
    static const char want[] =
        "server.listen\n    The addresses to listen on: one, or a list.\n"
        "    one or a list of: ADDRESS:PORT, [ADDRESS]:PORT, :PORT or unix:/path; default 127.0.0.1:8080;\n"
        "    takes a restart; environment: API_HOST, API_PORT, PORT\n";
    EXPECT_THAT(str_find(buf_str(&text), str_from_cstr(want)) != SIZE_MAX, "server.listen");
    EXPECT_TRUE(str_find(buf_str(&text), STR("providers.<name>.base_url\n")) != SIZE_MAX);
    EXPECT_TRUE(str_find(buf_str(&text), STR("auth.keys[].role\n")) != SIZE_MAX);
    buf_done(&text);
}

TEST(help, a_text_that_does_not_fit_is_refused)
{
    struct buf small;
    buf_init(&small, 100);
    EXPECT_FALSE(config_help_text(&small, CONFIG_HELP_MARKDOWN));
    buf_done(&small);
}
