/* simulate/openai_media.c: images and audio of the OpenAI dialect. Answers depend on the request alone: a transcription
 * says how large the file was, speech repeats its input, an image is one pixel. */
#include "simulate/openai.h"

#include "http/multipart.h"
#include "json/cursor.h"

enum { MAX_IMAGES = 10, SPEECH_TIMES = 16 };

/* ---- forms ---- */
enum field { MODEL, PROMPT, FORMAT, STREAM, COUNT, FILE_PART, FIELD_COUNT };
static const struct str field_names[FIELD_COUNT] = {
    [MODEL] = STR_INIT("model"),   [PROMPT] = STR_INIT("prompt"), [FORMAT] = STR_INIT("response_format"),
    [STREAM] = STR_INIT("stream"), [COUNT] = STR_INIT("n"),       [FILE_PART] = STR_INIT("file")};

/* "image" and "image[]" are files, too. */
static enum field field_of(const struct multipart_event *e)
{
    if (e->has_file) return FILE_PART;
    for (size_t i = 0; i < FILE_PART; i++)
        if (str_equals(e->name, field_names[i])) return (enum field)i;
    return FIELD_COUNT;
}

/* The boundary stands in the body's first line. */
static struct str first_boundary(struct str body)
{
    size_t end = str_find(body, STR("\r\n"));
    if (!str_starts_with(body, STR("--")) || end == SIZE_MAX || end > 2 + MULTIPART_MAX_BOUNDARY_BYTES)
        return STR("");
    return str_part(body, 2, end - 2);
}

static bool read_fields(struct multipart_reader *m, struct str body, struct str fields[FIELD_COUNT + 1])
{
    struct str rest = body;
    struct multipart_event e;
    struct err err;
    enum multipart what;
    enum field field = FIELD_COUNT;
    while ((what = multipart_next(m, &rest, &e, &err)) != MULTIPART_MORE && what != MULTIPART_BAD) {
        if (what == MULTIPART_PART) field = field_of(&e);
        if (what == MULTIPART_PART) fields[field] = str_of(body.at + e.offset, 0);
        if (what == MULTIPART_PART_END) fields[field].len = (size_t)(body.at + e.offset - fields[field].at);
    }
    return what == MULTIPART_MORE && multipart_end(m, &err);
}

/* False: refused. */
static bool read_form(struct sim_answer *out, const struct sim_request *in,
                      struct str fields[FIELD_COUNT + 1])
{
    struct str boundary = first_boundary(in->body), ignored;
    struct err err;
    memset(fields, 0, (FIELD_COUNT + 1) * sizeof *fields);
    struct str type = arena_printf(in->arena, "multipart/form-data; boundary=\"%.*s\"", STR_ARG(boundary));
    bool is_form = multipart_boundary(type, &ignored, &err);
    if (is_form) {
        struct multipart_reader m;
        multipart_init(&m, boundary);
        is_form = read_fields(&m, in->body, fields);
        multipart_done(&m);
    }
    const char *missing = !fields[MODEL].len ? "model" : !fields[FILE_PART].at ? "file" : NULL;
    if (!is_form)
        openai_refuse(out, in, STR(""), STR("Could not parse multipart form."));
    else if (missing)
        openai_refuse(out, in, str_from_cstr(missing), STR("A required part of the form is missing."));
    return is_form && !missing;
}

/* ---- transcriptions and translations ---- */
static void put_usage(struct sim_answer *out, uint64_t input, uint64_t output)
{
    sim_put(out, STR(",\"usage\":{\"type\":\"tokens\",\"input_tokens\":"));
    sim_put_u64(out, input);
    sim_put(out, STR(",\"input_token_details\":{\"text_tokens\":0,\"audio_tokens\":"));
    sim_put_u64(out, input);
    sim_put(out, STR("},\"output_tokens\":"));
    sim_put_u64(out, output);
    sim_put(out, STR(",\"total_tokens\":"));
    sim_put_u64(out, input + output);
    sim_put(out, STR("}"));
}

static void put_event(struct sim_answer *out, const char *type, const char *member, struct str text)
{
    sim_put(out, STR("data: {\"type\":\"transcript.text."));
    sim_put(out, str_from_cstr(type));
    sim_put(out, STR("\",\""));
    sim_put(out, str_from_cstr(member));
    sim_put(out, STR("\":"));
    sim_put_json_str(out, text);
}

static void stream_transcript(struct sim_answer *out, const struct sim_request *in, struct str text,
                              uint64_t input)
{
    struct str rest = text;
    uint64_t words = 0;
    while (rest.at) {
        struct str word = str_cut(&rest, ' ');
        put_event(out, "delta", "delta", rest.at ? str_of(word.at, word.len + 1) : word);
        sim_put(out, STR("}\n\n"));
        sim_end_event(out);
        words++;
    }
    put_event(out, "done", "text", text);
    put_usage(out, input, words);
    sim_put(out, STR("}\n\n"));
    sim_end_event(out);
    openai_close(out, in, true);
}

static void put_transcript(struct sim_answer *out, const struct sim_request *in, struct str text,
                           struct str format)
{
    if (str_equals(format, STR("text"))) {
        sim_put(out, text);
        sim_put(out, STR("\n"));
        openai_close_as(out, in, STR("text/plain; charset=utf-8"));
    } else if (str_equals(format, STR("srt")) || str_equals(format, STR("vtt"))) {
        bool is_vtt = str_equals(format, STR("vtt"));
        sim_put(out, is_vtt ? STR("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n")
                            : STR("1\n00:00:00,000 --> 00:00:01,000\n"));
        sim_put(out, text);
        sim_put(out, STR("\n\n"));
        openai_close_as(out, in, is_vtt ? STR("text/vtt; charset=utf-8") : STR("application/x-subrip"));
    }
}

void openai_answer_transcriptions(struct sim_answer *out, const struct sim_request *in)
{
    struct str fields[FIELD_COUNT + 1];
    if (!read_form(out, in, fields)) return;
    uint64_t bytes = fields[FILE_PART].len, input = 1 + bytes / 1000;
    struct str text = arena_printf(in->arena, "Simulated transcription of %llu bytes.",
                                   (unsigned long long)bytes);
    struct str format = fields[FORMAT];
    if (str_equals(fields[STREAM], STR("true"))) {
        stream_transcript(out, in, text, input);
    } else if (format.len == 0 || str_equals(format, STR("json"))) {
        sim_put(out, STR("{\"text\":"));
        sim_put_json_str(out, text);
        put_usage(out, input, 5);
        sim_put(out, STR("}"));
        openai_close(out, in, false);
    } else if (str_equals(format, STR("verbose_json"))) {
        sim_put(out, STR("{\"task\":\"transcribe\",\"language\":\"english\",\"duration\":1.0,\"text\":"));
        sim_put_json_str(out, text);
        sim_put(out, STR(",\"segments\":[],\"usage\":{\"type\":\"duration\",\"seconds\":1}}"));
        openai_close(out, in, false);
    } else if (str_equals(format, STR("text")) || str_equals(format, STR("srt")) ||
               str_equals(format, STR("vtt"))) {
        put_transcript(out, in, text, format);
    } else {
        openai_refuse(out, in, STR("response_format"), STR("Expected json, text, srt, verbose_json or vtt."));
    }
}

/* ---- speech ---- */
void openai_answer_speech(struct sim_answer *out, const struct sim_request *in)
{
    static const struct json_wanted wanted[] = {{STR_INIT("model")}, {STR_INIT("input")}};
    struct json_found found[ARRAY_COUNT(wanted)];
    struct str text;
    if (!openai_read(out, in, wanted, ARRAY_COUNT(wanted), found)) return;
    if (!json_to_str(found[1].value, in->arena, &text) || text.len == 0) {
        openai_refuse(out, in, STR("input"), STR("Missing or wrong 'input': expected a string."));
        return;
    }
    sim_put(out, str_of("ID3\4\0\0\0\0\0\0", 10));
    for (unsigned i = 0; i < SPEECH_TIMES; i++) sim_put(out, text);
    openai_close_as(out, in, STR("audio/mpeg"));
}

/* ---- images ---- */
static void answer_images(struct sim_answer *out, const struct sim_request *in, struct str prompt,
                          int64_t count)
{
    static const struct str pixel = STR_INIT(
        "{\"b64_json\":\"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==\"}");
    sim_put(out, STR("{\"created\":"));
    sim_put_u64(out, (uint64_t)in->now_s);
    sim_put(out, STR(",\"data\":["));
    for (int64_t i = 0; i < count; i++) {
        if (i) sim_put(out, STR(","));
        sim_put(out, pixel);
    }
    sim_put(out, STR("]"));
    uint64_t input = 1 + prompt.len / 4, output = 100 * (uint64_t)count;
    sim_put(out, STR(",\"usage\":{\"input_tokens\":"));
    sim_put_u64(out, input);
    sim_put(out, STR(",\"output_tokens\":"));
    sim_put_u64(out, output);
    sim_put(out, STR(",\"total_tokens\":"));
    sim_put_u64(out, input + output);
    sim_put(out, STR("}}"));
    openai_close(out, in, false);
}

void openai_answer_images(struct sim_answer *out, const struct sim_request *in)
{
    static const struct json_wanted wanted[] = {{STR_INIT("model")}, {STR_INIT("prompt")}, {STR_INIT("n")}};
    struct json_found found[ARRAY_COUNT(wanted)];
    struct str prompt;
    int64_t count = 1;
    if (!openai_read(out, in, wanted, ARRAY_COUNT(wanted), found)) return;
    if (!openai_read_number(out, in, &found[2], MAX_IMAGES, &count)) return;
    if (json_to_str(found[1].value, in->arena, &prompt))
        answer_images(out, in, prompt, count);
    else
        openai_refuse(out, in, STR("prompt"), STR("Missing or wrong 'prompt': expected a string."));
}

void openai_answer_image_edits(struct sim_answer *out, const struct sim_request *in)
{
    struct str fields[FIELD_COUNT + 1];
    int64_t count = 1;
    if (!read_form(out, in, fields)) return;
    bool is_count = !fields[COUNT].at ||
                    (str_to_u63(fields[COUNT], &count) && count >= 1 && count <= MAX_IMAGES);
    if (is_count)
        answer_images(out, in, fields[PROMPT], count);
    else
        openai_refuse(out, in, STR("n"), STR("Invalid value for 'n': expected an integer from 1 to 10."));
}
