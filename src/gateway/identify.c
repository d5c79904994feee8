/* gateway/identify.c: finds the credential, digests it, looks it up. The first credential that is present decides; a
 * wrong one is never forgiven because another would fit. Keys are compared by their SHA-256 alone, or, if they came
 * lately, by the hash of known_keys.h. */
#include "gateway/identify.h"

#include "gateway/reply.h"

/* "Bearer KEY", any case of the scheme; empty: another scheme. */
static struct str bearer(struct str value)
{
    if (!str_starts_with_nocase(value, STR("Bearer "))) return STR("");
    return str_trim(str_from(value, 7));
}

/* False: nothing that looks like a credential. */
static bool find_credential(const struct exchange *x, struct str *key)
{
    const struct http_headers *h = &x->request->headers;
    const struct http_header *found;
    if ((found = http_headers_find(h, H_X_WEIR_KEY))) {
        *key = found->value;
        return true;
    }
    if ((found = http_headers_find(h, H_AUTHORIZATION))) {
        *key = bearer(found->value);
        return true;
    }
    if ((found = http_headers_find(h, H_X_API_KEY))) {
        *key = found->value;
        return true;
    }
    return false;
}

static bool unauthorized(struct exchange *x, struct str message)
{
    reply_problem(x, PROBLEM_UNAUTHORIZED, STR(""), message);
    return false;
}

static bool is_public(const struct exchange *x)
{
    if (x->route->public_bit == PUBLIC_METRICS && !x->config->metrics.has_auth) return true;
    return x->route->public_bit & x->config->auth.public;
}

/* Mode `off`: everyone is a user, and what needs more answers loopback only. */
static bool identify_nobody(struct exchange *x)
{
    if (x->route->role == CONFIG_ROLE_USER || client_is_loopback(x->client)) return true;
    reply_problem(x, PROBLEM_FORBIDDEN, STR(""),
                  STR("With auth.mode off this path answers callers on this machine only."));
    return false;
}

bool identify(struct exchange *x)
{
    if (is_public(x)) return true;
    if (x->config->auth.mode == AUTH_OFF) return identify_nobody(x);
    struct str key;
    if (!find_credential(x, &key))
        return unauthorized(
            x, STR("No API key was given: send it as \"Authorization: Bearer KEY\" or in X-API-Key."));
    x->principal = gateway_find_principal(x->gateway, x->use, key);
    if (!x->principal)
        return unauthorized(x, STR("The API key is not valid here. Keys are listed in auth.keys."));
    if (x->principal->role >= x->route->role) return true;
    reply_problem(x, PROBLEM_FORBIDDEN, STR(""),
                  arena_printf(x->arena, "This path needs the role %s; key \"%.*s\" has %s.",
                               config_role_name(x->route->role), STR_ARG(x->principal->name),
                               config_role_name(x->principal->role)));
    return false;
}

bool identify_may_use_model(const struct exchange *x, struct str model)
{
    if (!x->principal) return true;
    for (size_t i = 0; i < x->principal->models.count; i++)
        if (str_matches(x->principal->models.at[i], model)) return true;
    return false;
}
