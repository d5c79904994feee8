/* config/notes.c: bounded collecting, then one stable sort. */
#include "config/notes.h"

#include <stdarg.h>
#include <stdio.h>

enum { MAX_SHOWN_BYTES = 64, MAX_KEYLIKE_BYTES = 20, MAX_TEXT_BYTES = 900 };

static size_t place_depth(const struct place *p)
{
    size_t depth = 0;
    for (; p->up; p = p->up) depth++;
    return depth;
}

/* One line of printable text, not too long. */
static struct str shown(struct arena *a, struct str s)
{
    bool is_cut = s.len > MAX_SHOWN_BYTES;
    size_t end = is_cut ? MAX_SHOWN_BYTES : s.len;
    while (is_cut && end && ((unsigned char)s.at[end] & 0xc0) == 0x80) end--;
    char *text = arena_cstr(a, str_part(s, 0, end));
    for (size_t i = 0; i < end; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f) text[i] = '?';
    return is_cut ? arena_printf(a, "%s…", text) : str_of(text, end);
}

struct str place_text(struct arena *a, const struct place *p)
{
    if (!place_depth(p)) return STR("the file");
    struct str above = p->up->up ? place_text(a, p->up) : STR("");
    if (!p->name.at) return arena_printf(a, "%.*s[%zu]", STR_ARG(above), p->index);
    return arena_printf(a, "%.*s%s%.*s", STR_ARG(above), above.len ? "." : "", STR_ARG(shown(a, p->name)));
}

struct str quoted(struct arena *a, struct str s)
{
    return arena_printf(a, "\"%.*s\"", STR_ARG(shown(a, s)));
}

struct str quoted_key(struct arena *a, struct str key)
{
    bool has_digit = false;
    for (size_t i = 0; i < key.len; i++) has_digit |= key.at[i] >= '0' && key.at[i] <= '9';
    return key.len > (has_digit ? MAX_KEYLIKE_BYTES : MAX_SHOWN_BYTES) ? STR("(not shown)") : quoted(a, key);
}

void notes_add(struct notes *n, const struct source *source, unsigned line, const char *format, ...)
{
    if (n->count == CONFIG_MAX_MESSAGES) {
        n->unshown++;
        return;
    }
    char text[MAX_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    n->at[n->count++] = (struct note){source, line, arena_copy(n->arena, str_from_cstr(text))};
}

static bool is_before(const struct note *a, const struct note *b)
{
    if (a->source->rank != b->source->rank) return a->source->rank < b->source->rank;
    return a->line < b->line;
}

static void sort(struct notes *n)
{
    for (size_t i = 1; i < n->count; i++) {
        struct note moving = n->at[i];
        size_t to = i;
        for (; to > 0 && is_before(&moving, &n->at[to - 1]); to--) n->at[to] = n->at[to - 1];
        n->at[to] = moving;
    }
}

void notes_report(struct notes *n, struct config_report *report, struct config_messages *out)
{
    sort(n);
    for (size_t i = 0; i < n->count && out->count < CONFIG_MAX_MESSAGES; i++) {
        const struct note *note = &n->at[i];
        struct str line = STR("");
        if (n->unshown && i + 1 == CONFIG_MAX_MESSAGES)
            line = arena_printf(&report->_arena, "%zu more are not shown", n->unshown + 1);
        else if (note->line)
            line = arena_printf(&report->_arena, "%s:%u: %.*s", note->source->name, note->line,
                                STR_ARG(note->text));
        else
            line = arena_printf(&report->_arena, "%s: %.*s", note->source->name, STR_ARG(note->text));
        out->at[out->count++] = line;
    }
}

void config_report_init(struct config_report *r)
{
    *r = (struct config_report){0};
    arena_init(&r->_arena);
    r->errors.at = arena_new_array(&r->_arena, struct str, CONFIG_MAX_MESSAGES);
    r->warnings.at = arena_new_array(&r->_arena, struct str, CONFIG_MAX_MESSAGES);
}

void config_report_add(struct config_report *r, struct str place, const char *text)
{
    if (r->errors.count == CONFIG_MAX_MESSAGES) return;
    r->errors.at[r->errors.count++] = arena_printf(&r->_arena, "%.*s%s%s", STR_ARG(place),
                                                   place.len ? ": " : "", text);
}

void config_report_done(struct config_report *r)
{
    arena_done(&r->_arena);
    *r = (struct config_report){0};
}
