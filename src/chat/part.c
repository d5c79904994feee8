/* chat/part.c: lists of parts. */
#include "chat/part.h"

struct chat_part *chat_parts_add(struct chat_parts *list, struct arena *a, enum chat_part_kind kind)
{
    struct chat_part *part = arena_new(a, struct chat_part);
    part->kind = kind;
    if (list->last)
        list->last->next = part;
    else
        list->first = part;
    list->last = part;
    list->count++;
    return part;
}

struct chat_part *chat_parts_add_media(struct chat_parts *list, struct arena *a, enum chat_part_kind kind)
{
    struct chat_part *part = chat_parts_add(list, a, kind);
    part->media = arena_new(a, struct chat_media);
    return part;
}

struct chat_part *chat_parts_find(const struct chat_parts *list, enum chat_part_kind kind)
{
    struct chat_part *part = list->first;
    while (part && part->kind != kind) part = part->next;
    return part;
}

struct str chat_parts_text(const struct chat_parts *list, enum chat_part_kind kind, struct str between,
                           struct arena *a)
{
    const struct chat_part *first = chat_parts_find(list, kind);
    size_t count = 0;
    for (const struct chat_part *p = first; p; p = p->next)
        if (p->kind == kind) count++;
    if (count <= 1) return first ? first->text : (struct str){0};

    struct str *pieces = arena_new_array(a, struct str, 2 * count);
    size_t used = 0;
    for (const struct chat_part *p = first; p; p = p->next) {
        if (p->kind != kind) continue;
        if (used > 0) pieces[used++] = between;
        pieces[used++] = p->text;
    }
    return arena_join(a, pieces, used);
}

enum chat_part_kind chat_media_kind(struct str mime)
{
    static const struct {
        struct str prefix;
        enum chat_part_kind kind;
    } rows[] = {
        {STR_INIT("image/"), CHAT_IMAGE}, {STR_INIT("audio/"), CHAT_AUDIO}, {STR_INIT("video/"), CHAT_VIDEO}};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (str_starts_with_nocase(mime, rows[i].prefix)) return rows[i].kind;
    return CHAT_DOCUMENT;
}
