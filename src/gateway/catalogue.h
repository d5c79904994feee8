/* gateway/catalogue.h: the models that a provider lists, asked for when somebody needs them and kept for ten minutes.
 * Shared by the workers, survives reloads. The lock is never held across a wait. */
#ifndef WEIR_GATEWAY_CATALOGUE_H
#define WEIR_GATEWAY_CATALOGUE_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"

struct catalogue;  /* of one provider */
struct catalogues; /* all; main's */

enum { CATALOGUE_FRESH_MS = 600000, CATALOGUE_RETRY_MS = 30000, CATALOGUE_MAX_MODELS = 10000 };

struct catalogues *catalogues_new(void);
void catalogues_free(struct catalogues *c);
/* main, while a snapshot is built. Found by provider name and base URL. */
struct catalogue *catalogues_get(struct catalogues *c, struct str provider, struct str base_url);

/* YOURS: the list is old or missing and nobody is fetching it: you are, and owe a catalogue_store() or
 * catalogue_release(). AWAITED: somebody is asking for the first time; ask again soon. */
enum catalogue_claim { CATALOGUE_KNOWN, CATALOGUE_YOURS, CATALOGUE_AWAITED };
enum catalogue_claim catalogue_claim(struct catalogue *c, msec_t now);
/* `reply` is the body of GET /models. Empty, or no list: it could not be had; what was known stays, and it is asked for
 * again after 30 s. */
void catalogue_store(struct catalogue *c, struct str reply, msec_t now);
/* You did not get to asking: the next one may. */
void catalogue_release(struct catalogue *c);
bool catalogue_has(struct catalogue *c, struct str model);
/* Copies of the ids, in the provider's order, into the arena. */
size_t catalogue_list(struct catalogue *c, struct arena *a, const struct str **ids);

#endif
