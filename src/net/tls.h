/* net/tls.h: client TLS over a stream: OpenSSL with memory BIOs, TLS 1.2 or newer, system trust
 * (SSL_CERT_FILE as OpenSSL reads it), SNI, host name check (RFC 6125 through X509_VERIFY_PARAM). */
#ifndef WEIR_NET_TLS_H
#define WEIR_NET_TLS_H

#include "net/stream.h"

struct tls_context;
/* Any thread; immutable afterwards, may be shared by threads. ca_file NULL: system trust. */
struct tls_context *tls_context_new(const char *ca_file, struct err *err);
void tls_context_free(struct tls_context *c);
/* Takes `plain` (also on failure) and gives a stream that speaks TLS above it. */
MUST_CHECK struct stream *tls_connect(struct tls_context *c, struct stream **plain, struct str server_name,
                                      msec_t deadline, enum io *why, struct err *err);

#endif
