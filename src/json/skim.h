/* json/skim.h: picks members out of a text that we relay but do not vouch for: replies and stream events of providers.
 * Fast because it does not validate: strings and containers that nobody asked for are skipped 64 bytes at a time.
 * Nothing outside the text is ever read, whatever it holds. For values inside of values go on with json/cursor.h:
 *
 *     struct json_value got[2];
 *     static const struct str names[2] = {STR_INIT("choices"), STR_INIT("usage")};
 *     if (!json_skim(data, names, 2, got)) …broken…
 *     struct json_value finish = json_get(json_at(got[0], 0), STR("finish_reason")); */
#ifndef WEIR_JSON_SKIM_H
#define WEIR_JSON_SKIM_H

#include "base/attributes.h"
#include "json/value.h"

#include <stddef.h>

/* values[i] becomes the member of the root object with names[i] (compared after unescaping), or JSON_NONE.
 * False: the text is not one object, as far as could be seen without looking into skipped values, or one of the names
 * stands in it twice; values are unspecified then. A text that json_check() accepts is false here only for such a
 * repeated name, and both find the same spans. */
MUST_CHECK bool json_skim(struct str text, const struct str *names, size_t count, struct json_value *values);

#endif
