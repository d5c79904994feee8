/* dialects/gemini_request_write.c: the neutral request in Gemini's format, for the Gemini API and Vertex. What a model
 * wants otherwise is in the traits (chat/traits.h); what cannot be said is a loss.
 *
 * All system messages are the systemInstruction, wherever they stood. Results of tools are a content of their own, in the
 * order of their calls; images in them follow in another one, but where the model takes them inside. */
#include "dialects/gemini.h"

#include "chat/reasoning.h"
#include "dialects/tool_calls.h"

enum { MOST_STOPS = 5, MOST_BUDGET = 24576, MOST_SORTED = 256 };

struct draft {
    struct json_writer w;
    struct gemini_style style;
    const struct chat_request *in;
    const struct model_traits *traits;
    struct losses *dropped;
    unsigned tools_sent, contents;
};

static bool has_trait(const struct draft *d, enum model_trait trait)
{
    return (d->traits->bits & trait) != 0;
}

static bool is_ours(const struct draft *d)
{
    return d->in->format == CHAT_FORMAT_GEMINI;
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
    losses_add(d->dropped, arena_printf(d->style.arena, "%s%.*s", prefix,
                                        STR_ARG(str_part(name, 0, LOSS_NAME_MAX_BYTES))));
}

/* ---- contents ---- */
static const char *const part_losses[] = {
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

/* Thoughts of other models are nothing that this one could have thought. */
static bool is_foreign_thought(const struct draft *d, const struct chat_part *p)
{
    return p->kind == CHAT_THINKING && !is_ours(d) && p->format != CHAT_FORMAT_GEMINI;
}

static void put_part(struct draft *d, const struct chat_part *p)
{
    losses_add_if(d->dropped, p->cache != CHAT_CACHE_NONE, STR("cache_control"));
    bool is_refused = (p->kind == CHAT_IMAGE && has_trait(d, TRAIT_NO_IMAGES)) || is_foreign_thought(d, p);
    if (!is_refused && gemini_put_part(&d->w, p, &d->style)) {
        losses_add_if(d->dropped,
                      p->kind == CHAT_IMAGE && p->media->detail.len > 0 &&
                          !str_equals(p->media->detail, STR("auto")),
                      STR("image_url.detail"));
        return;
    }
    lose(d, part_losses[p->kind], p->kind == CHAT_OTHER ? p->name : STR(""));
}

static void begin_content(struct draft *d, struct str role)
{
    d->contents++;
    json_begin_object(&d->w);
    json_put_str(&d->w, STR("role"), role);
    begin_array_at(&d->w, STR("parts"));
}

static void end_content(struct draft *d)
{
    json_end_array(&d->w);
    json_end_object(&d->w);
}

/* Is there anything to be written? Contents without parts are refused. */
static bool has_words(const struct draft *d, const struct chat_message *m)
{
    for (const struct chat_part *p = m->parts.first; p; p = p->next) {
        bool is_signed = p->format == CHAT_FORMAT_GEMINI && p->signature.len > 0;
        if (is_foreign_thought(d, p)) continue;
        if (p->kind == CHAT_OTHER && p->format != CHAT_FORMAT_GEMINI) continue;
        bool is_text = p->kind == CHAT_TEXT || p->kind == CHAT_THINKING || p->kind == CHAT_REFUSAL;
        if (!is_text || p->text.len > 0 || is_signed) return true;
    }
    return false;
}

static void put_turn(struct draft *d, struct str role, const struct chat_message *m)
{
    bool is_written = has_words(d, m);
    if (is_written) begin_content(d, role);
    for (const struct chat_part *p = m->parts.first; p; p = p->next) {
        if (is_written)
            put_part(d, p);
        else if (is_foreign_thought(d, p) || p->kind == CHAT_OTHER)
            lose(d, part_losses[p->kind], p->kind == CHAT_OTHER ? p->name : STR(""));
    }
    if (is_written) end_content(d);
}

/* Of parallel calls only the first needs a signature. */
static void put_assistant(struct draft *d, const struct chat_message *m)
{
    const struct chat_part *call = chat_parts_find(&m->parts, CHAT_TOOL_CALL);
    bool has_own = call && call->format == CHAT_FORMAT_GEMINI && call->signature.len > 0;
    bool is_written = has_words(d, m);
    if (!is_written || !call || has_own || !has_trait(d, TRAIT_NEEDS_SIGNATURES)) {
        put_turn(d, STR("model"), m);
        return;
    }
    begin_content(d, STR("model"));
    for (const struct chat_part *p = m->parts.first; p; p = p->next) {
        d->style.needs_signatures = p == call;
        put_part(d, p);
    }
    d->style.needs_signatures = false;
    end_content(d);
}

/* ---- results ---- */
static bool is_media(const struct chat_part *p)
{
    return p->kind != CHAT_TEXT && !(p->kind == CHAT_DOCUMENT && p->media->text.len > 0);
}

static const struct chat_part *result_of(const struct chat_message *results, struct str id)
{
    const struct chat_part *p = results->parts.first;
    while (p && !(p->kind == CHAT_TOOL_RESULT && str_equals(p->id, id))) p = p->next;
    return p;
}

static bool has_call(const struct chat_message *calls, struct str id)
{
    const struct chat_part *p = calls->parts.first;
    while (p && !(p->kind == CHAT_TOOL_CALL && str_equals(p->id, id))) p = p->next;
    return p != NULL;
}

/* In the order of the calls, where each is told by its id; results that answer nothing here last. */
static void put_sorted(struct draft *d, const struct chat_message *calls, const struct chat_message *results)
{
    for (const struct chat_part *c = calls->parts.first; c; c = c->next) {
        const struct chat_part *p = c->kind == CHAT_TOOL_CALL ? result_of(results, c->id) : NULL;
        if (p) put_part(d, p);
    }
    for (const struct chat_part *p = results->parts.first; p; p = p->next)
        if (!has_call(calls, p->id)) put_part(d, p);
}

/* Are ids unique there, so that sorting loses nothing? */
static bool can_sort(const struct chat_message *calls, const struct chat_message *results)
{
    if (!calls || calls->role != CHAT_ROLE_ASSISTANT) return false;
    if (calls->parts.count > MOST_SORTED || results->parts.count > MOST_SORTED) return false;
    for (const struct chat_part *p = results->parts.first; p; p = p->next)
        if (result_of(results, p->id) != p) return false;
    for (const struct chat_part *p = calls->parts.first; p; p = p->next)
        for (const struct chat_part *o = p->next; o && p->kind == CHAT_TOOL_CALL; o = o->next)
            if (o->kind == CHAT_TOOL_CALL && str_equals(o->id, p->id)) return false;
    return true;
}

static void put_results(struct draft *d, const struct chat_message *before, const struct chat_message *m)
{
    bool has_media = false;
    if (m->parts.count == 0) return;
    begin_content(d, STR("user"));
    if (can_sort(before, m))
        put_sorted(d, before, m);
    else
        for (const struct chat_part *p = m->parts.first; p; p = p->next) put_part(d, p);
    end_content(d);
    for (const struct chat_part *p = m->parts.first; p && !d->style.results_hold_media; p = p->next)
        for (const struct chat_part *c = p->content.first; c; c = c->next) {
            if (!is_media(c)) continue;
            if (!has_media) begin_content(d, STR("user"));
            has_media = true;
            put_part(d, c);
        }
    if (has_media) end_content(d);
}

/* ---- the conversation ---- */
static bool is_system(const struct chat_message *m)
{
    return m->role == CHAT_ROLE_SYSTEM || m->role == CHAT_ROLE_DEVELOPER;
}

static void put_contents(struct draft *d, bool has_only_system)
{
    const struct chat_message *before = NULL;
    begin_array_at(&d->w, STR("contents"));
    for (const struct chat_message *m = d->in->messages; m; before = m, m = m->next) {
        switch (m->role) {
        case CHAT_ROLE_SYSTEM:
        case CHAT_ROLE_DEVELOPER:
            if (has_only_system) put_turn(d, STR("user"), m);
            break;
        case CHAT_ROLE_USER: put_turn(d, STR("user"), m); break;
        case CHAT_ROLE_ASSISTANT: put_assistant(d, m); break;
        case CHAT_ROLE_TOOL: put_results(d, before, m); break;
        }
    }
    json_end_array(&d->w);
}

/* A request of nothing but instructions has no contents; they are what the model answers to, then. */
static void put_conversation(struct draft *d)
{
    bool has_system = false, has_only_system = true;
    for (const struct chat_message *m = d->in->messages; m; m = m->next) {
        has_system = has_system || (is_system(m) && has_words(d, m));
        has_only_system = has_only_system && is_system(m);
    }
    if (has_system && !has_only_system) {
        begin_object_at(&d->w, STR("systemInstruction"));
        begin_array_at(&d->w, STR("parts"));
        for (const struct chat_message *m = d->in->messages; m; m = m->next)
            for (const struct chat_part *p = m->parts.first; p && is_system(m); p = p->next) put_part(d, p);
        json_end_array(&d->w);
        json_end_object(&d->w);
    }
    put_contents(d, has_only_system);
}

/* ---- tools ---- */
static bool is_allowed(const struct chat_request *in, struct str name)
{
    if (in->tool_choice == CHAT_CHOICE_REQUIRED || in->allowed_tools.count == 0) return true;
    for (unsigned i = 0; i < in->allowed_tools.count; i++)
        if (str_equals(in->allowed_tools.at[i], name)) return true;
    return false;
}

static bool is_sent(const struct draft *d, const struct chat_tool *t)
{
    if (t->kind == CHAT_TOOL_OTHER) return t->format == CHAT_FORMAT_GEMINI;
    return is_allowed(d->in, t->name);
}

static void put_function(struct draft *d, const struct chat_tool *t)
{
    losses_add_if(d->dropped, t->cache != CHAT_CACHE_NONE, STR("cache_control"));
    json_begin_object(&d->w);
    json_put_str(&d->w, STR("name"), tool_name_to(&TOOL_NAMES_GEMINI, t->name, d->style.arena));
    put_str_if(&d->w, STR("description"), t->description);
    if (has_trait(d, TRAIT_OPENAPI_SCHEMA))
        put_raw_if(&d->w, STR("parameters"),
                   gemini_schema_from_json(json_value_of(t->schema), d->style.arena, d->dropped));
    else
        put_raw_if(&d->w, STR("parametersJsonSchema"), t->schema);
    json_end_object(&d->w);
}

static void put_functions(struct draft *d)
{
    json_begin_object(&d->w);
    begin_array_at(&d->w, STR("functionDeclarations"));
    for (const struct chat_tool *t = d->in->tools; t; t = t->next)
        if (t->kind == CHAT_TOOL_FUNCTION && is_sent(d, t)) put_function(d, t);
    json_end_array(&d->w);
    json_end_object(&d->w);
}

static void put_tools(struct draft *d)
{
    unsigned functions = 0, others = 0;
    for (const struct chat_tool *t = d->in->tools; t; t = t->next) {
        if (!is_sent(d, t)) {
            if (t->kind == CHAT_TOOL_OTHER) lose(d, "tools.", t->name);
        } else if (t->kind == CHAT_TOOL_OTHER) {
            others++;
        } else {
            functions++;
        }
    }
    if (!takes(d, functions + others > 0, TRAIT_NO_TOOLS, STR("tools"))) return;
    d->tools_sent = functions;
    begin_array_at(&d->w, STR("tools"));
    for (const struct chat_tool *t = d->in->tools; t; t = t->next) {
        if (!is_sent(d, t)) continue;
        if (t->kind == CHAT_TOOL_OTHER) json_write_raw(&d->w, t->json);
        if (t->kind == CHAT_TOOL_OTHER || functions == 0) continue;
        put_functions(d); /* all of them where the first stands */
        functions = 0;
    }
    json_end_array(&d->w);
}

static void put_extras_below(struct draft *d, struct str container)
{
    for (const struct chat_extra *e = d->in->extras; e && is_ours(d); e = e->next)
        if (str_starts_with(e->name, container))
            json_put_raw(&d->w, str_from(e->name, container.len), e->json);
}

static bool has_extras_below(const struct draft *d, struct str container)
{
    const struct chat_extra *e = is_ours(d) ? d->in->extras : NULL;
    while (e && !str_starts_with(e->name, container)) e = e->next;
    return e != NULL;
}

static void put_allowed(struct draft *d)
{
    const struct chat_request *in = d->in;
    bool is_named = in->tool_choice == CHAT_CHOICE_NAMED;
    if (!is_named && !(in->tool_choice == CHAT_CHOICE_REQUIRED && in->allowed_tools.count > 0)) return;
    begin_array_at(&d->w, STR("allowedFunctionNames"));
    if (is_named)
        json_write_str(&d->w, tool_name_to(&TOOL_NAMES_GEMINI, in->tool_choice_name, d->style.arena));
    for (unsigned i = 0; i < in->allowed_tools.count && !is_named; i++)
        json_write_str(&d->w, tool_name_to(&TOOL_NAMES_GEMINI, in->allowed_tools.at[i], d->style.arena));
    json_end_array(&d->w);
}

static void put_tool_config(struct draft *d)
{
    static const struct word rows[] = {
        {STR_INIT("AUTO"), CHAT_CHOICE_AUTO},
        {STR_INIT("NONE"), CHAT_CHOICE_NONE},
        {STR_INIT("ANY"), CHAT_CHOICE_REQUIRED},
        {STR_INIT("ANY"), CHAT_CHOICE_NAMED},
    };
    static const struct words modes = WORDS(rows);
    const struct chat_request *in = d->in;
    struct str mode = words_of(&modes, (int)in->tool_choice);
    bool is_gone = in->tool_choice == CHAT_CHOICE_NAMED && !chat_request_tool(in, in->tool_choice_name);
    if (d->tools_sent == 0 || is_gone) mode = (struct str){0};
    losses_add_if(d->dropped, in->parallel_tools == CHAT_NO, STR("parallel_tool_calls"));
    bool has_extras = has_extras_below(d, STR("toolConfig."));
    if (mode.len == 0 && !has_extras) return;
    begin_object_at(&d->w, STR("toolConfig"));
    if (mode.len > 0) {
        begin_object_at(&d->w, STR("functionCallingConfig"));
        json_put_str(&d->w, STR("mode"), mode);
        put_allowed(d);
        json_end_object(&d->w);
    }
    put_extras_below(d, STR("toolConfig."));
    json_end_object(&d->w);
}

/* ---- generationConfig ---- */
static void put_output(struct draft *d)
{
    const struct chat_output_format *o = &d->in->output;
    bool wants_schema = takes(d, o->kind == CHAT_OUTPUT_SCHEMA, TRAIT_NO_SCHEMA,
                              STR("response_format.json_schema"));
    if (o->kind == CHAT_OUTPUT_UNSAID) return;
    if (o->kind == CHAT_OUTPUT_TEXT) {
        if (is_ours(d)) json_put_str(&d->w, STR("responseMimeType"), STR("text/plain"));
        return;
    }
    if (!takes(d, true, TRAIT_NO_JSON, STR("response_format"))) return;
    json_put_str(&d->w, STR("responseMimeType"), STR("application/json"));
    if (!wants_schema) return;
    if (has_trait(d, TRAIT_OPENAPI_SCHEMA))
        put_raw_if(&d->w, STR("responseSchema"),
                   gemini_schema_from_json(json_value_of(o->schema), d->style.arena, d->dropped));
    else
        put_raw_if(&d->w, STR("responseJsonSchema"), o->schema);
}

static void put_modalities(struct draft *d)
{
    static const struct {
        struct str word;
        unsigned bit;
    } rows[] = {{STR_INIT("TEXT"), CHAT_WANTS_TEXT},
                {STR_INIT("IMAGE"), CHAT_WANTS_IMAGE},
                {STR_INIT("AUDIO"), CHAT_WANTS_AUDIO}};
    const struct chat_request *in = d->in;
    if (in->modalities && (is_ours(d) || (in->modalities & ~(unsigned)CHAT_WANTS_TEXT))) {
        begin_array_at(&d->w, STR("responseModalities"));
        for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
            if (in->modalities & rows[i].bit) json_write_str(&d->w, rows[i].word);
        json_end_array(&d->w);
    }
    /* voices and formats of others have no names here */
    losses_add_if(d->dropped, !is_ours(d) && in->voice.len > 0, STR("audio.voice"));
    losses_add_if(d->dropped, in->audio_format.len > 0, STR("audio.format"));
    if (!is_ours(d) || in->voice.len == 0) return;
    begin_object_at(&d->w, STR("speechConfig"));
    begin_object_at(&d->w, STR("voiceConfig"));
    begin_object_at(&d->w, STR("prebuiltVoiceConfig"));
    json_put_str(&d->w, STR("voiceName"), in->voice);
    json_end_object(&d->w);
    json_end_object(&d->w);
    json_end_object(&d->w);
}

static struct str level_of(enum chat_effort effort)
{
    static const struct word rows[] = {
        {STR_INIT("minimal"), CHAT_EFFORT_MINIMAL}, {STR_INIT("minimal"), CHAT_EFFORT_NONE},
        {STR_INIT("low"), CHAT_EFFORT_LOW},         {STR_INIT("medium"), CHAT_EFFORT_MEDIUM},
        {STR_INIT("high"), CHAT_EFFORT_HIGH},       {STR_INIT("high"), CHAT_EFFORT_MAX},
    };
    static const struct words levels = WORDS(rows);
    return words_of(&levels, (int)effort);
}

/* What a caller of this format said goes on as he said it. */
static void put_amount(struct draft *d, const struct chat_reasoning *r, enum chat_tristate is_wanted)
{
    bool is_level = d->traits->reasoning == REASONING_EFFORT ||
                    (is_ours(d) && r->effort != CHAT_EFFORT_UNSAID);
    if (is_ours(d) && r->budget.is_set) {
        put_int_if(&d->w, STR("thinkingBudget"), r->budget);
        is_level = is_level && r->effort != CHAT_EFFORT_UNSAID;
        if (!is_level) return;
    }
    if (is_level) {
        put_str_if(&d->w, STR("thinkingLevel"), level_of(chat_reasoning_effort(r)));
    } else if (is_wanted == CHAT_NO) {
        json_put_i64(&d->w, STR("thinkingBudget"), 0);
    } else if (r->budget.is_set && r->budget.value < 0) {
        json_put_i64(&d->w, STR("thinkingBudget"), -1);
    } else {
        int64_t budget = chat_reasoning_budget(r, d->in->max_tokens);
        put_i64_if(&d->w, STR("thinkingBudget"), budget < MOST_BUDGET ? budget : MOST_BUDGET);
    }
}

static void put_thinking(struct draft *d)
{
    const struct chat_reasoning *r = &d->in->reasoning;
    enum chat_tristate is_wanted = chat_reasoning_is_wanted(r), is_shown = r->is_shown;
    if (is_wanted == CHAT_UNSAID && is_shown == CHAT_UNSAID) return;
    if (d->traits->reasoning == REASONING_NONE) {
        losses_add_if(d->dropped, is_wanted == CHAT_YES, STR("reasoning_effort"));
        return;
    }
    if (is_shown == CHAT_UNSAID && is_wanted == CHAT_YES && !is_ours(d)) is_shown = CHAT_YES;
    begin_object_at(&d->w, STR("thinkingConfig"));
    put_bool_if(&d->w, STR("includeThoughts"), is_shown);
    if (is_wanted != CHAT_UNSAID) put_amount(d, r, is_wanted);
    json_end_object(&d->w);
}

static void put_stops(struct draft *d)
{
    struct chat_strings stop = d->in->stop;
    if (!takes(d, stop.count > 0, TRAIT_NO_STOP, STR("stop"))) return;
    losses_add_if(d->dropped, stop.count > MOST_STOPS && !is_ours(d), STR("stop"));
    if (stop.count > MOST_STOPS && !is_ours(d)) stop.count = MOST_STOPS;
    put_strings_if(&d->w, STR("stopSequences"), &stop);
}

static void put_sampling(struct draft *d)
{
    const struct chat_request *in = d->in;
    bool has_temperature = takes(d, in->temperature.is_set, TRAIT_NO_TEMPERATURE, STR("temperature"));
    if (has_temperature) put_double_if(&d->w, STR("temperature"), in->temperature);
    enum model_trait no_top_p = has_temperature ? TRAIT_NO_TOP_P | TRAIT_NO_TOP_P_WITH_TEMPERATURE
                                                : TRAIT_NO_TOP_P;
    if (takes(d, in->top_p.is_set, no_top_p, STR("top_p"))) put_double_if(&d->w, STR("topP"), in->top_p);
    if (takes(d, in->top_k.is_set, TRAIT_NO_TOP_K, STR("top_k"))) put_int_if(&d->w, STR("topK"), in->top_k);
    if (takes(d, in->frequency_penalty.is_set, TRAIT_NO_PENALTIES, STR("frequency_penalty")))
        put_double_if(&d->w, STR("frequencyPenalty"), in->frequency_penalty);
    if (takes(d, in->presence_penalty.is_set, TRAIT_NO_PENALTIES, STR("presence_penalty")))
        put_double_if(&d->w, STR("presencePenalty"), in->presence_penalty);
    if (takes(d, in->seed.is_set, TRAIT_NO_SEED, STR("seed"))) put_int_if(&d->w, STR("seed"), in->seed);
    bool wants_more = in->choices.is_set && in->choices.value > 1;
    if (takes(d, wants_more, TRAIT_NO_CHOICES, STR("n")))
        put_int_if(&d->w, STR("candidateCount"), in->choices);
    put_stops(d);
    if (!takes(d, in->wants_logprobs, TRAIT_NO_LOGPROBS, STR("logprobs"))) return;
    json_put_bool(&d->w, STR("responseLogprobs"), true);
    put_int_if(&d->w, STR("logprobs"), in->top_logprobs);
}

static void put_generation(struct draft *d)
{
    begin_object_at(&d->w, STR("generationConfig"));
    put_i64_if(&d->w, STR("maxOutputTokens"), d->in->max_tokens);
    put_sampling(d);
    put_output(d);
    put_modalities(d);
    put_thinking(d);
    put_extras_below(d, STR("generationConfig."));
    json_end_object(&d->w);
}

/* ---- the whole ---- */
static void put_rest(struct draft *d)
{
    const struct chat_request *in = d->in;
    for (const struct chat_extra *e = in->extras; e; e = e->next) {
        if (!is_ours(d))
            losses_add(d->dropped, e->name);
        else if (!str_starts_with(e->name, STR("generationConfig.")) &&
                 !str_starts_with(e->name, STR("toolConfig.")))
            json_put_raw(&d->w, e->name, e->json);
    }
    losses_add_if(d->dropped, in->user.len > 0, STR("user"));
    losses_add_if(d->dropped, in->metadata.len > 0, STR("metadata"));
    losses_add_if(d->dropped, in->cache != CHAT_CACHE_NONE, STR("cache_control"));
}

static void put_request(struct draft *d)
{
    json_begin_object(&d->w);
    put_conversation(d);
    put_tools(d);
    put_tool_config(d);
    put_generation(d);
    put_rest(d);
    json_end_object(&d->w);
}

bool gemini_write_request(struct upstream_request *out, const struct chat_request *in, struct losses *dropped,
                          struct chat_error *err)
{
    static const struct model_traits unknown;
    struct draft d = {.in = in, .dropped = dropped};
    struct str model = out->model.len > 0 ? out->model : in->model;
    d.traits = out->traits ? out->traits : &unknown;
    d.style = (struct gemini_style){.arena = out->arena, .dropped = dropped, .names_are_changed = true};
    d.style.results_hold_media = has_trait(&d, TRAIT_RESULT_MEDIA) || is_ours(&d);
    json_writer_init(&d.w, out->body, 0);
    put_request(&d);
    out->path = gemini_write_path(
        model, in->is_stream ? STR("streamGenerateContent") : STR("generateContent"), out->arena);
    out->query = in->is_stream ? STR("alt=sse") : (struct str){0};
    out->header_count = 0;
    bool is_whole = json_writer_finish(&d.w);
    if (is_whole && d.contents > 0) return true;
    *err = (struct chat_error){.problem = PROBLEM_INVALID_REQUEST,
                               .param = STR("messages"),
                               .message = STR("messages: at least one with something in it is needed")};
    if (!is_whole)
        *err = (struct chat_error){
            .problem = PROBLEM_TOO_LARGE,
            .message = STR("The request is larger than what may be sent to a provider.")};
    return false;
}
