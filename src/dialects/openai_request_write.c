/* dialects/openai_request_write.c: the neutral request in OpenAI's chat format, for OpenAI and all who copy it. What a
 * service or model wants otherwise is in the traits (chat/traits.h); what cannot be said is a loss.
 *
 * Messages: each result of a tool is a message of its own; images and documents in results, which this format has no
 * words for, follow in a user's message. Several texts of an assistant are one; those of others stay parts. */
#include "dialects/openai_chat.h"

#include "chat/reasoning.h"
#include "dialects/tool_calls.h"

struct draft {
    struct json_writer w;
    struct arena *arena;
    const struct chat_request *in;
    const struct model_traits *traits;
    struct losses *dropped;
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

/* ---- contents ---- */
static void note_cache(struct draft *d, enum chat_cache cache)
{
    losses_add_if(d->dropped, cache && !has_trait(d, TRAIT_CACHE_MARKS), STR("cache_control"));
}

static bool marks_cache(const struct draft *d, const struct chat_part *p)
{
    return p->cache && has_trait(d, TRAIT_CACHE_MARKS);
}

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

static void put_part(struct draft *d, const struct chat_part *p)
{
    note_cache(d, p->cache);
    bool is_image_refused = p->kind == CHAT_IMAGE && has_trait(d, TRAIT_NO_IMAGES);
    if (!is_image_refused && openai_put_part(&d->w, p, has_trait(d, TRAIT_CACHE_MARKS), d->arena)) return;
    lose(d, part_losses[p->kind], p->kind == CHAT_OTHER ? p->name : STR(""));
}

/* One text is a string; anything else a list. */
static void put_content(struct draft *d, const struct chat_parts *parts)
{
    const struct chat_part *only = parts->first;
    json_write_key(&d->w, STR("content"));
    if (parts->count == 0) {
        json_write_str(&d->w, STR(""));
    } else if (parts->count == 1 && only->kind == CHAT_TEXT && !marks_cache(d, only)) {
        note_cache(d, only->cache);
        json_write_str(&d->w, only->text);
    } else {
        json_begin_array(&d->w);
        for (const struct chat_part *p = parts->first; p; p = p->next) put_part(d, p);
        json_end_array(&d->w);
    }
}

/* ---- turns ---- */
static void begin_message(struct draft *d, struct str role)
{
    json_begin_object(&d->w);
    json_put_str(&d->w, STR("role"), role);
}

static void put_simple(struct draft *d, struct str role, const struct chat_message *m)
{
    begin_message(d, role);
    put_str_if(&d->w, STR("name"), m->name);
    put_content(d, &m->parts);
    json_end_object(&d->w);
}

/* Thoughts of past turns: where the service wants them. */
static void put_thoughts(struct draft *d, const struct chat_message *m)
{
    if (has_trait(d, TRAIT_REASONING_DETAILS)) openai_put_reasoning_details(&d->w, &m->parts);
    if (!chat_parts_find(&m->parts, CHAT_THINKING)) return;
    if (has_trait(d, TRAIT_REASONING_CONTENT))
        put_str_if(&d->w, STR("reasoning_content"),
                   chat_parts_text(&m->parts, CHAT_THINKING, STR(""), d->arena));
    losses_add_if(d->dropped, !has_trait(d, TRAIT_REASONING_DETAILS | TRAIT_REASONING_CONTENT),
                  STR("thinking"));
}

static void note_lost_parts(struct draft *d, const struct chat_message *m)
{
    for (const struct chat_part *p = m->parts.first; p; p = p->next) {
        note_cache(d, p->cache);
        bool is_told = p->kind == CHAT_TEXT || p->kind == CHAT_THINKING || p->kind == CHAT_TOOL_CALL ||
                       p->kind == CHAT_REFUSAL || (p->kind == CHAT_AUDIO && p->media->id.len > 0);
        if (!is_told) lose(d, part_losses[p->kind], p->kind == CHAT_OTHER ? p->name : STR(""));
    }
}

static void put_assistant(struct draft *d, const struct chat_message *m)
{
    const struct chat_part *refusal = chat_parts_find(&m->parts, CHAT_REFUSAL);
    const struct chat_part *sound = chat_parts_find(&m->parts, CHAT_AUDIO);
    struct str text = chat_parts_text(&m->parts, CHAT_TEXT, STR(""), d->arena);
    bool has_calls = chat_parts_find(&m->parts, CHAT_TOOL_CALL) != NULL;
    begin_message(d, STR("assistant"));
    put_str_if(&d->w, STR("name"), m->name);
    if (text.len > 0 || !(has_calls || refusal || sound))
        json_put_str(&d->w, STR("content"), text);
    else
        json_put_null(&d->w, STR("content"));
    if (refusal) json_put_str(&d->w, STR("refusal"), refusal->text);
    put_thoughts(d, m);
    if (sound && sound->media->id.len > 0) {
        begin_object_at(&d->w, STR("audio"));
        json_put_str(&d->w, STR("id"), sound->media->id);
        json_end_object(&d->w);
    }
    openai_put_tool_calls(
        &d->w, &m->parts,
        &(struct call_style){.arena = d->arena,
                             .names_are_changed = true,
                             .has_google_signatures = has_trait(d, TRAIT_GOOGLE_SIGNATURES)});
    note_lost_parts(d, m);
    json_end_object(&d->w);
}

static bool is_text_of_result(const struct chat_part *p)
{
    return p->kind == CHAT_TEXT || (p->kind == CHAT_DOCUMENT && p->media->text.len > 0);
}

static void put_result(struct draft *d, const struct chat_part *result)
{
    struct chat_parts texts = {0};
    for (const struct chat_part *p = result->content.first; p; p = p->next) {
        if (!is_text_of_result(p)) continue;
        struct chat_part *copy = chat_parts_add(&texts, d->arena, CHAT_TEXT);
        copy->text = p->kind == CHAT_TEXT ? p->text : p->media->text;
        copy->cache = p->cache;
    }
    if (texts.last && result->cache) texts.last->cache = result->cache;
    begin_message(d, STR("tool"));
    json_put_str(&d->w, STR("tool_call_id"), result->id);
    put_content(d, &texts);
    json_end_object(&d->w);
    losses_add_if(d->dropped, result->is_error, STR("is_error"));
}

static void put_results(struct draft *d, const struct chat_message *m)
{
    struct chat_message more = {0};
    for (const struct chat_part *result = m->parts.first; result; result = result->next) {
        if (result->kind != CHAT_TOOL_RESULT) continue;
        put_result(d, result);
        for (const struct chat_part *p = result->content.first; p; p = p->next) {
            if (is_text_of_result(p)) continue;
            struct chat_part *copy = chat_parts_add(&more.parts, d->arena, p->kind), *next = copy->next;
            *copy = *p;
            copy->next = next;
        }
    }
    if (more.parts.count > 0) put_simple(d, STR("user"), &more);
}

static void put_messages(struct draft *d)
{
    struct str system = has_trait(d, TRAIT_DEVELOPER_ROLE) ? STR("developer") : STR("system");
    begin_array_at(&d->w, STR("messages"));
    for (const struct chat_message *m = d->in->messages; m; m = m->next) {
        switch (m->role) {
        case CHAT_ROLE_SYSTEM:
        case CHAT_ROLE_DEVELOPER: put_simple(d, system, m); break;
        case CHAT_ROLE_USER: put_simple(d, STR("user"), m); break;
        case CHAT_ROLE_ASSISTANT: put_assistant(d, m); break;
        case CHAT_ROLE_TOOL: put_results(d, m); break;
        }
    }
    json_end_array(&d->w);
}

/* ---- tools ---- */
static bool is_allowed(const struct chat_request *in, struct str name)
{
    if (in->allowed_tools.count == 0) return true;
    for (unsigned i = 0; i < in->allowed_tools.count; i++)
        if (str_equals(in->allowed_tools.at[i], name)) return true;
    return false;
}

static bool is_sent(const struct draft *d, const struct chat_tool *t)
{
    if (t->kind == CHAT_TOOL_OTHER) return t->format == CHAT_FORMAT_OPENAI_CHAT;
    return is_allowed(d->in, t->name);
}

static void put_tool(struct draft *d, const struct chat_tool *t)
{
    if (t->kind == CHAT_TOOL_OTHER) {
        json_write_raw(&d->w, t->json);
        return;
    }
    note_cache(d, t->cache);
    json_begin_object(&d->w);
    json_put_str(&d->w, STR("type"), STR("function"));
    begin_object_at(&d->w, STR("function"));
    json_put_str(&d->w, STR("name"), tool_name_to(&TOOL_NAMES_OPENAI, t->name, d->arena));
    put_str_if(&d->w, STR("description"), t->description);
    put_raw_if(&d->w, STR("parameters"), t->schema);
    if (!has_trait(d, TRAIT_NO_STRICT_TOOLS)) put_bool_if(&d->w, STR("strict"), t->is_strict);
    json_end_object(&d->w);
    if (has_trait(d, TRAIT_CACHE_MARKS)) put_cache_control_if(&d->w, t->cache);
    json_end_object(&d->w);
}

static void put_choice(struct draft *d)
{
    static const struct word rows[] = {
        {STR_INIT("auto"), CHAT_CHOICE_AUTO},
        {STR_INIT("none"), CHAT_CHOICE_NONE},
        {STR_INIT("required"), CHAT_CHOICE_REQUIRED},
    };
    static const struct words words = WORDS(rows);
    put_str_if(&d->w, STR("tool_choice"), words_of(&words, (int)d->in->tool_choice));
    if (d->in->tool_choice != CHAT_CHOICE_NAMED || !chat_request_tool(d->in, d->in->tool_choice_name)) return;
    begin_object_at(&d->w, STR("tool_choice"));
    json_put_str(&d->w, STR("type"), STR("function"));
    begin_object_at(&d->w, STR("function"));
    json_put_str(&d->w, STR("name"), tool_name_to(&TOOL_NAMES_OPENAI, d->in->tool_choice_name, d->arena));
    json_end_object(&d->w);
    json_end_object(&d->w);
}

static void put_tools(struct draft *d)
{
    unsigned count = 0;
    for (const struct chat_tool *t = d->in->tools; t; t = t->next) {
        if (is_sent(d, t))
            count++;
        else if (t->kind == CHAT_TOOL_OTHER)
            lose(d, "tools.", t->name);
    }
    if (!takes(d, count > 0, TRAIT_NO_TOOLS, STR("tools"))) return;
    begin_array_at(&d->w, STR("tools"));
    for (const struct chat_tool *t = d->in->tools; t; t = t->next)
        if (is_sent(d, t)) put_tool(d, t);
    json_end_array(&d->w);
    put_choice(d);
    if (takes(d, d->in->parallel_tools != CHAT_UNSAID, TRAIT_NO_PARALLEL_TOOLS, STR("parallel_tool_calls")))
        put_bool_if(&d->w, STR("parallel_tool_calls"), d->in->parallel_tools);
}

/* ---- the answer's form ---- */
static void put_schema(struct draft *d, const struct chat_output_format *o)
{
    json_put_str(&d->w, STR("type"), STR("json_schema"));
    begin_object_at(&d->w, STR("json_schema"));
    json_put_str(&d->w, STR("name"), o->name.len > 0 ? o->name : STR("response"));
    put_str_if(&d->w, STR("description"), o->description);
    json_put_raw(&d->w, STR("schema"), o->schema);
    put_bool_if(&d->w, STR("strict"), o->is_strict);
    json_end_object(&d->w);
}

static void put_output(struct draft *d)
{
    const struct chat_output_format *o = &d->in->output;
    bool wants_schema = takes(d, o->kind == CHAT_OUTPUT_SCHEMA, TRAIT_NO_SCHEMA,
                              STR("response_format.json_schema"));
    if (o->kind == CHAT_OUTPUT_UNSAID || o->kind == CHAT_OUTPUT_TEXT) return;
    if (!takes(d, true, TRAIT_NO_JSON, STR("response_format"))) return;
    begin_object_at(&d->w, STR("response_format"));
    if (wants_schema)
        put_schema(d, o);
    else
        json_put_str(&d->w, STR("type"), STR("json_object"));
    json_end_object(&d->w);
}

static void put_modalities(struct draft *d)
{
    static const struct {
        struct str word;
        unsigned bit;
    } rows[] = {{STR_INIT("text"), CHAT_WANTS_TEXT},
                {STR_INIT("image"), CHAT_WANTS_IMAGE},
                {STR_INIT("audio"), CHAT_WANTS_AUDIO}};
    const struct chat_request *in = d->in;
    if (in->modalities & ~(unsigned)CHAT_WANTS_TEXT) {
        begin_array_at(&d->w, STR("modalities"));
        for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
            if (in->modalities & rows[i].bit) json_write_str(&d->w, rows[i].word);
        json_end_array(&d->w);
    }
    if (!(in->modalities & CHAT_WANTS_AUDIO)) return;
    begin_object_at(&d->w, STR("audio"));
    json_put_str(&d->w, STR("voice"), in->voice.len > 0 ? in->voice : STR("alloy"));
    json_put_str(&d->w, STR("format"), in->audio_format.len > 0 ? in->audio_format : STR("wav"));
    json_end_object(&d->w);
}

/* ---- reasoning ---- */
static void put_effort(struct draft *d, enum chat_effort effort)
{
    put_str_if(&d->w, STR("reasoning_effort"), words_of(&openai_effort_words, (int)effort));
}

static void put_reasoning_object(struct draft *d, const struct chat_reasoning *r)
{
    begin_object_at(&d->w, STR("reasoning"));
    if (r->budget.is_set && r->budget.value > 0)
        json_put_i64(&d->w, STR("max_tokens"), r->budget.value);
    else if (r->effort != CHAT_EFFORT_UNSAID)
        put_str_if(&d->w, STR("effort"), words_of(&openai_effort_words, (int)r->effort));
    put_bool_if(&d->w, STR("enabled"), r->is_on);
    if (r->is_shown == CHAT_NO) json_put_bool(&d->w, STR("exclude"), true);
    json_end_object(&d->w);
}

static void put_reasoning(struct draft *d)
{
    const struct chat_reasoning *r = &d->in->reasoning;
    enum chat_tristate is_wanted = chat_reasoning_is_wanted(r);
    if (is_wanted == CHAT_UNSAID) return;
    switch (d->traits->reasoning) {
    case REASONING_NONE: losses_add_if(d->dropped, is_wanted == CHAT_YES, STR("reasoning_effort")); break;
    case REASONING_OBJECT: put_reasoning_object(d, r); break;
    case REASONING_SWITCH:
        begin_object_at(&d->w, STR("thinking"));
        json_put_str(&d->w, STR("type"), is_wanted == CHAT_YES ? STR("enabled") : STR("disabled"));
        json_end_object(&d->w);
        break;
    case REASONING_UNKNOWN:
    case REASONING_EFFORT:
    case REASONING_BUDGET:
    case REASONING_ADAPTIVE:
        /* "disabled" is what models without the word do anyway */
        if (is_wanted == CHAT_YES || r->effort != CHAT_EFFORT_UNSAID) put_effort(d, chat_reasoning_effort(r));
        break;
    }
}

/* ---- parameters ---- */
static void put_sampling(struct draft *d)
{
    const struct chat_request *in = d->in;
    bool has_temperature = takes(d, in->temperature.is_set, TRAIT_NO_TEMPERATURE, STR("temperature"));
    if (has_temperature) put_double_if(&d->w, STR("temperature"), in->temperature);
    enum model_trait no_top_p = has_temperature ? TRAIT_NO_TOP_P | TRAIT_NO_TOP_P_WITH_TEMPERATURE
                                                : TRAIT_NO_TOP_P;
    if (takes(d, in->top_p.is_set, no_top_p, STR("top_p"))) put_double_if(&d->w, STR("top_p"), in->top_p);
    if (in->top_k.is_set && has_trait(d, TRAIT_TOP_K))
        put_int_if(&d->w, STR("top_k"), in->top_k);
    else
        losses_add_if(d->dropped, in->top_k.is_set, STR("top_k"));
    if (takes(d, in->frequency_penalty.is_set, TRAIT_NO_PENALTIES, STR("frequency_penalty")))
        put_double_if(&d->w, STR("frequency_penalty"), in->frequency_penalty);
    if (takes(d, in->presence_penalty.is_set, TRAIT_NO_PENALTIES, STR("presence_penalty")))
        put_double_if(&d->w, STR("presence_penalty"), in->presence_penalty);
    if (takes(d, in->seed.is_set, TRAIT_NO_SEED, STR("seed"))) put_int_if(&d->w, STR("seed"), in->seed);
    bool wants_more = in->choices.is_set && in->choices.value > 1;
    if (takes(d, wants_more, TRAIT_NO_CHOICES, STR("n"))) put_int_if(&d->w, STR("n"), in->choices);
    if (takes(d, in->stop.count > 0, TRAIT_NO_STOP, STR("stop")))
        put_strings_if(&d->w, STR("stop"), &in->stop);
    if (!takes(d, in->wants_logprobs, TRAIT_NO_LOGPROBS, STR("logprobs"))) return;
    json_put_bool(&d->w, STR("logprobs"), true);
    put_int_if(&d->w, STR("top_logprobs"), in->top_logprobs);
}

static void put_stream(struct draft *d)
{
    if (!d->in->is_stream) return;
    json_put_bool(&d->w, STR("stream"), true);
    if (has_trait(d, TRAIT_NO_STREAM_USAGE)) return;
    begin_object_at(&d->w, STR("stream_options"));
    json_put_bool(&d->w, STR("include_usage"), true);
    json_end_object(&d->w);
}

/* Members that OpenAI's two formats both have. */
static bool is_shared_extra(struct str name)
{
    static const struct str shared[] = {
        STR_INIT("service_tier"),
        STR_INIT("store"),
        STR_INIT("verbosity"),
        STR_INIT("prompt_cache_key"),
        STR_INIT("prompt_cache_retention"),
    };
    for (size_t i = 0; i < ARRAY_COUNT(shared); i++)
        if (str_equals(name, shared[i])) return true;
    return false;
}

static void put_extras(struct draft *d)
{
    const struct chat_request *in = d->in;
    bool is_stored = false;
    for (const struct chat_extra *e = in->extras; e; e = e->next) {
        bool is_known = in->format == CHAT_FORMAT_OPENAI_CHAT ||
                        (in->format == CHAT_FORMAT_OPENAI_RESPONSES && is_shared_extra(e->name));
        if (is_known)
            json_put_raw(&d->w, e->name, e->json);
        else
            losses_add(d->dropped, e->name);
        if (is_known && str_equals(e->name, STR("store"))) is_stored = str_equals(e->json, STR("true"));
    }
    if (in->metadata.len == 0) return;
    /* OpenAI takes metadata only of what it stores. */
    if (is_stored || in->format == CHAT_FORMAT_OPENAI_CHAT)
        json_put_raw(&d->w, STR("metadata"), in->metadata);
    else
        losses_add(d->dropped, STR("metadata"));
}

static void put_request(struct draft *d, struct str model)
{
    const struct chat_request *in = d->in;
    json_begin_object(&d->w);
    json_put_str(&d->w, STR("model"), model.len > 0 ? model : in->model);
    put_messages(d);
    put_tools(d);
    put_output(d);
    put_modalities(d);
    put_i64_if(&d->w,
               has_trait(d, TRAIT_MAX_COMPLETION_TOKENS) ? STR("max_completion_tokens") : STR("max_tokens"),
               in->max_tokens);
    put_sampling(d);
    put_reasoning(d);
    put_str_if(&d->w, STR("user"), in->user);
    note_cache(d, in->cache);
    put_extras(d);
    put_stream(d);
    json_end_object(&d->w);
}

bool openai_chat_write_request(struct upstream_request *out, const struct chat_request *in,
                               struct losses *dropped, struct chat_error *err)
{
    static const struct model_traits unknown;
    struct draft d = {.arena = out->arena, .in = in, .dropped = dropped};
    d.traits = out->traits ? out->traits : &unknown;
    json_writer_init(&d.w, out->body, 0);
    put_request(&d, out->model);
    out->path = operation_row(OP_CHAT)->path;
    out->query = (struct str){0};
    out->header_count = 0;
    if (json_writer_finish(&d.w)) return true;
    *err = (struct chat_error){.problem = PROBLEM_TOO_LARGE,
                               .message = STR("The request is larger than what may be sent to a provider.")};
    return false;
}
