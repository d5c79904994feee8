/* chat/reply.c: building a reply. */
#include "chat/reply.h"

struct chat_choice *chat_reply_add_choice(struct chat_reply *r, struct arena *a)
{
    struct chat_choice *c = arena_new(a, struct chat_choice);
    if (r->_last_choice) {
        c->index = r->_last_choice->index + 1;
        r->_last_choice->next = c;
    } else {
        r->choices = c;
    }
    return r->_last_choice = c;
}
