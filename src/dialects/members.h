/* dialects/members.h: reads JSON objects by tables, a row for each member that is known, so that a dialect's reader is a
 * list of names and small functions:
 *
 *     static const struct member message_rows[] = {
 *         MEMBER_AT("name", MEMBER_STR, struct chat_message, name),
 *         MEMBER_CALL("content", read_content),
 *     };
 *     static const struct members message_members = MEMBERS(message_rows);
 *     …
 *     return read_members(r, value, &message_members, message);
 *
 * null is the same as absent, everywhere. Of a request (is_lenient false) a value of a wrong type is refused with its
 * path, what is needed and what there was; of a provider's reply it is passed over, as services vary. Strings are lent
 * from the text, or lie in the arena where they had escapes. */
#ifndef WEIR_DIALECTS_MEMBERS_H
#define WEIR_DIALECTS_MEMBERS_H

#include "base/arena.h"
#include "chat/error.h"
#include "chat/request.h"
#include "dialects/words.h"
#include "json/cursor.h"

#include <stddef.h>

enum { READING_MAX_DEPTH = 12 }; /* of paths in messages; deeper ones are cut */

/* One text that is being read. */
struct reading {
    struct arena *arena;
    struct chat_error *err; /* set once, by the first refusal */
    bool is_lenient;
    unsigned _depth;
    struct {
        struct str name; /* at == NULL: an item */
        unsigned index;
    } _path[READING_MAX_DEPTH];
};
void reading_init(struct reading *r, struct arena *a, struct chat_error *err, bool is_lenient);

/* Sets err to an invalid request that names the path, "messages[2].content: <text>"; false. */
bool reading_refuse(struct reading *r, const char *format, ...) PRINTF(2, 3);
/* "messages[2].content", in the arena. */
struct str reading_path(const struct reading *r);

/*    kind               what stands at the offset                                    what the text may have */
enum member_kind {
    MEMBER_STR,      /* struct str                                                   a string */
    MEMBER_JSON,     /* struct str, the value as it stands there                     anything */
    MEMBER_VALUE,    /* struct json_value, to be read later: read_later()            anything */
    MEMBER_OBJECT,   /* struct str, the same                                         an object */
    MEMBER_BOOL,     /* bool */
    MEMBER_TRISTATE, /* enum chat_tristate                                           true, false */
    MEMBER_I64,      /* int64_t                                                      a whole number */
    MEMBER_INT,      /* struct chat_int                                              the same */
    MEMBER_DOUBLE,   /* struct chat_double                                           a number */
    MEMBER_STRINGS, /* struct chat_strings                                          a string, or a list of them */
    MEMBER_WORD,     /* an enum                                                      one of `words` */
    MEMBER_FUNCTION, /* read() does it, with the struct itself */
    MEMBER_IGNORED,  /* known, and nothing to do */
};

struct member {
    struct str name;
    enum member_kind kind;
    unsigned offset;
    const struct words *words;
    bool (*read)(struct reading *r, void *into, struct json_value value);
};
#define MEMBER_AT(name_, kind_, type_, field_)                                                               \
    {                                                                                                        \
        .name = STR_INIT(name_), .kind = kind_, .offset = offsetof(type_, field_)                            \
    }
#define MEMBER_WORD_AT(name_, words_, type_, field_)                                                         \
    {                                                                                                        \
        .name = STR_INIT(name_), .kind = MEMBER_WORD, .offset = offsetof(type_, field_), .words = &(words_)  \
    }
#define MEMBER_CALL(name_, read_)                                                                            \
    {                                                                                                        \
        .name = STR_INIT(name_), .kind = MEMBER_FUNCTION, .read = read_                                      \
    }
#define MEMBER_NOTHING(name_)                                                                                \
    {                                                                                                        \
        .name = STR_INIT(name_), .kind = MEMBER_IGNORED                                                      \
    }

struct members {
    const struct member *rows;
    size_t count;
    /* What happens to members that no row has; NULL: nothing. */
    bool (*read_other)(struct reading *r, void *into, struct str name, struct json_value value);
};
#define MEMBERS(rows_)                                                                                       \
    {                                                                                                        \
        .rows = rows_, .count = ARRAY_COUNT(rows_)                                                           \
    }

/* False: refused, err is set. A value that is not an object is refused, or passed over where r is lenient. */
MUST_CHECK bool read_members(struct reading *r, struct json_value object, const struct members *members,
                             void *into);
/* The same for each item of an array. */
MUST_CHECK bool read_items(struct reading *r, struct json_value array,
                           bool (*item)(struct reading *r, void *into, struct json_value value), void *into);
/* A string's meaning; false: refused. Lenient: empty. */
MUST_CHECK bool read_str(struct reading *r, struct json_value value, struct str *out);
/* One of the words; *value is an enum or int. */
MUST_CHECK bool read_word(struct reading *r, struct json_value v, const struct words *words, int *value);

/* A value that a MEMBER_VALUE row kept, as if it were read where it stood. JSON_NONE: nothing to do. */
MUST_CHECK bool read_later(struct reading *r, struct str name, struct json_value value,
                           bool (*reader)(struct reading *r, void *into, struct json_value value),
                           void *into);
/* "cache_control": {"type": "ephemeral", "ttl": "5m" | "1h"}, Anthropic's words that others took over. */
MUST_CHECK bool read_cache_control(struct reading *r, struct json_value value, enum chat_cache *out);

/* The text of the member "type" (or another), for choosing a table by it; empty: there is none. */
struct str member_text(struct json_value object, struct str name, struct arena *a);

#endif
