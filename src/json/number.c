/* json/number.c: numbers from text and back, without a locale.
 *
 * Up to 19 digits and 22 powers of ten a double comes out of one exact multiplication or division (Clinger 1990), which
 * is all that replies hold. The rest goes to strtod() as digits and an exponent, without a decimal point, since the
 * point is the one thing about which a locale has an opinion. */
#include "json/number.h"

#include "base/fmt.h"
#include "json/cursor.h"
#include "json/scan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MAX_EXACT_POWER = 22,     /* 10^22 is the last power of ten that a double holds exactly */
    MAX_WORD_DIGITS = 19,     /* as many as always fit a uint64_t */
    MAX_HALFWAY_DIGITS = 768, /* no number between two doubles needs more to be told from their middle */
    MAX_EXPONENT = 100000000, /* written ones are cut here: far outside of what digits could make up for */
};

static const double POWERS[MAX_EXACT_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
static const uint64_t MAX_EXACT_INTEGER = 1ull << 53;

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9') at++;
    return at;
}

const char *json_scan_number(const char *at, const char *end, const char **stop)
{
    const char *digits = at < end && *at == '-' ? at + 1 : at;
    at = skip_digits(digits, end);
    if (at == digits) goto missing;
    if (*digits == '0') at = digits + 1;
    if (at < end && *at == '.') {
        digits = at + 1;
        at = skip_digits(digits, end);
        if (at == digits) goto missing;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        digits = at + 1;
        if (digits < end && (*digits == '+' || *digits == '-')) digits++;
        at = skip_digits(digits, end);
        if (at == digits) goto missing;
    }
    return at;
missing:
    *stop = digits;
    return NULL;
}

/* A number's text, taken apart: digits × 10^exponent. */
struct decimal {
    struct str digits;          /* with a point in it, perhaps; leading zeros are gone */
    int64_t exponent;           /* as if the point stood behind the last digit */
    size_t count;               /* of digits */
    bool is_negative, is_plain; /* plain: neither point nor exponent */
};

static int64_t read_exponent(const char *at, const char *end)
{
    bool is_negative = *at == '-';
    if (*at == '+' || *at == '-') at++;
    int64_t n = 0;
    for (; at < end; at++)
        if (n < MAX_EXPONENT) n = n * 10 + (*at - '0');
    return is_negative ? -n : n;
}

static bool decimal_read(struct json_value v, struct decimal *d)
{
    if (v.type != JSON_NUMBER) return false;
    const char *at = v.raw.at, *end = at + v.raw.len, *stop;
    if (json_scan_number(at, end, &stop) != end) return false;
    *d = (struct decimal){.is_negative = *at == '-', .is_plain = true};
    if (d->is_negative) at++;
    const char *first = NULL;
    bool has_point = false;
    for (; at < end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            has_point = true;
            continue;
        }
        if (!first && *at != '0') first = at;
        if (first) d->count++;
        if (has_point) d->exponent--;
    }
    d->digits = first ? str_of(first, (size_t)(at - first)) : (struct str){0};
    d->is_plain = at == end && !has_point;
    if (at < end) d->exponent += read_exponent(at + 1, end);
    return true;
}

static uint64_t decimal_word(const struct decimal *d)
{
    uint64_t n = 0;
    for (size_t i = 0; i < d->digits.len; i++)
        if (d->digits.at[i] != '.') n = n * 10 + (uint64_t)(d->digits.at[i] - '0');
    return n;
}

/* Any number of digits, rounded once: what is beyond the digits that can matter becomes one last digit. */
static COLD double decimal_round(const struct decimal *d)
{
    char text[MAX_HALFWAY_DIGITS + 1 + 1 + FMT_I64_BYTES + 1], *to = text;
    size_t kept = 0;
    bool has_rest = false;
    for (size_t i = 0; i < d->digits.len; i++) {
        char c = d->digits.at[i];
        if (c == '.') continue;
        if (kept < MAX_HALFWAY_DIGITS) {
            *to++ = c;
            kept++;
        } else if (c != '0') {
            has_rest = true;
        }
    }
    int64_t exponent = d->exponent + (int64_t)(d->count - kept);
    if (has_rest) {
        *to++ = '1';
        exponent--;
    }
    *to++ = 'e';
    to = fmt_i64(to, exponent);
    *to = 0;
    return strtod(text, NULL);
}

bool json_to_double(struct json_value v, double *out)
{
    struct decimal d;
    if (!decimal_read(v, &d)) return false;
    double n = 0;
    if (d.count > 0) {
        uint64_t word = d.count <= MAX_WORD_DIGITS ? decimal_word(&d) : UINT64_MAX;
        bool is_exact = word <= MAX_EXACT_INTEGER;
        if (is_exact && d.exponent >= 0 && d.exponent <= MAX_EXACT_POWER) {
            n = (double)word * POWERS[d.exponent];
        } else if (is_exact && d.exponent < 0 && d.exponent >= -MAX_EXACT_POWER) {
            n = (double)word / POWERS[-d.exponent];
        } else {
            n = decimal_round(&d);
        }
    }
    if (isinf(n)) return false;
    *out = d.is_negative ? -n : n;
    return true;
}

/* Whole numbers of up to 18 digits and nothing else; false: look closer. */
static bool read_short(struct str raw, int64_t *out)
{
    bool is_negative = raw.len > 0 && *raw.at == '-';
    const char *at = raw.at + is_negative, *end = raw.at + raw.len;
    if (at == end || end - at >= MAX_WORD_DIGITS || (*at == '0' && end - at > 1)) return false;
    int64_t n = 0;
    for (; at < end; at++) {
        unsigned digit = (unsigned)*at - '0';
        if (digit > 9) return false;
        n = n * 10 + digit;
    }
    *out = is_negative ? -n : n;
    return true;
}

bool json_to_i64(struct json_value v, int64_t *out)
{
    struct decimal d;
    if (v.type == JSON_NUMBER && read_short(v.raw, out)) return true;
    if (!decimal_read(v, &d)) return false;
    if (d.is_plain) {
        if (d.count > MAX_WORD_DIGITS) return false;
        uint64_t word = decimal_word(&d);
        if (word > (uint64_t)INT64_MAX + d.is_negative) return false;
        *out = d.is_negative ? (int64_t)(0 - word) : (int64_t)word;
        return true;
    }
    double n;
    if (!json_to_double(v, &n) || fabs(n) > (double)MAX_EXACT_INTEGER || n != trunc(n)) return false;
    *out = (int64_t)n;
    return true;
}

/* The few digits that most doubles have: d = word / 10^decimals, both exact, so reading it back gives d again. */
static char *format_short(char *at, double d)
{
    for (unsigned decimals = 0; decimals < 16; decimals++) {
        double scaled = d * POWERS[decimals];
        if (scaled >= (double)MAX_EXACT_INTEGER) return NULL;
        double word = nearbyint(scaled);
        if (word / POWERS[decimals] == d) return fmt_fixed(at, (uint64_t)word, decimals);
    }
    return NULL;
}

/* "d[.ddd]e[-]xx" of 1 to 17 digits, as printf wrote them, to plain notation where that is not long. */
static char *format_digits(char *at, const char *digits, size_t count, int exponent)
{
    bool is_plain = exponent >= -7 && exponent < 21;
    int point = is_plain ? exponent + 1 : 1; /* so many digits stand before the point */
    if (point <= 0) {
        *at++ = '0';
        *at++ = '.';
        for (int i = point; i < 0; i++) *at++ = '0';
        at = fmt_str(at, str_of(digits, count));
    } else {
        for (int i = 0; i < (int)count || i < point; i++) {
            if (i == point) *at++ = '.';
            *at++ = i < (int)count ? digits[i] : '0';
        }
    }
    if (is_plain) return at;
    *at++ = 'e';
    return fmt_i64(at, exponent);
}

/* Tries ever more digits until they read back as d. */
static COLD char *format_long(char *at, double d)
{
    char text[32], digits[17];
    size_t count = 0;
    int precision = d < 2.2250738585072014e-308 ? 0 : 14; /* normal numbers keep 15 digits */
    for (; precision <= 16; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, d);
        if (strtod(text, NULL) == d) break;
    }
    const char *from = text;
    for (; *from != 'e'; from++)
        if (*from >= '0' && *from <= '9' && count < sizeof digits) digits[count++] = *from;
    while (count > 1 && digits[count - 1] == '0') count--;
    return format_digits(at, digits, count, (int)read_exponent(from + 1, from + strlen(from)));
}

char *json_format_double(char *at, double d)
{
    if (!isfinite(d)) return fmt_str(at, STR("null"));
    if (signbit(d)) {
        *at++ = '-';
        d = -d;
    }
    char *end = format_short(at, d);
    return end ? end : format_long(at, d);
}
