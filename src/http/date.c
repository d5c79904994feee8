/* http/date.c: written from the digits of base/clock's ISO text in another order, and the names; read field by field.
 * The two older formats are not read: nobody who sends Retry-After today writes them. */
#include "http/date.h"

#include "base/clock.h"

#include <string.h>

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

void http_date_format(char out[HTTP_DATE_BYTES], int64_t wall_ms)
{
    static const char days[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
    char iso[CLOCK_ISO_BYTES];                          /* 1994-11-06T08:49:37.000Z */
    clock_format_iso(iso, wall_ms);
    int64_t day = (wall_ms >= 0 ? wall_ms : wall_ms - 86399999) / 86400000;
    int month = (iso[5] - '0') * 10 + (iso[6] - '0');
    memcpy(out, days + 3 * ((day % 7 + 7) % 7), 3);
    memcpy(out + 3, ", ", 2);
    memcpy(out + 5, iso + 8, 2);
    out[7] = ' ';
    memcpy(out + 8, months + 3 * (month - 1), 3);
    out[11] = ' ';
    memcpy(out + 12, iso, 4);
    out[16] = ' ';
    memcpy(out + 17, iso + 11, 8);
    memcpy(out + 25, " GMT", 4);
}

/* Days from 1970-01-01 to a date of the Gregorian calendar; years begin in March so that leap days come last. */
static int64_t days_from_civil(int64_t year, int month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400, year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static bool read_number(struct str text, size_t at, size_t digits, int64_t *out)
{
    return str_to_u63(str_part(text, at, digits), out);
}

static int month_of(struct str text)
{
    for (int m = 0; m < 12; m++)
        if (str_equals(str_part(text, 8, 3), str_of(months + 3 * (size_t)m, 3))) return m + 1;
    return 0;
}

bool http_date_parse(struct str text, int64_t *unix_s)
{
    int64_t day, year, hour, minute, second;
    if (text.len != HTTP_DATE_BYTES || !str_ends_with(text, STR(" GMT"))) return false;
    int month = month_of(text);
    bool is_read = month && read_number(text, 5, 2, &day) && read_number(text, 12, 4, &year) &&
                   read_number(text, 17, 2, &hour) && read_number(text, 20, 2, &minute) &&
                   read_number(text, 23, 2, &second);
    if (!is_read || text.at[19] != ':' || text.at[22] != ':') return false;
    if (year < 1970 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return false;
    *unix_s = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return true;
}
