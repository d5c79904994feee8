/* base/err.h: an error is a code for programs and a sentence for people. It lives on the caller's
 * stack, is the last argument, is untouched on success and never holds secrets or message text. */
#ifndef WEIR_BASE_ERR_H
#define WEIR_BASE_ERR_H

#include "base/attributes.h"

#include <stdbool.h>

/*    code                 what it means to the code that gets it */
#define ERR_CODES(X)                                                                                         \
    X(ERR_SYSTEM)      /* the operating system refused: the text has its words */                            \
    X(ERR_INVALID)     /* somebody's input is malformed */                                                   \
    X(ERR_TOO_LARGE)   /* well-formed so far, but over a ceiling */                                          \
    X(ERR_UNSUPPORTED) /* well-formed, but not something we do */                                            \
    X(ERR_NOT_FOUND)                                                                                         \
    X(ERR_REFUSED)   /* connection refused or reset */                                                       \
    X(ERR_DNS)       /* a name could not be resolved */                                                      \
    X(ERR_TLS)       /* handshake or certificate */                                                          \
    X(ERR_PROXY)     /* a proxy on the way could not be reached, refused or misbehaved */                    \
    X(ERR_EXHAUSTED) /* we have no descriptor, memory or place for it ourselves */                           \
    X(ERR_TIMEOUT)   /* a deadline passed */                                                                 \
    X(ERR_CANCELLED) /* the fiber was cancelled */                                                           \
    X(ERR_CLOSED)    /* the peer ended where it must not */

#define ERR_AS_ENUM(code) code,
enum err_code { ERR_NONE, ERR_CODES(ERR_AS_ENUM) ERR_CODE_COUNT };

struct err {
    enum err_code code;
    char text[200]; /* cut at its end with "…" when longer */
};

bool err_set(struct err *e, enum err_code code, const char *format, ...) PRINTF(3, 4); /* always false */
/* "what: " in front of the text; always false. */
bool err_wrap(struct err *e, const char *what);
/* "what: strerror(errno_value)" with ERR_SYSTEM; always false. */
bool err_set_errno(struct err *e, int errno_value, const char *what);

#endif
