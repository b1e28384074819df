/* lib/domain/notification_hook.c - a message as a POST, signed as Standard Webhooks says
 * (standardwebhooks.com): HMAC-SHA256 over "id.timestamp.body", base64, behind "v1,". */
#include "core/clock.h"
#include "core/message.h"
#include "domain/notification_internal.h"
#include "format/jsonx.h"
#include "net/digest.h"
#include "net/url.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_PREFIX "whsec_"

static int secret_bytes(const char *secret, struct digest *decoded, struct span *ret,
                        struct error *err)
{
    size_t prefix = strlen(SECRET_PREFIX);
    *ret = span_of(secret);
    if (strncmp(secret, SECRET_PREFIX, prefix) != 0)
        return ERR_OK;
    if (strlen(secret) > DIGEST_MAX_BYTES ||
        !digest_decode(DIGEST_BASE64, span_of(secret + prefix), decoded) || decoded->len == 0) {
        error_set(err, ERR_CONFIG, "notify.webhook_secret is not base64 behind its whsec_");
        return error_hint(err, "a secret of another form is taken as it is, without whsec_");
    }
    *ret = (struct span){(const char *)decoded->bytes, decoded->len};
    return ERR_OK;
}

static bool is_declared(const struct notification_options *o)
{
    return o->places[NOTIFICATION_WEBHOOK].url != NULL;
}

static int open_hook(struct notification_way *w, struct arena *arena, struct error *err)
{
    struct digest decoded;
    struct span key;
    char *origin;
    (void)arena;
    if (w->place->secret == NULL) {
        error_set(err, ERR_CONFIG, "the webhook needs a secret to sign with");
        return error_hint(err, "set notify.webhook_secret to env:NAME, file:PATH or cmd:COMMAND");
    }
    TRY(url_origin(w->place->url, &origin, err));
    free(origin);
    return secret_bytes(w->place->secret, &decoded, &key, err);
}

static int sign(const char *secret, const char *id, const char *timestamp,
                const struct strbuf *body, struct strbuf *out, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct digest decoded, digest;
    struct span key;
    strbuf_init(&text, 2 * NOTIFICATION_BYTES_MAX);
    strbuf_addf(&text, "%s.%s.", id, timestamp);
    strbuf_add(&text, body->data, body->len);
    TRY(secret_bytes(secret, &decoded, &key, err));
    TRY(digest_compute(DIGEST_HMAC_SHA256, key, (struct span){text.data, text.len}, &digest, err));
    strbuf_adds(out, "v1,");
    digest_encode(DIGEST_BASE64, (struct span){(const char *)digest.bytes, digest.len}, out);
    return ERR_OK;
}

void notification_event_body(const struct notification_message *m, struct strbuf *out)
{
    struct jwriter w;
    jwriter_init(&w, out);
    jwriter_object(&w);
    jwriter_kstring(&w, "id", m->id);
    jwriter_kstring(&w, "type", m->type);
    jwriter_kstring(&w, "key", m->key);
    jwriter_kstring(&w, "timestamp", m->created_at);
    jwriter_kraw(&w, "data", m->payload);
    jwriter_end(&w);
}

static int hook_call(const struct notification_way *w, const struct notification_message *m,
                     struct arena *arena, struct notification_call *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf body = {0}, signature = {0};
    const char *timestamp = arena_printf(arena, "%" PRId64, clock_wall_us() / 1000000);
    strbuf_init(&body, NOTIFICATION_BYTES_MAX);
    strbuf_init(&signature, 0);
    notification_event_body(m, &body);
    if (body.overflow)
        return error_set(err, ERR_LIMIT, "the message is too long for the webhook");
    TRY(sign(w->place->secret, m->id, timestamp, &body, &signature, err));
    ret->url = w->place->url;
    ret->body = (struct span){arena_strndup(arena, body.data, body.len), body.len};
    ret->signature = arena_strdup(arena, signature.data);
    ret->idempotency_key = m->id;
    ret->headers[ret->nheaders++] = (struct http_header){"webhook-id", m->id};
    ret->headers[ret->nheaders++] = (struct http_header){"webhook-timestamp", timestamp};
    ret->headers[ret->nheaders++] = (struct http_header){"webhook-signature", ret->signature};
    return ERR_OK;
}

const struct notification_ops notification_hook = {.whom = MESSAGE("the webhook"),
                                                   .is_idempotent = true,
                                                   .is_declared = is_declared,
                                                   .open = open_hook,
                                                   .call = hook_call};
