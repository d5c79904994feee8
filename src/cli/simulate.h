/* cli/simulate.h: the options of `weir simulate` (cli_simulate() is in cli/cli.h). */
#ifndef WEIR_CLI_SIMULATE_H
#define WEIR_CLI_SIMULATE_H

#include <stdio.h>

/* The usage with every option: what `weir help simulate` prints. */
void cli_simulate_help(FILE *out);

#endif
