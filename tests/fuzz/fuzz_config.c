/* tests/fuzz/fuzz_config.c: a configuration file, a .env beside it and a variant of it, cut from the input at lines of
 * "====". Whatever they hold: a load ends with a snapshot or with an error, says the same twice, and never shows the
 * secret that the environment holds. */
#include "base/check.h"
#include "config/load.h"

static const char SECRET[] = "hunter2-hunter2-hunter2";

struct world {
    struct str files[3];
};
static const char *const names[] = {"weir.yaml", ".env", "weir.testing.yaml"};

static const char *world_getenv(void *arg, const char *name)
{
    (void)arg;
    if (strcmp(name, "SECRET") == 0 || strcmp(name, "OPENAI_API_KEY") == 0) return SECRET;
    return strcmp(name, "WEIR_ENV") == 0 ? "testing" : NULL;
}

static bool world_read_file(void *arg, const char *path, struct buf *out, struct err *err)
{
    const struct world *w = arg;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (strcmp(path, names[i]) == 0 && w->files[i].at)
            return buf_append(out, w->files[i]) || err_set(err, ERR_TOO_LARGE, "too large");
    return err_set(err, ERR_NOT_FOUND, "no such file");
}

static bool load(struct world *w, struct config_report *report)
{
    static const char *const presets[] = {"openai", "groq", NULL};
    const struct config_source source = {world_getenv, world_read_file, w};
    const struct config_request request = {.source = &source, .presets = presets};
    config_report_init(report);
    struct config *c = config_load(&request, report);
    require((c == NULL) == (report->errors.count > 0));
    bool is_loaded = c != NULL;
    for (size_t i = 0; c && i < c->models.count; i++)
        for (size_t k = 0; k < c->models.at[i].targets.count; k++)
            require(c->models.at[i].targets.at[k].provider != NULL);
    for (size_t i = 0; c && i < c->auth.keys.count; i++) require(c->auth.keys.at[i].tier != NULL);
    require(!c || (c->default_tier && c->unlimited_tier && c->server.listen.count > 0));
    config_unref(&c);
    return is_loaded;
}

static void judge_messages(const struct config_messages *one, const struct config_messages *two)
{
    require(one->count == two->count && one->count <= CONFIG_MAX_MESSAGES);
    for (size_t i = 0; i < one->count; i++) {
        require(str_equals(one->at[i], two->at[i]));
        require(str_find(one->at[i], str_from_cstr(SECRET)) == SIZE_MAX);
        require(str_find_char(one->at[i], '\n') == SIZE_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {0};
    struct str rest = str_of((const char *)data, size);
    if (str_find(rest, str_from_cstr(SECRET)) != SIZE_MAX)
        return 0; /* what stands in the file may be shown */
    for (size_t i = 0; i < ARRAY_COUNT(w.files) && rest.at; i++) {
        size_t end = str_find(rest, STR("====\n"));
        w.files[i] = str_part(rest, 0, end);
        rest = end == SIZE_MAX ? (struct str){0} : str_from(rest, end + 5);
    }
    struct config_report one, two;
    bool is_loaded = load(&w, &one);
    judge_messages(&one.errors, &one.errors);
    judge_messages(&one.warnings, &one.warnings);
    if (size % 8 == 0) { /* a second load costs as much as another input */
        require(load(&w, &two) == is_loaded);
        judge_messages(&one.errors, &two.errors);
        judge_messages(&one.warnings, &two.warnings);
        config_report_done(&two);
    }
    config_report_done(&one);
    return 0;
}
