/* simulate/replay_load.c: walks a folder for meta.json files and makes a case of each. Requests are read once, for
 * their fingerprint; responses are mapped and paged in when they are served. */
#include "simulate/replay_inside.h"

#include "base/mem.h"
#include "http/message.h"
#include "http/url.h"
#include "json/cursor.h"
#include "json/skim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILE_BYTES = 64 << 20 };

static bool fail(struct err *err, struct str file, const char *what)
{
    return err_set(err, ERR_INVALID, "%.*s: %s", STR_ARG(file), what);
}

/* ---- files ---- */

static bool file_map(struct str *out, struct str path, struct err *err)
{
    struct stat st;
    int fd = open(path.at, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_set_errno(err, errno, path.at);
    bool is_known = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= MAX_FILE_BYTES;
    void *at = is_known && st.st_size ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    int why = errno;
    close(fd);
    if (!is_known) return fail(err, path, "not a file of at most 64 MiB");
    if (at == MAP_FAILED) return err_set_errno(err, why, path.at);
    *out = str_of(at, (size_t)st.st_size);
    return true;
}

static void file_unmap(struct str file)
{
    if (file.len) munmap((void *)(uintptr_t)file.at, file.len);
}

static struct str path_below(struct arena *a, struct str folder, struct str name)
{
    return arena_join(a, (struct str[]){folder, STR("/"), name}, 3);
}

/* ---- one case ---- */

enum {
    METHOD,
    PATH,
    STATUS,
    REQUEST_FILE,
    REQUEST_KIND,
    RESPONSE_FILE,
    RESPONSE_HEADERS,
    FEATURES,
    META_COUNT
};
static const struct str meta_names[META_COUNT] = {
    STR_INIT("method"),           STR_INIT("path"),         STR_INIT("status"),
    STR_INIT("request_file"),     STR_INIT("request_kind"), STR_INIT("response_file"),
    STR_INIT("response_headers"), STR_INIT("features"),
};

static const struct {
    struct str ending, content_type;
    bool is_stream;
} kinds[] = {
    {STR_INIT(".json"), STR_INIT("application/json"), false},
    {STR_INIT(".sse"), STR_INIT("text/event-stream; charset=utf-8"), true},
    {STR_INIT(".ndjson"), STR_INIT("application/x-ndjson"), true},
    {STR_INIT(".eventstream"), STR_INIT("application/vnd.amazon.eventstream"), true},
    {STR_INIT(".txt"), STR_INIT("text/plain; charset=utf-8"), false},
    {STR_INIT(""), STR_INIT("application/octet-stream"), false},
};

/* The body is stored decoded and framed anew, and the server writes its own date. */
static bool header_is_ours(struct str name)
{
    static const struct str names[] = {STR_INIT("content-encoding"),  STR_INIT("content-length"),
                                       STR_INIT("transfer-encoding"), STR_INIT("connection"),
                                       STR_INIT("keep-alive"),        STR_INIT("date")};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (str_equals_nocase(name, names[i])) return true;
    return false;
}

static bool header_name_is_valid(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = ascii_lower(name.at[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) return false;
    }
    return name.len > 0;
}

static struct str read_header_lines(struct arena *a, struct json_value headers, struct str content_type)
{
    struct json_members it;
    struct json_value key, value;
    struct str name, text, lines = STR("");
    bool has_type = false;
    json_members_init(&it, headers);
    while (json_members_next(&it, &key, &value)) {
        if (!json_to_str(key, a, &name) || !json_to_str(value, a, &text)) continue;
        if (header_is_ours(name) || !header_name_is_valid(name) || !http_value_is_valid(text)) continue;
        if (str_equals_nocase(name, STR("content-type"))) has_type = true;
        lines = arena_join(a, (struct str[]){lines, name, STR(": "), text, STR("\r\n")}, 5);
    }
    if (has_type) return lines;
    return arena_join(a, (struct str[]){lines, STR("Content-Type: "), content_type, STR("\r\n")}, 4);
}

static bool has_feature(struct json_value features, struct str wanted)
{
    struct json_items it;
    struct json_value v;
    json_items_init(&it, features);
    while (json_items_next(&it, &v))
        if (json_str_equals(v, wanted)) return true;
    return false;
}

/* The last three parts of the folder's path. */
static struct str case_name(struct str folder)
{
    unsigned slashes = 0;
    for (size_t at = folder.len; at > 0; at--)
        if (folder.at[at - 1] == '/' && ++slashes == 3) return str_from(folder, at);
    return folder;
}

static bool load_request(struct replay_case *c, struct str folder, const struct json_value *meta,
                         struct err *err)
{
    struct arena scratch;
    struct str file_name, file;
    c->has_request = !json_str_equals(meta[REQUEST_KIND], STR("not-recorded"));
    arena_init(&scratch);
    bool is_multipart = json_str_equals(meta[REQUEST_KIND], STR("multipart"));
    if (is_multipart)
        file_name = STR("request.multipart");
    else if (!json_to_str(meta[REQUEST_FILE], &scratch, &file_name))
        file_name = STR("");
    bool is_loaded = true;
    if (!file_name.len) {
        c->request = canonical_of_bytes(STR(""));
    } else if ((is_loaded = file_map(&file, path_below(&scratch, folder, file_name), err))) {
        c->request = is_multipart ? canonical_of_bytes(file) : canonical_of(file, &scratch);
        file_unmap(file);
    }
    arena_done(&scratch);
    return is_loaded;
}

static bool load_response(struct replay_case *c, struct arena *a, struct str folder,
                          const struct json_value *meta, struct err *err)
{
    struct str file_name;
    size_t kind = 0;
    if (!json_to_str(meta[RESPONSE_FILE], a, &file_name))
        return fail(err, folder, "meta.json names no response_file");
    while (!str_ends_with(file_name, kinds[kind].ending)) kind++;
    c->is_stream = kinds[kind].is_stream || has_feature(meta[FEATURES], STR("json_array_stream"));
    c->header_lines = read_header_lines(a, meta[RESPONSE_HEADERS], kinds[kind].content_type);
    return file_map(&c->body, path_below(a, folder, file_name), err);
}

static bool load_case(struct replay *r, struct str folder, struct str meta_text, struct err *err)
{
    struct json_value meta[META_COUNT];
    struct replay_case c = {.name = case_name(folder)};
    struct str target, raw;
    int64_t status;
    if (!json_skim(meta_text, meta_names, META_COUNT, meta))
        return fail(err, folder, "meta.json is no JSON object");
    if (!json_to_str(meta[METHOD], &r->arena, &raw) || !json_to_str(meta[PATH], &r->arena, &target) ||
        !json_to_i64(meta[STATUS], &status) || status < 200 || status > 599)
        return fail(err, folder, "meta.json lacks method, path or status");
    c.method = arena_copy(&r->arena, raw);
    c.query = arena_copy(&r->arena, target);
    struct str path = str_cut(&c.query, '?');
    if (!url_decode(&c.path, &r->arena, path)) c.path = path;
    c.status = (int)status;
    if (!load_request(&c, folder, meta, err) || !load_response(&c, &r->arena, folder, meta, err))
        return false;
    if (r->count == r->_room) {
        r->_room = r->_room ? 2 * r->_room : 256;
        r->cases = xrealloc(r->cases, r->_room * sizeof *r->cases);
    }
    r->cases[r->count++] = c;
    return true;
}

/* ---- the folder ---- */

static bool load_meta(struct replay *r, struct str folder, struct err *err)
{
    struct str meta_text;
    if (r->count == REPLAY_MAX_CASES) return fail(err, folder, "more than 100000 recordings");
    if (!file_map(&meta_text, path_below(&r->arena, folder, STR("meta.json")), err)) return false;
    bool is_loaded = load_case(r, folder, meta_text, err);
    file_unmap(meta_text);
    return is_loaded;
}

static bool load_folder(struct replay *r, struct str folder, unsigned depth, struct err *err)
{
    DIR *dir = opendir(folder.at);
    if (!dir) return err_set_errno(err, errno, folder.at);
    bool is_loaded = true;
    for (struct dirent *e; is_loaded && (e = readdir(dir));) {
        struct str name = str_from_cstr(e->d_name);
        struct stat st;
        if (str_equals(name, STR("meta.json"))) is_loaded = load_meta(r, folder, err);
        if (name.at[0] == '.' || depth == REPLAY_MAX_FOLDERS_DEPTH) continue;
        if (e->d_type != DT_DIR && e->d_type != DT_LNK && e->d_type != DT_UNKNOWN) continue;
        struct str below = path_below(&r->arena, folder, name);
        if (is_loaded && stat(below.at, &st) == 0 && S_ISDIR(st.st_mode))
            is_loaded = load_folder(r, below, depth + 1, err);
    }
    closedir(dir);
    return is_loaded;
}

static int case_compare(const void *left, const void *right)
{
    const struct replay_case *x = left, *y = right;
    int by_request = canonical_compare(x->request, y->request);
    return by_request ? by_request : str_compare(x->name, y->name);
}

struct replay *replay_load(struct str folder, struct err *err)
{
    struct replay *r = xzalloc(sizeof *r);
    arena_init(&r->arena);
    char *full = realpath(arena_cstr(&r->arena, folder), arena_alloc(&r->arena, PATH_MAX));
    if (!full) {
        err_set_errno(err, errno, arena_cstr(&r->arena, folder));
        goto fail;
    }
    if (!load_folder(r, str_from_cstr(full), 0, err)) goto fail;
    if (!r->count) {
        err_set(err, ERR_NOT_FOUND, "%.*s: no recordings: no folder below it holds a meta.json",
                STR_ARG(folder));
        goto fail;
    }
    qsort(r->cases, r->count, sizeof *r->cases, case_compare);
    return r;
fail:
    replay_free(r);
    return NULL;
}

void replay_free(struct replay *r)
{
    if (!r) return;
    for (unsigned i = 0; i < r->count; i++) file_unmap(r->cases[i].body);
    xfree(r->cases);
    arena_done(&r->arena);
    xfree(r);
}
