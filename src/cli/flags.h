/* cli/flags.h: --config, --listen, --workers, as serve, check and models take them. */
#ifndef WEIR_CLI_FLAGS_H
#define WEIR_CLI_FLAGS_H

#include "config/load.h"

enum { FLAGS_MAX_LISTEN = 16 };
struct flags {
    const char *config, *workers;
    const char *listen[FLAGS_MAX_LISTEN];
    size_t listen_count;
};
/* 0, or the exit code of a complaint. only_config: the others are not allowed. */
int flags_parse(struct flags *out, int argc, char **argv, bool only_config);
/* Loads with these flags and prints what there is to say to stderr. NULL: it has said what is wrong, and *exit_code is
 * 2 for a wrong flag and 1 for a wrong configuration. */
struct config *flags_load(const struct flags *f, int *exit_code);
/* The same for a caller that wants the messages. */
struct config *flags_load_report(const struct flags *f, struct config_report *report);

#endif
