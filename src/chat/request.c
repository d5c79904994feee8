/* chat/request.c: building a request, and what its calls and results know of each other. */
#include "chat/request.h"

struct chat_message *chat_request_add_message(struct chat_request *r, struct arena *a, enum chat_role role)
{
    struct chat_message *m = arena_new(a, struct chat_message);
    m->role = role;
    if (r->_last_message)
        r->_last_message->next = m;
    else
        r->messages = m;
    return r->_last_message = m;
}

struct chat_message *chat_request_continue(struct chat_request *r, struct arena *a, enum chat_role role)
{
    bool is_going_on = r->_last_message && r->_last_message->role == role;
    return is_going_on ? r->_last_message : chat_request_add_message(r, a, role);
}

struct chat_tool *chat_request_add_tool(struct chat_request *r, struct arena *a, enum chat_tool_kind kind)
{
    struct chat_tool *t = arena_new(a, struct chat_tool);
    t->kind = kind;
    if (r->_last_tool)
        r->_last_tool->next = t;
    else
        r->tools = t;
    return r->_last_tool = t;
}

void chat_request_add_extra(struct chat_request *r, struct arena *a, struct str name, struct str json)
{
    struct chat_extra **end = &r->extras;
    while (*end) end = &(*end)->next; /* a root object has 128 members at most */
    *end = arena_new(a, struct chat_extra);
    **end = (struct chat_extra){.name = name, .json = json};
}

struct str chat_request_extra(const struct chat_request *r, enum chat_format format, struct str name)
{
    const struct chat_extra *e = r->format == format ? r->extras : NULL;
    while (e && !str_equals(e->name, name)) e = e->next;
    return e ? e->json : (struct str){0};
}

const struct chat_tool *chat_request_tool(const struct chat_request *r, struct str name)
{
    const struct chat_tool *t = r->tools;
    while (t && !(t->kind == CHAT_TOOL_FUNCTION && str_equals(t->name, name))) t = t->next;
    return t;
}

/* ---- linking calls and results ---- */
/* Results are looked for among the calls just before them; the bound keeps a hostile body from costing its square. */
enum { RECENT_CALLS = 256 };
struct recent_calls {
    struct {
        struct chat_part *part;
        bool is_answered;
    } ring[RECENT_CALLS];
    unsigned count; /* of all calls so far; call n lies at n % RECENT_CALLS */
};

static void note_call(struct recent_calls *calls, struct arena *a, struct chat_part *part)
{
    if (str_is_empty(part->id)) part->id = arena_printf(a, "call_%u", calls->count);
    unsigned at = calls->count++ % RECENT_CALLS;
    calls->ring[at].part = part;
    calls->ring[at].is_answered = false;
}

static unsigned oldest(const struct recent_calls *calls)
{
    return calls->count > RECENT_CALLS ? calls->count - RECENT_CALLS : 0;
}

/* By its id the last of them, by its name the first that nobody has answered. */
static struct chat_part *call_of(struct recent_calls *calls, const struct chat_part *result)
{
    unsigned first = oldest(calls);
    if (!str_is_empty(result->id)) {
        for (unsigned n = calls->count; n-- > first;)
            if (str_equals(calls->ring[n % RECENT_CALLS].part->id, result->id)) {
                calls->ring[n % RECENT_CALLS].is_answered = true;
                return calls->ring[n % RECENT_CALLS].part;
            }
        return NULL;
    }
    for (unsigned n = first; n < calls->count; n++) {
        unsigned at = n % RECENT_CALLS;
        if (calls->ring[at].is_answered || !str_equals(calls->ring[at].part->name, result->name)) continue;
        calls->ring[at].is_answered = true;
        return calls->ring[at].part;
    }
    return NULL;
}

static void link_result(struct recent_calls *calls, struct arena *a, struct chat_part *result)
{
    const struct chat_part *call = call_of(calls, result);
    if (str_is_empty(result->id))
        result->id = call ? call->id : arena_printf(a, "call_of_%.*s", STR_ARG(result->name));
    if (str_is_empty(result->name)) result->name = call ? call->name : result->id;
}

void chat_request_link(struct chat_request *r, struct arena *a)
{
    struct recent_calls *calls = arena_alloc(a, sizeof *calls);
    calls->count = 0;
    for (struct chat_message *m = r->messages; m; m = m->next)
        for (struct chat_part *p = m->parts.first; p; p = p->next) {
            if (p->kind == CHAT_TOOL_CALL) note_call(calls, a, p);
            if (p->kind == CHAT_TOOL_RESULT) link_result(calls, a, p);
        }
    if (!r->tools) r->tool_choice = CHAT_CHOICE_UNSAID;
}
