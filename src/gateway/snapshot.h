/* gateway/snapshot.h: a configuration made ready for workers: principals by the digest of their key, providers with
 * their origin and header lines, models with their targets. Immutable but for the pointers into the registry. main
 * builds it; workers hold one reference each and count their exchanges themselves (struct snapshot_use). */
#ifndef WEIR_GATEWAY_SNAPSHOT_H
#define WEIR_GATEWAY_SNAPSHOT_H

#include "base/err.h"
#include "config/config.h"
#include "dialects/dialect.h"
#include "gateway/catalogue.h"
#include "gateway/client.h"
#include "gateway/registry.h"
#include "http/client.h"
#include "http/url.h"
#include "providers/preset.h"

enum { SNAPSHOT_MAX_WARNINGS = 16 };
enum { DIGEST_BYTES = 32 }; /* SHA-256 */

struct principal {
    unsigned char digest[DIGEST_BYTES]; /* of the key */
    struct str name;
    enum config_role role;
    const struct config_tier *tier;
    struct config_strings models; /* patterns */
    struct limit_slot *limits;    /* NULL: no limit at all */
};

/* One place where a provider can be reached. */
struct endpoint {
    struct url url;
    struct str targets[OP_COUNT]; /* a request to it begins so: "POST /v1/chat/completions" … */
    struct str host_line;         /* … and goes on so behind the query: " HTTP/1.1\r\nHost: …\r\n" */
    struct http_origin origin;
    struct provider_state *state;
};
struct provider {
    struct str name;
    const struct config_provider *config;
    struct provider_facts facts;
    struct endpoint *endpoints;
    unsigned endpoint_count;
    const struct str
        *own_lines; /* "Authorization: Bearer …\r\n" and those of `headers:`; one per key, or one */
    const uint64_t *key_ids; /* one per line: the beginning of the key's digest */
    unsigned key_count;
    struct limit_slot *limits;   /* NULL: none */
    struct catalogue *catalogue; /* what it lists as its models */
};

struct snapshot {
    struct config *config; /* one reference */
    struct principal *principals;
    size_t principal_count;
    struct map _principals_by_digest;
    struct tls_acceptor *tls; /* for callers; NULL: plain HTTP. One reference */
    struct str
        warnings[SNAPSHOT_MAX_WARNINGS]; /* what is wrong with it, but not so that it could not serve */
    size_t warning_count;
    struct provider *providers; /* the order of the config: highest priority first */
    size_t provider_count;
    struct client_proxies proxies;
    struct arena _arena;
    atomic_uint _refs;
};

/* The digest of an administrator's key that is no part of the file; NULL: none. */
struct snapshot_request {
    struct config *config; /* referenced */
    struct registry *registry;
    struct catalogues *catalogues;
    const unsigned char *admin_digest;
    struct str simulator_url; /* of the built-in simulator; empty: none runs */
    unsigned workers;         /* that share what is limited for all of them; 0: one */
    msec_t now;
    struct str
        *place; /* out, with err: "FILE:LINE" of what cannot be used, from the config; NULL: not asked for */
};
/* NULL: err. One reference. */
struct snapshot *snapshot_new(const struct snapshot_request *request, struct err *err);
struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot **s);

const struct principal *snapshot_find_principal(const struct snapshot *s,
                                                const unsigned char digest[DIGEST_BYTES]);
const struct provider *snapshot_find_provider(const struct snapshot *s, struct str name);
bool snapshot_has_context(const struct snapshot *s,
                          const struct tls_context *tls); /* some endpoint uses it */
void snapshot_digest(unsigned char out[DIGEST_BYTES], struct str key);

#endif
