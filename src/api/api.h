/* api/api.h: the paths that Weir answers on. One per worker: its handler is the http server's. */
#ifndef WEIR_API_API_H
#define WEIR_API_API_H

#include "gateway/gateway.h"
#include "http/server.h"

struct api;
struct api *api_new(struct gateway *g); /* lends g */
void api_free(struct api *a);
/* For http_server_new(); lent for the api's life. */
const struct http_server_handler *api_handler(struct api *a);

#endif
