/* cli/simulate.h: the options of `weir simulate` (cli_simulate() is in cli/cli.h). */
#ifndef WEIR_CLI_SIMULATE_H
#define WEIR_CLI_SIMULATE_H

#include <stdio.h>

/* A line for each option, below the usage. */
void cli_simulate_help(FILE *out);

#endif
