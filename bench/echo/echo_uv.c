/* bench/echo/echo_uv.c: the same echo server on bare libuv, as fast as libuv can: one read buffer for all connections,
 * uv_try_write first. What it does not take at once is an error here (the load generator never has more than one message
 * under way). */
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

static char buffer[65536];

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(buffer, sizeof buffer);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    if (got == 0) return;
    uv_buf_t out = uv_buf_init(buf->base, got > 0 ? (unsigned)got : 0);
    if (got < 0 || uv_try_write(stream, &out, 1) != got) uv_close((uv_handle_t *)stream, on_closed);
}

static void on_connection(uv_stream_t *listening, int status)
{
    if (status < 0) return;
    uv_tcp_t *tcp = malloc(sizeof *tcp);
    uv_tcp_init(listening->loop, tcp);
    if (uv_accept(listening, (uv_stream_t *)tcp) != 0) {
        uv_close((uv_handle_t *)tcp, on_closed);
        return;
    }
    uv_tcp_nodelay(tcp, 1);
    uv_read_start((uv_stream_t *)tcp, on_alloc, on_read);
}

int main(int argc, char **argv)
{
    static uv_tcp_t listening;
    struct sockaddr_in a;
    uv_tcp_init(uv_default_loop(), &listening);
    uv_ip4_addr("127.0.0.1", (int)strtol(argc > 1 ? argv[1] : "0", NULL, 10), &a);
    if (uv_tcp_bind(&listening, (struct sockaddr *)&a, 0) != 0 ||
        uv_listen((uv_stream_t *)&listening, 1024, on_connection) != 0) {
        fprintf(stderr, "the address is taken\n");
        return 1;
    }
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
