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
    *ret = (struct connector_signature){
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
    return 0;
}
