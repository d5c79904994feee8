/* Members replaced, inserted and removed without copying the body. */
#include "test.h"

#include "base/arena.h"
#include "json/check.h"
#include "json/cursor.h"
#include "json/splice.h"

#include <stdlib.h>

static struct str joined(struct arena *a, const struct json_splice *s)
{
    struct str text = arena_join(a, s->pieces, s->piece_count);
    EXPECT_EQ(text.len, s->total_bytes);
    for (size_t i = 0; i < s->piece_count; i++) EXPECT_TRUE(s->pieces[i].len > 0);
    return text;
}

static struct json_value find(struct json_value object, const char *name, struct json_value *key)
{
    struct json_members it;
    struct json_value value;
    json_members_init(&it, object);
    while (json_members_next(&it, key, &value))
        if (json_str_equals(*key, str_from_cstr(name))) return value;
    FAIL("there is no %s", name);
    return (struct json_value){0};
}

/* One edit a word: "=a" replaces a's value with 0, "-a" removes a, "+x" inserts "x":0. */
static void expect_spliced(const char *text, const char *edits, const char *want)
{
    struct json_splice s;
    struct arena a;
    arena_init(&a);
    struct str body = str_from_cstr(text);
    struct json_value root = json_value_of(body), key;
    json_splice_init(&s, body);
    for (const char *e = edits; *e; e += e[2] ? 3 : 2) {
        char name[2] = {e[1], 0};
        if (*e == '+') {
            json_splice_insert(&s, arena_printf(&a, "\"%s\":0", name));
        } else {
            struct json_value value = find(root, name, &key);
            if (*e == '=') json_splice_replace(&s, value, STR("0"));
            if (*e == '-') json_splice_remove(&s, key, value);
        }
    }
    json_splice_finish(&s);
    EXPECT_STR_EQ(joined(&a, &s), want);
    arena_done(&a);
}

TEST(splice, replaces_values_where_they_stand)
{
    expect_spliced("{\"a\":1}", "=a", "{\"a\":0}");
    expect_spliced(" { \"a\" : [1,2] , \"b\" : \"x\" } ", "=b =a", " { \"a\" : 0 , \"b\" : 0 } ");
}

TEST(splice, inserts_in_front_and_minds_the_comma)
{
    expect_spliced("{\"a\":1}", "+x", "{\"x\":0,\"a\":1}");
    expect_spliced("{}", "+x", "{\"x\":0}");
    expect_spliced(" { } ", "+x", " {\"x\":0 } ");
    expect_spliced("{}", "+x +y +z", "{\"x\":0,\"y\":0,\"z\":0}");
    expect_spliced("{\n  \"a\":1}", "+x +y", "{\"x\":0,\"y\":0,\n  \"a\":1}");
}

TEST(splice, removes_first_middle_and_last_members_with_their_comma)
{
    const char *text = "{\"a\":1,\"b\":2,\"c\":3}";
    expect_spliced(text, "-a", "{\"b\":2,\"c\":3}");
    expect_spliced(text, "-b", "{\"a\":1,\"c\":3}");
    expect_spliced(text, "-c", "{\"a\":1,\"b\":2}");
    expect_spliced(text, "-a -b", "{\"c\":3}");
    expect_spliced(text, "-b -c", "{\"a\":1}");
    expect_spliced(text, "-c -a", "{\"b\":2}");
    expect_spliced(text, "-c -b -a", "{}");
    expect_spliced("{\"a\":1}", "-a", "{}");
    expect_spliced("{ \"a\" : 1 , \"b\" : 2 }", "-b", "{ \"a\" : 1  }");
    expect_spliced("{ \"a\" : 1 , \"b\" : 2 }", "-a -b", "{  }");
}

TEST(splice, removals_and_insertions_know_of_each_other)
{
    expect_spliced("{\"a\":1}", "-a +x", "{\"x\":0}");
    expect_spliced("{\"a\":1}", "+x -a +y", "{\"x\":0,\"y\":0}");
    expect_spliced("{ \"a\":1, \"b\":2 }", "-b -a +x", "{\"x\":0  }");
    expect_spliced("{\"a\":1,\"b\":2}", "-a =b +x", "{\"x\":0,\"b\":0}");
    expect_spliced("{\"a\":1,\"b\":2}", "-b =a +x", "{\"x\":0,\"a\":0}");
}

TEST(splice, without_edits_the_body_is_one_piece)
{
    struct json_splice s;
    json_splice_init(&s, STR(" {} "));
    json_splice_finish(&s);
    EXPECT_EQ(s.piece_count, 1);
    EXPECT_EQ(s.total_bytes, 4);
}

TEST(splice, pieces_point_into_the_body_and_finishing_again_gives_the_same)
{
    struct str body = STR("{\"model\":\"smart\",\"messages\":[\"a megabyte\"]}");
    struct json_wanted wanted[] = {{STR("model")}, {STR("messages")}};
    struct json_found found[2];
    struct err err;
    ASSERT_TRUE(json_check(body, wanted, 2, found, &err));
    struct json_splice s;
    json_splice_init(&s, body);
    json_splice_replace(&s, found[0].value, STR("\"gpt-4o\""));
    for (int i = 0; i < 2; i++) {
        json_splice_finish(&s);
        EXPECT_EQ(s.piece_count, 3);
        EXPECT_TRUE(s.pieces[0].at == body.at);
        EXPECT_TRUE(s.pieces[2].at + s.pieces[2].len == body.at + body.len);
        EXPECT_EQ(s.total_bytes, body.len + 1);
    }
}

TEST(splice, reaches_into_objects_below_the_root)
{
    struct str body = STR(
        "{\"stream_options\":{\"include_obfuscation\":false},\"e\":{},\"n\":[{\"p\":1,\"q\":2}]}");
    struct json_value root = json_value_of(body), key;
    struct json_splice s;
    struct arena a;
    arena_init(&a);
    json_splice_init(&s, body);
    struct json_value inner = json_at(json_get(root, STR("n")), 0), q = find(inner, "q", &key);
    json_splice_remove(&s, key, q);
    json_splice_insert_into(&s, json_get(root, STR("e")), STR("\"x\":1"));
    json_splice_insert_into(&s, json_get(root, STR("stream_options")), STR("\"include_usage\":true"));
    json_splice_finish(&s);
    EXPECT_STR_EQ(joined(&a, &s),
                  "{\"stream_options\":{\"include_usage\":true,\"include_obfuscation\":false},"
                  "\"e\":{\"x\":1},\"n\":[{\"p\":1}]}");
    arena_done(&a);
}

/* What each edit must have come to: per member of the old body kept, replaced or gone, and the new ones in front. */
static void expect_combination(const char *text, size_t members, unsigned code, size_t inserts)
{
    static const char letters[] = "abcdefg";
    struct arena a;
    struct json_splice s;
    struct json_value root = json_value_of(str_from_cstr(text)), key, val;
    arena_init(&a);
    json_splice_init(&s, str_from_cstr(text));
    char want[20];
    size_t left = 0;
    for (size_t i = 0; i < inserts; i++) {
        json_splice_insert(&s, arena_printf(&a, "\"%c\":0", (int)('x' + i)));
        want[left++] = (char)('x' + i);
    }
    unsigned rest = code;
    for (size_t i = 0; i < members; i++, rest /= 3) {
        char name[2] = {letters[i], 0};
        val = find(root, name, &key);
        if (rest % 3 == 2) json_splice_remove(&s, key, val);
        if (rest % 3 == 1) json_splice_replace(&s, val, STR("\"new\""));
        if (rest % 3 != 2) want[left++] = name[0];
    }
    json_splice_finish(&s);
    struct str result = joined(&a, &s);
    struct err err;
    struct json_wanted none = {STR("")};
    struct json_found found;
    EXPECT_THAT(json_check(result, &none, 1, &found, &err), "%.*s: %s", STR_ARG(result), err.text);
    struct json_members it;
    size_t seen = 0;
    json_members_init(&it, json_value_of(result));
    while (json_members_next(&it, &key, &val) && seen < left) {
        EXPECT_EQ(key.raw.at[1], want[seen]);
        unsigned digit = code;
        for (char c = 'a'; c < want[seen] && want[seen] < 'x'; c++) digit /= 3;
        bool is_new = want[seen] < 'x' && digit % 3 == 1;
        EXPECT_EQ(json_str_equals(val, STR("new")), is_new);
        seen++;
    }
    EXPECT_EQ(seen, left);
    arena_done(&a);
}

TEST(splice, every_combination_of_edits_gives_the_body_it_means)
{
    static const char *const texts[] = {
        "{}",
        "{\"a\":1}",
        " {\n\t\"a\" : {\"b\":[]} ,\r\n\"b\":\"}\"\n} \n",
        "{\"a\":1,\"b\":2,\"c\":3}",
        "{ \"a\":1, \"b\":2, \"c\":3, \"d\":4, \"e\":5 }",
    };
    static const size_t members[] = {0, 1, 2, 3, 5};
    for (size_t t = 0; t < 5; t++) {
        unsigned codes = 1;
        for (size_t i = 0; i < members[t]; i++) codes *= 3;
        for (unsigned code = 0; code < codes; code++)
            for (size_t inserts = 0; inserts <= 3; inserts++)
                expect_combination(texts[t], members[t], code, inserts);
    }
}

TEST(splice, all_edits_may_be_of_one_kind)
{
    const char *text = "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1}";
    expect_spliced(text, "=a =b =c =d =e =f =g =h",
                   "{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0}");
    expect_spliced(text, "-h -g -f -e -d -c -b -a", "{}");
    expect_spliced("{\"a\":1}", "+1 +2 +3 +4 +5 +6 +7 +8",
                   "{\"1\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,\"8\":0,\"a\":1}");
    expect_spliced(text, "+1 =b =c =d =e =f =g =h",
                   "{\"1\":0,\"a\":1,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0}");
}
