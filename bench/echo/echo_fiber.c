/* bench/echo/echo_fiber.c: the echo server on fibers. `echo_fiber PORT` keeps a fiber per connection, `echo_fiber PORT
 * per-request` starts one for each message from the idle connection's hook, as the HTTP server does. */
#include "net/listener.h"
#include "net/stream.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

static void echo_main(void *arg)
{
    struct stream *s = arg;
    struct str chunk;
    while (stream_read(s, &chunk, fiber_deadline(30000)) == IO_OK)
        if (stream_write(s, &chunk, 1, fiber_deadline(30000)) != IO_OK) break;
    stream_close(&s);
}

static void on_accept(void *arg, struct stream *s)
{
    if (!fiber_start_now(arg, echo_main, s)) stream_close(&s);
}

/* ---- a fiber per request ---- */

struct idle {
    struct stream *s;
};

static void idle_free(struct idle *i)
{
    stream_close(&i->s);
    xfree(i);
}

static void request_main(void *arg)
{
    struct idle *i = arg;
    struct str chunk;
    if (stream_read(i->s, &chunk, fiber_deadline(30000)) != IO_OK ||
        stream_write(i->s, &chunk, 1, fiber_deadline(30000)) != IO_OK)
        idle_free(i);
}

static void on_readable(void *arg)
{
    if (!fiber_start_now(loop_current(), request_main, arg)) idle_free(arg);
}

static void on_end(void *arg)
{
    idle_free(arg);
}

static const struct stream_hooks hooks = {.on_readable = on_readable, .on_end = on_end};

static void on_accept_idle(void *arg, struct stream *s)
{
    (void)arg;
    struct idle *i = xzalloc(sizeof *i);
    i->s = s;
    stream_set_hooks(s, &hooks, i);
}

int main(int argc, char **argv)
{
    char text[64];
    struct listen_address a;
    struct err err = {.text = ""};
    int fd;
    bool is_per_request = argc > 2 && strcmp(argv[2], "per-request") == 0;
    snprintf(text, sizeof text, "127.0.0.1:%s", argc > 1 ? argv[1] : "0");
    struct loop *l = loop_new();
    struct listener *listener = NULL;
    if (listen_address_parse(&a, str_from_cstr(text), &err) && listen_sockets(&a, &fd, 1, &err))
        listener = listener_new(l, fd, is_per_request ? on_accept_idle : on_accept, l, &err);
    if (!listener) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    loop_run(l);
    return 0;
}
