#include "format/jsonx.h"
#include "net/connector_internal.h"
#include "net/url.h"
#include <strings.h>

static void pair_set(struct outgoing *r, struct pair_list *list, const char *name,
                     const char *value, bool any_case)
{
    size_t i = 0;

    while (i < list->count && (any_case ? strcasecmp(list->items[i].name, name)
                                        : strcmp(list->items[i].name, name)) != 0)
        i++;
    if (i == list->capacity) {
        struct http_header *grown = arena_array(r->arena, list->capacity + 16, sizeof(*grown));
        if (list->count > 0)
            memcpy(grown, list->items, list->count * sizeof(*grown));
        list->items = grown;
        list->capacity += 16;
    }
    list->items[i] = (struct http_header){name, value};
    if (i == list->count)
        list->count++;
}

void outgoing_header(struct outgoing *r, const char *name, const char *value)
{
    pair_set(r, &r->headers, name, value, true);
}

void outgoing_query(struct outgoing *r, const char *key, const char *value)
{
    pair_set(r, &r->query, key, value, false);
}

void outgoing_form(struct outgoing *r, const char *key, const char *value)
{
    pair_set(r, &r->form, key, value, false);
}

/* ---- building ------------------------------------------------------------------------------ */

static int url_build(struct outgoing *r, struct template_scope *s, struct error *err)
{
    AUTO_STRBUF struct strbuf path = {0};
    bool missing;

    strbuf_init(&path, CONNECTOR_TEXT_MAX);
    s->encode = true;
    TRY(template_render(s, r->resource->path, &path, &missing, err));
    s->encode = false;
    if (missing) {
        r->missing = arena_strdup(r->arena, s->missing);
        error_set(err, ERR_SPEC, "path '%s' has no value for '%s'", r->resource->path, s->missing);
        return error_hint(err, "give it as a parameter of the resource");
    }
    r->url = arena_printf(r->arena, "%s%s", r->c->base_url, path.data);
    return 0;
}

typedef void pair_setter(struct outgoing *r, const char *name, const char *value);

/* Absent values (null, or a name without value) are left out. */
static int text_set(struct outgoing *r, struct template_scope *s, const char *key,
                    const char *value, pair_setter *set, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    bool missing;

    if (!value)
        return 0;
    strbuf_init(&text, CONNECTOR_TEXT_MAX);
    TRY(template_render(s, value, &text, &missing, err));
    if (missing || (text.len == 0 && s->missing))
        return 0;
    set(r, key, arena_strndup(r->arena, text.data, text.len));
    return 0;
}

static int headers_render(struct outgoing *r, struct template_scope *s, struct error *err)
{
    const struct field_string_map *map = &r->resource->headers;

    for (size_t i = 0; i < map->count; i++)
        TRY(text_set(r, s, map->keys[i], map->values[i], outgoing_header, err));
    return 0;
}

/* The pairs of a query or form: texts as they are, lists and maps as JSON text. */
static int pairs_render(struct outgoing *r, struct template_scope *s, const struct ynode *map,
                        pair_setter *set, struct error *err)
{
    AUTO_STRBUF struct strbuf json = {0};

    strbuf_init(&json, STRBUF_DEFAULT_MAX);
    for (size_t i = 0; map && i < map->count; i++) {
        const struct ynode *value = map->items[i];
        const char *key = map->keys[i]->text;
        if (value->kind == YNODE_SCALAR) {
            TRY(text_set(r, s, key, value->is_null ? NULL : value->text, set, err));
            continue;
        }
        strbuf_clear(&json);
        TRY(template_json(s, value, NULL, &json, err));
        set(r, key, arena_strndup(r->arena, json.data, json.len));
    }
    return 0;
}

static int body_build(struct outgoing *r, struct template_scope *s, struct span body,
                      struct error *err)
{
    AUTO_STRBUF struct strbuf json = {0};

    r->http.body = body;
    if (!body.ptr)
        TRY(pairs_render(r, s, r->resource->form, outgoing_form, err));
    if (body.ptr || !r->resource->body)
        return 0;
    strbuf_init(&json, STRBUF_DEFAULT_MAX);
    TRY(template_json(s, r->resource->body, &r->resource->json_text, &json, err));
    r->http.body = (struct span){arena_strndup(r->arena, json.data, json.len), json.len};
    return 0;
}

/* A parameter that nothing uses is a filter that would be silently ignored. */
static int check_used(const struct template_scope *s, struct error *err)
{
    for (size_t i = 0; i < s->nparams; i++) {
        if (s->used[i] || s->params[i].is_optional)
            continue;
        error_set(err, ERR_SPEC, "there is no parameter '%s'", s->params[i].name);
        return error_hint(
            err,
            "leave it out: it cannot be asked for there, unless the resource has ${%s} in "
            "its path, query, headers or body",
            s->params[i].name);
    }
    return 0;
}

static int parts_build(struct outgoing *r, struct template_scope *s, struct span body,
                       struct error *err)
{
    const struct field_string_map *always = &r->c->spec.headers;

    for (size_t i = 0; i < always->count; i++)
        if (always->values[i])
            outgoing_header(r, always->keys[i], always->values[i]);
    TRY(url_build(r, s, err));
    TRY(pairs_render(r, s, r->resource->query, outgoing_query, err));
    TRY(headers_render(r, s, err));
    TRY(body_build(r, s, body, err));
    return check_used(s, err);
}

/* ${fields}, ${fields.text} and ${fields.json}: the names of the resource's fields, in JSON a list,
 * and two texts. */
static size_t fields_own(const struct outgoing *r, const struct field_strings *fields,
                         struct template_own *own)
{
    AUTO_STRBUF struct strbuf text = {0}, json = {0};

    if (fields->count == 0)
        return 0;
    strbuf_init(&text, 0);
    strbuf_init(&json, 0);
    for (size_t i = 0; i < fields->count; i++) {
        strbuf_addf(&text, "%s%s", i > 0 ? "," : "", fields->items[i]);
        strbuf_addch(&json, i > 0 ? ',' : '[');
        jsonx_quote(&json, span_of(fields->items[i]));
    }
    strbuf_addch(&json, ']');
    own[0] = (struct template_own){.name = "fields",
                                   .text = arena_strdup(r->arena, text.data),
                                   .json = arena_strdup(r->arena, json.data)};
    own[1] = (struct template_own){.name = "fields.text", .text = own[0].text};
    own[2] = (struct template_own){.name = "fields.json", .text = own[0].json};
    return 3;
}

/* The parameter `fields` of a resource that declares them is no text to be put in. */
static const struct connector_param *
params_but_fields(const struct outgoing *r, const struct outgoing_values *values, size_t *ret_count)
{
    struct connector_param *params = arena_array(r->arena, values->nparams + 1, sizeof(*params));
    size_t n = 0;

    for (size_t i = 0; i < values->nparams; i++)
        if (r->resource->fields.count == 0 || strcmp(values->params[i].name, "fields") != 0)
            params[n++] = values->params[i];
    *ret_count = n;
    return params;
}

int outgoing_build(struct outgoing *r, const struct outgoing_values *values, struct span body,
                   struct error *err)
{
    struct template_scope s = {
        .c = r->c, .specs = &r->resource->params, .nown = values->nown, .arena = r->arena};
    struct template_own *own = arena_array(r->arena, values->nown + 3, sizeof(*own));

    if (values->nown > 0)
        memcpy(own, values->own, values->nown * sizeof(*own));
    const struct field_strings fields =
        resource_fields(r->resource, values->params, values->nparams, r->arena);
    s.nown += fields_own(r, &fields, own + s.nown);
    s.params = params_but_fields(r, values, &s.nparams);
    s.own = own;
    s.used = arena_array(r->arena, values->nparams + 1, sizeof(*s.used));
    strbuf_init(&s.scratch, CONNECTOR_TEXT_MAX);
    r->http = (struct http_request){.method = connector_methods[r->resource->method],
                                    .is_repeatable = r->resource->repeatable};
    int code = parts_build(r, &s, body, err);
    strbuf_release(&s.scratch);
    return code;
}

void outgoing_download(struct outgoing *r, const char *url, bool is_foreign)
{
    const struct field_string_map *always = &r->c->spec.headers;

    r->http = (struct http_request){.method = "GET"};
    r->url = url;
    r->is_foreign = is_foreign;
    for (size_t i = 0; i < always->count && !is_foreign; i++)
        if (always->values[i])
            outgoing_header(r, always->keys[i], always->values[i]);
}

/* ---- sending ------------------------------------------------------------------------------- */

static int url_complete(struct outgoing *r, struct error *err)
{
    AUTO_STRBUF struct strbuf url = {0};
    bool has_query = strchr(r->url, '?') != NULL;

    strbuf_init(&url, CONNECTOR_TEXT_MAX);
    strbuf_adds(&url, r->url);
    for (size_t i = 0; i < r->query.count; i++) {
        if (i == 0 && !has_query)
            strbuf_addch(&url, '?');
        http_encode_param(&url, r->query.items[i].name, r->query.items[i].value,
                          i == 0 && !has_query);
    }
    if (url.overflow)
        return error_set(err, ERR_LIMIT, "the URL is too long");
    r->http.url = arena_strndup(r->arena, url.data, url.len);
    return 0;
}

static int form_complete(struct outgoing *r, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};

    if (r->form.count == 0 && !(r->resource && r->resource->form))
        return 0;
    strbuf_init(&text, STRBUF_DEFAULT_MAX);
    for (size_t i = 0; i < r->form.count; i++)
        http_encode_param(&text, r->form.items[i].name, r->form.items[i].value, i == 0);
    if (text.overflow)
        return error_set(err, ERR_LIMIT, "the form is too long");
    r->http.body = (struct span){arena_strndup(r->arena, text.data, text.len), text.len};
    r->http.content_type = "application/x-www-form-urlencoded";
    return 0;
}

int outgoing_complete(struct outgoing *r, struct error *err)
{
    TRY(url_complete(r, err));
    return form_complete(r, err);
}

static bool wants_renewal(const struct outgoing *r, const struct http_response *response)
{
    if (!r->resource || r->is_foreign || !auth_is_renewable(r->c))
        return false;
    return r->rule ? r->rule->action == RULE_REFRESH_AUTH : response->status == 401;
}

/* Everything that an attempt of its own needs: credentials, the URL, the form. */
static int outgoing_prepare(struct outgoing *r, struct error *err)
{
    struct http_client *http = NULL;

    TRY(connector_http(r->c, &http, err));
    addresses_ready(r->c);
    if (r->resource && !r->is_foreign)
        TRY(auth_apply(r, err));
    addresses_rebase(r); /* logging in may have found the first one dead */
    if (r->resource && !r->is_foreign) {
        TRY(auth_sign(r, err));
    }
    TRY(outgoing_complete(r, err));
    r->http.headers = r->headers.items;
    r->http.nheaders = r->headers.count;
    r->http.is_text = !r->http.sink;
    r->http.judge = rules_judge;
    r->http.judge_self = r;
    r->http.has_elsewhere = !r->is_foreign && r->addresses_tried + 1 < r->c->naddresses;
    r->rule = NULL;
    return 0;
}

/* Logins are not: they stay between us and the system. */
static struct tape *tape_of(const struct outgoing *r)
{
    if (!r->resource)
        return NULL;
    return r->tape ? r->tape : r->c->tape;
}

/* What the request is without its credentials. */
static int exchange_note(struct outgoing *r, struct error *err)
{
    r->exchange.connector = r->c->name;
    r->exchange.base_url = r->c->base_url;
    addresses_rebase(r);
    TRY(outgoing_complete(r, err));
    size_t base = strlen(r->c->base_url);
    bool inside = strncmp(r->http.url, r->c->base_url, base) == 0;
    r->exchange.method = r->http.method ? r->http.method : "GET";
    r->exchange.url = r->http.url + (inside ? base : 0);
    r->exchange.body = r->http.body;
    return 0;
}

int outgoing_begin(struct outgoing *r, struct error *err)
{
    if (r->resource)
        TRY(exchange_note(r, err));
    if (tape_of(r) && tape_is_replayed(tape_of(r)))
        return 0;
    TRY(outgoing_prepare(r, err));
    r->task = http_begin(r->c->http, &r->http);
    return 0;
}

void outgoing_drop(struct outgoing *r)
{
    if (r->task)
        http_drop(r->c->http, r->task);
    r->task = NULL;
}

/* The answer of the first address that gives one. */
static int addresses_await(struct outgoing *r, struct http_task *task, struct http_response *ret,
                           struct error *err)
{
    int code = http_await(r->c->http, task, ret, err);

    while (addresses_next(r, code, ret)) {
        if (code == 0)
            http_response_release(ret);
        *err = (struct error)ERROR_INIT;
        TRY(outgoing_prepare(r, err));
        code = http_send(r->c->http, &r->http, ret, err);
    }
    return code;
}

/* The answer after all attempts, one renewal of the credentials among them. */
static int answer_get(struct outgoing *r, struct http_response *ret, struct error *err)
{
    struct http_task *task = r->task;

    r->task = NULL;
    struct tape *tape = tape_of(r);
    if (tape && tape_is_replayed(tape)) {
        r->rule = NULL;
        TRY(tape_answer(tape, &r->exchange, &r->c->spec.personal, ret, err));
        rules_judge(r, ret);
        return 0;
    }
    TRY(addresses_await(r, task, ret, err));
    if (wants_renewal(r, ret)) {
        /* Refused before it was carried out, so any method may be sent again; once. */
        http_response_release(ret);
        auth_forget(r);
        TRY(outgoing_prepare(r, err));
        TRY(http_send(r->c->http, &r->http, ret, err));
    }
    if (tape)
        tape_record(tape, &r->exchange, &r->c->spec.personal, ret);
    return 0;
}

/* Of a file its hash is the proof. A tape's answers were believed when they were recorded. */
static int answer_verify(const struct outgoing *r, const struct http_response *response,
                         struct error *err)
{
    AUTO_STRBUF struct strbuf url = {0};
    struct tape *tape = tape_of(r);

    if (r->http.sink || (tape && tape_is_replayed(tape)) ||
        verify_answer(r, response, 0, NULL, err) == 0)
        return 0;
    strbuf_init(&url, 0);
    url_shown(r->http.url, &url);
    return error_context(err, "%s %s", r->http.method ? r->http.method : "GET", url.data);
}

int outgoing_await(struct outgoing *r, struct http_response *ret, bool *ret_ignored,
                   struct error *err)
{
    struct http_response response = {0};

    int code = answer_get(r, &response, err);
    if (code == 0)
        code = rules_check(r, &response, ret_ignored, err);
    if (code == 0)
        code = answer_verify(r, &response, err);
    if (code != 0)
        http_response_release(&response);
    else
        *ret = response;
    return code;
}

int outgoing_send(struct outgoing *r, struct http_response *ret, bool *ret_ignored,
                  struct error *err)
{
    TRY(outgoing_begin(r, err));
    return outgoing_await(r, ret, ret_ignored, err);
}

int connector_call(struct connector *c, const char *resource, const struct connector_param *params,
                   size_t nparams, struct span body, const char *idempotency_key,
                   struct http_response *ret, struct error *err)
{
    struct outgoing r = {.c = c, .resource = connector_resource(c, resource, err)};
    bool ignored;

    if (!r.resource)
        return (int)err->code;
    r.arena = arena_new();
    const struct outgoing_values values = {.params = params, .nparams = nparams};
    int code = outgoing_build(&r, &values, body, err);
    if (code == 0) {
        r.http.idempotency_key = idempotency_key;
        code = outgoing_send(&r, ret, &ignored, err);
    } else {
        error_context(err, "resource '%s' of connector '%s'", resource, c->name);
    }
    arena_free(r.arena);
    return code;
}
