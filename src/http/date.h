/* http/date.h: a moment as HTTP writes it (RFC 9110 section 5.6.7, IMF-fixdate). Pure. */
#ifndef WEIR_HTTP_DATE_H
#define WEIR_HTTP_DATE_H

#include "base/str.h"

enum { HTTP_DATE_BYTES = 29 }; /* "Sun, 06 Nov 1994 08:49:37 GMT", no NUL */
void http_date_format(char out[HTTP_DATE_BYTES], int64_t wall_ms);
/* Unix seconds. False: not a date in this format; *unix_s unchanged. */
bool http_date_parse(struct str text, int64_t *unix_s);

#endif
