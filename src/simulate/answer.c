/* simulate/answer.c: the bytes of an answer in one buf, with the places where its events end beside them. */
#include "simulate/answer.h"

#include "base/fmt.h"
#include "json/writer.h"

void sim_answer_init(struct sim_answer *a, struct arena *arena, struct buf out)
{
    *a = (struct sim_answer){.out = out, ._arena = arena};
}

void sim_answer_done(struct sim_answer *a)
{
    buf_done(&a->out);
}

void sim_put(struct sim_answer *a, struct str text)
{
    if (!buf_append(&a->out, text)) a->_is_full = true;
}

void sim_put_u64(struct sim_answer *a, uint64_t n)
{
    char digits[FMT_U64_BYTES];
    sim_put(a, str_of(digits, (size_t)(fmt_u64(digits, n) - digits)));
}

void sim_put_json_str(struct sim_answer *a, struct str s)
{
    if (!json_append_str(&a->out, s)) a->_is_full = true;
}

void sim_end_event(struct sim_answer *a)
{
    sim_add_event_end(a, a->out.len);
}

void sim_add_event_end(struct sim_answer *a, size_t at)
{
    if (a->event_count == a->_event_room) {
        unsigned room = a->_event_room ? 2 * a->_event_room : 64;
        uint32_t *ends = arena_alloc(a->_arena, room * sizeof *ends);
        if (a->event_count) memcpy(ends, a->event_ends, a->event_count * sizeof *ends);
        a->event_ends = ends;
        a->_event_room = room;
    }
    a->event_ends[a->event_count++] = (uint32_t)at;
}

void sim_answer_restart(struct sim_answer *a)
{
    buf_clear(&a->out);
    a->event_count = 0;
    a->_is_full = false;
}

bool sim_answer_is_full(const struct sim_answer *a)
{
    return a->_is_full;
}

void sim_answer_close(struct sim_answer *a, int status, bool is_stream, struct str header_lines)
{
    a->status = status;
    a->is_stream = is_stream;
    a->header_lines = header_lines;
    a->body = buf_str(&a->out);
}
