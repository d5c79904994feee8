/* http/date.c: the digits of base/clock's ISO text in another order, and the names. */
#include "http/date.h"

#include "base/clock.h"

#include <string.h>

void http_date_format(char out[HTTP_DATE_BYTES], int64_t wall_ms)
{
    static const char days[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char iso[CLOCK_ISO_BYTES]; /* 1994-11-06T08:49:37.000Z */
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
