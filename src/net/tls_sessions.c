/* net/tls_sessions.c: the sessions that servers have handed out: for each server (name and port) the newest few.
 *
 * A TLS 1.3 ticket is meant to be used once (RFC 8446 C.4), and each connection brings new ones. Connections that begin
 * together may be more than there are tickets: then the last one is used again, for nearly all servers take it, and who
 * does not shakes hands in full. One lock, held for some steps of a list. */
#include "net/tls_inside.h"

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

enum { SESSIONS_PER_SERVER = 16, MAX_SERVERS = 64 };

struct server {
    struct list link; /* the one used last at the end */
    unsigned count;
    SSL_SESSION *at[SESSIONS_PER_SERVER]; /* the oldest first */
    struct str key;                       /* behind this struct */
};

struct tls_sessions {
    uv_mutex_t lock;
    struct map by_key;
    struct list by_use;
};

struct tls_sessions *tls_sessions_new(void)
{
    struct tls_sessions *s = xzalloc(sizeof *s);
    uv_mutex_init(&s->lock);
    map_init(&s->by_key);
    list_init(&s->by_use);
    return s;
}

static void server_free(struct tls_sessions *s, struct server *server)
{
    list_remove(&server->link);
    (void)map_remove(&s->by_key, server->key);
    while (server->count) SSL_SESSION_free(server->at[--server->count]);
    xfree(server);
}

void tls_sessions_free(struct tls_sessions *s)
{
    if (!s) return;
    LIST_EACH(server, &s->by_use, struct server, link) server_free(s, server);
    map_done(&s->by_key);
    uv_mutex_destroy(&s->lock);
    xfree(s);
}

static struct server *server_new(struct tls_sessions *s, struct str key)
{
    if (s->by_key.count >= MAX_SERVERS) server_free(s, LIST_ITEM(s->by_use.next, struct server, link));
    struct server *server = xzalloc(sizeof *server + key.len);
    char *at = (char *)(server + 1);
    memcpy(at, key.at, key.len);
    server->key = str_of(at, key.len);
    list_append(&s->by_use, &server->link);
    (void)map_put(&s->by_key, server->key, server);
    return server;
}

void tls_sessions_put(struct tls_sessions *s, struct str key, SSL_SESSION *session)
{
    SSL_SESSION *oldest = NULL;
    uv_mutex_lock(&s->lock);
    struct server *server = map_get(&s->by_key, key);
    if (!server) server = server_new(s, key);
    if (server->count == SESSIONS_PER_SERVER) {
        oldest = server->at[0];
        memmove(server->at, server->at + 1, (SESSIONS_PER_SERVER - 1) * sizeof server->at[0]);
        server->count--;
    }
    server->at[server->count++] = session;
    uv_mutex_unlock(&s->lock);
    SSL_SESSION_free(oldest);
}

SSL_SESSION *tls_sessions_take(struct tls_sessions *s, struct str key)
{
    SSL_SESSION *newest = NULL;
    uv_mutex_lock(&s->lock);
    struct server *server = map_get(&s->by_key, key);
    if (server && server->count) {
        newest = server->at[server->count - 1];
        if (server->count > 1)
            server->count--;
        else
            newest = SSL_SESSION_dup(newest); /* OpenSSL marks the one that was offered as used */
        list_remove(&server->link);
        list_append(&s->by_use, &server->link);
    }
    uv_mutex_unlock(&s->lock);
    return newest;
}

void tls_sessions_forget(struct tls_sessions *s, struct str key)
{
    uv_mutex_lock(&s->lock);
    struct server *server = map_get(&s->by_key, key);
    if (server) server_free(s, server);
    uv_mutex_unlock(&s->lock);
}
