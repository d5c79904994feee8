/* upstream/answers.c: one stock of bytes for all connections, for each sends whole pieces; a stamp is patched in before a
 * batch of sends, not for each. The stamp's place is an event's id (REPLY_STAMP_BEFORE in load/reply.h). */
#include "upstream/answers.h"

#include "load/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STAMP "000000000000000000"
#define BEFORE_CHOICES                                                                                       \
    REPLY_STAMP_BEFORE STAMP "\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"               \
                             "\"model\":\"bench-1\",\"choices\":["

enum { MAX_EVENT_BYTES = 4096 };

static void add(struct piece *p, const char *bytes, size_t count)
{
    p->bytes = realloc(p->bytes, p->count + count + 1);
    if (!p->bytes) abort();
    memcpy(p->bytes + p->count, bytes, count);
    p->count += count;
}

/* Appends the event as a chunk of its own; returns where its stamp stands. */
static size_t add_event(struct piece *p, const char *event)
{
    char size[16];
    size_t count = strlen(event);
    int n = snprintf(size, sizeof size, "%zx\r\n", count);
    add(p, size, (size_t)n);
    size_t at = p->count + sizeof REPLY_STAMP_BEFORE - 1;
    add(p, event, count);
    add(p, "\r\n", 2);
    return at;
}

static void make_plain(struct piece *p, size_t bytes)
{
    static const char begin[] =
        "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1700000000,"
        "\"model\":\"bench-1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
        "\"content\":\"";
    static const char end[] =
        "\"},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":200,"
        "\"completion_tokens\":400,\"total_tokens\":600}}";
    static const char text[] = "Most rivers end in the sea, some in a lake and a few in sand.\\n";
    char head[256];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                     "x-request-id: req_bench\r\n\r\n",
                     bytes);
    add(p, head, (size_t)n);
    add(p, begin, sizeof begin - 1);
    size_t rest = bytes - (sizeof begin - 1) - (sizeof end - 1);
    for (; rest >= sizeof text - 1; rest -= sizeof text - 1) add(p, text, sizeof text - 1);
    while (rest-- > 0) add(p, ".", 1);
    add(p, end, sizeof end - 1);
}

static void make_text_event(struct answers *a, size_t bytes)
{
    static const char before[] = BEFORE_CHOICES "{\"index\":0,\"delta\":{\"content\":\" ";
    static const char after[] = "\"},\"finish_reason\":null}]}\n\n";
    static char event[MAX_EVENT_BYTES];
    size_t least = sizeof before - 1 + sizeof after - 1 + 4;
    size_t text = bytes > least && bytes < sizeof event ? bytes - least + 4 : 4;
    memcpy(event, before, sizeof before - 1);
    memset(event + sizeof before - 1, 'w', text);
    memcpy(event + sizeof before - 1 + text, after, sizeof after);
    a->stamp_at[1] = add_event(&a->event, event);
}

void answers_make(struct answers *a, size_t reply_bytes, size_t event_bytes)
{
    static const char head[] =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
        "x-request-id: req_bench\r\nTransfer-Encoding: chunked\r\n\r\n";
    *a = (struct answers){0};
    make_plain(&a->plain, reply_bytes);
    add(&a->begin, head, sizeof head - 1);
    a->stamp_at[0] = add_event(&a->begin, BEFORE_CHOICES "{\"index\":0,\"delta\":{\"role\":\"assistant\","
                                                         "\"content\":\"\"},\"finish_reason\":null}]}\n\n");
    make_text_event(a, event_bytes);
    a->stamp_at[2] = add_event(&a->finish,
                               BEFORE_CHOICES "{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
    a->stamp_at[3] = add_event(&a->finish,
                               BEFORE_CHOICES "],\"usage\":{\"prompt_tokens\":200,\"completion_tokens\":"
                                              "400,\"total_tokens\":600}}\n\n");
    add(&a->finish, "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n", 24);
}

void answers_done(struct answers *a)
{
    free(a->plain.bytes);
    free(a->begin.bytes);
    free(a->event.bytes);
    free(a->finish.bytes);
}

void answers_stamp(struct answers *a, int64_t now_ns)
{
    char digits[REPLY_STAMP_DIGITS];
    for (int i = REPLY_STAMP_DIGITS; i-- > 0; now_ns /= 10) digits[i] = (char)('0' + now_ns % 10);
    memcpy(a->begin.bytes + a->stamp_at[0], digits, sizeof digits);
    memcpy(a->event.bytes + a->stamp_at[1], digits, sizeof digits);
    memcpy(a->finish.bytes + a->stamp_at[2], digits, sizeof digits);
    memcpy(a->finish.bytes + a->stamp_at[3], digits, sizeof digits);
}
