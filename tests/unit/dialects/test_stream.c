/* The order of events that readers keep without doing anything for it; the listener requires it. */
#include "test.h"

#include "dialects/stream.h"
#include "neutral.h"

static struct arena arena;
static struct listener listener;
static struct event_reader reader;
static struct stream_choice choice;
static struct buf text;

static void begin(void)
{
    listener_done(&listener);
    stream_done(&reader);
    arena_done(&arena);
    buf_done(&text);
    buf_init(&text, 1 << 16);
    listener_init(&listener, &arena);
    stream_init(&reader, &arena, NULL);
    stream_begin(&reader, &listener.sink);
    choice = (struct stream_choice){0};
}

static struct str heard(void)
{
    buf_clear(&text);
    listener_text(&text, &listener);
    return buf_str(&text);
}

static void finish(enum chat_finish why)
{
    stream_finish(&reader, &choice, why, STR(""), STR(""));
}

TEST(stream, a_part_ends_when_another_kind_begins_and_at_the_finish)
{
    begin();
    stream_text(&reader, &choice, CHAT_THINKING, STR("h"));
    stream_text(&reader, &choice, CHAT_THINKING, STR("m"));
    stream_text(&reader, &choice, CHAT_TEXT, STR(""));
    stream_text(&reader, &choice, CHAT_TEXT, STR("a"));
    finish(FINISH_STOP);
    EXPECT_EQ(stream_end(&reader), ENDING_COMPLETE);
    EXPECT_STR_EQ(heard(), "choice 0\n  thinking \"hm\"\n  text \"a\"\n  finish stop\nstop\n");
    EXPECT_EQ(reader.seen, EVENT_CONTENT | EVENT_FINISH);
}

TEST(stream, nothing_of_a_choice_comes_behind_its_finish)
{
    begin();
    finish(FINISH_LENGTH);
    stream_text(&reader, &choice, CHAT_TEXT, STR("late"));
    stream_open(&reader, &choice, &(struct chat_event){.part_kind = CHAT_TOOL_CALL});
    finish(FINISH_STOP);
    EXPECT_STR_EQ(heard(), "choice 0\n  finish length\nno stop\n");
}

TEST(stream, calls_make_a_stop_tool_calls_pitfall_21)
{
    begin();
    stream_open(&reader, &choice,
                &(struct chat_event){.part_kind = CHAT_TOOL_CALL, .id = STR("a"), .name = STR("f")});
    finish(FINISH_STOP);
    EXPECT_STR_EQ(heard(), "choice 0\n  call \"a\" \"f\" json {}\n  finish tool_calls\nno stop\n");
}

TEST(stream, an_error_is_the_last_word_pitfall_32)
{
    begin();
    stream_text(&reader, &choice, CHAT_TEXT, STR("a"));
    stream_tell_error(&reader, &(struct chat_error){.problem = PROBLEM_UPSTREAM, .message = STR("broken")});
    stream_text(&reader, &choice, CHAT_TEXT, STR("b"));
    finish(FINISH_STOP);
    EXPECT_EQ(stream_end(&reader), ENDING_INCOMPLETE);
    EXPECT_TRUE(listener.has_failed && !listener.has_stopped);
}

TEST(stream, without_a_finish_it_is_not_complete)
{
    begin();
    stream_text(&reader, &choice, CHAT_TEXT, STR("a"));
    EXPECT_EQ(stream_end(&reader), ENDING_INCOMPLETE);
    EXPECT_FALSE(listener.has_stopped);
}

TEST(stream, usage_that_is_known_early_goes_with_the_start)
{
    begin();
    reader.usage = (struct usage){.input_uncached = 3, .is_known = true};
    stream_start(&reader, STR("i"), STR("m"), 1);
    stream_start(&reader, STR("again"), STR("m"), 1);
    reader.usage.output = 4;
    stream_usage(&reader);
    stream_ping(&reader);
    EXPECT_STR_EQ(heard(), "id \"i\"\nmodel \"m\"\ncreated 1\nusage in 3 out 4\nno stop\n");
    EXPECT_EQ(listener.pings, 1);
    EXPECT_FALSE(listener.has_content);
}
