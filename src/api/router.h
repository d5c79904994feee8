/* api/router.h: from a path to the rows of the endpoint table. Made once per worker; look-ups do not allocate. */
#ifndef WEIR_API_ROUTER_H
#define WEIR_API_ROUTER_H

#include "api/endpoints.h"
#include "base/map.h"

struct router {
    struct map _exact;
};
struct routed {
    const struct endpoint_row *row; /* NULL: no such path, or (methods != 0) not with this method */
    uint32_t methods;               /* what the path allows; 0: there is no such path */
    struct str rest;
};
void router_init(struct router *r);
void router_done(struct router *r);
struct routed router_find(const struct router *r, enum http_method method, struct str path);

#endif
