/* lib/domain/notification_sign.c - signatures of the robots and of Aliyun's RPC interfaces. */
#include "domain/notification_internal.h"
#include "net/digest.h"
#include "net/url.h"
#include <stdlib.h>
#include <string.h>

static int hmac_base64(enum digest_algorithm algorithm, struct span key, struct span text,
                       struct strbuf *out, struct error *err)
{
    struct digest digest;
    TRY(digest_compute(algorithm, key, text, &digest, err));
    digest_encode(DIGEST_BASE64, (struct span){(const char *)digest.bytes, digest.len}, out);
    return ERR_OK;
}

/* The secret is the key, and half of the text (open.dingtalk.com, custom robots). */
int notification_sign_dingtalk(const char *secret, const char *timestamp_ms, struct strbuf *out,
                               struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 0);
    strbuf_addf(&text, "%s\n%s", timestamp_ms, secret);
    return hmac_base64(DIGEST_HMAC_SHA256, span_of(secret), (struct span){text.data, text.len}, out,
                       err);
}

/* The other way round: time and secret are the key of an empty text (open.feishu.cn). */
int notification_sign_feishu(const char *secret, const char *timestamp_s, struct strbuf *out,
                             struct error *err)
{
    AUTO_STRBUF struct strbuf key = {0};
    strbuf_init(&key, 0);
    strbuf_addf(&key, "%s\n%s", timestamp_s, secret);
    return hmac_base64(DIGEST_HMAC_SHA256, (struct span){key.data, key.len}, SPAN(""), out, err);
}

static int by_name(const void *a, const void *b)
{
    const struct notification_parameter *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* base64(HMAC-SHA1(secret&, POST&%2F&encoded(form))), form: "a=1&b=2" encoded as RFC 3986 says. */
int notification_sign_aliyun(const char *secret, struct notification_parameter *parameters,
                             size_t count, struct strbuf *form, struct strbuf *signature,
                             struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0}, key = {0};
    strbuf_init(&text, NOTIFICATION_BYTES_MAX);
    strbuf_init(&key, 0);
    qsort(parameters, count, sizeof *parameters, by_name);
    for (size_t i = 0; i < count; i++)
        http_encode_param(form, parameters[i].name, parameters[i].value, i == 0);
    strbuf_adds(&text, "POST&%2F&");
    url_encode(&text, form->data);
    strbuf_addf(&key, "%s&", secret);
    int code = hmac_base64(DIGEST_HMAC_SHA1, (struct span){key.data, key.len},
                           (struct span){text.data, text.len}, signature, err);
    explicit_bzero(key.data, key.len);
    return code;
}
