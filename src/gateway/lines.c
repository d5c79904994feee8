/* gateway/lines.c: appending with a doubling room; what is outgrown stays in the arena until it is freed. */
#include "gateway/lines.h"

void lines_init(struct lines *l, struct arena *a, size_t room_bytes)
{
    *l = (struct lines){._arena = a, ._at = arena_alloc(a, room_bytes), ._room = room_bytes};
}

static char *reserve(struct lines *l, size_t bytes)
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
    fmt_str(reserve(l, text.len), text);
    l->_len += text.len;
}

void lines_add(struct lines *l, struct str name, struct str value)
{
    char *at = fmt_str(reserve(l, name.len + value.len + 4), name);
    at = fmt_str(at, STR(": "));
    at = fmt_str(at, value);
    at = fmt_str(at, STR("\r\n"));
    l->_len = (size_t)(at - l->_at);
}

void lines_add_i64(struct lines *l, struct str name, int64_t value)
{
    char digits[FMT_I64_BYTES];
    lines_add(l, name, str_of(digits, (size_t)(fmt_i64(digits, value) - digits)));
}
