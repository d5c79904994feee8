/* The environment, .env, NAME_FILE and ${…}. */
#include "config/env.h"
#include "base/mem.h"
#include "config_test.h"

#include <stdio.h>

/* `text` with the world's names filled in; "error: …" if that fails. Lives until the next call. */
static const char *expanded(struct world *w, const char *dotenv, const char *text)
{
    static char result[600];
    const struct config_source source = {world_getenv, world_read_file, w};
    struct arena a;
    struct env e;
    struct err err;
    struct str out;
    arena_init(&a);
    env_init(&e, &source, &a);
    struct notes *warnings = arena_new(&a, struct notes);
    warnings->arena = &a;
    struct source file = {".env", 0};
    env_add_dotenv(&e, str_from_cstr(dotenv), &file, warnings);
    if (env_expand(&e, str_from_cstr(text), &out, &err))
        snprintf(result, sizeof result, "%.*s", STR_ARG(out));
    else
        snprintf(result, sizeof result, "error: %s", err.text);
    for (size_t i = 0; i < warnings->count; i++)
        snprintf(result, sizeof result, "warning %u: %.*s", warnings->at[i].line,
                 STR_ARG(warnings->at[i].text));
    env_done(&e);
    arena_done(&a);
    return result;
}

TEST(env, expressions_are_filled_in_wherever_they_stand)
{
    struct world w = {.variables = {{"A", "1"}, {"B_2", "two"}, {"EMPTY", ""}},
                      .files = {{"/run/x", "from file\n\n"}}};
    EXPECT_STR_EQ(expanded(&w, "", "plain $ text $A {A}"), "plain $ text $A {A}");
    EXPECT_STR_EQ(expanded(&w, "", "${A}${B_2}-${A}"), "1two-1");
    EXPECT_STR_EQ(expanded(&w, "", "${NONE:-def ault:-x}"), "def ault:-x");
    EXPECT_STR_EQ(expanded(&w, "", "[${NONE:-}]"), "[]");
    EXPECT_STR_EQ(expanded(&w, "", "[${EMPTY:-x}${EMPTY}]"), "[x]");
    EXPECT_STR_EQ(expanded(&w, "", "${file:/run/x}!"), "from file!");
    EXPECT_STR_EQ(expanded(&w, "", "$${A} $$${A}"), "${A} $${A}");
}

TEST(env, what_comes_out_of_an_expression_is_not_expanded_again)
{
    struct world w = {.variables = {{"A", "${B}"}, {"B", "secret"}}};
    EXPECT_STR_EQ(expanded(&w, "", "${A}"), "${B}");
}

TEST(env, a_wrong_expression_says_what_is_allowed)
{
    struct world w = {0};
    EXPECT_STR_EQ(expanded(&w, "", "${NONE}"), "error: ${NONE} is not set and has no default");
    EXPECT_STR_EQ(expanded(&w, "", "x${A"), "error: \"${\" without its \"}\"; $${ stands for ${ itself");
    EXPECT_STR_EQ(expanded(&w, "", "${file:/none}"), "error: ${file:…}: /none: no such file");
    static const char *const nameless[] = {"${}", "${1A}", "${A-b}", "${A B}", "${:-x}", "${A:-${B}}"};
    for (size_t i = 0; i < ARRAY_COUNT(nameless); i++)
        EXPECT_THAT(str_starts_with(str_from_cstr(expanded(&w, "", nameless[i])),
                                    STR("error: \"${…}\" holds no name")),
                    "%s", nameless[i]);
}

TEST(env, a_name_that_is_not_set_is_read_from_the_file_of_name_file)
{
    struct world w = {
        .variables = {{"A_FILE", "/run/a"}, {"B", "own"}, {"B_FILE", "/run/a"}, {"C_FILE", "/none"}},
        .files = {{"/run/a", "from file\r\n"}}};
    EXPECT_STR_EQ(expanded(&w, "", "${A} ${B}"), "from file own");
    EXPECT_STR_EQ(expanded(&w, "", "${C:-x}"), "error: C_FILE: /none: no such file");
}

TEST(env, dotenv_knows_quotes_comments_and_export)
{
    struct world w = {.variables = {{"REAL", "wins"}}};
    const char *text =
        "# comment\n\nA=plain # comment\nexport B = spaced out \r\nC='as # it \\n is'\n"
        "D=\"a\\tb \\\"c\\\" \\$x\" # end\nE=\nF='two\nlines'\nexport=odd\nREAL=loses\nA2=no#comment\nA=last";
    EXPECT_STR_EQ(expanded(&w, text, "${A}|${B}|${C}|${D}|${E}|${F}|${export}|${REAL}|${A2}"),
                  "last|spaced out|as # it \\n is|a\tb \"c\" $x||two\nlines|odd|wins|no#comment");
}

TEST(env, a_line_of_dotenv_that_says_nothing_is_a_warning)
{
    struct world w = {0};
    EXPECT_STR_EQ(expanded(&w, "A=1\nnonsense\n", "x"),
                  "warning 2: NAME=VALUE is expected; the line is ignored");
    EXPECT_STR_EQ(expanded(&w, "\nA='1", "x"), "warning 2: a quote has no end; the line is ignored");
    EXPECT_STR_EQ(expanded(&w, "A='1' x\n", "x"),
                  "warning 1: there is something after the closing quote; the line is ignored");
}

TEST(env, expansions_have_a_ceiling)
{
    char *big = xmalloc(70000), *text = xmalloc(70 * 4 + 1);
    memset(big, 'x', 69999);
    big[69999] = '\0';
    for (int i = 0; i < 70; i++) memcpy(text + (ptrdiff_t)i * 4, "${A}", 5);
    struct world w = {.variables = {{"A", big}}};
    EXPECT_STR_EQ(expanded(&w, "", text), "error: all values together are larger than 4MiB once filled in");
    xfree(big);
    xfree(text);
}
