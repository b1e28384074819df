/* What must agree in `auth`, and the names that its texts use. */
#include "net/connector_spec.h"
#include "net/formula.h"
#include "net/url.h"
#include <ctype.h>
#include <string.h>

/* ---- names ----------------------------------------------------------------------------------- */

struct names {
    const struct connector_spec *spec;
    const struct field_string_map *taken; /* by the login; NULL: not there yet */
    bool has_token;
};

static bool map_has(const struct field_string_map *map, const char *name)
{
    for (size_t i = 0; map && i < map->count; i++)
        if (strcmp(map->keys[i], name) == 0)
            return true;
    return false;
}

static bool name_known(void *self, const char *name, bool is_function)
{
    static const char *const always[] = {"timestamp", "timestamp_ms", "nonce", "uuid"};
    const struct names *n = self;

    if (is_function)
        return strcmp(name, "raw") == 0;
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        if (strcmp(name, always[i]) == 0)
            return true;
    if (n->has_token && strcmp(name, "token") == 0)
        return true;
    return map_has(&n->spec->values, name) || map_has(&n->spec->secrets, name) ||
           map_has(n->taken, name);
}

/* All texts below node. */
static void texts_check(const struct ynode *node, const struct names *names, struct diagnostics *d)
{
    struct error err = ERROR_INIT;
    struct names copy = *names;

    if (!node)
        return;
    for (size_t i = 0; i < node->count; i++)
        texts_check(node->items[i], names, d);
    if (node->kind == YNODE_SCALAR && node->text &&
        formula_check(node->text, &(struct formula_names){name_known, &copy}, &err) != 0)
        diagnostics_add_error(d, node, &err);
}

static void names_check(const struct ynode *map, const char *what, struct diagnostics *d)
{
    for (size_t i = 0; map && map->kind == YNODE_MAP && i < map->count; i++) {
        const char *name = map->keys[i]->text;
        size_t n = islower((unsigned char)name[0]) ? 1 : 0;
        while (n > 0 && (islower((unsigned char)name[n]) || isdigit((unsigned char)name[n]) ||
                         name[n] == '_'))
            n++;
        if (n == 0 || name[n] != '\0' || n > 60)
            diagnostics_add(d, map->keys[i], "such as app_id; UPPER_CASE is the environment",
                            "%s: '%s' is no name in lower case", what, name);
    }
}

/* ---- sessions -------------------------------------------------------------------------------- */

static void request_check(const struct login_spec *l, const struct ynode *map, const char *what,
                          const struct names *names, struct diagnostics *d)
{
    static const char *const texts[] = {"path", "query", "headers", "body", "form"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        texts_check(ynode_get(map, texts[i]), names, d);
    if (l->path && l->path[0] != '/')
        diagnostics_add(d, ynode_get(map, "path"), NULL, "path: '%s' does not begin with '/'",
                        l->path);
    if (l->body && l->form.count > 0)
        diagnostics_add(d, ynode_key(map, "form"), NULL, "%s: 'body' and 'form' exclude each other",
                        what);
    if ((l->body || l->form.count > 0) && strcmp(connector_methods[l->method], "GET") == 0)
        diagnostics_add(d, map, NULL, "%s: a GET has no body", what);
}

static void take_check(const struct login_spec *l, const struct ynode *take, struct diagnostics *d)
{
    for (size_t i = 0; i < l->take.count; i++) {
        const char *from = l->take.values[i];
        const struct ynode *node = ynode_get(take, l->take.keys[i]);
        bool named = from && (strncmp(from, "header:", 7) == 0 || strncmp(from, "cookie:", 7) == 0);
        if (!from || (named && !from[7]))
            diagnostics_add(d, node, NULL,
                            "take: expected a JSON pointer, header:NAME or "
                            "cookie:NAME");
        else if (!named)
            spec_check_pointer(from, take, l->take.keys[i], d);
    }
    names_check(take, "take", d);
}

static void session_check(const struct connector_spec *spec, const struct ynode *map,
                          struct diagnostics *d)
{
    const struct auth_spec *a = &spec->auth;
    struct names names = {.spec = spec};
    const struct ynode *login = ynode_get(map, "login"), *logout = ynode_get(map, "logout");

    if (!a->login || !login || login->kind != YNODE_MAP)
        return;
    request_check(a->login, login, "login", &names, d);
    if (a->login->sign)
        sign_check(a->login->sign, ynode_get(login, "sign"),
                   &(struct formula_names){name_known, &names}, d);
    spec_check_pointer(a->login->expires_from, login, "expires_from", d);
    for (size_t i = 0; i < a->login->message_from.count; i++)
        spec_check_pointer(a->login->message_from.items[i], login, "message_from", d);
    if (a->login->ok)
        spec_check_when(a->login->ok, ynode_get(login, "ok"), d);
    take_check(a->login, ynode_get(login, "take"), d);
    names.taken = &a->login->take;
    texts_check(ynode_get(map, "send"), &names, d);
    if (a->logout && logout && logout->kind == YNODE_MAP)
        request_check(a->logout, logout, "logout", &names, d);
    if (!a->send && !a->login->keep_cookies)
        diagnostics_add(d, map, "headers, query or cookies under 'send', or login.keep_cookies",
                        "auth: the session is never sent");
}

/* ---- all ------------------------------------------------------------------------------------- */

static void types_check(const struct auth_spec *a, const struct ynode *map, struct diagnostics *d)
{
    enum {
        BEARER = 1 << AUTH_BEARER,
        BASIC = 1 << AUTH_BASIC,
        KEY = 1 << AUTH_KEY,
        LOGIN = 1 << AUTH_JWT_LOGIN,
        SESSION = 1 << AUTH_SESSION,
        OAUTH2 = 1 << AUTH_OAUTH2,
        JWT = 1 << AUTH_JWT,
    };
    static const struct key_use uses[] = {
        {"token", BEARER, 0},
        {"user", BASIC | LOGIN, 0},
        {"password", BASIC | LOGIN, 0},
        {"name", KEY, 0},
        {"value", KEY, 0},
        {"in", 0, KEY},
        {"path", LOGIN, 0},
        {"user_key", 0, LOGIN},
        {"password_key", 0, LOGIN},
        {"token_from", 0, LOGIN | OAUTH2},
        {"expires_from", 0, LOGIN | OAUTH2},
        {"margin", 0, LOGIN | SESSION | OAUTH2 | JWT},
        {"token_url", OAUTH2, 0},
        {"client_id", OAUTH2, 0},
        {"client_secret", OAUTH2, 0},
        {"credentials", 0, OAUTH2},
        {"scope", 0, OAUTH2},
        {"refresh_from", 0, OAUTH2},
        {"extra", 0, OAUTH2},
        {"algorithm", 0, JWT},
        {"key", JWT, 0},
        {"key_id", 0, JWT},
        {"claims", 0, JWT},
        {"lifetime", 0, JWT},
        {"login", SESSION, 0},
        {"send", 0, SESSION},
        {"logout", 0, SESSION},
        {NULL, 0, 0},
    };
    static const char *const types[] = {"none",      "bearer",  "basic",  "key",
                                        "jwt_login", "session", "oauth2", "jwt"};

    spec_check_keys(map, "auth", types[a->type], a->type, uses, d);
    spec_check_pointer(a->refresh_from, map, "refresh_from", d);
    spec_check_pointer(a->token_from, map, "token_from", d);
    spec_check_pointer(a->expires_from, map, "expires_from", d);
    if (a->path && a->path[0] != '/')
        diagnostics_add(d, ynode_get(map, "path"), NULL, "path: '%s' does not begin with '/'",
                        a->path);
}

/* ---- tokens ---------------------------------------------------------------------------------- */

static void oauth2_check(const struct connector_spec *spec, const struct ynode *map,
                         struct diagnostics *d)
{
    const char *url = spec->auth.token_url;

    if (url && url[0] != '/' && spec->base_url && !strstr(spec->base_url, "${") &&
        !url_may_follow(spec->base_url, url))
        diagnostics_add(d, ynode_get(map, "token_url"), "a path, or a URL at the host of base_url",
                        "token_url: '%s' is at another host than base_url", url);
}

static void jwt_check(const struct connector_spec *spec, const struct ynode *map,
                      struct diagnostics *d)
{
    const struct names names = {.spec = spec};
    const struct ynode *claims = ynode_get(map, "claims");

    if (claims && claims->kind != YNODE_MAP)
        diagnostics_add(d, claims, NULL, "claims: expected a map, found %s",
                        ynode_kind_name(claims->kind));
    texts_check(claims, &names, d);
    if (spec->auth.margin_ms * 2 > spec->auth.lifetime_ms && ynode_get(map, "margin"))
        diagnostics_add(d, ynode_get(map, "margin"), NULL,
                        "margin: at most half of the token's lifetime");
}

/* The bytes of a file carry no signature: what proves them is their hash, in an answer that does.
 */
static void verifies_check(const struct connector_spec *spec, const struct ynode *root,
                           const struct formula_names *known, struct diagnostics *d)
{
    if (spec->verify)
        verify_check(spec->verify, ynode_get(root, "verify"), known, d);
    for (size_t i = 0; i < spec->resources.count; i++) {
        const struct resource_spec *r = resource_at(spec, i);
        const struct ynode *map = spec->resources.nodes[i];
        const struct verify_spec *v = r->verify ? r->verify : spec->verify;
        if (r->verify)
            verify_check(r->verify, ynode_get(map, "verify"), known, d);
        if (v && v->sign.algorithm != SIGN_NONE && r->format == RESOURCE_FILE && !r->file.hash)
            diagnostics_add(d, map, "say  file: { hash: { from: ... } }, or  verify: none",
                            "resource '%s': answers are verified, and nothing proves its file",
                            spec->resources.names[i]);
    }
}

/* The connector's own signature and those of its resources. */
static void signs_check(const struct connector_spec *spec, const struct ynode *root,
                        struct diagnostics *d)
{
    struct names names = {.spec = spec, .has_token = auth_gives_token(&spec->auth)};
    const struct formula_names known = {name_known, &names};

    if (spec->auth.type == AUTH_SESSION && spec->auth.login)
        names.taken = &spec->auth.login->take;
    if (spec->sign)
        sign_check(spec->sign, ynode_get(root, "sign"), &known, d);
    for (size_t i = 0; i < spec->resources.count; i++)
        if (resource_at(spec, i)->sign)
            sign_check(resource_at(spec, i)->sign, ynode_get(spec->resources.nodes[i], "sign"),
                       &known, d);
    verifies_check(spec, root, &known, d);
}

void connector_auth_check(const struct connector_spec *spec, const struct ynode *root,
                          struct diagnostics *d)
{
    const struct ynode *map = ynode_get(root, "auth");

    names_check(ynode_get(root, "values"), "values", d);
    names_check(ynode_get(root, "secrets"), "secrets", d);
    for (size_t i = 0; i < spec->secrets.count; i++)
        if (map_has(&spec->values, spec->secrets.keys[i]))
            diagnostics_add(d, ynode_key(ynode_get(root, "secrets"), spec->secrets.keys[i]), NULL,
                            "secrets: '%s' is among the values too", spec->secrets.keys[i]);
    signs_check(spec, root, d);
    if (!map)
        return;
    types_check(&spec->auth, map, d);
    if (spec->auth.type == AUTH_SESSION)
        session_check(spec, map, d);
    if (spec->auth.type == AUTH_OAUTH2)
        oauth2_check(spec, map, d);
    if (spec->auth.type == AUTH_JWT)
        jwt_check(spec, map, d);
}
