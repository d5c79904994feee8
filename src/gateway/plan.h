/* gateway/plan.h: where can this request go? Names become an ordered list of targets (CONTRACT section 2, "Model
 * names"): a `models` entry, a pattern, what a provider lists, `provider/model`; `auto` is every provider. */
#ifndef WEIR_GATEWAY_PLAN_H
#define WEIR_GATEWAY_PLAN_H

#include "gateway/exchange.h"

enum { PLAN_MAX_TARGETS = 32 };

struct target {
    const struct provider *provider;
    const struct endpoint *endpoint;
    struct str model; /* the provider's name for it; empty: the request names none and needs none */
};
struct plan {
    const struct config_model *settings;     /* timeouts, attempts */
    struct target targets[PLAN_MAX_TARGETS]; /* in the order of trying */
    unsigned count;
};

/* In the exchange's scratch. NULL: the reply (403, 404) is out. May wait: lists of models are fetched when a name is found nowhere else. */
struct plan *plan_make(struct exchange *x);
/* Fetches the lists that are due; for /v1/models, too. */
void plan_refresh_catalogues(struct exchange *x);

#endif
