/* gateway/reply.h: what Weir itself says to callers: errors in the words of their surface, small JSON documents, and the
 * header lines that every reply has. */
#ifndef WEIR_GATEWAY_REPLY_H
#define WEIR_GATEWAY_REPLY_H

#include "gateway/exchange.h"

/* Correlation, limits, security, CORS: what stands on every reply. Content-Type is the caller's business. */
void reply_common_lines(struct exchange *x, struct lines *l);
/* Is the caller a web page of an origin that may call? */
bool reply_allows_origin(const struct exchange *x);
/* In the surface's shape; adds to the lines (may be NULL) what an error of this kind needs. */
void reply_error(struct exchange *x, const struct chat_error *err, struct lines *lines);
/* The usual case: problem, field (or empty), sentence. */
void reply_problem(struct exchange *x, enum problem problem, struct str param, struct str message);
/* 413, with the limit and its option. */
void reply_body_too_large(struct exchange *x);
/* 503 with Retry-After: server.max_buffered leaves no room for this body or its reply. */
void reply_no_room(struct exchange *x);
void reply_json(struct exchange *x, int status, struct str body);
void reply_text(struct exchange *x, struct str content_type, struct str body);
/* Retry-After: whole seconds, at least 1. */
void reply_add_retry_after(struct lines *l, int64_t ms);

#endif
