/* cli/cli.c: finds the subcommand; help and version. The texts of `weir help` are the rows' own. */
#include "cli/cli.h"

#include "base/buf.h"
#include "cli/simulate.h"
#include "config/help.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#ifndef WEIR_VERSION
#error "the build says which version this is"
#endif

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage, *help;
} commands[] = {
    {"serve", cli_serve, "weir serve [--config FILE] [--listen ADDR:PORT]... [--workers N]",
     "Runs the gateway. Without --config: ./weir.yaml if it is there, else the environment alone. SIGHUP reloads,\n"
     "SIGTERM and SIGINT drain and stop; a second one stops at once."},
    {"check", cli_check, "weir check [--config FILE]",
     "Reads the configuration and names every mistake as FILE:LINE: what, where, what is allowed. Exit 1 if any."},
    {"simulate", cli_simulate, "weir simulate --listen ADDR:PORT [--replay DIR] [--delay MS[:JITTER]] ...",
     "A provider to test with: answers in a provider's dialect, fails on demand, replays recordings."},
    {"models", cli_models, "weir models [--config FILE]",
     "Lists the models that callers may ask for, with their targets."},
    {"version", cli_version, "weir version", "Says which version this is and what it is built with."},
    {"help", cli_help, "weir help [COMMAND|configuration|environment]",
     "This text, a command's, every option of the configuration file, or every environment variable."},
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static const struct command *find_command(const char *name)
{
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (str_equals(str_from_cstr(name), str_from_cstr(commands[i].name))) return &commands[i];
    return NULL;
}

static void print_usage(FILE *to)
{
    fprintf(to, "weir: one gateway between applications and AI services\n\n");
    for (int i = 0; i < COMMAND_COUNT; i++) fprintf(to, "  %s\n", commands[i].usage);
    fprintf(to, "\nweir help COMMAND says more. Start with: weir serve\n");
}

int cli_complain(const char *subcommand, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("weir: ", stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    const struct command *c = subcommand ? find_command(subcommand) : NULL;
    fprintf(stderr, "\nusage: %s\n", c ? c->usage : "weir COMMAND ... (weir help lists them)");
    return 2;
}

int cli_version(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) return cli_complain("version", "version takes no arguments");
    printf("weir %s (%s, C compiler %s)\n", WEIR_VERSION, WEIR_ARCHITECTURE, __VERSION__);
    return 0;
}

static int print_topic(enum config_help topic)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    bool fits = config_help_text(&text, topic);
    if (fits) fwrite(text.at, 1, text.len, stdout);
    buf_done(&text);
    return fits ? 0 : 1;
}

int cli_help(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stdout);
        return 0;
    }
    struct str topic = str_from_cstr(argv[1]);
    if (str_equals(topic, STR("configuration"))) return print_topic(CONFIG_HELP_CONFIGURATION);
    if (str_equals(topic, STR("environment"))) return print_topic(CONFIG_HELP_ENVIRONMENT);
    const struct command *c = find_command(argv[1]);
    if (!c) return cli_complain("help", "there is no help on \"%s\"", argv[1]);
    printf("%s\n\n%s\n", c->usage, c->help);
    if (c->run == cli_simulate) cli_simulate_help(stdout);
    return 0;
}

static bool asks_help(const char *word)
{
    return str_equals(str_from_cstr(word), STR("--help")) || str_equals(str_from_cstr(word), STR("-h"));
}

/* Where 0, 1 or 2 is closed, the first socket would get that number, and what is printed would go into it. Reading from
 * the device is allowed, writing is not: so what is lost is still counted. */
static void hold_standard_descriptors(void)
{
    int fd;
    do fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) close(fd);
}

int cli_main(int argc, char **argv)
{
    hold_standard_descriptors();
    if (argc < 2) {
        print_usage(stderr);
        return 2;
    }
    if (asks_help(argv[1])) return cli_help(1, argv);
    if (str_equals(str_from_cstr(argv[1]), STR("--version"))) return cli_version(1, argv);
    const struct command *c = find_command(argv[1]);
    if (!c) return cli_complain(NULL, "there is no command \"%s\"", argv[1]);
    if (argc > 2 && asks_help(argv[2])) return cli_help(2, (char *[]){argv[0], argv[1], NULL});
    return c->run(argc - 1, argv + 1);
}
