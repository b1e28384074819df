/* Bearer tokens: got by user and password, by OAuth2 client credentials, or signed here. */
#include "core/clock.h"
#include "core/secret.h"
#include "format/jpull.h"
#include "format/jsonx.h"
#include "net/connector_internal.h"
#include "net/digest.h"
#include "net/url.h"
#include <stdlib.h>

/* ---- what an answer gives -------------------------------------------------------------------- */

/* The text of a string at a pointer, for the caller to free; NULL when there is none. */
static char *text_at(const struct http_response *response, const char *pointer, bool or_number)
{
    AUTO_STRBUF struct strbuf scratch = {0};
    struct span body = {response->body.data, response->body.len};
    struct jpull_value value = {0};
    struct error ignored = ERROR_INIT;

    strbuf_init(&scratch, 0);
    if (!pointer || body.len == 0 || jpull_find(body, pointer, &value, &scratch, &ignored) != 0 ||
        (value.kind != JPULL_STRING && !(or_number && value.kind == JPULL_NUMBER)) ||
        value.text.len == 0)
        return NULL;
    return mem_strndup(value.text.ptr, value.text.len);
}

static int token_take(const struct auth_spec *a, const char *expires_from, struct auth_session *s,
                      const struct http_response *response, struct error *err)
{
    s->token = text_at(response, a->token_from, false);
    if (!s->token)
        return error_set(err, ERR_REMOTE, "the answer has no token at '%s'", a->token_from);
    secret_register(s->token);
    AUTOFREE char *life = text_at(response, expires_from, true);
    if (life)
        auth_session_expires(s, strtoll(life, NULL, 10), a->margin_ms);
    return 0;
}

/* A POST to the token's address; twice the same login does no harm. */
static void login_begin(struct outgoing *r, const char *url)
{
    const struct field_string_map *always = &r->c->spec.headers;

    for (size_t i = 0; i < always->count; i++)
        if (always->values[i])
            outgoing_header(r, always->keys[i], always->values[i]);
    r->url = *url == '/' ? arena_printf(r->arena, "%s%s", r->c->base_url, url) : url;
    r->http = (struct http_request){.method = "POST", .is_repeatable = true};
}

/* ---- jwt_login ------------------------------------------------------------------------------- */

static int password_send(struct connector *c, struct arena *arena, struct http_response *ret,
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
    login_begin(&r, a->path);
    r.http.body = (struct span){body.data, body.len};
    int code = outgoing_send(&r, ret, &ignored, err);
    explicit_bzero(body.data, body.len);
    return code;
}

static int password_login(struct connector *c, struct auth_session *s, struct error *err)
{
    struct arena *arena = arena_new();
    struct http_response response = {0};

    int code = password_send(c, arena, &response, err);
    if (code == 0)
        code = token_take(&c->spec.auth, c->spec.auth.expires_from, s, &response, err);
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

/* ---- oauth2 (RFC 6749, 4.4 and 6) ------------------------------------------------------------ */

/* Client id and secret as basic authentication: percent-encoded first (RFC 6749, 2.3.1). */
static void client_header(struct outgoing *r, const char *id, const char *secret)
{
    AUTO_STRBUF struct strbuf pair = {0}, encoded = {0};

    strbuf_init(&pair, CONNECTOR_TEXT_MAX);
    strbuf_init(&encoded, CONNECTOR_TEXT_MAX);
    url_encode(&pair, id);
    strbuf_addch(&pair, ':');
    url_encode(&pair, secret);
    digest_encode(DIGEST_BASE64, (struct span){pair.data, pair.len}, &encoded);
    secret_register(encoded.data);
    outgoing_header(r, "Authorization", arena_printf(r->arena, "Basic %s", encoded.data));
    explicit_bzero(pair.data, pair.len);
}

/* refresh_token NULL: by client credentials. */
static int oauth2_send(struct connector *c, struct arena *arena, const char *refresh_token,
                       struct http_response *ret, struct error *err)
{
    /* Their errors have a form of their own, whatever the API's answers look like. */
    static const char *ok_status[] = {"2xx"}, *reasons[] = {"/error", "/error_description"};
    static struct rule_when ok = {.status = {ok_status, 1}};
    static const struct login_spec answer = {.ok = &ok, .message_from = {reasons, 2}};
    const struct auth_spec *a = &c->spec.auth;
    struct outgoing r = {.arena = arena, .c = c, .login = &answer};
    const char *secret = NULL;
    bool ignored;

    TRY(auth_secret(c, a->client_secret, &secret, err));
    login_begin(&r, a->token_url);
    if (!url_may_follow(c->base_url, r.url))
        return error_set(err, ERR_CONFIG, "token_url is at another host than base_url");
    outgoing_header(&r, "Accept", "application/json");
    outgoing_form(&r, "grant_type", refresh_token ? "refresh_token" : "client_credentials");
    if (refresh_token)
        outgoing_form(&r, "refresh_token", refresh_token);
    if (a->scope)
        outgoing_form(&r, "scope", a->scope);
    for (size_t i = 0; i < a->extra.count; i++)
        if (a->extra.values[i])
            outgoing_form(&r, a->extra.keys[i], a->extra.values[i]);
    if (a->credentials == AUTH_CREDENTIALS_BODY) {
        outgoing_form(&r, "client_id", a->client_id);
        outgoing_form(&r, "client_secret", secret);
    } else {
        client_header(&r, a->client_id, secret);
    }
    return outgoing_send(&r, ret, &ignored, err);
}

static int oauth2_token(struct connector *c, struct auth_session *s, const char *refresh_token,
                        struct error *err)
{
    const struct auth_spec *a = &c->spec.auth;
    struct arena *arena = arena_new();
    struct http_response response = {0};

    int code = oauth2_send(c, arena, refresh_token, &response, err);
    if (code == 0)
        code = token_take(a, a->expires_from ? a->expires_from : "/expires_in", s, &response, err);
    char *renewing = code == 0 ? text_at(&response, a->refresh_from, false) : NULL;
    if (renewing) {
        secret_register(renewing);
        secret_free(s->refresh_token);
        s->refresh_token = renewing;
    }
    http_response_release(&response);
    arena_free(arena);
    return code;
}

static int oauth2_login(struct connector *c, struct auth_session *s, struct error *err)
{
    char *refresh_token = s->refresh_token;

    s->refresh_token = NULL;
    if (refresh_token) {
        struct error refused = ERROR_INIT;
        int code = oauth2_token(c, s, refresh_token, &refused);
        if (code == 0 && !s->refresh_token) { /* none new: it stays good (RFC 6749, 6) */
            s->refresh_token = refresh_token;
            return 0;
        }
        secret_free(refresh_token);
        if (code == 0)
            return 0;
        secret_free(s->token);
        s->token = NULL;
    }
    int code = oauth2_token(c, s, NULL, err);
    if (code == 0)
        return 0;
    bool refused = err->code == ERR_AUTH && !err->hint[0];
    error_context(err, "token for '%s' as client '%s'", c->name, c->spec.auth.client_id);
    if (refused)
        error_hint(err, "check client_id and client_secret of the connector");
    return code;
}

/* ---- jwt (RFC 7519), signed here ------------------------------------------------------------- */

static void part_add(struct strbuf *token, const struct strbuf *json)
{
    if (token->len > 0)
        strbuf_addch(token, '.');
    digest_encode(DIGEST_BASE64URL, (struct span){json->data, json->len}, token);
}

static void header_write(const struct auth_spec *a, struct strbuf *out)
{
    struct jwriter w;

    jwriter_init(&w, out);
    jwriter_object(&w);
    jwriter_kstring(&w, "alg", a->algorithm == AUTH_RS256 ? "RS256" : "HS256");
    jwriter_kstring(&w, "typ", "JWT");
    if (a->key_id)
        jwriter_kstring(&w, "kid", a->key_id);
    jwriter_end(&w);
}

static int claims_write(struct connector *c, struct strbuf *out, struct error *err)
{
    const struct auth_spec *a = &c->spec.auth;
    const struct ynode *claims = a->claims && a->claims->kind == YNODE_MAP ? a->claims : NULL;
    struct auth_scope names;
    struct jwriter w;

    auth_scope_init(&names, c);
    names.session = NULL;
    const struct formula_scope scope = auth_scope_formula(&names);
    int64_t now_s = names.now_us / 1000000;
    jwriter_init(&w, out);
    jwriter_object(&w);
    for (size_t i = 0; claims && i < claims->count; i++) {
        jwriter_key(&w, claims->keys[i]->text);
        AUTO_STRBUF struct strbuf value = {0};
        strbuf_init(&value, CONNECTOR_TEXT_MAX);
        TRY(formula_json(claims->items[i], &scope, &value, err));
        jwriter_raw(&w, (struct span){value.data, value.len});
    }
    if (!ynode_get(claims, "iat"))
        jwriter_kint(&w, "iat", now_s);
    if (!ynode_get(claims, "exp"))
        jwriter_kint(&w, "exp", now_s + a->lifetime_ms / 1000);
    jwriter_end(&w);
    return 0;
}

static int jwt_write(struct connector *c, struct strbuf *token, struct error *err)
{
    AUTO_STRBUF struct strbuf json = {0};
    const struct auth_spec *a = &c->spec.auth;
    const char *key = NULL;
    struct digest digest;

    TRY(auth_secret(c, a->key, &key, err));
    strbuf_init(&json, CONNECTOR_TEXT_MAX);
    header_write(a, &json);
    part_add(token, &json);
    strbuf_clear(&json);
    TRY(claims_write(c, &json, err));
    part_add(token, &json);
    TRY(digest_compute(a->algorithm == AUTH_RS256 ? DIGEST_RSA2 : DIGEST_HMAC_SHA256, span_of(key),
                       (struct span){token->data, token->len}, &digest, err));
    strbuf_addch(token, '.');
    digest_encode(DIGEST_BASE64URL, (struct span){(const char *)digest.bytes, digest.len}, token);
    if (json.overflow || token->overflow)
        return error_set(err, ERR_LIMIT, "the token is too long");
    return 0;
}

static int jwt_make(struct connector *c, struct auth_session *s, struct error *err)
{
    AUTO_STRBUF struct strbuf token = {0};

    strbuf_init(&token, CONNECTOR_TEXT_MAX);
    if (jwt_write(c, &token, err) != 0)
        return error_context(err, "token for '%s'", c->name);
    s->token = mem_strdup(token.data);
    secret_register(s->token);
    auth_session_expires(s, c->spec.auth.lifetime_ms / 1000, c->spec.auth.margin_ms);
    return 0;
}

/* ---- each request ---------------------------------------------------------------------------- */

int token_apply(struct outgoing *r, struct error *err)
{
    int type = r->c->spec.auth.type;
    struct auth_session *s = NULL;

    TRY(auth_session_get(r,
                         type == AUTH_OAUTH2 ? oauth2_login
                         : type == AUTH_JWT  ? jwt_make
                                             : password_login,
                         &s, err));
    outgoing_header(r, "Authorization", arena_printf(r->arena, "Bearer %s", s->token));
    return 0;
}
