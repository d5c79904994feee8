/* gateway/lines.c: appending with a doubling room; what is outgrown stays in the arena until it is freed. */
#include "gateway/lines.h"

void lines_init(struct lines *l, struct arena *a, size_t room_bytes)
{
    *l = (struct lines){._arena = a, ._at = arena_alloc(a, room_bytes), ._room = room_bytes};
}

char *lines_room(struct lines *l, size_t bytes)
{
    if (UNLIKELY(l->_room - l->_len < bytes)) {
        size_t room = (l->_room + bytes) * 2;
        char *at = arena_alloc(l->_arena, room);
        memcpy(at, l->_at, l->_len);
        l->_at = at;
        l->_room = room;
    }
    return l->_at + l->_len;
}

void lines_raw(struct lines *l, struct str text)
{
    lines_wrote(l, fmt_str(lines_room(l, text.len), text));
}

void lines_add(struct lines *l, struct str name, struct str value)
{
    char *at = fmt_str(lines_room(l, name.len + value.len + 4), name);
    at = fmt_str(at, STR(": "));
    at = fmt_str(at, value);
    at = fmt_str(at, STR("\r\n"));
    lines_wrote(l, at);
}

void lines_add_i64(struct lines *l, struct str name, int64_t value)
{
    char *at = fmt_str(lines_room(l, name.len + FMT_I64_BYTES + 4), name);
    at = fmt_i64(fmt_str(at, STR(": ")), value);
    lines_wrote(l, fmt_str(at, STR("\r\n")));
}
