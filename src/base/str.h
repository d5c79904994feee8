/* base/str.h: a piece of somebody's bytes: pointer and length, not terminated, not owned.
 * Whoever hands out a struct str says how long the bytes live. All functions are pure. */
#ifndef WEIR_BASE_STR_H
#define WEIR_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *at; /* may be NULL when len is 0 */
    size_t len;
};

/* A literal, as an expression and as an initialiser of constants. */
#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_INIT(literal)                                                                                    \
    {                                                                                                        \
        "" literal, sizeof(literal) - 1                                                                      \
    }
/* For printf: "%.*s". */
#define STR_ARG(s) (int)(s).len, (s).at ? (s).at : ""

static inline struct str str_of(const char *at, size_t len)
{
    return (struct str){at, len};
}

static inline struct str str_from_cstr(const char *z)
{
    return z ? (struct str){z, strlen(z)} : (struct str){NULL, 0};
}

static inline bool str_is_empty(struct str s)
{
    return s.len == 0;
}

static inline bool str_equals(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* ASCII letters are folded; everything else is compared as bytes. */
bool str_equals_nocase(struct str a, struct str b);
bool str_starts_with(struct str s, struct str prefix);
bool str_starts_with_nocase(struct str s, struct str prefix);
bool str_ends_with(struct str s, struct str suffix);
/* <0, 0, >0 like memcmp; the shorter of two that agree is the smaller. */
int str_compare(struct str a, struct str b);

/* The part from `from` on, or `count` bytes of it; both are clipped to the string. */
struct str str_from(struct str s, size_t from);
struct str str_part(struct str s, size_t from, size_t count);
/* Without blanks (space, tab, CR, LF) at both ends. */
struct str str_trim(struct str s);

/* Index of the first `c` or of the first `needle`; SIZE_MAX if there is none. */
size_t str_find_char(struct str s, char c);
size_t str_find(struct str s, struct str needle);
bool str_contains_nocase(struct str s, struct str needle);
/* Cuts *rest at the first `separator`: returns what is before it, leaves what is after.
 * Without a separator returns everything and leaves *rest empty with at == NULL. */
struct str str_cut(struct str *rest, char separator);

/* Decimal digits only, the whole string; false: not a number or out of [0, INT64_MAX]. */
bool str_to_u63(struct str s, int64_t *out);
/* As above with an optional leading '-'. */
bool str_to_i64(struct str s, int64_t *out);

/* FNV-1a with a finishing step: the same in every version, for seeds; tables have a faster one (map.c). */
uint64_t str_hash(struct str s);

/* Equal time for equal lengths: for secrets. */
bool str_equals_secret(struct str a, struct str b);

/* '*' stands for any bytes (none included); everything else for itself. */
bool str_matches(struct str pattern, struct str s);

static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

#endif
