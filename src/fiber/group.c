/* fiber/group.c: children. A member that ends tells the group, and the group wakes its parent if that waits for it.
 * The parent cannot leave members behind: even cancelled, it waits (shielded) until they are gone. */
#include "fiber/inside.h"

#include "base/check.h"

void fiber_group_init(struct fiber_group *g)
{
    *g = (struct fiber_group){._parent = fiber_current()};
    require(g->_parent != NULL);
    list_init(&g->_members);
}

bool fiber_group_start(struct fiber_group *g, fiber_main *main, void *arg)
{
    struct fiber *f = fiber_start(g->_parent->loop, main, arg);
    if (!f) return false;
    f->group = g;
    list_append(&g->_members, &f->member);
    g->_alive++;
    return true;
}

void fiber_group_member_ended(struct fiber_group *g, struct fiber *member)
{
    list_remove(&member->member);
    g->_alive--;
    g->_ended++;
    bool is_enough = g->_waits_for == GROUP_FIRST || (g->_waits_for == GROUP_ALL && g->_alive == 0);
    if (is_enough && fiber_is_waiting(g->_parent)) fiber_wake(g->_parent, IO_OK);
}

void fiber_group_cancel(struct fiber_group *g)
{
    struct fiber *parent = g->_parent;
    LIST_EACH(f, &g->_members, struct fiber, member)
    fiber_cancel(f);
    bool was_shielded = parent->is_shielded;
    parent->is_shielded = true;
    g->_waits_for = GROUP_ALL;
    while (g->_alive) (void)fiber_park(parent, NEVER);
    g->_waits_for = GROUP_NONE;
    g->_ended = 0;
    parent->is_shielded = was_shielded;
}

static enum io group_wait(struct fiber_group *g, enum fiber_group_wait until, msec_t deadline)
{
    require(g->_parent == fiber_current());
    g->_waits_for = until;
    enum io io = fiber_wait(deadline);
    g->_waits_for = GROUP_NONE;
    if (io == IO_CANCELLED) fiber_group_cancel(g);
    return io;
}

enum io fiber_group_wait_first(struct fiber_group *g, msec_t deadline)
{
    if (g->_ended == 0) {
        if (g->_alive == 0) return IO_END;
        enum io io = group_wait(g, GROUP_FIRST, deadline);
        if (io == IO_CANCELLED || g->_ended == 0) return io;
    }
    g->_ended--;
    return IO_OK;
}

enum io fiber_group_wait_all(struct fiber_group *g, msec_t deadline)
{
    if (g->_alive) {
        enum io io = group_wait(g, GROUP_ALL, deadline);
        if (io == IO_CANCELLED || g->_alive) return io;
    }
    g->_ended = 0;
    return IO_OK;
}
