/* Which provider gets a name, and how the lists of models are come by. */
#include "gateway_test.h"

#define LIST(ids)                                                                                            \
    {                                                                                                        \
        .parts = {OK_HEAD "Connection: close\r\n\r\n{\"data\":[" ids "]}"}, .then = THEN_CLOSE               \
    }

static struct str ask_model(const char *model)
{
    char body[700];
    snprintf(body, sizeof body, "{\"model\":\"%s\",\"messages\":[]}", model);
    return ask(post(CHAT, "", body));
}

/* ---- names ---- */
#define NAMES                                                                                                \
    AUTH_OFF_YAML "providers:\n" PROVIDER_A PROVIDER_B                                                       \
                  "models:\n  m: {targets: [{provider: a, model: ma}]}\n"                                    \
                  "  \"x-*\": {targets: [{provider: b, model: \"*\"}]}\n"

static void by_rules(void)
{
    UPSTREAM(0, LIST("{\"id\":\"listed\"},{\"id\":\"m\"}"), OK_ANSWER, OK_ANSWER);
    UPSTREAM(1, OK_ANSWER, LIST("{\"id\":\"other/one\"}"), OK_ANSWER);
    HAS(ask_model("x-large"), "X-Weir-Provider: b\r\nX-Weir-Model: x-large\r\n"); /* a pattern asks nobody */
    HAS(ask_model("listed"), "X-Weir-Provider: a\r\nX-Weir-Model: listed\r\n");
    HAS(ask_model("m"), "X-Weir-Provider: a\r\nX-Weir-Model: ma\r\n"); /* an entry goes before a list */
    HAS(ask_model("other/one"), "X-Weir-Provider: b\r\nX-Weir-Model: other/one\r\n");
}
TEST(plan, finds_names_in_the_contracts_order)
{
    run(NAMES, by_rules);
}

static void by_provider(void)
{
    UPSTREAM(0, FAILURE("404 None", ""), OK_ANSWER);
    UPSTREAM(1, FAILURE("500 Oops", ""));
    HAS(ask_model("a/its/own"), "X-Weir-Provider: a\r\nX-Weir-Model: its/own\r\n");
    struct str reply = ask_model("c/its");
    EXPECT_EQ(status_of(reply), 404);
    HAS(reply, "model_not_found");
    EXPECT_EQ(status_of(ask_model("nothing")), 404);
    EXPECT_EQ(status_of(ask_model("a/")), 404);
    EXPECT_EQ(world.upstreams[0].connections,
              2); /* lists that cannot be had are not asked for again at once */
}
TEST(plan, takes_a_providers_name_in_front)
{
    run(NAMES, by_provider);
}

static void left_out(void)
{
    UPSTREAM(0, FAILURE("404 None", ""), OK_ANSWER);
    UPSTREAM(1, OK_ANSWER);
    EXPECT_EQ(status_of(ask(post(CHAT, "", "{\"messages\":[]}"))), 200);
    HAS(seen_by(1), "{\"model\":\"pb\",\"messages\":[]}"); /* only b has a model of its own */
    EXPECT_EQ(world.upstreams[0].connections, 0);
}
TEST(plan, gives_a_request_without_a_model_to_who_has_one_of_its_own)
{
    run(AUTH_OFF_YAML "providers:\n" PROVIDER_A "  b: {kind: openai, base_url: \"${B}\", model: pb}\n",
        left_out);
}

static void cannot(void)
{
    struct str reply = ask(post("/v1/embeddings", "", "{\"model\":\"m\",\"input\":\"x\"}"));
    EXPECT_EQ(status_of(reply), 400);
    HAS(reply, "can do embeddings");
}
TEST(plan, says_so_when_no_provider_of_a_model_can_do_it)
{
    run(AUTH_OFF_YAML "providers:\n  a: {kind: openai, base_url: \"${A}\", apis: [chat]}\n" MODEL_A, cannot);
}

static void long_name(void)
{
    char name[600];
    UPSTREAM(0, FAILURE("500 Oops", ""), FAILURE("500 Oops", ""));
    char body[4096], *at = body;
    at += snprintf(body, sizeof body, "{\"model\":\"a/");
    for (int i = 0; i < 510; i++) at += snprintf(at, 7, "\\u0001");
    snprintf(at, 3, "\"}");
    struct str reply = ask(post(CHAT, "", body));
    EXPECT_EQ(status_of(reply), 502);
    HAS_NOT(reply, "X-Weir-Model");
    memset(name, 'n', 513);
    name[513] = '\0';
    reply = ask_model(name);
    EXPECT_EQ(status_of(reply), 400);
    HAS(reply, "at most 512 bytes");
}
TEST(plan, names_of_the_largest_size_fit_everywhere_and_larger_ones_are_refused)
{
    run(AUTH_OFF_YAML "providers:\n" PROVIDER_A, long_name);
}

/* ---- lists ---- */
static void side_by_side(void)
{
    UPSTREAM(0,
             {.parts = {OK_HEAD "Connection: close\r\n\r\n", "{\"data\":[", "{\"id\":\"listed\"}", "]}"},
              .then = THEN_CLOSE},
             OK_ANSWER, OK_ANSWER);
    struct stream *callers[2];
    for (int i = 0; i < 2; i++) {
        callers[i] = caller_sized(0);
        send_str(callers[i], str_from_cstr(post(CHAT, "", "{\"model\":\"listed\"}")));
    }
    for (int i = 0; i < 2; i++) {
        EXPECT_EQ(status_of(read_reply(callers[i], NULL)), 200);
        stream_close(&callers[i]);
    }
    EXPECT_EQ(world.upstreams[0].next, 3);
}
TEST(plan, waits_for_a_list_that_somebody_else_is_fetching_for_the_first_time)
{
    run(AUTH_OFF_YAML "providers:\n" PROVIDER_A, side_by_side);
}

static void leaves(void)
{
    UPSTREAM(0, {.parts = {OK_HEAD}, .then = THEN_HANG}, LIST("{\"id\":\"listed\"}"), OK_ANSWER);
    struct stream *s = caller_sized(0);
    send_str(s, str_from_cstr(post(CHAT, "", "{\"model\":\"listed\"}")));
    for (int k = 0; world.upstreams[0].next == 0 && k < 1000; k++) (void)fiber_sleep(1);
    stream_close(&s);
    for (int k = 0; !world.upstreams[0].saw_end && k < 1000; k++) (void)fiber_sleep(1);
    EXPECT_EQ(status_of(ask_model("listed")), 200);
}
TEST(plan, a_caller_who_leaves_spoils_no_list)
{
    run(AUTH_OFF_YAML "providers:\n" PROVIDER_A, leaves);
}

static void open_breaker(void)
{
    struct provider_state *p = world.gateway->current->snapshot->providers[0].endpoints[0].state;
    struct breaker_ticket ticket;
    EXPECT_TRUE(provider_state_allows(p, fiber_now(), &ticket));
    provider_state_report(p, ticket, JUDGED_FAILURE, fiber_now());
    EXPECT_EQ(status_of(ask_model("listed")), 404);
    EXPECT_EQ(world.upstreams[0].connections, 0);
    provider_state_reset(p);
    UPSTREAM(0, LIST("{\"id\":\"listed\"}"), OK_ANSWER);
    EXPECT_EQ(status_of(ask_model("listed")), 200);
}
TEST(plan, asks_no_provider_for_its_list_whose_breaker_is_open)
{
    run(AUTH_OFF_YAML "breaker: {failure_threshold: 1}\nproviders:\n" PROVIDER_A, open_breaker);
}
