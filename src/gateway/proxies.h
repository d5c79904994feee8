/* gateway/proxies.h: which proxy stands between us and a base URL. For main, while a snapshot is built. */
#ifndef WEIR_GATEWAY_PROXIES_H
#define WEIR_GATEWAY_PROXIES_H

#include "config/config.h"
#include "http/url.h"

/* This machine (localhost, 127.0.0.0/8, ::1) and unix sockets are never reached through a proxy. Else a provider's own
 * `proxy` decides, and where it has none, https_proxy for https URLs that no_proxy does not name. The proxy's URL, a secret;
 * empty: a direct connection. */
struct str proxy_url(const struct config *c, const struct config_provider *p, const struct url *url);

/* NO_PROXY as curl and Go read it: "*"; an address or a network (10.0.0.0/8); a name, with or without a dot in front, for
 * itself and all below it; any of them with :port. A '*' inside a name stands for anything. */
bool no_proxy_names(struct config_strings list, struct str host, uint16_t port);

#endif
