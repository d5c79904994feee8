/* fiber/offload.c: blocking work on libuv's thread pool. The job is on the heap and belongs to the work while it runs:
 * a fiber that cannot wait any longer leaves it behind, and drop() frees it when the work has ended (running work cannot
 * be stopped). Only the loop's thread touches `struct offload`. */
#include "fiber/inside.h"

#include "base/mem.h"

struct offload {
    uv_work_t request;
    struct fiber *fiber; /* NULL: abandoned */
    void (*work)(void *job);
    void (*drop)(void *job);
    void *job;
    bool has_ended;
};

static void on_pool(uv_work_t *request)
{
    struct offload *o = request->data;
    o->work(o->job);
}

static void on_ended(uv_work_t *request, int status)
{
    struct offload *o = request->data;
    (void)status; /* UV_ECANCELED: abandoned before it began */
    if (!o->fiber) {
        o->drop(o->job);
        xfree(o);
        return;
    }
    o->has_ended = true;
    if (fiber_is_waiting(o->fiber)) fiber_wake_now(o->fiber, IO_OK);
}

enum io fiber_offload(void (*work)(void *job), void (*drop)(void *job), void *job, msec_t deadline)
{
    struct fiber *f = fiber_current();
    if (fiber_is_cancelled(f)) {
        drop(job);
        return IO_CANCELLED;
    }
    struct offload *o = xzalloc(sizeof *o);
    *o = (struct offload){.fiber = f, .work = work, .drop = drop, .job = job};
    o->request.data = o;
    uv_queue_work(loop_uv(f->loop), &o->request, on_pool, on_ended);
    enum io io = fiber_wait(deadline);
    if (io == IO_OK) {
        xfree(o);
        return IO_OK;
    }
    if (o->has_ended) {
        drop(job);
        xfree(o);
        return io;
    }
    o->fiber = NULL;
    (void)uv_cancel((uv_req_t *)&o->request);
    return io;
}
