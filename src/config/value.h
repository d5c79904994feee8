/* config/value.h: the scalars of a configuration, from text and back. Pure. A false leaves *out alone. */
#ifndef WEIR_CONFIG_VALUE_H
#define WEIR_CONFIG_VALUE_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/clock.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* "250ms", "10s", "1.5m", "1h30m", "7d", "0". */
MUST_CHECK bool value_parse_duration(struct str s, msec_t *out);
/* "4096", "64KiB", "10MiB", "1GiB", "1TiB"; units in any case. */
MUST_CHECK bool value_parse_size(struct str s, int64_t *out);
/* true yes on 1, false no off 0; any case. */
MUST_CHECK bool value_parse_bool(struct str s, bool *out);
/* "0.05", "12", "1e3"; finite. */
MUST_CHECK bool value_parse_real(struct str s, double *out);
/* Dollars with up to nine decimals, to nano-dollars. */
MUST_CHECK bool value_parse_money(struct str s, int64_t *nanousd);
/* A number as JSON writes it. */
bool value_is_json_number(struct str s);

/* The shortest that says it: "90s", "2h"; "64KiB". In the arena. */
struct str value_format_duration(struct arena *a, msec_t ms);
struct str value_format_size(struct arena *a, int64_t bytes);

#endif
