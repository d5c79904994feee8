/* simulate/replay.h: recorded exchanges below a folder, found again by what was asked. The layout is that of
 * shared/recordings/README.md: …/<provider>/<api>/<case>/meta.json with a request and a response file beside it; the
 * folder may be the root or any part of it.
 * Loaded once, before there are threads; afterwards any thread may look up. Responses are mapped files and stay as long
 * as the replay. */
#ifndef WEIR_SIMULATE_REPLAY_H
#define WEIR_SIMULATE_REPLAY_H

#include "base/arena.h"
#include "base/err.h"
#include "simulate/canonical.h"

enum { REPLAY_MAX_CASES = 100 * 1000, REPLAY_MAX_FOLDERS_DEPTH = 8 };

struct replay;

struct replay_case {
    struct str name; /* "provider/api/case" */
    struct str method, path, query;
    int status;
    bool is_stream;
    struct str header_lines; /* complete lines, with Content-Type, without framing */
    struct str body;
    struct canonical request; /* of the body; of no bytes when there was none */
    bool has_request;         /* false: the body was not recorded, only its name finds the case */
    _Atomic unsigned served;
};

/* NULL: err names the file. */
struct replay *replay_load(struct str folder, struct err *err);
void replay_free(struct replay *r);
unsigned replay_count(const struct replay *r);

struct replay_query {
    struct str method, path, query, body;
    struct str case_name; /* "provider/api/case" or the end of that; empty: none */
};
/* A named case wins; else the method, the path (its end at least: base URLs differ) and what the body says must agree.
 * Several that agree equally well are served in turn. NULL: err says what was looked for, without the body. */
const struct replay_case *replay_find(struct replay *r, const struct replay_query *q, struct arena *scratch,
                                      struct err *err);

/* How well a recorded path fits an asked one: 0 not at all, else the more the better. Both without query. */
unsigned replay_path_fit(struct str recorded, struct str asked);

#endif
