/* config/config.c: counting references to a snapshot, and finding things in it. */
#include "config/config.h"

#include "base/check.h"
#include "base/mem.h"
#include "config/rows.h"

struct config *config_ref(struct config *c)
{
    atomic_fetch_add_explicit(&c->_refs, 1, memory_order_relaxed);
    return c;
}

void config_unref(struct config **c)
{
    struct config *gone = *c;
    *c = NULL;
    if (!gone) return;
    unsigned before = atomic_fetch_sub_explicit(&gone->_refs, 1, memory_order_acq_rel);
    require(before > 0);
    if (before > 1) return;
    map_done(&gone->_providers_by_name);
    map_done(&gone->_models_by_name);
    arena_done(&gone->_arena);
    xfree(gone);
}

const struct config_provider *config_find_provider(const struct config *c, struct str name)
{
    return map_get(&c->_providers_by_name, name);
}

const struct config_tier *config_find_tier(const struct config *c, struct str name)
{
    for (size_t i = 0; i < c->tiers.count; i++)
        if (str_equals(c->tiers.at[i].name, name)) return &c->tiers.at[i];
    return NULL;
}

const struct config_model *config_find_model(const struct config *c, struct str name)
{
    const struct config_model *exact = map_get(&c->_models_by_name, name);
    if (exact) return exact;
    for (size_t i = 0; i < c->_pattern_count; i++)
        if (str_matches(c->_patterns[i]->name, name)) return c->_patterns[i];
    return NULL;
}

const char *config_kind_name(enum config_kind kind)
{
    return choice_name(kind_choices, kind);
}

const char *config_role_name(enum config_role role)
{
    return choice_name(role_choices, role);
}

const char *config_log_level_name(enum config_log_level level)
{
    return choice_name(log_level_choices, level);
}
