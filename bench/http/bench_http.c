/* bench/http/bench_http.c: what heads, events and chunks cost to read, in ns each (best of some rounds).
 *
 *     bench_http
 *
 * Heads lie in front of a body, as they do in a server's buffer. Events come 64 to a chunk, one to a chunk,
 * and cut wherever 1000 bytes end. */
#include "base/check.h"
#include "base/clock.h"
#include "http/chunked.h"
#include "http/message.h"
#include "http/sse.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 9, TIMES = 100000, EVENTS = 64, STREAMS = 1500, BODY_BYTES = 1024 };

#define CHAT                                                                                                 \
    "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: application/json\r\n"             \
    "Accept-Encoding: gzip, deflate, br\r\nContent-Type: application/json\r\n"                               \
    "Authorization: Bearer sk-weir-0123456789abcdef0123456789abcdef\r\n"
#define STAINLESS                                                                                            \
    "X-Stainless-Lang: python\r\nX-Stainless-Package-Version: 2.8.0\r\nX-Stainless-OS: Linux\r\n"            \
    "X-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\nX-Stainless-Runtime-Version: 3.11.2\r\n"       \
    "X-Stainless-Async: false\r\nX-Stainless-Retry-Count: 0\r\nX-Stainless-Read-Timeout: 600\r\n"
#define CHAT_END "User-Agent: OpenAI/Python 2.8.0\r\nConnection: keep-alive\r\nContent-Length: 1024\r\n\r\n"
#define REPLY                                                                                                \
    "HTTP/1.1 200 OK\r\nDate: Fri, 20 Nov 2026 10:00:00 GMT\r\nContent-Type: text/event-stream\r\n"          \
    "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\nx-request-id: req_0123456789abcdef\r\n"         \
    "openai-processing-ms: 123\r\nServer: cloudflare\r\n\r\n"
#define CHUNK                                                                                                \
    "data: {\"id\":\"chatcmpl-abc123\",\"object\":\"chat.completion.chunk\",\"created\":1763600000,"         \
    "\"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_01234\"," \
    "\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"},\"logprobs\":null,"                         \
    "\"finish_reason\":null}],\"usage\":null}\n\n"
#define DELTA                                                                                                \
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"                       \
    "\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello\"}}\n\n"

static struct http_header places[HTTP_MAX_HEADERS];
static size_t step; /* bytes of a chunk */

static void read_request(struct str bytes)
{
    struct http_request r = {.headers.at = places};
    struct err err;
    size_t head_bytes;
    int status;
    require(http_parse_request(&r, bytes, &head_bytes, &status, &err) == PARSE_DONE);
}

static void read_reply(struct str bytes)
{
    struct http_response r = {.headers.at = places};
    struct err err;
    size_t head_bytes;
    require(http_parse_response(&r, bytes, &head_bytes, &err) == PARSE_DONE);
}

static void read_chunk(struct str bytes)
{
    struct chunked_reader r;
    struct err err;
    struct str data;
    chunked_init(&r);
    while (chunked_next(&r, &bytes, &data, &err) == CHUNKED_DATA) {}
}

static void read_events(struct str bytes)
{
    struct sse_reader r;
    struct sse_event e;
    struct err err;
    size_t events = 0;
    sse_init(&r, 1 << 20);
    for (size_t at = 0; at < bytes.len; at += step) {
        sse_feed(&r, str_part(bytes, at, step));
        while (sse_next(&r, &e, &err) == SSE_EVENT) events += e.is_dispatched;
    }
    require(events == EVENTS);
    sse_done(&r);
}

/* ns of one of the `items` that one call reads. */
static double measure(void (*read)(struct str), struct str bytes, int times, int items)
{
    int64_t best = INT64_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t begin = clock_monotonic_ns();
        for (int i = 0; i < times; i++) read(bytes);
        int64_t took = clock_monotonic_ns() - begin;
        if (took < best) best = took;
    }
    return (double)best / times / items;
}

static void bench_head(const char *name, void (*read)(struct str), const char *head)
{
    static char room[4096];
    size_t len = strlen(head);
    memset(room, 'x', sizeof room);
    memcpy(room, head, len);
    double ns = measure(read, str_of(room, len + BODY_BYTES), TIMES, 1);
    printf("%-34s %4zu bytes  %6.1f ns\n", name, len, ns);
}

static void bench_events(const char *name, const char *event, size_t chunk_bytes)
{
    static char room[EVENTS * 512];
    size_t len = strlen(event);
    for (int i = 0; i < EVENTS; i++) memcpy(room + (size_t)i * len, event, len);
    step = chunk_bytes ? chunk_bytes : len * EVENTS;
    double ns = measure(read_events, str_of(room, len * EVENTS), STREAMS, EVENTS);
    printf("%-34s %4zu bytes  %6.1f ns  %4.1f GB/s\n", name, len, ns, (double)len / ns);
}

int main(void)
{
    static const char chunk[] = "12e\r\n%302s\r\n";
    char body[400];
    int len = snprintf(body, sizeof body, chunk, "");
    bench_head("request, 9 headers", read_request, CHAT CHAT_END);
    bench_head("request of an SDK, 18 headers", read_request, CHAT STAINLESS CHAT_END);
    bench_head("reply, 7 headers", read_reply, REPLY);
    bench_events("event, 64 in a chunk", CHUNK, 0);
    bench_events("event, one in a chunk", CHUNK, sizeof CHUNK - 1);
    bench_events("event, chunks of 1000 bytes", CHUNK, 1000);
    bench_events("event with a name", DELTA, 0);
    printf("%-34s %4d bytes  %6.1f ns\n", "chunk", 302,
           measure(read_chunk, str_of(body, (size_t)len), TIMES, 1));
    return 0;
}
