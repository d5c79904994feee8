/* cli/serve.c: `weir serve`: main is the control loop. It makes the listening sockets and the workers, then waits for
 * signals: SIGHUP reloads, the first SIGTERM or SIGINT drains and stops, a second one ends at once.
 *
 *     serving ──TERM──► draining (shutdown.drain: ready says 503) ──► no more accepting (shutdown.grace: what runs may
 *     finish) ──► streams end with their error event ──► exit 0 */
#include "base/clock.h"
#include "base/mem.h"
#include "cli/admin_key.h"
#include "cli/cli.h"
#include "cli/flags.h"
#include "cli/limits.h"
#include "cli/worker.h"
#include "config/demo.h"
#include "net/listener.h"
#include "net/resolver.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_WORKERS = 128, AFTER_GRACE_MS = 3000 };

struct serve {
    struct flags flags;
    char *found; /* the file that nobody named, or NULL */
    struct config *config;
    struct admin_key admin_key;
    struct registry *registry;
    struct resolver *resolver;
    struct catalogues *catalogues;
    struct metrics *metrics;
    struct log *log;
    struct process_state process;
    struct snapshot *snapshot;
    struct str mistake_at; /* where in the configuration, if a snapshot could not be built: in its memory */
    struct worker *workers[MAX_WORKERS];
    unsigned worker_count;
    int fds[FLAGS_MAX_LISTEN][MAX_WORKERS];
    struct listen_address addresses[FLAGS_MAX_LISTEN];
    unsigned address_count;
    int simulator_fds[MAX_WORKERS];
    char simulator_url[64]; /* empty: none runs */
    bool is_demo;           /* started without any provider */
};

/* ---- logging from main: the last ring ---- */
static void say(struct serve *s, enum log_level level, const char *message, struct str detail)
{
    log_event(log_ring(s->log, s->worker_count), clock_wall_ms(),
              &(struct log_event){.level = level,
                                  .category = LOG_API_GATEWAY,
                                  .message = str_from_cstr(message),
                                  .fields = {LOG_TEXT("detail", detail)}});
}

static void say_all(struct serve *s, enum log_level level, const char *message,
                    const struct config_messages *m)
{
    for (size_t i = 0; i < m->count; i++) say(s, level, message, m->at[i]);
}

/* ---- building ---- */
static bool open_sockets(struct serve *s, struct err *err)
{
    const struct config_strings *listen = &s->config->server.listen;
    if (listen->count > FLAGS_MAX_LISTEN)
        return err_set(err, ERR_TOO_LARGE, "server.listen has more than %d addresses", FLAGS_MAX_LISTEN);
    for (size_t i = 0; i < listen->count; i++) {
        if (!listen_address_parse(&s->addresses[i], listen->at[i], err)) return false;
        if (!listen_sockets(&s->addresses[i], s->fds[i], s->worker_count, err)) return false;
        s->address_count++;
    }
    return true;
}

static bool wants_simulator(const struct config *c)
{
    for (size_t i = 0; i < c->providers.count; i++)
        if (c->providers.at[i].kind == KIND_SIMULATOR && c->providers.at[i].base_url.len == 0) return true;
    return c->providers.count == 0;
}

/* Without a provider the model `demo` is served by simulators on a private port of this machine; a provider of the kind
 * `simulator` without a base_url is, too. */
static bool open_simulator(struct serve *s, struct err *err)
{
    struct listen_address address;
    char text[128];
    for (unsigned i = 0; i < s->worker_count; i++) s->simulator_fds[i] = -1;
    if (!wants_simulator(s->config)) return true;
    if (!listen_address_parse(&address, STR("127.0.0.1:0"), err)) return false;
    if (!listen_sockets(&address, s->simulator_fds, s->worker_count, err)) return false;
    listen_address_format(&address, text);
    snprintf(s->simulator_url, sizeof s->simulator_url, "http://%.40s/v1", text);
    return true;
}

static struct snapshot *build_snapshot(struct serve *s, struct config *c, struct err *err)
{
    s->mistake_at = STR("");
    if (c->providers.count == 0 && s->simulator_url[0]) config_add_demo(c);
    return snapshot_new(
        &(struct snapshot_request){.config = c,
                                   .registry = s->registry,
                                   .catalogues = s->catalogues,
                                   .admin_digest = s->admin_key.exists ? s->admin_key.digest : NULL,
                                   .simulator_url = str_from_cstr(s->simulator_url),
                                   .workers = s->worker_count,
                                   .now = clock_monotonic_ms(),
                                   .place = &s->mistake_at},
        err);
}

static unsigned connections_per_worker(const struct serve *s, const struct config *c)
{
    return (limits_connections(c->server.max_connections) + s->worker_count - 1) / s->worker_count;
}

static bool start_workers(struct serve *s, struct err *err)
{
    unsigned connections = connections_per_worker(s, s->config);
    for (unsigned i = 0; i < s->worker_count; i++) {
        int fds[FLAGS_MAX_LISTEN];
        for (unsigned k = 0; k < s->address_count; k++) fds[k] = s->fds[k][i];
        struct worker_request r = {.index = i,
                                   .registry = s->registry,
                                   .resolver = s->resolver,
                                   .metrics = s->metrics,
                                   .log = s->log,
                                   .process = &s->process,
                                   .snapshot = s->snapshot,
                                   .fds = fds,
                                   .fd_count = s->address_count,
                                   .simulator_fd = s->simulator_fds[i],
                                   .max_connections = connections};
        if (!(s->workers[i] = worker_start(&r, err))) return false;
    }
    return true;
}

static bool start_log(struct serve *s, struct err *err)
{
    static const enum log_level levels[] = {[LOG_LEVEL_DEBUG] = LOG_DEBUG,
                                            [LOG_LEVEL_INFO] = LOG_INFO,
                                            [LOG_LEVEL_WARN] = LOG_WARNING,
                                            [LOG_LEVEL_ERROR] = LOG_ERROR};
    s->log = log_new(&(struct log_options){.fd = STDOUT_FILENO,
                                           .rings = s->worker_count + 1,
                                           .level = levels[s->config->log.level],
                                           .is_text = !s->config->log.is_json},
                     err);
    return s->log != NULL;
}

static void greet(struct serve *s)
{
    char first[128 + 8];
    for (unsigned i = 0; i < s->address_count; i++) {
        char text[128];
        listen_address_format(&s->addresses[i], text);
        const char *scheme = s->addresses[i].is_unix ? "" : s->snapshot->tls ? "https://" : "http://";
        if (i == 0) snprintf(first, sizeof first, "%s%s", scheme, text);
        fprintf(stderr, "weir %s listens on %s%s with %u worker%s\n", WEIR_VERSION, scheme, text,
                s->worker_count, s->worker_count == 1 ? "" : "s");
    }
    if (s->is_demo)
        fprintf(stderr,
                "weir: no provider is configured: the model \"demo\" is simulated. Set OPENAI_API_KEY (or "
                "another provider's key), or add providers to weir.yaml.\n");
    admin_key_show(&s->admin_key, first, s->is_demo ? "demo" : s->config->default_model.at);
}

/* ---- reload ---- */
static void use_snapshot(struct serve *s, struct config *fresh, struct snapshot *snapshot)
{
    for (unsigned i = 0; i < s->worker_count; i++)
        worker_set_snapshot(s->workers[i], snapshot, connections_per_worker(s, fresh));
    static const enum log_level levels[] = {LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR};
    log_set_level(s->log, levels[fresh->log.level]);
    budget_set(&s->process.buffered, fresh->server.max_buffered_bytes);
    snapshot_unref(&s->snapshot);
    config_unref(&s->config);
    s->snapshot = snapshot;
    s->config = fresh;
}

static void warn_of_certificates(struct serve *s)
{
    for (size_t i = 0; i < s->snapshot->warning_count; i++)
        say(s, LOG_WARNING, "Configuration", s->snapshot->warnings[i]);
}

static void reload(struct serve *s)
{
    struct config_report report;
    struct err err;
    config_report_init(&report);
    struct config *fresh = flags_load_report(&s->flags, &report);
    if (fresh && !config_keep_frozen(fresh, s->config, &report)) config_unref(&fresh);
    struct snapshot *snapshot = fresh ? build_snapshot(s, fresh, &err) : NULL;
    say_all(s, LOG_WARNING, "Configuration", &report.warnings);
    if (snapshot) {
        use_snapshot(s, fresh, snapshot);
        warn_of_certificates(s);
        say(s, LOG_INFO, "Configuration reloaded", s->config->file);
    } else {
        if (fresh) config_report_add(&report, s->mistake_at, err.text);
        say_all(s, LOG_ERROR, "Configuration not reloaded", &report.errors);
        config_unref(&fresh);
    }
    config_report_done(&report);
}

/* ---- signals ---- */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file at its limit is an error of the write */
}

/* The next signal, or 0 after wait_ms (-1: no end). */
static int next_signal(const sigset_t *set, msec_t wait_ms)
{
    struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};
    int got = wait_ms < 0 ? sigwaitinfo(set, NULL) : sigtimedwait(set, NULL, &wait);
    return got > 0 ? got : 0;
}

static bool all_ended(const struct serve *s)
{
    for (unsigned i = 0; i < s->worker_count; i++)
        if (!worker_has_ended(s->workers[i])) return false;
    return true;
}

/* Waits until `until`, or until all workers have ended if that counts. A second signal ends the process at once. */
static void wait_stopping(struct serve *s, const sigset_t *set, msec_t until, bool until_ended)
{
    while (clock_monotonic_ms() < until && !(until_ended && all_ended(s))) {
        msec_t left = until - clock_monotonic_ms();
        int got = next_signal(set, left > 10 ? 10 : left < 0 ? 0 : left);
        if (got == SIGTERM || got == SIGINT) _exit(1);
    }
}

static void stop(struct serve *s, const sigset_t *set)
{
    say(s, LOG_INFO, "Stopping: draining", STR(""));
    atomic_store(&s->process.is_draining, true);
    for (unsigned i = 0; i < s->worker_count; i++) worker_drain(s->workers[i]);
    wait_stopping(s, set, clock_monotonic_ms() + s->config->shutdown.drain_ms, false);
    for (unsigned i = 0; i < s->worker_count; i++) worker_stop_accepting(s->workers[i]);
    wait_stopping(s, set, clock_monotonic_ms() + s->config->shutdown.grace_ms, true);
    if (!all_ended(s)) {
        say(s, LOG_WARNING, "Stopping: grace is over, ending what still runs", STR(""));
        for (unsigned i = 0; i < s->worker_count; i++) worker_cancel(s->workers[i]);
        wait_stopping(s, set, clock_monotonic_ms() + AFTER_GRACE_MS, true);
    }
    say(s, LOG_INFO, "Stopped", STR(""));
}

static void control(struct serve *s, const sigset_t *set)
{
    for (;;) {
        int got = next_signal(set, -1);
        if (got == SIGHUP) reload(s);
        if (got == SIGTERM || got == SIGINT) break;
    }
    stop(s, set);
}

/* ---- the whole ---- */
static bool set_up(struct serve *s, struct err *err)
{
    s->is_demo = s->config->providers.count == 0;
    s->worker_count = limits_workers(s->config->server.workers, MAX_WORKERS);
    if (!admin_key_init(&s->admin_key, s->config, isatty(STDERR_FILENO), err)) return false;
    s->registry = registry_new();
    s->resolver = resolver_new();
    s->catalogues = catalogues_new();
    s->process.started_wall_ms = clock_wall_ms();
    s->process.version = STR(WEIR_VERSION);
    s->process.workers = s->worker_count;
    budget_set(&s->process.buffered, s->config->server.max_buffered_bytes);
    s->metrics = metrics_new(s->worker_count, s->process.version, s->process.started_wall_ms);
    if (!open_sockets(s, err) || !open_simulator(s, err) || !start_log(s, err)) return false;
    if (!(s->snapshot = build_snapshot(s, s->config, err)) || !start_workers(s, err)) return false;
    warn_of_certificates(s);
    return admin_key_keep(&s->admin_key, s->config, err);
}

static bool join_workers(struct serve *s)
{
    msec_t until = clock_monotonic_ms() + AFTER_GRACE_MS;
    for (unsigned i = 0; i < s->worker_count; i++)
        if (!worker_join(s->workers[i], until - clock_monotonic_ms())) return false;
    return true;
}

static void take_down(struct serve *s)
{
    log_free(s->log);
    snapshot_unref(&s->snapshot);
    config_unref(&s->config);
    metrics_free(s->metrics);
    catalogues_free(s->catalogues);
    registry_free(s->registry);
    resolver_free(s->resolver);
    xfree(s->found);
}

int cli_serve(int argc, char **argv)
{
    struct serve *s = xzalloc(sizeof *s);
    int code = flags_parse(&s->flags, argc, argv, false);
    if (code || !(s->config = flags_load(&s->flags, &code))) {
        xfree(s);
        return code;
    }
    /* A file that was found by its default name is missed at a reload, as one that was named. */
    if (!s->flags.config && s->config->file.len) s->flags.config = s->found = xstrdup(s->config->file.at);
    sigset_t signals;
    struct err err;
    block_signals(&signals); /* before any thread is made: workers never see a signal */
    setenv("UV_THREADPOOL_SIZE", "16", 0);
    if (!set_up(s, &err)) {
        fprintf(stderr, "weir: %.*s%s%s\n", STR_ARG(s->mistake_at), s->mistake_at.len ? ": " : "", err.text);
        _exit(1); /* workers that run already have nothing to lose */
    }
    greet(s);
    control(s, &signals);
    if (!all_ended(s) || !join_workers(s)) _exit(0); /* a worker that hangs must not keep the process */
    take_down(s);
    xfree(s);
    return 0;
}
