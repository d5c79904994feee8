/* cli/cli.h: the subcommands. Each takes its own argv (argv[0] is the subcommand) and returns the exit code:
 * 0 done, 1 it failed, 2 the command line is wrong. */
#ifndef WEIR_CLI_CLI_H
#define WEIR_CLI_CLI_H

int cli_main(int argc, char **argv); /* the program's own */

int cli_serve(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_simulate(int argc, char **argv);
int cli_models(int argc, char **argv);
int cli_version(int argc, char **argv);
int cli_help(int argc, char **argv);

/* Prints the usage of a subcommand (or of the program) to stderr after a complaint; returns 2. */
int cli_complain(const char *subcommand, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
