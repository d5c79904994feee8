/* json/check.h: the validating pass over a body that we act on. One run over the text checks all of RFC 8259 and finds
 * the members of the root object that the caller asks for.
 *
 * Refused, besides broken structure, literals and numbers:
 *   - ill-formed UTF-8 (overlong forms, surrogates, beyond U+10FFFF) and UTF-16, which is ill-formed UTF-8
 *   - a byte order mark (RFC 8259, 8.1 lets us choose)
 *   - control characters in strings that are not escaped
 *   - more than JSON_MAX_DEPTH containers inside each other, texts of 4 GiB or more
 *   - any bytes but blanks behind the value; an empty text
 * Accepted: blanks around the value; numbers of any size and precision (they pass through as text; json_to_double()
 * says whether one fits a double); \u escapes of lone surrogates, as JavaScript's and Python's parsers accept them. They
 * have no UTF-8 form: where a string is unescaped, each becomes U+FFFD.
 *
 * When something is wanted (count > 0) the text is one that decisions are taken on, so it must mean the same to us and
 * to whoever reads it next: the root must be an object, and a name that stands twice in it (compared after unescaping,
 * wanted or not) is refused, as are more than JSON_MAX_MEMBERS members. With count == 0 the root may be anything and
 * members may repeat. Objects below the root are never judged for repeated names. */
#ifndef WEIR_JSON_CHECK_H
#define WEIR_JSON_CHECK_H

#include "base/attributes.h"
#include "base/err.h"
#include "json/value.h"

#include <stddef.h>

/* Of the root object, when something is wanted. */
enum { JSON_MAX_MEMBERS = 128 };

struct json_wanted {
    struct str name; /* unescaped, as a program would write it */
};

/* Spans into the checked text, as json_splice_*() and json/cursor.h take them. */
struct json_found {
    struct json_value key;   /* with its quotes */
    struct json_value value; /* value.type == JSON_NONE: the object has no such member */
};

/* True: the text is JSON; found[i] belongs to wanted[i]. False: found is unspecified, and err says
 * ERR_INVALID (ERR_TOO_LARGE for depth, members, length) in words like
 *     line 3, column 14: expected ',' or '}' after a member, got 'x'
 * Lines and columns count from 1, columns in characters (Unicode code points); lines end with LF. Of the text no more
 * than one printable ASCII character is ever quoted, so the error may be logged and shown. */
MUST_CHECK bool json_check(struct str text, const struct json_wanted *wanted, size_t count,
                           struct json_found *found, struct err *err);

#endif
