/* chat/problem.h: the kinds of failure that callers are told of: one row each (CONTRACT section 4, "Errors").
 * A dialect's file maps them to its own words; outside the dialects they are `error.type`. */
#ifndef WEIR_CHAT_PROBLEM_H
#define WEIR_CHAT_PROBLEM_H

// clang-format off
/*    problem                    status  type outside /v1 */
#define PROBLEMS(X)                                                                                                    \
    X(PROBLEM_INVALID_REQUEST,     400, "invalid_request")                                                             \
    X(PROBLEM_UNAUTHORIZED,        401, "unauthorized")                                                                \
    X(PROBLEM_FORBIDDEN,           403, "forbidden")                                                                   \
    X(PROBLEM_NOT_FOUND,           404, "not_found")       /* of a path or thing */                                    \
    X(PROBLEM_MODEL_NOT_FOUND,     404, "not_found")                                                                   \
    X(PROBLEM_METHOD_NOT_ALLOWED,  405, "invalid_request")                                                             \
    X(PROBLEM_SLOW_REQUEST,        408, "timeout")                                                                     \
    X(PROBLEM_TOO_LARGE,           413, "payload_too_large")                                                           \
    X(PROBLEM_UNSUPPORTED_TYPE,    415, "invalid_request")                                                             \
    X(PROBLEM_RATE_LIMITED,        429, "rate_limited")                                                                \
    X(PROBLEM_INTERNAL,            500, "internal_server_error")                                                       \
    X(PROBLEM_UPSTREAM,            502, "upstream_error")                                                              \
    X(PROBLEM_UNAVAILABLE,         503, "service_unavailable")                                                         \
    X(PROBLEM_TIMEOUT,             504, "timeout")
// clang-format on

#define PROBLEM_AS_ENUM(problem, status, type) problem,
enum problem { PROBLEMS(PROBLEM_AS_ENUM) PROBLEM_COUNT };

int problem_status(enum problem p);
const char *problem_type(enum problem p);
/* The problem whose row fits an HTTP status best: 4xx unknown ones are invalid requests, 5xx upstream's. */
enum problem problem_of_status(int status);

#endif
