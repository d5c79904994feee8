/* config/judge.h: can this text be what its option wants? Form only: nothing is looked up or opened. Pure. */
#ifndef WEIR_CONFIG_JUDGE_H
#define WEIR_CONFIG_JUDGE_H

#include "base/str.h"

bool judge_listen(struct str s);   /* "127.0.0.1:80", "localhost:80", "[::]:80", ":80", "unix:/path" */
bool judge_url(struct str s);      /* http or https */
bool judge_base_url(struct str s); /* the same, or "unix:/path[:/path-of-the-URL]" */
bool judge_proxy(struct str s);    /* "[http://][user[:password]@]host[:port]" */
bool judge_proxy_or_off(struct str s);
bool judge_no_proxy(struct str s); /* an entry of NO_PROXY: "*", ".corp", "10.0.0.0/8", "host:443" */
bool judge_origin(struct str s);   /* "*", "https://example.com:8443": scheme, host, port */
bool judge_network(struct str s);  /* "10.0.0.0/8", "::1", "unix" */
bool judge_path(struct str s);     /* begins with "/", nothing that ends a request line */
bool judge_secret(struct str s);   /* visible ASCII without blanks, as it goes into a header */
bool judge_name(struct str s);     /* visible ASCII without blanks, at most 128 bytes */
bool judge_provider(struct str s); /* the same without "/", which ends it in "provider/model" */
bool judge_header(struct str s);   /* a header's name that a provider may be given */
bool judge_state(struct str s);    /* "memory", "redis://…", "rediss://…" */
bool judge_store(struct str s);    /* "memory", "sqlite:…", "postgres://…" */
bool judge_broker(struct str s);   /* "redis://…", "rediss://…" */

/* One line of printable UTF-8; several lines. */
bool judge_line(struct str s);
bool judge_text(struct str s);

/* Of something that judge_listen() let through: can only this machine reach it? */
bool listen_is_loopback(struct str s);
struct config;
/* Nobody is asked for a key, and other machines may call, although nobody said so (auth.anywhere). */
bool lets_strangers_in(const struct config *c);
/* "host" and "port" of "host:port"; a host keeps its brackets. False for unix:… */
bool listen_split(struct str s, struct str *host, struct str *port);

#endif
