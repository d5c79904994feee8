/* dialects/gemini_reply.c: whole answers in Gemini's format, read from a provider and written to a caller; and what whole
 * answers and streams have in common: finish reasons, usage, tokens.
 *
 * A prompt that Google refuses has no candidates, only promptFeedback.blockReason: one choice that says nothing and was
 * filtered. Enums may come as numbers ($alt=json;enum-encoding=int). */
#include "dialects/gemini.h"

#include "dialects/tool_calls.h"
#include "json/check.h"

/* ---- why it ended ---- */
/* https://ai.google.dev/api/generate-content#FinishReason and Vertex's own. Of each finish the first is the one to write;
 * rows stand in the order of their numbers up to 5, which both services share. */
static const struct word finish_rows[] = {
    {STR_INIT("FINISH_REASON_UNSPECIFIED"), FINISH_NONE},
    {STR_INIT("STOP"), FINISH_STOP},
    {STR_INIT("MAX_TOKENS"), FINISH_LENGTH},
    {STR_INIT("SAFETY"), FINISH_FILTER},
    {STR_INIT("RECITATION"), FINISH_FILTER},
    {STR_INIT("OTHER"), FINISH_STOP},
    {STR_INIT("LANGUAGE"), FINISH_FILTER},
    {STR_INIT("BLOCKLIST"), FINISH_FILTER},
    {STR_INIT("PROHIBITED_CONTENT"), FINISH_FILTER},
    {STR_INIT("SPII"), FINISH_FILTER},
    {STR_INIT("MODEL_ARMOR"), FINISH_FILTER},
    {STR_INIT("IMAGE_SAFETY"), FINISH_FILTER},
    {STR_INIT("IMAGE_PROHIBITED_CONTENT"), FINISH_FILTER},
    {STR_INIT("IMAGE_RECITATION"), FINISH_FILTER},
};
static const struct words finish_words = WORDS(finish_rows);
enum { NUMBERED_FINISHES = 6 };

enum chat_finish gemini_read_finish(struct json_value word, struct arena *a, struct str *native)
{
    struct str said = {0};
    int64_t number;
    int finish = FINISH_STOP; /* a word that nobody knows is an end all the same */
    *native = (struct str){0};
    if (json_to_i64(word, &number))
        said = number >= 0 && number < NUMBERED_FINISHES ? finish_rows[number].word : STR("OTHER");
    else if (!json_to_str(word, a, &said))
        return FINISH_NONE;
    if (said.len == 0) return FINISH_NONE;
    (void)!words_find(&finish_words, said, &finish);
    if (finish != FINISH_NONE && !str_equals(said, words_of(&finish_words, finish))) *native = said;
    return (enum chat_finish)finish;
}

struct str gemini_finish_word(enum chat_finish finish, struct str native)
{
    int known = FINISH_STOP;
    if (finish == FINISH_TOOL_CALLS || finish == FINISH_NONE) finish = FINISH_STOP;
    bool is_word = native.len > 0;
    for (size_t i = 0; i < native.len; i++)
        is_word = is_word && (native.at[i] == '_' || (native.at[i] >= 'A' && native.at[i] <= 'Z'));
    (void)!words_find(&finish_words, native, &known);
    return is_word && known == (int)finish ? native : words_of(&finish_words, (int)finish);
}

bool gemini_read_block(struct json_value feedback, struct arena *a, struct str *native)
{
    struct json_value reason = json_get(feedback, STR("blockReason"));
    int64_t number = 0;
    *native = (struct str){0};
    if (json_to_i64(reason, &number)) return number != 0;
    return json_to_str(reason, a, native) && native->len > 0 &&
           !str_equals(*native, STR("BLOCK_REASON_UNSPECIFIED"));
}

/* ---- usage ---- */
/* Clipped, so that sums of a few stay numbers whatever a provider says. */
static int64_t tokens(struct json_value v)
{
    const int64_t most = (int64_t)1 << 50;
    int64_t n = 0;
    if (!json_to_i64(v, &n) || n < 0) return 0;
    return n < most ? n : most;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Of a list of {"modality", "tokenCount"}; 4 is AUDIO where enums are numbers. */
static int64_t audio_tokens(struct json_value details)
{
    struct json_items it;
    struct json_value item;
    int64_t number;
    json_items_init(&it, details);
    while (json_items_next(&it, &item)) {
        struct json_value modality = json_get(item, STR("modality"));
        if (json_str_equals(modality, STR("AUDIO")) || (json_to_i64(modality, &number) && number == 4))
            return tokens(json_get(item, STR("tokenCount")));
    }
    return 0;
}

enum usage_member {
    PROMPT,
    CACHED,
    CANDIDATES,
    THOUGHTS,
    TOOL_USE,
    PROMPT_DETAILS,
    OUTPUT_DETAILS,
    USAGE_COUNT
};
static const struct str usage_names[USAGE_COUNT] = {
    [PROMPT] = STR_INIT("promptTokenCount"),
    [CACHED] = STR_INIT("cachedContentTokenCount"),
    [CANDIDATES] = STR_INIT("candidatesTokenCount"),
    [THOUGHTS] = STR_INIT("thoughtsTokenCount"),
    [TOOL_USE] = STR_INIT("toolUsePromptTokenCount"),
    [PROMPT_DETAILS] = STR_INIT("promptTokensDetails"),
    [OUTPUT_DETAILS] = STR_INIT("candidatesTokensDetails"),
};

/* promptTokenCount holds the cached ones; what tools of Google's own put into the prompt comes on top, and so do thoughts
 * on top of candidates. A count of zero is left out, and chunks of a stream may have nothing but a trafficType. */
void gemini_read_usage(struct usage *u, struct json_value metadata)
{
    struct json_value got[USAGE_COUNT] = {0}, key, value;
    struct json_members it;
    json_members_init(&it, metadata);
    while (json_members_next(&it, &key, &value))
        for (int i = 0; i < USAGE_COUNT; i++)
            if (json_str_equals(key, usage_names[i])) got[i] = value;
    if (json_exists(got[PROMPT])) {
        int64_t prompt = tokens(got[PROMPT]);
        u->cache_read = least(tokens(got[CACHED]), prompt);
        u->input_uncached = prompt - u->cache_read + tokens(got[TOOL_USE]);
        u->audio_input = least(audio_tokens(got[PROMPT_DETAILS]), u->input_uncached);
        u->is_known = true;
    }
    if (json_exists(got[CANDIDATES])) {
        u->output = tokens(got[CANDIDATES]);
        u->audio_output = least(audio_tokens(got[OUTPUT_DETAILS]), u->output);
        u->is_known = true;
    }
    if (json_exists(got[THOUGHTS])) {
        u->reasoning = tokens(got[THOUGHTS]);
        u->is_known = true;
    }
}

static void put_modality(struct json_writer *w, struct str modality, int64_t count)
{
    if (count <= 0) return;
    json_begin_object(w);
    json_put_str(w, STR("modality"), modality);
    json_put_i64(w, STR("tokenCount"), count);
    json_end_object(w);
}

static void put_details(struct json_writer *w, struct str name, int64_t all, int64_t audio)
{
    if (audio <= 0) return;
    begin_array_at(w, name);
    put_modality(w, STR("TEXT"), all - audio);
    put_modality(w, STR("AUDIO"), audio);
    json_end_array(w);
}

void gemini_put_usage(struct json_writer *w, const struct usage *u)
{
    begin_object_at(w, STR("usageMetadata"));
    json_put_i64(w, STR("promptTokenCount"), usage_input(u));
    put_i64_if(w, STR("cachedContentTokenCount"), u->cache_read);
    json_put_i64(w, STR("candidatesTokenCount"), u->output);
    put_i64_if(w, STR("thoughtsTokenCount"), u->reasoning);
    json_put_i64(w, STR("totalTokenCount"), usage_total(u));
    put_details(w, STR("promptTokensDetails"), usage_input(u), u->audio_input);
    put_details(w, STR("candidatesTokensDetails"), u->output, u->audio_output);
    json_end_object(w);
}

/* ---- tokens ---- */
static struct chat_token *read_tokens(struct json_value list, struct arena *a)
{
    struct chat_token *first = NULL, **end = &first;
    struct json_items it;
    struct json_value item;
    json_items_init(&it, list);
    while (json_items_next(&it, &item)) {
        struct chat_token *t = arena_new(a, struct chat_token);
        t->text = member_text(item, STR("token"), a);
        (void)!json_to_double(json_get(item, STR("logProbability")), &t->logprob);
        *end = t;
        end = &t->next;
    }
    return first;
}

struct chat_token *gemini_read_logprobs(struct json_value result, struct arena *a)
{
    struct chat_token *tokens = read_tokens(json_get(result, STR("chosenCandidates")), a), *t = tokens;
    struct json_items it;
    struct json_value item;
    json_items_init(&it, json_get(result, STR("topCandidates")));
    for (; t && json_items_next(&it, &item); t = t->next)
        t->rivals = read_tokens(json_get(item, STR("candidates")), a);
    return tokens;
}

static void put_token(struct json_writer *w, const struct chat_token *t)
{
    json_begin_object(w);
    json_put_str(w, STR("token"), t->text);
    json_put_double(w, STR("logProbability"), t->logprob);
    json_end_object(w);
}

void gemini_put_logprobs(struct json_writer *w, const struct chat_token *tokens)
{
    if (!tokens) return;
    begin_object_at(w, STR("logprobsResult"));
    begin_array_at(w, STR("topCandidates"));
    for (const struct chat_token *t = tokens; t; t = t->next) {
        json_begin_object(w);
        begin_array_at(w, STR("candidates"));
        for (const struct chat_token *rival = t->rivals; rival; rival = rival->next) put_token(w, rival);
        json_end_array(w);
        json_end_object(w);
    }
    json_end_array(w);
    begin_array_at(w, STR("chosenCandidates"));
    for (const struct chat_token *t = tokens; t; t = t->next) put_token(w, t);
    json_end_array(w);
    json_end_object(w);
}

/* ---- reading ---- */
struct candidate {
    int64_t index;
    struct json_value content, finish, grounding, citations, logprobs;
};
struct reply_draft {
    struct chat_reply reply;
    struct json_value candidates, usage, feedback, error;
    const struct chat_request *request;
    unsigned calls;
};

struct str gemini_call_id(struct str id, struct str reply_id, unsigned n, struct arena *a)
{
    return id.len > 0 ? id : tool_id_make(reply_id.len > 0 ? reply_id : STR("reply"), n, a);
}

static bool read_content(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {MEMBER_CALL("parts", gemini_read_parts)};
    static const struct members members = MEMBERS(rows);
    return read_members(r, v, &members, into);
}

/* The text that a source means: the part with its number, else the last. */
static struct chat_part *cited_part(const struct chat_parts *parts, int64_t number)
{
    struct chat_part *found = NULL;
    int64_t i = 0;
    for (struct chat_part *p = parts->first; p; p = p->next, i++) {
        if (p->kind != CHAT_TEXT) continue;
        found = p;
        if (i >= number) break;
    }
    return found;
}

static void place_sources(struct chat_parts *parts, const struct gemini_sources *sources, struct arena *a)
{
    for (unsigned i = 0; i < sources->count; i++) {
        const struct gemini_source *s = &sources->at[i];
        struct chat_part *part = cited_part(parts, s->part);
        if (!part) return;
        struct chat_citation **end = &part->citations, *c = arena_new(a, struct chat_citation);
        while (*end) end = &(*end)->next; /* a few hundred at most */
        *c = s->citation;
        c->start = gemini_characters(part->text, c->start);
        c->end = gemini_characters(part->text, c->end);
        *end = c;
    }
}

static bool read_candidate(struct reading *r, void *into, struct json_value v)
{
    static const struct member rows[] = {
        MEMBER_AT("index", MEMBER_I64, struct candidate, index),
        MEMBER_AT("content", MEMBER_VALUE, struct candidate, content),
        MEMBER_AT("finishReason", MEMBER_VALUE, struct candidate, finish),
        MEMBER_AT("groundingMetadata", MEMBER_VALUE, struct candidate, grounding),
        MEMBER_AT("citationMetadata", MEMBER_VALUE, struct candidate, citations),
        MEMBER_AT("logprobsResult", MEMBER_VALUE, struct candidate, logprobs),
    };
    static const struct members members = MEMBERS(rows);
    struct reply_draft *d = into;
    struct candidate got = {.index = -1};
    struct gemini_sources sources;
    bool has_calls = false;
    if (!read_members(r, v, &members, &got)) return false;
    struct chat_choice *c = chat_reply_add_choice(&d->reply, r->arena);
    if (got.index >= 0 && got.index < UINT16_MAX) c->index = (unsigned)got.index;
    if (!read_later(r, STR("content"), got.content, read_content, &c->parts)) return false;
    for (struct chat_part *p = c->parts.first; p; p = p->next) {
        if (p->kind != CHAT_TOOL_CALL) continue;
        has_calls = true;
        p->id = gemini_call_id(p->id, d->reply.id, d->calls++, r->arena);
        p->name = tool_name_from(&TOOL_NAMES_GEMINI, p->name, d->request, r->arena);
    }
    gemini_read_sources(&sources, got.grounding, got.citations, r->arena);
    place_sources(&c->parts, &sources, r->arena);
    c->logprobs = gemini_read_logprobs(got.logprobs, r->arena);
    enum chat_finish finish = gemini_read_finish(got.finish, r->arena, &c->native_finish);
    if (finish == FINISH_NONE && c->parts.count > 0) finish = FINISH_STOP;
    c->finish = chat_finish_settled(finish, has_calls);
    return true;
}

static bool read_candidates(struct reading *r, void *into, struct json_value v)
{
    return read_items(r, v, read_candidate, into);
}

static const struct member reply_rows[] = {
    MEMBER_AT("responseId", MEMBER_STR, struct reply_draft, reply.id),
    MEMBER_AT("modelVersion", MEMBER_STR, struct reply_draft, reply.model),
    MEMBER_AT("candidates", MEMBER_VALUE, struct reply_draft, candidates),
    MEMBER_AT("usageMetadata", MEMBER_VALUE, struct reply_draft, usage),
    MEMBER_AT("promptFeedback", MEMBER_VALUE, struct reply_draft, feedback),
    MEMBER_AT("error", MEMBER_VALUE, struct reply_draft, error),
};
static const struct members reply_members = MEMBERS(reply_rows);

static bool refuse_reply(struct chat_error *err, struct str message)
{
    *err = (struct chat_error){.problem = PROBLEM_UPSTREAM, .message = message};
    return false;
}

bool gemini_read_reply(struct chat_reply *out, struct arena *a, const struct http_message *in,
                       const struct chat_request *request, struct chat_error *err)
{
    struct reading r;
    struct reply_draft d = {.request = request};
    struct err broken;
    struct str why;
    reading_init(&r, a, err, true);
    if (!json_check(in->body, NULL, 0, NULL, &broken))
        return refuse_reply(err, arena_printf(a, "The provider's reply is not JSON: %s", broken.text));
    if (!read_members(&r, json_value_of(in->body), &reply_members, &d) ||
        !read_later(&r, STR("candidates"), d.candidates, read_candidates, &d))
        return false;
    if (!d.reply.choices && d.error.type == JSON_OBJECT) {
        gemini_read_error(err, d.error, a);
        return false;
    }
    if (!d.reply.choices && gemini_read_block(d.feedback, a, &why)) {
        struct chat_choice *c = chat_reply_add_choice(&d.reply, a);
        c->finish = FINISH_FILTER;
        c->native_finish = why;
    }
    if (!d.reply.choices) return refuse_reply(err, STR("The provider's reply has no candidates."));
    for (const struct chat_choice *c = d.reply.choices; c; c = c->next)
        if (c->finish == FINISH_NONE)
            return refuse_reply(
                err, STR("The provider's reply has a candidate without content and finishReason."));
    gemini_read_usage(&d.reply.usage, d.usage);
    *out = d.reply;
    return true;
}

/* ---- writing ---- */
static void put_content(struct json_writer *w, const struct chat_parts *parts,
                        const struct gemini_style *style)
{
    const struct chat_part *signer = NULL; /* a thought whose signature goes onto the next call */
    begin_object_at(w, STR("content"));
    if (parts->count > 0) begin_array_at(w, STR("parts"));
    for (const struct chat_part *p = parts->first; p; p = p->next) {
        bool is_foreign = p->kind == CHAT_THINKING && p->format != CHAT_FORMAT_GEMINI && !p->is_redacted;
        if (is_foreign && p->signature.len > 0) signer = p;
        struct chat_part copy = *p;
        if (p->kind == CHAT_TOOL_CALL && p->signature.len == 0 && signer) {
            copy.signature = signer->signature;
            copy.format = signer->format;
            signer = NULL;
        }
        (void)gemini_put_part(w, &copy, style);
    }
    if (parts->count > 0) json_end_array(w);
    json_put_str(w, STR("role"), STR("model"));
    json_end_object(w);
}

static void put_citations(struct json_writer *w, const struct chat_parts *parts, struct arena *a)
{
    struct gemini_sources sources = {0};
    int64_t number = 0;
    for (const struct chat_part *p = parts->first; p; p = p->next)
        for (const struct chat_citation *c = p->citations; c; c = c->next)
            if (c->url.len > 0) sources.count++;
    if (sources.count == 0) return;
    sources.at = arena_new_array(a, struct gemini_source, sources.count);
    sources.count = 0;
    for (const struct chat_part *p = parts->first; p; p = p->next, number++)
        for (const struct chat_citation *c = p->citations; c; c = c->next) {
            if (c->url.len == 0) continue;
            struct gemini_source *s = &sources.at[sources.count++];
            s->citation = *c;
            s->part = number;
            s->citation.start = gemini_bytes(p->text, c->start);
            s->citation.end = gemini_bytes(p->text, c->end);
        }
    gemini_put_sources(w, &sources);
}

static void put_candidate(struct json_writer *w, const struct chat_choice *c,
                          const struct gemini_style *style)
{
    json_begin_object(w);
    put_content(w, &c->parts, style);
    json_put_str(w, STR("finishReason"), gemini_finish_word(c->finish, c->native_finish));
    json_put_i64(w, STR("index"), c->index);
    put_citations(w, &c->parts, style->arena);
    gemini_put_logprobs(w, c->logprobs);
    json_end_object(w);
}

bool gemini_write_reply(struct buf *out, const struct chat_reply *reply, const struct reply_frame *frame)
{
    const struct gemini_style style = {.arena = frame->arena, .ids_carry_signatures = true};
    struct json_writer w;
    json_writer_init(&w, out, 0);
    json_begin_object(&w);
    begin_array_at(&w, STR("candidates"));
    for (const struct chat_choice *c = reply->choices; c; c = c->next) put_candidate(&w, c, &style);
    json_end_array(&w);
    if (reply->usage.is_known) gemini_put_usage(&w, &reply->usage);
    json_put_str(&w, STR("modelVersion"), reply->model.len > 0 ? reply->model : frame->model);
    json_put_str(&w, STR("responseId"), reply->id.len > 0 ? reply->id : frame->id);
    json_end_object(&w);
    return json_writer_finish(&w);
}
