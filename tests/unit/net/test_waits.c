/* tests/unit/net/test_waits.c: every wait there is, entered once to be cancelled and once to time out. After either the
 * scene must be clean: nothing leaks, nothing of libuv's points to what the fiber owned (the sanitizers and loop_free
 * judge that). */
#include "resolver_test.h"
#include "tls_server.h"

#include "net/connect.h"
#include "net/dial.h"
#include "net/tls.h"

#include <string.h>

struct scene {
    enum io (*wait)(struct scene *scene, msec_t deadline);
    bool wants_cancel;
    struct fiber *waiter;
    enum io result;
    bool has_waited;
    msec_t more_ms; /* that the canceller shall wait before he cancels */
};

/* ---- the waits of fiber/ ---- */

static enum io wait_sleep(struct scene *scene, msec_t deadline)
{
    (void)scene;
    return fiber_sleep(deadline == NEVER ? 600000 : deadline - fiber_now());
}

static enum io wait_bare(struct scene *scene, msec_t deadline)
{
    (void)scene;
    return fiber_wait(deadline);
}

static void sleeper_main(void *arg)
{
    (void)arg;
    (void)fiber_sleep(600000);
}

static enum io wait_first_child(struct scene *scene, msec_t deadline)
{
    (void)scene;
    struct fiber_group g;
    fiber_group_init(&g);
    EXPECT_TRUE(fiber_group_start(&g, sleeper_main, NULL));
    enum io io = fiber_group_wait_first(&g, deadline);
    fiber_group_cancel(&g);
    return io;
}

static enum io wait_all_children(struct scene *scene, msec_t deadline)
{
    (void)scene;
    struct fiber_group g;
    fiber_group_init(&g);
    for (int i = 0; i < 3; i++) EXPECT_TRUE(fiber_group_start(&g, sleeper_main, NULL));
    enum io io = fiber_group_wait_all(&g, deadline);
    fiber_group_cancel(&g);
    return io;
}

/* A gate that holds threads of the pool. */
static struct gate {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool is_open;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};

static void gate_set(bool is_open)
{
    pthread_mutex_lock(&gate.lock);
    gate.is_open = is_open;
    pthread_cond_broadcast(&gate.opened);
    pthread_mutex_unlock(&gate.lock);
}

static void gate_work(void *job)
{
    pthread_mutex_lock(&gate.lock);
    while (!gate.is_open) pthread_cond_wait(&gate.opened, &gate.lock);
    memset(job, 1, 100);
    pthread_mutex_unlock(&gate.lock);
}

static enum io wait_offload(struct scene *scene, msec_t deadline)
{
    (void)scene;
    gate_set(false);
    enum io io = fiber_offload(gate_work, free, malloc(100), deadline);
    gate_set(true);
    return io;
}

/* ---- streams ---- */

static enum io wait_read(struct scene *scene, msec_t deadline)
{
    (void)scene;
    struct stream *pair[2];
    struct str chunk;
    stream_pair(pair);
    enum io io = stream_read(pair[0], &chunk, deadline);
    stream_close(&pair[0]);
    stream_close(&pair[1]);
    return io;
}

static enum io wait_read_into(struct scene *scene, msec_t deadline)
{
    (void)scene;
    struct stream *pair[2];
    char *room = malloc(100000);
    size_t got = 0;
    stream_pair(pair);
    EXPECT_EQ(write_str(pair[1], STR("the first of many"), 0), IO_OK);
    enum io io = stream_read_into(pair[0], room, 100000, &got, deadline);
    free(room); /* whatever comes now may not go there */
    EXPECT_EQ(got, 17);
    if (io == IO_TIMEOUT) EXPECT_EQ(write_str(pair[1], STR("late"), 0), IO_OK);
    if (io == IO_TIMEOUT) EXPECT_EQ(fiber_sleep(1), IO_TIMEOUT);
    stream_close(&pair[0]);
    stream_close(&pair[1]);
    return io;
}

static enum io write_until_blocked(struct stream *s, msec_t deadline)
{
    char *bytes = malloc(1 << 16);
    struct str pieces[2] = {str_of(bytes, 1 << 15), str_of(bytes + (1 << 15), 1 << 15)};
    enum io io = IO_OK;
    memset(bytes, 'x', 1 << 16);
    for (int i = 0; i < 10000 && io == IO_OK; i++) io = stream_write(s, pieces, 2, deadline);
    free(bytes); /* libuv may not need it any more */
    return io;
}

static enum io wait_write(struct scene *scene, msec_t deadline)
{
    (void)scene;
    int peer;
    struct stream *s = stream_and_fd(&peer, true);
    enum io io = write_until_blocked(s, deadline);
    if (io == IO_TIMEOUT)
        EXPECT_EQ(write_str(s, STR("more"), 1000), IO_FAIL); /* the rest is still on its way */
    stream_close(&s);
    close(peer);
    return io;
}

/* ---- dial ---- */

static void holder_main(void *arg)
{
    (void)arg;
    void *job = malloc(100);
    if (fiber_offload(gate_work, free, job, NEVER) == IO_OK) free(job);
}

/* All threads of the pool are held, so the look-up cannot begin. */
static enum io wait_name(struct scene *scene, msec_t deadline)
{
    (void)scene;
    enum io io;
    struct err err;
    struct dial_target t = {.host = STR("localhost"), .port = 1};
    gate_set(false);
    for (int i = 0; i < 8; i++) EXPECT_NOT_NULL(fiber_start(loop_current(), holder_main, NULL));
    EXPECT_EQ(fiber_yield(), IO_OK);
    struct stream *s = dial(&t, deadline, &io, &err);
    EXPECT_NULL(s);
    gate_set(true);
    return io;
}

/* A queue that is full swallows what asks for a connection. */
static enum io wait_connect(struct scene *scene, msec_t deadline)
{
    (void)scene;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fill[8];
    EXPECT_EQ(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    EXPECT_EQ(listen(fd, 0), 0);
    EXPECT_EQ(getsockname(fd, (struct sockaddr *)&a, &bytes), 0);
    for (int i = 0; i < 8; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fill[i], (struct sockaddr *)&a, sizeof a);
    }
    enum io io;
    struct err err;
    struct dial_target t = {.host = STR("127.0.0.1"), .port = ntohs(a.sin_port)};
    struct stream *s = dial(&t, deadline, &io, &err);
    EXPECT_NULL(s);
    stream_close(&s);
    EXPECT_EQ(err.code, io == IO_TIMEOUT ? ERR_TIMEOUT : ERR_CANCELLED);
    for (int i = 0; i < 8; i++) close(fill[i]);
    close(fd);
    return io;
}

/* A name with eight addresses that all swallow: several attempts at once. */
static enum io wait_race(struct scene *scene, msec_t deadline)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fill[8];
    EXPECT_EQ(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    EXPECT_EQ(listen(fd, 0), 0);
    EXPECT_EQ(getsockname(fd, (struct sockaddr *)&a, &bytes), 0);
    for (int i = 0; i < 8; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fill[i], (struct sockaddr *)&a, sizeof a);
    }
    struct resolver *r = resolver_new_with(
        &(struct resolver_options){.keep_ms = 1000000, .lookup = dns_lookup});
    resolver_use(loop_current(), r);
    DNS_SET("127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1",
            "127.0.0.1");
    enum io io;
    struct err err;
    struct dial_target t = {.host = STR("many.test"), .port = ntohs(a.sin_port)};
    struct resolved *found;
    EXPECT_EQ(resolver_find(t.host, t.port, &found, NEVER, &err), IO_OK);
    free(found);
    scene->more_ms = 2 * CONNECT_ATTEMPT_DELAY_MS; /* the canceller comes when some attempts are out */
    struct stream *s = dial(&t, deadline, &io, &err);
    EXPECT_NULL(s);
    resolver_use(loop_current(), NULL);
    resolver_free(r);
    for (int i = 0; i < 8; i++) close(fill[i]);
    close(fd);
    return io;
}

/* A proxy that takes the connection and says nothing. */
static enum io listen_to_it(struct stream *s, const struct dial_target *t, msec_t deadline, struct err *err)
{
    (void)t;
    (void)err;
    struct str chunk;
    return stream_read(s, &chunk, deadline);
}

static enum io wait_tunnel(struct scene *scene, msec_t deadline)
{
    (void)scene;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    EXPECT_EQ(listen(fd, 1), 0);
    EXPECT_EQ(getsockname(fd, (struct sockaddr *)&a, &bytes), 0);
    enum io io;
    struct err err;
    struct dial_target t = {
        .host = STR("provider.test"),
        .port = 443,
        .tunnel = {.host = STR("127.0.0.1"), .port = ntohs(a.sin_port), .open = listen_to_it}};
    EXPECT_NULL(dial(&t, deadline, &io, &err));
    EXPECT_TRUE(str_starts_with(str_from_cstr(err.text), STR("proxy 127.0.0.1:")));
    close(fd);
    return io;
}

/* ---- TLS ---- */

static enum io with_tls(enum tls_server_kind kind, msec_t deadline,
                        enum io (*wait)(struct stream *s, msec_t deadline))
{
    struct tls_server server = {.kind = kind};
    struct err err;
    enum io io = IO_OK;
    tls_server_start(&server);
    struct tls_context *c = tls_context_new(&(struct tls_files){.ca = server.ca_file}, &err);
    struct dial_target t = {.host = STR("127.0.0.1"), .port = server.port, .tls = c};
    struct stream *s = dial(&t, wait ? fiber_deadline(10000) : deadline, &io, &err);
    if (s && wait) io = wait(s, fiber_now() + (deadline == NEVER ? 600000 : 10));
    stream_abort(&s); /* a plain end would queue behind what the server does not read */
    tls_server_stop(&server);
    tls_context_unref(&c);
    return io;
}

static enum io wait_handshake(struct scene *scene, msec_t deadline)
{
    (void)scene;
    return with_tls(SERVER_IS_MUTE, deadline, NULL);
}

static enum io read_nothing(struct stream *s, msec_t deadline)
{
    struct str chunk;
    return stream_read(s, &chunk, deadline);
}

static enum io wait_tls_read(struct scene *scene, msec_t deadline)
{
    (void)scene;
    return with_tls(SERVER_ECHOES, deadline, read_nothing);
}

static enum io read_into_nothing(struct stream *s, msec_t deadline)
{
    char room[10];
    size_t got;
    return stream_read_into(s, room, sizeof room, &got, deadline);
}

static enum io wait_tls_read_into(struct scene *scene, msec_t deadline)
{
    (void)scene;
    return with_tls(SERVER_ECHOES, deadline, read_into_nothing);
}

static enum io wait_tls_write(struct scene *scene, msec_t deadline)
{
    (void)scene;
    return with_tls(SERVER_READS_NOTHING, deadline, write_until_blocked);
}

/* ---- the stage ---- */

static const struct {
    const char *name;
    enum io (*wait)(struct scene *scene, msec_t deadline);
} waits[] = {
    {"sleep", wait_sleep},
    {"a bare wait", wait_bare},
    {"the first child", wait_first_child},
    {"all children", wait_all_children},
    {"work on the pool", wait_offload},
    {"a read", wait_read},
    {"a read into memory", wait_read_into},
    {"a write", wait_write},
    {"a name", wait_name},
    {"a connection", wait_connect},
    {"a race of connections", wait_race},
    {"a tunnel", wait_tunnel},
    {"a TLS handshake", wait_handshake},
    {"a TLS read", wait_tls_read},
    {"a TLS read into memory", wait_tls_read_into},
    {"a TLS write", wait_tls_write},
};

static void actor_main(void *arg)
{
    struct scene *scene = arg;
    scene->waiter = fiber_current();
    scene->result = scene->wait(scene, scene->wants_cancel ? NEVER : fiber_now() + 10);
    scene->has_waited = true;
}

/* Cancels when the actor has waited through some turns, so that it is past its preparations. */
static void canceller_main(void *arg)
{
    struct scene *scene = arg;
    msec_t began = fiber_now();
    while (fiber_now() < began + 30 + scene->more_ms ||
           !(scene->has_waited || fiber_is_waiting(scene->waiter)))
        EXPECT_EQ(fiber_sleep(1), IO_TIMEOUT);
    EXPECT_FALSE(scene->has_waited);
    if (scene->has_waited) return;
    fiber_cancel(scene->waiter);
    EXPECT_FALSE(scene->has_waited); /* only the loop resumes fibers */
}

static void play(size_t i, bool wants_cancel)
{
    struct scene scene = {.wait = waits[i].wait, .wants_cancel = wants_cancel};
    struct loop *l = loop_new();
    EXPECT_NOT_NULL(fiber_start(l, actor_main, &scene));
    if (wants_cancel) EXPECT_NOT_NULL(fiber_start(l, canceller_main, &scene));
    loop_run(l);
    EXPECT_THAT(scene.has_waited, "%s: the loop ended before the wait did", waits[i].name);
    EXPECT_THAT(scene.result == (wants_cancel ? IO_CANCELLED : IO_TIMEOUT), "%s: ended with %d",
                waits[i].name, scene.result);
    EXPECT_EQ(loop_read_stats(l).fibers, 0);
    loop_free(l);
}

TEST(waits, every_one_can_be_cancelled)
{
    for (size_t i = 0; i < ARRAY_COUNT(waits); i++) play(i, true);
}

TEST(waits, every_one_times_out)
{
    for (size_t i = 0; i < ARRAY_COUNT(waits); i++) play(i, false);
}
