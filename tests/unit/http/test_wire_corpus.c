/* tests/unit/http/test_wire_corpus.c: the requests of ../shared/corpora/http1 sent to a running server, whole and cut in
 * two: the statuses that come back, and whether the connection closes, are what the corpus expects. */
#include "http_test.h"

/* A reply that is due is waited for as long as it takes; what must not come has QUIET_MS. */
enum { MAX_CASES = 2000, AT_ONCE = 100, QUIET_MS = 400, MAX_QUIETS = 30, MAX_REPLY_BYTES = 16384 };

struct expected {
    struct str file, expect, n_ok, status, close;
};
static struct expected cases[MAX_CASES];
static size_t case_count;
static bool is_cut;

/* What came back on one connection. */
struct verdict {
    const struct expected *expected;
    unsigned accepted; /* 2xx, or 405 for a method that is not offered */
    int refused;       /* the last status that was neither; 0: none */
    bool has_closed;
};

static struct http_server_options corpus_options(void)
{
    return (struct http_server_options){
        .head_ms = ms(300), .body_ms = ms(300), .keep_alive_ms = ms(5000), .max_body_bytes = 1 << 20};
}

static void corpus_handle(void *arg, struct http_exchange *x)
{
    (void)arg;
    enum http_method m = http_exchange_request(x)->method;
    bool is_offered = m != M_OTHER && m != M_TRACE;
    struct str body;
    struct http_reply_head head = {.status = is_offered ? 200 : 405, .content_length = -1};
    if (http_exchange_read_whole(x, &body) != IO_OK) head.status = http_exchange_body_status(x);
    if (head.status) (void)http_exchange_reply(x, &head, NULL, 0);
}

static void corpus_refuse(void *arg, struct http_exchange *x, int status, const char *why)
{
    (void)arg;
    (void)why;
    struct http_reply_head head = {.status = status, .content_length = -1};
    (void)http_exchange_reply(x, &head, NULL, 0);
}

static bool load_cases(void)
{
    struct str text = test_read_file(test_shared_path("corpora/http1/expected.tsv")), unused;
    case_count = 0;
    (void)str_cut(&text, '\n'); /* the columns' names */
    while (text.at && text.len > 0 && case_count < MAX_CASES) {
        struct str line = str_cut(&text, '\n');
        struct expected *e = &cases[case_count++];
        struct str *const columns[] = {&e->file, &e->expect, &e->n_ok, &e->status, &e->close, &unused};
        for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) *columns[i] = str_cut(&line, '\t');
    }
    return case_count > 0;
}

/* All replies have empty bodies, so a status line is whatever begins like one. */
static void judge_replies(struct verdict *v, struct str text)
{
    for (size_t at; (at = str_find(text, STR("HTTP/1.1 "))) != SIZE_MAX;) {
        text = str_from(text, at);
        int status = status_of(text);
        text = str_from(text, 9);
        if (status >= 200 && (status < 300 || status == 405))
            v->accepted++;
        else if (status >= 300)
            v->refused = status;
    }
}

static void send_case(struct stream *s, struct str bytes)
{
    struct str first = str_part(bytes, 0, is_cut ? bytes.len / 2 : bytes.len),
               second = str_from(bytes, first.len);
    if (stream_write(s, &first, 1, fiber_deadline(PATIENCE_MS)) != IO_OK || second.len == 0) return;
    (void)fiber_sleep(2);
    (void)stream_write(s, &second, 1, fiber_deadline(PATIENCE_MS)); /* it may have been refused by now */
}

/* Is the status one of "400|413 and more words"? */
static bool has_status(struct str list, int status)
{
    char digits[16];
    snprintf(digits, sizeof digits, "%d", status);
    return has(list, str_from_cstr(digits));
}

static bool is_met(const struct verdict *v)
{
    const struct expected *e = v->expected;
    int64_t n_ok = 0;
    if (!str_to_u63(e->n_ok, &n_ok)) return false;
    bool is_accepted = v->accepted == n_ok && v->refused == 0 &&
                       (v->has_closed || !str_equals(e->close, STR("yes")));
    bool is_refused = v->accepted <= n_ok && v->refused != 0 && v->has_closed;
    if (str_equals(e->expect, STR("accept"))) return is_accepted;
    if (str_equals(e->expect, STR("reject"))) return is_refused && has_status(e->status, v->refused);
    if (str_equals(e->expect, STR("reject-or-sanitise")))
        return is_accepted || (is_refused && v->refused == 400);
    if (str_equals(e->expect, STR("limit")))
        return is_accepted || (is_refused && has_status(STR("400 413 414 431"), v->refused));
    if (!str_equals(e->expect, STR("incomplete")) || v->accepted > n_ok) return false;
    if (str_starts_with(e->status, STR("no answer")))
        return v->refused == 0; /* it may stay as long as an idle one */
    return v->has_closed && (v->refused == 0 || has_status(STR("408 400 413"), v->refused));
}

static void read_replies(struct verdict *v, struct stream *s)
{
    char *all = malloc(MAX_REPLY_BYTES);
    size_t len = 0;
    for (int i = 0; i < MAX_QUIETS && !v->has_closed && (i == 0 || !is_met(v)); i++) {
        enum io how;
        struct str more = read_all(s, ms(QUIET_MS), &how);
        EXPECT_TRUE(more.len <= MAX_REPLY_BYTES - len);
        if (more.len && more.len <= MAX_REPLY_BYTES - len) memcpy(all + len, more.at, more.len);
        len += more.len <= MAX_REPLY_BYTES - len ? more.len : 0;
        free((char *)(uintptr_t)more.at);
        *v = (struct verdict){.expected = v->expected, .has_closed = how == IO_END || how == IO_FAIL};
        judge_replies(v, str_of(all, len));
    }
    free(all);
}

static void case_main(void *arg)
{
    struct verdict *v = arg;
    char below[512];
    snprintf(below, sizeof below, "corpora/http1/raw/%.*s", STR_ARG(v->expected->file));
    FILE *f = fopen(test_shared_path(below), "rb");
    EXPECT_THAT(f != NULL, "%s cannot be read", below);
    if (!f) return;
    char *bytes = malloc(1 << 20);
    size_t len = fread(bytes, 1, 1 << 20, f);
    fclose(f);
    struct stream *s = caller();
    send_case(s, str_of(bytes, len));
    free(bytes);
    read_replies(v, s);
    stream_close(&s);
}

static void corpus_script(void)
{
    static struct verdict verdicts[MAX_CASES];
    for (size_t i = 0; i < case_count; i += AT_ONCE) {
        struct fiber_group group;
        fiber_group_init(&group);
        for (size_t k = i; k < i + AT_ONCE && k < case_count; k++) {
            verdicts[k] = (struct verdict){.expected = &cases[k]};
            EXPECT_TRUE(fiber_group_start(&group, case_main, &verdicts[k]));
        }
        EXPECT_EQ(fiber_group_wait_all(&group, NEVER), IO_OK);
    }
    for (size_t i = 0; i < case_count; i++) {
        const struct expected *e = verdicts[i].expected;
        EXPECT_THAT(is_met(&verdicts[i]),
                    "%.*s: %.*s (%.*s, %.*s, close %.*s), but: %u accepted, refused with %d, %s",
                    STR_ARG(e->file), STR_ARG(e->expect), STR_ARG(e->n_ok), STR_ARG(e->status),
                    STR_ARG(e->close), verdicts[i].accepted, verdicts[i].refused,
                    verdicts[i].has_closed ? "closed" : "open");
    }
}

static const struct http_server_handler corpus_handler = {.handle = corpus_handle, .refuse = corpus_refuse};

TEST(wire_corpus, each_request_is_answered_as_expected)
{
    if (!load_cases()) SKIP("corpora/http1 is not there (WEIR_SHARED)");
    is_cut = false;
    struct http_server_options o = corpus_options();
    with_handler(&o, &corpus_handler, corpus_script);
}

TEST(wire_corpus, so_is_each_request_that_comes_in_two_parts)
{
    if (!load_cases()) SKIP("corpora/http1 is not there (WEIR_SHARED)");
    is_cut = true;
    struct http_server_options o = corpus_options();
    with_handler(&o, &corpus_handler, corpus_script);
}
