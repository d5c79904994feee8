/* tests/unit/dialects/recordings.h: walks the recorded exchanges in OpenAI's format, one file at a time. */
#ifndef WEIR_TEST_RECORDINGS_H
#define WEIR_TEST_RECORDINGS_H

#include "test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who speaks another language than OpenAI's there; NULL: nowhere theirs. */
static inline bool speaks_otherwise(const char *provider, const char *api)
{
    static const char *const others[][2] = {
        {"anthropic", NULL}, {"cohere", NULL},          {"gemini", NULL},         {"bedrock_mantle", NULL},
        {"vertex", NULL},    {"ollama", "completions"}, {"ollama", "embeddings"}, {"writer", "completions"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(provider, others[i][0]) == 0 && (!others[i][1] || strcmp(api, others[i][1]) == 0))
            return true;
    return false;
}

/* The whole file, for free(); at == NULL: there is none. */
static inline struct str read_recording(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) return (struct str){0};
    size_t room = 1 << 16, len = 0, got;
    char *at = malloc(room);
    while ((got = fread(at + len, 1, room - len, f)) > 0)
        if ((len += got) == room) at = realloc(at, room *= 2);
    fclose(f);
    return str_of(at, len);
}

struct recording {
    char path[1024]; /* of the file, as messages show it */
    struct str text; /* of the file */
    struct str meta; /* meta.json beside it */
};
typedef void recording_judge(const struct recording *r);

static inline bool recording_has(const struct recording *r, const char *feature)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\"", feature);
    return str_find(r->meta, str_from_cstr(quoted)) != SIZE_MAX;
}

static inline unsigned judge_case(const char *folder, const char *file, recording_judge *judge)
{
    struct recording r;
    char meta[1100];
    snprintf(r.path, sizeof r.path, "%s/%s", folder, file);
    snprintf(meta, sizeof meta, "%s/meta.json", folder);
    r.text = read_recording(r.path);
    r.meta = read_recording(meta);
    if (r.text.at) judge(&r);
    free((char *)(uintptr_t)r.text.at);
    free((char *)(uintptr_t)r.meta.at);
    return r.text.at != NULL;
}

static inline unsigned judge_folder(const char *folder, const char *file, recording_judge *judge)
{
    struct dirent **names;
    unsigned judged = 0;
    int count = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[800];
        snprintf(path, sizeof path, "%.500s/%.250s", folder, names[i]->d_name);
        if (names[i]->d_name[0] != '.') judged += judge_case(path, file, judge);
        free(names[i]);
    }
    if (count >= 0) free(names);
    return judged;
}

/* recordings/<provider>/<api>/CASE/<file>; how many there were. */
static inline unsigned judge_provider(const char *provider, const char *api, const char *file,
                                      recording_judge *judge)
{
    char path[800];
    const char *root = test_shared_path("recordings");
    if (!root) return 0;
    snprintf(path, sizeof path, "%.400s/%.100s/%.50s", root, provider, api);
    return judge_folder(path, file, judge);
}

/* recordings/PROVIDER/<api>/CASE/<file>, of all providers that speak OpenAI's format; how many there were. */
static inline unsigned judge_recordings(const char *api, const char *file, recording_judge *judge)
{
    struct dirent **names;
    unsigned judged = 0;
    const char *root = test_shared_path("recordings");
    char kept[512];
    if (!root) return 0;
    snprintf(kept, sizeof kept, "%s", root);
    int count = scandir(kept, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[800];
        snprintf(path, sizeof path, "%.400s/%.100s/%.50s", kept, names[i]->d_name, api);
        if (names[i]->d_name[0] != '.' && !speaks_otherwise(names[i]->d_name, api))
            judged += judge_folder(path, file, judge);
        free(names[i]);
    }
    if (count >= 0) free(names);
    return judged;
}

#endif
