/* net/tls_files.c: certificates, keys and authorities, from PEM files into an SSL_CTX.
 *
 * Each file is read once, so that what is used is what the digest was made of. Keys are wiped from memory after use.
 * Errors name the file and OpenSSL's reason, which quotes nothing of the contents. */
#include "net/tls_inside.h"

#include "base/mem.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

enum { FILE_MAX_BYTES = 8 << 20, READ_BYTES = 4096 };

static bool refuse(struct err *err, const char *path, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *why = code ? ERR_reason_error_string(code) : NULL;
    err_set(err, ERR_TLS, "%.120s: %s%s%s", path, what, why ? ": " : "", why ? why : "");
    ERR_clear_error();
    return false;
}

static bool refuse_errno(struct err *err, const char *path)
{
    err_set_errno(err, errno, path);
    err->code = ERR_TLS;
    ERR_clear_error();
    return false;
}

/* ---- reading ---- */

static bool read_file(struct buf *out, const char *path, struct err *err)
{
    ERR_clear_error();
    struct stat about;
    if (stat(path, &about) != 0) return refuse_errno(err, path);
    if (!S_ISREG(about.st_mode)) return refuse(err, path, "not a file");
    BIO *file = BIO_new_file(path, "r");
    if (!file) return refuse_errno(err, path);
    bool is_fine = true;
    for (int got = 1; got > 0 && is_fine;) {
        is_fine = buf_reserve(out, READ_BYTES);
        got = is_fine ? BIO_read(file, out->at + out->len, READ_BYTES) : 0;
        if (got > 0) out->len += (size_t)got;
    }
    BIO_free(file);
    return is_fine || refuse(err, path, "larger than 8 MiB");
}

static void digest_add(EVP_MD_CTX *digest, const struct buf *text)
{
    uint64_t bytes = text->len;
    EVP_DigestUpdate(digest, &bytes, sizeof bytes);
    EVP_DigestUpdate(digest, text->at, text->len);
}

/* The system's authorities are not read here: how old they are must do. */
static void digest_add_age(EVP_MD_CTX *digest, const char *path)
{
    struct stat about;
    if (stat(path, &about) != 0) return;
    EVP_DigestUpdate(digest, &about.st_mtim, sizeof about.st_mtim);
    EVP_DigestUpdate(digest, &about.st_size, sizeof about.st_size);
    EVP_DigestUpdate(digest, &about.st_ino, sizeof about.st_ino);
}

void tls_pem_init(struct tls_pem *p)
{
    *p = (struct tls_pem){0};
    buf_init(&p->ca, FILE_MAX_BYTES);
    buf_init(&p->cert, FILE_MAX_BYTES);
    buf_init(&p->key, FILE_MAX_BYTES);
}

void tls_pem_done(struct tls_pem *p)
{
    if (p->key.at) OPENSSL_cleanse(p->key.at, p->key.len);
    buf_done(&p->ca);
    buf_done(&p->cert);
    buf_done(&p->key);
}

bool tls_pem_read(struct tls_pem *p, const struct tls_files *files, struct err *err)
{
    p->files = *files;
    if (files->ca && !read_file(&p->ca, files->ca, err)) return false;
    if (files->cert && !read_file(&p->cert, files->cert, err)) return false;
    if (files->key && !read_file(&p->key, files->key, err)) return false;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    EVP_DigestInit_ex(digest, EVP_sha256(), NULL);
    digest_add(digest, &p->ca);
    EVP_DigestFinal_ex(digest, p->ca_digest, NULL);
    EVP_DigestInit_ex(digest, EVP_sha256(), NULL);
    digest_add(digest, &p->ca);
    digest_add(digest, &p->cert);
    digest_add(digest, &p->key);
    if (!files->ca) digest_add_age(digest, X509_get_default_cert_file());
    EVP_DigestFinal_ex(digest, p->digest, NULL);
    EVP_MD_CTX_free(digest);
    return true;
}

/* ---- using ---- */

/* A key with a password cannot be used, and nobody is asked for one. */
static int no_password(char *out, int room, int is_writing, void *arg)
{
    (void)out, (void)room, (void)is_writing, (void)arg;
    return -1;
}

static BIO *bio_of(const struct buf *text)
{
    return BIO_new_mem_buf(text->at ? text->at : "", (int)text->len);
}

static bool trust(SSL_CTX *ssl, const struct tls_pem *p, struct err *err)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ssl);
    BIO *text = bio_of(&p->ca);
    size_t found = 0;
    ERR_clear_error();
    for (X509 *x; (x = PEM_read_bio_X509_AUX(text, NULL, no_password, NULL)); X509_free(x), found++) {
        (void)X509_STORE_add_cert(store, x); /* there already: fine */
        (void)SSL_CTX_add_client_CA(ssl, x);
    }
    BIO_free(text);
    bool is_at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (found == 0 || !is_at_end) return refuse(err, p->files.ca, "no trusted certificates");
    ERR_clear_error();
    return true;
}

static bool show_chain(SSL_CTX *ssl, const struct tls_pem *p, struct err *err)
{
    BIO *text = bio_of(&p->cert);
    ERR_clear_error();
    X509 *own = PEM_read_bio_X509_AUX(text, NULL, no_password, NULL);
    bool is_fine = own && SSL_CTX_use_certificate(ssl, own) == 1;
    X509_free(own);
    for (X509 *x; is_fine && (x = PEM_read_bio_X509(text, NULL, no_password, NULL));) {
        is_fine = SSL_CTX_add0_chain_cert(ssl, x) == 1;
        if (!is_fine) X509_free(x);
    }
    BIO_free(text);
    is_fine = is_fine && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (!is_fine) return refuse(err, p->files.cert, "no certificate that can be used");
    ERR_clear_error();
    return true;
}

static bool use_key(SSL_CTX *ssl, const struct tls_pem *p, struct err *err)
{
    BIO *text = bio_of(&p->key);
    ERR_clear_error();
    EVP_PKEY *key = PEM_read_bio_PrivateKey(text, NULL, no_password, NULL);
    BIO_free(text);
    if (!key) return refuse(err, p->files.key, "no private key that can be used (without a password)");
    bool is_ours = X509_check_private_key(SSL_CTX_get0_certificate(ssl), key) == 1;
    bool is_fine = is_ours && SSL_CTX_use_PrivateKey(ssl, key) == 1;
    EVP_PKEY_free(key);
    if (is_fine) return true;
    ERR_clear_error();
    return err_set(err, ERR_TLS, "%.80s does not belong to the certificate in %.80s", p->files.key,
                   p->files.cert);
}

static void warn_of_dates(SSL_CTX *ssl, const char *path, char warning[TLS_WARNING_BYTES])
{
    const X509 *own = SSL_CTX_get0_certificate(ssl);
    const char *what = X509_cmp_current_time(X509_get0_notAfter(own)) <= 0    ? "has expired"
                       : X509_cmp_current_time(X509_get0_notBefore(own)) >= 0 ? "is not valid yet"
                                                                              : NULL;
    warning[0] = 0;
    if (what) snprintf(warning, TLS_WARNING_BYTES, "%.120s: the certificate %s", path, what);
}

bool tls_pem_use(const struct tls_pem *p, SSL_CTX *ssl, char warning[TLS_WARNING_BYTES], struct err *err)
{
    warning[0] = 0;
    if (p->files.ca && !trust(ssl, p, err)) return false;
    if (!p->files.cert) return true;
    if (!show_chain(ssl, p, err) || !use_key(ssl, p, err)) return false;
    warn_of_dates(ssl, p->files.cert, warning);
    return true;
}
