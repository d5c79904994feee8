/* What calls and results of a conversation know of each other. */
#include "test.h"

#include "chat/request.h"

static struct arena arena;
static struct chat_request request;

static void begin(void)
{
    arena_done(&arena);
    request = (struct chat_request){0};
}

static struct chat_part *add(enum chat_role role, enum chat_part_kind kind, struct str id, struct str name)
{
    struct chat_part *p = chat_parts_add(&chat_request_continue(&request, &arena, role)->parts, &arena, kind);
    p->id = id;
    p->name = name;
    return p;
}

static struct chat_part *call(struct str id, struct str name)
{
    return add(CHAT_ROLE_ASSISTANT, CHAT_TOOL_CALL, id, name);
}

static struct chat_part *result(struct str id, struct str name)
{
    return add(CHAT_ROLE_TOOL, CHAT_TOOL_RESULT, id, name);
}

TEST(request, results_get_the_names_of_their_calls)
{
    begin();
    call(STR("a"), STR("f"));
    call(STR("b"), STR("g"));
    struct chat_part *second = result(STR("b"), STR("")), *first = result(STR("a"), STR(""));
    chat_request_link(&request, &arena);
    EXPECT_STR_EQ(first->name, "f");
    EXPECT_STR_EQ(second->name, "g");
}

TEST(request, results_without_ids_answer_calls_of_their_name_in_order_pitfall_29)
{
    begin();
    struct chat_part *one = call(STR(""), STR("f")), *two = call(STR(""), STR("g")),
                     *three = call(STR(""), STR("f"));
    struct chat_part *g = result(STR(""), STR("g")), *f1 = result(STR(""), STR("f")),
                     *f2 = result(STR(""), STR("f"));
    chat_request_link(&request, &arena);
    EXPECT_TRUE(one->id.len > 0 && !str_equals(one->id, two->id) && !str_equals(one->id, three->id));
    EXPECT_STR_EQ(g->id, two->id);
    EXPECT_STR_EQ(f1->id, one->id);
    EXPECT_STR_EQ(f2->id, three->id);
}

TEST(request, ids_that_are_made_are_the_same_when_the_conversation_comes_back_pitfall_30)
{
    begin();
    call(STR(""), STR("f"));
    chat_request_link(&request, &arena);
    EXPECT_STR_EQ(request.messages->parts.first->id, "call_0");
    result(STR(""), STR("f"));
    call(STR(""), STR("f"));
    chat_request_link(&request, &arena);
    EXPECT_STR_EQ(request.messages->parts.first->id, "call_0");
}

TEST(request, results_that_nobody_called_have_an_id_and_a_name_all_the_same)
{
    begin();
    struct chat_part *named = result(STR(""), STR("f")), *numbered = result(STR("x"), STR(""));
    chat_request_link(&request, &arena);
    EXPECT_STR_EQ(named->id, "call_of_f");
    EXPECT_STR_EQ(numbered->name, "x");
}

TEST(request, many_calls_and_results_cost_no_square)
{
    begin();
    for (int i = 0; i < 50000; i++) call(STR("same"), STR("f"));
    for (int i = 0; i < 50000; i++) result(STR("other"), STR(""));
    chat_request_link(&request, &arena); /* 13 million comparisons, not 2,500 million */
    EXPECT_STR_EQ(request.messages->next->parts.last->name, "other");
}

TEST(request, a_choice_among_no_tools_is_none_pitfall_11)
{
    begin();
    request.tool_choice = CHAT_CHOICE_REQUIRED;
    chat_request_link(&request, &arena);
    EXPECT_EQ(request.tool_choice, CHAT_CHOICE_UNSAID);
}

TEST(request, extras_belong_to_the_format_that_was_read)
{
    begin();
    request.format = CHAT_FORMAT_GEMINI;
    chat_request_add_extra(&request, &arena, STR("a"), STR("1"));
    chat_request_add_extra(&request, &arena, STR("b"), STR("2"));
    EXPECT_STR_EQ(chat_request_extra(&request, CHAT_FORMAT_GEMINI, STR("b")), "2");
    EXPECT_STR_EQ(chat_request_extra(&request, CHAT_FORMAT_ANTHROPIC, STR("b")), "");
    EXPECT_STR_EQ(chat_request_extra(&request, CHAT_FORMAT_GEMINI, STR("c")), "");
}
