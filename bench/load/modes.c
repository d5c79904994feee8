/* load/modes.c: four kinds of load.
 *
 *   closed  each connection sends its next request when its reply has come: the most that goes through
 *   open    requests come at moments drawn beforehand (exponential gaps, always the same), whether or not earlier ones
 *           are answered; one that finds no free connection waits. Latency counts from the moment it was meant to be
 *           sent, so a proxy that stalls pays for all who would have come meanwhile (coordinated omission)
 *   stream  each connection reads an event stream, then the next; how fast is the upstream's affair
 *   idle    each connection makes one request and then is held
 *
 * All go through the phases of load.h; the window opens `warmup` after the last connection was heard of. */
#include "load/load.h"

#include <math.h>
#include <string.h>
#include <time.h>

void load_on_event(void *conn, int64_t sent_ns)
{
    struct conn *c = conn;
    struct load *l = c->load;
    if (!c->is_heard) {
        c->is_heard = true;
        l->heard++;
    }
    if (l->phase != PHASE_WINDOW) return;
    l->tally.events++;
    if (sent_ns > 0) histogram_note(&l->tally.event_latency, l->now_ns - sent_ns);
}

static int64_t own_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

void load_enter(struct load *l, enum phase phase)
{
    struct tally *t = &l->tally;
    if (phase == PHASE_WINDOW) {
        t->cpu_ns = -watch_cpu_ns(&l->settings.watch);
        t->own_cpu_ns = -own_cpu_ns();
        t->began_ns = load_clock_ns();
    } else if (l->phase == PHASE_WINDOW) {
        t->ended_ns = load_clock_ns();
        t->own_cpu_ns += own_cpu_ns();
        t->cpu_ns += watch_cpu_ns(&l->settings.watch);
        t->rss_kb = watch_rss_kb(&l->settings.watch);
    }
    l->phase = phase;
    l->phase_began_ns = load_clock_ns();
}

void load_on_failure(struct load *l, struct conn *c, const char *why)
{
    if (!l->tally.first_error) l->tally.first_error = why;
    conn_close(c);
    if (++l->tally.errors >= MAX_ERRORS)
        load_enter(l, PHASE_OVER);
    else if (l->phase < PHASE_DRAIN)
        conn_open(c);
}

/* ---- phases that the kinds share ---- */

static int64_t after(int64_t from_ns, double seconds)
{
    return from_ns + (int64_t)(seconds * (double)NS_PER_S);
}

/* Opens connections, `ramp` in a second or all at once. Returns when to come again. */
static int64_t launch(struct load *l)
{
    double ramp = l->settings.ramp;
    double due = ramp > 0 ? ramp * (double)(l->now_ns - l->started_ns) / (double)NS_PER_S + 1 : l->count;
    while (l->launched < l->count && l->launched < due) {
        struct conn *c = &l->conns[l->launched++];
        if (!conn_open(c)) load_on_failure(l, c, "no socket to be had");
    }
    return l->now_ns + NS_PER_S / 1000;
}

/* WARM and WINDOW end by the clock; after the window comes `last`. */
static int64_t pass_time(struct load *l, enum phase last)
{
    const struct settings *s = &l->settings;
    if (l->phase == PHASE_WARM && l->now_ns >= after(l->phase_began_ns, s->warmup))
        load_enter(l, PHASE_WINDOW);
    if (l->phase == PHASE_WARM) return after(l->phase_began_ns, s->warmup);
    if (l->phase == PHASE_WINDOW && l->now_ns >= after(l->phase_began_ns, s->seconds)) load_enter(l, last);
    return l->phase == PHASE_WINDOW ? after(l->phase_began_ns, s->seconds) : l->now_ns + NS_PER_S / 1000;
}

static void send_now(struct load *l, struct conn *c)
{
    conn_send(c, l->now_ns);
}

static void note_reply(struct load *l, const struct conn *c)
{
    l->tally.replies++;
    histogram_note(&l->tally.latency, l->now_ns - c->started_ns);
}

/* ---- closed ---- */

static void closed_on_reply(struct load *l, struct conn *c)
{
    if (l->phase == PHASE_WINDOW) note_reply(l, c);
    if (l->settings.max_requests > 0 && (double)l->served >= l->settings.max_requests)
        load_enter(l, PHASE_OVER);
    else
        send_now(l, c);
}

static int64_t closed_on_turn(struct load *l)
{
    if (l->phase != PHASE_RAMP) return pass_time(l, PHASE_OVER);
    int64_t next_ns = launch(l);
    if (l->launched == l->count) load_enter(l, PHASE_WARM);
    return next_ns;
}

/* ---- open ---- */

static double draw(struct load *l) /* 0 < x ≤ 1 */
{
    l->random ^= l->random << 13;
    l->random ^= l->random >> 7;
    l->random ^= l->random << 17;
    return ((double)(l->random >> 11) + 1) / (double)(UINT64_C(1) << 53);
}

static void open_on_ready(struct load *l, struct conn *c)
{
    if (l->waiting_head == l->waiting_tail) {
        if (!c->is_listed) l->idle[l->idle_count++] = c;
        c->is_listed = true;
        return;
    }
    int64_t intended_ns = l->waiting[l->waiting_head];
    l->waiting_head = (l->waiting_head + 1) % l->waiting_size;
    conn_send(c, intended_ns);
}

static void open_on_reply(struct load *l, struct conn *c)
{
    const struct tally *t = &l->tally;
    if (t->began_ns && c->started_ns >= t->began_ns && (!t->ended_ns || c->started_ns < t->ended_ns))
        note_reply(l, c);
    open_on_ready(l, c);
}

static void let_arrive(struct load *l, int64_t intended_ns)
{
    while (l->idle_count > 0) {
        struct conn *c = l->idle[--l->idle_count];
        c->is_listed = false;
        if (c->state != CONN_IDLE) continue; /* it broke while it was idle */
        conn_send(c, intended_ns);
        return;
    }
    size_t tail = (l->waiting_tail + 1) % l->waiting_size;
    if (tail == l->waiting_head) {
        l->tally.errors++;
        if (!l->tally.first_error) l->tally.first_error = "too many requests wait for a connection";
        return;
    }
    l->waiting[l->waiting_tail] = intended_ns;
    l->waiting_tail = tail;
}

static int64_t open_on_turn(struct load *l)
{
    if (l->phase == PHASE_RAMP) {
        int64_t next_ns = launch(l);
        if (l->launched < l->count || l->idle_count < l->count) return next_ns;
        l->next_arrival_ns = l->now_ns;
        load_enter(l, PHASE_WARM);
    }
    int64_t next_ns = pass_time(l, PHASE_DRAIN);
    if (l->phase == PHASE_DRAIN) {
        if (l->busy == 0 && l->waiting_head == l->waiting_tail) load_enter(l, PHASE_OVER);
        return next_ns;
    }
    while (l->next_arrival_ns <= l->now_ns) {
        let_arrive(l, l->next_arrival_ns);
        l->next_arrival_ns += (int64_t)(-log(draw(l)) * (double)NS_PER_S / l->settings.rate);
    }
    return next_ns < l->next_arrival_ns ? next_ns : l->next_arrival_ns;
}

/* ---- stream ---- */

static void stream_on_reply(struct load *l, struct conn *c)
{
    l->tally.finished_streams++;
    if (l->phase == PHASE_WINDOW) note_reply(l, c);
    if (l->phase < PHASE_DRAIN) send_now(l, c);
}

static int64_t stream_on_turn(struct load *l)
{
    if (l->phase == PHASE_RAMP) {
        int64_t next_ns = launch(l);
        if (l->heard == l->count) load_enter(l, PHASE_WARM);
        return next_ns;
    }
    int64_t next_ns = pass_time(l, PHASE_DRAIN);
    if (l->phase == PHASE_DRAIN && l->busy == 0) load_enter(l, PHASE_OVER);
    return next_ns;
}

/* ---- idle ---- */

static void idle_on_reply(struct load *l, struct conn *c)
{
    if (!c->is_heard) l->heard++;
    c->is_heard = true;
}

static int64_t idle_on_turn(struct load *l)
{
    if (l->phase != PHASE_RAMP) return pass_time(l, PHASE_OVER);
    int64_t next_ns = launch(l);
    if (l->heard == l->count) load_enter(l, PHASE_WARM);
    return next_ns;
}

static const struct mode modes[] = {
    {"closed", send_now, closed_on_reply, closed_on_turn},
    {"open", open_on_ready, open_on_reply, open_on_turn},
    {"stream", send_now, stream_on_reply, stream_on_turn},
    {"idle", send_now, idle_on_reply, idle_on_turn},
};

const struct mode *mode_find(const char *name)
{
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(modes[i].name, name) == 0) return &modes[i];
    return NULL;
}
