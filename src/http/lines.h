/* http/lines.h: where a line of an event stream ends. For http/sse.c. Pure. */
#ifndef WEIR_HTTP_LINES_H
#define WEIR_HTTP_LINES_H

/* The first CR or LF, or end; sixteen or eight bytes at a time. */
const char *line_end(const char *at, const char *end);
const char *line_end_portable(const char *at, const char *end); /* its twin without SSE2 */

#endif
