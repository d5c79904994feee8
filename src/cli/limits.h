/* cli/limits.h: what the machine allows. main's thread. */
#ifndef WEIR_CLI_LIMITS_H
#define WEIR_CLI_LIMITS_H

#include <stdint.h>

/* `configured`, or for 0 as many as affinity and the cgroup's CPU quota allow; 1 to `most`. */
unsigned limits_workers(int64_t configured, unsigned most);
/* `configured`, or for 0 (descriptor limit - 512) / 2. Raises the soft descriptor limit to the hard one first. */
unsigned limits_connections(int64_t configured);

#endif
