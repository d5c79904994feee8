/* cli/flags.c: a few long options, each with a value: "--name VALUE" or "--name=VALUE". */
#include "cli/flags.h"

#include "cli/cli.h"
#include "providers/preset.h"

#include <stdio.h>

/* The value of the option if argv[*i] is it; *i moves on. False: it is not; *value NULL: it has none. */
static bool take_option(const char *name, int argc, char **argv, int *i, const char **value)
{
    struct str word = str_from_cstr(argv[*i]), wanted = str_from_cstr(name);
    if (!str_starts_with(word, wanted)) return false;
    if (word.len > wanted.len && word.at[wanted.len] == '=') {
        *value = argv[*i] + wanted.len + 1;
        return true;
    }
    if (word.len != wanted.len) return false;
    *value = *i + 1 < argc ? argv[++*i] : NULL;
    return true;
}

int flags_parse(struct flags *out, int argc, char **argv, bool only_config)
{
    *out = (struct flags){0};
    for (int i = 1; i < argc; i++) {
        const char *value, *word = argv[i];
        if (take_option("--config", argc, argv, &i, &value)) {
            out->config = value;
        } else if (!only_config && take_option("--workers", argc, argv, &i, &value)) {
            out->workers = value;
        } else if (!only_config && take_option("--listen", argc, argv, &i, &value)) {
            if (out->listen_count == FLAGS_MAX_LISTEN)
                return cli_complain(argv[0], "more than %d times --listen", FLAGS_MAX_LISTEN);
            out->listen[out->listen_count++] = value;
        } else {
            return cli_complain(argv[0], "%s does not take \"%s\"", argv[0], word);
        }
        if (!value) return cli_complain(argv[0], "%s needs a value", word);
    }
    return 0;
}

struct config *flags_load_report(const struct flags *f, struct config_report *report)
{
    return config_load(&(struct config_request){.source = &config_source_system,
                                                .file = f->config,
                                                .listen = f->listen,
                                                .listen_count = f->listen_count,
                                                .workers = f->workers,
                                                .presets = preset_names},
                       report);
}

static void print_messages(const char *kind, const struct config_messages *m)
{
    for (size_t i = 0; i < m->count; i++) fprintf(stderr, "%s%.*s\n", kind, STR_ARG(m->at[i]));
}

static bool names_a_flag(const struct config_messages *m)
{
    for (size_t i = 0; i < m->count; i++)
        if (str_starts_with(m->at[i], STR("--"))) return true;
    return false;
}

struct config *flags_load(const struct flags *f, int *exit_code)
{
    struct config_report report;
    config_report_init(&report);
    struct config *c = flags_load_report(f, &report);
    print_messages("warning: ", &report.warnings);
    print_messages("", &report.errors);
    *exit_code = names_a_flag(&report.errors) ? 2 : 1;
    config_report_done(&report);
    return c;
}
