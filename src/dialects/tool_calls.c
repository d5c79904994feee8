/* dialects/tool_calls.c: see the header. The digest in a rewritten name is not a secret; it only keeps two long names
 * with the same beginning apart. */
#include "dialects/tool_calls.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/fmt.h"
#include "json/check.h"
#include "json/cursor.h"
#include "json/writer.h"

/* ---- names ---- */
const struct tool_name_rule TOOL_NAMES_OPENAI = {STR_INIT(""), 64};
const struct tool_name_rule TOOL_NAMES_ANTHROPIC = {STR_INIT(""), 128};
const struct tool_name_rule TOOL_NAMES_GEMINI = {STR_INIT(".:"), 64};

enum { DIGEST_BYTES = 8 };

static bool is_allowed(const struct tool_name_rule *rule, char c)
{
    bool is_common = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                     c == '-';
    return is_common || str_find_char(rule->also, c) != SIZE_MAX;
}

static bool name_is_allowed(const struct tool_name_rule *rule, struct str name)
{
    if (name.len > rule->max_bytes) return false;
    for (size_t i = 0; i < name.len; i++)
        if (!is_allowed(rule, name.at[i])) return false;
    return true;
}

struct str tool_name_to(const struct tool_name_rule *rule, struct str name, struct arena *a)
{
    if (name_is_allowed(rule, name)) return name;
    size_t kept = rule->max_bytes - DIGEST_BYTES - 1;
    if (kept > name.len) kept = name.len;
    char *text = arena_alloc(a, kept + DIGEST_BYTES + 1);
    for (size_t i = 0; i < kept; i++) text[i] = is_allowed(rule, name.at[i]) ? name.at[i] : '_';
    text[kept] = '_';
    uint32_t digest = (uint32_t)str_hash(name);
    unsigned char bytes[DIGEST_BYTES / 2];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(digest >> 8 * i);
    fmt_hex_bytes(text + kept + 1, bytes, sizeof bytes);
    return str_of(text, kept + DIGEST_BYTES + 1);
}

struct str tool_name_from(const struct tool_name_rule *rule, struct str written,
                          const struct chat_request *request, struct arena *a)
{
    if (!request) return written;
    for (const struct chat_tool *t = request->tools; t; t = t->next) {
        if (t->kind != CHAT_TOOL_FUNCTION || name_is_allowed(rule, t->name)) continue;
        if (str_equals(tool_name_to(rule, t->name, a), written)) return t->name;
    }
    return written;
}

/* ---- arguments ---- */
struct str tool_arguments_object(struct str arguments, struct arena *a, struct losses *dropped)
{
    struct str text = str_trim(arguments);
    struct err broken;
    if (text.len == 0) return STR("{}");
    if (text.at[0] == '{' && json_check(text, NULL, 0, NULL, &broken)) return text;
    if (dropped) losses_add(dropped, STR("tool_calls.function.arguments"));
    struct buf quoted;
    buf_init(&quoted, 6 * arguments.len + 2);
    require(json_append_str(&quoted, arguments));
    const struct str pieces[] = {STR("{\"arguments\":"), buf_str(&quoted), STR("}")};
    struct str object = arena_join(a, pieces, ARRAY_COUNT(pieces));
    buf_done(&quoted);
    return object;
}

/* ---- ids ---- */
struct str tool_id_make(struct str reply_id, unsigned n, struct arena *a)
{
    char *text = arena_alloc(a, 5 + 16 + 1 + FMT_U64_BYTES), *at = fmt_str(text, STR("call_"));
    at = fmt_hex(at, str_hash(reply_id));
    at = fmt_str(at, STR("_"));
    at = fmt_u64(at, n);
    return str_of(text, (size_t)(at - text));
}

/* ---- signatures in ids ---- */
static const struct str MARK = STR_INIT("__thought__");
static const struct {
    struct str prefix;
    enum chat_format format;
} marks[] = {
    /* the one without a prefix last */
    {STR_INIT("a."), CHAT_FORMAT_ANTHROPIC},
    {STR_INIT("o."), CHAT_FORMAT_OPENAI_RESPONSES},
    {STR_INIT(""), CHAT_FORMAT_GEMINI},
};

struct str tool_id_join(struct str id, struct str signature, enum chat_format format, struct arena *a)
{
    if (signature.len == 0 || signature.len > TOOL_ID_MAX_SIGNATURE) return id;
    for (size_t i = 0; i < ARRAY_COUNT(marks); i++) {
        if (marks[i].format != format) continue;
        const struct str pieces[] = {id, MARK, marks[i].prefix, signature};
        return arena_join(a, pieces, ARRAY_COUNT(pieces));
    }
    return id;
}

bool tool_id_split(struct str *id, struct str *signature, enum chat_format *format)
{
    size_t at = str_find(*id, MARK);
    if (at == SIZE_MAX) return false;
    struct str rest = str_from(*id, at + MARK.len);
    size_t i = 0;
    while (!str_starts_with(rest, marks[i].prefix)) i++;
    *format = marks[i].format;
    *signature = str_from(rest, marks[i].prefix.len);
    *id = str_part(*id, 0, at);
    return signature->len > 0;
}
