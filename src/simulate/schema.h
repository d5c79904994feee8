/* simulate/schema.h: a small value that fits a JSON Schema, for structured output and tool arguments. Knows type, enum,
 * const, properties/required, items/minItems, anyOf, oneOf, allOf (their first), local $ref, bounds of numbers, lengths
 * and common formats of strings; everything else is ignored. Pure. */
#ifndef WEIR_SIMULATE_SCHEMA_H
#define WEIR_SIMULATE_SCHEMA_H

#include "base/arena.h"
#include "base/buf.h"
#include "json/value.h"

/* Deeper than this a schema that does not end is ended with null; the same for more values than that. */
enum { SCHEMA_MAX_DEPTH = 16, SCHEMA_MAX_VALUES = 500 };

/* Appends the instance: required members only, the first of an enum, "simulated", 0, false. A schema that is absent
 * (JSON_NONE) gives {}. False: over the buf's ceiling. */
MUST_CHECK bool schema_write_instance(struct buf *out, struct json_value schema, struct arena *a);

#endif
