/* simulate/simulator.c: one request from its head to the last byte:
 *     draw the fault ── read the body ── wait ── make the answer (error | recording | dialect) ── deliver it
 * The fault is drawn before the first wait, so the order of draws is that of the requests' heads.
 * The buf that an answer is written into is kept for the next one: most answers leave without a wait in between, so one
 * is enough and a request costs no allocation. */
#include "simulate/simulator.h"

#include "base/fmt.h"
#include "base/mem.h"
#include "http/sse.h"
#include "http/url.h"
#include "simulate/deliver.h"

enum {
    MAX_BODY_BYTES = 64 << 20,
    HEAD_MS = 60 * 1000,
    BODY_MS = 60 * 1000,
    KEEP_ALIVE_MS = 600 * 1000,
    KEPT_BUF_BYTES = 64 * 1024,
    BLOCK_BYTES = 256, /* stands for an event in streams whose events we do not know */
    ID_BYTES = 16,
};

struct simulator {
    struct simulator_options options;
    struct random faults, ids;
    struct buf kept; /* for the next answer */
    struct http_server *server;
    struct listener *listener; /* NULL: none */
    struct loop *loop;
};

void simulator_options_init(struct simulator_options *o)
{
    *o = (struct simulator_options){.dialect = &sim_dialect_openai};
    fault_options_init(&o->faults);
}

struct simulator *simulator_new(struct loop *l, const struct simulator_options *o)
{
    struct simulator *s = xzalloc(sizeof *s);
    struct http_server_options server = {.head_ms = HEAD_MS,
                                         .body_ms = BODY_MS,
                                         .keep_alive_ms = KEEP_ALIVE_MS,
                                         .max_body_bytes = MAX_BODY_BYTES};
    struct http_server_handler handler = {.handle = simulator_handle, .refuse = simulator_refuse, .arg = s};
    s->options = *o;
    s->loop = l;
    random_init(&s->faults, o->seed);
    random_init(&s->ids, random_seed()); /* ids of several simulators must differ */
    buf_init(&s->kept, SIM_MAX_ANSWER_BYTES);
    s->server = http_server_new(l, &server, &handler);
    return s;
}

bool simulator_listen(struct simulator *s, int fd, struct err *err)
{
    s->listener = listener_new(s->loop, fd, http_server_accept, s->server, err);
    return s->listener != NULL;
}

void simulator_stop(struct simulator *s)
{
    if (s->listener) listener_close(&s->listener);
    http_server_drain(s->server, true);
    http_server_cancel_all(s->server);
}

bool simulator_is_idle(const struct simulator *s)
{
    return http_server_read_stats(s->server).busy == 0;
}

void simulator_free(struct simulator *s)
{
    if (!s) return;
    if (s->listener) listener_close(&s->listener);
    http_server_free(s->server);
    buf_done(&s->kept);
    xfree(s);
}

/* ---- recordings ---- */

/* Known by their blank lines (server-sent events) or line ends; else a block is an event. */
static void find_sse_events(struct sim_answer *out)
{
    struct sse_reader reader;
    struct sse_event event;
    struct err err;
    size_t at = 0;
    sse_init(&reader, SIM_MAX_ANSWER_BYTES);
    sse_feed(&reader, out->body);
    while (sse_next(&reader, &event, &err) == SSE_EVENT) sim_add_event_end(out, at += event.raw.len);
    if (at < out->body.len) sim_add_event_end(out, out->body.len);
    sse_done(&reader);
}

static void find_blocks(struct sim_answer *out, size_t block_bytes)
{
    for (size_t at = 0; at < out->body.len;) {
        at = out->body.len - at < block_bytes ? out->body.len : at + block_bytes;
        sim_add_event_end(out, at);
    }
}

static void find_lines(struct sim_answer *out)
{
    struct str rest = out->body;
    while (rest.at && rest.len) {
        (void)str_cut(&rest, '\n');
        sim_add_event_end(out, rest.at ? (size_t)(rest.at - out->body.at) : out->body.len);
    }
}

static void answer_with(struct sim_answer *out, const struct replay_case *c, const struct simulator *s)
{
    out->status = c->status;
    out->header_lines = c->header_lines;
    out->body = c->body;
    out->is_stream = c->is_stream;
    if (!c->is_stream) return;
    bool is_fixed = s->options.replay_piece_bytes > 0;
    out->is_cut_oddly = !is_fixed;
    out->odd_seed = s->options.seed ^ str_hash(c->name);
    if (is_fixed)
        find_blocks(out, s->options.replay_piece_bytes);
    else if (str_contains_nocase(c->header_lines, STR("text/event-stream")))
        find_sse_events(out);
    else if (str_contains_nocase(c->header_lines, STR("json")))
        find_lines(out);
    else
        find_blocks(out, BLOCK_BYTES);
}

static void answer_error(struct simulator *s, struct sim_answer *out, const struct sim_request *in,
                         int status, struct str message)
{
    struct sim_error e = {.status = status, .retry_after_s = -1, .message = message};
    s->options.dialect->error(out, in, &e);
}

static void answer_recorded(struct simulator *s, struct sim_answer *out, const struct sim_request *in,
                            const struct http_request *head)
{
    struct err err;
    struct replay_query q = {
        .method = head->method_name, .path = in->path, .query = in->query, .body = in->body};
    struct str escaped = url_query_value(in->query, STR("case"));
    q.case_name = http_headers_value(&head->headers, H_X_CASE);
    if (escaped.len && !url_decode(&q.case_name, in->arena, escaped)) q.case_name = escaped;
    const struct replay_case *c = replay_find(s->options.replay, &q, in->arena, &err);
    if (c)
        answer_with(out, c, s);
    else
        answer_error(s, out, in, 404, arena_copy(in->arena, str_from_cstr(err.text)));
}

/* ---- an exchange ---- */

static void request_init(struct sim_request *in, struct simulator *s, struct http_exchange *x)
{
    const struct http_request *head = http_exchange_request(x);
    uint64_t id = random_next(&s->ids);
    *in = (struct sim_request){.method = head->method,
                               .path = head->path,
                               .query = head->query,
                               .arena = http_exchange_arena(x),
                               .now_s = clock_wall_ms() / 1000};
    char *text = arena_alloc(in->arena, ID_BYTES);
    fmt_hex_bytes(text, &id, sizeof id);
    in->id = str_of(text, ID_BYTES);
}

static void answer_init(struct sim_answer *out, struct simulator *s, struct http_exchange *x)
{
    sim_answer_init(out, http_exchange_arena(x), s->kept);
    buf_init(&s->kept, SIM_MAX_ANSWER_BYTES);
}

static void answer_done(struct sim_answer *out, struct simulator *s)
{
    if (!s->kept.at && out->out.len <= KEPT_BUF_BYTES) {
        s->kept = out->out;
        buf_clear(&s->kept);
    } else {
        sim_answer_done(out);
    }
}

static void answer_make(struct simulator *s, struct sim_answer *out, const struct sim_request *in,
                        const struct http_request *head, const struct fault *fault)
{
    struct sim_error e = {.status = fault->status,
                          .retry_after_s = fault->retry_after_s,
                          .message = STR("Simulated error: this provider is asked to fail.")};
    if (fault->kind == FAULT_ERROR)
        s->options.dialect->error(out, in, &e);
    else if (s->options.replay)
        answer_recorded(s, out, in, head);
    else
        s->options.dialect->answer(out, in);
}

/* False: the header asks for something that does not exist. */
static bool choose_fault(struct simulator *s, const struct http_request *head, struct fault *fault,
                         struct err *err)
{
    *fault = fault_draw(&s->options.faults, &s->faults);
    const struct http_header *wish = http_headers_find_text(&head->headers, STR("x-simulate"));
    return !wish || fault_read_header(fault, wish->value, err);
}

void simulator_handle(void *arg, struct http_exchange *x)
{
    struct simulator *s = arg;
    const struct http_request *head = http_exchange_request(x);
    struct sim_request in;
    struct fault fault;
    struct err err;
    bool is_sound = choose_fault(s, head, &fault, &err);
    if (head->framing != FRAMING_NONE) {
        struct str body;
        enum io io = http_exchange_read_whole(x, &body);
        if (io == IO_FAIL)
            simulator_refuse(s, x, http_exchange_body_status(x), "The body could not be read.");
        if (io != IO_OK) return;
        request_init(&in, s, x);
        in.body = body;
    } else {
        request_init(&in, s, x);
    }
    in.tokens = fault.tokens;
    if (is_sound && fault.delay_ms > 0 && fiber_sleep(fault.delay_ms) != IO_TIMEOUT) return;
    struct sim_answer out;
    answer_init(&out, s, x);
    if (is_sound)
        answer_make(s, &out, &in, head, &fault);
    else
        answer_error(s, &out, &in, 400, str_from_cstr(err.text));
    if (!is_sound) fault.kind = FAULT_NONE;
    deliver(x, &out, &fault, s->options.dialect->error_event(in.arena));
    answer_done(&out, s);
}

void simulator_refuse(void *arg, struct http_exchange *x, int status, const char *why)
{
    struct simulator *s = arg;
    struct sim_request in;
    struct sim_answer out;
    request_init(&in, s, x);
    answer_init(&out, s, x);
    answer_error(s, &out, &in, status, str_from_cstr(why));
    struct fault none = {.kind = FAULT_NONE};
    deliver(x, &out, &none, STR(""));
    answer_done(&out, s);
}
