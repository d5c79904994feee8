/* chat/part.h: what messages are made of, in nobody's format. Used in requests, replies and streams alike.
 *
 * Memory: everything of chat/ lies in one arena; strings are lent from the text that was read (which must live as long)
 * or lie in the arena. Strings are what they mean (unescaped UTF-8), but for those called JSON, which are a JSON text.
 * An empty string is one that was not given. Lists are linked, in their order, so that readers just append. */
#ifndef WEIR_CHAT_PART_H
#define WEIR_CHAT_PART_H

#include "base/arena.h"
#include "base/str.h"

/* Who speaks: the format that a thing comes from or is meant for, where only that one understands it. */
enum chat_format {
    CHAT_FORMAT_NONE, /* unknown, or nobody's own */
    CHAT_FORMAT_OPENAI_CHAT,
    CHAT_FORMAT_OPENAI_RESPONSES,
    CHAT_FORMAT_ANTHROPIC,
    CHAT_FORMAT_GEMINI,
};

/* "Up to here the prompt may be cached": a mark behind a part or tool. */
enum chat_cache { CHAT_CACHE_NONE, CHAT_CACHE_5M, CHAT_CACHE_1H };

/* An image, a sound, a film, a document. Exactly one of data, url, file_id, text is given. */
struct chat_media {
    struct str mime;    /* "image/png"; empty: not said */
    struct str data;    /* base64, never decoded here */
    struct str url;     /* http, https, gs; a data: URL is taken apart into mime and data */
    struct str file_id; /* of a file that was uploaded to `format`'s service */
    struct str
        text; /* a document that is plain text; of a sound that a model spoke: the words, beside its data */
    struct str name;   /* file name or title */
    struct str detail; /* of an image: low, high, auto */
    struct str id;     /* of a sound that a model spoke */
    int64_t expires_s; /* the same */
};

/* A source that a text quotes. */
struct chat_citation {
    struct chat_citation *next;
    struct str url, title, quote;
    int64_t start, end; /* characters of the part's text, end not included; both 0: not said */
};

enum chat_part_kind {
    CHAT_TEXT,        /* text, citations */
    CHAT_THINKING,    /* text (may be empty), id, signature; is_redacted: the signature is all there is */
    CHAT_TOOL_CALL,   /* id, name, json: the arguments as the model wrote them: may be empty or broken */
    CHAT_TOOL_RESULT, /* id and name of the call, content: text, images, documents; is_error */
    CHAT_IMAGE,       /* media, of all four */
    CHAT_AUDIO,
    CHAT_VIDEO,
    CHAT_DOCUMENT,
    CHAT_REFUSAL, /* text */
    CHAT_OTHER,   /* what one format has alone: name: its type, json: the whole of it, format: whose */
};

struct chat_part;
struct chat_parts {
    struct chat_part *first, *last;
    unsigned count;
};

struct chat_part {
    struct chat_part *next;
    enum chat_part_kind kind;
    enum chat_cache cache;
    struct str text;
    struct str id, name;
    struct str json;
    struct str
        signature; /* opaque proof that this part is the model's own, for `format` alone. Any kind may have one */
    enum chat_format format; /* whose signature, file_id or json it is */
    struct chat_parts content;
    struct chat_media *media;
    struct chat_citation *citations;
    bool is_error, is_redacted;
};

/* A new part at the end of the list, all empty but for its kind. */
struct chat_part *chat_parts_add(struct chat_parts *list, struct arena *a, enum chat_part_kind kind);
/* The same with media (CHAT_IMAGE to CHAT_DOCUMENT). */
struct chat_part *chat_parts_add_media(struct chat_parts *list, struct arena *a, enum chat_part_kind kind);
/* The first of its kind; NULL: there is none. */
struct chat_part *chat_parts_find(const struct chat_parts *list, enum chat_part_kind kind);
/* The texts of all parts of that kind, one after the other, `between` between them; lent if there is only one. */
struct str chat_parts_text(const struct chat_parts *list, enum chat_part_kind kind, struct str between,
                           struct arena *a);
/* Which kind of media a MIME type is: image/… CHAT_IMAGE, audio/…, video/…, anything else CHAT_DOCUMENT. */
enum chat_part_kind chat_media_kind(struct str mime);

#endif
