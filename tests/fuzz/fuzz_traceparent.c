/* What trace_parse() takes means the same after it was written and read again, and what goes upstream is well-formed
 * whatever the caller sent; the same for correlation ids. */
#include "base/check.h"
#include "telemetry/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_parsed(struct str header)
{
    struct trace t, again;
    if (!trace_parse(&t, header)) return;
    char text[TRACEPARENT_BYTES];
    trace_format(text, &t);
    require(memcmp(text + 2, header.at + 2, 51) == 0); /* all but the version and the flags */
    require(trace_parse(&again, str_of(text, sizeof text)));
    require(memcmp(&t, &again, sizeof t) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str header = str_of((const char *)data, size);
    check_parsed(header);

    struct random random;
    random_init(&random, size);
    struct trace mine, read;
    char text[TRACEPARENT_BYTES];
    bool goes_on = trace_continue(&mine, header, &random);
    require(goes_on == trace_parse(&read, header));
    require(!goes_on || memcmp(mine.trace_id, read.trace_id, sizeof mine.trace_id) == 0);
    trace_format(text, &mine);
    require(trace_parse(&read, str_of(text, sizeof text)));

    char room[CORRELATION_MADE_BYTES];
    struct str id = correlation_id(header, &random, room);
    require(id.len >= 1 && id.len <= CORRELATION_MAX_BYTES);
    for (size_t i = 0; i < id.len; i++) require(id.at[i] > 0x20 && id.at[i] < 0x7f);
    return 0;
}
