/* Answers are signed by who sends them: what was signed, by which key, and when. */
#include "core/clock.h"
#include "core/datetime.h"
#include "core/fileio.h"
#include "core/message.h"
#include "net/connector_internal.h"
#include "net/digest.h"
#include <inttypes.h>

#define KEY_MAX ((size_t)64 << 10)

const struct verify_spec *verify_of(const struct outgoing *r)
{
    const struct verify_spec *v = NULL;

    if (r->resource)
        v = r->resource->verify ? r->resource->verify : r->c->spec.verify;
    return v && v->sign.algorithm != SIGN_NONE ? v : NULL;
}

/* An answer under examination. To the texts it is what a request is when that is signed. */
struct examination {
    const struct verify_spec *spec;
    struct outgoing answer;
    struct auth_scope names;
    int64_t at_us;
    struct strbuf params, text, signature, key, scratch;
};

static void examination_begin(struct examination *x, const struct outgoing *r,
                              const struct http_response *response)
{
    size_t room = response->body.len + CONNECTOR_TEXT_MAX;

    x->answer = (struct outgoing){
        .arena = r->arena,
        .c = r->c,
        .resource = r->resource,
        .url = r->url,
        .query = r->query,
        .http = {.method = r->http.method, .body = {response->body.data, response->body.len}}};
    for (size_t i = 0; i < response->nheaders; i++)
        outgoing_header(&x->answer, response->headers[i].name, response->headers[i].value);
    auth_scope_init(&x->names, r->c);
    x->names.request = &x->answer;
    if (x->at_us == 0)
        x->at_us = x->names.now_us;
    strbuf_init(&x->params, room);
    strbuf_init(&x->text, room);
    strbuf_init(&x->signature, CONNECTOR_TEXT_MAX);
    strbuf_init(&x->key, KEY_MAX);
    strbuf_init(&x->scratch, CONNECTOR_TEXT_MAX);
}

static void examination_end(struct examination *x)
{
    strbuf_release(&x->params);
    strbuf_release(&x->text);
    strbuf_release(&x->signature);
    if (x->key.data)
        explicit_bzero(x->key.data, x->key.capacity);
    strbuf_release(&x->key);
    strbuf_release(&x->scratch);
}

/* A short text of the answer, into scratch. */
static int text_of(struct examination *x, const char *formula, struct error *err)
{
    const struct formula_scope scope = auth_scope_formula(&x->names);

    strbuf_clear(&x->scratch);
    return formula_render(formula, &scope, &x->scratch, err);
}

static int key_formula(struct examination *x, const char **ret, struct error *err)
{
    const struct verify_spec *v = x->spec;

    *ret = v->sign.key;
    if (v->keys.count == 0)
        return 0;
    TRY(text_of(x, v->key_id, err));
    for (size_t i = 0; i < v->keys.count; i++)
        if (strcmp(v->keys.keys[i], x->scratch.data) == 0) {
            *ret = v->keys.values[i];
            return 0;
        }
    if (x->scratch.len == 0)
        return error_set(err, ERR_REMOTE, "it does not say which key it is signed with");
    error_set(err, ERR_REMOTE, "it is signed with the key '%.100s', which is not among 'keys'",
              x->scratch.data);
    return error_hint(err, "get the system's new key by a way you trust, and add it to 'keys'");
}

/* A public key is no secret: its file may be one that everybody can read. */
static int key_fetch(struct examination *x, struct error *err)
{
    const struct formula_scope scope = auth_scope_formula(&x->names);
    const char *formula = NULL;

    TRY(key_formula(x, &formula, err));
    if (!formula)
        return 0;
    TRY(formula_render(formula, &scope, &x->key, err));
    if (x->spec->sign.algorithm - 1 != DIGEST_RSA2 || strncmp(x->key.data, "file:", 5) != 0)
        return 0;
    const char *path = arena_strdup(x->answer.arena, x->key.data + 5);
    strbuf_clear(&x->key);
    return file_read(path, KEY_MAX, &x->key, err);
}

static bool time_read(const char *text, int64_t *ret_us)
{
    struct datetime t;
    size_t n = strlen(text);
    bool digits = n > 0 && strspn(text, "0123456789") == n;
    bool good = digits ? datetime_parse(n > 11 ? "epoch_ms" : "epoch_s", text, n, &t)
                       : datetime_parse_iso(text, n, &t) && t.has_zone;

    if (good)
        *ret_us = t.us;
    return good;
}

static int time_check(struct examination *x, struct error *err)
{
    int64_t signed_us = 0;

    if (!x->spec->signed_at)
        return 0;
    TRY(text_of(x, x->spec->signed_at, err));
    if (!time_read(x->scratch.data, &signed_us))
        return error_set(err, ERR_REMOTE, "it does not say when it was signed: '%.40s' is no time",
                         x->scratch.data);
    int64_t age_s = (x->at_us - signed_us) / 1000000, max_s = x->spec->max_age_ms / 1000;
    if (age_s <= max_s && -age_s <= max_s)
        return 0;
    error_set(err, ERR_REMOTE, "it was signed %" PRId64 " s %s, and max_age is %" PRId64 " s",
              age_s < 0 ? -age_s : age_s,
              age_s < 0 ? message_text("from now") : message_text("ago"), max_s);
    return error_hint(err, "an old answer sent again, or a clock that is wrong: this machine's?");
}

static int signature_check(struct examination *x, struct error *err)
{
    struct digest stated = {0};
    const struct sign_spec *spec = &x->spec->sign;

    if (x->signature.len == 0)
        return error_set(err, ERR_REMOTE, "it has no signature");
    TRY(time_check(x, err));
    if (!digest_decode((enum digest_encoding)spec->encoding,
                       (struct span){x->signature.data, x->signature.len}, &stated))
        return error_set(err, ERR_REMOTE, "its signature is no %s", sign_encodings[spec->encoding]);
    TRY(key_fetch(x, err));
    return digest_verify((enum digest_algorithm)(spec->algorithm - 1),
                         (struct span){x->key.data, x->key.len},
                         (struct span){x->text.data, x->text.len},
                         (struct span){(const char *)stated.bytes, stated.len}, err);
}

static int examine(struct examination *x, struct sign_trace *trace, struct error *err)
{
    const struct formula_scope scope = auth_scope_formula(&x->names);

    if (formula_render(x->spec->signature, &scope, &x->signature, err) != 0) {
        if (err->code == ERR_SPEC)
            return (int)err->code;
        strbuf_clear(&x->signature); /* of a body that is no JSON */
        *err = (struct error)ERROR_INIT;
    }
    if (sign_text(&x->spec->sign, &x->names, &x->params, &x->text, err) != 0)
        return err->code == ERR_SPEC ? (int)err->code
                                     : error_set(err, ERR_REMOTE, "what is signed is not there");
    if (trace)
        TRY(sign_explain(&x->spec->sign, &x->names, x->signature.data, trace, err));
    return signature_check(x, err);
}

int verify_answer(const struct outgoing *r, const struct http_response *response, int64_t at_us,
                  struct sign_trace *trace, struct error *err)
{
    struct examination x = {.spec = verify_of(r), .at_us = at_us};

    if (!x.spec)
        return 0;
    examination_begin(&x, r, response);
    int code = examine(&x, trace, err);
    examination_end(&x);
    if (code == 0)
        return 0;
    if (!err->hint[0])
        error_hint(err,
                   "'verify' of connector '%s' says how answers are signed; diner connector "
                   "sign --explain --answer FILE shows it piece by piece",
                   r->c->name);
    return error_context(err, "the answer is not to be believed");
}
