/* json/splice.h: a body with a few members replaced, inserted or removed, as a list of pieces for a vectored write: the
 * body itself is not copied. Commas are the splice's business.
 *
 *     struct json_splice s;                                   // about 600 bytes
 *     json_splice_init(&s, body);                             // has passed json_check() with an object as its root
 *     json_splice_replace(&s, found[MODEL].value, STR("\"gpt-4o\""));
 *     json_splice_insert(&s, STR("\"stream_options\":{\"include_usage\":true}"));
 *     json_splice_finish(&s);
 *     … write s.pieces[0 … s.piece_count), s.total_bytes in all
 *
 * Lends everything: body and new texts must live as long as the pieces are used. New texts are JSON already (see
 * json_append_str()) and are not looked at; that an inserted name is not there yet is the caller's to know.
 * Values may lie at any depth (take them from json/cursor.h). Edits come in any order; two of them must not touch the
 * same member, and more than JSON_SPLICE_MAX_EDITS are our bug: both stop the process. */
#ifndef WEIR_JSON_SPLICE_H
#define WEIR_JSON_SPLICE_H

#include "json/value.h"

#include <stddef.h>

enum { JSON_SPLICE_MAX_EDITS = 8, JSON_SPLICE_MAX_PIECES = 2 * JSON_SPLICE_MAX_EDITS + 2 };

struct json_splice_edit {
    const char *_from, *_to; /* what goes; equal for an insertion */
    struct str _with;
    int _kind;
};

struct json_splice {
    struct str pieces[JSON_SPLICE_MAX_PIECES]; /* none is empty; valid after json_splice_finish() */
    size_t piece_count, total_bytes;
    struct str _text;
    size_t _edit_count;
    struct json_splice_edit _edits[JSON_SPLICE_MAX_EDITS]; /* in the order of the text */
};

void json_splice_init(struct json_splice *s, struct str text);
void json_splice_replace(struct json_splice *s, struct json_value value, struct str with);
/* A whole member, `"name":value`, in front of the root's first one. Of several the one inserted first stands first. */
void json_splice_insert(struct json_splice *s, struct str member);
/* The same for an object below the root. */
void json_splice_insert_into(struct json_splice *s, struct json_value object, struct str member);
/* A member with its comma; key and value as json_check() or json_members_next() gave them. */
void json_splice_remove(struct json_splice *s, struct json_value key, struct json_value value);
void json_splice_finish(struct json_splice *s);

#endif
