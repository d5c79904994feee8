/* Documents and the trees they make. */
#include "config/node.h"
#include "base/mem.h"
#include "test.h"

#include <stdio.h>

static size_t write_tree(const struct node *n, char *out, size_t at, size_t room)
{
    at += (size_t)snprintf(out + at, room - at, "%s%.*s%s", n->key.at ? "" : "", STR_ARG(n->key),
                           n->key.at ? ":" : "");
    if (n->kind == NODE_SCALAR)
        return at + (size_t)snprintf(out + at, room - at, n->is_quoted ? "'%.*s'" : "%.*s", STR_ARG(n->raw));
    at += (size_t)snprintf(out + at, room - at, n->kind == NODE_MAP ? "{" : "[");
    for (const struct node *child = n->first; child; child = child->next) {
        at = write_tree(child, out, at, room);
        if (child->next) at += (size_t)snprintf(out + at, room - at, ",");
    }
    return at + (size_t)snprintf(out + at, room - at, n->kind == NODE_MAP ? "}" : "]");
}

/* The tree on one line, or the first note as "LINE: text". Lives until the next call. */
static const char *tree(struct str text)
{
    static char result[1000];
    struct arena a;
    arena_init(&a);
    struct notes *notes = arena_new(&a, struct notes);
    notes->arena = &a;
    struct source source = {"t", 0};
    struct node *root = node_read_yaml(&a, &source, text, notes);
    if (notes->count)
        snprintf(result, sizeof result, "%u: %.*s", notes->at[0].line, STR_ARG(notes->at[0].text));
    else
        write_tree(root, result, 0, sizeof result);
    EXPECT_TRUE(root || notes->count);
    arena_done(&a);
    return result;
}

#define EXPECT_TREE(text, want) EXPECT_STR_EQ(tree(STR(text)), want)

TEST(yaml, maps_lists_and_scalars_become_nodes)
{
    EXPECT_TREE("a: 1\nb: [x, 'y', {c: 010}]\nd:\n  - e: off\n    f:\n  -\n",
                "{a:1,b:[x,'y',{c:010}],d:[{e:off,f:},]}");
    EXPECT_TREE("a: |\n  two\n  lines\n", "{a:'two\nlines\n'}");
    EXPECT_TREE("\xef\xbb\xbf"
                "a: \xc3\xa9",
                "{a:\xc3\xa9}");
}

TEST(yaml, nothing_is_an_empty_map)
{
    EXPECT_TREE("", "{}");
    EXPECT_TREE("# comment\n", "{}");
    EXPECT_TREE("---\n", "{}");
    EXPECT_TREE("~", "{}");
}

TEST(yaml, an_alias_is_a_copy)
{
    EXPECT_TREE("a: &x {b: [1]}\nc: *x\nd: [*x, *x]\n", "{a:{b:[1]},c:{b:[1]},d:[{b:[1]},{b:[1]}]}");
    EXPECT_TREE("a: &x 1\nb: &x 2\nc: *x\n", "{a:1,b:2,c:2}");
    EXPECT_TREE("a: *x\n", "1: alias *x has no anchor before it");
    EXPECT_TREE("a: &x [*x]\n", "1: alias *x has no anchor before it");
}

TEST(yaml, what_a_configuration_does_not_need_is_refused)
{
    EXPECT_TREE("a: 1\na: 2\n", "2: duplicate key \"a\"; it stands in line 1 already");
    EXPECT_TREE("a: !!str 1\n", "1: tags (!…) are not understood; the option decides the type");
    EXPECT_TREE("a: 1\n---\nb: 2\n", "2: a second document; one is allowed");
    EXPECT_TREE("[a]: 1\n", "1: a key must be a plain text");
    EXPECT_TREE("- a\n", "1: a map of sections is expected, as in \"server:\"");
    EXPECT_TREE("text", "1: a map of sections is expected, as in \"server:\"");
}

TEST(yaml, broken_documents_say_where_and_give_a_hint)
{
    EXPECT_TREE("a: 1\nb: [\n", "3: not YAML: did not find expected node content while parsing a flow node");
    EXPECT_TREE("a: 1\n\tb: 2\n",
                "2: not YAML: found a tab character that violates indentation while scanning a plain scalar");
    EXPECT_TREE("x: 1\na: {b: ${C}}\n",
                "2: not YAML: did not find expected ',' or '}' while parsing a flow mapping "
                "(a \"${…}\" between braces or brackets needs quotes around it)");
    EXPECT_TREE("a: \xff", "1: not YAML: invalid leading UTF-8 octet");
}

TEST(yaml, depth_is_bounded)
{
    char deep[200];
    size_t at = (size_t)snprintf(deep, sizeof deep, "a: ");
    for (int i = 0; i < 30; i++) deep[at++] = '[';
    EXPECT_STR_EQ(tree(str_of(deep, at)), "1: nested too deeply (24 levels are allowed)");
    EXPECT_TREE("a: &a [[[[[[[[[]]]]]]]]]\nb: &b [[[[[[[[[*a]]]]]]]]]\nc: [[[[[[[[[*b]]]]]]]]]\n",
                "1: nested too deeply (24 levels are allowed)");
}

TEST(yaml, aliases_of_aliases_are_bounded)
{
    EXPECT_TREE(
        "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
        "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e]\n",
        "1: too many values in one file (50000 are allowed)");
    enum { LONG = 600000 };
    char *text = xmalloc(LONG + 100);
    size_t at = (size_t)snprintf(text, 100, "a: &a ");
    memset(text + at, 'x', LONG);
    at += LONG;
    at += (size_t)snprintf(text + at, 50, "\nb: [*a, *a]\n");
    EXPECT_STR_EQ(tree(str_of(text, at)), "1: aliases repeat more than 1MiB of text");
    xfree(text);
}
