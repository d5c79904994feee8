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
const char *json_skip_string(const char *at, const char *end);
/* The same for strings of less than 32 bytes without an escape; NULL: it is none of those, or it stands too near the end
 * to be looked at so. Most names are. */
static inline const char *json_skip_short_string(const char *at, const char *end)
{
#if JSON_HAS_SSE2
    for (const char *from = at; end - from >= 16 && from - at < 32; from += 16) {
        unsigned stops = json_string_stops(from);
        if (!stops) continue;
        const char *stop = from + __builtin_ctz(stops);
        return LIKELY(*stop == '"') ? stop + 1 : NULL;
    }
#endif
    (void)at;
    (void)end;
    return NULL;
}

/* Behind the value that begins at `at` (< end), NULL if nothing well-formed ends there. Strings must be closed, literals
 * spelt rightly, brackets balanced; what is inside of a container or a number is not looked at. */
const char *json_skip_slowly(const char *at, const char *end);
static inline const char *json_skip(const char *at, const char *end)
{
    if (*at == '"') {
        const char *behind = json_skip_short_string(at + 1, end);
        if (LIKELY(behind != NULL)) return behind;
    } else if (*at >= '0' && *at <= '9') {
        const char *behind = at + 1;
        while (behind < end && *behind >= '0' && *behind <= '9') behind++;
        if (LIKELY(behind < end && (*behind == ',' || *behind == '}'))) return behind;
    }
    return json_skip_slowly(at, end);
}

/* The value that begins at `at` becomes *value; returns what is behind it, or NULL. */
const char *json_skip_value(const char *at, const char *end, struct json_value *value);

/* From behind a member's name over the colon to where its value must begin; NULL: there is no colon. */
static inline const char *json_skip_colon(const char *at, const char *end)
{
    at = json_skip_blanks(at, end);
    if (at == end || *at != ':') return NULL;
    return json_skip_blanks(at + 1, end);
}

/* A member's name becomes *key; returns where its value must begin, or NULL. */
const char *json_skip_key(const char *at, const char *end, struct json_value *key);

#endif
