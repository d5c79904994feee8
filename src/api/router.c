/* api/router.c: exact paths in a hash table, templates ("/v1/models/{id}", "/circuit-breakers/{name}/reset") by their
 * head and tail. A path has one row. */
#include "api/router.h"

static const struct str V1 = STR_INIT("/v1");

void router_init(struct router *r)
{
    map_init(&r->_exact);
    for (size_t i = 0; i < endpoint_count; i++) {
        struct str path = endpoints[i].route.endpoint;
        if (str_find_char(path, '{') != SIZE_MAX) continue;
        map_put(&r->_exact, path, (void *)&endpoints[i]);
        if (str_starts_with(path, STR("/v1/")))
            map_put(&r->_exact, str_from(path, V1.len), (void *)&endpoints[i]);
    }
}

void router_done(struct router *r)
{
    map_done(&r->_exact);
}

/* Something must stand in the template's place. */
static bool template_matches(struct str template, struct str path, struct str *rest)
{
    size_t open = str_find_char(template, '{'), close = str_find_char(template, '}');
    if (open == SIZE_MAX) return false;
    struct str head = str_part(template, 0, open), tail = str_from(template, close + 1);
    if (!str_starts_with(path, head) || !str_ends_with(path, tail)) return false;
    if (path.len <= head.len + tail.len) return false;
    *rest = str_part(path, head.len, path.len - head.len - tail.len);
    return true;
}

static const struct endpoint_row *find_template(struct str path, struct str *rest)
{
    for (size_t i = 0; i < endpoint_count; i++) {
        struct str template = endpoints[i].route.endpoint;
        if (template_matches(template, path, rest)) return &endpoints[i];
        if (str_starts_with(template, STR("/v1/")) &&
            template_matches(str_from(template, V1.len), path, rest))
            return &endpoints[i];
    }
    return NULL;
}

struct routed router_find(const struct router *r, enum http_method method, struct str path)
{
    struct routed found = {0};
    const struct endpoint_row *row = map_get(&r->_exact, path);
    if (!row) row = find_template(path, &found.rest);
    if (!row) return found;
    found.methods = row->methods;
    enum http_method asked = method == M_HEAD ? M_GET : method;
    if (row->methods & 1u << asked) found.row = row;
    return found;
}
