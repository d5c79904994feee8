/* bench/echo/echo_load.c: `echo_load PORT CONNECTIONS BYTES SECONDS` keeps one message under way on each connection and
 * prints how many came back. Closed loop on purpose: it saturates the server, and what is measured is the server's CPU
 * time per message, not latency. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char message[65536], answer[65536];
static size_t missing[4096]; /* bytes of the answer, by descriptor */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int connected(unsigned port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_port = htons((uint16_t)port);
    for (int tries = 0; connect(fd, (struct sockaddr *)&a, sizeof a) != 0; tries++) {
        if (errno != ECONNREFUSED || tries == 100) {
            perror("connect");
            exit(1);
        }
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

int main(int argc, char **argv)
{
    if (argc < 5) return 2;
    unsigned port = (unsigned)strtoul(argv[1], NULL, 10), connections = (unsigned)strtoul(argv[2], NULL, 10);
    size_t bytes = strtoul(argv[3], NULL, 10);
    double seconds = strtod(argv[4], NULL);
    int epoll = epoll_create1(0);
    memset(message, 'x', sizeof message);
    for (unsigned i = 0; i < connections; i++) {
        int fd = connected(port);
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        (void)epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
        missing[fd] = bytes;
        if (write(fd, message, bytes) != (ssize_t)bytes) return 1;
    }
    unsigned long done = 0;
    for (double end = now() + seconds; now() < end;) {
        struct epoll_event events[1024];
        int count = epoll_wait(epoll, events, 1024, 100);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            ssize_t got = read(fd, answer, sizeof answer);
            if (got <= 0) {
                fprintf(stderr, "a connection ended\n");
                return 1;
            }
            missing[fd] -= (size_t)got;
            if (missing[fd]) continue;
            done++;
            missing[fd] = bytes;
            if (write(fd, message, bytes) != (ssize_t)bytes) return 1;
        }
    }
    printf("%lu\n", done);
    return 0;
}
