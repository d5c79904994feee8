/* cli/limits.c: CPUs from sched_getaffinity(2) and cgroup v2's cpu.max, descriptors from getrlimit(2). */
#include "cli/limits.h"

#include "base/str.h"

#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>

enum { RESERVED_DESCRIPTORS = 512 };

static unsigned cpus_by_affinity(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? (unsigned)count : 1;
}

/* "max 100000" or "150000 100000": quota and period in microseconds. 0: no quota. */
static unsigned cpus_by_quota(void)
{
    char line[64];
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!f) return 0;
    bool is_read = fgets(line, sizeof line, f) != NULL;
    fclose(f);
    if (!is_read) return 0;
    struct str period_text = str_trim(str_from_cstr(line)), quota_text = str_cut(&period_text, ' ');
    int64_t quota, period;
    if (!str_to_u63(quota_text, &quota) || !str_to_u63(period_text, &period) || quota == 0 || period == 0)
        return 0;
    return (unsigned)((quota + period - 1) / period);
}

unsigned limits_workers(int64_t configured, unsigned most)
{
    unsigned count = (unsigned)configured;
    if (configured == 0) {
        unsigned quota = cpus_by_quota();
        count = cpus_by_affinity();
        if (quota && quota < count) count = quota;
    }
    return count > most ? most : count;
}

unsigned limits_connections(int64_t configured)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return (unsigned)configured;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)!setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (configured > 0) return (unsigned)configured;
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > 2000000) return 1000000;
    return limit.rlim_cur > 2 * RESERVED_DESCRIPTORS ? (unsigned)(limit.rlim_cur - RESERVED_DESCRIPTORS) / 2
                                                     : 256;
}
