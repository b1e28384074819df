/* lib/domain/notification_sms.c - text messages by Aliyun (SendSms, version 2017-05-25, RPC
 * style). A repeat would be a second message, so one that may have left is asked about by its OutId
 * (QuerySendDetails) first. Errors come with HTTP 200 and with 4xx: the Code in the body decides.
 */
#include "core/clock.h"
#include "core/message.h"
#include "core/secret.h"
#include "domain/notification_internal.h"
#include "format/jsonx.h"
#include "net/url.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PARAMETERS_MAX 20
#define PHONES_MAX     1000 /* of one call */
/* One asked about earlier may not be listed yet. */
#define LISTED_AFTER_S 60

static bool is_declared(const struct notification_options *o)
{
    return o->sms_key != NULL;
}

static int missing(struct error *err, const char *what, const char *setting)
{
    error_set(err, ERR_CONFIG, "text messages need %s", what);
    return error_hint(err, "set notify.%s", setting);
}

static int open_sms(struct notification_way *w, struct arena *arena, struct error *err)
{
    const struct notification_options *o = w->options;
    char *origin;
    (void)arena;
    if (w->place->secret == NULL)
        return missing(err, message_text("the secret of their access key"), "sms_access_secret");
    if (o->sms_sign_name == NULL)
        return missing(err, message_text("a sign name"), "sms_sign_name");
    if (o->sms_to_count == 0 || o->sms_to_count > PHONES_MAX)
        return missing(err, message_text("between one and 1,000 phone numbers"), "sms_to");
    TRY(url_origin(w->place->url, &origin, err));
    free(origin);
    secret_register(o->sms_key);
    for (size_t i = 0; i < o->sms_to_count; i++)
        secret_register(o->sms_to[i]); /* personal data: in no log and no error */
    return ERR_OK;
}

/* ---- calls --------------------------------------------------------------------------------- */

/* Signs the action's own parameters and the common ones. */
static int call_of(const struct notification_way *w, const struct notification_parameter *own,
                   size_t count, struct arena *arena, struct notification_call *ret,
                   struct error *err)
{
    AUTO_STRBUF struct strbuf form = {0}, signature = {0};
    struct notification_parameter all[PARAMETERS_MAX] = {
        {"AccessKeyId", w->options->sms_key},
        {"Format", "JSON"},
        {"SignatureMethod", "HMAC-SHA1"},
        {"SignatureVersion", "1.0"},
        {"Timestamp", notification_time_text(arena, clock_wall_us() / 1000000)},
        {"Version", "2017-05-25"}};
    char nonce[37];
    size_t n = 6;
    clock_random_uuid(nonce);
    all[n++] = (struct notification_parameter){"SignatureNonce", nonce};
    for (size_t i = 0; i < count; i++)
        all[n++] = own[i];
    strbuf_init(&form, NOTIFICATION_BYTES_MAX);
    strbuf_init(&signature, 0);
    TRY(notification_sign_aliyun(w->place->secret, all, n, &form, &signature, err));
    http_encode_param(&form, "Signature", signature.data, false);
    if (form.overflow)
        return error_set(err, ERR_LIMIT, "the message is too long");
    ret->signature = arena_strdup(arena, signature.data);
    ret->url = w->place->url;
    ret->body = (struct span){arena_strndup(arena, form.data, form.len), form.len};
    ret->content_type = "application/x-www-form-urlencoded";
    return ERR_OK;
}

static const char *phones(const struct notification_options *o, struct arena *arena)
{
    AUTO_STRBUF struct strbuf list = {0};
    strbuf_init(&list, 0);
    for (size_t i = 0; i < o->sms_to_count; i++)
        strbuf_addf(&list, "%s%s", i > 0 ? "," : "", o->sms_to[i]);
    return arena_strndup(arena, list.data, list.len);
}

/* A JSON object of texts: the values of the template's names. */
static int template_param(const struct notification_options *o,
                          const struct notification_message *m, struct strbuf *out,
                          struct error *err)
{
    struct jwriter w;
    jwriter_init(&w, out);
    jwriter_object(&w);
    for (size_t i = 0; o->sms_params != NULL && i < o->sms_params->count; i++) {
        AUTO_STRBUF struct strbuf value = {0};
        strbuf_init(&value, 4096);
        TRY(notification_render(o->sms_params->values[i] != NULL ? o->sms_params->values[i] : "", m,
                                NOTIFICATION_PLAIN, &value, err));
        jwriter_kstring(&w, o->sms_params->keys[i], value.data);
    }
    jwriter_end(&w);
    return ERR_OK;
}

static int sms_call(const struct notification_way *w, const struct notification_message *m,
                    struct arena *arena, struct notification_call *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf values = {0};
    strbuf_init(&values, NOTIFICATION_BYTES_MAX);
    TRY(template_param(w->options, m, &values, err));
    const struct notification_parameter own[] = {{"Action", "SendSms"},
                                                 {"OutId", m->id},
                                                 {"PhoneNumbers", phones(w->options, arena)},
                                                 {"SignName", w->options->sms_sign_name},
                                                 {"TemplateCode", w->options->sms_template},
                                                 {"TemplateParam", values.data}};
    return call_of(w, own, sizeof own / sizeof *own, arena, ret, err);
}

static const char *day_in_china(struct arena *arena, int64_t at_s)
{
    char text[16];
    time_t at = (time_t)(at_s + (int64_t)8 * 3600);
    struct tm tm;
    (void)gmtime_r(&at, &tm);
    size_t n = strftime(text, sizeof text, "%Y%m%d", &tm);
    return arena_strndup(arena, text, n);
}

/* One call is accepted or refused as a whole, so the first number tells of all. SendDate is a day
 * of China. */
static int sms_ask(const struct notification_way *w, const struct notification_message *m,
                   struct arena *arena, struct notification_call *ret, struct error *err)
{
    const struct notification_parameter own[] = {{"Action", "QuerySendDetails"},
                                                 {"PhoneNumber", w->options->sms_to[0]},
                                                 {"SendDate", day_in_china(arena, m->tried_s)},
                                                 {"PageSize", "50"},
                                                 {"CurrentPage", "1"}};
    return call_of(w, own, sizeof own / sizeof *own, arena, ret, err);
}

/* ---- answers ------------------------------------------------------------------------------- */

static enum notification_outcome by_code(const char *code, const char *text, struct error *err)
{
    static const char *const later[] = {"isp.SYSTEM_ERROR", "isp.RAM_PERMISSION_DENY",
                                        "InternalError", "ServiceUnavailable",
                                        "SignatureNonceUsed"};
    if (strcmp(code, "OK") == 0)
        return NOTIFICATION_ACCEPTED;
    error_set(err, ERR_REMOTE, "answered %.80s: %.200s", code, text != NULL ? text : "");
    if (strncmp(code, "Throttling", 10) == 0) {
        err->code = ERR_RATE_LIMITED;
        return NOTIFICATION_LIMITED;
    }
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (strcmp(code, later[i]) == 0) {
            err->code = ERR_UNAVAILABLE;
            return NOTIFICATION_LATER;
        }
    return NOTIFICATION_REFUSED; /* isv.BUSINESS_LIMIT_CONTROL too: this number has had enough */
}

static int parse(const struct http_response *response, struct jsonx **ret, const char **ret_code)
{
    struct error ignored = ERROR_INIT;
    TRY(jsonx_parse(response->body.data, response->body.len, "answer", ret, &ignored));
    *ret_code = jsonx_text(jsonx_get(*ret, "Code"));
    return ERR_OK;
}

static enum notification_outcome sms_judge(const struct http_response *response, struct error *err)
{
    struct jsonx *body = NULL;
    const char *code = NULL;
    enum notification_outcome outcome = NOTIFICATION_BY_STATUS;
    if (parse(response, &body, &code) == ERR_OK && code != NULL)
        outcome = by_code(code, jsonx_text(jsonx_get(body, "Message")), err);
    else if (response->status >= 200 && response->status <= 299) {
        error_set(err, ERR_REMOTE, "answered %d with a body that is not understood",
                  response->status);
        outcome = NOTIFICATION_UNKNOWN;
    }
    jsonx_free(body);
    return outcome;
}

/* SendStatus 1: on its way, 2: failed, 3: received (help.aliyun.com, QuerySendDetails). */
static enum notification_outcome detail_outcome(const struct jsonx *detail, struct error *err)
{
    const char *code = jsonx_text(jsonx_get(detail, "ErrCode"));
    int64_t status = 0;
    if (!jsonx_integer(jsonx_get(detail, "SendStatus"), &status) || status != 2)
        return NOTIFICATION_ACCEPTED;
    error_set(err, ERR_REMOTE, "it was sent and not received: %.80s", code != NULL ? code : "");
    return NOTIFICATION_REFUSED;
}

static enum notification_outcome find_detail(const struct notification_message *m,
                                             const struct jsonx *body, struct error *err)
{
    const struct jsonx *details = jsonx_pointer(body, "/SmsSendDetailDTOs/SmsSendDetailDTO");
    int64_t total = 0, age_s = clock_wall_us() / 1000000 - m->tried_s;
    for (size_t i = 0; i < jsonx_count(details); i++) {
        const char *id = jsonx_text(jsonx_get(jsonx_at(details, i), "OutId"));
        if (id != NULL && strcmp(id, m->id) == 0)
            return detail_outcome(jsonx_at(details, i), err);
    }
    (void)jsonx_integer(jsonx_get(body, "TotalCount"), &total);
    error_set(err, ERR_UNAVAILABLE, "it was asked about: it never left");
    if (total > (int64_t)jsonx_count(details) || age_s < LISTED_AFTER_S) {
        error_set(err, ERR_UNAVAILABLE, "it was asked about, and is not listed yet");
        return NOTIFICATION_UNKNOWN;
    }
    return NOTIFICATION_LATER;
}

static enum notification_outcome sms_ask_judge(const struct notification_message *m,
                                               const struct http_response *response,
                                               struct error *err)
{
    struct jsonx *body = NULL;
    const char *code = NULL;
    enum notification_outcome outcome = NOTIFICATION_UNKNOWN;
    if (parse(response, &body, &code) == ERR_OK && code != NULL && strcmp(code, "OK") == 0)
        outcome = find_detail(m, body, err);
    else
        error_set(err, ERR_UNAVAILABLE, "asking about it was answered %.80s",
                  code != NULL ? code : message_text("without a code"));
    jsonx_free(body);
    return outcome;
}

static int sms_preview(const struct notification_way *w, const struct notification_message *m,
                       struct strbuf *out, struct error *err)
{
    strbuf_addf(out, "SignName=%s TemplateCode=%s TemplateParam=", w->options->sms_sign_name,
                w->options->sms_template);
    return template_param(w->options, m, out, err);
}

const struct notification_ops notification_sms = {.whom = MESSAGE("the text message service"),
                                                  .is_declared = is_declared,
                                                  .open = open_sms,
                                                  .call = sms_call,
                                                  .judge = sms_judge,
                                                  .ask = sms_ask,
                                                  .ask_judge = sms_ask_judge,
                                                  .preview = sms_preview};
