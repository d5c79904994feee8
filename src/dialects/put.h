/* dialects/put.h: members that are written only if they were given. Over json/writer.h. */
#ifndef WEIR_DIALECTS_PUT_H
#define WEIR_DIALECTS_PUT_H

#include "chat/request.h"
#include "json/writer.h"

static inline void put_str_if(struct json_writer *w, struct str name, struct str s)
{
    if (s.len > 0) json_put_str(w, name, s);
}

static inline void put_str_or_null(struct json_writer *w, struct str name, struct str s)
{
    if (s.len > 0)
        json_put_str(w, name, s);
    else
        json_put_null(w, name);
}

static inline void put_raw_if(struct json_writer *w, struct str name, struct str json)
{
    if (json.len > 0) json_put_raw(w, name, json);
}

static inline void put_i64_if(struct json_writer *w, struct str name, int64_t n) /* 0: not given */
{
    if (n != 0) json_put_i64(w, name, n);
}

static inline void put_int_if(struct json_writer *w, struct str name, struct chat_int n)
{
    if (n.is_set) json_put_i64(w, name, n.value);
}

static inline void put_double_if(struct json_writer *w, struct str name, struct chat_double d)
{
    if (d.is_set) json_put_double(w, name, d.value);
}

static inline void put_bool_if(struct json_writer *w, struct str name, enum chat_tristate said)
{
    if (said != CHAT_UNSAID) json_put_bool(w, name, said == CHAT_YES);
}

static inline void put_strings_if(struct json_writer *w, struct str name, const struct chat_strings *list)
{
    if (list->count == 0) return;
    json_write_key(w, name);
    json_begin_array(w);
    for (unsigned i = 0; i < list->count; i++) json_write_str(w, list->at[i]);
    json_end_array(w);
}

static inline void put_cache_control_if(struct json_writer *w, enum chat_cache cache)
{
    if (cache == CHAT_CACHE_NONE) return;
    json_put_raw(w, STR("cache_control"),
                 cache == CHAT_CACHE_1H ? STR("{\"type\":\"ephemeral\",\"ttl\":\"1h\"}")
                                        : STR("{\"type\":\"ephemeral\"}"));
}

static inline void begin_object_at(struct json_writer *w, struct str name)
{
    json_write_key(w, name);
    json_begin_object(w);
}

static inline void begin_array_at(struct json_writer *w, struct str name)
{
    json_write_key(w, name);
    json_begin_array(w);
}

#endif
