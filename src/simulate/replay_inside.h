/* simulate/replay_inside.h: the struct that replay_load.c fills and replay.c looks up. */
#ifndef WEIR_SIMULATE_REPLAY_INSIDE_H
#define WEIR_SIMULATE_REPLAY_INSIDE_H

#include "simulate/replay.h"

struct replay {
    struct arena arena;
    struct replay_case *cases; /* by request, then by name */
    unsigned count, _room;
};

#endif
