/* net/tls_tickets.c: the keys of session tickets (RFC 5077, RFC 8446 4.6.1): callers keep their own session, sealed with
 * a key that only we have. AES-256-CBC and HMAC-SHA-256. Keys are never written down,
 * and wiped when they are too old: who takes the process's memory can read no more than a day of TLS 1.2 sessions. */
#include "net/tls_inside.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/random.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdatomic.h>

enum { KEYS = 3, KEY_NAME_BYTES = 16, NEW_KEY_MS = 12 * 60 * 60 * 1000, SESSION_SECONDS = 2 * 60 * 60 };

struct ticket_key {
    unsigned char name[KEY_NAME_BYTES], cipher[32], mac[32];
};

struct tls_tickets {
    atomic_uint refs;
    uv_mutex_t lock;
    msec_t next_at;
    unsigned count;
    struct ticket_key keys[KEYS]; /* the newest first */
};

struct tls_tickets *tls_tickets_new(void)
{
    struct tls_tickets *t = xzalloc(sizeof *t);
    atomic_init(&t->refs, 1);
    uv_mutex_init(&t->lock);
    return t;
}

struct tls_tickets *tls_tickets_ref(struct tls_tickets *t)
{
    atomic_fetch_add(&t->refs, 1);
    return t;
}

void tls_tickets_unref(struct tls_tickets **pointer)
{
    struct tls_tickets *t = *pointer;
    *pointer = NULL;
    if (!t || atomic_fetch_sub(&t->refs, 1) > 1) return;
    uv_mutex_destroy(&t->lock);
    OPENSSL_cleanse(t->keys, sizeof t->keys);
    xfree(t);
}

/* Under the lock. */
static void renew(struct tls_tickets *t, msec_t now)
{
    if (t->count && now < t->next_at) return;
    struct ticket_key fresh;
    random_secret(&fresh, sizeof fresh);
    memmove(t->keys + 1, t->keys, (KEYS - 1) * sizeof t->keys[0]);
    t->keys[0] = fresh;
    OPENSSL_cleanse(&fresh, sizeof fresh);
    if (t->count < KEYS) t->count++;
    t->next_at = now + NEW_KEY_MS;
}

/* The newest one, or the one of that name; its index, or -1. */
static int find_key(struct tls_tickets *t, const unsigned char *name, struct ticket_key *out)
{
    int found = -1;
    uv_mutex_lock(&t->lock);
    renew(t, fiber_now());
    for (unsigned i = 0; i < t->count && found < 0; i++)
        if (!name || CRYPTO_memcmp(t->keys[i].name, name, KEY_NAME_BYTES) == 0) found = (int)i;
    if (found >= 0) *out = t->keys[found];
    uv_mutex_unlock(&t->lock);
    return found;
}

static bool set_up(const struct ticket_key *key, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
                   EVP_MAC_CTX *mac, int is_sealing)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)key->mac, sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, params) == 1 &&
           EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, is_sealing) == 1;
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1 fine, 2 fine but renew it, 0 unknown: a full handshake, -1 failed. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int is_sealing)
{
    struct tls_tickets *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    struct ticket_key key;
    int found = find_key(t, is_sealing ? NULL : name, &key);
    if (found < 0) return 0;
    if (is_sealing) {
        memcpy(name, key.name, KEY_NAME_BYTES);
        random_secret(iv, (size_t)EVP_CIPHER_get_iv_length(EVP_aes_256_cbc()));
    }
    bool is_fine = set_up(&key, iv, cipher, mac, is_sealing);
    OPENSSL_cleanse(&key, sizeof key);
    bool is_renewed = found > 0 || SSL_version(ssl) >= TLS1_3_VERSION; /* there, each is good for one use */
    return !is_fine ? -1 : is_renewed ? 2 : 1;
}

void tls_tickets_use(struct tls_tickets *t, SSL_CTX *ssl)
{
    SSL_CTX_set_app_data(ssl, t);
    require(SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, on_ticket) == 1);
    SSL_CTX_set_timeout(ssl, SESSION_SECONDS);
}
