/* bench/json/bench_json.c: how fast json_skim() and json_check() go over chat bodies.
 *
 *     bench_json [SECONDS PER LINE]        one line for each body: GB/s of skim, of check, best of all rounds
 *
 * Bodies are made here, always the same: requests with messages of English text, with its escapes (a line break or a
 * quote every 80 bytes or so), of 1 KB, 32 KB and 1 MB; one such text of 1 MB; Chinese text; one of many tools with
 * schemas, which is all structure; and one pretty-printed. */
#include "base/buf.h"
#include "base/check.h"
#include "json/check.h"
#include "json/skim.h"
#include "json/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const struct str ENGLISH = STR_INIT(
    "The gateway reads a request once, finds the model that it names, and sends the bytes on as they came.\n"
    "A reply is passed on as it arrives: \"streaming\" means that nobody waits for the end of a sentence.\n\n"
    "    for (int i = 0; i < count; i++) total += weights[i];\n\n"
    "What it counts, what it refuses and what it costs is written down, so that a stranger can check it. ");
static const struct str CHINESE = STR_INIT(
    "网关只读取一次请求，找到模型的名字，然后原样转发。回复一到就传给调用者，没有人需要等到句子的结尾。\n");

enum { MAX_BODY_BYTES = 4 << 20 };

static void put_text(struct json_writer *w, struct buf *scratch, struct str text, size_t bytes)
{
    buf_clear(scratch);
    while (scratch->len < bytes)
        require(
            buf_append(scratch, str_part(text, 0, bytes - scratch->len > text.len ? text.len : text.len)));
    json_write_str(w, buf_str(scratch));
}

static void put_message(struct json_writer *w, struct buf *scratch, size_t i, struct str text, size_t bytes)
{
    json_begin_object(w);
    json_put_str(w, STR("role"), i == 0 ? STR("system") : i % 2 ? STR("user") : STR("assistant"));
    json_write_key(w, STR("content"));
    put_text(w, scratch, text, bytes);
    json_end_object(w);
}

struct shape {
    const char *name;
    size_t messages, message_bytes, tools;
    const struct str *text;
    unsigned indent;
};

static void put_tool(struct json_writer *w, size_t i)
{
    static const struct str names[] = {STR_INIT("city"), STR_INIT("unit"), STR_INIT("days"),
                                       STR_INIT("is_brief")};
    json_begin_object(w);
    json_put_str(w, STR("type"), STR("function"));
    json_write_key(w, STR("function"));
    json_begin_object(w);
    json_put_str(w, STR("name"), STR("get_weather"));
    json_put_str(w, STR("description"), STR("The weather of a city for the next days."));
    json_write_key(w, STR("parameters"));
    json_begin_object(w);
    json_put_str(w, STR("type"), STR("object"));
    json_write_key(w, STR("properties"));
    json_begin_object(w);
    for (size_t k = 0; k < ARRAY_COUNT(names); k++) {
        json_write_key(w, names[k]);
        json_begin_object(w);
        json_put_str(w, STR("type"), k == 2 ? STR("integer") : STR("string"));
        json_put_i64(w, STR("maxLength"), (int64_t)(i * 10 + k));
        json_end_object(w);
    }
    json_end_object(w);
    json_write_key(w, STR("required"));
    json_begin_array(w);
    json_write_str(w, names[0]);
    json_end_array(w);
    json_put_bool(w, STR("additionalProperties"), false);
    json_end_object(w);
    json_end_object(w);
    json_end_object(w);
}

static void make_body(struct buf *out, const struct shape *shape)
{
    struct json_writer w;
    struct buf scratch;
    buf_init(&scratch, MAX_BODY_BYTES);
    json_writer_init(&w, out, shape->indent);
    json_begin_object(&w);
    json_put_str(&w, STR("model"), STR("gpt-4o-mini"));
    json_write_key(&w, STR("messages"));
    json_begin_array(&w);
    for (size_t i = 0; i < shape->messages; i++)
        put_message(&w, &scratch, i, *shape->text, shape->message_bytes);
    json_end_array(&w);
    if (shape->tools) {
        json_write_key(&w, STR("tools"));
        json_begin_array(&w);
        for (size_t i = 0; i < shape->tools; i++) put_tool(&w, i);
        json_end_array(&w);
    }
    json_put_double(&w, STR("temperature"), 0.7);
    json_put_i64(&w, STR("max_tokens"), 512);
    json_put_bool(&w, STR("stream"), true);
    json_put_str(&w, STR("user"), STR("user-1234"));
    json_end_object(&w);
    require(json_writer_finish(&w));
    buf_done(&scratch);
}

static const struct str NAMES[] = {STR_INIT("model"),
                                   STR_INIT("stream"),
                                   STR_INIT("stream_options"),
                                   STR_INIT("max_tokens"),
                                   STR_INIT("max_completion_tokens"),
                                   STR_INIT("n")};

static void run_skim(struct str body)
{
    struct json_value values[ARRAY_COUNT(NAMES)];
    require(json_skim(body, NAMES, ARRAY_COUNT(NAMES), values) && values[1].type == JSON_BOOL);
}

static void run_check(struct str body)
{
    struct json_wanted wanted[ARRAY_COUNT(NAMES)];
    struct json_found found[ARRAY_COUNT(NAMES)];
    struct err err;
    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++) wanted[i].name = NAMES[i];
    require(json_check(body, wanted, ARRAY_COUNT(NAMES), found, &err) && found[1].value.type == JSON_BOOL);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* GB/s of the fastest of several rounds: the machine is shared, the slower ones are others' work. */
static double measure(void (*run)(struct str), struct str body, double seconds)
{
    size_t per_round = 1 + (2 << 20) / body.len;
    double best_s = 1e9, until_s = now_s() + seconds;
    do {
        double begin_s = now_s();
        for (size_t i = 0; i < per_round; i++) run(body);
        double took_s = (now_s() - begin_s) / (double)per_round;
        if (took_s < best_s) best_s = took_s;
    } while (now_s() < until_s);
    return (double)body.len / best_s * 1e-9;
}

int main(int argc, char **argv)
{
    static const struct shape shapes[] = {
        {"1 KB chat", 3, 260, 0, &ENGLISH, 0},
        {"32 KB chat", 30, 1000, 0, &ENGLISH, 0},
        {"1 MB chat", 900, 1100, 0, &ENGLISH, 0},
        {"1 MB text", 1, 1 << 20, 0, &ENGLISH, 0},
        {"1 MB Chinese", 30, 33000, 0, &CHINESE, 0},
        {"32 KB tools", 2, 100, 80, &ENGLISH, 0},
        {"64 KB tools, pretty", 2, 100, 80, &ENGLISH, 2},
    };
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 0.3;
    printf("%-22s %9s %8s %8s\n", "body", "bytes", "skim", "check");
    for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
        struct buf body;
        buf_init(&body, MAX_BODY_BYTES);
        make_body(&body, &shapes[i]);
        printf("%-22s %9zu %8.2f %8.2f GB/s\n", shapes[i].name, body.len,
               measure(run_skim, buf_str(&body), seconds), measure(run_check, buf_str(&body), seconds));
        buf_done(&body);
    }
    return 0;
}
