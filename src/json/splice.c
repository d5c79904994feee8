/* json/splice.c: edits, kept in the order of the text, become pieces at the end.
 *
 * Only the end knows which commas go: a removed member takes the comma behind it along, the last member the one before
 * it, and when that one went already with the member before, both removals become one:
 *
 *     {"a":1, "b":2, "c":3}      without a      without c      without b and c      without all
 *      ------                     ------             -------        -------------    ------------------
 *
 * An inserted member gets a comma unless nothing is left behind it. */
#include "json/splice.h"

#include "base/check.h"
#include "json/scan.h"

enum edit_kind { EDIT_INSERT, EDIT_REPLACE, EDIT_REMOVE };

static const char *text_end(const struct json_splice *s)
{
    return s->_text.at + s->_text.len;
}

void json_splice_init(struct json_splice *s, struct str text)
{
    s->_text = text;
    s->_edit_count = s->piece_count = s->total_bytes = 0;
}

static void edit_add(struct json_splice *s, enum edit_kind kind, struct str gone, struct str with)
{
    const char *from = gone.at, *to = gone.at + gone.len;
    require(s->_edit_count < JSON_SPLICE_MAX_EDITS && from >= s->_text.at && to <= text_end(s));
    size_t i = s->_edit_count++;
    for (; i > 0; i--) {
        const struct json_splice_edit *before = &s->_edits[i - 1];
        bool stays = before->_from < from || (before->_from == from && before->_kind == EDIT_INSERT);
        if (stays) break;
        s->_edits[i] = *before;
    }
    s->_edits[i] = (struct json_splice_edit){._from = from, ._to = to, ._with = with, ._kind = kind};
}

void json_splice_replace(struct json_splice *s, struct json_value value, struct str with)
{
    edit_add(s, EDIT_REPLACE, value.raw, with);
}

void json_splice_insert_into(struct json_splice *s, struct json_value object, struct str member)
{
    require(object.type == JSON_OBJECT);
    edit_add(s, EDIT_INSERT, str_of(object.raw.at + 1, 0), member);
}

void json_splice_insert(struct json_splice *s, struct str member)
{
    const char *root = json_skip_blanks(s->_text.at, text_end(s));
    require(root < text_end(s) && *root == '{');
    edit_add(s, EDIT_INSERT, str_of(root + 1, 0), member);
}

void json_splice_remove(struct json_splice *s, struct json_value key, struct json_value value)
{
    size_t bytes = (size_t)(value.raw.at + value.raw.len - key.raw.at);
    edit_add(s, EDIT_REMOVE, str_of(key.raw.at, bytes), (struct str){0});
}

static void edit_drop(struct json_splice *s, size_t i)
{
    s->_edit_count--;
    memmove(&s->_edits[i], &s->_edits[i + 1], (s->_edit_count - i) * sizeof *s->_edits);
}

/* The removal at `i` is of an object's last member: it takes the comma before it, which may have gone with the member
 * before. Returns where the edit is now. */
static size_t take_comma_before(struct json_splice *s, size_t i)
{
    for (;;) {
        struct json_splice_edit *edit = &s->_edits[i];
        const char *before = edit->_from - 1;
        while (before > s->_text.at && json_is_blank(*before)) before--;
        if (*before != ',') return i;
        struct json_splice_edit *previous = i > 0 ? edit - 1 : NULL;
        if (!previous || previous->_kind != EDIT_REMOVE || previous->_to <= before) {
            edit->_from = before;
            return i;
        }
        edit->_from = previous->_from;
        edit_drop(s, --i);
    }
}

static void take_commas(struct json_splice *s)
{
    for (size_t i = 0; i < s->_edit_count; i++) {
        struct json_splice_edit *edit = &s->_edits[i];
        if (edit->_kind != EDIT_REMOVE) continue;
        const char *behind = json_skip_blanks(edit->_to, text_end(s));
        if (behind < text_end(s) && *behind == ',') {
            edit->_to = json_skip_blanks(behind + 1, text_end(s));
        } else {
            i = take_comma_before(s, i);
        }
    }
}

/* Does a member stand behind the insertion at `i`, in the end? */
static bool is_followed(const struct json_splice *s, size_t i)
{
    const char *at = json_skip_blanks(s->_edits[i]._from, text_end(s));
    for (size_t next = i + 1; next < s->_edit_count; next++) {
        const struct json_splice_edit *edit = &s->_edits[next];
        if (edit->_from == s->_edits[i]._from && edit->_kind == EDIT_INSERT) return true;
        if (edit->_kind != EDIT_REMOVE || edit->_from != at) break;
        at = json_skip_blanks(edit->_to, text_end(s));
    }
    return at < text_end(s) && *at != '}';
}

static void piece_add(struct json_splice *s, struct str piece)
{
    if (piece.len == 0) return;
    require(s->piece_count < JSON_SPLICE_MAX_PIECES);
    s->pieces[s->piece_count++] = piece;
    s->total_bytes += piece.len;
}

void json_splice_finish(struct json_splice *s)
{
    s->piece_count = s->total_bytes = 0;
    take_commas(s);
    const char *at = s->_text.at;
    for (size_t i = 0; i < s->_edit_count; i++) {
        const struct json_splice_edit *edit = &s->_edits[i];
        require(edit->_from >= at);
        piece_add(s, str_of(at, (size_t)(edit->_from - at)));
        piece_add(s, edit->_with);
        if (edit->_kind == EDIT_INSERT && is_followed(s, i)) piece_add(s, STR(","));
        at = edit->_to;
    }
    piece_add(s, str_of(at, (size_t)(text_end(s) - at)));
}
