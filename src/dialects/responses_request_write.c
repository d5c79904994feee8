/* dialects/responses_request_write.c: the neutral request in OpenAI's Responses format. What a service or model wants
 * otherwise is in the traits (chat/traits.h); what cannot be said is a loss.
 *
 * A system's words at the beginning are the "instructions"; an assistant's turn is as many items as it has thoughts, runs of
 * words, and calls. Thoughts go back to whoever signed them. Nothing is stored unless that was asked for, so thoughts that
 * will be needed again must come encrypted ("include"). */
#include "dialects/responses.h"

#include "chat/reasoning.h"
#include "dialects/openai_chat.h"
#include "dialects/tool_calls.h"

struct draft {
    struct json_writer w;
    struct arena *arena;
    const struct chat_request *in;
    const struct model_traits *traits;
    struct losses *dropped;
    bool sends_thoughts; /* of past turns, encrypted */
};

static bool has_trait(const struct draft *d, enum model_trait trait)
{
    return (d->traits->bits & trait) != 0;
}

/* Is it asked for and taken? Asked for and refused is a loss. */
static bool takes(struct draft *d, bool is_asked, enum model_trait refusal, struct str name)
{
    if (!is_asked || !has_trait(d, refusal)) return is_asked;
    losses_add(d->dropped, name);
    return false;
}

static void lose(struct draft *d, const char *prefix, struct str name)
{
    losses_add(d->dropped,
               arena_printf(d->arena, "%s%.*s", prefix, STR_ARG(str_part(name, 0, LOSS_NAME_MAX_BYTES))));
}

static void lose_part(struct draft *d, const struct chat_part *p)
{
    static const char *const names[] = {
        [CHAT_TEXT] = "text",
        [CHAT_THINKING] = "thinking",
        [CHAT_TOOL_CALL] = "tool_calls",
        [CHAT_TOOL_RESULT] = "tool_result",
        [CHAT_IMAGE] = "image",
        [CHAT_AUDIO] = "input_audio",
        [CHAT_VIDEO] = "video",
        [CHAT_DOCUMENT] = "file",
        [CHAT_REFUSAL] = "refusal",
        [CHAT_OTHER] = "",
    };
    lose(d, names[p->kind], p->kind == CHAT_OTHER ? p->name : STR(""));
}

static void note_cache(struct draft *d, enum chat_cache cache)
{
    losses_add_if(d->dropped, cache != CHAT_CACHE_NONE, STR("cache_control"));
}

/* ---- contents ---- */
/* An item of its own, not a part of a message's content. */
static bool is_item(const struct chat_part *p)
{
    return p->kind == CHAT_OTHER && p->format == CHAT_FORMAT_OPENAI_RESPONSES &&
           !str_starts_with(p->name, STR("input_")) && !str_starts_with(p->name, STR("output_"));
}

static void put_part(struct draft *d, const struct chat_part *p)
{
    note_cache(d, p->cache);
    bool is_image_refused = p->kind == CHAT_IMAGE && has_trait(d, TRAIT_NO_IMAGES);
    if (is_image_refused || !responses_put_input(&d->w, p, d->arena)) lose_part(d, p);
}

/* One text is a string; anything else a list. */
static void put_content(struct draft *d, struct str name, const struct chat_part *first,
                        const struct chat_part *end)
{
    json_write_key(&d->w, name);
    if (first == end) {
        json_write_str(&d->w, STR(""));
    } else if (first->next == end && first->kind == CHAT_TEXT) {
        note_cache(d, first->cache);
        json_write_str(&d->w, first->text);
    } else {
        json_begin_array(&d->w);
        for (const struct chat_part *p = first; p != end; p = p->next) put_part(d, p);
        json_end_array(&d->w);
    }
}

/* ---- turns ---- */
/* Items that only this format has stand between the messages that the rest becomes. */
static void put_turn(struct draft *d, struct str role, const struct chat_message *m)
{
    const struct chat_part *p = m->parts.first;
    losses_add_if(d->dropped, m->name.len > 0, STR("name"));
    do {
        const struct chat_part *from = p;
        while (p && !is_item(p)) p = p->next;
        if (from != p || !from) {
            json_begin_object(&d->w);
            json_put_str(&d->w, STR("role"), role);
            put_content(d, STR("content"), from, p);
            json_end_object(&d->w);
        }
        if (!p) return;
        json_write_raw(&d->w, p->json);
        p = p->next;
    } while (p);
}

static bool is_said(const struct chat_part *p)
{
    return p->kind == CHAT_TEXT || p->kind == CHAT_REFUSAL;
}

/* A run of words and refusals; returns what is behind it. */
static const struct chat_part *put_words(struct draft *d, const struct chat_part *p)
{
    json_begin_object(&d->w);
    json_put_str(&d->w, STR("type"), STR("message"));
    json_put_str(&d->w, STR("role"), STR("assistant"));
    begin_array_at(&d->w, STR("content"));
    for (; p && is_said(p); p = p->next) {
        struct str member = p->kind == CHAT_TEXT ? STR("text") : STR("refusal");
        note_cache(d, p->cache);
        json_begin_object(&d->w);
        json_put_str(&d->w, STR("type"), p->kind == CHAT_TEXT ? STR("output_text") : STR("refusal"));
        json_put_str(&d->w, member, p->text);
        if (p->citations) {
            begin_array_at(&d->w, STR("annotations"));
            for (const struct chat_citation *c = p->citations; c; c = c->next)
                if (c->url.len > 0) responses_put_citation(&d->w, c);
            json_end_array(&d->w);
        }
        json_end_object(&d->w);
    }
    json_end_array(&d->w);
    json_end_object(&d->w);
    return p;
}

/* What OpenAI signed, or only named; the words of others where the service wants them (DeepSeek). */
static void put_thought(struct draft *d, const struct chat_part *p)
{
    bool is_ours = p->format == CHAT_FORMAT_OPENAI_RESPONSES && (p->signature.len > 0 || p->id.len > 0);
    bool is_told = p->text.len > 0 && has_trait(d, TRAIT_REASONING_CONTENT);
    losses_add_if(d->dropped, !is_ours && !is_told, STR("thinking"));
    if (!is_ours && !is_told) return;
    json_begin_object(&d->w);
    json_put_str(&d->w, STR("type"), STR("reasoning"));
    if (is_ours) put_str_if(&d->w, STR("id"), p->id);
    struct str list = is_told ? STR("content") : STR("summary");
    if (is_told) json_put_raw(&d->w, STR("summary"), STR("[]"));
    begin_array_at(&d->w, list);
    if (p->text.len > 0) {
        json_begin_object(&d->w);
        json_put_str(&d->w, STR("type"), is_told ? STR("reasoning_text") : STR("summary_text"));
        json_put_str(&d->w, STR("text"), p->text);
        json_end_object(&d->w);
    }
    json_end_array(&d->w);
    if (is_ours) put_str_if(&d->w, STR("encrypted_content"), p->signature);
    json_end_object(&d->w);
    d->sends_thoughts = d->sends_thoughts || (is_ours && p->signature.len > 0);
}

static void put_call(struct draft *d, const struct chat_part *p)
{
    note_cache(d, p->cache);
    json_begin_object(&d->w);
    json_put_str(&d->w, STR("type"), STR("function_call"));
    json_put_str(&d->w, STR("call_id"), p->id);
    json_put_str(&d->w, STR("name"), tool_name_to(&TOOL_NAMES_OPENAI, p->name, d->arena));
    json_put_str(&d->w, STR("arguments"), str_trim(p->json).len > 0 ? p->json : STR("{}"));
    json_end_object(&d->w);
}

/* An image that this service made; others' are no item of its. */
static bool put_made_image(struct draft *d, const struct chat_part *p)
{
    if (!str_starts_with(p->media->id, STR("ig_")) || p->media->data.len == 0) return false;
    json_begin_object(&d->w);
    json_put_str(&d->w, STR("type"), STR("image_generation_call"));
    json_put_str(&d->w, STR("id"), p->media->id);
    json_put_str(&d->w, STR("status"), STR("completed"));
    json_put_str(&d->w, STR("result"), p->media->data);
    json_end_object(&d->w);
    return true;
}

static void put_assistant(struct draft *d, const struct chat_message *m)
{
    losses_add_if(d->dropped, m->name.len > 0, STR("name"));
    for (const struct chat_part *p = m->parts.first; p;) {
        if (is_said(p)) {
            p = put_words(d, p);
            continue;
        }
        if (p->kind == CHAT_THINKING)
            put_thought(d, p);
        else if (p->kind == CHAT_TOOL_CALL)
            put_call(d, p);
        else if (is_item(p))
            json_write_raw(&d->w, p->json);
        else if (p->kind != CHAT_IMAGE || !put_made_image(d, p))
            lose_part(d, p);
        p = p->next;
    }
}

static void put_results(struct draft *d, const struct chat_message *m)
{
    for (const struct chat_part *p = m->parts.first; p; p = p->next) {
        if (p->kind != CHAT_TOOL_RESULT) continue;
        note_cache(d, p->cache);
        losses_add_if(d->dropped, p->is_error, STR("is_error"));
        json_begin_object(&d->w);
        json_put_str(&d->w, STR("type"), STR("function_call_output"));
        json_put_str(&d->w, STR("call_id"), p->id);
        put_content(d, STR("output"), p->content.first, NULL);
        json_end_object(&d->w);
    }
}

static bool is_instruction(const struct chat_message *m)
{
    return m && m->role == CHAT_ROLE_SYSTEM && m->parts.count == 1 && m->parts.first->kind == CHAT_TEXT &&
           m->parts.first->text.len > 0 && m->name.len == 0;
}

static void put_input(struct draft *d)
{
    const struct chat_message *m = d->in->messages;
    struct str system = has_trait(d, TRAIT_DEVELOPER_ROLE) ? STR("developer") : STR("system");
    if (is_instruction(m)) {
        note_cache(d, m->parts.first->cache);
        json_put_str(&d->w, STR("instructions"), m->parts.first->text);
        m = m->next;
    }
    begin_array_at(&d->w, STR("input"));
    for (; m; m = m->next) {
        switch (m->role) {
        case CHAT_ROLE_SYSTEM: put_turn(d, system, m); break;
        case CHAT_ROLE_DEVELOPER: put_turn(d, STR("developer"), m); break;
        case CHAT_ROLE_USER: put_turn(d, STR("user"), m); break;
        case CHAT_ROLE_ASSISTANT: put_assistant(d, m); break;
        case CHAT_ROLE_TOOL: put_results(d, m); break;
        }
    }
    json_end_array(&d->w);
}

/* ---- tools ---- */
/* Functions are strict here unless they say otherwise, and nowhere else. */
void responses_put_tool(struct json_writer *w, const struct chat_tool *t, const struct chat_request *in,
                        const struct request_style *style)
{
    if (t->kind == CHAT_TOOL_OTHER) {
        json_write_raw(w, t->json);
        return;
    }
    json_begin_object(w);
    json_put_str(w, STR("type"), STR("function"));
    json_put_str(w, STR("name"),
                 style->names_are_changed ? tool_name_to(&TOOL_NAMES_OPENAI, t->name, style->arena)
                                          : t->name);
    put_str_if(w, STR("description"), t->description);
    json_put_raw(w, STR("parameters"),
                 t->schema.len > 0 ? t->schema : STR("{\"type\":\"object\",\"properties\":{}}"));
    if (t->is_strict == CHAT_UNSAID && in->format != CHAT_FORMAT_OPENAI_RESPONSES)
        json_put_bool(w, STR("strict"), false);
    else
        put_bool_if(w, STR("strict"), t->is_strict);
    json_end_object(w);
}

static void put_function_name(struct json_writer *w, struct str name, const struct request_style *style)
{
    json_put_str(w, STR("type"), STR("function"));
    json_put_str(w, STR("name"),
                 style->names_are_changed ? tool_name_to(&TOOL_NAMES_OPENAI, name, style->arena) : name);
}

void responses_put_choice(struct json_writer *w, const struct chat_request *in,
                          const struct request_style *style)
{
    static const struct word rows[] = {
        {STR_INIT("auto"), CHAT_CHOICE_AUTO},
        {STR_INIT("none"), CHAT_CHOICE_NONE},
        {STR_INIT("required"), CHAT_CHOICE_REQUIRED},
    };
    static const struct words words = WORDS(rows);
    struct str extra = chat_request_extra(in, CHAT_FORMAT_OPENAI_RESPONSES, STR("tool_choice"));
    struct str word = words_of(&words, (int)in->tool_choice);
    if (extra.len > 0) {
        json_put_raw(w, STR("tool_choice"), extra);
    } else if (in->allowed_tools.count > 0 && word.len > 0 && in->tool_choice != CHAT_CHOICE_NONE) {
        begin_object_at(w, STR("tool_choice"));
        json_put_str(w, STR("type"), STR("allowed_tools"));
        json_put_str(w, STR("mode"), word);
        begin_array_at(w, STR("tools"));
        for (unsigned i = 0; i < in->allowed_tools.count; i++) {
            json_begin_object(w);
            put_function_name(w, in->allowed_tools.at[i], style);
            json_end_object(w);
        }
        json_end_array(w);
        json_end_object(w);
    } else if (in->tool_choice == CHAT_CHOICE_NAMED && chat_request_tool(in, in->tool_choice_name)) {
        begin_object_at(w, STR("tool_choice"));
        put_function_name(w, in->tool_choice_name, style);
        json_end_object(w);
    } else {
        put_str_if(w, STR("tool_choice"), word);
    }
}

static bool is_sent(const struct chat_tool *t)
{
    return t->kind == CHAT_TOOL_FUNCTION || t->format == CHAT_FORMAT_OPENAI_RESPONSES;
}

static void put_tools(struct draft *d)
{
    const struct request_style style = {.arena = d->arena, .names_are_changed = true};
    unsigned count = 0;
    for (const struct chat_tool *t = d->in->tools; t; t = t->next) {
        note_cache(d, t->cache);
        if (is_sent(t))
            count++;
        else
            lose(d, "tools.", t->name);
    }
    if (!takes(d, count > 0, TRAIT_NO_TOOLS, STR("tools"))) return;
    begin_array_at(&d->w, STR("tools"));
    for (const struct chat_tool *t = d->in->tools; t; t = t->next)
        if (is_sent(t)) responses_put_tool(&d->w, t, d->in, &style);
    json_end_array(&d->w);
    responses_put_choice(&d->w, d->in, &style);
    if (takes(d, d->in->parallel_tools != CHAT_UNSAID, TRAIT_NO_PARALLEL_TOOLS, STR("parallel_tool_calls")))
        put_bool_if(&d->w, STR("parallel_tool_calls"), d->in->parallel_tools);
}

/* ---- the answer's form ---- */
void responses_put_output(struct json_writer *w, const struct chat_output_format *o)
{
    begin_object_at(w, STR("format"));
    if (o->kind == CHAT_OUTPUT_SCHEMA) {
        json_put_str(w, STR("type"), STR("json_schema"));
        json_put_str(w, STR("name"), o->name.len > 0 ? o->name : STR("response"));
        put_str_if(w, STR("description"), o->description);
        json_put_raw(w, STR("schema"), o->schema);
        put_bool_if(w, STR("strict"), o->is_strict);
    } else {
        json_put_str(w, STR("type"), o->kind == CHAT_OUTPUT_JSON ? STR("json_object") : STR("text"));
    }
    json_end_object(w);
}

/* Both of OpenAI's formats know the word. */
static struct str verbosity(const struct chat_request *in)
{
    struct str said = chat_request_extra(in, CHAT_FORMAT_OPENAI_RESPONSES, STR("verbosity"));
    return said.len > 0 ? said : chat_request_extra(in, CHAT_FORMAT_OPENAI_CHAT, STR("verbosity"));
}

static void put_text(struct draft *d)
{
    struct chat_output_format o = d->in->output;
    struct str verbosely = verbosity(d->in);
    if (!takes(d, o.kind == CHAT_OUTPUT_SCHEMA, TRAIT_NO_SCHEMA, STR("response_format.json_schema")) &&
        o.kind == CHAT_OUTPUT_SCHEMA)
        o.kind = CHAT_OUTPUT_JSON;
    bool is_json = o.kind == CHAT_OUTPUT_SCHEMA || o.kind == CHAT_OUTPUT_JSON;
    if (!takes(d, is_json, TRAIT_NO_JSON, STR("response_format")) && is_json) o.kind = CHAT_OUTPUT_UNSAID;
    if (o.kind == CHAT_OUTPUT_UNSAID && verbosely.len == 0) return;
    begin_object_at(&d->w, STR("text"));
    if (o.kind != CHAT_OUTPUT_UNSAID) responses_put_output(&d->w, &o);
    put_raw_if(&d->w, STR("verbosity"), verbosely);
    json_end_object(&d->w);
}

/* ---- reasoning ---- */
static bool is_of_reasoning(const struct chat_request *in, const struct chat_extra *e)
{
    return in->format == CHAT_FORMAT_OPENAI_RESPONSES && str_starts_with(e->name, STR("reasoning."));
}

/* True: the model is told to think. */
static bool put_reasoning(struct draft *d)
{
    const struct chat_reasoning *r = &d->in->reasoning;
    enum chat_tristate is_wanted = chat_reasoning_is_wanted(r);
    bool has_more = r->is_shown == CHAT_YES;
    for (const struct chat_extra *e = d->in->extras; e; e = e->next)
        has_more = has_more || is_of_reasoning(d->in, e);
    if (is_wanted == CHAT_UNSAID && !has_more) return false;
    if (d->traits->reasoning == REASONING_NONE) {
        losses_add_if(d->dropped, is_wanted == CHAT_YES, STR("reasoning_effort"));
        return false;
    }
    bool has_effort = is_wanted == CHAT_YES || r->effort != CHAT_EFFORT_UNSAID;
    if (!has_effort && !has_more) return false; /* "disabled" is what models without the word do anyway */
    begin_object_at(&d->w, STR("reasoning"));
    if (has_effort)
        put_str_if(&d->w, STR("effort"), words_of(&openai_effort_words, (int)chat_reasoning_effort(r)));
    if (r->is_shown == CHAT_YES) json_put_str(&d->w, STR("summary"), STR("auto"));
    for (const struct chat_extra *e = d->in->extras; e; e = e->next)
        if (is_of_reasoning(d->in, e)) json_put_raw(&d->w, str_from(e->name, STR("reasoning.").len), e->json);
    json_end_object(&d->w);
    return is_wanted == CHAT_YES;
}

/* ---- parameters ---- */
/* OpenAI has no penalties here; services that took the format over do. */
static void put_penalty(struct draft *d, struct str name, struct chat_double penalty)
{
    bool is_own = d->in->format == CHAT_FORMAT_OPENAI_RESPONSES && !has_trait(d, TRAIT_NO_PENALTIES);
    if (is_own)
        put_double_if(&d->w, name, penalty);
    else
        losses_add_if(d->dropped, penalty.is_set && penalty.value != 0, name);
}

static void put_sampling(struct draft *d)
{
    const struct chat_request *in = d->in;
    put_i64_if(&d->w, STR("max_output_tokens"), in->max_tokens);
    bool has_temperature = takes(d, in->temperature.is_set, TRAIT_NO_TEMPERATURE, STR("temperature"));
    if (has_temperature) put_double_if(&d->w, STR("temperature"), in->temperature);
    enum model_trait no_top_p = has_temperature ? TRAIT_NO_TOP_P | TRAIT_NO_TOP_P_WITH_TEMPERATURE
                                                : TRAIT_NO_TOP_P;
    if (takes(d, in->top_p.is_set, no_top_p, STR("top_p"))) put_double_if(&d->w, STR("top_p"), in->top_p);
    put_penalty(d, STR("frequency_penalty"), in->frequency_penalty);
    put_penalty(d, STR("presence_penalty"), in->presence_penalty);
    if (!has_trait(d, TRAIT_NO_LOGPROBS)) put_int_if(&d->w, STR("top_logprobs"), in->top_logprobs);
    losses_add_if(d->dropped, in->top_k.is_set, STR("top_k"));
    losses_add_if(d->dropped, in->seed.is_set, STR("seed"));
    losses_add_if(d->dropped, in->choices.is_set && in->choices.value > 1, STR("n"));
    losses_add_if(d->dropped, in->stop.count > 0, STR("stop"));
    losses_add_if(d->dropped, (in->modalities & ~(unsigned)CHAT_WANTS_TEXT) != 0, STR("modalities"));
}

static void put_include(struct draft *d, bool is_thinking)
{
    struct str extra = chat_request_extra(d->in, CHAT_FORMAT_OPENAI_RESPONSES, STR("include"));
    bool wants_logprobs = takes(d, d->in->wants_logprobs, TRAIT_NO_LOGPROBS, STR("logprobs"));
    if (extra.len > 0) {
        json_put_raw(&d->w, STR("include"), extra);
        return;
    }
    if (!wants_logprobs && !is_thinking && !d->sends_thoughts) return;
    begin_array_at(&d->w, STR("include"));
    if (is_thinking || d->sends_thoughts) json_write_str(&d->w, STR("reasoning.encrypted_content"));
    if (wants_logprobs) json_write_str(&d->w, STR("message.output_text.logprobs"));
    json_end_array(&d->w);
}

/* Members of the chat format that mean the same here. */
static bool is_shared_extra(struct str name)
{
    static const struct str shared[] = {STR_INIT("service_tier"), STR_INIT("prompt_cache_key"),
                                        STR_INIT("prompt_cache_retention")};
    for (size_t i = 0; i < ARRAY_COUNT(shared); i++)
        if (str_equals(name, shared[i])) return true;
    return false;
}

static bool is_written_elsewhere(const struct chat_request *in, const struct chat_extra *e)
{
    bool is_openais = in->format == CHAT_FORMAT_OPENAI_RESPONSES || in->format == CHAT_FORMAT_OPENAI_CHAT;
    if (is_openais && (str_equals(e->name, STR("store")) || str_equals(e->name, STR("verbosity"))))
        return true;
    return in->format == CHAT_FORMAT_OPENAI_RESPONSES &&
           (is_of_reasoning(in, e) || str_equals(e->name, STR("include")) ||
            str_equals(e->name, STR("tool_choice")));
}

static void put_extras(struct draft *d)
{
    const struct chat_request *in = d->in;
    bool is_stored = false;
    for (const struct chat_extra *e = in->extras; e; e = e->next) {
        if (is_written_elsewhere(in, e)) {
            if (str_equals(e->name, STR("store"))) is_stored = str_equals(e->json, STR("true"));
            continue;
        }
        if (in->format == CHAT_FORMAT_OPENAI_RESPONSES ||
            (in->format == CHAT_FORMAT_OPENAI_CHAT && is_shared_extra(e->name)))
            json_put_raw(&d->w, e->name, e->json);
        else
            losses_add(d->dropped, e->name);
    }
    json_put_bool(&d->w, STR("store"), is_stored);
    put_raw_if(&d->w, STR("metadata"), in->metadata);
}

static void put_request(struct draft *d, struct str model)
{
    const struct chat_request *in = d->in;
    json_begin_object(&d->w);
    json_put_str(&d->w, STR("model"), model.len > 0 ? model : in->model);
    put_input(d);
    put_tools(d);
    put_text(d);
    put_sampling(d);
    bool is_thinking = put_reasoning(d);
    put_include(d, is_thinking);
    put_str_if(&d->w, STR("user"), in->user);
    note_cache(d, in->cache);
    put_extras(d);
    if (in->is_stream) json_put_bool(&d->w, STR("stream"), true);
    json_end_object(&d->w);
}

bool responses_write_request(struct upstream_request *out, const struct chat_request *in,
                             struct losses *dropped, struct chat_error *err)
{
    static const struct model_traits unknown;
    struct draft d = {.arena = out->arena, .in = in, .dropped = dropped};
    d.traits = out->traits ? out->traits : &unknown;
    json_writer_init(&d.w, out->body, 0);
    put_request(&d, out->model);
    out->path = STR("/responses");
    out->query = (struct str){0};
    out->header_count = 0;
    if (json_writer_finish(&d.w)) return true;
    *err = (struct chat_error){.problem = PROBLEM_TOO_LARGE,
                               .message = STR("The request is larger than what may be sent to a provider.")};
    return false;
}
