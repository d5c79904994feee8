/* base/clock.h: the only door to the system's clocks. Library code gets times as arguments;
 * the loop, main and the telemetry's writer ask here. Any thread. */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stdint.h>

typedef int64_t msec_t; /* monotonic milliseconds, a moment or a length */

msec_t clock_monotonic_ms(void);
int64_t clock_monotonic_ns(void);
int64_t clock_thread_cpu_ns(void); /* user and system time of the calling thread */
int64_t clock_wall_ms(void);       /* milliseconds since 1970-01-01T00:00:00Z */

enum { CLOCK_ISO_BYTES = 24 }; /* "2026-11-20T18:47:01.123Z", no NUL */
void clock_format_iso(char out[CLOCK_ISO_BYTES], int64_t wall_ms);

#endif
