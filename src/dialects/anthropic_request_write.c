/* dialects/anthropic_request_write.c: the neutral request in Anthropic's Messages format. What a model wants otherwise is in
 * the traits (chat/traits.h); what cannot be said is a loss.
 *
 * Turns: all system messages go to "system"; messages of one side in a row are one turn, results of tools first in it.
 * Blank texts are left out, as the service refuses them, and turns with nothing in them too. A conversation that is
 * nothing but system messages is told as the user's; one in which nobody says anything is refused.
 *
 * Thinking has conditions: a budget of at least 1024 below max_tokens, no forced tool, and a signed thought before the
 * calls of the turn that goes on. Where one does not hold, the request goes without, which is a loss. */
#include "dialects/anthropic.h"

#include "chat/reasoning.h"
#include "dialects/tool_calls.h"

/* Where nobody said how long an answer may be: as much as all current models take, and what ends in time. */
enum { USUAL_MAX_TOKENS = 32000, MOST_DEFAULT_TOKENS = 64000 };

struct thinking {
    enum { THINKING_UNSAID, THINKING_DISABLED, THINKING_ENABLED, THINKING_ADAPTIVE } kind;
    int64_t budget;
    enum chat_effort effort;
};

struct draft {
    struct json_writer w;
    struct arena *arena;
    const struct chat_request *in;
    const struct model_traits *traits;
    struct losses *dropped;
    struct block_style style;
    struct thinking thinking;
    int64_t max_tokens;
    const struct chat_part *last_text; /* that the answer goes on from: without blanks at its end */
    bool in_turn, has_said, uses_files;
    enum chat_role turn; /* USER or ASSISTANT */
};

static bool has_trait(const struct draft *d, enum model_trait trait)
{
    return (d->traits->bits & trait) != 0;
}

/* Is it asked for and taken? Asked for and refused is a loss. */
static bool takes(struct draft *d, bool is_asked, unsigned refusals, struct str name)
{
    if (!is_asked || !(d->traits->bits & refusals)) return is_asked;
    losses_add(d->dropped, name);
    return false;
}

static bool is_own_request(const struct draft *d)
{
    return d->in->format == CHAT_FORMAT_ANTHROPIC;
}

/* ---- turns ---- */
static void end_turn(struct draft *d)
{
    if (!d->in_turn) return;
    json_end_array(&d->w);
    json_end_object(&d->w);
    d->in_turn = false;
}

static void go_on_in(struct draft *d, enum chat_role role)
{
    if (d->in_turn && d->turn == role) return;
    end_turn(d);
    d->has_said = true;
    json_begin_object(&d->w);
    json_put_str(&d->w, STR("role"), role == CHAT_ROLE_USER ? STR("user") : STR("assistant"));
    begin_array_at(&d->w, STR("content"));
    d->in_turn = true;
    d->turn = role;
}

static struct str without_end_blanks(struct str s)
{
    struct str blanks = STR(" \t\r\n");
    while (s.len > 0 && str_find_char(blanks, s.at[s.len - 1]) != SIZE_MAX) s.len--;
    return s;
}

static void put_part(struct draft *d, enum chat_role turn, const struct chat_part *p)
{
    bool is_refused = p->kind == CHAT_IMAGE && has_trait(d, TRAIT_NO_IMAGES);
    if (is_refused || !anthropic_can_put(p, &d->style)) {
        anthropic_lose_part(p, &d->style);
        return;
    }
    struct chat_part part = *p;
    if (p == d->last_text) part.text = without_end_blanks(p->text);
    if (p->media && p->media->file_id.len > 0) d->uses_files = true;
    for (const struct chat_part *c = p->content.first; c; c = c->next)
        if (c->media && c->media->file_id.len > 0) d->uses_files = true;
    go_on_in(d, turn);
    anthropic_put_block(&d->w, &part, &d->style);
}

static bool is_system(const struct chat_message *m)
{
    return m->role == CHAT_ROLE_SYSTEM || m->role == CHAT_ROLE_DEVELOPER;
}

/* Does anybody but the system say something? */
static bool has_turns(const struct draft *d)
{
    for (const struct chat_message *m = d->in->messages; m; m = m->next)
        for (const struct chat_part *p = is_system(m) ? NULL : m->parts.first; p; p = p->next)
            if (anthropic_can_put(p, &d->style)) return true;
    return false;
}

static void put_messages(struct draft *d)
{
    bool is_only_system = !has_turns(d);
    const struct chat_message *last = d->in->_last_message;
    if (last && last->role == CHAT_ROLE_ASSISTANT && last->parts.last && last->parts.last->kind == CHAT_TEXT)
        d->last_text = last->parts.last;
    begin_array_at(&d->w, STR("messages"));
    for (const struct chat_message *m = d->in->messages; m; m = m->next) {
        if (is_system(m) && !is_only_system) continue;
        enum chat_role turn = m->role == CHAT_ROLE_ASSISTANT ? CHAT_ROLE_ASSISTANT : CHAT_ROLE_USER;
        losses_add_if(d->dropped, m->name.len > 0, STR("name"));
        for (const struct chat_part *p = m->parts.first; p; p = p->next) put_part(d, turn, p);
    }
    end_turn(d);
    json_end_array(&d->w);
}

/* ---- system ---- */
static bool is_said(const struct chat_part *p)
{
    return p->kind == CHAT_TEXT && str_trim(p->text).len > 0;
}

static void put_system(struct draft *d)
{
    unsigned count = 0;
    const struct chat_part *only = NULL;
    if (!has_turns(d)) return;
    for (const struct chat_message *m = d->in->messages; m; m = m->next)
        for (const struct chat_part *p = is_system(m) ? m->parts.first : NULL; p; p = p->next) {
            if (is_said(p)) {
                count++;
                only = p;
            } else if (p->kind != CHAT_TEXT) {
                anthropic_lose_part(p, &d->style);
            }
        }
    if (count == 0) return;
    if (count == 1 && !only->cache) {
        json_put_str(&d->w, STR("system"), only->text);
        return;
    }
    begin_array_at(&d->w, STR("system"));
    for (const struct chat_message *m = d->in->messages; m; m = m->next)
        for (const struct chat_part *p = is_system(m) ? m->parts.first : NULL; p; p = p->next)
            if (is_said(p)) anthropic_put_block(&d->w, p, &d->style);
    json_end_array(&d->w);
}

/* ---- tools ---- */
static bool is_sent(const struct draft *d, const struct chat_tool *t)
{
    if (t->kind == CHAT_TOOL_OTHER) return t->format == CHAT_FORMAT_ANTHROPIC;
    if (d->in->allowed_tools.count == 0) return true;
    for (unsigned i = 0; i < d->in->allowed_tools.count; i++)
        if (str_equals(d->in->allowed_tools.at[i], t->name)) return true;
    return false;
}

/* The service wants an object's schema, and its type. */
static struct str schema_of(const struct draft *d, struct str schema)
{
    struct json_value v = json_value_of(schema);
    if (v.type != JSON_OBJECT) return STR("{\"type\":\"object\",\"properties\":{}}");
    if (json_exists(json_get(v, STR("type")))) return v.raw;
    struct str rest = str_trim(str_from(v.raw, 1));
    const struct str pieces[] = {STR("{\"type\":\"object\""), rest.at[0] == '}' ? STR("") : STR(","), rest};
    return arena_join(d->arena, pieces, ARRAY_COUNT(pieces));
}

static void put_tool(struct draft *d, const struct chat_tool *t)
{
    if (t->kind == CHAT_TOOL_OTHER) {
        json_write_raw(&d->w, t->json);
        return;
    }
    json_begin_object(&d->w);
    json_put_str(&d->w, STR("name"), tool_name_to(&TOOL_NAMES_ANTHROPIC, t->name, d->arena));
    put_str_if(&d->w, STR("description"), t->description);
    json_put_raw(&d->w, STR("input_schema"), schema_of(d, t->schema));
    if (!has_trait(d, TRAIT_NO_STRICT_TOOLS)) put_bool_if(&d->w, STR("strict"), t->is_strict);
    put_cache_control_if(&d->w, t->cache);
    json_end_object(&d->w);
}

static bool names_a_sent_tool(const struct draft *d)
{
    const struct chat_tool *t = chat_request_tool(d->in, d->in->tool_choice_name);
    return t ? is_sent(d, t) : is_own_request(d);
}

/* Only a choice can say that calls come one at a time. */
static void put_choice(struct draft *d)
{
    static const struct word rows[] = {
        {STR_INIT("auto"), CHAT_CHOICE_AUTO},
        {STR_INIT("none"), CHAT_CHOICE_NONE},
        {STR_INIT("any"), CHAT_CHOICE_REQUIRED},
        {STR_INIT("tool"), CHAT_CHOICE_NAMED},
    };
    static const struct words words = WORDS(rows);
    enum chat_choice_mode mode = d->in->tool_choice;
    if (mode == CHAT_CHOICE_NAMED && !names_a_sent_tool(d)) mode = CHAT_CHOICE_UNSAID;
    bool is_one = takes(d, d->in->parallel_tools == CHAT_NO, TRAIT_NO_PARALLEL_TOOLS,
                        STR("parallel_tool_calls"));
    if (mode == CHAT_CHOICE_UNSAID && is_one) mode = CHAT_CHOICE_AUTO;
    if (mode == CHAT_CHOICE_UNSAID) return;
    begin_object_at(&d->w, STR("tool_choice"));
    json_put_str(&d->w, STR("type"), words_of(&words, (int)mode));
    if (mode == CHAT_CHOICE_NAMED)
        json_put_str(&d->w, STR("name"),
                     tool_name_to(&TOOL_NAMES_ANTHROPIC, d->in->tool_choice_name, d->arena));
    bool is_said = is_one || d->in->parallel_tools == CHAT_YES;
    if (mode != CHAT_CHOICE_NONE && is_said) json_put_bool(&d->w, STR("disable_parallel_tool_use"), is_one);
    json_end_object(&d->w);
}

static void put_tools(struct draft *d)
{
    unsigned count = 0;
    for (const struct chat_tool *t = d->in->tools; t; t = t->next) {
        if (is_sent(d, t))
            count++;
        else if (t->kind == CHAT_TOOL_OTHER)
            losses_add(d->dropped, arena_printf(d->arena, "tools.%.*s",
                                                STR_ARG(str_part(t->name, 0, LOSS_NAME_MAX_BYTES))));
    }
    if (!takes(d, count > 0, TRAIT_NO_TOOLS, STR("tools"))) return;
    begin_array_at(&d->w, STR("tools"));
    for (const struct chat_tool *t = d->in->tools; t; t = t->next)
        if (is_sent(d, t)) put_tool(d, t);
    json_end_array(&d->w);
    put_choice(d);
}

/* ---- thinking ---- */
/* Does the turn that goes on have calls that no thought of the service's own comes before? */
static bool goes_on_without_thought(const struct draft *d)
{
    const struct chat_message *last = NULL;
    for (const struct chat_message *m = d->in->messages; m; m = m->next)
        if (m->role == CHAT_ROLE_ASSISTANT) last = m;
    if (!last || !chat_parts_find(&last->parts, CHAT_TOOL_CALL)) return false;
    const struct chat_part *p = last->parts.first;
    while (p && !anthropic_can_put(p, &d->style)) p = p->next;
    return !p || p->kind != CHAT_THINKING;
}

static enum reasoning_style style_of(const struct draft *d)
{
    const struct chat_reasoning *r = &d->in->reasoning;
    if (d->traits->reasoning != REASONING_UNKNOWN) return d->traits->reasoning;
    if (r->is_on == CHAT_YES && r->budget.value < 0) return REASONING_ADAPTIVE;
    bool is_effort = is_own_request(d) && r->is_on == CHAT_UNSAID && r->effort != CHAT_EFFORT_UNSAID;
    return is_effort ? REASONING_EFFORT : REASONING_BUDGET;
}

static void plan_budget(struct draft *d)
{
    const struct chat_reasoning *r = &d->in->reasoning;
    d->thinking.budget = chat_reasoning_budget(r, d->max_tokens);
    bool can_think = d->thinking.budget > 0 && !goes_on_without_thought(d);
    losses_add_if(d->dropped, !can_think, STR("reasoning_effort"));
    if (can_think) d->thinking.kind = THINKING_ENABLED;
    if (is_own_request(d)) d->thinking.effort = r->effort; /* they go together there */
}

static void plan_adaptive(struct draft *d)
{
    const struct chat_reasoning *r = &d->in->reasoning;
    bool says_how_much = r->effort != CHAT_EFFORT_UNSAID || (r->budget.is_set && r->budget.value > 0);
    d->thinking.kind = THINKING_ADAPTIVE;
    if (says_how_much) d->thinking.effort = chat_reasoning_effort(r);
}

static void plan_thinking(struct draft *d)
{
    const struct chat_reasoning *r = &d->in->reasoning;
    enum chat_tristate is_wanted = chat_reasoning_is_wanted(r);
    enum reasoning_style style = style_of(d);
    bool is_forced = d->in->tools &&
                     (d->in->tool_choice == CHAT_CHOICE_REQUIRED || d->in->tool_choice == CHAT_CHOICE_NAMED);
    if (is_wanted == CHAT_UNSAID) return;
    if (is_wanted == CHAT_NO) {
        bool is_on_by_itself = style == REASONING_ADAPTIVE;
        if (style != REASONING_NONE && (r->is_on == CHAT_NO || is_on_by_itself))
            d->thinking.kind = THINKING_DISABLED;
        return;
    }
    if (style == REASONING_NONE) {
        losses_add(d->dropped, STR("reasoning_effort"));
    } else if (style == REASONING_EFFORT) {
        d->thinking.effort = chat_reasoning_effort(r);
    } else if (is_forced) {
        losses_add(d->dropped, STR("reasoning_effort"));
        if (style == REASONING_ADAPTIVE) d->thinking.effort = r->effort;
    } else if (style == REASONING_ADAPTIVE) {
        plan_adaptive(d);
    } else {
        plan_budget(d);
    }
}

static bool is_thinking(const struct draft *d)
{
    return d->thinking.kind == THINKING_ENABLED || d->thinking.kind == THINKING_ADAPTIVE;
}

static void put_thinking(struct draft *d)
{
    static const struct str types[] = {
        [THINKING_DISABLED] = STR_INIT("disabled"),
        [THINKING_ENABLED] = STR_INIT("enabled"),
        [THINKING_ADAPTIVE] = STR_INIT("adaptive"),
    };
    enum chat_tristate is_shown = d->in->reasoning.is_shown;
    if (d->thinking.kind == THINKING_UNSAID) return;
    begin_object_at(&d->w, STR("thinking"));
    json_put_str(&d->w, STR("type"), types[d->thinking.kind]);
    if (d->thinking.kind == THINKING_ENABLED) json_put_i64(&d->w, STR("budget_tokens"), d->thinking.budget);
    if (is_thinking(d) && is_shown != CHAT_UNSAID)
        json_put_str(&d->w, STR("display"), is_shown == CHAT_YES ? STR("summarized") : STR("omitted"));
    json_end_object(&d->w);
}

/* ---- the answer's form ---- */
static void put_format(struct draft *d)
{
    const struct chat_output_format *o = &d->in->output;
    begin_object_at(&d->w, STR("format"));
    json_put_str(&d->w, STR("type"), STR("json_schema"));
    json_put_raw(&d->w, STR("schema"),
                 o->kind == CHAT_OUTPUT_SCHEMA ? o->schema : STR("{\"type\":\"object\"}"));
    json_end_object(&d->w);
}

static const struct str OUTPUT_PREFIX = STR_INIT("output_config.");

static bool is_of_output(const struct draft *d, const struct chat_extra *e)
{
    return is_own_request(d) && str_starts_with(e->name, OUTPUT_PREFIX);
}

static void put_output(struct draft *d)
{
    const struct chat_output_format *o = &d->in->output;
    struct str effort = words_of(&anthropic_effort_words, (int)d->thinking.effort);
    bool has_format = takes(d, o->kind == CHAT_OUTPUT_SCHEMA || o->kind == CHAT_OUTPUT_JSON,
                            TRAIT_NO_JSON | TRAIT_NO_SCHEMA, STR("response_format"));
    const struct chat_extra *e = d->in->extras;
    while (e && !is_of_output(d, e)) e = e->next;
    if (!has_format && effort.len == 0 && !e) return;
    begin_object_at(&d->w, STR("output_config"));
    put_str_if(&d->w, STR("effort"), effort);
    if (has_format) put_format(d);
    for (; e; e = e->next)
        if (is_of_output(d, e)) json_put_raw(&d->w, str_from(e->name, OUTPUT_PREFIX.len), e->json);
    json_end_object(&d->w);
}

/* ---- parameters ---- */
/* 0 to 1 here, where others go up to 2; while it thinks, only 1. */
static bool put_temperature(struct draft *d)
{
    struct chat_double t = d->in->temperature;
    if (!takes(d, t.is_set, TRAIT_NO_TEMPERATURE, STR("temperature"))) return false;
    bool is_lost = t.value > 1 || t.value < 0 || (is_thinking(d) && t.value != 1);
    losses_add_if(d->dropped, is_lost, STR("temperature"));
    if (is_thinking(d) && t.value != 1) return false;
    t.value = t.value > 1 ? 1 : t.value < 0 ? 0 : t.value;
    put_double_if(&d->w, STR("temperature"), t);
    return true;
}

static void put_sampling(struct draft *d)
{
    const double least_top_p_thinking = 0.95;
    const struct chat_request *in = d->in;
    bool has_temperature = put_temperature(d);
    unsigned no_top_p = TRAIT_NO_TOP_P | (has_temperature ? TRAIT_NO_TOP_P_WITH_TEMPERATURE : 0);
    bool is_low = is_thinking(d) && in->top_p.is_set && in->top_p.value < least_top_p_thinking;
    losses_add_if(d->dropped, is_low, STR("top_p"));
    if (takes(d, in->top_p.is_set && !is_low, no_top_p, STR("top_p")))
        put_double_if(&d->w, STR("top_p"), in->top_p);
    bool is_cold = is_thinking(d) && in->top_k.is_set;
    losses_add_if(d->dropped, is_cold, STR("top_k"));
    if (takes(d, in->top_k.is_set && !is_cold, TRAIT_NO_TOP_K, STR("top_k")))
        put_int_if(&d->w, STR("top_k"), in->top_k);
}

static void put_stop(struct draft *d)
{
    const struct chat_strings *stop = &d->in->stop;
    bool is_begun = false;
    if (!takes(d, stop->count > 0, TRAIT_NO_STOP, STR("stop"))) return;
    for (unsigned i = 0; i < stop->count; i++) {
        if (str_trim(stop->at[i]).len == 0) { /* refused */
            losses_add(d->dropped, STR("stop"));
            continue;
        }
        if (!is_begun) begin_array_at(&d->w, STR("stop_sequences"));
        is_begun = true;
        json_write_str(&d->w, stop->at[i]);
    }
    if (is_begun) json_end_array(&d->w);
}

static void note_losses(struct draft *d)
{
    const struct chat_request *in = d->in;
    losses_add_if(d->dropped, in->choices.is_set && in->choices.value > 1, STR("n"));
    losses_add_if(d->dropped, in->seed.is_set, STR("seed"));
    losses_add_if(d->dropped, in->wants_logprobs, STR("logprobs"));
    losses_add_if(d->dropped, in->frequency_penalty.is_set && in->frequency_penalty.value != 0,
                  STR("frequency_penalty"));
    losses_add_if(d->dropped, in->presence_penalty.is_set && in->presence_penalty.value != 0,
                  STR("presence_penalty"));
    losses_add_if(d->dropped, (in->modalities & ~(unsigned)CHAT_WANTS_TEXT) != 0, STR("modalities"));
    losses_add_if(d->dropped, in->metadata.len > 0, STR("metadata"));
}

/* A dot: it stands inside of something else, output_config or what has no place here. */
static void put_extras(struct draft *d)
{
    for (const struct chat_extra *e = d->in->extras; e; e = e->next) {
        if (is_of_output(d, e)) continue;
        if (is_own_request(d) && str_find_char(e->name, '.') == SIZE_MAX)
            json_put_raw(&d->w, e->name, e->json);
        else
            losses_add(d->dropped, e->name);
    }
}

static int64_t max_tokens_of(const struct draft *d)
{
    int64_t most = d->traits->max_output;
    if (d->in->max_tokens > 0) return d->in->max_tokens;
    if (most <= 0) return USUAL_MAX_TOKENS;
    return most < MOST_DEFAULT_TOKENS ? most : MOST_DEFAULT_TOKENS;
}

static void put_request(struct draft *d, struct str model)
{
    json_begin_object(&d->w);
    json_put_str(&d->w, STR("model"), model.len > 0 ? model : d->in->model);
    json_put_i64(&d->w, STR("max_tokens"), d->max_tokens);
    put_system(d);
    put_messages(d);
    put_tools(d);
    put_thinking(d);
    put_output(d);
    put_sampling(d);
    put_stop(d);
    if (d->in->user.len > 0) {
        begin_object_at(&d->w, STR("metadata"));
        json_put_str(&d->w, STR("user_id"), d->in->user);
        json_end_object(&d->w);
    }
    put_cache_control_if(&d->w, d->in->cache);
    put_extras(d);
    note_losses(d);
    if (d->in->is_stream) json_put_bool(&d->w, STR("stream"), true);
    json_end_object(&d->w);
}

bool anthropic_write_request(struct upstream_request *out, const struct chat_request *in,
                             struct losses *dropped, struct chat_error *err)
{
    static const struct model_traits unknown;
    struct draft d = {.arena = out->arena, .in = in, .dropped = dropped};
    d.traits = out->traits ? out->traits : &unknown;
    d.style = (struct block_style){.arena = out->arena, .dropped = dropped};
    d.max_tokens = max_tokens_of(&d);
    json_writer_init(&d.w, out->body, 0);
    plan_thinking(&d);
    put_request(&d, out->model);
    out->path = STR("/messages");
    out->query = (struct str){0};
    out->header_count = 0;
    if (d.uses_files)
        out->headers[out->header_count++] = (struct upstream_header){STR("anthropic-beta"),
                                                                     STR("files-api-2025-04-14")};
    bool fits = json_writer_finish(&d.w);
    if (fits && d.has_said) return true;
    if (fits) {
        *err = (struct chat_error){.problem = PROBLEM_INVALID_REQUEST,
                                   .param = STR("messages"),
                                   .message = STR("messages: at least one that says something is needed")};
        return false;
    }
    *err = (struct chat_error){.problem = PROBLEM_TOO_LARGE,
                               .message = STR("The request is larger than what may be sent to a provider.")};
    return false;
}
