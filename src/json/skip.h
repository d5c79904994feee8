/* json/skip.h: one step over a text that nobody has validated. For json/ only. Nothing outside [at, end) is read. */
#ifndef WEIR_JSON_SKIP_H
#define WEIR_JSON_SKIP_H

#include "json/value.h"

/* The type that a value beginning with this byte has; JSON_NONE: none begins so. */
enum json_type json_type_from(char first);

/* The value that begins at `at` becomes *value; returns what is behind it, NULL if nothing well-formed ends there.
 * Strings must be closed, literals spelt rightly, brackets balanced; what is inside of a container or a number is not
 * looked at. */
const char *json_skip_value(const char *at, const char *end, struct json_value *value);

/* The same for a member's name with blanks and colon behind it: returns where its value must begin. */
const char *json_skip_key(const char *at, const char *end, struct json_value *key);

#endif
