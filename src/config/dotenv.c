/* config/dotenv.c: the file `.env`, line by line: NAME=VALUE, `export NAME=VALUE`, comments.
 *
 *     A=text # comment      ends before " #", blanks at its end are cut
 *     A='as it is'          may hold line feeds
 *     A="with \n \t \" \\ \$"  the same, and these escapes
 *
 * No value is expanded: "${B}" stays what it is. The last one of a name counts. */
#include "config/env.h"

struct dotenv {
    struct env *env;
    struct str rest;
    unsigned line; /* of the front of rest */
    const struct source *source;
    struct notes *warnings;
};

static char front(const struct dotenv *d)
{
    return d->rest.len ? d->rest.at[0] : '\0';
}

static void step(struct dotenv *d)
{
    if (front(d) == '\n') d->line++;
    d->rest = str_from(d->rest, 1);
}

static void skip_blanks(struct dotenv *d)
{
    while (front(d) == ' ' || front(d) == '\t' || front(d) == '\r') step(d);
}

static void skip_line(struct dotenv *d)
{
    while (d->rest.len && front(d) != '\n') step(d);
    step(d);
}

static struct str take_name(struct dotenv *d)
{
    size_t n = 0;
    for (; n < d->rest.len; n++) {
        char c = ascii_lower(d->rest.at[n]);
        if (!((c >= 'a' && c <= 'z') || c == '_' || (n && c >= '0' && c <= '9'))) break;
    }
    struct str name = str_part(d->rest, 0, n);
    d->rest = str_from(d->rest, n);
    return name;
}

static char unescape(char c)
{
    switch (c) {
    case 'n': return '\n';
    case 't': return '\t';
    case 'r': return '\r';
    default: return c;
    }
}

/* After the opening quote. False: there is no closing one. */
static bool take_quoted(struct dotenv *d, char quote, struct str *value)
{
    size_t room = 0, len = 0;
    while (room < d->rest.len && d->rest.at[room] != quote)
        room += quote == '"' && d->rest.at[room] == '\\' ? 2 : 1;
    char *text = arena_alloc(d->env->arena, room + 1);
    while (d->rest.len && front(d) != quote) {
        if (quote == '"' && front(d) == '\\' && d->rest.len > 1) {
            step(d);
            text[len++] = unescape(front(d));
        } else {
            text[len++] = front(d);
        }
        step(d);
    }
    text[len] = '\0';
    *value = str_of(text, len);
    if (!d->rest.len) return false;
    step(d);
    return true;
}

static struct str take_plain(struct dotenv *d)
{
    size_t n = 0;
    for (; n < d->rest.len && d->rest.at[n] != '\n'; n++)
        if (d->rest.at[n] == '#' && (n == 0 || d->rest.at[n - 1] == ' ' || d->rest.at[n - 1] == '\t')) break;
    struct str value = arena_copy(d->env->arena, str_trim(str_part(d->rest, 0, n)));
    d->rest = str_from(d->rest, n);
    return value;
}

static const char *take_assignment(struct dotenv *d)
{
    struct str name = take_name(d), value;
    skip_blanks(d);
    if (str_equals(name, STR("export")) && front(d) != '=') {
        name = take_name(d);
        skip_blanks(d);
    }
    if (!name.len || front(d) != '=') return "NAME=VALUE is expected";
    step(d);
    skip_blanks(d);
    char quote = front(d);
    if (quote == '"' || quote == '\'') {
        step(d);
        if (!take_quoted(d, quote, &value)) return "a quote has no end";
        skip_blanks(d);
        if (d->rest.len && front(d) != '\n' && front(d) != '#')
            return "there is something after the closing quote";
    } else {
        value = take_plain(d);
    }
    struct str *kept = arena_new(d->env->arena, struct str);
    *kept = value;
    map_put(&d->env->dotenv, arena_copy(d->env->arena, name), kept);
    return NULL;
}

void env_add_dotenv(struct env *e, struct str text, const struct source *source, struct notes *warnings)
{
    struct dotenv d = {.env = e, .rest = text, .line = 1, .source = source, .warnings = warnings};
    if (str_starts_with(d.rest, STR("\xef\xbb\xbf"))) d.rest = str_from(d.rest, 3);
    while (d.rest.len) {
        skip_blanks(&d);
        unsigned line = d.line;
        if (d.rest.len && front(&d) != '#' && front(&d) != '\n') {
            const char *wrong = take_assignment(&d);
            if (wrong) notes_add(warnings, source, line, "%s; the line is ignored", wrong);
        }
        skip_line(&d);
    }
}
