/* json/value.h: one JSON value as it stands in somebody's text: a span and a type. No tree, no copy, nothing owned:
 * a value lives as long as the text it points into. All functions of json/ are pure: no I/O, no clock, no memory but
 * the arena or buf that is handed in.
 * Standard: RFC 8259. */
#ifndef WEIR_JSON_VALUE_H
#define WEIR_JSON_VALUE_H

#include "base/str.h"

#include <stdbool.h>

enum json_type {
    JSON_NONE, /* there is no such value: absent, or the text is malformed */
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

struct json_value {
    struct str raw; /* exactly the value's text: with its quotes or brackets, without blanks around it */
    enum json_type type;
};

/* Containers deeper than this are refused by json_check() and require()d of json/writer.h. */
enum { JSON_MAX_DEPTH = 128 };

/* "null", "a string", "an object" …: for error messages. */
const char *json_type_name(enum json_type type);

#endif
