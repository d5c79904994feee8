/* config/value.c: units are tables, largest first, so that the same table reads and writes. Numbers are read by hand:
 * no locale, no octal, no hex, no blanks. */
#include "config/value.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

struct unit {
    struct str name;
    int64_t size;
};
static const struct unit durations[] = {
    {STR_INIT("d"), 86400000}, {STR_INIT("h"), 3600000}, {STR_INIT("m"), 60000},
    {STR_INIT("s"), 1000},     {STR_INIT("ms"), 1},
};
static const struct unit sizes[] = {
    {STR_INIT("TiB"), INT64_C(1) << 40}, {STR_INIT("GiB"), 1 << 30}, {STR_INIT("MiB"), 1 << 20},
    {STR_INIT("KiB"), 1 << 10},          {STR_INIT("B"), 1},
};
enum { MAX_DECIMALS = 9 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes digits off the front of *rest. */
static struct str take_digits(struct str *rest)
{
    size_t n = 0;
    while (n < rest->len && is_digit(rest->at[n])) n++;
    struct str digits = str_part(*rest, 0, n);
    *rest = str_from(*rest, n);
    return digits;
}

/* "12.34" × unit, cut to a whole number. */
static bool scale(struct str whole, struct str decimals, int64_t unit, int64_t *out)
{
    int64_t n = 0, fraction = 0, divisor = 1;
    if (!str_to_u63(whole, &n) || decimals.len > MAX_DECIMALS) return false;
    if (decimals.len && !str_to_u63(decimals, &fraction)) return false;
    for (size_t i = 0; i < decimals.len; i++) divisor *= 10;
    /* fraction × unit: under 10^9 × 2^40 may pass 2^63; a double has the 53 bits that matter here. */
    int64_t part = (int64_t)((double)fraction / (double)divisor * (double)unit + 1e-6);
    return !__builtin_mul_overflow(n, unit, out) && !__builtin_add_overflow(*out, part, out);
}

/* Takes "digits[.digits]" off the front. */
static bool take_number(struct str *rest, struct str *whole, struct str *decimals)
{
    *whole = take_digits(rest);
    *decimals = STR("");
    if (!whole->len) return false;
    if (!rest->len || rest->at[0] != '.') return true;
    *rest = str_from(*rest, 1);
    *decimals = take_digits(rest);
    return decimals->len > 0;
}

bool value_parse_duration(struct str s, msec_t *out)
{
    if (str_equals(s, STR("0"))) return *out = 0, true;
    msec_t total = 0;
    size_t next_unit = 0; /* each unit once, in their order */
    while (s.len) {
        struct str whole, decimals;
        if (!take_number(&s, &whole, &decimals)) return false;
        size_t letters = 0;
        while (letters < s.len && !is_digit(s.at[letters])) letters++;
        struct str name = str_part(s, 0, letters);
        while (next_unit < ARRAY_COUNT(durations) && !str_equals(durations[next_unit].name, name))
            next_unit++;
        if (next_unit == ARRAY_COUNT(durations)) return false;
        int64_t part;
        if (!scale(whole, decimals, durations[next_unit++].size, &part)) return false;
        if (__builtin_add_overflow(total, part, &total)) return false;
        s = str_from(s, letters);
        if (!s.len) return *out = total, true;
    }
    return false;
}

bool value_parse_size(struct str s, int64_t *out)
{
    struct str whole, decimals;
    if (!take_number(&s, &whole, &decimals)) return false;
    if (!s.len) return decimals.len == 0 && str_to_u63(whole, out);
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++)
        if (str_equals_nocase(sizes[i].name, s)) {
            int64_t bytes;
            if (!scale(whole, decimals, sizes[i].size, &bytes)) return false;
            return *out = bytes, true;
        }
    return false;
}

bool value_parse_bool(struct str s, bool *out)
{
    static const struct {
        struct str word;
        bool means;
    } words[] = {
        {STR_INIT("true"), true},   {STR_INIT("yes"), true}, {STR_INIT("on"), true},   {STR_INIT("1"), true},
        {STR_INIT("false"), false}, {STR_INIT("no"), false}, {STR_INIT("off"), false}, {STR_INIT("0"), false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(words); i++)
        if (str_equals_nocase(words[i].word, s)) return *out = words[i].means, true;
    return false;
}

bool value_is_json_number(struct str s)
{
    if (s.len && s.at[0] == '-') s = str_from(s, 1);
    struct str whole = take_digits(&s);
    if (!whole.len || (whole.len > 1 && whole.at[0] == '0')) return false;
    if (s.len && s.at[0] == '.') {
        s = str_from(s, 1);
        if (!take_digits(&s).len) return false;
    }
    if (s.len && (s.at[0] | 0x20) == 'e') {
        s = str_from(s, 1);
        if (s.len && (s.at[0] == '+' || s.at[0] == '-')) s = str_from(s, 1);
        if (!take_digits(&s).len) return false;
    }
    return s.len == 0;
}

bool value_parse_real(struct str s, double *out)
{
    char text[64]; /* strtod wants an end; longer numbers say nothing more */
    if (!value_is_json_number(s) || s.len >= sizeof text) return false;
    memcpy(text, s.at, s.len);
    text[s.len] = '\0';
    double number = strtod(text, NULL);
    if (!isfinite(number)) return false;
    *out = number;
    return true;
}

bool value_parse_money(struct str s, int64_t *nanousd)
{
    struct str whole, decimals;
    int64_t dollars, nanos = 0;
    if (!take_number(&s, &whole, &decimals) || s.len || decimals.len > MAX_DECIMALS) return false;
    if (!str_to_u63(whole, &dollars) || (decimals.len && !str_to_u63(decimals, &nanos))) return false;
    for (size_t i = decimals.len; i < MAX_DECIMALS; i++) nanos *= 10;
    if (__builtin_mul_overflow(dollars, INT64_C(1000000000), &dollars)) return false;
    return !__builtin_add_overflow(dollars, nanos, nanousd);
}

static struct str format(struct arena *a, int64_t n, const struct unit *units, size_t count)
{
    size_t i = 0;
    while (i + 1 < count && (n == 0 || n % units[i].size != 0)) i++;
    return arena_printf(a, "%lld%.*s", (long long)(n / units[i].size), STR_ARG(units[i].name));
}

struct str value_format_duration(struct arena *a, msec_t ms)
{
    return ms ? format(a, ms, durations, ARRAY_COUNT(durations)) : STR("0");
}

struct str value_format_size(struct arena *a, int64_t bytes)
{
    return bytes ? format(a, bytes, sizes, ARRAY_COUNT(sizes)) : STR("0");
}
