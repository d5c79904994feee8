/* simulate/replay.c: which recording answers a request. Cases are sorted by the fingerprint of their request, so those
 * that say the same stand side by side; among them the path decides. */
#include "simulate/replay_inside.h"

#include "http/url.h"
#include "json/cursor.h"

unsigned replay_count(const struct replay *r)
{
    return r->count;
}

/* ---- paths ---- */

static bool is_version(struct str part)
{
    return part.len >= 2 && part.at[0] == 'v' && part.at[1] >= '0' && part.at[1] <= '9';
}

static struct str without_slashes(struct str path)
{
    while (path.len && path.at[path.len - 1] == '/') path.len--;
    while (path.len && path.at[0] == '/') path = str_from(path, 1);
    return path;
}

/* What follows the last version part ("v1", "v1beta"), or all of it. */
static struct str path_tail(struct str path)
{
    struct str rest = path, tail = path;
    while (rest.at) {
        struct str part = str_cut(&rest, '/');
        if (is_version(part) && rest.len) tail = rest;
    }
    return tail;
}

static bool ends_with_parts(struct str path, struct str end)
{
    if (!end.len || !str_ends_with(path, end)) return false;
    return path.len == end.len || path.at[path.len - end.len - 1] == '/';
}

unsigned replay_path_fit(struct str recorded, struct str asked)
{
    recorded = without_slashes(recorded);
    asked = without_slashes(asked);
    if (str_equals(recorded, asked)) return 4;
    struct str x = path_tail(recorded), y = path_tail(asked);
    if (ends_with_parts(recorded, asked) || ends_with_parts(asked, recorded)) return 3;
    if (str_equals(x, y)) return 2;
    return ends_with_parts(x, y) || ends_with_parts(y, x) ? 1 : 0;
}

/* ---- cases ---- */

/* Of the query only `alt` selects: with it Gemini streams events instead of an array. */
static unsigned case_fit(const struct replay_case *c, const struct replay_query *q, struct str path)
{
    if (!str_equals(c->method, q->method)) return 0;
    struct str name = STR("alt");
    if (!str_equals(url_query_value(c->query, name), url_query_value(q->query, name))) return 0;
    return replay_path_fit(c->path, path);
}

static unsigned first_with(const struct replay *r, struct canonical request)
{
    unsigned low = 0, high = r->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (canonical_compare(r->cases[middle].request, request) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct replay_case *find_by_body(struct replay *r, const struct replay_query *q, struct str path,
                                        struct arena *scratch)
{
    struct canonical request = q->body.len ? canonical_of(q->body, scratch) : canonical_of_bytes(q->body);
    struct replay_case *best = NULL;
    unsigned best_fit = 0;
    for (unsigned i = first_with(r, request); i < r->count; i++) {
        struct replay_case *c = &r->cases[i];
        if (canonical_compare(c->request, request) != 0) break;
        unsigned fit = c->has_request ? case_fit(c, q, path) : 0;
        if (!fit || fit < best_fit || (fit == best_fit && best->served <= c->served)) continue;
        best = c;
        best_fit = fit;
    }
    return best;
}

/* Short names may fit several cases: then the one whose path fits best. */
static struct replay_case *find_by_name(struct replay *r, const struct replay_query *q, struct str path)
{
    struct replay_case *best = NULL;
    unsigned best_fit = 0;
    for (unsigned i = 0; i < r->count; i++) {
        struct replay_case *c = &r->cases[i];
        if (!ends_with_parts(c->name, q->case_name)) continue;
        unsigned fit = 1 + case_fit(c, q, path);
        if (fit < best_fit || (fit == best_fit && str_compare(best->name, c->name) < 0)) continue;
        best = c;
        best_fit = fit;
    }
    return best;
}

static void explain(const struct replay *r, const struct replay_query *q, struct str path, struct err *err)
{
    unsigned same_path = 0;
    for (unsigned i = 0; i < r->count; i++)
        if (str_equals(r->cases[i].method, q->method) && replay_path_fit(r->cases[i].path, path)) same_path++;
    if (q->case_name.len)
        err_set(err, ERR_NOT_FOUND,
                "There is no recording named '%.*s', and none of %.*s %.*s with this body.",
                STR_ARG(str_part(q->case_name, 0, 60)), STR_ARG(q->method), STR_ARG(str_part(path, 0, 60)));
    else
        err_set(
            err, ERR_NOT_FOUND,
            "No recording of %.*s %.*s has this body (%zu bytes); %u of %u have the path. Or name one: X-Case.",
            STR_ARG(q->method), STR_ARG(str_part(path, 0, 60)), q->body.len, same_path, r->count);
}

const struct replay_case *replay_find(struct replay *r, const struct replay_query *q, struct arena *scratch,
                                      struct err *err)
{
    struct str path;
    if (!url_decode(&path, scratch, q->path)) path = q->path;
    struct replay_case *found = q->case_name.len ? find_by_name(r, q, path) : NULL;
    if (!found) found = find_by_body(r, q, path, scratch);
    if (!found) {
        explain(r, q, path, err);
        return NULL;
    }
    found->served++;
    return found;
}
