/* config/demo.h: the model that a gateway without any provider serves. */
#ifndef WEIR_CONFIG_DEMO_H
#define WEIR_CONFIG_DEMO_H

#include "config/config.h"

/* Adds a provider `simulator` (the built-in one) and a model `demo` that goes there. Before the snapshot is shared, and only
 * into one without providers. */
void config_add_demo(struct config *fresh);

#endif
