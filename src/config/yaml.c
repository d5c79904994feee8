/* config/yaml.c: libyaml's events into a tree of nodes.
 *
 *     parser ─ event ─► read_node ─┬─ scalar
 *                                  ├─ sequence: read_node for each item
 *                                  ├─ mapping:  key, read_node, key, read_node …
 *                                  └─ alias:    a copy of the anchor's finished node (one inside itself is unknown)
 *
 * A document that does not parse has one note; duplicate keys and tags are noted and reading goes on. Depth and number
 * of nodes, copies included, are bounded: a "billion laughs" ends at NODE_MAX_COUNT. */
#include "config/node.h"

#include "base/map.h"

#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the one at hand */
    struct arena *arena;
    const struct source *source;
    struct notes *notes;
    struct str text;
    struct map anchors;         /* name → finished node */
    size_t nodes, copied_bytes; /* by aliases */
};

static unsigned line_of(const yaml_mark_t *mark)
{
    return (unsigned)mark->line + 1;
}

static struct node *refuse(struct reader *r, unsigned line, const char *why)
{
    notes_add(r->notes, r->source, line, "%s", why);
    return NULL;
}

static struct str text_of_line(struct str text, size_t line)
{
    struct str found = str_cut(&text, '\n');
    while (line-- && text.at) found = str_cut(&text, '\n');
    return found;
}

static void note_syntax(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const yaml_mark_t *mark = p->error == YAML_READER_ERROR ? &p->mark : &p->problem_mark;
    bool has_expansion = str_find(text_of_line(r->text, mark->line), STR("${")) != SIZE_MAX;
    notes_add(r->notes, r->source, line_of(mark), "not YAML: %s%s%s%s", p->problem ? p->problem : "no memory",
              p->context ? " " : "", p->context ? p->context : "",
              has_expansion ? " (a \"${…}\" between braces or brackets needs quotes around it)" : "");
}

/* Makes the following event the one at hand. */
static bool next(struct reader *r)
{
    yaml_event_delete(&r->event);
    if (yaml_parser_parse(&r->parser, &r->event)) return true;
    note_syntax(r);
    return false;
}

static struct node *count_node(struct reader *r, enum node_kind kind, unsigned line)
{
    if (++r->nodes > NODE_MAX_COUNT)
        return refuse(r, line, "too many values in one file (50000 are allowed)");
    return node_new(r->arena, kind, r->source, line);
}

static struct node *copy_node(struct reader *r, const struct node *from, unsigned depth)
{
    if (depth > NODE_MAX_DEPTH) return refuse(r, from->line, "nested too deeply (24 levels are allowed)");
    r->copied_bytes += from->raw.len + from->key.len;
    if (r->copied_bytes > NODE_MAX_COPIED_BYTES)
        return refuse(r, from->line, "aliases repeat more than 1MiB of text");
    struct node *copy = count_node(r, from->kind, from->line);
    if (!copy) return NULL;
    copy->raw = from->raw;
    copy->text = from->text;
    copy->is_quoted = from->is_quoted;
    for (const struct node *n = from->first; n; n = n->next) {
        struct node *child = copy_node(r, n, depth + 1);
        if (!child) return NULL;
        child->key = n->key;
        node_append(copy, child);
    }
    return copy;
}

static struct node *read_alias(struct reader *r, unsigned depth)
{
    struct str name = str_from_cstr((const char *)r->event.data.alias.anchor);
    unsigned line = line_of(&r->event.start_mark);
    const struct node *target = map_get(&r->anchors, name);
    if (target) return copy_node(r, target, depth);
    notes_add(r->notes, r->source, line, "alias *%.*s has no anchor before it", STR_ARG(name));
    return NULL;
}

static void note_tag(struct reader *r, const yaml_char_t *tag)
{
    if (tag)
        refuse(r, line_of(&r->event.start_mark), "tags (!…) are not understood; the option decides the type");
}

static struct node *read_node(struct reader *r, unsigned depth);

static struct node *read_scalar(struct reader *r)
{
    note_tag(r, r->event.data.scalar.tag);
    struct node *n = count_node(r, NODE_SCALAR, line_of(&r->event.start_mark));
    if (!n) return NULL;
    struct str value = str_of((const char *)r->event.data.scalar.value, r->event.data.scalar.length);
    n->raw = n->text = arena_copy(r->arena, value);
    n->is_quoted = r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return n;
}

static struct node *read_list(struct reader *r, unsigned depth)
{
    note_tag(r, r->event.data.sequence_start.tag);
    struct node *list = count_node(r, NODE_LIST, line_of(&r->event.start_mark));
    while (list) {
        if (!next(r)) return NULL;
        if (r->event.type == YAML_SEQUENCE_END_EVENT) return list;
        struct node *item = read_node(r, depth + 1);
        if (!item) return NULL;
        node_append(list, item);
    }
    return NULL;
}

/* The key at hand, NULL after a note. */
static const char *read_key(struct reader *r, struct str *key, unsigned *line)
{
    *line = line_of(&r->event.start_mark);
    if (r->event.type != YAML_SCALAR_EVENT) {
        refuse(r, *line, "a key must be a plain text");
        return NULL;
    }
    note_tag(r, r->event.data.scalar.tag);
    *key = arena_copy(r->arena,
                      str_of((const char *)r->event.data.scalar.value, r->event.data.scalar.length));
    return key->at;
}

static bool read_entries(struct reader *r, struct node *map, struct map *seen, unsigned depth)
{
    for (;;) {
        struct str key;
        unsigned line;
        if (!next(r)) return false;
        if (r->event.type == YAML_MAPPING_END_EVENT) return true;
        if (!read_key(r, &key, &line) || !next(r)) return false;
        struct node *value = read_node(r, depth + 1);
        if (!value) return false;
        value->line = line;
        value->key = key;
        const struct node *twin = map_get(seen, key);
        if (twin) {
            notes_add(r->notes, r->source, line, "duplicate key %.*s; it stands in line %u already",
                      STR_ARG(quoted_key(r->arena, key)), twin->line);
            continue;
        }
        map_put(seen, key, value);
        node_append(map, value);
    }
}

static struct node *read_map(struct reader *r, unsigned depth)
{
    note_tag(r, r->event.data.mapping_start.tag);
    struct node *map = count_node(r, NODE_MAP, line_of(&r->event.start_mark));
    if (!map) return NULL;
    struct map seen;
    map_init(&seen);
    bool is_whole = read_entries(r, map, &seen, depth);
    map_done(&seen);
    return is_whole ? map : NULL;
}

static const yaml_char_t *anchor_of(const yaml_event_t *e)
{
    if (e->type == YAML_SCALAR_EVENT) return e->data.scalar.anchor;
    if (e->type == YAML_SEQUENCE_START_EVENT) return e->data.sequence_start.anchor;
    return e->type == YAML_MAPPING_START_EVENT ? e->data.mapping_start.anchor : NULL;
}

/* The node that the event at hand begins. */
static struct node *read_node(struct reader *r, unsigned depth)
{
    if (depth > NODE_MAX_DEPTH)
        return refuse(r, line_of(&r->event.start_mark), "nested too deeply (24 levels are allowed)");
    if (r->event.type == YAML_ALIAS_EVENT) return read_alias(r, depth);
    struct str anchor = str_from_cstr((const char *)anchor_of(&r->event));
    if (anchor.at) anchor = arena_copy(r->arena, anchor);
    struct node *n;
    if (r->event.type == YAML_SCALAR_EVENT)
        n = read_scalar(r);
    else if (r->event.type == YAML_SEQUENCE_START_EVENT)
        n = read_list(r, depth);
    else
        n = read_map(r, depth);
    if (n && anchor.at) map_put(&r->anchors, anchor, n);
    return n;
}

static struct node *read_document(struct reader *r)
{
    if (!next(r) || !next(r)) return NULL; /* stream start; then document start or stream end */
    if (r->event.type == YAML_STREAM_END_EVENT) return node_new(r->arena, NODE_MAP, r->source, 1);
    if (!next(r)) return NULL;
    struct node *root = read_node(r, 0);
    if (!root || !next(r) || !next(r)) return NULL; /* document end; then stream end or the next document */
    if (r->event.type != YAML_STREAM_END_EVENT)
        return refuse(r, line_of(&r->event.start_mark), "a second document; one is allowed");
    if (node_is_empty(root)) return node_new(r->arena, NODE_MAP, r->source, 1);
    if (root->kind != NODE_MAP)
        return refuse(r, root->line, "a map of sections is expected, as in \"server:\"");
    return root;
}

struct node *node_read_yaml(struct arena *a, const struct source *source, struct str text,
                            struct notes *notes)
{
    struct reader r = {.arena = a, .source = source, .notes = notes, .text = text};
    if (!yaml_parser_initialize(&r.parser)) {
        notes_add(notes, source, 0, "no memory for the parser");
        return NULL;
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.at ? text.at : ""), text.len);
    map_init(&r.anchors);
    struct node *root = read_document(&r);
    map_done(&r.anchors);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    return root;
}
