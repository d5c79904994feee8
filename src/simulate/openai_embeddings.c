/* simulate/openai_embeddings.c: unit vectors that depend on nothing but the input's bytes. Their numbers have eight
 * decimals, so that the text form and the base64 form (32-bit floats, little end first) say the same. */
#include "simulate/openai.h"

#include "base/fmt.h"
#include "base/random.h"
#include "json/cursor.h"
#include "simulate/text.h"

#include <math.h>

enum { DEFAULT_DIMENSIONS = 1536, MAX_DIMENSIONS = 3072, MAX_INPUTS = 2048, SCALE = 100000000, DECIMALS = 8 };

struct embedding_job {
    struct sim_answer *out;
    int32_t *numbers; /* the current vector × SCALE */
    size_t dimensions;
    bool is_base64;
    unsigned count;
    size_t bytes; /* of all inputs */
};

static void vector_fill(int32_t *numbers, size_t dimensions, struct str input)
{
    struct random r;
    double sum = 0;
    random_init(&r, str_hash(input));
    for (size_t i = 0; i < dimensions; i++) {
        numbers[i] = (int32_t)((2 * random_unit(&r) - 1) * SCALE);
        sum += (double)numbers[i] * numbers[i];
    }
    double length = sqrt(sum);
    for (size_t i = 0; i < dimensions; i++) numbers[i] = (int32_t)(numbers[i] / length * SCALE);
}

static void put_floats(struct sim_answer *out, const int32_t *numbers, size_t dimensions)
{
    char text[32];
    sim_put(out, STR("["));
    for (size_t i = 0; i < dimensions; i++) {
        char *at = text;
        if (i) *at++ = ',';
        if (numbers[i] < 0) *at++ = '-';
        at = fmt_fixed(at, (uint64_t)(numbers[i] < 0 ? -numbers[i] : numbers[i]), DECIMALS);
        sim_put(out, str_of(text, (size_t)(at - text)));
    }
    sim_put(out, STR("]"));
}

static uint8_t byte_of(const int32_t *numbers, size_t at)
{
    float f = (float)(numbers[at / 4] / (double)SCALE);
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return (uint8_t)(bits >> (8 * (at % 4)));
}

static void put_base64(struct sim_answer *out, const int32_t *numbers, size_t dimensions)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t bytes = 4 * dimensions;
    sim_put(out, STR("\""));
    for (size_t i = 0; i < bytes; i += 3) {
        size_t left = bytes - i;
        uint32_t three = (uint32_t)byte_of(numbers, i) << 16;
        if (left > 1) three |= (uint32_t)byte_of(numbers, i + 1) << 8;
        if (left > 2) three |= byte_of(numbers, i + 2);
        char four[4] = {digits[three >> 18], digits[three >> 12 & 63],
                        left > 1 ? digits[three >> 6 & 63] : '=', left > 2 ? digits[three & 63] : '='};
        sim_put(out, str_of(four, sizeof four));
    }
    sim_put(out, STR("\""));
}

static void embedding_put(struct embedding_job *job, struct str input)
{
    vector_fill(job->numbers, job->dimensions, input);
    sim_put(job->out, job->count ? STR(",{\"object\":\"embedding\",\"index\":")
                                 : STR("{\"object\":\"embedding\",\"index\":"));
    sim_put_u64(job->out, job->count);
    sim_put(job->out, STR(",\"embedding\":"));
    if (job->is_base64)
        put_base64(job->out, job->numbers, job->dimensions);
    else
        put_floats(job->out, job->numbers, job->dimensions);
    sim_put(job->out, STR("}"));
    job->count++;
    job->bytes += input.len;
}

/* A string or an array of tokens is one input, an array of those is many. */
static bool embedding_put_all(struct embedding_job *job, struct json_value input)
{
    struct json_value first = json_at(input, 0), item;
    if (input.type == JSON_STRING || first.type == JSON_NUMBER) {
        embedding_put(job, input.raw);
        return true;
    }
    struct json_items it;
    json_items_init(&it, input);
    while (json_items_next(&it, &item)) {
        if (item.type != first.type || job->count == MAX_INPUTS) return false;
        if (item.type != JSON_STRING && item.type != JSON_ARRAY) return false;
        embedding_put(job, item.raw);
    }
    return job->count > 0;
}

void openai_answer_embeddings(struct sim_answer *out, const struct sim_request *in)
{
    enum { MODEL, INPUT, DIMENSIONS, FORMAT, COUNT };
    static const struct json_wanted wanted[COUNT] = {
        {STR_INIT("model")}, {STR_INIT("input")}, {STR_INIT("dimensions")}, {STR_INIT("encoding_format")}};
    struct json_found found[COUNT];
    int64_t dimensions = DEFAULT_DIMENSIONS;
    if (!openai_read(out, in, wanted, COUNT, found)) return;
    if (!openai_read_number(out, in, &found[DIMENSIONS], MAX_DIMENSIONS, &dimensions)) return;
    struct embedding_job job = {.out = out,
                                .numbers = arena_alloc(in->arena, (size_t)dimensions * sizeof *job.numbers),
                                .dimensions = (size_t)dimensions,
                                .is_base64 = json_str_equals(found[FORMAT].value, STR("base64"))};
    sim_put(out, STR("{\"object\":\"list\",\"data\":["));
    if (!embedding_put_all(&job, found[INPUT].value)) {
        openai_refuse(
            out, in, STR("input"),
            STR("Wrong 'input': expected a string, an array of tokens, or an array of up to 2048 of those."));
        return;
    }
    unsigned tokens = text_tokens(job.bytes);
    sim_put(out, STR("],\"model\":"));
    sim_put(out, found[MODEL].value.raw);
    sim_put(out, STR(",\"usage\":{\"prompt_tokens\":"));
    sim_put_u64(out, tokens);
    sim_put(out, STR(",\"total_tokens\":"));
    sim_put_u64(out, tokens);
    sim_put(out, STR("}}"));
    openai_close(out, in, false);
}
