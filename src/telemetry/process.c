/* telemetry/process.c: getrusage, getrlimit, /proc/self/statm and /proc/self/fd. */
#include "telemetry/process.h"

#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t timeval_ns(struct timeval t)
{
    return (int64_t)t.tv_sec * 1000000000 + (int64_t)t.tv_usec * 1000;
}

/* The second number of /proc/self/statm: resident pages. */
static int64_t read_resident_bytes(void)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t got = read(fd, text, sizeof text);
    close(fd);
    struct str rest = str_of(text, got > 0 ? (size_t)got : 0);
    int64_t pages = 0;
    str_cut(&rest, ' ');
    if (!str_to_u63(str_cut(&rest, ' '), &pages)) return 0;
    return pages * sysconf(_SC_PAGESIZE);
}

/* Since Linux 6.2 the folder's size is the count; before, it is 0 and the entries are counted. */
static int64_t count_open_fds(void)
{
    struct stat st;
    if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0) return st.st_size;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder) return 0;
    int64_t count = -1; /* the folder's own */
    for (struct dirent *e = readdir(folder); e; e = readdir(folder)) count += e->d_name[0] != '.';
    closedir(folder);
    return count;
}

struct process_facts process_read_facts(void)
{
    struct process_facts facts = {.resident_bytes = read_resident_bytes(), .open_fds = count_open_fds()};
    struct rusage used;
    struct rlimit limit;
    if (getrusage(RUSAGE_SELF, &used) == 0)
        facts.cpu_ns = timeval_ns(used.ru_utime) + timeval_ns(used.ru_stime);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        facts.max_fds = limit.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_cur;
    return facts;
}
