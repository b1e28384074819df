/* Requests that are shown, not sent; signatures, explained. */
#include "net/connector_look.h"
#include "core/clock.h"
#include "core/secret.h"
#include "net/connector_internal.h"
#include <stdio.h>

/* The first page, with what tells the page. */
static int page_build(struct outgoing *r, const char *resource,
                      const struct connector_param *params, size_t nparams, struct error *err)
{
    struct connector_pages *pages = NULL;

    TRY(connector_pages_open(r->c, resource, params, nparams, &pages, err));
    int code = connector_pages_build(pages, r, err);
    connector_pages_close(pages);
    return code;
}

static int request_build(struct outgoing *r, const char *resource,
                         const struct connector_param *params, size_t nparams, struct span body,
                         struct error *err)
{
    const struct outgoing_values values = {.params = params, .nparams = nparams};

    r->resource = connector_resource(r->c, resource, err);
    if (!r->resource)
        return (int)err->code;
    if (r->resource->paginate && !body.ptr)
        return page_build(r, resource, params, nparams, err);
    if (outgoing_build(r, &values, body, err) != 0)
        return error_context(err, "resource '%s' of connector '%s'", resource, r->c->name);
    return 0;
}

static const struct sign_spec *sign_of(const struct outgoing *r)
{
    const struct sign_spec *s = r->resource->sign ? r->resource->sign : r->c->spec.sign;

    return s && s->algorithm != SIGN_NONE ? s : NULL;
}

/* ---- previews -------------------------------------------------------------------------------- */

/* What is known to be secret, whatever way it came in; **** as it was before it was encoded. */
static const char *text_shown(const char *text, size_t n, struct arena *arena)
{
    AUTO_STRBUF struct strbuf shown = {0};
    static const char encoded[] = "%2A%2A%2A%2A";

    strbuf_init(&shown, STRBUF_DEFAULT_MAX);
    for (const char *p = text, *end = text + n; p < end;) {
        const char *mark = memmem(p, (size_t)(end - p), encoded, strlen(encoded));
        strbuf_add(&shown, p, (size_t)((mark ? mark : end) - p));
        if (mark)
            strbuf_adds(&shown, "****");
        p = mark ? mark + strlen(encoded) : end;
    }
    secret_redact(&shown);
    return arena_strdup(arena, shown.data);
}

static int masked_fill(struct outgoing *r, struct error *err)
{
    struct auth_scope names;

    TRY(auth_apply_masked(r, err));
    auth_scope_init(&names, r->c);
    names.is_masked = true;
    TRY(sign_apply(r, sign_of(r), &names, NULL, err));
    return outgoing_complete(r, err);
}

int connector_preview(struct connector *c, const char *resource,
                      const struct connector_param *params, size_t nparams, struct span body,
                      const char *idempotency_key, struct arena *arena,
                      struct connector_request *ret, struct error *err)
{
    struct outgoing r = {.arena = arena, .c = c};

    TRY(request_build(&r, resource, params, nparams, body, err));
    TRY(masked_fill(&r, err));
    if (idempotency_key)
        outgoing_header(&r, "Idempotency-Key", idempotency_key);
    if (r.http.body.ptr)
        outgoing_header(&r, "Content-Type",
                        r.http.content_type ? r.http.content_type : "application/json");
    for (size_t i = 0; i < r.headers.count; i++)
        r.headers.items[i].value =
            text_shown(r.headers.items[i].value, strlen(r.headers.items[i].value), arena);
    *ret = (struct connector_request){.method = r.http.method,
                                      .url = text_shown(r.http.url, strlen(r.http.url), arena),
                                      .headers = r.headers.items,
                                      .nheaders = r.headers.count};
    if (r.http.body.ptr)
        ret->body = span_of(text_shown(r.http.body.ptr, r.http.body.len, arena));
    return 0;
}

/* ---- signatures ------------------------------------------------------------------------------ */

static const struct connector_piece *pieces_copy(const struct sign_piece *from, size_t n,
                                                 struct arena *arena)
{
    struct connector_piece *to = arena_array(arena, n + 1, sizeof(*to));

    for (size_t i = 0; i < n; i++)
        to[i] = (struct connector_piece){from[i].name, from[i].value};
    return to;
}

static int signature_make(struct outgoing *r, const struct connector_moment *moment,
                          struct sign_trace *trace, struct error *err)
{
    struct auth_scope names;

    TRY(auth_apply(r, err));
    auth_scope_init(&names, r->c);
    if (moment && moment->at_us)
        names.now_us = moment->at_us;
    if (moment && moment->nonce)
        (void)snprintf(names.nonce, sizeof(names.nonce), "%s", moment->nonce);
    return sign_apply(r, sign_of(r), &names, trace, err);
}

static struct connector_signature signature_of(const struct sign_spec *spec,
                                               const struct sign_trace *trace, struct arena *arena)
{
    return (struct connector_signature){
        .algorithm = sign_algorithms[spec->algorithm],
        .encoding = sign_encodings[spec->encoding],
        .template = spec->text,
        .key = spec->key,
        .pieces = pieces_copy(trace->pieces, trace->npieces, arena),
        .npieces = trace->npieces,
        .text = trace->text,
        .signature = trace->signature,
        .places = pieces_copy(trace->places, trace->nplaces, arena),
        .nplaces = trace->nplaces,
    };
}

int connector_sign(struct connector *c, const char *resource, const struct connector_param *params,
                   size_t nparams, struct span body, const struct connector_moment *moment,
                   struct arena *arena, struct connector_signature *ret, struct error *err)
{
    struct outgoing r = {.arena = arena, .c = c};
    struct sign_trace *trace = arena_alloc(arena, sizeof(*trace));

    TRY(request_build(&r, resource, params, nparams, body, err));
    const struct sign_spec *spec = sign_of(&r);
    if (!spec) {
        error_set(err, ERR_SPEC, "resource '%s' of connector '%s' is not signed", resource,
                  c->name);
        return error_hint(err, "a signature is declared under 'sign' of the connector");
    }
    TRY(signature_make(&r, moment, trace, err));
    *ret = signature_of(spec, trace, arena);
    return 0;
}

/* ---- answers --------------------------------------------------------------------------------- */

/* The line up to its end, which is left out; the rest stays in text. */
static struct span line_take(struct span *text)
{
    const char *nl = memchr(text->ptr, '\n', text->len);
    struct span line = {text->ptr, nl ? (size_t)(nl - text->ptr) : text->len};
    size_t n = line.len + (nl != NULL);

    *text = (struct span){text->ptr + n, text->len - n};
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

static bool is_head(struct span text)
{
    return text.len >= 5 && memcmp(text.ptr, "HTTP/", 5) == 0;
}

static int status_of(struct span line)
{
    const char *blank = memchr(line.ptr, ' ', line.len);
    size_t at = blank ? (size_t)(blank - line.ptr) + 1 : line.len;
    int status = 0;

    for (size_t i = at; i < at + 3; i++) {
        if (i >= line.len || line.ptr[i] < '0' || line.ptr[i] > '9')
            return 0;
        status = status * 10 + line.ptr[i] - '0';
    }
    return status;
}

static void header_take(struct http_response *r, struct span line, struct arena *arena)
{
    const char *colon = memchr(line.ptr, ':', line.len);

    if (!colon)
        return;
    size_t n = (size_t)(colon - line.ptr);
    char *name = arena_strndup(arena, line.ptr, n);
    for (char *p = name; *p; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
    struct span value = {colon + 1, line.len - n - 1};
    while (value.len > 0 && strchr(" \t", value.ptr[value.len - 1]))
        value.len--;
    while (value.len > 0 && strchr(" \t", *value.ptr))
        value = (struct span){value.ptr + 1, value.len - 1};
    http_response_add_header(r, name, arena_strndup(arena, value.ptr, value.len));
}

/* The last of several heads is that of the answer: before it stand "100 Continue" and redirects. */
static int answer_read(struct span text, struct http_response *r, struct arena *arena,
                       struct error *err)
{
    while (is_head(text)) {
        http_response_release(r);
        r->status = status_of(line_take(&text));
        for (struct span line = line_take(&text); line.len > 0; line = line_take(&text))
            header_take(r, line, arena);
    }
    if (r->status < 100) {
        error_set(err, ERR_DATA, "the text is no answer: it does not begin with HTTP/1.1 200");
        return error_hint(err, "curl -i prints one: status line, headers, an empty line, body");
    }
    strbuf_init(&r->body, text.len + 1);
    strbuf_add(&r->body, text.ptr, text.len);
    return 0;
}

int connector_verify(struct connector *c, const char *resource,
                     const struct connector_param *params, size_t nparams, struct span answer,
                     const struct connector_moment *moment, struct arena *arena,
                     struct connector_signature *ret, struct error *err)
{
    struct outgoing r = {.arena = arena, .c = c};
    struct sign_trace *trace = arena_alloc(arena, sizeof(*trace));
    struct http_response response = {0};

    *ret = (struct connector_signature){0};
    TRY(request_build(&r, resource, params, nparams, (struct span){0}, err));
    const struct verify_spec *spec = verify_of(&r);
    if (!spec) {
        error_set(err, ERR_SPEC, "answers to resource '%s' of connector '%s' are not verified",
                  resource, c->name);
        return error_hint(err, "how they are signed is declared under 'verify' of the connector");
    }
    int code = answer_read(answer, &response, arena, err);
    if (code == 0)
        code = verify_answer(&r, &response, moment ? moment->at_us : 0, trace, err);
    if (trace->text) {
        *ret = signature_of(&spec->sign, trace, arena);
        ret->key = ret->key ? ret->key : spec->key_id;
    }
    http_response_release(&response);
    return code;
}
