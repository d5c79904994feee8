/* json/skip.h: one step over a text that nobody has validated. For json/ only. Nothing outside [at, end) is read. */
#ifndef WEIR_JSON_SKIP_H
#define WEIR_JSON_SKIP_H

#include "json/scan.h"
#include "json/value.h"

/* The type that a value beginning with this byte has; JSON_NONE: none begins so. */
extern const unsigned char JSON_TYPES[256];
static inline enum json_type json_type_from(char first)
{
    return (enum json_type)JSON_TYPES[(unsigned char)first];
}

/* From behind the opening quote to behind the closing one; NULL: nothing closes it. */
const char *json_skip_string_slowly(const char *at, const char *end);
/* *may_have_escape is left as it is where there is certainly none. */
static inline const char *json_skip_string(const char *at, const char *end, bool *may_have_escape)
{
#if JSON_HAS_SSE2
    for (const char *from = at; end - from >= 16 && from - at < 32; from += 16) {
        unsigned stops = json_string_stops(from);
        if (!stops) continue;
        const char *stop = from + __builtin_ctz(stops);
        if (LIKELY(*stop == '"')) return stop + 1;
        break;
    }
#endif
    *may_have_escape = true;
    return json_skip_string_slowly(at, end);
}

/* The value that begins at `at` becomes *value; returns what is behind it, NULL if nothing well-formed ends there.
 * Strings must be closed, literals spelt rightly, brackets balanced; what is inside of a container or a number is not
 * looked at. */
const char *json_skip_value(const char *at, const char *end, struct json_value *value);

/* From behind a member's name over the colon to where its value must begin; NULL: there is no colon. */
static inline const char *json_skip_colon(const char *at, const char *end)
{
    at = json_skip_blanks(at, end);
    if (at == end || *at != ':') return NULL;
    return json_skip_blanks(at + 1, end);
}

/* A member's name becomes *key; returns where its value must begin, or NULL. */
static inline const char *json_skip_key(const char *at, const char *end, struct json_value *key,
                                        bool *may_have_escape)
{
    if (at == end || *at != '"') return NULL;
    const char *behind = json_skip_string(at + 1, end, may_have_escape);
    if (!behind) return NULL;
    *key = (struct json_value){str_of(at, (size_t)(behind - at)), JSON_STRING};
    return json_skip_colon(behind, end);
}

#endif
