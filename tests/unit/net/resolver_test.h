/* tests/unit/net/resolver_test.h: a DNS of the test's own: what a name stands for, whether it answers, and how often it was
 * asked. Its look-ups run on the thread pool, as the system's do. */
#ifndef WEIR_RESOLVER_TEST_H
#define WEIR_RESOLVER_TEST_H

#include "net_test.h"

#include "net/resolver.h"

#include <netdb.h>
#include <stdatomic.h>
#include <string.h>
#include <uv.h>

static struct dns {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool is_held;            /* look-ups wait */
    const char *answers[12]; /* addresses in digits; NULL at the end; none: there is no such name */
    atomic_uint asked;
} dns = {.lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};

static inline void dns_hold(bool is_held)
{
    pthread_mutex_lock(&dns.lock);
    dns.is_held = is_held;
    pthread_cond_broadcast(&dns.opened);
    pthread_mutex_unlock(&dns.lock);
}

static inline int dns_answer(struct resolved *found)
{
    struct addrinfo infos[ARRAY_COUNT(dns.answers)];
    struct sockaddr_storage places[ARRAY_COUNT(dns.answers)];
    size_t count = 0;
    memset(infos, 0, sizeof infos);
    memset(places, 0, sizeof places);
    for (; dns.answers[count]; count++) {
        struct sockaddr_in *four = (struct sockaddr_in *)(void *)&places[count];
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)&places[count];
        bool is_v6 = strchr(dns.answers[count], ':') != NULL;
        EXPECT_EQ(inet_pton(is_v6 ? AF_INET6 : AF_INET, dns.answers[count],
                            is_v6 ? (void *)&six->sin6_addr : (void *)&four->sin_addr),
                  1);
        places[count].ss_family = is_v6 ? AF_INET6 : AF_INET;
        infos[count] = (struct addrinfo){.ai_family = places[count].ss_family,
                                         .ai_addr = (struct sockaddr *)&places[count],
                                         .ai_addrlen = is_v6 ? sizeof *six : sizeof *four};
        if (count) infos[count - 1].ai_next = &infos[count];
    }
    if (count == 0) return UV_EAI_NONAME;
    resolved_fill(found, infos);
    return 0;
}

static inline int dns_lookup(void *arg, const char *host, struct resolved *found)
{
    (void)arg;
    (void)host;
    pthread_mutex_lock(&dns.lock);
    atomic_fetch_add(&dns.asked, 1);
    while (dns.is_held) pthread_cond_wait(&dns.opened, &dns.lock);
    int code = dns_answer(found);
    pthread_mutex_unlock(&dns.lock);
    return code;
}

/* What names stand for from now on. */
#define DNS_SET(...)                                                                                         \
    do {                                                                                                     \
        static const char *const list[] = {__VA_ARGS__ __VA_OPT__(, ) NULL};                                 \
        pthread_mutex_lock(&dns.lock);                                                                       \
        memcpy(dns.answers, list, sizeof list);                                                              \
        pthread_mutex_unlock(&dns.lock);                                                                     \
    } while (0)

/* Runs main on a loop whose resolver asks that DNS. */
static inline void run_with_dns(fiber_main *main, struct resolver_options options)
{
    options.lookup = dns_lookup;
    struct resolver *r = resolver_new_with(&options);
    struct loop *l = loop_new();
    atomic_store(&dns.asked, 0);
    resolver_use(l, r);
    EXPECT_NOT_NULL(fiber_start(l, main, NULL));
    loop_run(l);
    loop_free(l);
    resolver_free(r);
}

#endif
