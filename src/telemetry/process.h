/* telemetry/process.h: what the kernel knows about this process, for the process_* metrics. Any thread; reads /proc,
 * which never waits for a disk. What cannot be read is 0. */
#ifndef WEIR_TELEMETRY_PROCESS_H
#define WEIR_TELEMETRY_PROCESS_H

#include <stdint.h>

struct process_facts {
    int64_t cpu_ns; /* user and system */
    int64_t resident_bytes, virtual_bytes;
    int64_t open_fds, max_fds;
};

struct process_facts process_read_facts(void);

#endif
