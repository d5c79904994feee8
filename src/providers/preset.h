/* providers/preset.h: what is known about services that many people use, one row each, and what a configured provider
 * becomes when a row fills in what the file leaves out. Data and pure functions. */
#ifndef WEIR_PROVIDERS_PRESET_H
#define WEIR_PROVIDERS_PRESET_H

#include "base/arena.h"
#include "base/err.h"
#include "config/config.h"

/* A service. */
struct preset {
    const char *name;
    enum config_kind kind;
    const char *base_url; /* with its version part; NULL: must be configured */
    uint32_t apis;        /* enum config_api, or'ed */
    enum config_stream_usage stream_usage;
    const char *model; /* what it uses for the model `auto`; NULL: nothing sensible to assume */
};

/* A kind of interface: how a provider's requests are addressed and signed. */
struct provider_kind {
    const char *auth_header;  /* name of the header that carries the key, with what stands in front of it: */
    const char *auth_prefix;  /* "Bearer " */
    const char *version_part; /* appended to base URLs that end without one: "/v1" */
    uint32_t apis;            /* without a preset */
};

const struct preset *preset_find(struct str name); /* NULL: unknown */
extern const char *const preset_names[];           /* NULL at the end */

/* A configured provider with its preset's row filled in. Strings live in the arena or the config. */
struct provider_facts {
    const struct provider_kind *kind;
    struct config_strings base_urls; /* complete, in the order of trying, without a trailing slash */
    uint32_t apis;
    enum config_stream_usage stream_usage; /* never …_FROM_PRESET */
    struct str model;                      /* empty: cannot serve `auto` */
};
/* simulator_url: where the built-in simulator answers, for providers of that kind without a base_url; empty: none runs.
 * False: ERR_INVALID (nothing says where it is) or ERR_UNSUPPORTED (its kind is not built). */
MUST_CHECK bool provider_facts_fill(struct provider_facts *out, struct arena *a,
                                    const struct config_provider *p, struct str simulator_url,
                                    struct err *err);

#endif
