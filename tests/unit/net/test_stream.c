/* tests/unit/net/test_stream.c: bytes that fibers read and write. */
#include "net_test.h"

static void echo_main(void *arg)
{
    struct stream *s = arg;
    struct str chunk;
    while (stream_read(s, &chunk, fiber_deadline(5000)) == IO_OK)
        if (stream_write(s, &chunk, 1, fiber_deadline(5000)) != IO_OK) break;
    stream_close(&s);
}

static void talk_main(void *arg)
{
    (void)arg;
    struct stream *pair[2];
    stream_pair(pair);
    EXPECT_NOT_NULL(fiber_start(loop_current(), echo_main, pair[1]));
    struct stream *s = pair[0];
    for (int i = 0; i < 100; i++) {
        struct str chunk, pieces[3] = {STR("one "), STR(""), STR("two")};
        EXPECT_EQ(stream_write(s, pieces, 3, fiber_deadline(5000)), IO_OK);
        EXPECT_EQ(stream_read(s, &chunk, fiber_deadline(5000)), IO_OK);
        EXPECT_STR_EQ(chunk, STR("one two"));
    }
    EXPECT_STR_EQ(stream_peer(s), "127.0.0.1");
    stream_shutdown(s);
    struct str chunk;
    EXPECT_EQ(stream_read(s, &chunk, fiber_deadline(5000)), IO_END);
    stream_close(&s);
}

TEST(stream, echoes_what_it_is_told)
{
    run_on_loop(talk_main, NULL);
}

/* 1 MB there and back while neither side reads ahead: both directions block again and again. */
enum { BIG = 1 << 20 };

static void big_writer(void *arg)
{
    char *bytes = malloc(BIG);
    for (size_t i = 0; i < BIG; i++) bytes[i] = (char)(i * 7 + i / 251);
    EXPECT_EQ(write_str(arg, str_of(bytes, BIG), 5000), IO_OK);
    free(bytes);
}

static void big_main(void *arg)
{
    (void)arg;
    struct stream *pair[2];
    int fds[2];
    tcp_pair_sized(fds, true);
    pair[0] = take_fd(fds[0]);
    pair[1] = take_fd(fds[1]);
    EXPECT_NOT_NULL(fiber_start(loop_current(), echo_main, pair[1]));
    struct fiber_group g;
    fiber_group_init(&g);
    EXPECT_TRUE(fiber_group_start(&g, big_writer, pair[0]));
    char *got = malloc(BIG);
    size_t bytes = 0;
    EXPECT_EQ(stream_read_into(pair[0], got, BIG, &bytes, fiber_deadline(10000)), IO_OK);
    EXPECT_EQ(bytes, BIG);
    for (size_t i = 0; i < bytes; i++)
        if (got[i] != (char)(i * 7 + i / 251)) {
            EXPECT_EQ(i, 0);
            break;
        }
    free(got);
    EXPECT_EQ(fiber_group_wait_all(&g, NEVER), IO_OK);
    stream_close(&pair[0]);
}

TEST(stream, carries_a_megabyte_through_small_buffers_into_the_readers_memory)
{
    run_on_loop(big_main, NULL);
}
