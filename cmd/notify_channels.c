/* cmd/notify_channels.c - from settings to channels. */
#include "cmd/notify_channels.h"
#include "core/secret.h"

static int resolve(struct notify_channels *c, const char *reference, const char **ret,
                   struct error *err)
{
    char *value;
    *ret = NULL;
    if (reference == NULL || *reference == '\0')
        return 0;
    TRY(secret_resolve(reference, &value, err));
    c->secrets[c->nsecrets++] = value;
    *ret = value;
    return 0;
}

static int fill_mail(struct notify_channels *c, const struct settings *s, struct error *err)
{
    struct notification_options *o = &c->options;
    TRY(resolve(c, s->notify_smtp_password, &o->smtp.password, err));
    o->smtp.url = s->notify_smtp_url;
    o->smtp.user = s->notify_smtp_user;
    o->smtp.ca_file = s->notify_smtp_ca_file;
    o->smtp.plain = s->notify_smtp_plain;
    o->smtp.connect_timeout_ms = s->http_connect_timeout_ms;
    o->smtp.timeout_ms = s->notify_smtp_timeout_ms;
    o->from = s->notify_from;
    o->to = s->notify_to.items;
    o->to_count = s->notify_to.count;
    return 0;
}

static int fill_places(struct notify_channels *c, const struct settings *s, struct error *err)
{
    struct notification_place *p = c->options.places;
    const struct {
        enum notification_channel channel;
        const char *url, *secret;
        struct field_rate rate;
    } robots[] = {
        {NOTIFICATION_DINGTALK, s->notify_dingtalk_url, s->notify_dingtalk_secret,
         s->notify_dingtalk_rate},
        {NOTIFICATION_WECOM, s->notify_wecom_url, NULL, s->notify_wecom_rate},
        {NOTIFICATION_FEISHU, s->notify_feishu_url, s->notify_feishu_secret, s->notify_feishu_rate},
        {NOTIFICATION_SLACK, s->notify_slack_url, NULL, s->notify_slack_rate}};
    for (size_t i = 0; i < sizeof robots / sizeof *robots; i++) {
        TRY(resolve(c, robots[i].url, &p[robots[i].channel].url, err));
        TRY(resolve(c, robots[i].secret, &p[robots[i].channel].secret, err));
        p[robots[i].channel].rate = robots[i].rate;
    }
    p[NOTIFICATION_WEBHOOK].url = s->notify_webhook_url;
    p[NOTIFICATION_RABBITMQ].url = s->notify_rabbitmq_url;
    p[NOTIFICATION_SMS].url = s->notify_sms_url;
    p[NOTIFICATION_SMS].rate = s->notify_sms_rate;
    TRY(resolve(c, s->notify_sms_key, &c->options.sms_key, err));
    TRY(resolve(c, s->notify_sms_secret, &p[NOTIFICATION_SMS].secret, err));
    TRY(resolve(c, s->notify_rabbitmq_password, &p[NOTIFICATION_RABBITMQ].secret, err));
    return resolve(c, s->notify_webhook_secret, &p[NOTIFICATION_WEBHOOK].secret, err);
}

int notify_channels_open(struct cli *cli, struct notify_channels *c, struct error *err)
{
    const struct settings *s = config_settings(cli->config);
    struct notification_options *o = &c->options;
    TRY(fill_mail(c, s, err));
    TRY(fill_places(c, s, err));
    o->sms_sign_name = s->notify_sms_sign_name;
    o->sms_template = s->notify_sms_template;
    o->sms_to = s->notify_sms_to.items;
    o->sms_to_count = s->notify_sms_to.count;
    o->sms_params = &s->notify_sms_params;
    o->routes = &s->notify_routes;
    o->templates = &s->notify_templates;
    o->connect_timeout_ms = s->http_connect_timeout_ms;
    o->timeout_ms = s->http_timeout_ms;
    o->ca_file = s->notify_ca_file;
    o->retries = s->notify_retries;
    o->retry_after_ms = s->notify_retry_after_ms;
    o->retry_cap_ms = s->notify_retry_cap_ms;
    o->max_age_ms = s->notify_max_age_ms;
    o->breaker_failures = s->breaker_failures;
    return notifier_new(o, &c->notifier, err);
}

int notify_channels_broker(const struct notify_channels *c,
                           int (*declare)(struct broker *b, struct error *err), struct broker **ret,
                           struct error *err)
{
    const struct notification_options *o = &c->options;
    const struct notification_place *place = &o->places[NOTIFICATION_RABBITMQ];
    if (place->url == NULL) {
        error_set(err, ERR_CONFIG, "there is no broker to work for");
        return error_hint(err, "set notify.rabbitmq_url and notify.rabbitmq_password");
    }
    return broker_new(&(struct broker_options){.url = place->url,
                                               .password = place->secret,
                                               .ca_file = o->ca_file,
                                               .connect_timeout_ms = o->connect_timeout_ms,
                                               .timeout_ms = o->timeout_ms,
                                               .declare = declare},
                      ret, err);
}

void notify_channels_release(struct notify_channels *c)
{
    notifier_free(c->notifier);
    for (size_t i = 0; i < c->nsecrets; i++)
        secret_free(c->secrets[i]);
}
