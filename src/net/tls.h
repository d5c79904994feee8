/* net/tls.h: client TLS over a stream: OpenSSL with memory BIOs, TLS 1.2 or newer, system trust
 * (SSL_CERT_FILE as OpenSSL reads it), SNI, host name check (RFC 6125 through X509_VERIFY_PARAM).
 * An end without close_notify is IO_FAIL: whoever knows by a length that all has come need not read on to it. */
#ifndef WEIR_NET_TLS_H
#define WEIR_NET_TLS_H

#include "net/stream.h"

struct tls_context;
/* Any thread; immutable afterwards and shared by threads. ca_file NULL: system trust. That file takes 25 ms to parse and
 * some MB to keep, so it is read by the first connection (on the thread pool) and one context should serve all who trust
 * the system. NULL: err says why ca_file is no good. */
struct tls_context *tls_context_new(const char *ca_file, struct err *err);
void tls_context_free(struct tls_context *c); /* its streams live on */
/* *s is a plain stream: taken. IO_OK: *s is the stream that speaks TLS above it; otherwise *s is NULL and, for IO_FAIL,
 * err tells (ERR_TLS). */
MUST_CHECK enum io tls_connect(struct tls_context *c, struct stream **s, struct str server_name,
                               msec_t deadline, struct err *err);

#endif
