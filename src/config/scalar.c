/* config/scalar.c: a scalar's text, or a list of them, into the member that its row names. What is wrong is said with
 * the text as written, never as filled in: what came out of a ${…} may be a secret; and the text of a row that is marked
 * secret is not shown at all. */
#include "config/apply.h"

#include "config/judge.h"
#include "config/suggest.h"
#include "config/value.h"

#include "base/check.h"

void slot_refuse(struct slot *s, const struct node *at, struct str what, struct str allowed)
{
    struct str where = place_text(s->loading->arena, s->place);
    notes_add(&s->loading->errors, at->source, at->line, "%.*s in %.*s; allowed: %.*s", STR_ARG(what),
              STR_ARG(where), STR_ARG(allowed));
}

struct str node_kind_text(const struct node *n)
{
    if (n->kind == NODE_LIST) return STR("a list is not possible");
    return n->kind == NODE_MAP ? STR("a map is not possible") : STR("a text is not possible");
}

static void *member(const struct slot *s)
{
    return s->to + s->option->at;
}

static struct str shown(const struct slot *s, const struct node *n)
{
    return s->option->flags & OPTION_SECRET ? STR("the value (not shown)")
                                            : quoted(s->loading->arena, n->raw);
}

static void refuse_value(struct slot *s, const struct node *n, const char *wrong)
{
    struct arena *a = s->loading->arena;
    struct str allowed = option_allowed(a, s->option), text = shown(s, n);
    struct suggestion nearest;
    suggest_init(&nearest, n->raw);
    for (const struct option_choice *c = s->option->choices; c && c->name; c++)
        suggest_offer(&nearest, str_from_cstr(c->name));
    if (nearest.best.len)
        allowed = arena_printf(a, "%.*s (did you mean \"%.*s\"?)", STR_ARG(allowed), STR_ARG(nearest.best));
    slot_refuse(s, n, arena_printf(a, "%.*s %s", STR_ARG(text), wrong), allowed);
}

/* ---- one setter per type: NULL, or what is wrong with the text ---- */

static const char *check_range(const struct option *o, int64_t n, int64_t unit)
{
    if (n < o->min * unit) return "is too small";
    return o->max && n > o->max * unit ? "is too large" : NULL;
}

static const char *set_int(struct slot *s, const struct node *n)
{
    int64_t value;
    if (!str_to_i64(n->text, &value)) return "is no whole number";
    *(int64_t *)member(s) = value;
    return check_range(s->option, value, 1);
}

static const char *set_size(struct slot *s, const struct node *n)
{
    int64_t value;
    if (!value_parse_size(n->text, &value)) return "is no size";
    *(int64_t *)member(s) = value;
    return check_range(s->option, value, 1);
}

static const char *set_duration(struct slot *s, const struct node *n)
{
    const struct option_choice *word = &s->option->word;
    msec_t value = word->value;
    if (word->name && str_equals_nocase(n->text, str_from_cstr(word->name))) {
        *(msec_t *)member(s) = value;
        return NULL;
    }
    if (!value_parse_duration(n->text, &value)) return "is no duration";
    *(msec_t *)member(s) = value;
    return check_range(s->option, value, 1);
}

static const char *set_real(struct slot *s, const struct node *n)
{
    double value;
    if (!value_parse_real(n->text, &value)) return "is no number";
    if (value < (double)s->option->min) return "is too small";
    if (s->option->max && value > (double)s->option->max) return "is too large";
    *(double *)member(s) = value;
    return NULL;
}

static const char *set_money(struct slot *s, const struct node *n)
{
    int64_t value;
    if (!value_parse_money(n->text, &value)) return "is no sum of dollars";
    *(int64_t *)member(s) = value;
    return check_range(s->option, value, 1000000000);
}

static const char *set_bool(struct slot *s, const struct node *n)
{
    return value_parse_bool(n->text, member(s)) ? NULL : "is neither true nor false";
}

static const struct option_choice *find_choice(struct slot *s, const struct node *n)
{
    struct loading *l = s->loading;
    const struct option_choice *c = choice_find(s->option->choices, n->text);
    if (!c || c->is != CHOICE_LATER || l->later_depth) return c;
    struct str where = place_text(l->arena, s->place);
    loading_note_later(l, arena_printf(l->arena, "%.*s \"%s\"", STR_ARG(where), c->name), n);
    return c;
}

static const char *set_enum(struct slot *s, const struct node *n)
{
    const struct option_choice *c = find_choice(s, n);
    if (!c) return "is unknown";
    *(int *)member(s) = c->value;
    return NULL;
}

static const char *set_flag(struct slot *s, const struct node *n)
{
    const struct option_choice *c = find_choice(s, n);
    if (!c) return "is unknown";
    *(uint32_t *)member(s) |= (uint32_t)c->value;
    return NULL;
}

static void add_reference(struct slot *s, const struct node *n, struct str name)
{
    struct loading *l = s->loading;
    if (s->option->refers == REF_NONE || !n->source) return; /* a default names what is there */
    struct reference *r = arena_new(l->arena, struct reference);
    *r = (struct reference){.what = s->option->refers, .name = name, .source = n->source, .line = n->line};
    r->written = quoted(l->arena, n->raw);
    r->where = place_text(l->arena, s->place);
    *l->_next_reference = r;
    l->_next_reference = &r->next;
}

/* Judged and copied; NULL or what is wrong. */
static const char *keep_text(struct slot *s, const struct node *n, struct str *out)
{
    const struct option *o = s->option;
    if (o->judge && !o->judge(n->text)) return "is not possible";
    if (o->type == OPT_TEXT ? !judge_text(n->text) : !judge_line(n->text))
        return "holds control characters or is not UTF-8";
    *out = arena_copy(&s->loading->config->_arena, n->text);
    add_reference(s, n, *out);
    return NULL;
}

static const char *set_string(struct slot *s, const struct node *n)
{
    return keep_text(s, n, member(s));
}

/* Appends: api_key and api_keys share one list. Room was made by set_list(). */
static const char *add_string(struct slot *s, const struct node *n)
{
    struct config_strings *list = member(s);
    struct str text;
    const char *wrong = keep_text(s, n, &text);
    if (!wrong) ((struct str *)list->at)[list->count++] = text;
    return wrong;
}

static const struct {
    const char *(*set)(struct slot *s, const struct node *n);
    bool is_list;
} setters[OPTION_TYPES] = {
    [OPT_INT] = {set_int, false},           [OPT_SIZE] = {set_size, false},
    [OPT_DURATION] = {set_duration, false}, [OPT_REAL] = {set_real, false},
    [OPT_MONEY] = {set_money, false},       [OPT_BOOL] = {set_bool, false},
    [OPT_ENUM] = {set_enum, false},         [OPT_FLAGS] = {set_flag, true},
    [OPT_STRING] = {set_string, false},     [OPT_TEXT] = {set_string, false},
    [OPT_STRINGS] = {add_string, true},
};

static void set_one(struct slot *s, const struct node *n)
{
    if (n->kind != NODE_SCALAR) {
        slot_refuse(s, n, node_kind_text(n), option_allowed(s->loading->arena, s->option));
        return;
    }
    const char *wrong = n->is_failed ? NULL : setters[s->option->type].set(s, n);
    if (wrong) refuse_value(s, n, wrong);
}

static void make_room(struct slot *s, size_t more)
{
    if (s->option->type != OPT_STRINGS) return;
    struct config_strings *list = member(s);
    struct str *room = arena_new_array(&s->loading->config->_arena, struct str, list->count + more + 1);
    if (list->count) memcpy(room, list->at, list->count * sizeof *room);
    list->at = room;
}

/* A list, or one alone. Items that say nothing are passed over: "${SECOND_KEY:-}". */
static void set_list(struct slot *s)
{
    make_room(s, s->node->kind == NODE_LIST ? s->node->count : 1);
    if (s->node->kind != NODE_LIST) {
        set_one(s, s->node);
        return;
    }
    size_t index = 0;
    for (const struct node *n = s->node->first; n; n = n->next) {
        struct place place = {.up = s->place, .index = index++};
        struct slot item = *s;
        item.place = &place;
        if (!node_is_empty(n)) set_one(&item, n);
    }
}

/* ---- pairs ---- */

static void json_quote(struct buf *out, struct str s)
{
    static const char hex[] = "0123456789abcdef";
    bool is_whole = buf_append_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        char escaped[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        if (c < ' ')
            is_whole = is_whole && buf_append(out, str_of(escaped, sizeof escaped));
        else if (c == '"' || c == '\\')
            is_whole = is_whole && buf_append_char(out, '\\') && buf_append_char(out, (char)c);
        else
            is_whole = is_whole && buf_append_char(out, (char)c);
    }
    require(is_whole && buf_append_char(out, '"')); /* the ceiling is over all that a file can hold */
}

static void json_write(struct buf *out, const struct node *n)
{
    if (n->kind == NODE_SCALAR) {
        bool is_literal = str_equals(n->text, STR("true")) || str_equals(n->text, STR("false"));
        if (!n->is_quoted && node_is_empty(n))
            require(buf_append(out, STR("null")));
        else if (!n->is_quoted && (is_literal || value_is_json_number(n->text)))
            require(buf_append(out, n->text));
        else
            json_quote(out, n->text);
        return;
    }
    require(buf_append_char(out, n->kind == NODE_MAP ? '{' : '['));
    for (const struct node *child = n->first; child; child = child->next) {
        if (child != n->first) require(buf_append_char(out, ','));
        if (n->kind == NODE_MAP) {
            json_quote(out, child->key);
            require(buf_append_char(out, ':'));
        }
        json_write(out, child);
    }
    require(buf_append_char(out, n->kind == NODE_MAP ? '}' : ']'));
}

static bool is_json_text(const struct node *n)
{
    if (!judge_text(n->text) || !judge_text(n->key)) return false;
    for (const struct node *child = n->first; child; child = child->next)
        if (!is_json_text(child)) return false;
    return true;
}

static bool json_pair_set(struct slot *s, const struct node *n, struct str *value)
{
    if (!is_json_text(n)) {
        slot_refuse(s, n, STR("a text with control characters or without UTF-8"), STR("text"));
        return false;
    }
    struct buf text;
    buf_init(&text, 64 << 20);
    json_write(&text, n);
    *value = arena_copy(&s->loading->config->_arena, buf_str(&text));
    buf_done(&text);
    return true;
}

static bool pair_set(struct slot *s, const struct node *n, struct str *value)
{
    const struct option *o = s->option;
    struct arena *a = s->loading->arena;
    const char *wrong = NULL;
    if (o->judge && !o->judge(n->key))
        wrong = "is not possible as a name";
    else if (n->kind != NODE_SCALAR || !judge_line(n->text))
        wrong = "has no text of one line";
    *value = arena_copy(&s->loading->config->_arena, n->text);
    if (!wrong) return true;
    struct str key = quoted_key(a, n->key);
    slot_refuse(s, n, arena_printf(a, "%.*s %s", STR_ARG(key), wrong), option_allowed(a, o));
    return false;
}

static void set_pairs(struct slot *s)
{
    struct config_pairs *pairs = member(s);
    if (s->node->kind != NODE_MAP) {
        slot_refuse(s, s->node, node_kind_text(s->node), option_allowed(s->loading->arena, s->option));
        return;
    }
    struct arena *keep = &s->loading->config->_arena;
    struct config_pair *at = arena_new_array(keep, struct config_pair, s->node->count + 1);
    pairs->at = at;
    for (const struct node *n = s->node->first; n; n = n->next) {
        struct config_pair *pair = &at[pairs->count];
        pair->name = arena_copy(keep, n->key);
        bool is_set = s->option->type == OPT_PAIRS ? pair_set(s, n, &pair->value)
                                                   : json_pair_set(s, n, &pair->value);
        pairs->count += is_set;
    }
}

void slot_set(struct slot *s)
{
    if (s->option->type == OPT_PAIRS || s->option->type == OPT_JSON_PAIRS)
        set_pairs(s);
    else if (setters[s->option->type].is_list)
        set_list(s);
    else
        set_one(s, s->node);
}

void slot_set_default(struct slot *s)
{
    if (!s->option->def) return;
    struct slot one = *s;
    struct str rest = str_from_cstr(s->option->def);
    bool is_list = setters[s->option->type].is_list;
    if (is_list) make_room(s, rest.len);
    while (rest.at) {
        struct node n = {.kind = NODE_SCALAR, .text = is_list ? str_trim(str_cut(&rest, ',')) : rest};
        const char *wrong = setters[s->option->type].set(&one, &n);
        require(!wrong); /* the row's own default does not fit the row */
        if (!is_list) return;
    }
}
