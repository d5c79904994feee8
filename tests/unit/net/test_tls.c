/* tests/unit/net/test_tls.c: both ends of TLS in one loop: accepting, resuming, what is lent, what goes wrong. What comes
 * of foreign servers is in test_dial.c. */
#include "net_test.h"
#include "tls_server.h"

#include "base/mem.h"
#include "net/tls_inside.h"

/* ---- an authority and a certificate, as files ---- */

struct identity {
    char ca[64], cert[64], key[64];
};

static FILE *new_file(char path[64])
{
    snprintf(path, 64, "/tmp/weir-test-tls-XXXXXX");
    return fdopen(mkstemp(path), "w");
}

static void write_certificate(char path[64], X509 *x)
{
    FILE *f = new_file(path);
    PEM_write_X509(f, x);
    fclose(f);
}

static void identity_make(struct identity *id, long valid_seconds)
{
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    X509 *ca = certificate_new(ca_key, "Weir test CA", 86400, 1);
    X509 *own = certificate_new(key, "one of us", valid_seconds, 2);
    X509_set_issuer_name(ca, X509_get_subject_name(ca));
    X509_set_issuer_name(own, X509_get_subject_name(ca));
    certificate_extend(ca, NID_basic_constraints, "critical,CA:TRUE");
    certificate_extend(own, NID_subject_alt_name, "DNS:localhost");
    X509_sign(ca, ca_key, EVP_sha256());
    X509_sign(own, ca_key, EVP_sha256());
    write_certificate(id->ca, ca);
    write_certificate(id->cert, own);
    FILE *f = new_file(id->key);
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    X509_free(ca);
    X509_free(own);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
}

static void identity_remove(const struct identity *id)
{
    unlink(id->ca);
    unlink(id->cert);
    unlink(id->key);
}

/* ---- two ends ---- */

struct ends {
    struct identity id;
    struct tls_tickets *tickets;
    struct tls_acceptor *acceptor;
    struct tls_context *context;
    struct stream *ours, *theirs; /* who accepts, who connects */
    enum io accepted, connected;
    msec_t accept_within_ms;
    struct err accept_err, connect_err;
    bool is_plain_http;
};

static void ends_init(struct ends *e)
{
    struct err err;
    *e = (struct ends){.accept_within_ms = 10000};
    identity_make(&e->id, 86400);
    e->tickets = tls_tickets_new();
    e->acceptor = tls_acceptor_new(&(struct tls_files){.cert = e->id.cert, .key = e->id.key}, e->tickets,
                                   &err);
    e->context = tls_context_new(&(struct tls_files){.ca = e->id.ca}, &err);
    EXPECT_NOT_NULL(e->acceptor);
    EXPECT_NOT_NULL(e->context);
}

static void ends_done(struct ends *e)
{
    tls_acceptor_unref(&e->acceptor);
    tls_context_unref(&e->context);
    tls_tickets_unref(&e->tickets);
    identity_remove(&e->id);
}

static void accept_main(void *arg)
{
    struct ends *e = arg;
    e->accepted = tls_accept(e->acceptor, &e->ours, fiber_deadline(e->accept_within_ms), &e->is_plain_http,
                             &e->accept_err);
}

/* Before the loop ends. */
static void ends_part(struct ends *e)
{
    stream_close(&e->ours);
    stream_close(&e->theirs);
}

/* Both shake hands at once. */
static void ends_meet(struct ends *e)
{
    struct fiber_group group;
    struct tls_peer peer = {.name = STR("localhost"), .port = 443};
    struct stream *pair[2];
    ends_part(e);
    stream_pair(pair);
    e->ours = pair[0];
    e->theirs = pair[1];
    fiber_group_init(&group);
    EXPECT_TRUE(fiber_group_start(&group, accept_main, e));
    e->connected = tls_connect(e->context, &e->theirs, &peer, fiber_deadline(10000), &e->connect_err);
    EXPECT_EQ(fiber_group_wait_all(&group, NEVER), IO_OK);
}

static void say(struct stream *from, struct stream *to, struct str text)
{
    struct str heard;
    EXPECT_EQ(write_str(from, text, 5000), IO_OK);
    EXPECT_EQ(stream_read(to, &heard, fiber_deadline(5000)), IO_OK);
    EXPECT_STR_EQ(heard, text);
}

static void resume_main(void *arg)
{
    struct ends *e = arg;
    for (int i = 0; i < 20; i++) {
        ends_meet(e);
        EXPECT_EQ(e->accepted, IO_OK);
        EXPECT_EQ(e->connected, IO_OK);
        if (!e->theirs || !e->ours) return;
        say(e->theirs, e->ours, STR("question"));
        say(e->ours, e->theirs, STR("answer")); /* brings the ticket along */
        EXPECT_FALSE(stream_has_early(e->ours));
        EXPECT_FALSE(stream_has_early(e->theirs));
    }
    struct tls_stats stats = tls_read_stats(loop_current());
    EXPECT_EQ(stats.accepted[TLS_FULL], 1);
    EXPECT_EQ(stats.accepted[TLS_RESUMED], 19);
    EXPECT_EQ(stats.connected[TLS_RESUMED], 19);
    ends_part(e);
}

TEST(tls_accept, resumes_all_but_the_first_of_twenty_connections)
{
    struct ends e;
    ends_init(&e);
    run_on_loop(resume_main, &e);
    ends_done(&e);
}

static void renewed_main(void *arg)
{
    struct ends *e = arg;
    struct err err;
    resume_main(e);
    tls_acceptor_unref(&e->acceptor);
    e->acceptor = tls_acceptor_new(&(struct tls_files){.cert = e->id.cert, .key = e->id.key}, e->tickets,
                                   &err);
    ends_meet(e);
    EXPECT_EQ(tls_read_stats(loop_current()).accepted[TLS_RESUMED], 20);
    tls_acceptor_unref(&e->acceptor); /* the same, but callers must show something */
    e->acceptor = tls_acceptor_new(&(struct tls_files){.ca = e->id.ca, .cert = e->id.cert, .key = e->id.key},
                                   e->tickets, &err);
    ends_meet(e);
    EXPECT_EQ(e->accepted, IO_FAIL);
    EXPECT_EQ(tls_read_stats(loop_current()).accepted[TLS_CERTIFICATE], 1);
    ends_part(e);
}

TEST(tls_accept, knows_tickets_of_its_predecessor_unless_other_callers_are_let_in)
{
    struct ends e;
    ends_init(&e);
    run_on_loop(renewed_main, &e);
    ends_done(&e);
}

/* ---- what is not a handshake ---- */

static void garbage_main(void *arg)
{
    struct ends *e = arg;
    static const struct {
        struct str bytes;
        bool ends;
        enum tls_result result;
    } cases[] = {
        {STR_INIT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), false, TLS_PLAIN_HTTP},
        {STR_INIT("CONNECT a:443 HTTP/1.1\r\n\r\n"), false, TLS_PLAIN_HTTP},
        {STR_INIT("SSH-2.0-OpenSSH_9\r\n"), false, TLS_BROKEN},
        {STR_INIT("\x16\x03\x01\x02\x00\x01"), false, TLS_TIMED_OUT},
        {STR_INIT("\x16\x03\x01\x02\x00\x01"), true, TLS_CLOSED},
        {STR_INIT("\x15\x03\x01\x00\x02\x02\x28"), false, TLS_BROKEN},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        int peer;
        struct stream *plain = e->ours = stream_and_fd(&peer, false);
        uint64_t before = tls_read_stats(loop_current()).accepted[cases[i].result];
        EXPECT_EQ(send(peer, cases[i].bytes.at, cases[i].bytes.len, 0), (ssize_t)cases[i].bytes.len);
        if (cases[i].ends) shutdown(peer, SHUT_WR);
        e->accept_within_ms = cases[i].result == TLS_TIMED_OUT ? 20 : 10000;
        accept_main(e);
        EXPECT_EQ(e->accepted, cases[i].result == TLS_TIMED_OUT ? IO_TIMEOUT : IO_FAIL);
        EXPECT_EQ(e->is_plain_http, cases[i].result == TLS_PLAIN_HTTP);
        EXPECT_EQ(tls_read_stats(loop_current()).accepted[cases[i].result], before + 1);
        EXPECT_TRUE(e->ours == plain); /* back, for a last word */
        EXPECT_TRUE(e->accept_err.text[0] != 0);
        stream_close(&e->ours);
        close(peer);
    }
}

TEST(tls_accept, gives_the_plain_stream_back_and_says_what_came_instead_of_a_handshake)
{
    struct ends e;
    ends_init(&e);
    run_on_loop(garbage_main, &e);
    ends_done(&e);
}

static void cancelled_main(void *arg)
{
    struct ends *e = arg;
    struct fiber_group group;
    int peer;
    e->ours = stream_and_fd(&peer, false);
    fiber_group_init(&group);
    EXPECT_TRUE(fiber_group_start(&group, accept_main, e));
    (void)fiber_sleep(1);
    fiber_group_cancel(&group);
    EXPECT_EQ(e->accepted, IO_CANCELLED);
    EXPECT_EQ(tls_read_stats(loop_current()).accepted[TLS_CANCELLED], 1);
    close(peer);
    ends_part(e);
}

TEST(tls_accept, can_be_cancelled)
{
    struct ends e;
    ends_init(&e);
    run_on_loop(cancelled_main, &e);
    ends_done(&e);
}

/* ---- what is lent ---- */

struct relay {
    struct ends ends;
    struct stream *source;
    size_t total, got;
    bool is_right;
};

static void relay_reader(void *arg)
{
    struct relay *r = arg;
    struct str chunk;
    (void)fiber_sleep(5); /* the writer is stuck by now */
    while (r->got < r->total && stream_read(r->ends.theirs, &chunk, fiber_deadline(10000)) == IO_OK)
        for (size_t i = 0; i < chunk.len; i++, r->got++)
            if (chunk.at[i] != (char)(r->got * 7 % 251)) r->is_right = false;
}

/* Each read of the source is lent; its writing waits, and meanwhile the loop reads on into the same buffer. */
static void relay_main(void *arg)
{
    struct relay *r = arg;
    struct fiber_group group;
    int peer, few = 4096;
    ends_meet(&r->ends);
    (void)setsockopt(plain_of(tls_of(r->ends.ours)->plain)->fd, SOL_SOCKET, SO_SNDBUF, &few, sizeof few);
    r->source = stream_and_fd(&peer, false);
    char *all = xmalloc(r->total);
    for (size_t i = 0; i < r->total; i++) all[i] = (char)(i * 7 % 251);
    fiber_group_init(&group);
    EXPECT_TRUE(fiber_group_start(&group, relay_reader, r));
    for (size_t sent = 0, passed = 0; passed < r->total;) {
        ssize_t n = sent < r->total ? send(peer, all + sent, r->total - sent, MSG_DONTWAIT) : 0;
        if (n > 0) sent += (size_t)n;
        struct str pieces[2];
        EXPECT_EQ(stream_read(r->source, &pieces[0], fiber_deadline(10000)), IO_OK);
        passed += pieces[0].len;
        pieces[1] = str_from(pieces[0], pieces[0].len / 3);
        pieces[0].len /= 3;
        EXPECT_EQ(stream_write(r->ends.ours, pieces, 2, fiber_deadline(10000)), IO_OK);
    }
    EXPECT_EQ(fiber_group_wait_all(&group, NEVER), IO_OK);
    EXPECT_EQ(r->got, r->total);
    EXPECT_TRUE(r->is_right);
    stream_close(&r->source);
    ends_part(&r->ends);
    close(peer);
    xfree(all);
}

TEST(tls, passes_on_what_was_lent_however_slow_the_reader_is)
{
    struct relay r = {.total = 2000000, .is_right = true};
    ends_init(&r.ends);
    run_on_loop(relay_main, &r);
    ends_done(&r.ends);
}

static int hook_calls;

static void on_hook(void *arg)
{
    (void)arg;
    hook_calls++;
}

/* Bytes that nobody waits for are kept, in order, whatever else is read meanwhile. */
static void unawaited_main(void *arg)
{
    struct ends *e = arg;
    static const struct stream_hooks hooks = {.on_readable = on_hook};
    struct ends other;
    ends_init(&other);
    ends_meet(e);
    ends_meet(&other);
    stream_set_hooks(e->ours, &hooks, e);
    EXPECT_EQ(write_str(e->theirs, STR("one "), 5000), IO_OK);
    for (int i = 0; i < 100 && hook_calls == 0; i++) (void)fiber_sleep(1);
    EXPECT_EQ(hook_calls, 1);
    EXPECT_TRUE(stream_has_early(e->ours));
    say(other.theirs, other.ours, STR("something else")); /* in the same scratch */
    EXPECT_EQ(write_str(e->theirs, STR("two"), 5000), IO_OK);
    char seven[7];
    size_t got;
    EXPECT_EQ(stream_read_into(e->ours, seven, 7, &got, fiber_deadline(5000)), IO_OK);
    EXPECT_MEM_EQ(seven, got, "one two", 7);
    ends_part(&other);
    ends_part(e);
    ends_done(&other);
}

TEST(tls, keeps_bytes_that_nobody_waits_for)
{
    struct ends e;
    hook_calls = 0;
    ends_init(&e);
    run_on_loop(unawaited_main, &e);
    ends_done(&e);
}

/* A peer that says its end and leaves the connection open: behind bytes, and while nobody reads. */
static void end_alone(struct stream *s)
{
    (void)SSL_shutdown(tls_of(s)->ssl);
    tls_flush_now(tls_of(s));
}

static void ended_main(void *arg)
{
    struct ends *e = arg;
    static const struct stream_hooks hooks = {.on_end = on_hook};
    struct str heard;
    ends_meet(e);
    EXPECT_EQ(write_str(e->theirs, STR("last words"), 5000), IO_OK);
    end_alone(e->theirs);
    EXPECT_EQ(stream_read(e->ours, &heard, fiber_deadline(5000)), IO_OK);
    EXPECT_STR_EQ(heard, STR("last words"));
    EXPECT_EQ(stream_read(e->ours, &heard, fiber_deadline(5000)), IO_END);
    EXPECT_TRUE(stream_has_ended(e->ours));
    ends_meet(e);
    stream_set_hooks(e->ours, &hooks, e);
    end_alone(e->theirs);
    for (int i = 0; i < 1000 && hook_calls == 0; i++) (void)fiber_sleep(1);
    EXPECT_EQ(hook_calls, 1);
    EXPECT_EQ(stream_read(e->ours, &heard, fiber_deadline(5000)), IO_END);
    ends_part(e);
}

TEST(tls, ends_with_close_notify_although_the_connection_stays)
{
    struct ends e;
    hook_calls = 0;
    ends_init(&e);
    run_on_loop(ended_main, &e);
    ends_done(&e);
}

/* ---- sessions ---- */

static SSL_SESSION *numbered(unsigned char n)
{
    SSL_SESSION *s = SSL_SESSION_new();
    SSL_SESSION_set1_id(s, &n, 1);
    return s;
}

static int take_number(struct tls_sessions *all, struct str key)
{
    unsigned bytes;
    SSL_SESSION *s = tls_sessions_take(all, key);
    int number = s ? SSL_SESSION_get_id(s, &bytes)[0] : -1;
    SSL_SESSION_free(s);
    return number;
}

TEST(tls_sessions, are_the_newest_sixteen_each_used_once_but_the_last)
{
    struct tls_sessions *all = tls_sessions_new();
    EXPECT_EQ(take_number(all, STR("a")), -1);
    for (unsigned char i = 1; i <= 20; i++) tls_sessions_put(all, STR("a"), numbered(i));
    tls_sessions_put(all, STR("b"), numbered(99));
    for (int i = 20; i > 5; i--) EXPECT_EQ(take_number(all, STR("a")), i);
    EXPECT_EQ(take_number(all, STR("a")), 5);
    EXPECT_EQ(take_number(all, STR("a")), 5);
    tls_sessions_forget(all, STR("a"));
    EXPECT_EQ(take_number(all, STR("a")), -1);
    EXPECT_EQ(take_number(all, STR("b")), 99);
    tls_sessions_free(all);
}

TEST(tls_sessions, are_of_sixty_four_servers_at_most)
{
    struct tls_sessions *all = tls_sessions_new();
    char name[2] = "A";
    for (unsigned char i = 0; i < 80; i++) {
        name[0] = (char)(i + 1);
        tls_sessions_put(all, str_of(name, 1), numbered(i));
        EXPECT_EQ(take_number(all, STR("\x01")), 0); /* who is used stays */
    }
    name[0] = 2;
    EXPECT_EQ(take_number(all, str_of(name, 1)), -1);
    name[0] = 80;
    EXPECT_EQ(take_number(all, str_of(name, 1)), 79);
    tls_sessions_free(all);
}

/* ---- files ---- */

static void expect_refused(const struct tls_files *files, const char *why)
{
    struct err err = {0};
    struct tls_context *c = tls_context_new(files, &err);
    EXPECT_NULL(c);
    EXPECT_EQ(err.code, ERR_TLS);
    EXPECT_THAT(str_find(str_from_cstr(err.text), str_from_cstr(why)) != SIZE_MAX, "says: %s", err.text);
    tls_context_unref(&c);
}

TEST(tls_files, that_are_no_good_are_named_with_the_reason)
{
    struct identity a, b;
    identity_make(&a, 86400);
    identity_make(&b, 86400);
    expect_refused(&(struct tls_files){.ca = "/nowhere.pem"}, "/nowhere.pem: No such file");
    expect_refused(&(struct tls_files){.ca = "/tmp"}, "/tmp: not a file");
    expect_refused(&(struct tls_files){.ca = a.key}, "no trusted certificates");
    expect_refused(&(struct tls_files){.cert = a.key, .key = a.key}, "no certificate");
    expect_refused(&(struct tls_files){.cert = a.cert, .key = a.cert}, "no private key");
    expect_refused(&(struct tls_files){.cert = a.cert, .key = b.key}, "does not belong to");
    identity_remove(&a);
    identity_remove(&b);
}

TEST(tls_files, that_changed_make_a_context_out_of_date)
{
    struct identity a, b;
    struct err err;
    identity_make(&a, 86400);
    identity_make(&b, -60);
    struct tls_files files = {.ca = a.ca, .cert = a.cert, .key = a.key};
    struct tls_context *c = tls_context_new(&files, &err);
    EXPECT_STR_EQ(tls_context_warning(c), "");
    EXPECT_TRUE(tls_context_is_current(c, &files));
    EXPECT_EQ(rename(b.ca, a.ca), 0);
    EXPECT_FALSE(tls_context_is_current(c, &files));
    unlink(a.ca);
    EXPECT_FALSE(tls_context_is_current(c, &files));
    tls_context_unref(&c);
    c = tls_context_new(&(struct tls_files){.cert = b.cert, .key = b.key}, &err);
    EXPECT_TRUE(str_ends_with(str_from_cstr(tls_context_warning(c)), STR("has expired")));
    tls_context_unref(&c);
    identity_remove(&a);
    identity_remove(&b);
}
