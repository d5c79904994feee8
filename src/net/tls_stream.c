/* net/tls_stream.c: TLS above a plain stream.
 *
 *     stream_read:   socket -> chunk lent by the plain stream -> SSL_read -> the loop's scratch, lent to the fiber
 *     stream_write:  pieces -> SSL_write -> `out` -> plain stream
 *
 * OpenSSL reads and writes through a BIO of our own: reading takes from the chunk at hand (`in`), writing appends to
 * `out`. So no bytes are kept per connection but those of an unfinished record, and OpenSSL frees its buffers between
 * records. Each OpenSSL call runs to its end without a wait; waits come between calls. What one call leaves of a chunk is
 * put back into the plain stream.
 *
 * Bytes that nobody waits for are decrypted when they come, for only so a session ticket can be told from a request. They
 * lie `fresh` in the loop's scratch, where who is started by them finds them, until that is needed again. That is done on
 * the loop alone, while every fiber waits: nobody holds anything lent.
 *
 * A writer may pass on what was lent to it, which is gone with its first wait. So all of up to LENT_BYTES is encrypted
 * before anything waits; more cannot be lent, and goes FLUSH_BYTES at a time.
 *
 * One fiber may read while another writes. What reading produces (the answer to a KeyUpdate) waits in `out` for the next
 * write, as RFC 8446 4.6.3 allows, or goes out at once when nobody reads and no write is under way; there may be
 * READER_OUT_BYTES of it. Renegotiation is off. */
#include "net/tls_inside.h"

#include "base/check.h"
#include "base/mem.h"
#include "fiber/sanitize.h"
#include "net/pieces.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

enum {
    FLUSH_BYTES = 3 * RECORD_BYTES,            /* of ciphertext: then it is handed on */
    LENT_BYTES = STREAM_READ_BYTES + 8 * 1024, /* a whole read, and what a protocol puts around it */
    READER_OUT_BYTES = 4096,
};

/* ---- the BIO ---- */

static int bio_read(BIO *bio, char *to, int room)
{
    struct tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (room <= 0) return 0;
    if (t->in.len == 0) {
        if (t->is_plain_over) return 0;
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t bytes = t->in.len < (size_t)room ? t->in.len : (size_t)room;
    memcpy(to, t->in.at, bytes);
    t->in = str_from(t->in, bytes);
    return (int)bytes;
}

static int bio_write(BIO *bio, const char *from, int bytes)
{
    struct tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (bytes <= 0) return 0;
    bool may_grow = !t->is_reading || t->out.len + (size_t)bytes <= READER_OUT_BYTES;
    if (may_grow && buf_append(&t->out, str_of(from, (size_t)bytes))) return bytes;
    BIO_set_retry_write(bio);
    return -1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    struct tls *t = BIO_get_data(bio);
    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_EOF) return t->is_plain_over && t->in.len == 0;
    return command == BIO_CTRL_FLUSH;
}

void tls_scratch_free(struct tls_scratch *t)
{
    if (!t) return;
    SANITIZE_ALLOW(t->decrypted, sizeof t->decrypted);
    BIO_meth_free(t->bio);
    buf_done(&t->spare);
    xfree(t);
}

struct tls_scratch *tls_scratch_of(struct net *n)
{
    if (n->tls) return n->tls;
    struct tls_scratch *t = n->tls = xzalloc(sizeof *n->tls);
    buf_init(&t->spare, OUT_MAX_BYTES);
    t->bio = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "weir");
    require(t->bio && BIO_meth_set_read(t->bio, bio_read) && BIO_meth_set_write(t->bio, bio_write) &&
            BIO_meth_set_ctrl(t->bio, bio_ctrl));
    return t;
}

struct tls_stats tls_read_stats(struct loop *l)
{
    struct net *n = net_of(l);
    return n->tls ? n->tls->stats : (struct tls_stats){{0}, {0}};
}

/* ---- between calls ---- */

/* What a call has left of the chunk goes back to the plain stream. */
void tls_put_back(struct tls *t)
{
    if (t->in.len) stream_unread(t->plain, t->in);
    t->in = (struct str){NULL, 0};
}

void tls_out_begin(struct tls *t)
{
    if (t->out.at || !t->scratch->spare.at) return;
    t->out = t->scratch->spare;
    buf_init(&t->scratch->spare, OUT_MAX_BYTES);
}

static void out_end(struct tls *t)
{
    buf_clear(&t->out);
    if (t->scratch->spare.at) {
        buf_done(&t->out);
        return;
    }
    t->scratch->spare = t->out;
    buf_init(&t->out, OUT_MAX_BYTES);
}

/* Hands the ciphertext on. Meanwhile a reader may add to `out` (never more than a KeyUpdate), so it is emptied by taking
 * its memory first. */
enum io tls_flush(struct tls *t, msec_t deadline)
{
    while (t->out.len) {
        struct buf sending = t->out;
        buf_init(&t->out, OUT_MAX_BYTES);
        struct str piece = buf_str(&sending);
        enum io io = stream_write(t->plain, &piece, 1, deadline);
        if (io != IO_OK || t->out.at) {
            buf_done(&sending);
            if (io == IO_OK) continue;
            if (!t->error && io != IO_FAIL) t->error = "a write was given up";
            return io;
        }
        t->out = sending;
        out_end(t);
    }
    return IO_OK;
}

/* An alert or close_notify: what the kernel takes at once. */
void tls_flush_now(struct tls *t)
{
    bool is_out = plain_write_now(plain_of(t->plain), buf_str(&t->out));
    if (!is_out && !t->error) t->error = "a last word did not go out";
    buf_clear(&t->out);
}

enum io tls_fetch(struct tls *t, msec_t deadline)
{
    enum io io = stream_read(t->plain, &t->in, deadline);
    if (io != IO_END && io != IO_FAIL) return io;
    t->is_plain_over = true; /* OpenSSL judges whether that was a good moment */
    return IO_OK;
}

enum io tls_failed(struct tls *t)
{
    unsigned long code = ERR_peek_error();
    const char *text = ERR_reason_error_string(code);
    if (!t->error) t->error = text ? text : "TLS failed";
    if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        t->error = *stream_error(t->plain) ? stream_error(t->plain) : "the peer ended without close_notify";
    ERR_clear_error();
    return IO_FAIL;
}

/* ---- reading ---- */

void tls_trim(struct tls *t)
{
    t->has_spare_buffers = SSL_has_pending(t->ssl) || !SSL_free_buffers(t->ssl);
}

/* The scratch is about to be used again: unread bytes in it move to their stream's heap. */
static char *scratch_reuse(struct tls_scratch *c)
{
    struct tls *owner = c->fresh_owner;
    SANITIZE_ALLOW(c->decrypted, sizeof c->decrypted);
    c->fresh_owner = NULL;
    if (owner) {
        require(buf_append(&owner->unread, owner->fresh));
        owner->fresh = (struct str){NULL, 0};
    }
    return c->decrypted;
}

static int ssl_read(struct tls *t, char *to, size_t room, size_t *got)
{
    *got = 0;
    t->is_reading = true;
    int ok = SSL_read_ex(t->ssl, to, room, got);
    t->is_reading = false;
    if (UNLIKELY(t->has_spare_buffers)) tls_trim(t);
    return ok;
}

/* Bytes that have been decrypted before; how many. */
static size_t take_unread(struct tls *t, char *to, size_t room)
{
    if (t->fresh.len) (void)scratch_reuse(t->scratch);
    size_t bytes = t->unread.len < room ? t->unread.len : room;
    if (bytes == 0) return 0;
    memcpy(to, t->unread.at, bytes);
    buf_consume(&t->unread, bytes);
    if (t->unread.len == 0) buf_done(&t->unread);
    return bytes;
}

/* Fills what it can without waiting. IO_TIMEOUT stands for "more ciphertext is wanted". */
static enum io read_now(struct tls *t, char *to, size_t room, size_t *got)
{
    *got = take_unread(t, to, room);
    if (*got) return IO_OK;
    ERR_clear_error();
    while (*got < room) {
        bool may_say_more = t->in.len || t->is_plain_over || t->is_over || SSL_has_pending(t->ssl);
        if (!may_say_more) return IO_TIMEOUT;
        size_t bytes;
        int ok = ssl_read(t, to + *got, room - *got, &bytes);
        *got += bytes;
        if (ok) continue;
        int why = SSL_get_error(t->ssl, ok);
        if (why == SSL_ERROR_WANT_READ) return IO_TIMEOUT;
        t->is_over = true; /* OpenSSL says it again whenever it is asked */
        enum io end = why == SSL_ERROR_ZERO_RETURN ? IO_END : tls_failed(t);
        return *got ? IO_OK : end;
    }
    return IO_OK;
}

static bool take_fresh(struct tls *t, struct str *chunk)
{
    if (!t->fresh.len) return false;
    *chunk = t->fresh;
    t->fresh = (struct str){NULL, 0};
    t->scratch->fresh_owner = NULL;
    fiber_lend(chunk->at, chunk->len);
    return true;
}

static enum io tls_read(struct stream *s, struct str *chunk, msec_t deadline)
{
    struct tls *t = tls_of(s);
    t->has_told_readable = false;
    if (fiber_is_cancelled(fiber_current())) return IO_CANCELLED;
    if (take_fresh(t, chunk)) return IO_OK;
    for (;;) {
        size_t got;
        char *to = scratch_reuse(t->scratch);
        enum io io = read_now(t, to, SCRATCH_BYTES, &got);
        tls_put_back(t);
        if (got) {
            *chunk = str_of(to, got);
            fiber_lend(to, got);
            return IO_OK;
        }
        if (io != IO_TIMEOUT) return io;
        io = tls_fetch(t, deadline);
        if (io != IO_OK) return io;
    }
}

static enum io tls_read_into(struct stream *s, struct str room, size_t *got, msec_t deadline)
{
    struct tls *t = tls_of(s);
    char *to = (char *)(uintptr_t)room.at;
    *got = 0;
    t->has_told_readable = false;
    if (fiber_is_cancelled(fiber_current())) return IO_CANCELLED;
    for (;;) {
        size_t more;
        enum io io = read_now(t, to + *got, room.len - *got, &more);
        tls_put_back(t);
        *got += more;
        if (*got == room.len) return IO_OK;
        if (io != IO_TIMEOUT && io != IO_OK) return io;
        if (io == IO_TIMEOUT) io = tls_fetch(t, deadline);
        if (io != IO_OK) return io;
    }
}

static void tls_unread(struct stream *s, struct str rest)
{
    struct tls *t = tls_of(s);
    struct buf both;
    require(rest.len <= STREAM_READ_BYTES);
    if (rest.len == 0) return;
    if (t->fresh.len) (void)scratch_reuse(t->scratch);
    buf_init(&both, 2 * STREAM_READ_BYTES);
    require(buf_append(&both, rest) && buf_append(&both, buf_str(&t->unread)));
    buf_done(&t->unread);
    t->unread = both;
}

/* ---- writing ---- */

static enum io seal(struct tls *t, struct str bytes)
{
    size_t wrote = 0;
    ERR_clear_error();
    int ok = SSL_write_ex(t->ssl, bytes.at, bytes.len, &wrote);
    return ok && wrote == bytes.len ? IO_OK : tls_failed(t);
}

/* The next record: a long piece as it lies, short ones gathered. */
static struct str next_record(struct tls *t, struct pieces *p)
{
    size_t here = p->at->len - p->skip;
    if (here >= RECORD_BYTES || p->count == 1) {
        struct str bytes = str_part(*p->at, p->skip, RECORD_BYTES);
        pieces_advance(p, bytes.len);
        return bytes;
    }
    return str_of(t->scratch->gathered, pieces_copy(p, t->scratch->gathered, RECORD_BYTES));
}

static enum io tls_write(struct stream *s, const struct str *pieces, unsigned count, msec_t deadline)
{
    struct tls *t = tls_of(s);
    if (t->error) return IO_FAIL;
    struct pieces p = {.at = pieces, .count = count};
    pieces_advance(&p, 0);
    while (p.count) {
        bool may_be_lent = pieces_left(&p, LENT_BYTES + 1) <= LENT_BYTES;
        tls_out_begin(t);
        do {
            if (seal(t, next_record(t, &p)) != IO_OK) return IO_FAIL;
        } while (p.count && (may_be_lent || t->out.len < FLUSH_BYTES));
        enum io io = tls_flush(t, deadline);
        if (io != IO_OK) return io;
    }
    return IO_OK;
}

static void tls_shutdown(struct stream *s)
{
    struct tls *t = tls_of(s);
    ERR_clear_error();
    if (t->has_shaken_hands && !t->error) (void)SSL_shutdown(t->ssl);
    tls_flush_now(t);
    stream_shutdown(t->plain);
}

static void on_free(struct loop_item *item)
{
    struct tls *t = CONTAINER_OF(item, struct tls, later);
    buf_done(&t->out);
    buf_done(&t->unread);
    xfree(t);
}

/* OpenSSL forgets a session whose connection was not shut down, so that is said even where it is not true. */
static void ssl_free(struct tls *t)
{
    SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(t->ssl);
    t->ssl = NULL;
    if (t->fresh.len) t->scratch->fresh_owner = NULL;
    t->fresh = (struct str){NULL, 0};
    tls_context_unref(&t->context);
}

struct stream *tls_leave(struct tls *t)
{
    struct stream *plain = t->plain;
    tls_put_back(t);
    ssl_free(t);
    on_free(&t->later);
    return plain;
}

/* The struct itself goes when the loop comes round: a hook of ours may be running. */
static void tls_close(struct stream *s, bool is_abort)
{
    struct tls *t = tls_of(s);
    struct loop *loop = plain_of(t->plain)->net->loop;
    ERR_clear_error();
    if (t->has_shaken_hands && !is_abort && !t->error && !t->is_plain_over) {
        (void)SSL_shutdown(t->ssl);
        tls_flush_now(t);
    }
    ssl_free(t);
    t->hooks = NULL;
    if (is_abort)
        stream_abort(&t->plain);
    else
        stream_close(&t->plain);
    loop_item_cancel(&t->later);
    loop_item_init(&t->later, on_free);
    loop_enqueue(loop, &t->later);
}

/* ---- while nobody reads ---- */

/* False: there is no more ciphertext here, and the socket has not ended either. */
static bool more_is_here(struct tls *t)
{
    struct plain *p = plain_of(t->plain);
    if (t->is_plain_over) return false;
    if (t->in.len || plain_take(p, &t->in)) return true;
    t->is_plain_over = p->end_code != 0;
    return t->is_plain_over;
}

/* On the loop: decrypts what is here (session tickets come at any time) until there are bytes for the application. */
static bool decrypt(struct tls *t)
{
    if (t->fresh.len || t->unread.len) return true;
    char *to = scratch_reuse(t->scratch);
    size_t got = 0;
    ERR_clear_error();
    while (!t->is_over) {
        int ok = ssl_read(t, to, SCRATCH_BYTES, &got);
        if (ok) break;
        if (SSL_get_error(t->ssl, ok) == SSL_ERROR_WANT_READ && more_is_here(t)) continue;
        t->is_over = SSL_get_error(t->ssl, ok) != SSL_ERROR_WANT_READ;
        break;
    }
    ERR_clear_error();
    tls_put_back(t);
    if (t->out.len && !plain_of(t->plain)->output)
        tls_flush_now(t); /* no to a renegotiation, yes to a KeyUpdate */
    t->fresh = str_of(to, got);
    if (got) t->scratch->fresh_owner = t;
    return got > 0;
}

/* In a fiber, which may hold what was lent to it: nothing may be decrypted over that. */
static bool look_ahead(struct tls *t)
{
    if (t->fresh.len || t->unread.len) return true;
    if (t->is_over) return false;
    if (!stream_has_early(t->plain) && !SSL_has_pending(t->ssl) && !stream_has_ended(t->plain)) return false;
    bool has_bytes = false;
    ERR_clear_error();
    while (!has_bytes && !t->is_over) {
        char byte;
        size_t got;
        t->is_reading = true;
        int ok = SSL_peek_ex(t->ssl, &byte, 1, &got);
        t->is_reading = false;
        has_bytes = ok == 1;
        if (has_bytes) break;
        if (SSL_get_error(t->ssl, ok) == SSL_ERROR_WANT_READ && more_is_here(t)) continue;
        t->is_over = SSL_get_error(t->ssl, ok) != SSL_ERROR_WANT_READ;
        break;
    }
    ERR_clear_error();
    tls_put_back(t);
    return has_bytes;
}

static bool tls_take(struct stream *s, struct str *chunk)
{
    struct tls *t = tls_of(s);
    t->has_told_readable = false;
    if (!decrypt(t)) return false;
    if (take_fresh(t, chunk)) return true;
    char *to = scratch_reuse(t->scratch);
    *chunk = str_of(to, take_unread(t, to, SCRATCH_BYTES));
    fiber_lend(chunk->at, chunk->len);
    return true;
}

static void tls_say_last(struct stream *s, struct str words)
{
    struct tls *t = tls_of(s);
    if (t->error) return;
    tls_out_begin(t);
    if (seal(t, words) == IO_OK) tls_shutdown(s);
}

static void tell_end(struct tls *t)
{
    if (!t->hooks || !t->hooks->on_end || t->has_told_end) return;
    t->has_told_end = true;
    t->hooks->on_end(t->hooks_arg);
}

static void on_plain_readable(void *arg)
{
    struct tls *t = arg;
    bool has_bytes = decrypt(t);
    if (has_bytes && t->hooks && t->hooks->on_readable && !t->has_told_readable) {
        t->has_told_readable = true;
        t->hooks->on_readable(t->hooks_arg);
    }
    if (t->is_over) tell_end(t);
}

static void on_plain_end(void *arg)
{
    tell_end(arg);
}

static void on_later(struct loop_item *item)
{
    on_plain_readable(CONTAINER_OF(item, struct tls, later));
}

static const struct stream_hooks plain_hooks = {.on_readable = on_plain_readable, .on_end = on_plain_end};

static void tls_set_hooks(struct stream *s, const struct stream_hooks *hooks, void *arg)
{
    struct tls *t = tls_of(s);
    t->hooks = hooks;
    t->hooks_arg = arg;
    t->has_told_readable = t->has_told_end = false;
    stream_set_hooks(t->plain, hooks ? &plain_hooks : NULL, t);
    bool has_something = t->fresh.len || t->unread.len || t->is_over || SSL_has_pending(t->ssl);
    if (!hooks)
        loop_item_cancel(&t->later);
    else if (has_something && !loop_item_is_queued(&t->later))
        loop_enqueue(plain_of(t->plain)->net->loop, &t->later);
}

static bool tls_has_early(const struct stream *s)
{
    return look_ahead(tls_of(s));
}

static bool tls_has_ended(const struct stream *s)
{
    const struct tls *t = tls_of(s);
    return t->is_over || t->error || stream_has_ended(t->plain);
}

static const char *tls_error(const struct stream *s)
{
    const struct tls *t = tls_of(s);
    return t->error ? t->error : stream_error(t->plain);
}

static struct plain *tls_bottom(struct stream *s)
{
    return plain_of(tls_of(s)->plain);
}

static const struct stream_ops tls_ops = {
    .read = tls_read,
    .read_into = tls_read_into,
    .unread = tls_unread,
    .take = tls_take,
    .say_last = tls_say_last,
    .write = tls_write,
    .shutdown = tls_shutdown,
    .close = tls_close,
    .set_hooks = tls_set_hooks,
    .has_early = tls_has_early,
    .has_ended = tls_has_ended,
    .error = tls_error,
    .bottom = tls_bottom,
};

/* ---- birth ---- */

struct tls *tls_new(SSL_CTX *ssl, struct stream *plain, size_t key_bytes)
{
    struct tls *t = xzalloc(sizeof *t + key_bytes);
    t->scratch = tls_scratch_of(plain_of(plain)->net);
    BIO *bio = BIO_new(t->scratch->bio);
    t->ssl = SSL_new(ssl);
    require(bio && t->ssl);
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio);
    t->stream.ops = &tls_ops;
    t->plain = plain;
    buf_init(&t->out, OUT_MAX_BYTES);
    buf_init(&t->unread, STREAM_READ_BYTES);
    loop_item_init(&t->later, on_later);
    return t;
}
