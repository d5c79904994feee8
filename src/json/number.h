/* json/number.h: a double as JSON writes it; for json/writer.c. Reading numbers is json/cursor.h's. */
#ifndef WEIR_JSON_NUMBER_H
#define WEIR_JSON_NUMBER_H

enum { JSON_DOUBLE_BYTES = 32 };

/* The shortest text that reads back as `d`; "null" for infinite and NaN. Writes at `at`, which must have
 * JSON_DOUBLE_BYTES of room, and returns the byte behind it. Numbers of 16 digits and more cost a printf. */
char *json_format_double(char *at, double d);

#endif
