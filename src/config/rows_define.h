/* config/rows_define.h: how the tables of rows*.c are written. Each macro gives a row its type and the place of its value, and does
 * not compile when the member there has another type. Included by rows*.c alone. */
#ifndef WEIR_CONFIG_ROWS_DEFINE_H
#define WEIR_CONFIG_ROWS_DEFINE_H

#include "base/attributes.h"
#include "config/config.h"
#include "config/judge.h"
#include "config/rows.h"

#define AT_TYPED(s, m, want) (offsetof(s, m) + 0 * sizeof(_Generic(&((s *)0)->m, want * : 0)))
#define AT_SIZED(s, m, bytes) (offsetof(s, m) + 0 * sizeof(char[sizeof(((s *)0)->m) == (bytes) ? 1 : -1]))

#define INT_AT(s, m) .type = OPT_INT, .at = AT_TYPED(s, m, int64_t)
#define SIZE_AT(s, m) .type = OPT_SIZE, .at = AT_TYPED(s, m, int64_t)
#define DURATION_AT(s, m) .type = OPT_DURATION, .at = AT_TYPED(s, m, msec_t)
#define REAL_AT(s, m) .type = OPT_REAL, .at = AT_TYPED(s, m, double)
#define MONEY_AT(s, m) .type = OPT_MONEY, .at = AT_TYPED(s, m, int64_t)
#define BOOL_AT(s, m) .type = OPT_BOOL, .at = AT_TYPED(s, m, bool)
#define ENUM_AT(s, m) .type = OPT_ENUM, .at = AT_SIZED(s, m, sizeof(int))
#define FLAGS_AT(s, m) .type = OPT_FLAGS, .at = AT_TYPED(s, m, uint32_t)
#define STRING_AT(s, m) .type = OPT_STRING, .at = AT_TYPED(s, m, struct str)
#define TEXT_AT(s, m) .type = OPT_TEXT, .at = AT_TYPED(s, m, struct str)
#define STRINGS_AT(s, m) .type = OPT_STRINGS, .at = AT_TYPED(s, m, struct config_strings)
#define PAIRS_AT(s, m) .type = OPT_PAIRS, .at = AT_TYPED(s, m, struct config_pairs)
#define JSON_PAIRS_AT(s, m) .type = OPT_JSON_PAIRS, .at = AT_TYPED(s, m, struct config_pairs)
#define LIST_AT(s, m) .type = OPT_LIST, .at = AT_SIZED(s, m, sizeof(struct config_strings))
#define MAP_AT(s, m) .type = OPT_MAP, .at = AT_SIZED(s, m, sizeof(struct config_strings))
#define GROUP_AT(s, m) .type = OPT_GROUP, .at = offsetof(s, m)
#define INNER_GROUP .type = OPT_GROUP, .at = 0

#define GROUP_OF(struct_bytes, rows) .bytes = (struct_bytes), .options = (rows), .count = ARRAY_COUNT(rows)

#define SECOND_MS INT64_C(1000)
#define HOUR_MS (3600 * SECOND_MS)
#define DAY_MS (24 * HOUR_MS)
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)
#define URL_ALLOWED "a URL: http://… or https://…"
#define BASE_URL_ALLOWED URL_ALLOWED ", or unix:/path"
#define PROXY_ALLOWED "http://[user:password@]host[:port], with %XX for what is special in user and password"
#define SECRET_ALLOWED "visible ASCII characters, no blanks"
#define NAMES_ALLOWED "visible ASCII without blanks, at most 128 characters"
#define PATH_ALLOWED "a path on one line"

/* The sections, each in the file that has its rows. */
extern const struct option_group provider_options, breaker_options, cooldown_options; /* rows_models.c */
extern const struct option_group health_options, cache_options, service_options, content_type_options,
    task_options, local_model_options, metrics_options, log_options; /* rows_services.c */

#endif
