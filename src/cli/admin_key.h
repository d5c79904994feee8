/* cli/admin_key.h: the key of the first start. Only its SHA-256 is kept. main's thread. */
#ifndef WEIR_CLI_ADMIN_KEY_H
#define WEIR_CLI_ADMIN_KEY_H

#include "base/err.h"
#include "config/config.h"
#include "gateway/snapshot.h"

struct admin_key {
    bool exists; /* digest is of a key that was made here, now or at an earlier start */
    bool is_new;
    unsigned char digest[DIGEST_BYTES];
    char text[80];   /* of a new one, to be shown once; else empty */
    char file[1024]; /* where a new one was written; empty: it is for the terminal */
};
/* Finds or makes the key if the configuration has none; nothing is written yet. is_terminal: a new one will be shown
 * there, else it goes to a file. */
MUST_CHECK bool admin_key_init(struct admin_key *k, const struct config *c, bool is_terminal,
                               struct err *err);
/* Once the gateway serves: writes down a new key's digest (and the key, without a terminal). */
MUST_CHECK bool admin_key_keep(struct admin_key *k, const struct config *c, struct err *err);
/* Shows a new key once, with a curl line that can be pasted. */
void admin_key_show(struct admin_key *k, const char *url, const char *model);

#endif
