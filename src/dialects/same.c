/* dialects/same.c: see the header. */
#include "dialects/same.h"

#include "base/check.h"
#include "dialects/put.h"
#include "json/cursor.h"

static bool refuse(struct chat_error *err, struct str message)
{
    *err = (struct chat_error){.problem = PROBLEM_INVALID_REQUEST, .param = STR("model"), .message = message};
    return false;
}

bool same_read_model(struct request_facts *facts, struct arena *a, struct json_value model,
                     struct chat_error *err)
{
    if (!json_exists(model) || json_is_null(model)) return true;
    if (!json_to_str(model, a, &facts->model))
        return refuse(err, arena_printf(a, "model: a string with the model's name is needed, got %s",
                                        json_type_name(model.type)));
    if (facts->model.len > MODEL_NAME_MAX_BYTES)
        return refuse(err, arena_printf(a, "model: a name has at most %d bytes, this one has %zu",
                                        MODEL_NAME_MAX_BYTES, facts->model.len));
    facts->model = arena_copy(a, facts->model); /* outlives the body */
    return true;
}

void same_splice_model(struct json_splice *s, struct arena *a, const struct request_facts *facts,
                       struct json_value old, struct str model)
{
    if (str_is_empty(model) || (str_equals(model, facts->model) && json_exists(old))) return;
    struct buf quoted;
    buf_init(&quoted, 6 * model.len + 2); /* each byte an escape */
    require(json_append_str(&quoted, model));
    struct str name = arena_copy(a, buf_str(&quoted));
    buf_done(&quoted);
    if (json_exists(old))
        json_splice_replace(s, old, name);
    else
        json_splice_insert(s, arena_printf(a, "\"model\":%.*s", STR_ARG(name)));
}

void same_take_pieces(struct spliced *out, struct json_splice *s)
{
    json_splice_finish(s);
    memcpy(out->pieces, s->pieces, s->piece_count * sizeof *s->pieces);
    out->count = (unsigned)s->piece_count;
    out->bytes = s->total_bytes;
}

void same_put_attempts(struct json_writer *w, const struct chat_error *err)
{
    if (err->attempt_count == 0) return;
    begin_array_at(w, STR("attempts"));
    for (unsigned i = 0; i < err->attempt_count; i++) {
        const struct chat_error_attempt *a = &err->attempts[i];
        json_begin_object(w);
        json_put_str(w, STR("provider"), a->provider);
        json_put_str(w, STR("model"), a->model);
        if (a->status)
            json_put_i64(w, STR("status"), a->status);
        else
            json_put_null(w, STR("status"));
        json_put_str(w, STR("reason"), a->reason);
        json_put_i64(w, STR("ms"), a->ms);
        json_end_object(w);
    }
    json_end_array(w);
}
