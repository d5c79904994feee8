/* config/rows_services.c: the rows of everything beside the way of a request: log, metrics, cache, services, tasks. */
#include "config/rows_define.h"

// clang-format off
#define S struct config_health
static const struct option health_rows[] = {
    {"interval", DURATION_AT(S, interval_ms), .max = DAY_MS, .def = "60s", .help = "Between two checks; 0 is never."},
    {"timeout", DURATION_AT(S, timeout_ms), .min = 1, .max = HOUR_MS, .def = "5s", .help = "How long one may take."},
    {"generate", BOOL_AT(S, wants_generate), .def = "false", .help = "Also asks for a token, which costs a little."},
};
#undef S
const struct option_group health_options = {GROUP_OF(sizeof(struct config_health), health_rows)};

static const struct option_choice scope_choices[] = {
    {"key", CACHE_SCOPE_KEY, CHOICE_PLAIN}, {"team", CACHE_SCOPE_TEAM, CHOICE_PLAIN},
    {"global", CACHE_SCOPE_GLOBAL, CHOICE_PLAIN}, {0},
};
#define S struct config_cache
static const struct option cache_rows[] = {
    {"enabled", BOOL_AT(S, is_enabled), .def = "true", .help = "Whether there is one."},
    {"ttl", DURATION_AT(S, ttl_ms), .min = 1, .max = 365 * DAY_MS, .def = "1h", .help = "How long a reply is kept."},
    {"max_entries", INT_AT(S, max_entries), .max = 100000000, .unit = "replies", .def = "1000", .help = "The most replies."},
    {"max_bytes", SIZE_AT(S, max_bytes), .max = 64 * TIB, .def = "256MiB", .help = "The most memory."},
    {"max_entry", SIZE_AT(S, max_entry_bytes), .max = GIB, .def = "1MiB", .help = "The largest reply that is kept."},
    {"max_request", SIZE_AT(S, max_request_bytes), .max = GIB, .def = "64KiB", .help = "The largest request that is looked up."},
    {"scope", ENUM_AT(S, scope), .choices = scope_choices, .def = "key", .help = "Who shares a reply."},
    {"stale_if_error", DURATION_AT(S, stale_if_error_ms), .max = 365 * DAY_MS, .def = "0",
     .help = "How much older a reply may be when everything else failed."},
};
#undef S
const struct option_group cache_options = {GROUP_OF(sizeof(struct config_cache), cache_rows)};

#define S struct config_service
static const struct option service_timeout_rows[] = {
    {"connect", DURATION_AT(S, timeouts.connect_ms), .max = HOUR_MS, .def = "2s", .help = "To connect. 0 is no limit."},
    {"reply", DURATION_AT(S, timeouts.reply_ms), .max = DAY_MS, .def = "30s", .help = "To the reply's head. 0 is no limit."},
};
static const struct option_group service_timeouts = {GROUP_OF(0, service_timeout_rows)};

static const struct option service_rows[] = {
    {"path", STRING_AT(S, path), OPTION_REQUIRED, .judge = judge_path, .allowed = "a path that begins with /",
     .help = "What it answers here, and everything below."},
    {"url", STRING_AT(S, url), OPTION_SECRET, .judge = judge_url, .allowed = URL_ALLOWED,
     .help = "Where it is; without it the path answers 503."},
    {"strip_path", BOOL_AT(S, wants_strip_path), .def = "false", .help = "Leaves `path` out of what is sent on."},
    {"retries", INT_AT(S, retries), .max = 100, .unit = "retries", .def = "2", .help = "At most so many, where that is safe."},
    {"timeouts", INNER_GROUP, .group = &service_timeouts, .help = "How long each part may take."},
    {"breaker", GROUP_AT(S, breaker), OPTION_INHERITS, .group = &breaker_options, .help = "Overrides of `breaker`, key by key."},
    {"websocket", BOOL_AT(S, has_websocket), .def = "true", .help = "Lets WebSocket connections through."},
};
#undef S
const struct option_group service_options = {GROUP_OF(sizeof(struct config_service), service_rows),
    .judge_name = judge_name, .names_allowed = NAMES_ALLOWED, .entry = "name"};

static const struct option content_type_rows[] = {
    {"model", STRING_AT(struct config_content_type, model), .refers = REF_MODEL_OR_LISTED, .help = "Which model makes it; without one `default_model`."},
    {"system", TEXT_AT(struct config_content_type, system), .help = "The system prompt in front of what the caller asks."},
};
const struct option_group content_type_options = {GROUP_OF(sizeof(struct config_content_type), content_type_rows),
    .judge_name = judge_name, .names_allowed = NAMES_ALLOWED, .entry = "name"};

#define S struct config_tasks
static const struct option task_name_rows[] = {
    {"text", STRING_AT(S, names.text), .def = "inference.text_generation", .help = "Makes text."},
    {"image", STRING_AT(S, names.image), .def = "inference.image_generation", .help = "Makes images."},
    {"speech", STRING_AT(S, names.speech), .def = "inference.text_to_speech", .help = "Makes speech."},
};
static const struct option_group task_names = {GROUP_OF(0, task_name_rows)};

static const struct option task_rows[] = {
    {"broker", STRING_AT(S, broker), OPTION_SECRET, .judge = judge_broker, .allowed = "redis://… or rediss://…",
     .help = "Celery's broker; without it tasks run inside the gateway."},
    {"queue", STRING_AT(S, queue), .def = "celery", .help = "Celery's queue."},
    {"names", INNER_GROUP, .group = &task_names, .help = "What the workers call the tasks."},
    {"wait", DURATION_AT(S, wait_ms), .max = HOUR_MS, .def = "30s", .help = "How long a caller waits before it gets the task's id instead."},
    {"keep", DURATION_AT(S, keep_ms), .max = 365 * DAY_MS, .def = "24h", .help = "How long results are kept."},
    {"workers", INT_AT(S, workers), .min = 1, .max = 1024, .unit = "tasks", .def = "4", .help = "How many run inside the gateway at once."},
};
#undef S
const struct option_group task_options = {GROUP_OF(sizeof(struct config_tasks), task_rows)};

#define S struct config_local_models
static const struct option local_model_rows[] = {
    {"cache_size", INT_AT(S, cache_size), .max = 1000, .unit = "models", .def = "3", .help = "How many stay loaded."},
    {"dir", STRING_AT(S, dir), .def = "models", .judge = judge_line, .allowed = PATH_ALLOWED, .help = "Where their files are."},
    {"memory", SIZE_AT(S, memory_bytes), .max = 64 * TIB, .def = "0", .help = "What they may use together; 0 is no limit."},
};
#undef S
const struct option_group local_model_options = {GROUP_OF(sizeof(struct config_local_models), local_model_rows)};

static const struct option metrics_rows[] = {
    {"auth", BOOL_AT(struct config_metrics, has_auth), .def = "true", .help = "Asks for the key of an operator."},
    {"listen", STRING_AT(struct config_metrics, listen), OPTION_LATER, .judge = judge_listen,
     .allowed = "ADDRESS:PORT, [ADDRESS]:PORT, :PORT or unix:/path", .help = "Serves them at an address of their own instead."},
};
const struct option_group metrics_options = {GROUP_OF(sizeof(struct config_metrics), metrics_rows)};

const struct option_choice log_level_choices[] = {
    {"debug", LOG_LEVEL_DEBUG, CHOICE_PLAIN}, {"info", LOG_LEVEL_INFO, CHOICE_PLAIN},
    {"warn", LOG_LEVEL_WARN, CHOICE_PLAIN}, {"error", LOG_LEVEL_ERROR, CHOICE_PLAIN},
    {"warning", LOG_LEVEL_WARN, CHOICE_ALIAS}, {"critical", LOG_LEVEL_ERROR, CHOICE_ALIAS}, {0},
};
static const struct option log_rows[] = {
    {"level", ENUM_AT(struct config_log, level), .choices = log_level_choices, .def = "info", .help = "What is worth a line."},
    {"json", BOOL_AT(struct config_log, is_json), .def = "true", .help = "One JSON object a line; false: text for people."},
    {"content", BOOL_AT(struct config_log, has_content), OPTION_LATER, .def = "false",
     .help = "Also logs prompts and replies."},
};
const struct option_group log_options = {GROUP_OF(sizeof(struct config_log), log_rows)};
