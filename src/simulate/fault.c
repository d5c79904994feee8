/* simulate/fault.c: draws faults by rate and reads them from a header. The words of the header are rows of one table;
 * a row says which number a word takes, if any, and what it does. */
#include "simulate/fault.h"

static const struct {
    const char *name;
    enum fault_kind kind;
} kinds[] = {
    {"none", FAULT_NONE},   {"error", FAULT_ERROR},         {"cut", FAULT_CUT},
    {"stall", FAULT_STALL}, {"malformed", FAULT_MALFORMED}, {"error-event", FAULT_ERROR_EVENT},
};

enum number { N_STATUS, N_RETRY_AFTER, N_AT, N_DELAY, N_TOKENS, N_PACE };
static const struct {
    const char *name;
    enum number number;
    int64_t min, max;
} numbers[] = {
    {"error", N_STATUS, 400, 599},
    {"retry-after", N_RETRY_AFTER, 0, 86400},
    {"at", N_AT, 0, 100},
    {"delay", N_DELAY, 0, FAULT_MAX_DELAY_MS},
    {"tokens", N_TOKENS, 1, FAULT_MAX_TOKENS},
    {"tokens-per-second", N_PACE, 1, (int64_t)FAULT_MAX_TOKENS_PER_SECOND},
};

void fault_options_init(struct fault_options *o)
{
    *o = (struct fault_options){.error_status = 500, .retry_after_s = -1};
}

struct fault fault_draw(const struct fault_options *o, struct random *r)
{
    struct fault f = {.kind = FAULT_NONE,
                      .status = o->error_status,
                      .retry_after_s = o->retry_after_s,
                      .delay_ms = o->delay_ms,
                      .tokens_per_second = o->tokens_per_second,
                      .at_percent = 50};
    for (int kind = FAULT_ERROR_EVENT; kind >= FAULT_ERROR; kind--)
        if (random_unit(r) < o->rates[kind]) f.kind = (enum fault_kind)kind;
    double jitter = (2 * random_unit(r) - 1) * (double)o->jitter_ms;
    f.delay_ms += (msec_t)jitter;
    if (f.delay_ms < 0) f.delay_ms = 0;
    return f;
}

static void fault_set_number(struct fault *f, enum number number, int64_t n)
{
    switch (number) {
    case N_STATUS:
        f->kind = FAULT_ERROR;
        f->status = (int)n;
        break;
    case N_RETRY_AFTER: f->retry_after_s = (int)n; break;
    case N_AT: f->at_percent = (unsigned)n; break;
    case N_DELAY: f->delay_ms = n; break;
    case N_TOKENS: f->tokens = (unsigned)n; break;
    case N_PACE: f->tokens_per_second = (double)n; break;
    }
}

static bool fault_read_number(struct fault *f, struct str name, struct str value, struct err *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        if (!str_equals(name, str_from_cstr(numbers[i].name))) continue;
        int64_t n;
        if (!str_to_u63(value, &n) || n < numbers[i].min || n > numbers[i].max)
            return err_set(err, ERR_INVALID, "%s takes a whole number from %lld to %lld", numbers[i].name,
                           (long long)numbers[i].min, (long long)numbers[i].max);
        fault_set_number(f, numbers[i].number, n);
        return true;
    }
    return err_set(err, ERR_INVALID,
                   "with a number go error, retry-after, at, delay, tokens and tokens-per-second alone");
}

static bool fault_read_word(struct fault *f, struct str word, struct err *err)
{
    struct str value = word;
    struct str name = str_trim(str_cut(&value, '='));
    if (value.at) return fault_read_number(f, name, str_trim(value), err);
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (!str_equals(name, str_from_cstr(kinds[i].name))) continue;
        f->kind = kinds[i].kind;
        return true;
    }
    return err_set(err, ERR_INVALID,
                   "known words are none, error[=STATUS], retry-after=S, cut, stall, malformed, error-event, "
                   "at=PERCENT, delay=MS, tokens=N, tokens-per-second=N");
}

bool fault_read_header(struct fault *f, struct str value, struct err *err)
{
    while (value.at) {
        struct str word = str_trim(str_cut(&value, ','));
        if (word.len && !fault_read_word(f, word, err)) return err_wrap(err, "X-Simulate");
    }
    return true;
}
