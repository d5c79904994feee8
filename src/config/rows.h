/* config/rows.h: an option is one row: its name, type, limits, default, the place where its value goes and the sentence
 * that explains it. The loader, `weir help configuration` and docs/configuration.md read the same rows. Constant data,
 * any thread. Within config/ only. */
#ifndef WEIR_CONFIG_ROWS_H
#define WEIR_CONFIG_ROWS_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Left the type, right what stands at option.at in the struct. */
enum option_type {
    OPT_INT,        /* int64_t */
    OPT_SIZE,       /* int64_t, bytes */
    OPT_DURATION,   /* msec_t */
    OPT_REAL,       /* double; min and max are whole */
    OPT_MONEY,      /* int64_t, nano-dollars; min and max are dollars */
    OPT_BOOL,       /* bool */
    OPT_ENUM,       /* an enum */
    OPT_FLAGS,      /* uint32_t: a list of choices, or'ed */
    OPT_STRING,     /* struct str, one line */
    OPT_TEXT,       /* struct str, several lines */
    OPT_STRINGS,    /* struct config_strings; one alone may stand without a list */
    OPT_PAIRS,      /* struct config_pairs: a map of texts */
    OPT_JSON_PAIRS, /* struct config_pairs: a map of anything; values as JSON text */
    OPT_GROUP,      /* a struct of its own at `at`, or (at == 0) further members of the same one */
    OPT_LIST,       /* pointer and count of the group's struct */
    OPT_MAP,        /* the same; the key goes to the struct's first member, its name */
    OPTION_TYPES
};

enum option_flags {
    OPTION_LATER = 1 << 0,    /* not built yet: accepted, judged, named in a warning */
    OPTION_RESTART = 1 << 1,  /* a reload keeps the old value */
    OPTION_SECRET = 1 << 2,   /* never shown */
    OPTION_REQUIRED = 1 << 3, /* of the map that it stands in */
    OPTION_INHERITS = 1 << 4, /* a group: what is not said is as in the option of the same name at the top */
};

/* What a reference names. */
enum option_ref { REF_NONE, REF_PROVIDER, REF_MODEL, REF_MODEL_OR_LISTED, REF_TIER, REF_TEAM, REF_PRESET };

struct option_choice {
    const char *name; /* NULL: the list ends */
    int value;
    enum { CHOICE_PLAIN, CHOICE_ALIAS, CHOICE_LATER } is; /* an alias is understood and not advertised */
};

struct option_group {
    size_t bytes; /* of the struct; 0: an inner group, whose rows belong to the struct around it */
    size_t at;    /* where in the struct the rows' offsets start */
    const struct option *options;
    size_t count;
    bool (*judge_name)(struct str name); /* OPT_MAP: which names; NULL: any */
    const char *names_allowed;
    const char *entry; /* OPT_MAP: what a key is called in texts: "name" */
};

struct option {
    const char *name;
    enum option_type type;
    size_t at;
    unsigned flags;   /* enum option_flags; in the tables right after the member */
    int64_t min, max; /* max 0: as much as the type can */
    const char *def;  /* as one would write it; lists with ", "; NULL: 0, false, empty */
    const struct option_choice *choices;
    const struct option_group *group;
    enum option_ref refers;
    struct option_choice word; /* OPT_DURATION: one word that is allowed, too */
    bool (*judge)(struct str); /* of texts: is this one possible? */
    const char *allowed;       /* what `judge` lets through, in words */
    const char *unit;          /* of numbers: "requests"; NULL: none */
    const char *help;          /* a sentence or two */
};

/* All there is; the struct is struct config. */
extern const struct option_group config_options;

/* Part of it that others start from. */
extern const struct option_group model_options;
extern const struct option_choice kind_choices[], role_choices[], log_level_choices[];

/* What the row allows, in words: "1 to 1024", "keys, off". In the arena. */
struct str option_allowed(struct arena *a, const struct option *o);
/* NULL: no such key. */
const struct option *option_find(const struct option_group *g, struct str name);
/* NULL: no such word (any case). */
const struct option_choice *choice_find(const struct option_choice *choices, struct str name);
const char *choice_name(const struct option_choice *choices, int value); /* "" when there is none */

#endif
