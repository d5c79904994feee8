/* bench/echo/echo_epoll.c: the same echo server on bare epoll, level-triggered: the floor. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[65536];

static void watch(int epoll, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    (void)epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
}

static void serve(int fd)
{
    ssize_t got = read(fd, buffer, sizeof buffer);
    if (got <= 0 || write(fd, buffer, (size_t)got) != got) close(fd);
}

int main(int argc, char **argv)
{
    int on = 1, listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), epoll = epoll_create1(0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    a.sin_port = htons((uint16_t)strtol(argc > 1 ? argv[1] : "0", NULL, 10));
    (void)setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    (void)setsockopt(listening, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(listening, (struct sockaddr *)&a, sizeof a) != 0 || listen(listening, 1024) != 0) {
        fprintf(stderr, "the address is taken\n");
        return 1;
    }
    watch(epoll, listening);
    for (;;) {
        struct epoll_event events[1024];
        int count = epoll_wait(epoll, events, 1024, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd != listening) {
                serve(events[i].data.fd);
                continue;
            }
            for (int fd; (fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;)
                watch(epoll, fd);
        }
    }
}
