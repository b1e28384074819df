/* Logins that last: shared by all connectors of one file in this process, renewed when lost, ended
 * once. */
#include "core/clock.h"
#include "core/log.h"
#include "core/secret.h"
#include "format/jpull.h"
#include "net/connector_internal.h"
#include "net/url.h"
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#define NS_PER_MS        INT64_C(1000000)
#define LIFE_MAX_S       INT64_C(315360000) /* ten years: beyond is a mistake of theirs */
#define TAKEN_MAX        ((size_t)16 << 10)
#define LOGOUT_MS        5000
#define REFUSED_MS       INT64_C(60000)
#define COOKIES_MAX      ((size_t)16 << 10)
#define COOKIE_HEADER    "set-cookie"
#define SECRET_MIN_BYTES ((size_t)8) /* no session is told by less */

static struct auth_session *sessions;

/* ---- the sessions of this process ------------------------------------------------------------ */

void auth_session_clear(struct auth_session *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->names[i]);
        secret_free(s->values[i]);
    }
    free(s->names);
    free(s->values);
    secret_free(s->token);
    secret_free(s->refresh_token);
    secret_free(s->cookies);
    s->names = s->values = NULL;
    s->token = s->refresh_token = s->cookies = NULL;
    s->count = 0;
    s->is_live = false;
    s->expires_ns = INT64_MAX;
}

void auth_session_expires(struct auth_session *s, int64_t life_s, int64_t margin_ms)
{
    if (life_s <= 0 || life_s > LIFE_MAX_S)
        return;
    /* A life shorter than the margin would mean a login for each request. */
    int64_t kept_ms = margin_ms < life_s * 500 ? margin_ms : life_s * 100;
    s->expires_ns = clock_monotonic_ns() + (life_s * 1000 - kept_ms) * NS_PER_MS;
}

static struct auth_session *session_of(struct connector *c)
{
    struct auth_session *s = sessions;

    while (s && strcmp(s->key, c->login_key) != 0)
        s = s->next;
    if (!s) {
        s = mem_alloc(sizeof(*s));
        s->key = mem_strdup(c->login_key);
        s->next = sessions;
        sessions = s;
    }
    c->session = s;
    return s;
}

static int session_begin(struct connector *c, struct auth_session *s,
                         int (*login)(struct connector *, struct auth_session *, struct error *),
                         struct error *err)
{
    char *refresh_token = s->refresh_token;

    if (clock_monotonic_ns() < s->refused_until_ns) {
        *err = s->refusal;
        return (int)err->code;
    }
    s->refresh_token = NULL;
    auth_session_clear(s);
    s->refresh_token = refresh_token;
    int code = login(c, s, err);
    if (code != 0) {
        auth_session_clear(s);
        if (code == ERR_AUTH) {
            s->refused_until_ns = clock_monotonic_ns() + REFUSED_MS * NS_PER_MS;
            s->refusal = *err;
        }
        return code;
    }
    s->is_live = true;
    s->number++;
    s->pid = getpid();
    log_event(LOG_DEBUG, LOG_FIELDS(LOG_STR("connector", c->name)), "logged in");
    return 0;
}

int auth_session_get(struct outgoing *r,
                     int (*login)(struct connector *, struct auth_session *, struct error *),
                     struct auth_session **ret, struct error *err)
{
    struct auth_session *s = r->c->session ? r->c->session : session_of(r->c);

    if (!s->is_live || clock_monotonic_ns() >= s->expires_ns)
        TRY(session_begin(r->c, s, login, err));
    r->login_used = s->number;
    *ret = s;
    return 0;
}

bool auth_session_park(struct connector *c)
{
    if (!c->spec.auth.logout || !c->http || c->tape || !c->session || !c->session->is_live ||
        c->session->parked)
        return false;
    c->session->parked = c;
    return true;
}

/* ---- requests of its own --------------------------------------------------------------------- */

typedef void pair_setter(struct outgoing *r, const char *name, const char *value);

static int pairs_set(struct outgoing *r, const struct field_string_map *map,
                     const struct formula_scope *scope, pair_setter *set, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    int code = 0;

    strbuf_init(&text, CONNECTOR_TEXT_MAX);
    for (size_t i = 0; i < map->count && code == 0; i++) {
        if (!map->values[i])
            continue;
        strbuf_clear(&text);
        code = formula_render(map->values[i], scope, &text, err);
        if (code == 0 && set != outgoing_form && strpbrk(text.data, "\r\n"))
            code = error_set(err, ERR_DATA, "the value of '%s' has a line end", map->keys[i]);
        if (code == 0)
            set(r, map->keys[i], arena_strndup(r->arena, text.data, text.len));
        explicit_bzero(text.data, text.len);
    }
    return code;
}

static int body_build(struct outgoing *r, const struct login_spec *l,
                      const struct formula_scope *scope, struct error *err)
{
    AUTO_STRBUF struct strbuf body = {0};

    if (!l->body)
        return pairs_set(r, &l->form, scope, outgoing_form, err);
    strbuf_init(&body, CONNECTOR_TEXT_MAX);
    int code = formula_json(l->body, scope, &body, err);
    if (code == 0)
        r->http.body = (struct span){arena_strndup(r->arena, body.data, body.len), body.len};
    explicit_bzero(body.data, body.len);
    return code;
}

static int request_build(struct outgoing *r, const struct login_spec *l, struct auth_scope *names,
                         struct error *err)
{
    AUTO_STRBUF struct strbuf path = {0};
    const struct formula_scope scope = auth_scope_formula(names);
    const struct field_string_map *always = &r->c->spec.headers;

    for (size_t i = 0; i < always->count; i++)
        if (always->values[i])
            outgoing_header(r, always->keys[i], always->values[i]);
    strbuf_init(&path, CONNECTOR_TEXT_MAX);
    TRY(formula_render(l->path, &scope, &path, err));
    r->url = arena_printf(r->arena, "%s%s", r->c->base_url, path.data);
    r->http = (struct http_request){.method = connector_methods[l->method]};
    TRY(pairs_set(r, &l->query, &scope, outgoing_query, err));
    TRY(pairs_set(r, &l->headers, &scope, outgoing_header, err));
    return body_build(r, l, &scope, err);
}

/* ---- what the answer gives ------------------------------------------------------------------- */

/* The value of a cookie in "name=value; Path=/; ...". */
static bool cookie_value(const char *header, const char *name, struct span *ret)
{
    size_t len = strlen(name);

    if (strncmp(header, name, len) != 0 || header[len] != '=')
        return false;
    *ret = (struct span){header + len + 1, strcspn(header + len + 1, ";")};
    return true;
}

static bool taken_from_headers(const struct http_response *response, const char *from,
                               struct span *ret)
{
    bool cookie = strncmp(from, "cookie:", 7) == 0, found = false;

    for (size_t i = 0; i < response->nheaders; i++) {
        const struct http_header *h = &response->headers[i];
        if (cookie && strcmp(h->name, COOKIE_HEADER) == 0)
            found = cookie_value(h->value, from + 7, ret) || found;
        if (!cookie && strcasecmp(h->name, from + 7) == 0) {
            *ret = span_of(h->value);
            found = true;
        }
    }
    return found;
}

static bool taken_from_body(const struct http_response *response, const char *pointer,
                            struct strbuf *scratch, struct span *ret)
{
    struct span body = {response->body.data, response->body.len};
    struct jpull_value value = {0};
    struct error ignored = ERROR_INIT;

    if (body.len == 0 || jpull_find(body, pointer, &value, scratch, &ignored) != 0 ||
        value.kind == JPULL_NONE || value.kind == JPULL_NULL)
        return false;
    *ret = value.kind == JPULL_TRUE    ? SPAN("true")
           : value.kind == JPULL_FALSE ? SPAN("false")
                                       : value.text;
    return true;
}

/* Words and short numbers, a user's id for one, are no secrets: hiding them would shred texts. */
static bool is_telling(const char *value)
{
    size_t n = strlen(value);

    return strcmp(value, "true") != 0 && strcmp(value, "false") != 0 &&
           (n >= SECRET_MIN_BYTES || strspn(value, "0123456789") != n);
}

static int take(struct auth_session *s, const struct login_spec *l,
                const struct http_response *response, struct error *err)
{
    AUTO_STRBUF struct strbuf scratch = {0};

    strbuf_init(&scratch, 0);
    s->names = mem_array(l->take.count + 1, sizeof(*s->names));
    s->values = mem_array(l->take.count + 1, sizeof(*s->values));
    for (size_t i = 0; i < l->take.count; i++) {
        const char *from = l->take.values[i];
        struct span value = {0};
        strbuf_clear(&scratch);
        bool found = *from == '/' || !*from ? taken_from_body(response, from, &scratch, &value)
                                            : taken_from_headers(response, from, &value);
        if (!found || value.len == 0)
            return error_set(err, ERR_AUTH, "the answer has no '%s' at '%s'", l->take.keys[i],
                             from);
        if (value.len > TAKEN_MAX || memchr(value.ptr, '\0', value.len))
            return error_set(err, ERR_REMOTE, "the value at '%s' cannot be sent back", from);
        s->names[i] = mem_strdup(l->take.keys[i]);
        s->values[i] = mem_strndup(value.ptr, value.len);
        s->count = i + 1;
        if (is_telling(s->values[i]))
            secret_register(s->values[i]);
    }
    return 0;
}

/* A later cookie of the same name replaces an earlier one, as browsers have it. */
static bool is_set_again(const struct http_response *response, size_t at, size_t name_len)
{
    const char *name = response->headers[at].value;

    for (size_t i = at + 1; i < response->nheaders; i++)
        if (strcmp(response->headers[i].name, COOKIE_HEADER) == 0 &&
            strncmp(response->headers[i].value, name, name_len + 1) == 0)
            return true;
    return false;
}

int auth_cookies_keep(struct auth_session *s, const struct http_response *response,
                      struct error *err)
{
    struct strbuf all = {0};

    strbuf_init(&all, COOKIES_MAX);
    for (size_t i = 0; i < response->nheaders; i++) {
        const char *cookie = response->headers[i].value;
        size_t len = strcspn(cookie, ";"), name_len = strcspn(cookie, "=;");
        if (strcmp(response->headers[i].name, COOKIE_HEADER) != 0 || cookie[name_len] != '=' ||
            name_len == 0 || is_set_again(response, i, name_len))
            continue;
        strbuf_adds(&all, all.len > 0 ? "; " : "");
        strbuf_add(&all, cookie, len);
        AUTOFREE char *value = mem_strndup(cookie + name_len + 1, len - name_len - 1);
        if (strlen(value) >= SECRET_MIN_BYTES)
            secret_register(value);
    }
    bool overflow = all.overflow;
    if (all.len > 0)
        s->cookies = strbuf_detach(&all, NULL);
    strbuf_release(&all);
    return overflow ? error_set(err, ERR_REMOTE, "the answer sets too many cookies") : 0;
}

static int answer_read(const struct connector *c, struct auth_session *s,
                       const struct http_response *response, struct error *err)
{
    AUTO_STRBUF struct strbuf scratch = {0};
    const struct login_spec *l = c->spec.auth.login;
    struct span life = {0};

    strbuf_init(&scratch, 0);
    TRY(take(s, l, response, err));
    if (l->keep_cookies)
        TRY(auth_cookies_keep(s, response, err));
    if (!l->expires_from || !taken_from_body(response, l->expires_from, &scratch, &life))
        return 0;
    AUTOFREE char *text = mem_strndup(life.ptr, life.len);
    auth_session_expires(s, strtoll(text, NULL, 10), c->spec.auth.margin_ms);
    return 0;
}

/* ---- login and logout ------------------------------------------------------------------------ */

static int login_answer(struct connector *c, struct arena *arena, struct http_response *ret,
                        struct error *err)
{
    const struct login_spec *l = c->spec.auth.login;
    struct outgoing r = {.arena = arena, .c = c, .login = l->ok ? l : NULL};
    struct auth_scope names;
    bool ignored = false;

    auth_scope_init(&names, c);
    names.session = NULL;
    names.sign = l->sign; /* the time is written its way in the body too */
    TRY(request_build(&r, l, &names, err));
    TRY(sign_apply(&r, l->sign, &names, NULL, err));
    r.http.is_repeatable = true; /* twice the same login does no harm */
    return outgoing_send(&r, ret, &ignored, err);
}

static int session_login(struct connector *c, struct auth_session *s, struct error *err)
{
    struct arena *arena = arena_new();
    struct http_response response = {0};

    int code = login_answer(c, arena, &response, err);
    if (code == 0)
        code = answer_read(c, s, &response, err);
    http_response_release(&response);
    arena_free(arena);
    if (code == 0)
        return 0;
    bool refused = err->code == ERR_AUTH && !err->hint[0];
    error_context(err, "login to '%s'", c->name);
    if (refused)
        error_hint(err, "check 'values' and 'secrets' of the connector");
    return code;
}

static void session_logout(struct connector *c)
{
    struct arena *arena = arena_new();
    struct outgoing r = {.arena = arena, .c = c};
    struct http_response response = {0};
    struct auth_scope names;
    struct error err = ERROR_INIT;
    bool ignored = false;

    auth_scope_init(&names, c);
    int code = request_build(&r, c->spec.auth.logout, &names, &err);
    if (code == 0)
        code = session_apply(&r, &err);
    r.http.no_retry = true;
    r.http.timeout_ms = LOGOUT_MS;
    if (code == 0)
        code = outgoing_send(&r, &response, &ignored, &err);
    log_event(LOG_DEBUG, LOG_FIELDS(LOG_STR("connector", c->name)), "logged out%s%s",
              code ? ": " : "", code ? err.message : "");
    http_response_release(&response);
    arena_free(arena);
}

void connector_sessions_end(void)
{
    while (sessions) {
        struct auth_session *s = sessions;
        struct connector *parked = s->parked;
        s->parked = NULL;
        bool lives = s->is_live && clock_monotonic_ns() < s->expires_ns;
        if (parked && lives && s->pid == getpid())
            session_logout(parked);
        sessions = s->next;
        auth_session_clear(s);
        if (parked) {
            parked->session = NULL;
            connector_close(parked);
        }
        free(s->key);
        free(s);
    }
}

/* ---- each request ---------------------------------------------------------------------------- */

static void cookie_add(struct outgoing *r, const char *name, const char *value)
{
    const char *old = NULL;

    for (size_t i = 0; i < r->headers.count; i++)
        if (strcasecmp(r->headers.items[i].name, "Cookie") == 0)
            old = r->headers.items[i].value;
    outgoing_header(r, "Cookie",
                    old && *old ? arena_printf(r->arena, "%s; %s=%s", old, name, value)
                                : arena_printf(r->arena, "%s=%s", name, value));
}

static int send_apply(struct outgoing *r, const char *cookies, struct auth_scope *names,
                      struct error *err)
{
    const struct send_spec *send = r->c->spec.auth.send;
    const struct formula_scope scope = auth_scope_formula(names);

    if (cookies)
        outgoing_header(r, "Cookie", cookies);
    if (!send)
        return 0;
    TRY(pairs_set(r, &send->headers, &scope, outgoing_header, err));
    TRY(pairs_set(r, &send->query, &scope, outgoing_query, err));
    if (!cookies && send->cookies.count > 0) /* not what an attempt before has put there */
        outgoing_header(r, "Cookie", "");
    return pairs_set(r, &send->cookies, &scope, cookie_add, err);
}

int session_apply(struct outgoing *r, struct error *err)
{
    struct auth_session *s = NULL;
    struct auth_scope names;

    TRY(auth_session_get(r, session_login, &s, err));
    auth_scope_init(&names, r->c);
    return send_apply(r, s->cookies, &names, err);
}

int session_apply_masked(struct outgoing *r, struct error *err)
{
    struct auth_scope names;

    auth_scope_init(&names, r->c);
    names.is_masked = true;
    return send_apply(r, r->c->spec.auth.login->keep_cookies ? "****" : NULL, &names, err);
}
