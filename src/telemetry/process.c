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

/* The first two numbers of /proc/self/statm: mapped pages, resident ones. */
static void read_memory(struct process_facts *facts)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ssize_t got = read(fd, text, sizeof text);
    close(fd);
    struct str rest = str_of(text, got > 0 ? (size_t)got : 0);
    int64_t mapped = 0, resident = 0, page_bytes = sysconf(_SC_PAGESIZE);
    if (!str_to_u63(str_cut(&rest, ' '), &mapped) || !str_to_u63(str_cut(&rest, ' '), &resident)) return;
    facts->virtual_bytes = mapped * page_bytes;
    facts->resident_bytes = resident * page_bytes;
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
    struct process_facts facts = {.open_fds = count_open_fds()};
    read_memory(&facts);
    struct rusage used;
    struct rlimit limit;
    if (getrusage(RUSAGE_SELF, &used) == 0)
        facts.cpu_ns = timeval_ns(used.ru_utime) + timeval_ns(used.ru_stime);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        facts.max_fds = limit.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_cur;
    return facts;
}
