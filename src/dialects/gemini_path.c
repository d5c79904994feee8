/* dialects/gemini_path.c: Gemini says model, method and streaming in the path
 * (https://ai.google.dev/api/generate-content), Vertex the same behind a longer beginning. */
#include "dialects/gemini.h"

#include "http/url.h"

static size_t last_colon(struct str s)
{
    for (size_t i = s.len; i-- > 0;)
        if (s.at[i] == ':') return i;
    return SIZE_MAX;
}

void gemini_read_path(struct gemini_target *out, struct arena *a, struct str path, struct str query)
{
    static const struct str models = STR_INIT("/models/"), tuned = STR_INIT("/tunedModels/");
    *out = (struct gemini_target){0};
    size_t colon = last_colon(path), at = str_find(path, models);
    if (colon == SIZE_MAX) return;
    out->method = str_from(path, colon + 1);
    out->is_stream = str_equals(out->method, STR("streamGenerateContent"));
    out->is_array = out->is_stream && !str_equals(url_query_value(query, STR("alt")), STR("sse"));
    struct str before = str_part(path, 0, colon), model = {0};
    if (at != SIZE_MAX)
        model = str_from(before, at + models.len);
    else if ((at = str_find(before, tuned)) != SIZE_MAX)
        model = str_from(before, at + 1);
    if (!url_decode(&out->model, a, model)) out->model = (struct str){0};
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~' || c == '/' || c == ':' || c == '@';
}

/* Percent-encoded, where a path needs it. */
static struct str encode(struct str s, struct arena *a)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t used = 0;
    char *text = arena_alloc(a, 3 * s.len + 1);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if (is_plain(s.at[i])) {
            text[used++] = s.at[i];
            continue;
        }
        text[used++] = '%';
        text[used++] = digits[c >> 4];
        text[used++] = digits[c & 15];
    }
    return str_of(text, used);
}

struct str gemini_write_path(struct str model, struct str method, struct arena *a)
{
    bool has_folder = str_starts_with(model, STR("models/")) || str_starts_with(model, STR("tunedModels/"));
    const struct str pieces[] = {has_folder ? STR("/") : STR("/models/"), encode(model, a), STR(":"), method};
    return arena_join(a, pieces, ARRAY_COUNT(pieces));
}
