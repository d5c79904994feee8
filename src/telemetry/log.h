/* telemetry/log.h: one JSON object a line, to a descriptor. Nobody who logs ever waits.
 *
 * Each thread that logs owns a ring (one producer, no locks) and builds its lines in place there; one
 * writer thread takes from all rings, every 20 ms or when one is half full, with one writev. A full ring
 * drops the line and counts it; a descriptor that refuses (closed pipe, full disk) drops and counts what it
 * refused, and the next lines are tried again. Lines of one ring stay in order; between rings the order is
 * that of the taking.
 *
 * Never given to the log: keys, queries of URLs (log_access() cuts them off), prompts, replies. */
#ifndef WEIR_TELEMETRY_LOG_H
#define WEIR_TELEMETRY_LOG_H

#include "base/attributes.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct log;      /* made and freed by main */
struct log_ring; /* lent to the one thread that uses it */
struct log_line;

#define LOG_LEVELS(X)                                                                                        \
    X(LOG_DEBUG, "DEBUG", "debug")                                                                           \
    X(LOG_INFO, "INFO", "info")                                                                              \
    X(LOG_WARNING, "WARNING", "warning")                                                                     \
    X(LOG_ERROR, "ERROR", "error")
#define LOG_LEVEL_AS_ENUM(id, name, option) id,
enum log_level { LOG_LEVELS(LOG_LEVEL_AS_ENUM) LOG_LEVEL_COUNT };

#define LOG_CATEGORIES(X)                                                                                    \
    X(LOG_API_GATEWAY, "api_gateway")                                                                        \
    X(LOG_DIRECT_PROVIDER, "direct_provider")                                                                \
    X(LOG_NETLIFY_PROVIDER, "netlify_provider")                                                              \
    X(LOG_HEALTH_CHECKER, "health_checker")                                                                  \
    X(LOG_METRICS_COLLECTOR, "metrics_collector")
#define LOG_CATEGORY_AS_ENUM(id, name) id,
enum log_category { LOG_CATEGORIES(LOG_CATEGORY_AS_ENUM) LOG_CATEGORY_COUNT };

enum {
    LOG_LINE_MAX_BYTES = 8192,  /* a field that does not fit is left out, and "truncated":true says so */
    LOG_VALUE_MAX_BYTES = 1024, /* of a text before escaping; longer ones end in "…" */
    LOG_MAX_FIELDS = 8,
};

struct log_options {
    int fd;              /* stays the caller's; 1 for stdout */
    unsigned rings;      /* one per thread that logs */
    uint32_t ring_bytes; /* a power of two, ≥ 64 KiB; 0: 1 MiB */
    enum log_level level;
    bool is_text; /* `log.json: false`: TIME LEVEL message key=value … */
};

/* Starts the writer thread (all signals blocked in it). NULL: err says why. */
struct log *log_new(const struct log_options *options, struct err *err);
/* Writes what the rings hold, for at most two seconds, and ends the thread. Nobody logs any more. NULL is
 * fine. */
void log_free(struct log *l);
struct log_ring *log_ring(struct log *l, unsigned index);   /* index < rings */
void log_set_level(struct log *l, enum log_level level);    /* any thread */
bool log_level_parse(struct str name, enum log_level *out); /* debug info warning (warn) error, any case */
uint64_t log_dropped(const struct log *l);                  /* any thread: lines lost since the start */
void log_wake(struct log *l);                               /* any thread: write now, not in 20 ms */

/* ---- a line, field by field; by the ring's thread, without a wait between begin and end ----
 * begin: NULL when the level is not logged or the ring is full; the others then do nothing.
 * wall_ms: Unix milliseconds. Keys are our own plain names, unescaped. */
struct log_line *log_begin(struct log_ring *r, int64_t wall_ms, enum log_level level,
                           enum log_category category, struct str message);
void log_str(struct log_line *l, const char *key, struct str value);
void log_i64(struct log_line *l, const char *key, int64_t value);
void log_fixed(struct log_line *l, const char *key, uint64_t value,
               unsigned decimals); /* value / 10^decimals */
void log_bool(struct log_line *l, const char *key, bool value);
void log_end(struct log_line *l);
bool log_wants(const struct log_ring *r, enum log_level level); /* is it worth the work? */

/* ---- a message with a few facts, in one call ---- */
struct log_field {
    const char *key; /* NULL: the list ends */
    struct str text; /* at == NULL: `number` counts */
    int64_t number;
};
#define LOG_TEXT(k, value)                                                                                   \
    {                                                                                                        \
        .key = (k), .text = (value)                                                                          \
    }
#define LOG_NUMBER(k, value)                                                                                 \
    {                                                                                                        \
        .key = (k), .number = (value)                                                                        \
    }

struct log_event {
    enum log_level level;
    enum log_category category;
    struct str message, correlation_id; /* no id: empty */
    struct log_field fields[LOG_MAX_FIELDS];
};
void log_event(struct log_ring *r, int64_t wall_ms, const struct log_event *e);

/* ---- the access line: one per exchange ---- */
struct log_access {
    int64_t wall_ms;
    enum log_level level;
    enum log_category category;
    struct str message; /* empty: "Request completed" */
    struct str correlation_id, trace_id, method, path;
    struct str client;                   /* its address */
    struct str key;                      /* the key's name, never the secret */
    struct str provider, model, outcome; /* here and above: empty = not written */
    uint64_t duration_us;                /* written as duration_ms with three decimals */
    uint64_t overhead_us;                /* UINT64_MAX: not written */
    uint64_t bytes;                      /* of the reply's body */
    int64_t input_tokens, output_tokens; /* −1: unknown, not written */
    int status_code;                     /* 0: the caller left before one was sent */
    unsigned attempts;
    bool is_stream;
};
void log_access(struct log_ring *r, const struct log_access *a);

#endif
