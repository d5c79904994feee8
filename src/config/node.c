/* config/node.c: the tree itself; config/yaml.c reads one. */
#include "config/node.h"

struct node *node_new(struct arena *a, enum node_kind kind, const struct source *source, unsigned line)
{
    struct node *n = arena_new(a, struct node);
    n->kind = kind;
    n->source = source;
    n->line = line;
    return n;
}

struct node *node_new_scalar(struct arena *a, struct str text, const struct source *source)
{
    struct node *n = node_new(a, NODE_SCALAR, source, 0);
    n->raw = n->text = text;
    n->is_quoted = true;
    return n;
}

void node_append(struct node *list, struct node *child)
{
    child->next = NULL;
    if (list->last)
        list->last->next = child;
    else
        list->first = child;
    list->last = child;
    list->count++;
}

struct node *node_find(const struct node *map, struct str key)
{
    if (map->kind != NODE_MAP) return NULL;
    for (struct node *n = map->first; n; n = n->next)
        if (str_equals(n->key, key)) return n;
    return NULL;
}

void node_put(struct node *map, struct str key, struct node *child)
{
    struct node *old = node_find(map, key);
    child->key = key;
    if (!old) {
        node_append(map, child);
        return;
    }
    struct node *next = old->next;
    *old = *child;
    old->next = next;
}

bool node_is_empty(const struct node *n)
{
    if (n->kind != NODE_SCALAR) return false;
    if (!n->text.len) return true;
    return !n->is_quoted && (str_equals(n->text, STR("~")) || str_equals(n->text, STR("null")));
}

struct node *node_at(struct node *root, const char *path)
{
    struct str rest = str_from_cstr(path);
    while (root && rest.at) root = node_find(root, str_cut(&rest, '.'));
    return root;
}

static void become_map(struct node *n)
{
    n->kind = NODE_MAP;
    n->raw = n->text = STR("");
    n->is_quoted = false;
}

struct node *node_map_at(struct arena *a, struct node *root, struct str path, const struct source *source)
{
    while (path.at) {
        struct str name = str_cut(&path, '.');
        struct node *child = node_find(root, name);
        if (!child) {
            child = node_new(a, NODE_MAP, source, 0);
            node_put(root, name, child);
        }
        if (node_is_empty(child)) become_map(child);
        if (child->kind != NODE_MAP) return NULL;
        root = child;
    }
    return root;
}

void node_merge(struct node *under, struct node *over)
{
    for (struct node *n = over->first, *next; n; n = next) {
        next = n->next;
        struct node *old = node_find(under, n->key);
        if (old && old->kind == NODE_MAP && n->kind == NODE_MAP)
            node_merge(old, n);
        else
            node_put(under, n->key, n);
    }
}
