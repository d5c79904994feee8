/* gateway/gateway.c: the worker's object: its client, its counters and the snapshot in force. */
#include "gateway/gateway.h"

#include "base/check.h"
#include "base/mem.h"

#include <openssl/evp.h>

enum { UPSTREAM_IDLE_MS = 60000, UPSTREAM_MAX_IDLE = 1024, WARM_SCRATCH_BLOCKS = 64, TICK_MS = 1000 };

static void on_tick(void *arg)
{
    struct gateway *g = arg;
    pages_trim(&g->scratch_blocks);
}

struct gateway *gateway_new(const struct gateway_parts *parts)
{
    struct gateway *g = xzalloc(sizeof *g);
    g->parts = *parts;
    g->client = http_client_new(
        parts->loop,
        &(struct http_client_options){.idle_ms = UPSTREAM_IDLE_MS, .max_idle_per_pool = UPSTREAM_MAX_IDLE});
    random_init(&g->random, random_seed());
    pages_init(&g->scratch_blocks, SCRATCH_BLOCK_BYTES, WARM_SCRATCH_BLOCKS);
    g->tick = loop_tick(parts->loop, TICK_MS, on_tick, g);
    g->exchanges = metrics_gauge(parts->shard, METRIC_EXCHANGES, NULL);
    g->overhead = metrics_histogram(parts->shard, METRIC_OVERHEAD, NULL);
    g->_digest_context = EVP_MD_CTX_new();
    g->_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    require(g->_digest_context && g->_sha256);
    known_keys_init(&g->_known_keys);
    series_init(&g->series, parts->shard);
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        struct str result = i == OUTCOME_SUCCESS       ? STR("success")
                            : i == OUTCOME_CALLER_GONE ? STR("cancelled")
                                                       : STR("failure");
        g->results[i] = metrics_counter(parts->shard, METRIC_LLM_REQUESTS, METRIC_LABELS(result));
    }
    gateway_set_snapshot(g, parts->snapshot);
    return g;
}

void gateway_free(struct gateway *g)
{
    if (!g) return;
    gateway_release_snapshot(g, g->current);
    http_client_free(g->client);
    tick_end(&g->tick);
    pages_done(&g->scratch_blocks);
    EVP_MD_CTX_free(g->_digest_context);
    EVP_MD_free(g->_sha256);
    xfree(g);
}

/* Each worker does it when it changes over, so after the last one no series is left of a provider that was removed. */
static void forget_removed(const struct gateway *g, const struct snapshot *old, const struct snapshot *fresh)
{
    for (size_t i = 0; i < old->provider_count; i++)
        if (!snapshot_find_provider(fresh, old->providers[i].name))
            metrics_drop(g->parts.metrics, METRIC_BREAKER_STATE, METRIC_LABELS(old->providers[i].name));
}

/* Connections made with authorities or certificates that are no longer configured are not used again. */
static void forget_contexts(struct gateway *g, const struct snapshot *old)
{
    for (size_t i = 0; i < old->provider_count; i++) {
        const struct provider *p = &old->providers[i];
        for (unsigned k = 0; k < p->endpoint_count; k++) {
            const struct tls_context *tls = p->endpoints[k].origin.tls;
            if (tls && !snapshot_has_context(g->current->snapshot, tls)) http_client_forget(g->client, tls);
        }
    }
}

void gateway_set_snapshot(struct gateway *g, struct snapshot *fresh)
{
    struct snapshot_use *old = g->current;
    if (old) forget_removed(g, old->snapshot, fresh);
    g->current = xzalloc(sizeof *g->current);
    *g->current = (struct snapshot_use){.snapshot = snapshot_ref(fresh), .uses = 1};
    series_forget_targets(&g->series);
    known_keys_clear(&g->_known_keys);
    if (!old) return;
    forget_contexts(g, old->snapshot);
    gateway_release_snapshot(g, old);
}

struct snapshot_use *gateway_use_snapshot(struct gateway *g)
{
    g->current->uses++;
    return g->current;
}

void gateway_release_snapshot(struct gateway *g, struct snapshot_use *use)
{
    if (--use->uses > 0) return;
    if (use != g->current) forget_contexts(g, use->snapshot); /* the last of its exchanges may have dialled */
    snapshot_unref(&use->snapshot);
    xfree(use);
}

int64_t gateway_wall_ms(struct gateway *g, int64_t monotonic_ns)
{
    if (UNLIKELY(monotonic_ns >= g->_wall_until_ns)) {
        g->_wall_offset_ns = clock_wall_ms() * 1000000 - monotonic_ns;
        g->_wall_until_ns = monotonic_ns + 1000000000;
    }
    return (monotonic_ns + g->_wall_offset_ns) / 1000000;
}

void gateway_digest(struct gateway *g, unsigned char out[DIGEST_BYTES], struct str key)
{
    unsigned bytes = DIGEST_BYTES;
    EVP_DigestInit_ex2(g->_digest_context, g->_sha256, NULL);
    EVP_DigestUpdate(g->_digest_context, key.at, key.len);
    EVP_DigestFinal_ex(g->_digest_context, out, &bytes);
}

const struct principal *gateway_find_principal(struct gateway *g, const struct snapshot_use *use,
                                               struct str key)
{
    bool is_current = use == g->current; /* else from before a reload */
    struct siphash hash = known_keys_hash(&g->_known_keys, key);
    const struct principal *p = is_current ? known_keys_find(&g->_known_keys, hash) : NULL;
    if (LIKELY(p != NULL)) return p;
    unsigned char digest[DIGEST_BYTES];
    gateway_digest(g, digest, key);
    p = snapshot_find_principal(use->snapshot, digest);
    if (p && is_current) known_keys_add(&g->_known_keys, hash, p);
    return p;
}
