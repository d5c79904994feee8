/* http/client_tunnel.h: asks an HTTP proxy for a tunnel (CONNECT, RFC 9110 9.3.6). For pool.c, which dials. */
#ifndef WEIR_HTTP_CLIENT_TUNNEL_H
#define WEIR_HTTP_CLIENT_TUNNEL_H

#include "http/proxy.h"
#include "net/dial.h"

/* A dial_tunnel's `open`; its arg is the struct http_proxy. After IO_OK nothing but the target's bytes is on the stream. */
enum io client_tunnel_open(struct stream *s, const struct dial_target *t, msec_t deadline, struct err *err);

#endif
