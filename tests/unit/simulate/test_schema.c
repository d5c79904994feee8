/* Small values that fit a schema. */
#include "json/check.h"
#include "json/cursor.h"
#include "simulate/schema.h"

#include "test.h"

static void expect_instance(const char *schema, const char *want)
{
    struct arena a;
    struct buf out;
    struct err err;
    arena_init(&a);
    buf_init(&out, 1 << 20);
    EXPECT_TRUE(schema_write_instance(&out, json_value_of(str_from_cstr(schema)), &a));
    EXPECT_THAT(json_check(buf_str(&out), NULL, 0, NULL, &err), "%s", schema);
    if (want) EXPECT_STR_EQ(buf_str(&out), want);
    buf_done(&out);
    arena_done(&a);
}

TEST(schema, gives_each_type_its_plainest_value)
{
    expect_instance("{\"type\":\"string\"}", "\"simulated\"");
    expect_instance("{\"type\":\"integer\"}", "0");
    expect_instance("{\"type\":\"number\"}", "0");
    expect_instance("{\"type\":\"boolean\"}", "false");
    expect_instance("{\"type\":\"null\"}", "null");
    expect_instance("{\"type\":\"array\",\"items\":{\"type\":\"string\"}}", "[]");
    expect_instance("{\"type\":\"object\"}", "{}");
    expect_instance("{}", "\"simulated\"");
    expect_instance("true", "\"simulated\"");
    expect_instance("", "{}");
    expect_instance("{\"type\":[\"null\",\"integer\"]}", "0");
}

TEST(schema, fills_required_members_in_the_order_of_the_schema)
{
    expect_instance(
        "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"},\"days\":{\"type\":"
        "\"integer\"},\"extra\":{\"type\":\"string\"}},\"required\":[\"days\",\"city\",\"other\"]}",
        "{\"city\":\"simulated\",\"days\":0,\"other\":\"simulated\"}");
}

TEST(schema, takes_the_first_of_an_enum_and_constants)
{
    expect_instance("{\"type\":\"string\",\"enum\":[\"celsius\",\"fahrenheit\"]}", "\"celsius\"");
    expect_instance("{\"const\":42}", "42");
}

TEST(schema, keeps_bounds)
{
    expect_instance("{\"type\":\"integer\",\"minimum\":3}", "3");
    expect_instance("{\"type\":\"number\",\"maximum\":-1.5}", "-1.5");
    expect_instance("{\"type\":\"integer\",\"exclusiveMinimum\":0}", "1");
    expect_instance("{\"type\":\"string\",\"maxLength\":3}", "\"sim\"");
    expect_instance("{\"type\":\"string\",\"minLength\":12}", "\"simulatedsim\"");
    expect_instance("{\"type\":\"array\",\"minItems\":2,\"items\":{\"type\":\"boolean\"}}", "[false,false]");
    expect_instance("{\"type\":\"string\",\"format\":\"date\"}", "\"2026-01-01\"");
}

TEST(schema, follows_references_and_takes_the_first_alternative)
{
    expect_instance(
        "{\"$defs\":{\"Day\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}},"
        "\"required\":[\"n\"]}},\"type\":\"object\",\"properties\":{\"d\":{\"$ref\":\"#/$defs/Day\"},"
        "\"o\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]},\"w\":{\"allOf\":[{\"$ref\":"
        "\"#/$defs/Day\"}]}},\"required\":[\"d\",\"o\",\"w\"]}",
        "{\"d\":{\"n\":0},\"o\":\"simulated\",\"w\":{\"n\":0}}");
}

TEST(schema, comes_to_an_end_with_schemas_that_contain_themselves)
{
    expect_instance("{\"type\":\"object\",\"properties\":{\"next\":{\"anyOf\":[{\"$ref\":\"#\"},{\"type\":"
                    "\"null\"}]}},\"required\":[\"next\"]}",
                    NULL);
    expect_instance("{\"$ref\":\"#\"}", "null");
    expect_instance("{\"type\":\"array\",\"minItems\":16,\"items\":{\"$ref\":\"#\"}}", NULL);
}
