/* gateway/lines.h: header lines gathered for one message, in an arena. No printf. */
#ifndef WEIR_GATEWAY_LINES_H
#define WEIR_GATEWAY_LINES_H

#include "base/arena.h"
#include "base/fmt.h"

struct lines {
    struct arena *_arena;
    char *_at;
    size_t _len, _room;
};

void lines_init(struct lines *l, struct arena *a, size_t room_bytes);
void lines_raw(struct lines *l, struct str text);                   /* whole lines, or a piece of one */
void lines_add(struct lines *l, struct str name, struct str value); /* "name: value\r\n" */
void lines_add_i64(struct lines *l, struct str name, int64_t value);
/* For many at once: where they may be written, with room for so many bytes, and what stands behind the last. */
char *lines_room(struct lines *l, size_t bytes);
static inline void lines_wrote(struct lines *l, const char *behind)
{
    l->_len = (size_t)(behind - l->_at);
}
static inline struct str lines_str(const struct lines *l)
{
    return str_of(l->_at, l->_len);
}

#endif
