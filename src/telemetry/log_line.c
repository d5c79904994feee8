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
    uint64_t quote = eight ^ EACH_BYTE('"'), backslash = eight ^ EACH_BYTE('\\'), del = eight + EACH_BYTE(1);
    uint64_t odd = (eight - EACH_BYTE(0x20)) | (quote - EACH_BYTE(1)) | (backslash - EACH_BYTE(1)) | del |
                   eight;
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

/* One to seven bytes: two fours, or three ones, that overlap. */
static bool copy_few(char *at, const char *from, size_t len)
{
    uint32_t first, last;
    if (len < 4) {
        unsigned char a = (unsigned char)from[0], b = (unsigned char)from[len / 2],
                      c = (unsigned char)from[len - 1];
        if (!are_plain(EACH_BYTE('a') << 24 | a | (unsigned)b << 8 | (unsigned)c << 16)) return false;
        at[0] = (char)a;
        at[len / 2] = (char)b;
        at[len - 1] = (char)c;
        return true;
    }
    memcpy(&first, from, sizeof first);
    memcpy(&last, from + len - sizeof last, sizeof last);
    if (!are_plain(first | (uint64_t)last << 32)) return false;
    memcpy(at, &first, sizeof first);
    memcpy(at + len - sizeof last, &last, sizeof last);
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
static char *escape_slowly(char *at, const char *limit, const char *from, const char *end)
{
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

/* The same, quick while all is plain: in eights, the last of which overlaps the one before. */
static inline char *escape(char *at, const char *limit, struct str s)
{
    if (s.len == 0) return at;
    const char *from = s.at, *end = s.at + s.len;
    if ((size_t)(limit - at) < s.len + 8) return escape_slowly(at, limit, from, end);
    if (s.len < 8) return copy_few(at, from, s.len) ? at + s.len : escape_slowly(at, limit, from, end);
    for (; end - from > 8; from += 8, at += 8)
        if (UNLIKELY(!copy_eight(at, from))) return escape_slowly(at, limit, from, end);
    size_t left = (size_t)(end - from);
    return copy_eight(at + left - 8, end - 8) ? at + left : escape_slowly(at, limit, from, end);
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

/* Our own names, as they stand in a line, padded so that they are copied in one piece. */
// clang-format off
#define KEYS(X) \
    X(KEY_CATEGORY, "category") X(KEY_CORRELATION_ID, "correlation_id") X(KEY_TRACE_ID, "trace_id") \
    X(KEY_METHOD, "method") X(KEY_PATH, "path") X(KEY_STATUS, "status_code") X(KEY_DURATION, "duration_ms") \
    X(KEY_CLIENT, "client") X(KEY_KEY, "key") X(KEY_PROVIDER, "provider") X(KEY_MODEL, "model") X(KEY_ATTEMPTS, "attempts") \
    X(KEY_OUTCOME, "outcome") X(KEY_STREAM, "stream") X(KEY_INPUT_TOKENS, "input_tokens") \
    X(KEY_OUTPUT_TOKENS, "output_tokens") X(KEY_OVERHEAD, "overhead_us") X(KEY_BYTES, "bytes")
// clang-format on
#define KEY_AS_ENUM(id, name) id,
enum key { KEYS(KEY_AS_ENUM) };

enum { KEY_ROOM = 24 };
struct key_text {
    char text[KEY_ROOM - 1];
    uint8_t bytes;
};
#define KEY_AS_JSON(id, name) [id] = {",\"" name "\":", sizeof(name) + 3},
#define KEY_AS_WORD(id, name) [id] = {" " name "=", sizeof(name) + 1},
static const struct key_text json_keys[] = {KEYS(KEY_AS_JSON)}, text_keys[] = {KEYS(KEY_AS_WORD)};

/* `,"key":` or ` key=`, with room for `bytes` of value behind it; NULL: no room, the field is left out. */
static inline char *put_key(struct log_line *l, enum key key, size_t bytes)
{
    if ((size_t)(l->limit - l->at) < KEY_ROOM + bytes) {
        l->is_truncated = true;
        return NULL;
    }
    const struct key_text *k = UNLIKELY(l->is_text) ? &text_keys[key] : &json_keys[key];
    memcpy(l->at, k, sizeof *k);
    return l->at + k->bytes;
}

/* The same for any name. */
static char *put_name(struct log_line *l, const char *name, size_t bytes)
{
    size_t len = strlen(name);
    if ((size_t)(l->limit - l->at) < len + 4 + bytes) {
        l->is_truncated = true;
        return NULL;
    }
    char *at = fmt_str(l->at, l->is_text ? STR(" ") : STR(",\""));
    at = fmt_str(at, str_of(name, len));
    return fmt_str(at, l->is_text ? STR("=") : STR("\":"));
}

/* `at`: behind the key, with room for the quotes; NULL: there was no room for it. */
static void put_text(struct log_line *l, char *at, struct str value)
{
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

static inline void put_str(struct log_line *l, enum key key, struct str value)
{
    put_text(l, put_key(l, key, 2), value);
}

static inline void put_nonempty(struct log_line *l, enum key key, struct str value)
{
    if (value.len > 0) put_str(l, key, value);
}

static inline void put_i64(struct log_line *l, enum key key, int64_t value)
{
    char *at = put_key(l, key, FMT_I64_BYTES);
    if (at) l->at = fmt_i64(at, value);
}

static inline void put_u64(struct log_line *l, enum key key, uint64_t value)
{
    char *at = put_key(l, key, FMT_U64_BYTES);
    if (at) l->at = fmt_u64(at, value);
}

void log_str(struct log_line *l, const char *key, struct str value)
{
    if (l) put_text(l, put_name(l, key, 2), value);
}

void log_i64(struct log_line *l, const char *key, int64_t value)
{
    char *at = l ? put_name(l, key, FMT_I64_BYTES) : NULL;
    if (at) l->at = fmt_i64(at, value);
}

void log_fixed(struct log_line *l, const char *key, uint64_t value, unsigned decimals)
{
    char *at = l ? put_name(l, key, FMT_U64_BYTES + 2) : NULL;
    if (at) l->at = fmt_fixed(at, value, decimals);
}

void log_bool(struct log_line *l, const char *key, bool value)
{
    char *at = l ? put_name(l, key, 5) : NULL;
    if (at) l->at = fmt_str(at, value ? STR("true") : STR("false"));
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
    put_str(l, KEY_CATEGORY, category_names[category]);
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
    put_nonempty(l, KEY_CORRELATION_ID, e->correlation_id);
    for (size_t i = 0; i < LOG_MAX_FIELDS && e->fields[i].key; i++) {
        const struct log_field *f = &e->fields[i];
        if (f->text.at)
            log_str(l, f->key, f->text);
        else
            log_i64(l, f->key, f->number);
    }
    log_end(l);
}

void log_access(struct log_ring *r, const struct log_access *a)
{
    struct str message = a->message.len ? a->message : STR("Request completed");
    struct log_line *l = log_begin(r, a->wall_ms, a->level, a->category, message);
    char *at;
    if (!l) return;
    put_nonempty(l, KEY_CORRELATION_ID, a->correlation_id);
    put_nonempty(l, KEY_TRACE_ID, a->trace_id);
    put_str(l, KEY_METHOD, a->method);
    put_str(l, KEY_PATH, str_part(a->path, 0, str_find_char(a->path, '?')));
    put_i64(l, KEY_STATUS, a->status_code);
    if ((at = put_key(l, KEY_DURATION, FMT_U64_BYTES + 2)) != NULL) l->at = fmt_fixed(at, a->duration_us, 3);
    put_nonempty(l, KEY_CLIENT, a->client);
    put_nonempty(l, KEY_KEY, a->key);
    put_nonempty(l, KEY_PROVIDER, a->provider);
    put_nonempty(l, KEY_MODEL, a->model);
    put_u64(l, KEY_ATTEMPTS, a->attempts);
    put_nonempty(l, KEY_OUTCOME, a->outcome);
    if ((at = put_key(l, KEY_STREAM, 5)) != NULL)
        l->at = fmt_str(at, a->is_stream ? STR("true") : STR("false"));
    if (a->input_tokens >= 0) put_i64(l, KEY_INPUT_TOKENS, a->input_tokens);
    if (a->output_tokens >= 0) put_i64(l, KEY_OUTPUT_TOKENS, a->output_tokens);
    if (a->overhead_us != UINT64_MAX) put_u64(l, KEY_OVERHEAD, a->overhead_us);
    put_u64(l, KEY_BYTES, a->bytes);
    log_end(l);
}
