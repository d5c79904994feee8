/* cli/worker.c: what runs on a worker's thread. Orders from main arrive as jobs on the loop (loop_post), so nothing here
 * needs a lock. A worker ends when it has stopped accepting and its last connection with work is gone. */
#include "cli/worker.h"
#include "cli/handshakes.h"

#include "api/api.h"
#include "base/buf.h"
#include "base/mem.h"
#include "cli/gauges.h"
#include "net/listener.h"
#include "net/resolver.h"
#include "simulate/simulator.h"

#include <pthread.h>

enum { END_CHECK_MS = 10, FIRST_REQUEST_MS = 1000, QUIET_MS = 10000, SPARE_UPSTREAM = 16 };

/* Something there is not enough of: its beginning and its end are logged once each, however often it happens. */
struct pressure {
    struct counter *counter;
    const char *begins, *ends;
    uint64_t seen;
    msec_t last_at;
    bool is_on;
};

struct worker {
    struct worker_request request;
    int fds[WORKER_MAX_LISTENERS];
    pthread_t thread;
    pthread_mutex_t orders_lock; /* held while main posts, and while the worker says that it has ended */
    bool has_ended;              /* takes no more orders */

    struct loop *loop;
    struct gateway *gateway;
    struct api *api;
    struct http_server *server;
    struct listener *listeners[WORKER_MAX_LISTENERS];
    struct handshakes handshakes;
    struct simulator *simulator;
    msec_t first_requests_until; /* while stopping */
    struct gauges gauges;
    struct pressure descriptors, memory, connections;
};

struct order {
    struct worker *worker;
    struct snapshot *snapshot;
    unsigned max_connections;
};

/* ---- on the worker ---- */
static struct http_server_options server_options(const struct worker *w)
{
    const struct snapshot *s = w->gateway->current->snapshot;
    const struct config_server *c = &s->config->server;
    return (struct http_server_options){.head_ms = c->timeouts.head_ms,
                                        .body_ms = c->timeouts.body_ms,
                                        .keep_alive_ms = c->timeouts.keep_alive_ms,
                                        .max_body_bytes = (size_t)c->max_body_bytes,
                                        .max_connections = w->request.max_connections,
                                        .tls = s->tls,
                                        .budget = &w->request.process->buffered};
}

static void say(struct worker *w, enum log_level level, const char *message, struct str detail)
{
    log_event(log_ring(w->request.log, w->request.index), clock_wall_ms(),
              &(struct log_event){.level = level,
                                  .category = LOG_API_GATEWAY,
                                  .message = str_from_cstr(message),
                                  .fields = {LOG_TEXT("detail", detail)}});
}

static void pressure_update(struct worker *w, struct pressure *p, uint64_t count)
{
    bool has_grown = count != p->seen;
    counter_add(p->counter, count - p->seen);
    p->seen = count;
    if (has_grown) p->last_at = fiber_now();
    if (has_grown && !p->is_on)
        say(w, LOG_WARNING, p->begins, STR("further ones are counted in weir_turned_away_total"));
    else if (p->is_on && !has_grown && fiber_now() - p->last_at >= QUIET_MS)
        say(w, LOG_INFO, p->ends, STR(""));
    else
        return;
    p->is_on = has_grown;
}

static void update_pressures(void *arg)
{
    struct worker *w = arg;
    struct http_server_stats server = http_server_read_stats(w->server);
    uint64_t descriptors = w->descriptors.seen;
    if (w->listeners[0]) descriptors = 0;
    for (unsigned i = 0; i < w->request.fd_count && w->listeners[i]; i++)
        descriptors += listener_read_stats(w->listeners[i]).out_of_descriptors;
    handshakes_count(&w->handshakes, w->loop);
    pressure_update(w, &w->descriptors, descriptors);
    pressure_update(w, &w->memory, server.no_memory);
    pressure_update(w, &w->connections, server.over_limit);
}

static void update_gauges(void *arg)
{
    struct worker *w = arg;
    update_pressures(w);
    gauges_update(&w->gauges);
}

static void on_tick(void *arg)
{
    struct worker *w = arg;
    update_pressures(w);
    gauges_tick(&w->gauges);
}

/* A caller who has just connected, or just had a reply, is waited for a moment: his request may be on its way. */
static void check_end(void *arg)
{
    struct worker *w = arg;
    struct http_server_stats stats = http_server_read_stats(w->server);
    if (stats.busy > 0 || (stats.idle > 0 && fiber_now() < w->first_requests_until)) return;
    if (w->simulator && !simulator_is_idle(w->simulator)) {
        simulator_stop(w->simulator);
        return;
    }
    loop_stop(w->loop);
}

static void make_pressures(struct worker *w)
{
    struct metrics_shard *shard = metrics_shard(w->request.metrics, w->request.index);
    handshakes_init(&w->handshakes, shard);
    w->descriptors = (struct pressure){
        .counter = metrics_counter(shard, METRIC_TURNED_AWAY, METRIC_LABELS(STR("descriptors"))),
        .begins = "Out of file descriptors: accepting pauses (raise the limit, ulimit -n)",
        .ends = "There are file descriptors again: accepting goes on"};
    w->memory = (struct pressure){
        .counter = metrics_counter(shard, METRIC_TURNED_AWAY, METRIC_LABELS(STR("memory"))),
        .begins = "Out of memory for fiber stacks: requests get 503",
        .ends = "There is memory for fiber stacks again"};
    w->connections = (struct pressure){
        .counter = metrics_counter(shard, METRIC_TURNED_AWAY, METRIC_LABELS(STR("connections"))),
        .begins = "Too many connections (server.max_connections): new ones get 503",
        .ends = "There is room for connections again"};
}

static bool listen_all(struct worker *w, struct err *err)
{
    for (unsigned i = 0; i < w->request.fd_count; i++) {
        w->listeners[i] = listener_new(w->loop, w->fds[i], http_server_accept, w->server, err);
        if (!w->listeners[i]) return false;
    }
    if (w->request.simulator_fd < 0) return true;
    struct simulator_options options;
    simulator_options_init(&options);
    w->simulator = simulator_new(w->loop, &options);
    return simulator_listen(w->simulator, w->request.simulator_fd, err);
}

/* A loop that is stopped looks at its sockets once more: a request may begin then, and is served as any. */
static bool has_work(const struct worker *w)
{
    return http_server_read_stats(w->server).busy > 0 || (w->simulator && !simulator_is_idle(w->simulator));
}

static void run(struct worker *w)
{
    do loop_run(w->loop);
    while (has_work(w));
    pthread_mutex_lock(&w->orders_lock);
    w->has_ended = true;
    pthread_mutex_unlock(&w->orders_lock);
    http_server_free(w->server);
    simulator_free(w->simulator);
    api_free(w->api);
    gateway_free(w->gateway);
    loop_free(w->loop);
    buf_thread_done();
}

/* Each request of a caller has one connection upstream, and lists of models are fetched, too. */
static void limit_upstream(struct worker *w)
{
    http_client_set_max_connections(w->gateway->client, w->request.max_connections + SPARE_UPSTREAM);
}

static bool set_up(struct worker *w, struct err *err)
{
    struct gateway_parts parts = {.loop = w->loop,
                                  .registry = w->request.registry,
                                  .metrics = w->request.metrics,
                                  .shard = metrics_shard(w->request.metrics, w->request.index),
                                  .log_main = w->request.log,
                                  .log = log_ring(w->request.log, w->request.index),
                                  .process = w->request.process,
                                  .snapshot = w->request.snapshot,
                                  .update_gauges = update_gauges,
                                  .update_arg = w};
    w->gateway = gateway_new(&parts);
    limit_upstream(w);
    w->api = api_new(w->gateway);
    struct http_server_options options = server_options(w);
    w->server = http_server_new(w->loop, &options, api_handler(w->api));
    gauges_init(&w->gauges, w->gateway, w->server, w->request.index);
    loop_tick(w->loop, GAUGES_EVERY_MS, on_tick, w);
    make_pressures(w);
    return listen_all(w, err);
}

/* main waits until the thread has set itself up. */
struct starting {
    struct worker *worker;
    struct err *err;
    bool is_up;
    pthread_mutex_t lock;
    pthread_cond_t is_decided;
    bool has_decided;
};

static void *worker_main(void *arg)
{
    struct starting *s = arg;
    struct worker *w = s->worker;
    w->loop = loop_new();
    resolver_use(w->loop, w->request.resolver);
    bool is_up = set_up(w, s->err);
    pthread_mutex_lock(&s->lock);
    s->is_up = is_up;
    s->has_decided = true;
    pthread_cond_signal(&s->is_decided);
    pthread_mutex_unlock(&s->lock);
    if (is_up) run(w);
    return NULL;
}

/* ---- main's side ---- */
struct worker *worker_start(const struct worker_request *r, struct err *err)
{
    struct worker *w = xzalloc(sizeof *w);
    w->request = *r;
    memcpy(w->fds, r->fds, r->fd_count * sizeof *r->fds);
    pthread_mutex_init(&w->orders_lock, NULL);
    struct starting s = {.worker = w, .err = err};
    pthread_mutex_init(&s.lock, NULL);
    pthread_cond_init(&s.is_decided, NULL);
    int why = pthread_create(&w->thread, NULL, worker_main, &s);
    if (why) {
        err_set_errno(err, why, "starting a worker");
        xfree(w);
        return NULL;
    }
    pthread_mutex_lock(&s.lock);
    while (!s.has_decided) pthread_cond_wait(&s.is_decided, &s.lock);
    pthread_mutex_unlock(&s.lock);
    pthread_cond_destroy(&s.is_decided);
    pthread_mutex_destroy(&s.lock);
    if (s.is_up) return w;
    pthread_join(w->thread, NULL);
    xfree(w);
    return NULL;
}

static void post(struct worker *w, void (*job)(void *arg), struct order order)
{
    struct order *o = xzalloc(sizeof *o);
    *o = order;
    o->worker = w;
    pthread_mutex_lock(&w->orders_lock);
    bool has_ended = w->has_ended;
    if (!has_ended) loop_post(w->loop, job, o);
    pthread_mutex_unlock(&w->orders_lock);
    if (!has_ended) return;
    snapshot_unref(&o->snapshot);
    xfree(o);
}

static void do_set_snapshot(void *arg)
{
    struct order *o = arg;
    o->worker->request.max_connections = o->max_connections;
    limit_upstream(o->worker);
    gateway_set_snapshot(o->worker->gateway, o->snapshot);
    snapshot_unref(&o->snapshot);
    struct http_server_options options = server_options(o->worker);
    http_server_set_options(o->worker->server, &options);
    xfree(o);
}

void worker_set_snapshot(struct worker *w, struct snapshot *fresh, unsigned max_connections)
{
    post(w, do_set_snapshot,
         (struct order){.snapshot = snapshot_ref(fresh), .max_connections = max_connections});
}

static void do_drain(void *arg)
{
    struct order *o = arg;
    http_server_drain(o->worker->server, false);
    xfree(o);
}

void worker_drain(struct worker *w)
{
    post(w, do_drain, (struct order){0});
}

static void do_stop_accepting(void *arg)
{
    struct order *o = arg;
    struct worker *w = o->worker;
    for (unsigned i = 0; i < w->request.fd_count; i++) listener_close(&w->listeners[i]);
    http_server_drain(w->server, true);
    w->first_requests_until = fiber_now() + FIRST_REQUEST_MS;
    loop_tick(w->loop, END_CHECK_MS, check_end, w);
    xfree(o);
}

void worker_stop_accepting(struct worker *w)
{
    post(w, do_stop_accepting, (struct order){0});
}

static void do_cancel(void *arg)
{
    struct order *o = arg;
    http_server_cancel_all(o->worker->server);
    xfree(o);
}

void worker_cancel(struct worker *w)
{
    post(w, do_cancel, (struct order){0});
}

bool worker_has_ended(struct worker *w)
{
    pthread_mutex_lock(&w->orders_lock);
    bool has_ended = w->has_ended;
    pthread_mutex_unlock(&w->orders_lock);
    return has_ended;
}

bool worker_join(struct worker *w, msec_t wait_ms)
{
    int64_t until_ms = clock_wall_ms() + (wait_ms > 0 ? wait_ms : 0);
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    if (pthread_timedjoin_np(w->thread, NULL, &until) != 0) return false;
    pthread_mutex_destroy(&w->orders_lock);
    xfree(w);
    return true;
}
