/* config/env.c: looking names up, and expansion.
 *
 *     text "a ${NAME:-b} c":   literal "a " | expression NAME:-b | literal " c"
 *
 * Expressions do not nest, and what they give is not expanded again: no value of the environment can reach for another.
 * No error here holds a value: only names and paths. */
#include "config/env.h"

void env_init(struct env *e, const struct config_source *source, struct arena *a)
{
    *e = (struct env){.source = source, .arena = a};
    map_init(&e->dotenv);
}

void env_done(struct env *e)
{
    map_done(&e->dotenv);
}

enum env_result env_find(struct env *e, const char *name, struct str *value)
{
    const char *own = e->source->getenv(e->source->arg, name);
    if (own) {
        *value = arena_copy(e->arena, str_from_cstr(own));
        return ENV_FOUND;
    }
    const struct str *from_file = map_get(&e->dotenv, str_from_cstr(name));
    if (!from_file) return ENV_ABSENT;
    *value = *from_file;
    return ENV_FOUND;
}

/* The file's text without line feeds at its end. */
static bool read_secret(struct env *e, const char *path, struct str *value, struct err *err)
{
    struct buf file;
    buf_init(&file, CONFIG_MAX_FILE_BYTES);
    bool is_read = e->source->read_file(e->source->arg, path, &file, err);
    if (is_read && file.len > ENV_MAX_SECRET_FILE_BYTES)
        is_read = err_set(err, ERR_TOO_LARGE, "larger than 64KiB");
    if (is_read) {
        struct str text = buf_str(&file);
        while (text.len && (text.at[text.len - 1] == '\n' || text.at[text.len - 1] == '\r')) text.len--;
        *value = arena_copy(e->arena, text);
    }
    buf_done(&file);
    return is_read || err_wrap(err, path);
}

enum env_result env_find_secret(struct env *e, const char *name, struct str *value, struct err *err)
{
    if (env_find(e, name, value) == ENV_FOUND) return ENV_FOUND;
    struct str file_name = arena_printf(e->arena, "%s_FILE", name), path;
    if (env_find(e, file_name.at, &path) == ENV_ABSENT || !path.len) return ENV_ABSENT;
    if (read_secret(e, path.at, value, err)) return ENV_FOUND;
    err_wrap(err, file_name.at);
    return ENV_FAILED;
}

static bool is_name(struct str s)
{
    if (!s.len || (s.at[0] >= '0' && s.at[0] <= '9')) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = ascii_lower(s.at[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
    }
    return true;
}

static bool expand_name(struct env *e, struct str name, struct str fallback, struct str *value,
                        struct err *err)
{
    const char *z = arena_cstr(e->arena, name);
    enum env_result found = env_find_secret(e, z, value, err);
    if (found == ENV_FAILED) return false;
    if (fallback.at && (found == ENV_ABSENT || !value->len)) return *value = fallback, true;
    if (found == ENV_FOUND) return true;
    return err_set(err, ERR_NOT_FOUND, "${%s} is not set and has no default", z);
}

/* `text` is what stands between the braces. */
static bool expand_expression(struct env *e, struct str text, struct str *value, struct err *err)
{
    if (str_starts_with(text, STR("file:"))) {
        const char *path = arena_cstr(e->arena, str_from(text, 5));
        return read_secret(e, path, value, err) || err_wrap(err, "${file:…}");
    }
    size_t colon = str_find(text, STR(":-"));
    struct str name = str_part(text, 0, colon);
    struct str fallback = colon == SIZE_MAX ? (struct str){0} : str_from(text, colon + 2);
    if (!is_name(name) || str_find(text, STR("${")) != SIZE_MAX)
        return err_set(
            err, ERR_INVALID,
            "\"${…}\" holds no name; allowed: ${NAME}, ${NAME:-default}, ${file:/path}, and $${ for ${ itself");
    return expand_name(e, name, fallback, value, err);
}

/* Takes the literal text up to the next expression off the front of *rest; "$${" gives "${". */
static bool take_literal(struct str *rest, struct buf *out)
{
    for (;;) {
        size_t at = str_find(*rest, STR("${"));
        if (at == SIZE_MAX || at == 0 || rest->at[at - 1] != '$') {
            bool is_kept = buf_append(out, str_part(*rest, 0, at));
            *rest = at == SIZE_MAX ? (struct str){0} : str_from(*rest, at);
            return is_kept;
        }
        if (!buf_append(out, str_part(*rest, 0, at - 1)) || !buf_append(out, STR("${"))) return false;
        *rest = str_from(*rest, at + 2);
    }
}

static bool refuse_size(struct err *err)
{
    return err_set(err, ERR_TOO_LARGE, "all values together are larger than 4MiB once filled in");
}

static bool expand_into(struct env *e, struct str rest, struct buf *out, struct err *err)
{
    for (;;) {
        if (!take_literal(&rest, out)) return refuse_size(err);
        if (!rest.at) return true;
        size_t end = str_find_char(rest, '}');
        if (end == SIZE_MAX)
            return err_set(err, ERR_INVALID, "\"${\" without its \"}\"; $${ stands for ${ itself");
        struct str value;
        if (!expand_expression(e, str_part(rest, 2, end - 2), &value, err)) return false;
        if (!buf_append(out, value)) return refuse_size(err);
        rest = str_from(rest, end + 1);
    }
}

bool env_expand(struct env *e, struct str text, struct str *out, struct err *err)
{
    if (str_find(text, STR("${")) == SIZE_MAX) return *out = text, true;
    struct buf filled;
    buf_init(&filled, ENV_MAX_EXPANDED_BYTES - e->_expanded_bytes + 1);
    bool is_done = expand_into(e, text, &filled, err);
    if (is_done && e->_expanded_bytes + filled.len > ENV_MAX_EXPANDED_BYTES) is_done = refuse_size(err);
    if (is_done) {
        e->_expanded_bytes += filled.len;
        *out = arena_copy(e->arena, buf_str(&filled));
    }
    buf_done(&filled);
    return is_done;
}
