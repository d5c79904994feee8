/* Recordings found again by what was asked. */
#include "json/cursor.h"
#include "json/skim.h"
#include "simulate/replay.h"
#include "simulate/replay_inside.h"

#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

TEST(replay, path_fits_whatever_stands_before_the_version)
{
    static const struct {
        const char *recorded, *asked;
        unsigned fit;
    } rows[] = {
        {"/v1/chat/completions", "/v1/chat/completions", 4},
        {"/openai/v1/chat/completions", "/v1/chat/completions", 3},
        {"/v1/chat/completions", "/chat/completions", 3},
        {"/openai/v1/chat/completions", "/api/v1/chat/completions", 2},
        {"/v1/chat/completions", "/v2/chat/completions", 2},
        {"/openai/deployments/d/chat/completions", "/v1/chat/completions", 1},
        {"/v1/chat/completions", "/v1/completions", 1},
        {"/v1/chat/completions", "/v1/embeddings", 0},
        {"/v1beta/models/a:generateContent", "/v1/models/a:generateContent", 2},
        {"/v1beta/models/a:generateContent", "/v1beta/models/b:generateContent", 0},
        {"/v1/models", "/v1/", 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        EXPECT_THAT(replay_path_fit(str_from_cstr(rows[i].recorded), str_from_cstr(rows[i].asked)) ==
                        rows[i].fit,
                    "%s for %s: %u", rows[i].recorded, rows[i].asked,
                    replay_path_fit(str_from_cstr(rows[i].recorded), str_from_cstr(rows[i].asked)));
}

TEST(replay, says_why_a_folder_cannot_be_loaded)
{
    struct err err;
    EXPECT_NULL(replay_load(STR("/nonexistent"), &err));
    EXPECT_EQ(err.code, ERR_SYSTEM);
    EXPECT_NULL(replay_load(str_from_cstr(test_source_path("src/simulate")), &err));
    EXPECT_EQ(err.code, ERR_NOT_FOUND);
}

/* ---- a folder made here ---- */

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    EXPECT_NOT_NULL(f);
    if (!f) return;
    fputs(text, f);
    fclose(f);
}

static void write_case(const char *root, const char *name, const char *request, const char *answer)
{
    char folder[128];
    snprintf(folder, sizeof folder, "%s/%s", root, name);
    EXPECT_EQ(mkdir(folder, 0700), 0);
    write_file(folder, "request.json", request);
    write_file(folder, "response.json", answer);
    write_file(
        folder, "meta.json",
        "{\"method\":\"POST\",\"path\":\"/v1/chat/completions?x=1\",\"status\":200,\"request_file\":"
        "\"request.json\",\"response_file\":\"response.json\",\"response_headers\":{\"x-a\":\"b\",\"Date\":\"now\"}}");
}

struct made {
    char root[64], api[96];
    struct replay *replay;
    struct arena scratch;
    struct err err;
};

static void made_init(struct made *m)
{
    snprintf(m->root, sizeof m->root, "/tmp/weir-replay-XXXXXX");
    EXPECT_NOT_NULL(mkdtemp(m->root));
    snprintf(m->api, sizeof m->api, "%s/chat", m->root);
    EXPECT_EQ(mkdir(m->api, 0700), 0);
    write_case(m->api, "first", "{\"model\":\"m\",\"n\":1}", "\"one\"");
    write_case(m->api, "second", "{ \"n\": 1, \"model\": \"m\" }", "\"two\"");
    write_case(m->api, "third", "{\"model\":\"m\",\"n\":3}", "\"three\"");
    m->replay = replay_load(str_from_cstr(m->root), &m->err);
    EXPECT_NOT_NULL(m->replay);
    arena_init(&m->scratch);
}

static void made_done(struct made *m)
{
    static const char *const cases[] = {"first", "second", "third"}, *const files[] = {"meta", "request",
                                                                                       "response"};
    char path[256];
    replay_free(m->replay);
    arena_done(&m->scratch);
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) {
            snprintf(path, sizeof path, "%s/%s/%s.json", m->api, cases[i], files[j]);
            EXPECT_EQ(remove(path), 0);
        }
        snprintf(path, sizeof path, "%s/%s", m->api, cases[i]);
        EXPECT_EQ(remove(path), 0);
    }
    EXPECT_EQ(remove(m->api), 0);
    EXPECT_EQ(remove(m->root), 0);
}

static struct str find(struct made *m, const char *body, const char *name)
{
    struct replay_query q = {.method = STR("POST"),
                             .path = STR("/api/v1/chat/completions"),
                             .body = str_from_cstr(body),
                             .case_name = str_from_cstr(name)};
    const struct replay_case *c = replay_find(m->replay, &q, &m->scratch, &m->err);
    return c ? c->body : STR("none");
}

TEST(replay, finds_by_what_the_body_says_and_serves_twins_in_turn)
{
    struct made m;
    made_init(&m);
    EXPECT_EQ(replay_count(m.replay), 3);
    EXPECT_STR_EQ(find(&m, "{\"n\":3.0,\"model\":\"\\u006d\",\"stream_options\":{}}", ""), "\"three\"");
    EXPECT_STR_EQ(find(&m, "{\"n\":1,\"model\":\"m\"}", ""), "\"one\"");
    EXPECT_STR_EQ(find(&m, "{\"n\":1,\"model\":\"m\"}", ""), "\"two\"");
    EXPECT_STR_EQ(find(&m, "{\"n\":1,\"model\":\"m\"}", ""), "\"one\"");
    made_done(&m);
}

TEST(replay, lets_a_name_win_over_the_body)
{
    struct made m;
    char full[128];
    made_init(&m);
    snprintf(full, sizeof full, "%.60s/chat/second", m.root + strlen("/tmp/"));
    EXPECT_STR_EQ(find(&m, "{\"n\":3,\"model\":\"m\"}", "second"), "\"two\"");
    EXPECT_STR_EQ(find(&m, "", "chat/third"), "\"three\"");
    EXPECT_STR_EQ(find(&m, "", full), "\"two\"");
    EXPECT_STR_EQ(find(&m, "{\"n\":3,\"model\":\"m\"}", "no-such-case"), "\"three\"");
    EXPECT_STR_EQ(find(&m, "", "econd"), "none");
    made_done(&m);
}

TEST(replay, says_what_was_looked_for_without_the_body)
{
    struct made m;
    made_init(&m);
    EXPECT_STR_EQ(find(&m, "{\"secret\":\"prompt\"}", ""), "none");
    EXPECT_EQ(m.err.code, ERR_NOT_FOUND);
    EXPECT_TRUE(str_find(str_from_cstr(m.err.text), STR("POST /api/v1/chat/completions")) != SIZE_MAX);
    EXPECT_TRUE(str_find(str_from_cstr(m.err.text), STR("3 of 3 have the path")) != SIZE_MAX);
    EXPECT_TRUE(str_find(str_from_cstr(m.err.text), STR("prompt")) == SIZE_MAX);
    made_done(&m);
}

TEST(replay, keeps_headers_but_not_those_of_the_original_wire)
{
    struct made m;
    made_init(&m);
    struct replay_query q = {.case_name = STR("first")};
    const struct replay_case *c = replay_find(m.replay, &q, &m.scratch, &m.err);
    ASSERT_TRUE(c != NULL);
    EXPECT_STR_EQ(c->header_lines, "x-a: b\r\nContent-Type: application/json\r\n");
    made_done(&m);
}

/* ---- the true recordings ---- */

/* Into the arena: there are more of them than test_read_file() keeps. */
static struct str read_shared(struct arena *a, struct str folder, const char *name)
{
    const char *path = test_shared_path(arena_printf(a, "%.*s/%s", STR_ARG(folder), name).at);
    struct stat st;
    FILE *f = path && stat(path, &st) == 0 ? fopen(path, "rb") : NULL;
    if (!f) return (struct str){0};
    char *at = arena_alloc(a, (size_t)st.st_size);
    size_t got = fread(at, 1, (size_t)st.st_size, f);
    fclose(f);
    return str_of(at, got);
}

/* Asks for the case of one line of INDEX.tsv with its own request. False: nothing answers. */
static bool ask_own_request(struct replay *r, struct str line, struct arena *a)
{
    static const struct str names[] = {STR_INIT("method"), STR_INIT("path"), STR_INIT("request_kind")};
    struct str provider = str_cut(&line, '\t'), api = str_cut(&line, '\t'), name = str_cut(&line, '\t');
    struct str folder = arena_printf(a, "recordings/%.*s/%.*s/%.*s", STR_ARG(provider), STR_ARG(api),
                                     STR_ARG(name));
    struct json_value meta[3];
    struct replay_query q = {0};
    struct err err;
    if (!json_skim(read_shared(a, folder, "meta.json"), names, 3, meta)) return false;
    if (!json_to_str(meta[0], a, &q.method) || !json_to_str(meta[1], a, &q.query)) return false;
    q.path = str_cut(&q.query, '?');
    if (json_str_equals(meta[2], STR("not-recorded")))
        q.case_name = name;
    else
        q.body = read_shared(
            a, folder, json_str_equals(meta[2], STR("multipart")) ? "request.multipart" : "request.json");
    return replay_find(r, &q, a, &err) != NULL;
}

TEST(replay, serves_each_true_recording_once_when_each_is_asked_once)
{
    struct err err;
    const char *root = test_shared_path("recordings");
    if (!root) SKIP("the recordings are not here");
    struct replay *r = replay_load(str_from_cstr(root), &err);
    ASSERT_TRUE(r != NULL);
    struct arena a;
    arena_init(&a);
    struct str rest = test_read_file(test_shared_path("recordings/INDEX.tsv"));
    unsigned asked = 0;
    (void)str_cut(&rest, '\n');
    while (rest.at && rest.len) {
        struct str line = str_cut(&rest, '\n');
        EXPECT_THAT(ask_own_request(r, line, &a), "not found: %.*s", STR_ARG(line));
        asked++;
    }
    EXPECT_EQ(asked, replay_count(r));
    for (unsigned i = 0; i < r->count; i++)
        EXPECT_THAT(r->cases[i].served == 1, "%.*s: %u", STR_ARG(r->cases[i].name), r->cases[i].served);
    arena_done(&a);
    replay_free(r);
}
