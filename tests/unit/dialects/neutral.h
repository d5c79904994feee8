/* tests/unit/dialects/neutral.h: requests, replies and streams of chat/ as text, a line for each thing that they hold, so
 * that a test compares what was read with a few lines, and two ways of reading with each other. For unit tests and fuzz
 * targets of dialects.
 *
 *     request_text(&buf, &request)    reply_text(&buf, &reply)
 *     struct listener l; listener_init(&l, &arena);  … read_event(r, name, data, &l.sink, &err) …
 *         listener_reply(&l) is what the stream said, as a reply; the listener require()s the order of chat/event.h */
#ifndef WEIR_TEST_NEUTRAL_H
#define WEIR_TEST_NEUTRAL_H

#include "base/check.h"
#include "dialects/dialect.h"
#include "json/writer.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- words ---- */
static inline void PRINTF(2, 3) say(struct buf *out, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    require(len >= 0 && (size_t)len < sizeof text && buf_append(out, str_of(text, (size_t)len)));
}

/* " what "its text""; nothing where there is none. */
static inline void say_str(struct buf *out, const char *what, struct str s)
{
    if (s.len == 0) return;
    say(out, *what ? " %s " : " %s", what);
    require(json_append_str(out, s));
}

static inline void say_raw(struct buf *out, const char *what, struct str json)
{
    if (json.len == 0) return;
    say(out, " %s ", what);
    require(buf_append(out, json));
}

static inline const char *format_word(enum chat_format f)
{
    static const char *const words[] = {"?", "openai", "responses", "anthropic", "gemini"};
    return words[f];
}

static inline const char *part_word(enum chat_part_kind k)
{
    static const char *const words[] = {"text",  "thinking", "call",     "result",  "image",
                                        "audio", "video",    "document", "refusal", "other"};
    return words[k];
}

static inline const char *finish_word(enum chat_finish f)
{
    static const char *const words[] = {"none", "stop", "length", "tool_calls", "filter"};
    return words[f];
}

/* ---- parts ---- */
static inline void say_media(struct buf *out, const struct chat_media *m)
{
    if (!m) return;
    say_str(out, "", m->mime);
    say_str(out, "data", m->data);
    say_str(out, "url", m->url);
    say_str(out, "file", m->file_id);
    say_str(out, "text", m->text);
    say_str(out, "name", m->name);
    say_str(out, "detail", m->detail);
    say_str(out, "id", m->id);
}

static inline void say_parts(struct buf *out, const struct chat_parts *parts, int indent)
{
    unsigned count = 0;
    for (const struct chat_part *p = parts->first; p; p = p->next) {
        count++;
        say(out, "%*s%s", indent, "", part_word(p->kind));
        say_str(out, "", p->id);
        say_str(out, "", p->name);
        say_str(out, "", p->text);
        say_raw(out, "json", p->kind == CHAT_TOOL_CALL && p->json.len == 0 ? STR("{}") : p->json);
        say_media(out, p->media);
        if (p->signature.len > 0) say_str(out, format_word(p->format), p->signature);
        if (p->is_redacted) say(out, " redacted");
        if (p->is_error) say(out, " error");
        if (p->cache) say(out, p->cache == CHAT_CACHE_1H ? " cache 1h" : " cache 5m");
        for (const struct chat_citation *c = p->citations; c; c = c->next) {
            say(out, " cites %lld-%lld", (long long)c->start, (long long)c->end);
            say_str(out, "", c->url);
            say_str(out, "", c->title);
            say_str(out, "", c->quote);
        }
        say(out, "\n");
        say_parts(out, &p->content, indent + 2);
        require(p->next || p == parts->last);
    }
    require(count == parts->count);
}

/* ---- a request ---- */
static inline void say_tools(struct buf *out, const struct chat_request *r)
{
    static const char *const modes[] = {"", "auto", "none", "required", "named"};
    for (const struct chat_tool *t = r->tools; t; t = t->next) {
        say(out, t->kind == CHAT_TOOL_FUNCTION ? "function" : "tool");
        say_str(out, "", t->name);
        say_str(out, "", t->description);
        say_raw(out, "takes", t->schema);
        say_raw(out, "json", t->json);
        if (t->is_strict) say(out, t->is_strict == CHAT_YES ? " strict" : " loose");
        if (t->cache) say(out, t->cache == CHAT_CACHE_1H ? " cache 1h" : " cache 5m");
        say(out, "\n");
    }
    if (r->tool_choice) {
        say(out, "tool_choice %s", modes[r->tool_choice]);
        say_str(out, "", r->tool_choice_name);
        for (unsigned i = 0; i < r->allowed_tools.count; i++) say_str(out, "or", r->allowed_tools.at[i]);
        say(out, "\n");
    }
    if (r->parallel_tools) say(out, "parallel %s\n", r->parallel_tools == CHAT_YES ? "yes" : "no");
}

static inline void say_double(struct buf *out, const char *what, struct chat_double d)
{
    if (d.is_set) say(out, "%s %g\n", what, d.value);
}

static inline void say_int(struct buf *out, const char *what, struct chat_int n)
{
    if (n.is_set) say(out, "%s %lld\n", what, (long long)n.value);
}

static inline void say_line(struct buf *out, const char *what, struct str s)
{
    if (s.len == 0) return;
    say(out, "%s", what);
    say_str(out, "", s);
    say(out, "\n");
}

static inline void say_reasoning(struct buf *out, const struct chat_reasoning *r)
{
    static const char *const efforts[] = {"", " none", " minimal", " low", " medium", " high", " max"};
    static const char *const on[] = {"", " off", " on"}, *const shown[] = {"", " hidden", " shown"};
    if (!r->is_on && !r->effort && !r->budget.is_set && !r->is_shown) return;
    say(out, "reasoning%s%s%s", on[r->is_on], efforts[r->effort], shown[r->is_shown]);
    if (r->budget.is_set) say(out, " budget %lld", (long long)r->budget.value);
    say(out, "\n");
}

static inline void say_parameters(struct buf *out, const struct chat_request *r)
{
    static const char *const outputs[] = {"", "text", "json", "schema"};
    if (r->output.kind) {
        say(out, "output %s", outputs[r->output.kind]);
        say_str(out, "", r->output.name);
        say_str(out, "", r->output.description);
        say_raw(out, "is", r->output.schema);
        if (r->output.is_strict) say(out, r->output.is_strict == CHAT_YES ? " strict" : " loose");
        say(out, "\n");
    }
    if (r->modalities) say(out, "modalities 0x%x\n", r->modalities);
    say_line(out, "voice", r->voice);
    say_line(out, "audio_format", r->audio_format);
    if (r->max_tokens) say(out, "max_tokens %lld\n", (long long)r->max_tokens);
    say_double(out, "temperature", r->temperature);
    say_double(out, "top_p", r->top_p);
    say_double(out, "frequency_penalty", r->frequency_penalty);
    say_double(out, "presence_penalty", r->presence_penalty);
    say_int(out, "top_k", r->top_k);
    say_int(out, "seed", r->seed);
    say_int(out, "n", r->choices);
    if (r->wants_logprobs) say(out, "logprobs\n");
    say_int(out, "top_logprobs", r->top_logprobs);
    for (unsigned i = 0; i < r->stop.count; i++) say_line(out, "stop", r->stop.at[i]);
    say_reasoning(out, &r->reasoning);
    say_line(out, "user", r->user);
    if (r->metadata.len > 0) {
        say(out, "metadata");
        say_raw(out, "is", r->metadata);
        say(out, "\n");
    }
    if (r->cache) say(out, "cache %s\n", r->cache == CHAT_CACHE_1H ? "1h" : "5m");
    for (const struct chat_extra *e = r->extras; e; e = e->next) {
        say(out, "extra");
        say_str(out, "", e->name);
        say_raw(out, "is", e->json);
        say(out, "\n");
    }
}

static inline void request_text(struct buf *out, const struct chat_request *r)
{
    static const char *const roles[] = {"system", "developer", "user", "assistant", "tool"};
    say_line(out, "model", r->model);
    if (r->is_stream) say(out, r->wants_stream_usage ? "stream with usage\n" : "stream\n");
    for (const struct chat_message *m = r->messages; m; m = m->next) {
        say(out, "%s", roles[m->role]);
        say_str(out, "", m->name);
        say(out, "\n");
        say_parts(out, &m->parts, 2);
    }
    say_tools(out, r);
    say_parameters(out, r);
}

/* ---- a reply ---- */
static inline void say_usage(struct buf *out, const struct usage *u)
{
    if (!u->is_known) return;
    say(out, "usage in %lld", (long long)u->input_uncached);
    if (u->cache_read) say(out, " read %lld", (long long)u->cache_read);
    if (u->cache_write_5m) say(out, " wrote %lld", (long long)u->cache_write_5m);
    if (u->cache_write_1h) say(out, " wrote 1h %lld", (long long)u->cache_write_1h);
    say(out, " out %lld", (long long)u->output);
    if (u->reasoning) say(out, " reasoning %lld", (long long)u->reasoning);
    if (u->audio_input) say(out, " audio in %lld", (long long)u->audio_input);
    if (u->web_searches) say(out, " searches %lld", (long long)u->web_searches);
    if (u->audio_output) say(out, " audio out %lld", (long long)u->audio_output);
    say(out, "\n");
}

static inline void reply_text(struct buf *out, const struct chat_reply *r)
{
    say_line(out, "id", r->id);
    say_line(out, "model", r->model);
    if (r->created_s) say(out, "created %lld\n", (long long)r->created_s);
    for (const struct chat_choice *c = r->choices; c; c = c->next) {
        say(out, "choice %u\n", c->index);
        say_parts(out, &c->parts, 2);
        for (const struct chat_token *t = c->logprobs; t; t = t->next) {
            say(out, "  token %g", t->logprob);
            say_str(out, "", t->text);
            for (const struct chat_token *o = t->rivals; o; o = o->next) {
                say(out, " or %g", o->logprob);
                say_str(out, "", o->text);
            }
            say(out, "\n");
        }
        say(out, "  finish %s", finish_word(c->finish));
        say_str(out, "at", c->stop_sequence);
        say_str(out, "native", c->native_finish);
        say(out, "\n");
    }
    say_usage(out, &r->usage);
}

/* ---- a stream ---- */
enum { LISTENER_MAX_CHOICES = 16 };
struct listener {
    struct chat_event_sink sink;
    struct arena *arena;
    struct chat_reply reply;
    struct {
        struct chat_choice *choice;
        struct chat_part *open;
        struct buf text; /* of the open part */
        bool is_finished;
    } at[LISTENER_MAX_CHOICES];
    unsigned events, pings;
    bool has_started, has_stopped, has_content;
    bool has_failed;
    enum problem problem; /* of ERROR */
    enum rejection rejection;
    struct str message, code;
};

static inline struct str *keep(struct listener *l, struct str *to, struct str from)
{
    *to = from.len > 0 ? arena_copy(l->arena, from) : (struct str){0};
    return to;
}

static inline void hear_begin(struct listener *l, const struct chat_event *e, struct chat_choice *c)
{
    struct chat_part *p = chat_parts_add(&c->parts, l->arena, e->part_kind);
    require(!l->at[e->choice].open && e->part == c->parts.count - 1);
    keep(l, &p->id, e->id);
    keep(l, &p->name, e->name);
    keep(l, &p->signature, e->signature);
    p->format = e->format;
    p->is_redacted = e->is_redacted;
    if (e->media) {
        p->media = arena_new(l->arena, struct chat_media);
        *p->media = *e->media;
        keep(l, &p->media->mime, e->media->mime);
        keep(l, &p->media->data, e->media->data);
        keep(l, &p->media->url, e->media->url);
        keep(l, &p->media->id, e->media->id);
        keep(l, &p->media->text, e->media->text);
    }
    l->at[e->choice].open = p;
    buf_clear(&l->at[e->choice].text);
}

static inline void hear_end(struct listener *l, const struct chat_event *e, struct chat_part *p)
{
    struct str *to = p->kind == CHAT_TOOL_CALL ? &p->json
                     : p->kind == CHAT_AUDIO   ? &p->media->data
                                               : &p->text;
    require(p->kind == e->part_kind);
    if (l->at[e->choice].text.len > 0) keep(l, to, buf_str(&l->at[e->choice].text));
    l->at[e->choice].open = NULL;
}

static inline void hear_tokens(struct listener *l, const struct chat_token *from, struct chat_token **to)
{
    while (*to) to = &(*to)->next;
    for (; from; from = from->next, to = &(*to)->next) {
        *to = arena_new(l->arena, struct chat_token);
        (*to)->logprob = from->logprob;
        keep(l, &(*to)->text, from->text);
        if (from->rivals) hear_tokens(l, from->rivals, &(*to)->rivals);
    }
}

static inline void hear_citation(struct listener *l, const struct chat_citation *from,
                                 struct chat_citation **to)
{
    while (*to) to = &(*to)->next;
    *to = arena_new(l->arena, struct chat_citation);
    **to = *from;
    (*to)->next = NULL;
    keep(l, &(*to)->url, from->url);
    keep(l, &(*to)->title, from->title);
    keep(l, &(*to)->quote, from->quote);
}

/* What belongs to an open part. */
static inline void hear_more(struct listener *l, const struct chat_event *e, struct chat_part *p)
{
    require(p && e->part_kind == p->kind && e->part == l->at[e->choice].choice->parts.count - 1);
    if (e->kind == CHAT_EVENT_DELTA) {
        require(e->text.len > 0 && buf_append(&l->at[e->choice].text, e->text));
    } else if (e->kind == CHAT_EVENT_SIGNATURE) {
        keep(l, &p->signature, e->signature);
        p->format = e->format;
    } else if (e->kind == CHAT_EVENT_CITATION) {
        hear_citation(l, e->citation, &p->citations);
    } else if (e->kind == CHAT_EVENT_TRANSCRIPT) {
        const struct str pieces[] = {p->media->text, e->text};
        p->media->text = arena_join(l->arena, pieces, 2);
    } else {
        hear_end(l, e, p);
    }
}

static inline void hear_choice(struct listener *l, const struct chat_event *e)
{
    require(e->choice < LISTENER_MAX_CHOICES && !l->at[e->choice].is_finished);
    if (!l->at[e->choice].choice) {
        l->at[e->choice].choice = chat_reply_add_choice(&l->reply, l->arena);
        l->at[e->choice].choice->index = e->choice;
        buf_init(&l->at[e->choice].text, 64 << 20);
    }
    struct chat_choice *c = l->at[e->choice].choice;
    if (e->kind == CHAT_EVENT_BEGIN) {
        hear_begin(l, e, c);
    } else if (e->kind == CHAT_EVENT_LOGPROBS) {
        hear_tokens(l, e->logprobs, &c->logprobs);
    } else if (e->kind == CHAT_EVENT_FINISH) {
        require(!l->at[e->choice].open);
        l->at[e->choice].is_finished = true;
        c->finish = e->finish;
        keep(l, &c->stop_sequence, e->stop_sequence);
        keep(l, &c->native_finish, e->native_finish);
    } else {
        hear_more(l, e, l->at[e->choice].open);
    }
}

static inline void listener_take(struct chat_event_sink *sink, const struct chat_event *e)
{
    struct listener *l = CONTAINER_OF(sink, struct listener, sink);
    require(!l->has_stopped && !l->has_failed && l->has_started == (e->kind != CHAT_EVENT_START));
    l->events++;
    if (chat_event_is_content(e)) l->has_content = true;
    switch (e->kind) {
    case CHAT_EVENT_START:
        l->has_started = true;
        keep(l, &l->reply.id, e->id);
        keep(l, &l->reply.model, e->name);
        l->reply.created_s = e->created_s;
        if (e->usage) l->reply.usage = *e->usage;
        break;
    case CHAT_EVENT_STOP: l->has_stopped = true; /* fall through */
    case CHAT_EVENT_USAGE: l->reply.usage = *e->usage; break;
    case CHAT_EVENT_PING: l->pings++; break;
    case CHAT_EVENT_ERROR:
        l->has_failed = true;
        l->problem = e->error->problem;
        l->rejection = e->error->rejection;
        keep(l, &l->message, e->error->message);
        keep(l, &l->code, e->error->code);
        break;
    case CHAT_EVENT_BEGIN:
    case CHAT_EVENT_DELTA:
    case CHAT_EVENT_SIGNATURE:
    case CHAT_EVENT_CITATION:
    case CHAT_EVENT_TRANSCRIPT:
    case CHAT_EVENT_LOGPROBS:
    case CHAT_EVENT_END:
    case CHAT_EVENT_FINISH: hear_choice(l, e); break;
    }
}

static inline void listener_init(struct listener *l, struct arena *a)
{
    *l = (struct listener){.sink = {listener_take}, .arena = a};
}

static inline void listener_done(struct listener *l)
{
    for (size_t i = 0; i < LISTENER_MAX_CHOICES; i++)
        if (l->at[i].choice) buf_done(&l->at[i].text);
}

/* What a stream said: as reply_text() would, with "open" for parts that were never ended and how it failed. */
static inline void listener_text(struct buf *out, const struct listener *l)
{
    reply_text(out, &l->reply);
    for (size_t i = 0; i < LISTENER_MAX_CHOICES; i++)
        if (l->at[i].open) {
            say(out, "choice %zu has an open part", i);
            say_str(out, "", buf_str(&l->at[i].text));
            say(out, "\n");
        }
    if (l->has_failed) {
        say(out, "error %d %d", (int)l->problem, (int)l->rejection);
        say_str(out, "code", l->code);
        say_str(out, "", l->message);
        say(out, "\n");
    }
    say(out, l->has_stopped ? "stop\n" : "no stop\n");
}

/* Reads a whole event stream, cut into pieces of `step` bytes, with a dialect's reader. */
#include "http/sse.h"

struct stream_run {
    enum ending ending;
    bool is_malformed;
    unsigned seen;
};
static inline struct stream_run listen_to(struct listener *l, const struct dialect *d, struct str bytes,
                                          size_t step, const struct chat_request *request)
{
    struct stream_run run = {0};
    struct event_reader *r = d->open_reader(l->arena, request);
    struct sse_reader sse;
    struct sse_event e;
    struct chat_error chat_err;
    struct err err;
    sse_init(&sse, 16 << 20);
    for (size_t at = 0; at < bytes.len && !run.is_malformed; at += step) {
        struct arena chunk; /* memory of its own, which ends: nothing lent may be kept */
        arena_init(&chunk);
        sse_feed(&sse, arena_copy(&chunk, str_part(bytes, at, step)));
        enum sse s;
        while ((s = sse_next(&sse, &e, &err)) == SSE_EVENT && !run.is_malformed)
            if (e.is_dispatched && !d->read_event(r, e.name, e.data, &l->sink, &chat_err))
                run.is_malformed = true;
        run.is_malformed = run.is_malformed || s == SSE_BAD;
        arena_done(&chunk);
    }
    run.ending = run.is_malformed ? ENDING_INCOMPLETE : d->read_end(r, &l->sink);
    if (d->close_reader) d->close_reader(r);
    sse_done(&sse);
    return run;
}

#endif
