/* gateway/client.h: whose request is it? The peer's address, or what proxies that are trusted (server.trusted_proxies) say in
 * X-Forwarded-For. Each proxy adds at the right whom it was called by, so the list is read from the right for as long as
 * those named are trusted themselves: the first who is not is the client, and what stands left of him may be invented. */
#ifndef WEIR_GATEWAY_CLIENT_H
#define WEIR_GATEWAY_CLIENT_H

#include "base/arena.h"
#include "config/config.h"
#include "gateway/network.h"
#include "http/message.h"

struct client_proxies {
    struct network *networks;
    size_t count;
    bool has_unix; /* whoever reaches a unix socket is a proxy, too */
};
/* From the checked words of the configuration. */
void client_proxies_init(struct client_proxies *p, struct arena *a, const struct config_strings *words);
/* The client's address in its usual form ("1.2.3.4", "::1", "unix"): `peer`, or in the arena. */
struct str client_find(const struct client_proxies *p, struct arena *a, struct str peer,
                       const struct http_headers *headers);
bool client_is_loopback(struct str client);
/* What limits count by: an IPv6 customer has a /64, so its first eight bytes; else the address. In the arena or `client`. */
struct str client_limit_id(struct arena *a, struct str client);

#endif
