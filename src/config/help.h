/* config/help.h: the rows of all options and environment names as text: `weir help configuration`, `weir help
 * environment`, docs/configuration.md. Any thread. */
#ifndef WEIR_CONFIG_HELP_H
#define WEIR_CONFIG_HELP_H

#include "base/attributes.h"
#include "base/buf.h"

enum config_help { CONFIG_HELP_CONFIGURATION, CONFIG_HELP_ENVIRONMENT, CONFIG_HELP_MARKDOWN };
/* Appends to `out`; false: over its ceiling (256 KiB will do). */
MUST_CHECK bool config_help_text(struct buf *out, enum config_help topic);

#endif
