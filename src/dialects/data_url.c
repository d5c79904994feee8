/* dialects/data_url.c: see the header. */
#include "dialects/data_url.h"

void media_from_url(struct chat_media *media, struct str url)
{
    static const struct str scheme = STR_INIT("data:"), base64 = STR_INIT(";base64");
    size_t comma = str_find_char(str_part(url, 0, 256), ',');
    struct str head = str_part(url, 0, comma);
    if (comma == SIZE_MAX || !str_starts_with_nocase(url, scheme) || !str_ends_with(head, base64)) {
        media->url = url;
        return;
    }
    struct str type = str_part(head, scheme.len, head.len - scheme.len - base64.len);
    struct str rest = type;
    type = str_cut(&rest, ';'); /* without parameters */
    if (type.len > 0) media->mime = type;
    media->data = str_from(url, comma + 1);
}

struct str media_to_url(const struct chat_media *media, struct str default_mime, struct arena *a)
{
    if (media->url.len > 0 || media->data.len == 0) return media->url;
    struct str mime = media->mime.len > 0 ? media->mime : default_mime;
    const struct str pieces[] = {STR("data:"), mime, STR(";base64,"), media->data};
    return arena_join(a, pieces, ARRAY_COUNT(pieces));
}

struct str media_subtype(struct str mime)
{
    static const struct {
        struct str mime, name;
    } rows[] = {{STR_INIT("audio/mpeg"), STR_INIT("mp3")},
                {STR_INIT("audio/x-wav"), STR_INIT("wav")},
                {STR_INIT("audio/wave"), STR_INIT("wav")},
                {STR_INIT("audio/vnd.wave"), STR_INIT("wav")}};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (str_equals_nocase(mime, rows[i].mime)) return rows[i].name;
    size_t slash = str_find_char(mime, '/');
    return slash == SIZE_MAX ? mime : str_from(mime, slash + 1);
}
