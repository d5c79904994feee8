/* tests/fuzz/fuzz_url.c: a URL that was accepted, put together from its parts, gives the same parts; none
 * of them holds a byte that ends a line or a header; decoding undoes escaping. */
#include "base/buf.h"
#include "base/check.h"
#include "base/fmt.h"
#include "http/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_part(struct str s)
{
    for (size_t i = 0; i < s.len; i++) require(s.at[i] > ' ' && s.at[i] < 0x7f && s.at[i] != '#');
}

static void check_url(struct arena *a, struct str text)
{
    struct url u, again;
    struct err err = {0};
    if (!url_parse(&u, a, text, &err)) {
        require(err.code == ERR_INVALID && err.text[0]);
        return;
    }
    check_part(u.authority);
    check_part(u.path);
    check_part(u.query);
    bool is_unix = str_starts_with(text, STR("unix:"));
    require(u.host.len > 0 && (u.port > 0 || is_unix) && !str_ends_with(u.path, STR("/")));
    struct str host, port;
    require(url_split_authority(u.authority, &host, &port));
    const struct str parts[] = {u.is_https ? STR("https://") : STR("http://"), u.authority, u.path,
                                u.query.at ? STR("?") : STR(""), u.query};
    const struct str unix_parts[] = {u.host,
                                     u.path.len   ? STR(":")
                                     : u.query.at ? STR(":/")
                                                  : STR(""),
                                     u.path, u.query.at ? STR("?") : STR(""), u.query};
    require(url_parse(&again, a, arena_join(a, is_unix ? unix_parts : parts, 5), &err));
    require(again.is_https == u.is_https && again.port == u.port && str_equals(again.host, u.host));
    require(str_equals(again.authority, u.authority) && str_equals(again.path, u.path));
    require(str_equals(again.query, u.query));
}

static void check_decoding(struct arena *a, struct str text)
{
    char *escaped = arena_alloc(a, text.len * 3 + 1), *to = escaped;
    struct str out;
    for (size_t i = 0; i < text.len; i++) {
        *to++ = '%';
        to = fmt_hex_bytes(to, text.at + i, 1);
    }
    bool has_nul = str_find_char(text, '\0') != SIZE_MAX;
    require(url_decode(&out, a, str_of(escaped, text.len * 3)) == !has_nul);
    require(has_nul || str_equals(out, text));
    if (url_decode(&out, a, text)) require(out.len <= text.len && str_find_char(out, '\0') == SIZE_MAX);
}

static void check_query(struct str text)
{
    struct str name = str_part(text, 0, 1), value = url_query_value(text, name);
    if (!value.at) return;
    require(value.at >= text.at && value.at + value.len <= text.at + text.len);
    require(str_find_char(value, '&') == SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of((const char *)data, size), host, port;
    struct arena a;
    arena_init(&a);
    check_url(&a, text);
    check_decoding(&a, text);
    check_query(text);
    if (url_split_authority(text, &host, &port)) {
        require(host.at == text.at && host.len + port.len + (port.at != NULL) == text.len);
        check_part(text);
    }
    arena_done(&a);
    return 0;
}
