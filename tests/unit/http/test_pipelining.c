/* tests/unit/http/test_pipelining.c: many requests at once on one connection: others have their turn, and none is
 * forgotten wherever the kept bytes end. */
#include "http_test.h"

#include "net/stream.h"

enum { REQUEST_BYTES = 64, MANY = 500 };

static unsigned handled_before_victim;
static bool is_at_gate, may_go;

static void pipelining_handle(void *arg, struct http_exchange *x)
{
    struct str path = http_exchange_request(x)->path;
    if (str_equals(path, STR("/victim"))) handled_before_victim = seen.handled;
    if (str_equals(path, STR("/gate"))) {
        is_at_gate = true;
        WAIT_FOR(may_go);
    }
    handle(arg, x);
}

static void with_pipelining(void (*script)(void))
{
    static const struct http_server_handler handler = {.handle = pipelining_handle, .refuse = refuse};
    handled_before_victim = 0;
    is_at_gate = may_go = false;
    with_handler(&plain_options, &handler, script);
}

/* So many requests of 64 bytes each, in one go. */
static void send_many(struct stream *s, unsigned count)
{
    char one[REQUEST_BYTES + 1];
    snprintf(one, sizeof one, "GET /x HTTP/1.1\r\nHost: h\r\nX-Padding: %023d\r\n\r\n", 0);
    EXPECT_EQ(strlen(one), REQUEST_BYTES);
    char *all = malloc((size_t)count * REQUEST_BYTES);
    for (unsigned i = 0; i < count; i++) memcpy(all + (size_t)i * REQUEST_BYTES, one, REQUEST_BYTES);
    send_str(s, str_of(all, (size_t)count * REQUEST_BYTES));
    free(all);
}

static unsigned count_answers(struct stream *s, unsigned wanted)
{
    unsigned answers = 0;
    struct str chunk;
    msec_t deadline = fiber_deadline(PATIENCE_MS);
    char tail[6] = {0}; /* of "hello", cut anywhere */
    while (answers < wanted && stream_read(s, &chunk, deadline) == IO_OK) {
        for (size_t i = 0; i < chunk.len; i++) {
            memmove(tail, tail + 1, 4);
            tail[4] = chunk.at[i];
            answers += strcmp(tail, "hello") == 0;
        }
    }
    return answers;
}

static void fair_script(void)
{
    struct stream *hog = caller(), *victim = caller();
    send_many(hog, MANY);
    SEND(victim, "GET /victim HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(count_answers(victim, 1), 1);
    EXPECT_THAT(handled_before_victim < MANY / 4, "the other one had to wait for %u requests",
                handled_before_victim);
    EXPECT_EQ(count_answers(hog, MANY), MANY);
    stream_close(&hog);
    stream_close(&victim);
}
TEST(pipelining, leaves_others_their_turn)
{
    with_pipelining(fair_script);
}

/* Reading has stopped because nobody takes what comes; then all that was kept is taken, and it ends with a request. */
static void exact_script(unsigned first)
{
    enum { KEPT = STREAM_EARLY_BYTES / REQUEST_BYTES, MORE = 40 };
    struct stream *s = caller();
    SEND(s, "GET /gate HTTP/1.1\r\nHost: h\r\n\r\n");
    WAIT_FOR(is_at_gate);
    send_many(s, first); /* what comes while nothing is kept may be more than 16 KiB */
    for (int i = 0; i < 20; i++) (void)fiber_yield();
    send_many(s, KEPT - first % KEPT + MORE);
    for (int i = 0; i < 20; i++) (void)fiber_yield();
    may_go = true;
    unsigned all = 1 + first + KEPT - first % KEPT + MORE;
    EXPECT_EQ(count_answers(s, all), all);
    send_many(s, 1);
    EXPECT_EQ(count_answers(s, 1), 1);
    stream_close(&s);
}
static void from_nothing_script(void)
{
    exact_script(1);
}
static void from_much_script(void)
{
    exact_script(STREAM_EARLY_BYTES * 3 / REQUEST_BYTES);
}
TEST(pipelining, goes_on_where_the_kept_bytes_end_with_a_request)
{
    with_pipelining(from_nothing_script);
    with_pipelining(from_much_script);
}
