/* tests/unit/net/test_stream.c: bytes that fibers read and write. */
#include "net_test.h"

#include <malloc.h>

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

/* ---- bytes that come before anyone asks ---- */

static void send_all(int fd, struct str bytes)
{
    EXPECT_EQ(send(fd, bytes.at, bytes.len, 0), (ssize_t)bytes.len);
}

static void pause_ms(msec_t ms)
{
    EXPECT_EQ(fiber_wait(fiber_now() + ms), IO_TIMEOUT);
}

static void late_reader(void *arg)
{
    struct str chunk;
    EXPECT_EQ(stream_read(arg, &chunk, fiber_now() + 5), IO_OK);
    EXPECT_STR_EQ(chunk, STR("in time"));
}

static void late_main(void *arg)
{
    (void)arg;
    int peer;
    struct stream *s = stream_and_fd(&peer, false);
    struct fiber_group g;
    fiber_group_init(&g);
    EXPECT_TRUE(fiber_group_start(&g, late_reader, s));
    EXPECT_EQ(fiber_yield(), IO_OK);
    send_all(peer, STR("in time"));
    for (int64_t until = clock_monotonic_ns() + 60000000; clock_monotonic_ns() < until;) continue;
    EXPECT_EQ(fiber_group_wait_all(&g, NEVER), IO_OK);
    stream_close(&s);
    close(peer);
}

TEST(stream, what_came_while_the_loop_was_held_up_is_no_timeout)
{
    run_on_loop(late_main, NULL);
}

static void early_main(void *arg)
{
    (void)arg;
    int peer;
    struct str chunk;
    struct stream *s = stream_and_fd(&peer, false);
    EXPECT_EQ(stream_read(s, &chunk, fiber_now() + 1), IO_TIMEOUT);
    EXPECT_FALSE(stream_has_early(s));
    send_all(peer, STR("one"));
    pause_ms(5);
    send_all(peer, STR("two"));
    pause_ms(5);
    EXPECT_TRUE(stream_has_early(s));
    EXPECT_FALSE(stream_has_ended(s));
    close(peer);
    pause_ms(5);
    EXPECT_TRUE(stream_has_ended(s));
    EXPECT_EQ(stream_read(s, &chunk, NEVER), IO_OK);
    EXPECT_STR_EQ(chunk, STR("onetwo"));
    EXPECT_FALSE(stream_has_early(s));
    EXPECT_EQ(stream_read(s, &chunk, NEVER), IO_END);
    EXPECT_EQ(stream_read(s, &chunk, NEVER), IO_END);
    EXPECT_STR_EQ(stream_error(s), "");
    stream_close(&s);
}

TEST(stream, bytes_that_nobody_waits_for_are_kept_and_come_first_also_after_the_end)
{
    run_on_loop(early_main, NULL);
}

static void unread_main(void *arg)
{
    (void)arg;
    int peer;
    struct str chunk;
    char room[6];
    size_t got;
    struct stream *s = stream_and_fd(&peer, false);
    send_all(peer, STR("head body next"));
    EXPECT_EQ(stream_read(s, &chunk, fiber_deadline(5000)), IO_OK);
    EXPECT_STR_EQ(chunk, STR("head body next"));
    stream_unread(s, str_from(chunk, 5));
    EXPECT_TRUE(stream_has_early(s));
    EXPECT_EQ(stream_read_into(s, room, 5, &got, NEVER), IO_OK);
    EXPECT_MEM_EQ(room, got, "body ", 5);
    pause_ms(2); /* the loop's buffer may be used by others now */
    send_all(peer, STR(" more"));
    pause_ms(5);
    EXPECT_EQ(stream_read(s, &chunk, NEVER), IO_OK);
    EXPECT_STR_EQ(chunk, STR("next more"));
    stream_unread(s, str_from(chunk, 5)); /* lent from the heap */
    stream_unread(s, STR("foreign "));
    EXPECT_EQ(stream_read(s, &chunk, NEVER), IO_OK);
    EXPECT_STR_EQ(chunk, STR("foreign more"));
    stream_unread(s, STR("left"));
    stream_close(&s);
    close(peer);
}

TEST(stream, what_a_parser_read_too_far_can_be_put_back)
{
    run_on_loop(unread_main, NULL);
}

/* Two streams share the loop's buffer: what one has not taken yet survives the other's read. */
static void share_main(void *arg)
{
    (void)arg;
    int peers[2];
    struct str chunk;
    struct stream *a = stream_and_fd(&peers[0], false), *b = stream_and_fd(&peers[1], false);
    send_all(peers[0], STR("for a, and more for a"));
    EXPECT_EQ(stream_read(a, &chunk, fiber_deadline(5000)), IO_OK);
    stream_unread(a, str_from(chunk, 7));
    send_all(peers[1], STR("for b, which is quite as long"));
    EXPECT_EQ(stream_read(b, &chunk, fiber_deadline(5000)), IO_OK);
    EXPECT_STR_EQ(chunk, STR("for b, which is quite as long"));
    EXPECT_EQ(stream_read(a, &chunk, NEVER), IO_OK);
    EXPECT_STR_EQ(chunk, STR("and more for a"));
    stream_close(&a);
    stream_close(&b);
    close(peers[0]);
    close(peers[1]);
}

TEST(stream, unread_bytes_survive_the_reads_of_other_streams)
{
    run_on_loop(share_main, NULL);
}

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
static void lent_main(void *arg)
{
    (void)arg;
    int peer;
    struct str chunk;
    struct stream *s = stream_and_fd(&peer, false);
    send_all(peer, STR("lent"));
    EXPECT_EQ(stream_read(s, &chunk, fiber_deadline(5000)), IO_OK);
    EXPECT_FALSE(__asan_address_is_poisoned(chunk.at));
    pause_ms(1);
    EXPECT_TRUE(__asan_address_is_poisoned(chunk.at));
    EXPECT_TRUE(__asan_address_is_poisoned(chunk.at + 3));
    send_all(peer, STR("again"));
    EXPECT_EQ(stream_read(s, &chunk, fiber_deadline(5000)), IO_OK);
    EXPECT_STR_EQ(chunk, STR("again"));
    stream_close(&s);
    close(peer);
}

TEST(stream, lent_bytes_are_forbidden_after_the_next_wait)
{
    run_on_loop(lent_main, NULL);
}
#endif

/* ---- a peer that sends more than anyone takes ---- */

/* What the receiving kernel can hold, so that the end is not stuck behind it in the sending one. */
enum { TOO_MUCH = 48 * 1024 };

static void send_pattern(int fd)
{
    char *bytes = malloc(TOO_MUCH);
    for (size_t i = 0; i < TOO_MUCH; i++) bytes[i] = (char)(i % 251);
    send_all(fd, str_of(bytes, TOO_MUCH));
    free(bytes);
}

static void expect_pattern(struct str bytes, size_t *at)
{
    for (size_t i = 0; i < bytes.len; i++)
        if (bytes.at[i] != (char)((*at + i) % 251)) {
            FAIL("byte %zu is wrong", *at + i);
            break;
        }
    *at += bytes.len;
}

struct watch {
    struct fiber *waiter;
    struct stream *s;
    int readable, ended;
    struct str got;
    char bytes[64];
};

static void on_readable(void *arg)
{
    struct watch *w = arg;
    EXPECT_NULL(fiber_current());
    w->readable++;
}

static void on_end(void *arg)
{
    struct watch *w = arg;
    EXPECT_NULL(fiber_current());
    w->ended++;
    if (w->waiter && fiber_is_waiting(w->waiter)) fiber_wake(w->waiter, IO_OK);
}

static const struct stream_hooks hooks = {.on_readable = on_readable, .on_end = on_end};
static const struct stream_hooks end_hook = {.on_end = on_end};

static void full_main(void *arg)
{
    (void)arg;
    int peer;
    struct watch w = {.waiter = fiber_current()};
    struct stream *s = stream_and_fd(&peer, false);
    size_t at = 0;
    stream_set_hooks(s, &end_hook, &w);
    send_pattern(peer);
    pause_ms(5);
    close(peer);
    EXPECT_FALSE(stream_has_ended(s));
    EXPECT_EQ(fiber_wait(fiber_deadline(5000)), IO_OK); /* the hang-up is seen behind the unread bytes */
    EXPECT_EQ(w.ended, 1);
    EXPECT_TRUE(stream_has_ended(s));
    EXPECT_TRUE(stream_has_early(s));
    struct str chunk;
    EXPECT_EQ(stream_read(s, &chunk, NEVER), IO_OK);
    EXPECT_TRUE(chunk.len <= STREAM_EARLY_BYTES); /* no more was kept */
    expect_pattern(chunk, &at);
    while (stream_read(s, &chunk, fiber_deadline(5000)) == IO_OK) expect_pattern(chunk, &at);
    EXPECT_EQ(at, TOO_MUCH);
    EXPECT_EQ(w.ended, 1);
    stream_close(&s);
}

TEST(stream, keeps_16_kib_then_stops_reading_and_still_notices_a_hang_up)
{
    run_on_loop(full_main, NULL);
}

/* ---- connections that live long: the kernel tells of each change once ---- */

static struct stream *long_lived(int *peer)
{
    struct stream *s = stream_and_fd(peer, false);
    for (int i = 0; i < 4; i++) {
        struct str chunk;
        send_all(*peer, STR("again"));
        EXPECT_EQ(stream_read(s, &chunk, fiber_deadline(5000)), IO_OK);
        EXPECT_STR_EQ(chunk, "again");
    }
    return s;
}

static void last_bytes_main(void *arg)
{
    bool is_reset = *(bool *)arg;
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    for (int wait_ms = 0; wait_ms < 4; wait_ms++) {
        int peer;
        struct str chunk;
        struct stream *s = long_lived(&peer);
        send_all(peer, STR("bye"));
        if (is_reset) (void)setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        if (wait_ms % 2) pause_ms(wait_ms); /* the bytes are taken before the end comes */
        close(peer);
        if (wait_ms > 1) pause_ms(wait_ms);
        enum io io = stream_read(s, &chunk, fiber_deadline(5000));
        if (!is_reset) {
            EXPECT_EQ(io, IO_OK);
            EXPECT_STR_EQ(chunk, "bye");
        }
        if (io == IO_OK) io = stream_read(s, &chunk, fiber_deadline(5000)); /* a reset may overtake bytes */
        EXPECT_EQ(io, is_reset ? IO_FAIL : IO_END);
        stream_close(&s);
    }
}

TEST(stream, an_end_close_behind_the_last_bytes_of_a_long_life_is_seen_at_once)
{
    bool is_reset = false;
    run_on_loop(last_bytes_main, &is_reset);
}

TEST(stream, a_reset_close_behind_the_last_bytes_of_a_long_life_is_no_end)
{
    bool is_reset = true;
    run_on_loop(last_bytes_main, &is_reset);
}

struct long_write {
    struct stream *to;
    struct str bytes;
};

static void long_writer(void *arg)
{
    struct long_write *f = arg;
    EXPECT_EQ(stream_write(f->to, &f->bytes, 1, fiber_deadline(10000)), IO_OK);
}

/* More than is read in one turn of the loop, twice: into the reader's memory and lent. */
static void long_flood_main(void *arg)
{
    (void)arg;
    enum { FLOOD = 5 << 20 };
    int peer;
    struct stream *s = long_lived(&peer), *other = take_fd(peer);
    struct str bytes = str_of(malloc(FLOOD), FLOOD), chunk;
    char *into = malloc(FLOOD);
    memset((char *)(uintptr_t)bytes.at, 'x', FLOOD);
    for (int round = 0; round < 2; round++) {
        struct fiber_group g;
        fiber_group_init(&g);
        struct long_write write = {other, bytes};
        EXPECT_TRUE(fiber_group_start(&g, long_writer, &write));
        size_t got = 0;
        if (round == 0) EXPECT_EQ(stream_read_into(s, into, FLOOD, &got, fiber_deadline(10000)), IO_OK);
        while (got < FLOOD && stream_read(s, &chunk, fiber_deadline(10000)) == IO_OK) got += chunk.len;
        EXPECT_EQ(got, FLOOD);
        EXPECT_EQ(fiber_group_wait_all(&g, NEVER), IO_OK);
    }
    free((char *)(uintptr_t)bytes.at);
    free(into);
    stream_close(&s);
    stream_close(&other);
}

TEST(stream, a_flood_over_a_connection_of_a_long_life_comes_whole)
{
    run_on_loop(long_flood_main, NULL);
}

/* Stopped by bytes that nobody reads, and going on where they were. */
static void stopped_main(void *arg)
{
    (void)arg;
    int peer;
    size_t at = 0;
    struct watch w = {.waiter = NULL};
    struct stream *s = long_lived(&peer);
    struct str chunk;
    stream_set_hooks(s, &end_hook, &w);
    send_pattern(peer);
    pause_ms(5);
    EXPECT_FALSE(stream_has_ended(s));
    while (at < TOO_MUCH && stream_read(s, &chunk, fiber_deadline(5000)) == IO_OK) expect_pattern(chunk, &at);
    EXPECT_EQ(at, TOO_MUCH);
    at = 0;
    send_pattern(peer);
    pause_ms(5);
    while (at < TOO_MUCH && stream_read(s, &chunk, fiber_deadline(5000)) == IO_OK) expect_pattern(chunk, &at);
    EXPECT_EQ(at, TOO_MUCH);
    close(peer);
    EXPECT_EQ(stream_read(s, &chunk, fiber_deadline(5000)), IO_END);
    stream_close(&s);
}

TEST(stream, reading_that_was_stopped_goes_on_after_a_long_life_too)
{
    run_on_loop(stopped_main, NULL);
}

/* ---- hooks ---- */

static void hooks_main(void *arg)
{
    (void)arg;
    int peer;
    struct str chunk;
    struct watch w = {.waiter = NULL};
    struct stream *s = stream_and_fd(&peer, false);
    stream_set_hooks(s, &hooks, &w);
    pause_ms(2);
    EXPECT_EQ(w.readable, 0);
    send_all(peer, STR("one"));
    pause_ms(5);
    send_all(peer, STR("two"));
    pause_ms(5);
    EXPECT_EQ(w.readable, 1); /* once per batch */
    EXPECT_EQ(stream_read(s, &chunk, NEVER), IO_OK);
    EXPECT_STR_EQ(chunk, STR("onetwo"));
    send_all(peer, STR("three"));
    EXPECT_EQ(stream_read(s, &chunk, fiber_deadline(5000)), IO_OK); /* somebody waits: no hook */
    EXPECT_EQ(w.readable, 1);
    send_all(peer, STR("four"));
    pause_ms(5);
    EXPECT_EQ(w.readable, 2);
    stream_set_hooks(s, NULL, NULL);
    stream_set_hooks(s, &hooks, &w); /* a new owner is told of what is here */
    EXPECT_EQ(w.readable, 2);
    pause_ms(2);
    EXPECT_EQ(w.readable, 3);
    close(peer);
    pause_ms(5);
    EXPECT_EQ(w.ended, 1); /* although bytes are still unread */
    EXPECT_TRUE(stream_has_early(s));
    stream_close(&s);
    pause_ms(2);
    EXPECT_EQ(w.ended, 1);
}

TEST(stream, hooks_tell_of_bytes_once_per_batch_and_of_the_end_once)
{
    run_on_loop(hooks_main, NULL);
}

static void request_main(void *arg)
{
    struct watch *w = arg;
    struct str chunk;
    EXPECT_EQ(stream_read(w->s, &chunk, fiber_deadline(5000)), IO_OK);
    memcpy(w->bytes, chunk.at, chunk.len < sizeof w->bytes ? chunk.len : sizeof w->bytes);
    w->got = str_of(w->bytes, chunk.len);
    EXPECT_EQ(stream_write(w->s, &w->got, 1, fiber_deadline(5000)), IO_OK);
}

static void start_request(void *arg)
{
    EXPECT_TRUE(fiber_start_now(loop_current(), request_main, arg));
}

static void close_idle(void *arg)
{
    struct watch *w = arg;
    w->ended++;
    stream_close(&w->s);
}

static const struct stream_hooks idle_hooks = {.on_readable = start_request, .on_end = close_idle};

static void idle_main(void *arg)
{
    (void)arg;
    struct stream *pair[2];
    struct str chunk;
    struct watch w = {.waiter = NULL};
    stream_pair(pair);
    w.s = pair[1];
    stream_set_hooks(w.s, &idle_hooks, &w);
    for (int i = 0; i < 10; i++) {
        EXPECT_EQ(write_str(pair[0], STR("request"), 5000), IO_OK);
        EXPECT_EQ(stream_read(pair[0], &chunk, fiber_deadline(5000)), IO_OK);
        EXPECT_STR_EQ(w.got, STR("request"));
    }
    stream_close(&pair[0]);
    pause_ms(10);
    EXPECT_EQ(w.ended, 1);
    EXPECT_NULL(w.s);
}

TEST(stream, a_hook_starts_a_fiber_for_each_request_and_closes_the_stream_at_its_end)
{
    run_on_loop(idle_main, NULL);
}

/* ---- ends ---- */

static void reset_main(void *arg)
{
    (void)arg;
    struct stream *pair[2];
    struct str chunk;
    stream_pair(pair);
    stream_abort(&pair[1]);
    EXPECT_NULL(pair[1]);
    EXPECT_EQ(stream_read(pair[0], &chunk, fiber_deadline(5000)), IO_FAIL);
    EXPECT_STR_EQ(stream_error(pair[0]), "connection reset by peer");
    EXPECT_TRUE(stream_has_ended(pair[0]));
    EXPECT_EQ(write_str(pair[0], STR("x"), 5000), IO_FAIL);
    stream_close(&pair[0]);
}

TEST(stream, an_abort_is_a_failure_at_the_other_side_not_an_end)
{
    run_on_loop(reset_main, NULL);
}

static void half_main(void *arg)
{
    (void)arg;
    struct stream *pair[2];
    struct str chunk;
    stream_pair(pair);
    EXPECT_EQ(write_str(pair[0], STR("last words"), 5000), IO_OK);
    stream_shutdown(pair[0]);
    EXPECT_EQ(stream_read(pair[1], &chunk, fiber_deadline(5000)), IO_OK);
    EXPECT_STR_EQ(chunk, STR("last words"));
    EXPECT_EQ(stream_read(pair[1], &chunk, fiber_deadline(5000)), IO_END);
    EXPECT_EQ(write_str(pair[1], STR("answer"), 5000), IO_OK);
    EXPECT_EQ(stream_read(pair[0], &chunk, fiber_deadline(5000)), IO_OK);
    EXPECT_STR_EQ(chunk, STR("answer"));
    stream_close(&pair[0]);
    stream_close(&pair[1]);
}

TEST(stream, one_direction_can_end_while_the_other_goes_on)
{
    run_on_loop(half_main, NULL);
}

/* ---- a slow reader ---- */

struct flood {
    struct stream *s;
    char *bytes;
    enum io result;
};

static void flood_main(void *arg)
{
    struct flood *f = arg;
    struct str piece = str_of(f->bytes, 8 << 20);
    f->result = stream_write(f->s, &piece, 1, fiber_deadline(20000));
}

static void slow_main(void *arg)
{
    (void)arg;
    int peer;
    struct flood f = {.s = stream_and_fd(&peer, true), .bytes = calloc(1, 8 << 20), .result = IO_FAIL};
    char *sink = malloc(1 << 16);
    struct fiber_group g;
    fiber_group_init(&g);
    pause_ms(1);
    size_t before = mallinfo2().uordblks;
    EXPECT_TRUE(fiber_group_start(&g, flood_main, &f));
    pause_ms(20);
    size_t during = mallinfo2().uordblks;
    EXPECT_TRUE(during < before + 24 * 1024);
    size_t got = 0;
    for (ssize_t n; got < 8 << 20; got += (size_t)n) {
        while ((n = recv(peer, sink, 1 << 16, MSG_DONTWAIT)) < 0) pause_ms(0);
        if (n == 0) break;
    }
    EXPECT_EQ(got, 8 << 20);
    EXPECT_EQ(fiber_group_wait_all(&g, NEVER), IO_OK);
    EXPECT_EQ(f.result, IO_OK);
    stream_close(&f.s);
    close(peer);
    free(f.bytes);
    free(sink);
}

TEST(stream, a_slow_reader_costs_its_writer_time_not_memory)
{
    run_on_loop(slow_main, NULL);
}

/* ---- how deep ---- */

struct depth {
    struct stream *s;
    size_t high_water;
};

static void typical_main(void *arg)
{
    struct depth *d = arg;
    struct str chunk, pieces[3] = {STR("HTTP/1.1 200 OK\r\n"), STR("\r\n"), STR("body")};
    char body[10];
    size_t got;
    EXPECT_EQ(stream_read(d->s, &chunk, fiber_deadline(5000)), IO_OK);
    stream_unread(d->s, str_from(chunk, 4));
    EXPECT_EQ(stream_read_into(d->s, body, sizeof body, &got, fiber_deadline(5000)), IO_OK);
    EXPECT_EQ(stream_write(d->s, pieces, 3, fiber_deadline(5000)), IO_OK);
    EXPECT_EQ(stream_read(d->s, &chunk, fiber_deadline(5000)), IO_END);
    d->high_water = fiber_stack_high_water(fiber_current());
}

static void depth_main(void *arg)
{
    (void)arg;
    int peer;
    struct depth d = {.s = stream_and_fd(&peer, false)};
    struct fiber_group g;
    fiber_group_init(&g);
    EXPECT_TRUE(fiber_group_start(&g, typical_main, &d));
    send_all(peer, STR("head"));
    pause_ms(5);
    send_all(peer, STR("and a body"));
    pause_ms(5);
    EXPECT_EQ(shutdown(peer, SHUT_WR), 0);
    EXPECT_EQ(fiber_group_wait_all(&g, fiber_deadline(5000)), IO_OK);
#ifndef WEIR_SANITIZED
    EXPECT_EQ(d.high_water, 4096);
#endif
    stream_close(&d.s);
    close(peer);
}

TEST(stream, reading_and_writing_stays_within_one_page_of_stack)
{
    run_on_loop(depth_main, NULL);
}
