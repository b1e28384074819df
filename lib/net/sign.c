/* A request is signed: what is put in before, the text, its digest, what is put in after. */
#include "net/sign.h"
#include "core/datetime.h"
#include "core/secret.h"
#include "net/connector_internal.h"
#include "net/digest.h"
#include <inttypes.h>

int sign_time(const struct sign_spec *spec, int64_t us, struct strbuf *out, struct error *err)
{
    const struct zone *zone = NULL;
    struct civil t;

    if (!spec || strcmp(spec->timestamp, "s") == 0 || strcmp(spec->timestamp, "ms") == 0) {
        bool ms = spec && spec->timestamp[0] == 'm';
        strbuf_addf(out, "%" PRId64, us / (ms ? 1000 : 1000000));
        return 0;
    }
    TRY(zone_load(spec->timezone, &zone, err));
    civil_from_us(zone_utc_to_local(zone, us), &t);
    for (const char *p = spec->timestamp; *p; p++) {
        if (*p != '%' || !p[1]) {
            strbuf_addch(out, *p);
            continue;
        }
        switch (*++p) {
        case 'Y': strbuf_addf(out, "%04d", t.year); break;
        case 'm': strbuf_addf(out, "%02d", t.month); break;
        case 'd': strbuf_addf(out, "%02d", t.day); break;
        case 'H': strbuf_addf(out, "%02d", t.hour); break;
        case 'M': strbuf_addf(out, "%02d", t.minute); break;
        case 'S': strbuf_addf(out, "%02d", t.second); break;
        default: strbuf_addch(out, *p); break;
        }
    }
    return 0;
}

/* ---- putting in ------------------------------------------------------------------------------ */

static int body_member(struct outgoing *r, const char *pointer, const char *text,
                       const struct formula_scope *scope, struct error *err)
{
    AUTO_STRBUF struct strbuf value = {0}, body = {0};
    struct span document = r->http.body.len > 0 ? r->http.body : SPAN("{}");

    strbuf_init(&value, CONNECTOR_TEXT_MAX);
    strbuf_init(&body, STRBUF_DEFAULT_MAX);
    TRY(formula_json_text(text, scope, &value, err));
    int code = sign_json_put(document, pointer, (struct span){value.data, value.len}, &body, err);
    explicit_bzero(value.data, value.len);
    TRY(code);
    r->http.body = (struct span){arena_strndup(r->arena, body.data, body.len), body.len};
    return 0;
}

typedef void pair_setter(struct outgoing *r, const char *name, const char *value);

/* Those texts of a map that hold ${sign}, or those that do not. */
static int map_put(struct outgoing *r, const struct field_string_map *map, bool with_sign,
                   const struct formula_scope *scope, pair_setter *set, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    int code = 0;

    strbuf_init(&text, CONNECTOR_TEXT_MAX);
    for (size_t i = 0; i < map->count && code == 0; i++) {
        if (!map->values[i] || formula_uses(map->values[i], "sign") != with_sign)
            continue;
        if (!set) {
            code = body_member(r, map->keys[i], map->values[i], scope, err);
            continue;
        }
        strbuf_clear(&text);
        code = formula_render(map->values[i], scope, &text, err);
        if (code == 0 && set == outgoing_header && strpbrk(text.data, "\r\n"))
            code = error_set(err, ERR_DATA, "the value of '%s' has a line end", map->keys[i]);
        if (code == 0)
            set(r, map->keys[i], arena_strndup(r->arena, text.data, text.len));
        explicit_bzero(text.data, text.len);
    }
    return code;
}

static int put(struct outgoing *r, const struct sign_put *p, bool with_sign,
               struct auth_scope *names, struct error *err)
{
    const struct formula_scope scope = auth_scope_formula(names);

    TRY(map_put(r, &p->query, with_sign, &scope, outgoing_query, err));
    TRY(map_put(r, &p->form, with_sign, &scope, outgoing_form, err));
    TRY(map_put(r, &p->body, with_sign, &scope, NULL, err));
    return map_put(r, &p->headers, with_sign, &scope, outgoing_header, err);
}

/* ---- signing --------------------------------------------------------------------------------- */

struct texts {
    struct strbuf params, text, key, signature;
};

int sign_text(const struct sign_spec *spec, struct auth_scope *names, struct strbuf *params,
              struct strbuf *text, struct error *err)
{
    const struct formula_scope scope = auth_scope_formula(names);

    names->params = NULL;
    if (spec->params) {
        TRY(sign_params_text(names->request, spec, names, params, err));
        names->params = params->data;
    }
    return formula_render(spec->text, &scope, text, err);
}

static int digest_text(const struct sign_spec *spec, struct auth_scope *names, struct texts *t,
                       struct error *err)
{
    const struct formula_scope scope = auth_scope_formula(names);
    struct digest digest;

    names->signature = "****";
    if (names->is_masked)
        return 0;
    if (spec->key)
        TRY(formula_render(spec->key, &scope, &t->key, err));
    TRY(digest_compute((enum digest_algorithm)(spec->algorithm - 1),
                       (struct span){t->key.data, t->key.len},
                       (struct span){t->text.data, t->text.len}, &digest, err));
    digest_encode((enum digest_encoding)spec->encoding,
                  (struct span){(const char *)digest.bytes, digest.len}, &t->signature);
    names->signature = t->signature.data;
    return 0;
}

/* ---- what it was made of --------------------------------------------------------------------- */

/* Passes names on and notes what they stand for. */
struct recorder {
    struct formula_scope inner;
    struct sign_trace *trace;
    struct arena *arena;
};

static void piece_note(struct recorder *rec, const char *name, const struct span *argument,
                       struct span value)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct sign_trace *t = rec->trace;
    const char *shown = argument ? arena_printf(rec->arena, "%s:%s", name, argument->ptr)
                                 : arena_strdup(rec->arena, name);

    for (size_t i = 0; i < t->npieces; i++)
        if (strcmp(t->pieces[i].name, shown) == 0)
            return;
    if (t->npieces == SIGN_PIECES_MAX)
        return;
    strbuf_init(&text, STRBUF_DEFAULT_MAX);
    strbuf_add(&text, value.ptr, value.len);
    secret_redact(&text);
    t->pieces[t->npieces++] = (struct sign_piece){shown, arena_strdup(rec->arena, text.data)};
}

static int recorded_value(void *self, const char *name, const struct span *argument,
                          struct strbuf *out, bool *ret_found, struct error *err)
{
    struct recorder *rec = self;
    size_t before = out->len;

    TRY(rec->inner.value(rec->inner.self, name, argument, out, ret_found, err));
    if (*ret_found && !out->overflow)
        piece_note(rec, name, argument, (struct span){out->data + before, out->len - before});
    return 0;
}

static int places_note(const struct field_string_map *map, const char *place,
                       const struct formula_scope *scope, struct recorder *rec, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct sign_trace *t = rec->trace;

    strbuf_init(&text, CONNECTOR_TEXT_MAX);
    for (size_t i = 0; i < map->count && t->nplaces < SIGN_PIECES_MAX; i++) {
        if (!map->values[i] || !formula_uses(map->values[i], "sign"))
            continue;
        strbuf_clear(&text);
        TRY(formula_render(map->values[i], scope, &text, err));
        secret_redact(&text);
        t->places[t->nplaces++] =
            (struct sign_piece){arena_printf(rec->arena, "%s %s", place, map->keys[i]),
                                arena_strdup(rec->arena, text.data)};
    }
    return 0;
}

int sign_explain(const struct sign_spec *spec, const struct auth_scope *names,
                 const char *signature, struct sign_trace *trace, struct error *err)
{
    AUTO_STRBUF struct strbuf params = {0}, text = {0}, key = {0};
    struct auth_scope masked = *names;
    struct recorder rec = {.trace = trace, .arena = names->request->arena};

    masked.is_masked = true;
    rec.inner = auth_scope_formula(&masked);
    const struct formula_scope scope = {.value = recorded_value, .self = &rec, .is_masked = true};
    *trace = (struct sign_trace){.signature = arena_strdup(rec.arena, signature)};
    strbuf_init(&params, STRBUF_DEFAULT_MAX);
    strbuf_init(&text, STRBUF_DEFAULT_MAX);
    strbuf_init(&key, CONNECTOR_TEXT_MAX);
    masked.signature = NULL;
    if (spec->params)
        TRY(sign_params_text(names->request, spec, &masked, &params, err));
    masked.params = params.data;
    TRY(formula_render(spec->text, &scope, &text, err));
    if (spec->key)
        TRY(formula_render(spec->key, &scope, &key, err));
    secret_redact(&text);
    trace->text = arena_strdup(rec.arena, text.data);
    masked.signature = signature;
    TRY(places_note(&spec->put.query, "query", &rec.inner, &rec, err));
    TRY(places_note(&spec->put.form, "form", &rec.inner, &rec, err));
    TRY(places_note(&spec->put.body, "body", &rec.inner, &rec, err));
    return places_note(&spec->put.headers, "header", &rec.inner, &rec, err);
}

static int request_sign(struct outgoing *r, const struct sign_spec *spec, struct auth_scope *names,
                        struct texts *t, struct sign_trace *trace, struct error *err)
{
    TRY(put(r, &spec->put, false, names, err));
    TRY(sign_text(spec, names, &t->params, &t->text, err));
    TRY(digest_text(spec, names, t, err));
    if (trace) /* everything once more, without secrets */
        TRY(sign_explain(spec, names, t->signature.data, trace, err));
    return put(r, &spec->put, true, names, err);
}

static void wipe(struct strbuf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->capacity);
    strbuf_release(b);
}

int sign_apply(struct outgoing *r, const struct sign_spec *spec, struct auth_scope *names,
               struct sign_trace *trace, struct error *err)
{
    struct texts t = {0};

    if (!spec || spec->algorithm == SIGN_NONE)
        return 0;
    names->request = r;
    names->sign = spec;
    if (!r->is_signed) /* what is sent again is signed again, from the start */
        r->unsigned_body = r->http.body;
    if (r->form.count > 0)
        r->unsigned_body = (struct span){0};
    r->is_signed = true;
    r->http.body = r->unsigned_body;
    strbuf_init(&t.params, STRBUF_DEFAULT_MAX);
    strbuf_init(&t.text, STRBUF_DEFAULT_MAX);
    strbuf_init(&t.key, CONNECTOR_TEXT_MAX);
    strbuf_init(&t.signature, 0);
    int code = request_sign(r, spec, names, &t, trace, err);
    wipe(&t.params);
    wipe(&t.text);
    wipe(&t.key);
    wipe(&t.signature);
    names->params = names->signature = NULL;
    return code == 0 ? 0 : error_context(err, "signature for connector '%s'", r->c->name);
}
