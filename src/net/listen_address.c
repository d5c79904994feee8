/* net/listen_address.c: the sockets that main makes before there are workers.
 *
 * Each worker accepts on a socket of its own (SO_REUSEPORT: the kernel spreads connections). That option would also let
 * a second `weir serve` take half of the connections in silence, so the address is first bound without it. A unix socket
 * has no such spreading: the workers share one, and a path left behind by a dead process is told from a living one by
 * trying to connect. */
#include "net/inside.h"
#include "net/listener.h"

#include "base/fmt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096 }; /* the kernel cuts it to net.core.somaxconn */

/* ---- text ---- */

static bool parse_unix(struct listen_address *out, struct str path, struct err *err)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&out->address;
    if (path.len == 0) return err_set(err, ERR_INVALID, "unix: a path is missing");
    if (path.len >= sizeof un->sun_path || memchr(path.at, 0, path.len))
        return err_set(err, ERR_INVALID, "unix: the path is longer than %zu bytes or has a NUL",
                       sizeof un->sun_path - 1);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path.at, path.len);
    out->bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1);
    out->is_unix = out->is_loopback = true;
    return true;
}

static bool parse_host(struct listen_address *out, struct str host, uint16_t port)
{
    struct sockaddr_in *four = (struct sockaddr_in *)&out->address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&out->address;
    char text[INET6_ADDRSTRLEN];
    if (host.len >= sizeof text) return false;
    bool is_six = host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';
    if (is_six) host = str_part(host, 1, host.len - 2);
    if (host.len == 0 && !is_six) host = STR("0.0.0.0");
    if (str_equals_nocase(host, STR("localhost")) && !is_six) host = STR("127.0.0.1");
    memcpy(text, host.at, host.len);
    text[host.len] = 0;
    if (!is_six && inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        out->bytes = sizeof *four;
        return true;
    }
    if (!is_six || inet_pton(AF_INET6, text, &six->sin6_addr) != 1) return false;
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    out->bytes = sizeof *six;
    return true;
}

bool listen_address_parse(struct listen_address *out, struct str text, struct err *err)
{
    struct listen_address a = {.bytes = 0};
    if (str_starts_with(text, STR("unix:"))) {
        if (!parse_unix(&a, str_from(text, 5), err)) return false;
        *out = a;
        return true;
    }
    size_t colon = text.len;
    while (colon > 0 && text.at[colon - 1] != ':') colon--;
    int64_t port = 0;
    if (colon == 0)
        return err_set(err, ERR_INVALID, "\"%.*s\": a port is missing (\"127.0.0.1:8080\")", STR_ARG(text));
    if (!str_to_u63(str_from(text, colon), &port) || port > 65535)
        return err_set(err, ERR_INVALID, "\"%.*s\": the port must be a number from 0 to 65535",
                       STR_ARG(text));
    if (!parse_host(&a, str_part(text, 0, colon - 1), (uint16_t)port))
        return err_set(
            err, ERR_INVALID,
            "\"%.*s\": want an IPv4 address, an IPv6 address in brackets, \"localhost\" or \"unix:/path\"",
            STR_ARG(text));
    a.is_loopback = address_is_loopback((struct sockaddr *)&a.address);
    *out = a;
    return true;
}

static uint16_t port_of(const struct listen_address *a)
{
    if (a->address.ss_family == AF_INET) return ntohs(((const struct sockaddr_in *)&a->address)->sin_port);
    return ntohs(((const struct sockaddr_in6 *)&a->address)->sin6_port);
}

void listen_address_format(const struct listen_address *a, char out[128])
{
    if (a->is_unix) {
        const struct sockaddr_un *un = (const struct sockaddr_un *)&a->address;
        snprintf(out, 128, "unix:%.*s", (int)sizeof un->sun_path, un->sun_path);
        return;
    }
    char host[INET6_ADDRSTRLEN] = "";
    bool is_six = a->address.ss_family == AF_INET6;
    const void *bytes = is_six ? (const void *)&((const struct sockaddr_in6 *)&a->address)->sin6_addr
                               : (const void *)&((const struct sockaddr_in *)&a->address)->sin_addr;
    (void)inet_ntop(a->address.ss_family, bytes, host, sizeof host);
    snprintf(out, 128, is_six ? "[%s]:%u" : "%s:%u", host, port_of(a));
}

/* ---- sockets ---- */

static bool fail_at(const struct listen_address *a, int code, struct err *err)
{
    char text[128];
    listen_address_format(a, text);
    return err_set_errno(err, code, text);
}

static void set_flag(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

/* A bound socket; -1 with errno. */
static int socket_bound(const struct listen_address *a, bool shares_port)
{
    int fd = socket(a->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    if (!a->is_unix) {
        set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        set_flag(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* accepted sockets inherit it */
    }
    if (shares_port) set_flag(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (a->address.ss_family == AF_INET6) set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (bind(fd, (const struct sockaddr *)&a->address, a->bytes) == 0) return fd;
    int code = errno;
    close(fd);
    errno = code;
    return -1;
}

static bool is_somebody_there(const struct listen_address *a)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return true;
    bool is_refused = connect(fd, (const struct sockaddr *)&a->address, a->bytes) != 0 &&
                      errno == ECONNREFUSED;
    close(fd);
    return !is_refused;
}

static bool listen_unix(struct listen_address *a, int *fds, unsigned count, struct err *err)
{
    const char *path = ((const struct sockaddr_un *)&a->address)->sun_path;
    unsigned made = 0;
    int fd = socket_bound(a, false);
    if (fd < 0 && errno == EADDRINUSE) {
        if (is_somebody_there(a)) return fail_at(a, EADDRINUSE, err);
        (void)unlink(path);
        fd = socket_bound(a, false);
    }
    if (fd < 0) return fail_at(a, errno, err);
    fds[made++] = fd;
    if (listen(fd, BACKLOG) != 0) goto fail;
    for (; made < count; made++) {
        fds[made] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (fds[made] < 0) goto fail;
    }
    return true;
fail:;
    int code = errno;
    while (made) close(fds[--made]);
    return fail_at(a, code, err);
}

/* Also finds the port that the kernel chooses for port 0. */
static bool probe_bind(struct listen_address *a, struct err *err)
{
    int fd = socket_bound(a, false);
    if (fd < 0) return fail_at(a, errno, err);
    socklen_t bytes = sizeof a->address;
    int code = getsockname(fd, (struct sockaddr *)&a->address, &bytes) == 0 ? 0 : errno;
    close(fd);
    return code == 0 || fail_at(a, code, err);
}

bool listen_sockets(struct listen_address *address, int *fds, unsigned count, struct err *err)
{
    if (address->is_unix) return listen_unix(address, fds, count, err);
    if (!probe_bind(address, err)) return false;
    for (unsigned made = 0; made < count; made++) {
        fds[made] = socket_bound(address, true);
        if (fds[made] >= 0 && listen(fds[made], BACKLOG) == 0) continue;
        int code = errno;
        if (fds[made] >= 0) close(fds[made]);
        while (made) close(fds[--made]);
        return fail_at(address, code, err);
    }
    return true;
}
