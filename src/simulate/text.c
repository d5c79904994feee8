/* simulate/text.c: a fixed opening, a number, one of a few endings by the prompt's length; filled up with one more
 * sentence where somebody asks for a certain length. */
#include "simulate/text.h"

#include "base/attributes.h"
#include "base/fmt.h"

static const struct str opening = STR_INIT(
    "This is a simulated reply from Weir's built-in provider; no model was asked. Your prompt's length in tokens: about ");
static const struct str endings[] = {
    STR_INIT(". Configure a provider and a real answer will stand here."),
    STR_INIT(". Everything else on the way here was real: routing, limits, metrics and the log line."),
    STR_INIT(". Ask with \"stream\": true to see it arrive word by word."),
    STR_INIT(". The same prompt is always answered with the same words."),
};
static const struct str filler = STR_INIT(
    " Simulated words follow each other until the length that was asked for.");

unsigned text_tokens(size_t bytes)
{
    size_t tokens = bytes / TEXT_TOKEN_BYTES;
    if (tokens < 1) return 1;
    return tokens > UINT32_MAX ? UINT32_MAX : (unsigned)tokens;
}

struct str text_reply(struct arena *a, unsigned prompt_tokens, unsigned tokens)
{
    struct str ending = endings[prompt_tokens % ARRAY_COUNT(endings)];
    size_t wanted = (size_t)tokens * TEXT_TOKEN_BYTES;
    size_t written = opening.len + FMT_U64_BYTES + ending.len;
    char *start = arena_alloc(a, (written > wanted ? written : wanted) + filler.len);
    char *at = fmt_str(start, opening);
    at = fmt_u64(at, prompt_tokens);
    at = fmt_str(at, ending);
    if (!tokens) return str_of(start, (size_t)(at - start));
    while ((size_t)(at - start) < wanted) at = fmt_str(at, filler);
    return str_of(start, wanted);
}

static bool text_is_inside_char(struct str text, size_t at)
{
    return at < text.len && (text.at[at] & 0xc0) == 0x80;
}

struct str text_cut(struct str text, unsigned max_tokens)
{
    size_t at = (size_t)max_tokens * TEXT_TOKEN_BYTES;
    if (at >= text.len) return text;
    while (at > 0 && text_is_inside_char(text, at)) at--;
    return str_of(text.at, at);
}

bool text_next_piece(struct str *rest, struct str *piece)
{
    enum { MAX_PIECE_BYTES = 12 };
    if (!rest->len) return false;
    size_t at = 1;
    while (at < rest->len && at < MAX_PIECE_BYTES && rest->at[at] != ' ') at++;
    while (text_is_inside_char(*rest, at)) at++;
    *piece = str_of(rest->at, at);
    *rest = str_from(*rest, at);
    return true;
}
