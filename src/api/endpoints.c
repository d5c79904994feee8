/* api/endpoints.c: the table. A path whose template ends in "{…}" takes everything behind it. Rows under /v1 answer
 * without /v1, too: a base URL that lacks it is the commonest mistake of all. */
#include "api/endpoints.h"

#define OPENAI(op) .surface = SURFACE_OPENAI, .role = CONFIG_ROLE_USER, .operation = (op)
#define PLAIN(r, bit) .surface = SURFACE_PLAIN, .role = (r), .public_bit = (bit)
#define MODELS .surface = SURFACE_OPENAI, .role = CONFIG_ROLE_USER

// clang-format off
const struct endpoint_row endpoints[] = {
    {BIT_POST, {STR_INIT("/v1/chat/completions"),           OPENAI(OP_CHAT)},        api_run_model},
    {BIT_POST, {STR_INIT("/v1/completions"),                OPENAI(OP_COMPLETIONS)}, api_run_model},
    {BIT_POST, {STR_INIT("/v1/embeddings"),                 OPENAI(OP_EMBEDDINGS)},  api_run_model},
    {BIT_POST, {STR_INIT("/v1/moderations"),                OPENAI(OP_MODERATIONS)}, api_run_model},
    {BIT_POST, {STR_INIT("/v1/images/generations"),         OPENAI(OP_IMAGES)},         api_run_model},
    {BIT_POST, {STR_INIT("/v1/images/edits"),               OPENAI(OP_IMAGE_EDITS)},    api_run_model},
    {BIT_POST, {STR_INIT("/v1/audio/speech"),               OPENAI(OP_SPEECH)},         api_run_model},
    {BIT_POST, {STR_INIT("/v1/audio/transcriptions"),       OPENAI(OP_TRANSCRIPTIONS)}, api_run_model},
    {BIT_POST, {STR_INIT("/v1/audio/translations"),         OPENAI(OP_TRANSLATIONS)},   api_run_model},
    {BIT_GET,  {STR_INIT("/v1/models"),                     MODELS},                 api_list_models},
    {BIT_GET,  {STR_INIT("/v1/models/{id}"),                MODELS},                 api_show_model},

    {BIT_GET,  {STR_INIT("/health"),                        PLAIN(CONFIG_ROLE_OPERATOR, PUBLIC_HEALTH)},  api_health},
    {BIT_GET,  {STR_INIT("/api/v1/health"),                 PLAIN(CONFIG_ROLE_OPERATOR, PUBLIC_HEALTH)},  api_alive},
    {BIT_GET,  {STR_INIT("/livez"),                         PLAIN(CONFIG_ROLE_OPERATOR, PUBLIC_HEALTH)},  api_alive},
    {BIT_GET,  {STR_INIT("/api/v1/ready"),                  PLAIN(CONFIG_ROLE_OPERATOR, PUBLIC_READY)},   api_ready},
    {BIT_GET,  {STR_INIT("/readyz"),                        PLAIN(CONFIG_ROLE_OPERATOR, PUBLIC_READY)},   api_ready},
    {BIT_GET,  {STR_INIT("/metrics"),                       PLAIN(CONFIG_ROLE_OPERATOR, PUBLIC_METRICS)}, api_metrics},
    {BIT_GET,  {STR_INIT("/circuit-breakers"),              PLAIN(CONFIG_ROLE_OPERATOR, 0)},              api_list_breakers},
    {BIT_POST, {STR_INIT("/circuit-breakers/{name}/reset"), PLAIN(CONFIG_ROLE_OPERATOR, 0)},              api_reset_breaker},
};
// clang-format on
const size_t endpoint_count = ARRAY_COUNT(endpoints);
