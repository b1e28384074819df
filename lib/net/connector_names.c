/* What the names in texts of auth and sign stand for. */
#include "core/clock.h"
#include "core/secret.h"
#include "format/jpull.h"
#include "net/connector_internal.h"
#include <inttypes.h>
#include <strings.h>

static const char *injected_nonce;

void auth_nonce_inject(const char *nonce)
{
    injected_nonce = nonce;
}

void auth_scope_init(struct auth_scope *s, struct connector *c)
{
    char uuid[37];
    size_t n = 0;

    *s = (struct auth_scope){.c = c, .session = c->session, .now_us = clock_wall_us()};
    if (injected_nonce) {
        strncpy(s->nonce, injected_nonce, sizeof(s->nonce) - 1);
        return;
    }
    clock_random_uuid(uuid);
    for (const char *p = uuid; *p && n + 1 < sizeof(s->nonce); p++)
        if (*p != '-')
            s->nonce[n++] = *p;
}

static int secret_fetch(struct connector *c, size_t i, struct error *err)
{
    const struct field_string_map *map = &c->spec.secrets;

    if (!map->values[i])
        return error_set(err, ERR_CONFIG, "secret '%s' of connector '%s' is empty", map->keys[i],
                         c->name);
    if (!c->secrets)
        c->secrets = mem_array(map->count, sizeof(*c->secrets));
    if (!c->secrets[i] && secret_resolve(map->values[i], &c->secrets[i], err) != 0)
        return error_context(err, "secret '%s' of connector '%s'", map->keys[i], c->name);
    return 0;
}

int connector_named_secrets(struct connector *c, struct error *err)
{
    for (size_t i = 0; i < c->spec.secrets.count; i++)
        TRY(secret_fetch(c, i, err));
    return 0;
}

static int secret_value(struct connector *c, size_t i, struct strbuf *out, struct error *err)
{
    TRY(secret_fetch(c, i, err));
    strbuf_adds(out, c->secrets[i]);
    return 0;
}

/* Nonce, time: what is there without being declared. */
static bool ready_value(const struct auth_scope *s, const char *name, struct strbuf *out)
{
    const char *n = s->nonce;

    if (strcmp(name, "timestamp_ms") == 0)
        strbuf_addf(out, "%" PRId64, s->now_us / 1000);
    else if (strcmp(name, "nonce") == 0)
        strbuf_adds(out, n);
    else if (strcmp(name, "uuid") == 0 && strlen(n) == 32)
        strbuf_addf(out, "%.8s-%.4s-%.4s-%.4s-%.12s", n, n + 8, n + 12, n + 16, n + 20);
    else if (strcmp(name, "uuid") == 0)
        strbuf_adds(out, n);
    else
        return false;
    return true;
}

/* ---- of a request being signed --------------------------------------------------------------- */

static void query_text(const struct pair_list *list, struct strbuf *out)
{
    for (size_t i = 0; i < list->count; i++)
        http_encode_param(out, list->items[i].name, list->items[i].value, i == 0);
}

static struct span url_part(const char *url, bool host)
{
    const char *begin = strstr(url, "://");

    begin = begin ? begin + 3 : url;
    size_t n = strcspn(begin, "/?#");
    if (host)
        return (struct span){begin, n};
    return begin[n] == '/' ? (struct span){begin + n, strcspn(begin + n, "?#")} : SPAN("/");
}

static bool request_value(const struct auth_scope *s, const char *name, struct strbuf *out)
{
    const struct outgoing *r = s->request;
    struct span path = url_part(r->url, false), host = url_part(r->url, true);

    if (strcmp(name, "method") == 0) {
        strbuf_adds(out, r->http.method);
    } else if (strcmp(name, "url") == 0) {
        strbuf_adds(out, r->url);
    } else if (strcmp(name, "host") == 0) {
        strbuf_add(out, host.ptr, host.len);
    } else if (strcmp(name, "path") == 0) {
        strbuf_add(out, path.ptr, path.len);
    } else if (strcmp(name, "query") == 0) {
        query_text(&r->query, out);
    } else if (strcmp(name, "path_query") == 0) {
        strbuf_add(out, path.ptr, path.len);
        if (r->query.count > 0)
            strbuf_addch(out, '?');
        query_text(&r->query, out);
    } else if (strcmp(name, "body") == 0) {
        if (r->form.count > 0)
            query_text(&r->form, out);
        else
            strbuf_add(out, r->http.body.ptr, r->http.body.len);
    } else if (strcmp(name, "params") == 0 && s->params) {
        strbuf_adds(out, s->params);
    } else if (strcmp(name, "sign") == 0 && s->signature) {
        strbuf_adds(out, s->signature);
    } else {
        return false;
    }
    return true;
}

static void pair_value(const struct pair_list *list, bool any_case, const char *name,
                       struct strbuf *out)
{
    for (size_t i = 0; i < list->count; i++)
        if ((any_case ? strcasecmp(list->items[i].name, name)
                      : strcmp(list->items[i].name, name)) == 0)
            strbuf_adds(out, list->items[i].value);
}

/* ${query:name}, ${form:name}, ${header:name}, ${body:/pointer}: nothing when it is not there. */
static int request_function(const struct auth_scope *s, const char *name, struct span argument,
                            struct strbuf *out, bool *ret_found, struct error *err)
{
    AUTO_STRBUF struct strbuf scratch = {0};
    const struct outgoing *r = s->request;
    struct jpull_value value = {0};

    if (strcmp(name, "query") == 0) {
        pair_value(&r->query, false, argument.ptr, out);
    } else if (strcmp(name, "form") == 0) {
        pair_value(&r->form, false, argument.ptr, out);
    } else if (strcmp(name, "header") == 0) {
        pair_value(&r->headers, true, argument.ptr, out);
    } else if (strcmp(name, "body") == 0) {
        strbuf_init(&scratch, 0);
        if (r->http.body.len > 0)
            TRY(jpull_find(r->http.body, argument.ptr, &value, &scratch, err));
        strbuf_add(out, value.text.ptr, value.text.len);
    } else {
        *ret_found = false;
    }
    return 0;
}

/* ---- all ------------------------------------------------------------------------------------- */

/* What a login would give, where none is sent. */
static bool masked_value(const struct auth_scope *s, const char *name, const char **ret)
{
    const struct auth_spec *a = &s->c->spec.auth;
    bool known = auth_gives_token(a) && strcmp(name, "token") == 0;

    for (size_t i = 0; a->login && i < a->login->take.count; i++)
        known = known || strcmp(a->login->take.keys[i], name) == 0;
    *ret = "****";
    return known;
}

static bool session_value(const struct auth_scope *s, const char *name, const char **ret)
{
    const struct auth_session *session = s->session;

    if (s->is_masked)
        return masked_value(s, name, ret);

    for (size_t i = 0; session && i < session->count; i++)
        if (strcmp(session->names[i], name) == 0) {
            *ret = session->values[i];
            return true;
        }
    if (!session || !session->token || strcmp(name, "token") != 0)
        return false;
    *ret = session->token;
    return true;
}

/* What the file declares. */
static int declared_value(struct auth_scope *s, const char *name, struct strbuf *out,
                          bool *ret_found, struct error *err)
{
    const struct field_string_map *secrets = &s->c->spec.secrets, *values = &s->c->spec.values;

    for (size_t i = 0; i < secrets->count; i++) {
        if (strcmp(secrets->keys[i], name) != 0)
            continue;
        if (!s->is_masked)
            return secret_value(s->c, i, out, err);
        strbuf_adds(out, "****");
        return 0;
    }
    for (size_t i = 0; i < values->count; i++)
        if (strcmp(values->keys[i], name) == 0) {
            strbuf_adds(out, values->values[i] ? values->values[i] : "");
            return 0;
        }
    *ret_found = false;
    return 0;
}

static int scope_value(void *self, const char *name, const struct span *argument,
                       struct strbuf *out, bool *ret_found, struct error *err)
{
    struct auth_scope *s = self;
    const char *text = NULL;

    *ret_found = true;
    if (argument) {
        *ret_found = s->request != NULL;
        return s->request ? request_function(s, name, *argument, out, ret_found, err) : 0;
    }
    if (session_value(s, name, &text)) {
        strbuf_adds(out, text);
        return 0;
    }
    TRY(declared_value(s, name, out, ret_found, err));
    if (*ret_found)
        return 0;
    *ret_found = true;
    if (strcmp(name, "timestamp") == 0)
        return sign_time(s->sign, s->now_us, out, err);
    if (!ready_value(s, name, out))
        *ret_found = s->request && request_value(s, name, out);
    return 0;
}

struct formula_scope auth_scope_formula(struct auth_scope *s)
{
    return (struct formula_scope){.value = scope_value, .self = s, .is_masked = s->is_masked};
}
