#include "core/secret.h"
#include "net/connector_internal.h"
#include <openssl/evp.h>
#include <stdlib.h>

bool auth_is_renewable(const struct connector *c)
{
    return auth_gives_token(&c->spec.auth) || c->spec.auth.type == AUTH_SESSION;
}

/* Another request of this login may have renewed it since. */
void auth_forget(const struct outgoing *r)
{
    struct auth_session *s = r->c->session;

    if (s && s->number == r->login_used)
        s->is_live = false;
}

void auth_release(struct connector *c)
{
    for (size_t i = 0; c->secrets && i < c->spec.secrets.count; i++)
        secret_free(c->secrets[i]);
    free(c->secrets);
    secret_free(c->secret);
    secret_free(c->platform_password);
    c->secrets = NULL;
    c->secret = c->platform_password = NULL;
}

int auth_secret(struct connector *c, const char *reference, const char **ret, struct error *err)
{
    if (!c->secret && secret_resolve(reference, &c->secret, err) != 0)
        return error_context(err, "auth of connector '%s'", c->name);
    *ret = c->secret;
    return 0;
}

static int basic_apply(struct outgoing *r, struct error *err)
{
    AUTO_STRBUF struct strbuf pair = {0};
    const struct auth_spec *a = &r->c->spec.auth;
    const char *password = NULL;

    TRY(auth_secret(r->c, a->password, &password, err));
    strbuf_init(&pair, CONNECTOR_TEXT_MAX);
    if (!strbuf_addf(&pair, "%s:%s", a->user, password))
        return error_set(err, ERR_CONFIG, "the password of connector '%s' is too long", r->c->name);
    char *encoded = arena_alloc(r->arena, 4 * (pair.len / 3 + 1) + 1);
    EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)pair.data, (int)pair.len);
    memset(pair.data, 0, pair.len);
    secret_register(encoded);
    outgoing_header(r, "Authorization", arena_printf(r->arena, "Basic %s", encoded));
    return 0;
}

/* ---- all ------------------------------------------------------------------------------------- */

int auth_apply(struct outgoing *r, struct error *err)
{
    const struct auth_spec *a = &r->c->spec.auth;
    const char *secret = NULL;

    switch ((enum auth_type)a->type) {
    case AUTH_NONE: return 0;
    case AUTH_BASIC: return basic_apply(r, err);
    case AUTH_JWT_LOGIN:
    case AUTH_OAUTH2:
    case AUTH_JWT: return token_apply(r, err);
    case AUTH_SESSION: return session_apply(r, err);
    case AUTH_BEARER:
        TRY(auth_secret(r->c, a->token, &secret, err));
        outgoing_header(r, "Authorization", arena_printf(r->arena, "Bearer %s", secret));
        return 0;
    case AUTH_KEY:
        TRY(auth_secret(r->c, a->value, &secret, err));
        if (a->in == AUTH_IN_QUERY)
            outgoing_query(r, a->name, secret);
        else
            outgoing_header(r, a->name, secret);
        return 0;
    }
    return 0;
}

int auth_apply_masked(struct outgoing *r, struct error *err)
{
    const struct auth_spec *a = &r->c->spec.auth;

    switch ((enum auth_type)a->type) {
    case AUTH_NONE: break;
    case AUTH_BASIC: outgoing_header(r, "Authorization", "Basic ****"); break;
    case AUTH_SESSION: return session_apply_masked(r, err);
    case AUTH_BEARER:
    case AUTH_JWT_LOGIN:
    case AUTH_OAUTH2:
    case AUTH_JWT: outgoing_header(r, "Authorization", "Bearer ****"); break;
    case AUTH_KEY:
        if (a->in == AUTH_IN_QUERY)
            outgoing_query(r, a->name, "****");
        else
            outgoing_header(r, a->name, "****");
        break;
    }
    return 0;
}

int auth_sign(struct outgoing *r, struct error *err)
{
    const struct sign_spec *own = r->resource ? r->resource->sign : NULL;
    struct auth_scope names;

    if (!own && !r->c->spec.sign)
        return 0;
    auth_scope_init(&names, r->c);
    return sign_apply(r, own ? own : r->c->spec.sign, &names, NULL, err);
}
