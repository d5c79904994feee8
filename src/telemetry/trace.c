/* telemetry/trace.c: reading and writing `traceparent`, and correlation ids. Both come from strangers: what is
 * not exactly right is replaced by something of our own, never repaired, never refused. */
#include "telemetry/trace.h"

#include "base/fmt.h"

enum { TRACE_ID_AT = 3, SPAN_ID_AT = 36, FLAGS_AT = 53, KNOWN_FLAGS = 3 };

/* -1: not a lower-case hex digit. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex_read(uint8_t *out, const char *at, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int high = hex_value(at[2 * i]), low = hex_value(at[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool is_zero(const uint8_t *bytes, size_t count)
{
    uint8_t all = 0;
    for (size_t i = 0; i < count; i++) all |= bytes[i];
    return all == 0;
}

bool trace_parse(struct trace *out, struct str header)
{
    struct trace t;
    uint8_t version;
    const char *at = header.at;
    if (header.len < TRACEPARENT_BYTES || at[2] != '-' || at[35] != '-' || at[52] != '-') return false;
    if (!hex_read(&version, at, 1) || version == 0xff) return false;
    /* Version 00 ends here; what later versions add begins with another dash. */
    if (header.len > TRACEPARENT_BYTES && (version == 0 || at[TRACEPARENT_BYTES] != '-')) return false;
    if (!hex_read(t.trace_id, at + TRACE_ID_AT, sizeof t.trace_id)) return false;
    if (!hex_read(t.span_id, at + SPAN_ID_AT, sizeof t.span_id)) return false;
    if (!hex_read(&t.flags, at + FLAGS_AT, 1)) return false;
    if (is_zero(t.trace_id, sizeof t.trace_id) || is_zero(t.span_id, sizeof t.span_id)) return false;
    t.flags &= KNOWN_FLAGS;
    *out = t;
    return true;
}

static uint64_t random_id(struct random *random)
{
    uint64_t id;
    do id = random_next(random);
    while (id == 0);
    return id;
}

bool trace_continue(struct trace *out, struct str header, struct random *random)
{
    bool goes_on = trace_parse(out, header);
    if (!goes_on) {
        uint64_t halves[2] = {random_id(random), random_id(random)};
        memcpy(out->trace_id, halves, sizeof out->trace_id);
        out->flags = 0;
    }
    uint64_t span_id = random_id(random);
    memcpy(out->span_id, &span_id, sizeof out->span_id);
    return goes_on;
}

void trace_format(char out[TRACEPARENT_BYTES], const struct trace *t)
{
    char *at = fmt_str(out, STR("00-"));
    at = fmt_hex_bytes(at, t->trace_id, sizeof t->trace_id);
    *at++ = '-';
    at = fmt_hex_bytes(at, t->span_id, sizeof t->span_id);
    *at++ = '-';
    fmt_hex_bytes(at, &t->flags, 1);
}

static bool is_visible_ascii(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] < 0x21 || s.at[i] > 0x7e) return false;
    return true;
}

struct str correlation_id(struct str given, struct random *random, char room[CORRELATION_MADE_BYTES])
{
    if (given.len > 0 && given.len <= CORRELATION_MAX_BYTES && is_visible_ascii(given)) return given;
    uint64_t halves[2] = {random_next(random), random_next(random)};
    fmt_hex_bytes(room, halves, sizeof halves);
    return str_of(room, CORRELATION_MADE_BYTES);
}
