/* http/names.h: header names as the head parser meets them. Everybody else uses http/message.h. */
#ifndef WEIR_HTTP_NAMES_H
#define WEIR_HTTP_NAMES_H

#include "http/message.h"

/* How many bytes from `at` on are a name (token), and which one. The byte after it decides what to make of
 * it; 0: not even one. Reads nothing from `end` on. */
size_t http_name_scan(const char *at, const char *end, enum http_name *id);

#endif
