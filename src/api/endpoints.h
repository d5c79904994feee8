/* api/endpoints.h: the endpoint table: one row per method set and path. Router, roles, metrics and error shapes read it. */
#ifndef WEIR_API_ENDPOINTS_H
#define WEIR_API_ENDPOINTS_H

#include "gateway/exchange.h"

enum method_bit {
    BIT_GET = 1 << M_GET, /* and HEAD */
    BIT_POST = 1 << M_POST,
};

struct endpoint_row {
    uint32_t methods; /* enum method_bit, or'ed */
    struct exchange_route route;
    /* `rest`: what stands in the place of a template's last part ("{id}"), not decoded; else empty. */
    void (*handle)(struct exchange *x, struct str rest);
};
extern const struct endpoint_row endpoints[];
extern const size_t endpoint_count;

/* ---- the handlers, by file ---- */
void api_run_model(struct exchange *x, struct str rest);   /* openai.c */
void api_list_models(struct exchange *x, struct str rest); /* models.c */
void api_show_model(struct exchange *x, struct str rest);
void api_health(struct exchange *x, struct str rest); /* health.c */
void api_alive(struct exchange *x, struct str rest);
void api_ready(struct exchange *x, struct str rest);
void api_metrics(struct exchange *x, struct str rest);       /* metrics.c */
void api_list_breakers(struct exchange *x, struct str rest); /* breakers.c */
void api_reset_breaker(struct exchange *x, struct str rest);

#endif
