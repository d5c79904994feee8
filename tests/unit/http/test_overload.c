/* tests/unit/http/test_overload.c: callers who come when there is no place for them: they are told so, and the server goes
 * on. */
#include "http_test.h"

#include "fiber/inside.h"
#include "http/exchange.h"

static void connections_script(void)
{
    struct stream *first = caller(), *second = caller();
    SEND(first, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    SEND(second, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    HAS(read_until(first, STR("hello"), 1), "200 OK");
    HAS(read_until(second, STR("hello"), 1), "200 OK");
    enum io how;
    struct str reply = talk(STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), &how);
    EXPECT_EQ(status_of(reply), 503);
    EXPECT_EQ(how, IO_END);
    size_t body = str_find(reply, STR("\r\n\r\n"));
    EXPECT_EQ(reply.len - body - 4, 84); /* as its Content-Length says */
    EXPECT_EQ(http_server_read_stats(world.server).over_limit, 1);
    stream_close(&first);
    WAIT_FOR(http_server_read_stats(world.server).connections == 1);
    first = caller();
    SEND(first, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    HAS(read_until(first, STR("hello"), 1), "200 OK");
    stream_close(&first);
    stream_close(&second);
}
TEST(overload, answers_503_over_the_limit_of_connections)
{
    struct http_server_options o = plain_options;
    o.max_connections = 2;
    with_server(&o, connections_script);
}

/* ---- no memory for a fiber ---- */
static struct str say_overloaded(void *arg, struct str first_bytes)
{
    (void)arg;
    seen.refused++;
    snprintf(seen.path, sizeof seen.path, "%.*s", (int)str_part(first_bytes, 0, 9).len, first_bytes.at);
    return STR("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!");
}

static void no_memory_script(void)
{
    struct stream *first = caller(), *second = caller(), *third = caller();
    enum io how;
    SEND(first, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    WAIT_FOR(seen.handled == 1);
    struct stack_pool *stacks = &world.loop->stacks;
    struct stack *spare[8];
    unsigned count = 0;
    while (stacks->free > 0 && count < ARRAY_COUNT(spare)) spare[count++] = stack_take(stacks);
    stacks->most = stacks->mapped;
    SEND(second, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf");
    struct str reply = read_all(second, PATIENCE_MS, &how);
    EXPECT_EQ(how, IO_END);
    EXPECT_EQ(status_of(reply), 503);
    HAS(reply, "no!");
    EXPECT_STR_EQ(seen.path, "POST /ech");
    free((char *)(uintptr_t)reply.at);
    EXPECT_EQ(http_server_read_stats(world.server).no_memory, 1);
    stacks->most = 0;
    while (count > 0) stack_give(stacks, spare[--count]);
    SEND(third, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    HAS(read_until(third, STR("hello"), 1), "200 OK");
    stream_close(&first);
    stream_close(&second);
    stream_close(&third);
}
TEST(overload, answers_503_without_memory_for_a_fiber_and_goes_on_when_there_is_some)
{
    static const struct http_server_handler handler = {
        .handle = handle, .refuse = refuse, .overloaded = say_overloaded};
    with_handler(&plain_options, &handler, no_memory_script);
}
