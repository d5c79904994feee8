/* dialects/stream.c: keeps the order of events. A part is ended by the next one's beginning, by its choice's finish, or
 * by the reader. */
#include "dialects/stream.h"

void stream_init(struct event_reader *r, struct arena *a, const struct chat_request *request)
{
    *r = (struct event_reader){.arena = a, .request = request};
    arena_init_in(&r->scratch, r->room, sizeof r->room);
}

void stream_done(struct event_reader *r)
{
    arena_done(&r->scratch);
}

void stream_begin(struct event_reader *r, struct chat_event_sink *sink)
{
    r->sink = sink;
    arena_done(&r->scratch);
    arena_init_in(&r->scratch, r->room, sizeof r->room);
}

static void hand_out(struct event_reader *r, const struct chat_event *event)
{
    if (r->seen & EVENT_ERROR) return;
    if (chat_event_is_content(event)) r->seen |= EVENT_CONTENT;
    r->sink->take(r->sink, event);
}

void stream_start(struct event_reader *r, struct str id, struct str model, int64_t created_s)
{
    if (r->has_started) return;
    r->has_started = true;
    struct chat_event e = {.kind = CHAT_EVENT_START, .id = id, .name = model, .created_s = created_s};
    if (r->usage.is_known) e.usage = &r->usage;
    hand_out(r, &e);
}

/* Services may leave the head out; a stream without any event is still none. */
static void need_start(struct event_reader *r)
{
    if (!r->has_started) stream_start(r, STR(""), STR(""), 0);
}

void stream_usage(struct event_reader *r)
{
    need_start(r);
    hand_out(r, &(struct chat_event){.kind = CHAT_EVENT_USAGE, .usage = &r->usage});
}

void stream_ping(struct event_reader *r)
{
    need_start(r);
    hand_out(r, &(struct chat_event){.kind = CHAT_EVENT_PING});
}

void stream_tell_error(struct event_reader *r, const struct chat_error *error)
{
    need_start(r);
    hand_out(r, &(struct chat_event){.kind = CHAT_EVENT_ERROR, .error = error});
    r->seen |= EVENT_ERROR;
}

void stream_open(struct event_reader *r, struct stream_choice *c, const struct chat_event *begin)
{
    if (c->is_finished) return;
    need_start(r);
    stream_close_part(r, c);
    struct chat_event e = *begin;
    e.kind = CHAT_EVENT_BEGIN;
    e.choice = c->index;
    e.part = c->parts++;
    c->is_open = true;
    c->kind = e.part_kind;
    if (c->kind == CHAT_TOOL_CALL) c->has_calls = true;
    hand_out(r, &e);
}

void stream_add(struct event_reader *r, struct stream_choice *c, const struct chat_event *event)
{
    if (!c->is_open) return;
    struct chat_event e = *event;
    e.choice = c->index;
    e.part = c->parts - 1;
    e.part_kind = c->kind;
    hand_out(r, &e);
}

void stream_text(struct event_reader *r, struct stream_choice *c, enum chat_part_kind kind, struct str text)
{
    if (text.len == 0) return;
    if (!c->is_open || c->kind != kind) stream_open(r, c, &(struct chat_event){.part_kind = kind});
    stream_add(r, c, &(struct chat_event){.kind = CHAT_EVENT_DELTA, .text = text});
}

void stream_close_part(struct event_reader *r, struct stream_choice *c)
{
    if (!c->is_open) return;
    stream_add(r, c, &(struct chat_event){.kind = CHAT_EVENT_END});
    c->is_open = false;
}

void stream_finish(struct event_reader *r, struct stream_choice *c, enum chat_finish finish,
                   struct str stop_sequence, struct str native)
{
    if (c->is_finished) return;
    need_start(r);
    stream_close_part(r, c);
    c->is_finished = true;
    r->seen |= EVENT_FINISH;
    hand_out(r, &(struct chat_event){.kind = CHAT_EVENT_FINISH,
                                     .choice = c->index,
                                     .finish = chat_finish_settled(finish, c->has_calls),
                                     .stop_sequence = stop_sequence,
                                     .native_finish = native});
}

enum ending stream_end(struct event_reader *r)
{
    if (r->seen & (EVENT_ERROR | EVENT_MALFORMED) || !(r->seen & EVENT_FINISH)) return ENDING_INCOMPLETE;
    hand_out(r, &(struct chat_event){.kind = CHAT_EVENT_STOP, .usage = &r->usage});
    return ENDING_COMPLETE;
}
