/* cli/simulate.c: `weir simulate`: options, workers, signals. Each worker is a thread with a loop, a listening socket
 * and a simulator of its own; this thread waits for a signal and then has each worker close in a fiber of its loop. */
#include "cli/simulate.h"

#include "base/check.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/limits.h"
#include "net/listener.h"
#include "simulate/simulator.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_WORKERS = 64, CLOSE_POLL_MS = 5 };

struct settings {
    struct simulator_options simulator;
    struct listen_address address;
    bool has_address;
    const char *replay_folder;
    double workers, error_status, retry_after_s, seed, replay_piece_bytes;
    bool has_seed;
};

struct worker {
    pthread_t thread;
    unsigned index;
    int fd;
    const struct settings *settings;
    pthread_barrier_t *ready;
    struct loop *loop;
    struct simulator *simulator;
    struct err err;
    bool is_running;
};

/* ---- options ---- */

enum option_kind {
    OPTION_LISTEN,
    OPTION_DIALECT,
    OPTION_FOLDER,
    OPTION_DELAY,
    OPTION_INTEGER,
    OPTION_DECIMAL
};

struct option_row {
    const char *name, *value, *help;
    enum option_kind kind;
    size_t at; /* of the double in struct settings */
    double min, max;
};

#define AT(member) offsetof(struct settings, member)
#define RATE(kind) AT(simulator.faults.rates[kind])
// clang-format off
static const struct option_row options[] = {
    {"--listen", "ADDR:PORT", "where to listen; port 0: any free one", OPTION_LISTEN, 0, 0, 0},
    {"--dialect", "NAME", "openai (the default)", OPTION_DIALECT, 0, 0, 0},
    {"--replay", "DIR", "answer with the recordings below DIR", OPTION_FOLDER, 0, 0, 0},
    {"--replay-piece", "BYTES", "cut recorded streams every so many bytes; 0, the default: at random places", OPTION_INTEGER, AT(replay_piece_bytes), 0, 1 << 20},
    {"--delay", "MS[:JITTER]", "wait before the head, give or take up to JITTER ms", OPTION_DELAY, 0, 0, FAULT_MAX_DELAY_MS},
    {"--tokens-per-second", "N", "pace of streams; 0, the default: as fast as they are taken", OPTION_DECIMAL, AT(simulator.faults.tokens_per_second), 0, FAULT_MAX_TOKENS_PER_SECOND},
    {"--error-rate", "R", "share of requests answered with an error", OPTION_DECIMAL, RATE(FAULT_ERROR), 0, 1},
    {"--error-status", "S", "the status of those errors; 500 by default", OPTION_INTEGER, AT(error_status), 400, 599},
    {"--retry-after", "S", "Retry-After of those errors, in seconds; none by default", OPTION_INTEGER, AT(retry_after_s), 0, 86400},
    {"--cut-rate", "R", "share of replies whose connection is dropped half-way", OPTION_DECIMAL, RATE(FAULT_CUT), 0, 1},
    {"--stall-rate", "R", "share of replies that fall silent half-way", OPTION_DECIMAL, RATE(FAULT_STALL), 0, 1},
    {"--malformed-rate", "R", "share of replies with broken JSON or a broken event", OPTION_DECIMAL, RATE(FAULT_MALFORMED), 0, 1},
    {"--error-event-rate", "R", "share of streams that end in an error event half-way", OPTION_DECIMAL, RATE(FAULT_ERROR_EVENT), 0, 1},
    {"--seed", "N", "repeats the faults of a run; random by default", OPTION_INTEGER, AT(seed), 0, 9007199254740992.0},
    {"--workers", "N", "threads; 1 by default", OPTION_INTEGER, AT(workers), 1, MAX_WORKERS},
};
// clang-format on

void cli_simulate_help(FILE *out)
{
    fputs("\n", out);
    for (size_t i = 0; i < ARRAY_COUNT(options); i++)
        fprintf(out, "  %-19s %-12s %s\n", options[i].name, options[i].value, options[i].help);
    fprintf(out, "\nRates go from 0 to 1. docs/simulate.md tells more, also of the header X-Simulate.\n");
}

static bool option_wants(struct err *err, const struct option_row *o, const char *what, const char *got)
{
    return err_set(err, ERR_INVALID, "%s wants %s, got '%.60s'", o->name, what, got);
}

static bool read_number(double *out, const struct option_row *o, const char *text, struct err *err)
{
    char *end, what[64];
    double n = strtod(text, &end);
    bool is_number = end != text && !*end && n >= o->min && n <= o->max; /* NaN is not */
    if (is_number && (o->kind == OPTION_DECIMAL || n == (double)(int64_t)n)) {
        *out = n;
        return true;
    }
    snprintf(what, sizeof what, "a %snumber from %.0f to %.0f", o->kind == OPTION_DECIMAL ? "" : "whole ",
             o->min, o->max);
    return option_wants(err, o, what, text);
}

static bool read_delay(struct fault_options *f, const struct option_row *o, struct str text, struct err *err)
{
    struct str jitter = text, delay = str_cut(&jitter, ':');
    bool is_sound = str_to_u63(delay, &f->delay_ms) && f->delay_ms <= FAULT_MAX_DELAY_MS;
    if (is_sound && jitter.at)
        is_sound = str_to_u63(jitter, &f->jitter_ms) && f->jitter_ms <= FAULT_MAX_DELAY_MS;
    return is_sound || option_wants(err, o, "MS or MS:JITTER, whole milliseconds up to 600000 each", text.at);
}

static bool option_read(struct settings *s, const struct option_row *o, const char *value, struct err *err)
{
    struct str text = str_from_cstr(value);
    switch (o->kind) {
    case OPTION_LISTEN:
        s->has_address = true;
        return listen_address_parse(&s->address, text, err) || err_wrap(err, o->name);
    case OPTION_DIALECT:
        s->simulator.dialect = sim_dialect_find(text, err);
        return s->simulator.dialect || err_wrap(err, o->name);
    case OPTION_FOLDER: s->replay_folder = value; return true;
    case OPTION_DELAY: return read_delay(&s->simulator.faults, o, text, err);
    case OPTION_INTEGER:
    case OPTION_DECIMAL: return read_number((double *)(void *)((char *)s + o->at), o, value, err);
    }
    return false;
}

static const struct option_row *option_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_COUNT(options); i++)
        if (str_equals(name, str_from_cstr(options[i].name))) return &options[i];
    return NULL;
}

static bool settings_read(struct settings *s, int argc, char **argv, struct err *err)
{
    for (int i = 1; i < argc; i++) {
        struct str value = str_from_cstr(argv[i]), name = str_cut(&value, '=');
        const struct option_row *o = option_find(name);
        if (!o)
            return err_set(err, ERR_INVALID, "there is no option '%.60s'; `weir help simulate` lists them",
                           argv[i]);
        if (!value.at) value = str_from_cstr(i + 1 < argc ? argv[++i] : NULL);
        if (!value.at) return err_set(err, ERR_INVALID, "%s wants a value: %s", o->name, o->value);
        if (!option_read(s, o, value.at, err)) return false;
    }
    if (!s->has_address)
        return err_set(err, ERR_INVALID, "--listen ADDR:PORT is missing, e.g. --listen 127.0.0.1:9000");
    struct simulator_options *to = &s->simulator;
    to->seed = s->seed < 0 ? random_seed() : (uint64_t)s->seed;
    to->faults.error_status = (int)s->error_status;
    to->faults.retry_after_s = (int)s->retry_after_s;
    to->replay_piece_bytes = (unsigned)s->replay_piece_bytes;
    return true;
}

/* ---- workers ---- */

static void worker_close(void *arg)
{
    struct worker *w = arg;
    simulator_stop(w->simulator);
    while (!simulator_is_idle(w->simulator)) (void)fiber_sleep(CLOSE_POLL_MS);
    loop_stop(w->loop);
}

static void worker_start_close(void *arg)
{
    struct worker *w = arg;
    require(fiber_start(w->loop, worker_close, w)); /* one stack is to be had */
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct simulator_options o = w->settings->simulator;
    o.seed += w->index;
    w->loop = loop_new();
    w->simulator = simulator_new(w->loop, &o);
    w->is_running = simulator_listen(w->simulator, w->fd, &w->err);
    pthread_barrier_wait(w->ready);
    if (w->is_running) loop_run(w->loop);
    while (!simulator_is_idle(w->simulator)) { /* a loop that is stopped looks at its sockets once more */
        worker_start_close(w);
        loop_run(w->loop);
    }
    simulator_free(w->simulator);
    loop_free(w->loop);
    return NULL;
}

/* ---- the program ---- */

/* Waits in sigwait() while the workers run. False: a worker could not start. */
static bool workers_run(struct worker *workers, unsigned count, struct settings *s, struct err *err)
{
    char where[128];
    int signal_number;
    bool is_running = true;
    sigset_t signals;
    pthread_barrier_t ready;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    pthread_barrier_init(&ready, NULL, count + 1);
    for (unsigned i = 0; i < count; i++) {
        workers[i].ready = &ready;
        require(pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]) == 0);
    }
    pthread_barrier_wait(&ready);
    for (unsigned i = 0; i < count; i++) {
        if (workers[i].is_running) continue;
        is_running = false;
        *err = workers[i].err;
    }
    if (is_running) {
        listen_address_format(&s->address, where);
        fprintf(stderr, "simulating %s on %s%s\n", s->simulator.dialect->name,
                s->address.is_unix ? "" : "http://", where);
        sigwait(&signals, &signal_number);
        pthread_sigmask(SIG_UNBLOCK, &signals, NULL); /* a second signal ends us at once */
    }
    for (unsigned i = 0; i < count; i++)
        if (workers[i].is_running) loop_post(workers[i].loop, worker_start_close, &workers[i]);
    for (unsigned i = 0; i < count; i++) pthread_join(workers[i].thread, NULL);
    pthread_barrier_destroy(&ready);
    return is_running;
}

static bool simulate(struct settings *s, struct err *err)
{
    unsigned count = (unsigned)s->workers;
    int fds[MAX_WORKERS];
    if (s->replay_folder) {
        s->simulator.replay = replay_load(str_from_cstr(s->replay_folder), err);
        if (!s->simulator.replay) return err_wrap(err, "--replay");
    }
    struct worker *workers = xzalloc(count * sizeof *workers);
    bool is_done = listen_sockets(&s->address, fds, count, err);
    for (unsigned i = 0; i < count; i++)
        workers[i] = (struct worker){.index = i, .fd = is_done ? fds[i] : -1, .settings = s};
    is_done = is_done && workers_run(workers, count, s, err);
    xfree(workers);
    replay_free(s->simulator.replay);
    return is_done;
}

int cli_simulate(int argc, char **argv)
{
    struct settings s = {.workers = 1, .error_status = 500, .retry_after_s = -1, .seed = -1};
    struct err err;
    simulator_options_init(&s.simulator);
    if (!settings_read(&s, argc, argv, &err)) return cli_complain("simulate", "%s", err.text);
    signal(SIGPIPE, SIG_IGN);
    (void)limits_connections(0); /* raises the limit of descriptors */
    if (simulate(&s, &err)) return 0;
    fprintf(stderr, "weir simulate: %s\n", err.text);
    return 1;
}
