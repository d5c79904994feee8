/* config/apply.h: one option's value into its struct. Within config/ only. */
#ifndef WEIR_CONFIG_APPLY_H
#define WEIR_CONFIG_APPLY_H

#include "config/loading.h"

/* One option at work. */
struct slot {
    struct loading *loading;
    const struct option *option;
    char *to; /* the struct that option->at counts from */
    const struct node *node;
    const struct place *place; /* of the option */
};

/* Sets a scalar, a list of them or pairs from s->node, which says something. Mistakes are noted. */
void slot_set(struct slot *s);
/* The row's default; without one the member stays zero. */
void slot_set_default(struct slot *s);

/* "WHAT in PLACE; allowed: ALLOWED" about the node `at`. */
void slot_refuse(struct slot *s, const struct node *at, struct str what, struct str allowed);
/* "a list", "a map", "a text" */
struct str node_kind_text(const struct node *n);

#endif
