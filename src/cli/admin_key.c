/* cli/admin_key.c: beside the store lie two files of mode 0600: `weir.admin.sha256`, the digest that later starts read,
 * and, when no terminal was there to show it, `weir.admin.key`. Whoever lost the key deletes the first and restarts. */
#include "cli/admin_key.h"

#include "base/fmt.h"
#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char DIGEST_FILE[] = "weir.admin.sha256", KEY_FILE[] = "weir.admin.key";

/* The folder of `store: sqlite:PATH`, else the current one. */
static void path_beside_store(char *out, size_t room, const struct config *c, const char *name)
{
    struct str path = c->store;
    size_t slash = 0;
    bool is_file = str_starts_with(path, STR("sqlite:"));
    if (is_file) path = str_from(path, 7);
    for (size_t i = 0; is_file && i < path.len; i++)
        if (path.at[i] == '/') slash = i + 1;
    snprintf(out, room, "%.*s%s", (int)slash, path.at ? path.at : "", name);
}

static bool write_file(const char *path, struct str text, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return err_set_errno(err, errno, path);
    bool is_written = fchmod(fd, 0600) == 0 && /* it may have been there */
                      write(fd, text.at, text.len) == (ssize_t)text.len;
    int why = errno;
    close(fd);
    return is_written || err_set_errno(err, why, path);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False: there is no such file; err untouched. A damaged one is an error, never a new key. */
static bool read_digest(struct admin_key *k, const char *path, bool *is_damaged)
{
    char text[2 * DIGEST_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    *is_damaged = read(fd, text, sizeof text) != (ssize_t)sizeof text;
    close(fd);
    for (size_t i = 0; i < DIGEST_BYTES && !*is_damaged; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        *is_damaged = high < 0 || low < 0;
        k->digest[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static void make_key(struct admin_key *k)
{
    unsigned char secret[24];
    random_secret(secret, sizeof secret);
    char *at = fmt_str(k->text, STR("weir-admin-"));
    *fmt_hex_bytes(at, secret, sizeof secret) = '\0';
    snapshot_digest(k->digest, str_from_cstr(k->text));
    k->exists = k->is_new = true;
}

bool admin_key_init(struct admin_key *k, const struct config *c, bool is_terminal, struct err *err)
{
    *k = (struct admin_key){0};
    if (c->auth.mode == AUTH_OFF || c->auth.keys.count > 0) return true;
    char path[sizeof k->file];
    bool is_damaged = false;
    path_beside_store(path, sizeof path, c, DIGEST_FILE);
    if (read_digest(k, path, &is_damaged)) {
        k->exists = true;
        return !is_damaged ||
               err_set(err, ERR_INVALID, "%s is damaged: delete it to get a new admin key", path);
    }
    make_key(k);
    if (!is_terminal) path_beside_store(k->file, sizeof k->file, c, KEY_FILE);
    return true;
}

bool admin_key_keep(struct admin_key *k, const struct config *c, struct err *err)
{
    if (!k->is_new) return true;
    char path[sizeof k->file], digest[2 * DIGEST_BYTES + 1];
    *fmt_hex_bytes(digest, k->digest, DIGEST_BYTES) = '\n';
    path_beside_store(path, sizeof path, c, DIGEST_FILE);
    if (k->file[0]) {
        size_t len = strlen(k->text);
        k->text[len] = '\n';
        bool is_written = write_file(k->file, str_of(k->text, len + 1), err);
        k->text[len] = '\0';
        if (!is_written) return false;
    }
    return write_file(path, str_of(digest, sizeof digest), err);
}

void admin_key_show(struct admin_key *k, const char *url, const char *model)
{
    if (k->exists && !k->is_new)
        fprintf(
            stderr,
            "weir: the admin key of an earlier start is in force; delete %s beside the store to get a new one\n",
            DIGEST_FILE);
    if (!k->is_new) return;
    if (k->file[0]) {
        fprintf(stderr, "weir: no key is configured, so an admin key was made: it is in %s\n", k->file);
    } else {
        fprintf(
            stderr,
            "\nNo key is configured, so an admin key was made. It is shown this once:\n\n    %s\n\nTry it:\n\n"
            "    curl %s/v1/chat/completions -H 'Authorization: Bearer %s' "
            "-H 'Content-Type: application/json' "
            "-d '{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'\n\n",
            k->text, url, k->text, model);
    }
    explicit_bzero(k->text, sizeof k->text);
}
