/* telemetry/log_line.c: lines, built in place in a ring, as JSON or as text for people.
 *
 * Each field is written whole or not at all: `limit` leaves room for the line's end, so what stands in the ring is a
 * line at any moment. Ill-formed UTF-8 becomes U+FFFD, controls become \u00XX: a line is one line, and it is JSON,
 * whatever callers and providers sent. */
#include "telemetry/log_inside.h"

#include "base/fmt.h"
#include "telemetry/utf8.h"

enum { STAMP_MS_AT = 20, LEVEL_PAD_BYTES = 8, LINE_END_BYTES = 24 };

#define NAME_OF_LEVEL(id, name, option) [id] = STR_INIT(name),
static const struct str level_names[] = {LOG_LEVELS(NAME_OF_LEVEL)};
#define OPTION_OF_LEVEL(id, name, option) [id] = STR_INIT(option),
static const struct str level_options[] = {LOG_LEVELS(OPTION_OF_LEVEL)};
#define NAME_OF_CATEGORY(id, name) [id] = STR_INIT(name),
static const struct str category_names[] = {LOG_CATEGORIES(NAME_OF_CATEGORY)};

bool log_level_parse(struct str name, enum log_level *out)
{
    if (str_equals_nocase(name, STR("warn"))) name = STR("warning");
    for (int i = 0; i < LOG_LEVEL_COUNT; i++) {
        if (!str_equals_nocase(name, level_options[i])) continue;
        *out = (enum log_level)i;
        return true;
    }
    return false;
}

/* ---- characters ---- */

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7f && c != '"' && c != '\\';
}

/* The same for eight at once: the top bit of some byte is set where one is below ' ', a quote, a backslash, DEL or not
 * ASCII (Bit Twiddling Hacks, "determine if a word has a byte less than n"). */
#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

static bool are_plain(uint64_t eight)
{
    uint64_t quote = eight ^ EACH_BYTE('"'), backslash = eight ^ EACH_BYTE('\\'),
             del = eight ^ EACH_BYTE(0x7f);
    uint64_t odd = ((eight - EACH_BYTE(0x20)) & ~eight) | ((quote - EACH_BYTE(1)) & ~quote) |
                   ((backslash - EACH_BYTE(1)) & ~backslash) | ((del - EACH_BYTE(1)) & ~del) | eight;
    return (odd & EACH_BYTE(0x80)) == 0;
}

static bool copy_eight(char *at, const char *from)
{
    uint64_t eight;
    memcpy(&eight, from, sizeof eight);
    if (!are_plain(eight)) return false;
    memcpy(at, &eight, sizeof eight);
    return true;
}

/* One character that is not plain; at most 6 bytes. */
static char *escape_one(char *at, const char **from, const char *end)
{
    size_t length = utf8_length(*from, end);
    char c = **from;
    struct str piece = str_of(*from, length);
    *from += length ? length : 1;
    if (length == 0) return fmt_str(at, STR("\xef\xbf\xbd"));
    if (length > 1) return fmt_str(at, piece);
    *at++ = '\\';
    switch (c) {
    case '"': *at++ = '"'; return at;
    case '\\': *at++ = '\\'; return at;
    case '\n': *at++ = 'n'; return at;
    case '\r': *at++ = 'r'; return at;
    case '\t': *at++ = 't'; return at;
    default: return fmt_hex_bytes(fmt_str(at, STR("u00")), &c, 1);
    }
}

/* NULL: no room up to `limit`. */
static char *escape(char *at, const char *limit, struct str s)
{
    if (s.len == 0) return at;
    const char *from = s.at, *end = s.at + s.len;
    while (from < end) {
        if (limit - at < 8) return NULL;
        if (end - from >= 8 && copy_eight(at, from)) {
            from += 8;
            at += 8;
        } else if (is_plain(*from)) {
            *at++ = *from++;
        } else {
            at = escape_one(at, &from, end);
        }
    }
    return at;
}

/* A long value is cut between two characters, and "…" says so. */
static char *escape_cut(char *at, const char *limit, struct str s)
{
    size_t len = utf8_cut(s.at, s.len, LOG_VALUE_MAX_BYTES);
    at = escape(at, limit, str_of(s.at, len));
    if (!at || len == s.len) return at;
    return limit - at < 3 ? NULL : fmt_str(at, STR("\xe2\x80\xa6"));
}

/* In a text line: needs no quotes. */
static bool is_bare_word(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_plain(s.at[i]) || s.at[i] == ' ' || s.at[i] == '=') return false;
    return s.len > 0;
}

/* ---- fields ---- */

/* `,"key":` or ` key=`, with room for `bytes` of value behind it; NULL: no room, the field is left out. */
static inline char *put_key(struct log_line *l, const char *key, size_t bytes)
{
    size_t len = strlen(key);
    if ((size_t)(l->limit - l->at) < len + 4 + bytes) {
        l->is_truncated = true;
        return NULL;
    }
    char *at = l->at;
    if (l->is_text) {
        *at++ = ' ';
        at = fmt_str(at, str_of(key, len));
        *at++ = '=';
        return at;
    }
    *at++ = ',';
    *at++ = '"';
    at = fmt_str(at, str_of(key, len));
    *at++ = '"';
    *at++ = ':';
    return at;
}

static inline void put_str(struct log_line *l, const char *key, struct str value)
{
    char *at = put_key(l, key, 2);
    if (!at) return;
    bool has_quotes = !l->is_text || !is_bare_word(value);
    if (has_quotes) *at++ = '"';
    at = escape_cut(at, l->limit, value);
    if (!at || l->limit - at < 1) {
        l->is_truncated = true;
        return;
    }
    if (has_quotes) *at++ = '"';
    l->at = at;
}

static inline void put_nonempty(struct log_line *l, const char *key, struct str value)
{
    if (value.len > 0) put_str(l, key, value);
}

static inline void put_i64(struct log_line *l, const char *key, int64_t value)
{
    char *at = put_key(l, key, FMT_I64_BYTES);
    if (at) l->at = fmt_i64(at, value);
}

static inline void put_u64(struct log_line *l, const char *key, uint64_t value)
{
    char *at = put_key(l, key, FMT_U64_BYTES);
    if (at) l->at = fmt_u64(at, value);
}

static inline void put_fixed(struct log_line *l, const char *key, uint64_t value, unsigned decimals)
{
    char *at = put_key(l, key, FMT_U64_BYTES + 2);
    if (at) l->at = fmt_fixed(at, value, decimals);
}

static inline void put_bool(struct log_line *l, const char *key, bool value)
{
    char *at = put_key(l, key, 5);
    if (at) l->at = fmt_str(at, value ? STR("true") : STR("false"));
}

void log_str(struct log_line *l, const char *key, struct str value)
{
    if (l) put_str(l, key, value);
}

void log_i64(struct log_line *l, const char *key, int64_t value)
{
    if (l) put_i64(l, key, value);
}

void log_fixed(struct log_line *l, const char *key, uint64_t value, unsigned decimals)
{
    if (l) put_fixed(l, key, value, decimals);
}

void log_bool(struct log_line *l, const char *key, bool value)
{
    if (l) put_bool(l, key, value);
}

/* ---- lines ---- */

/* The calendar is asked once a second; the milliseconds are written over it. */
static char *put_stamp(char *at, struct log_ring *r, int64_t wall_ms)
{
    int64_t second = wall_ms / 1000, ms = wall_ms % 1000;
    if (second != r->stamp_s || ms < 0) {
        clock_format_iso(r->stamp, wall_ms);
        r->stamp_s = ms < 0 ? INT64_MIN : second;
    } else {
        r->stamp[STAMP_MS_AT] = (char)('0' + ms / 100);
        r->stamp[STAMP_MS_AT + 1] = (char)('0' + ms / 10 % 10);
        r->stamp[STAMP_MS_AT + 2] = (char)('0' + ms % 10);
    }
    return fmt_str(at, str_of(r->stamp, sizeof r->stamp));
}

bool log_wants(const struct log_ring *r, enum log_level level)
{
    return (int)level >= atomic_load_explicit(&r->log->level, memory_order_relaxed);
}

/* The message always fits: even wholly escaped it is less than the line. */
_Static_assert(LOG_VALUE_MAX_BYTES * 6 + 256 < LOG_LINE_MAX_BYTES, "a line holds its message");

struct log_line *log_begin(struct log_ring *r, int64_t wall_ms, enum log_level level,
                           enum log_category category, struct str message)
{
    if (!log_wants(r, level)) return NULL;
    struct log_line *l = &r->line;
    char *at = log_ring_reserve(r);
    if (!at) return NULL;
    *l = (struct log_line){.ring = r, .start = at, .is_text = r->log->is_text};
    l->limit = at + LOG_LINE_MAX_BYTES - LINE_END_BYTES;
    if (!l->is_text) at = fmt_str(at, STR("{\"timestamp\":\""));
    at = put_stamp(at, r, wall_ms);
    at = fmt_str(at, l->is_text ? STR(" ") : STR("\",\"level\":\""));
    at = fmt_str(at, level_names[level]);
    if (l->is_text)
        for (size_t i = level_names[level].len; i < LEVEL_PAD_BYTES; i++) *at++ = ' ';
    else
        at = fmt_str(at, STR("\",\"message\":\""));
    at = escape_cut(at, l->limit, message);
    if (!l->is_text) *at++ = '"';
    l->at = at;
    put_str(l, "category", category_names[category]);
    return l;
}

void log_end(struct log_line *l)
{
    if (!l) return;
    char *at = l->at;
    if (l->is_truncated) at = fmt_str(at, l->is_text ? STR(" truncated=true") : STR(",\"truncated\":true"));
    if (!l->is_text) *at++ = '}';
    *at++ = '\n';
    log_ring_commit(l->ring, (size_t)(at - l->start));
}

void log_event(struct log_ring *r, int64_t wall_ms, const struct log_event *e)
{
    struct log_line *l = log_begin(r, wall_ms, e->level, e->category, e->message);
    if (!l) return;
    put_nonempty(l, "correlation_id", e->correlation_id);
    for (size_t i = 0; i < LOG_MAX_FIELDS && e->fields[i].key; i++) {
        const struct log_field *f = &e->fields[i];
        if (f->text.at)
            put_str(l, f->key, f->text);
        else
            put_i64(l, f->key, f->number);
    }
    log_end(l);
}

void log_access(struct log_ring *r, const struct log_access *a)
{
    struct str message = a->message.len ? a->message : STR("Request completed");
    struct log_line *l = log_begin(r, a->wall_ms, a->level, a->category, message);
    if (!l) return;
    put_nonempty(l, "correlation_id", a->correlation_id);
    put_nonempty(l, "trace_id", a->trace_id);
    put_str(l, "method", a->method);
    put_str(l, "path", str_part(a->path, 0, str_find_char(a->path, '?')));
    put_i64(l, "status_code", a->status_code);
    put_fixed(l, "duration_ms", a->duration_us, 3);
    put_nonempty(l, "key", a->key);
    put_nonempty(l, "provider", a->provider);
    put_nonempty(l, "model", a->model);
    put_u64(l, "attempts", a->attempts);
    put_nonempty(l, "outcome", a->outcome);
    put_bool(l, "stream", a->is_stream);
    if (a->input_tokens >= 0) put_i64(l, "input_tokens", a->input_tokens);
    if (a->output_tokens >= 0) put_i64(l, "output_tokens", a->output_tokens);
    if (a->overhead_us != UINT64_MAX) put_u64(l, "overhead_us", a->overhead_us);
    put_u64(l, "bytes", a->bytes);
    log_end(l);
}
