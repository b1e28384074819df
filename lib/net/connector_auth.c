#include "core/secret.h"
#include "format/jpull.h"
#include "format/jsonx.h"
#include "net/connector_internal.h"
#include <openssl/evp.h>
#include <stdlib.h>

bool auth_is_renewable(const struct connector *c)
{
    return c->spec.auth.type == AUTH_JWT_LOGIN || c->spec.auth.type == AUTH_SESSION;
}

/* Another connector of this login may have renewed it since. */
void auth_forget(struct connector *c)
{
    if (c->session && c->session->number == c->login_used)
        c->session->is_live = false;
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

/* ---- login --------------------------------------------------------------------------------- */

static int login_parse(struct connector *c, struct auth_session *s,
                       const struct http_response *response, struct error *err)
{
    AUTO_STRBUF struct strbuf scratch = {0};
    const struct auth_spec *a = &c->spec.auth;
    struct span body = {response->body.data, response->body.len};
    struct jpull_value token = {0}, life = {0};
    struct error ignored;

    strbuf_init(&scratch, 0);
    if (jpull_find(body, a->token_from, &token, &scratch, &ignored) != 0 ||
        token.kind != JPULL_STRING || token.text.len == 0)
        return error_set(err, ERR_REMOTE, "the answer has no token at '%s'", a->token_from);
    s->token = mem_strndup(token.text.ptr, token.text.len);
    secret_register(s->token);
    if (!a->expires_from || jpull_find(body, a->expires_from, &life, &scratch, &ignored) != 0 ||
        (life.kind != JPULL_NUMBER && life.kind != JPULL_STRING))
        return 0;
    AUTOFREE char *text = mem_strndup(life.text.ptr, life.text.len);
    auth_session_expires(s, strtoll(text, NULL, 10), a->margin_ms);
    return 0;
}

static int login_send(struct connector *c, struct arena *arena, struct http_response *ret,
                      struct error *err)
{
    AUTO_STRBUF struct strbuf body = {0};
    const struct auth_spec *a = &c->spec.auth;
    struct outgoing r = {.arena = arena, .c = c};
    struct jwriter w;
    const char *password = NULL;
    bool ignored;

    TRY(auth_secret(c, a->password, &password, err));
    strbuf_init(&body, CONNECTOR_TEXT_MAX);
    jwriter_init(&w, &body);
    jwriter_object(&w);
    jwriter_kstring(&w, a->user_key, a->user);
    jwriter_kstring(&w, a->password_key, password);
    jwriter_end(&w);
    if (body.overflow)
        return error_set(err, ERR_CONFIG, "user or password is too long");
    for (size_t i = 0; i < c->spec.headers.count; i++)
        if (c->spec.headers.values[i])
            outgoing_header(&r, c->spec.headers.keys[i], c->spec.headers.values[i]);
    r.url = arena_printf(arena, "%s%s", c->base_url, a->path);
    /* Twice the same login does no harm. */
    r.http = (struct http_request){
        .method = "POST", .is_repeatable = true, .body = {body.data, body.len}};
    int code = outgoing_send(&r, ret, &ignored, err);
    memset(body.data, 0, body.len);
    return code;
}

static int login(struct connector *c, struct auth_session *s, struct error *err)
{
    struct arena *arena = arena_new();
    struct http_response response = {0};

    int code = login_send(c, arena, &response, err);
    if (code == 0)
        code = login_parse(c, s, &response, err);
    http_response_release(&response);
    arena_free(arena);
    if (code == 0)
        return 0;
    bool refused = err->code == ERR_AUTH && !err->hint[0];
    error_context(err, "login to '%s' as '%s'", c->name, c->spec.auth.user);
    if (refused)
        error_hint(err, "check user and password of the connector");
    return code;
}

static int login_apply(struct outgoing *r, struct error *err)
{
    struct auth_session *s = NULL;

    TRY(auth_session_get(r->c, login, &s, err));
    outgoing_header(r, "Authorization", arena_printf(r->arena, "Bearer %s", s->token));
    return 0;
}

int auth_apply(struct outgoing *r, struct error *err)
{
    const struct auth_spec *a = &r->c->spec.auth;
    const char *secret = NULL;

    switch ((enum auth_type)a->type) {
    case AUTH_NONE: return 0;
    case AUTH_BASIC: return basic_apply(r, err);
    case AUTH_JWT_LOGIN: return login_apply(r, err);
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

int auth_sign(struct outgoing *r, struct error *err)
{
    const struct sign_spec *own = r->resource ? r->resource->sign : NULL;
    struct auth_scope names;

    if (!own && !r->c->spec.sign)
        return 0;
    auth_scope_init(&names, r->c);
    return sign_apply(r, own ? own : r->c->spec.sign, &names, NULL, err);
}
