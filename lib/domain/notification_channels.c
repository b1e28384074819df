/* lib/domain/notification_channels.c - the table of channels, and one message by one of them. */
#include "core/clock.h"
#include "core/secret.h"
#include "domain/notification_internal.h"
#include "format/mask.h"
#include "net/url.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ANSWER_BYTES_MAX ((size_t)64 << 10)
#define IN_FLIGHT_MAX    32
#define DIRECT_ATTEMPTS  3
#define DIRECT_WAIT_MS   1000

const char *const notification_channel_names[] = {[NOTIFICATION_EMAIL] = "email",
                                                  [NOTIFICATION_WEBHOOK] = "webhook",
                                                  [NOTIFICATION_SMS] = "sms",
                                                  [NOTIFICATION_DINGTALK] = "dingtalk",
                                                  [NOTIFICATION_WECOM] = "wecom",
                                                  [NOTIFICATION_FEISHU] = "feishu",
                                                  [NOTIFICATION_SLACK] = "slack",
                                                  [NOTIFICATION_RABBITMQ] = "rabbitmq",
                                                  NULL};

static const struct notification_ops *const registry[NOTIFICATION_CHANNELS] = {
    [NOTIFICATION_EMAIL] = &notification_mail,  [NOTIFICATION_WEBHOOK] = &notification_hook,
    [NOTIFICATION_SMS] = &notification_sms,     [NOTIFICATION_DINGTALK] = &notification_dingtalk,
    [NOTIFICATION_WECOM] = &notification_wecom, [NOTIFICATION_FEISHU] = &notification_feishu,
    [NOTIFICATION_SLACK] = &notification_slack, [NOTIFICATION_RABBITMQ] = &notification_broker};

enum notification_channel notification_channel_find(const char *name)
{
    int i = 0;
    while (notification_channel_names[i] != NULL &&
           strcmp(notification_channel_names[i], name) != 0)
        i++;
    return (enum notification_channel)i;
}

/* ---- routes -------------------------------------------------------------------------------- */

static bool is_pattern(const char *text)
{
    size_t n = 0;
    while (islower((unsigned char)text[n]) || isdigit((unsigned char)text[n]) || text[n] == '.' ||
           text[n] == '_')
        n++;
    return *text != '\0' && (text[n] == '\0' || (text[n] == '*' && text[n + 1] == '\0'));
}

/* "email sms" of one pattern; those not declared are left out: a default names more than there is.
 */
static int add_route(struct notifier *n, const char *pattern, const char *channels,
                     struct error *err)
{
    if (!is_pattern(pattern)) {
        error_set(err, ERR_CONFIG, "notify.routes: '%s' is no type of events", pattern);
        return error_hint(err, "write order.created, order.* or *");
    }
    while (*(channels += strspn(channels, " +")) != '\0') {
        size_t len = strcspn(channels, " +");
        const char *name = arena_strndup(n->arena, channels, len);
        enum notification_channel c = notification_channel_find(name);
        if (c == NOTIFICATION_CHANNELS) {
            error_set(err, ERR_CONFIG, "notify.routes: there is no channel '%s'", name);
            return error_hint(err, "email, webhook, sms, dingtalk, wecom, feishu, slack, rabbitmq");
        }
        if (n->ways[c].ops != NULL) {
            const char *comma = *n->targets != '\0' ? "," : "";
            n->patterns = arena_printf(n->arena, "%s%s%s", n->patterns, comma, pattern);
            n->targets = arena_printf(n->arena, "%s%s%s", n->targets, comma, name);
        }
        channels += len;
    }
    return ERR_OK;
}

static int read_routes(struct notifier *n, struct error *err)
{
    const struct field_string_map *routes = n->options->routes;
    n->patterns = n->targets = "";
    for (size_t i = 0; routes != NULL && i < routes->count; i++)
        TRY(add_route(n, routes->keys[i], routes->values[i] != NULL ? routes->values[i] : "", err));
    n->patterns = arena_printf(n->arena, "{%s}", n->patterns);
    n->targets = arena_printf(n->arena, "{%s}", n->targets);
    return ERR_OK;
}

/* ---- opening ------------------------------------------------------------------------------- */

static int open_way(struct notifier *n, size_t channel, struct error *err)
{
    const struct notification_options *o = n->options;
    struct notification_way *w = &n->ways[channel];
    const struct http_options http = {.connect_timeout_ms = o->connect_timeout_ms,
                                      .timeout_ms = o->timeout_ms,
                                      .body_max_bytes = ANSWER_BYTES_MAX,
                                      .in_flight_max = IN_FLIGHT_MAX,
                                      .ca_file = o->ca_file,
                                      .retry = {1, 1, 1, 1}};
    if (!registry[channel]->is_declared(o))
        return ERR_OK;
    *w = (struct notification_way){.ops = registry[channel],
                                   .channel = (enum notification_channel)channel,
                                   .options = o,
                                   .place = &o->places[channel]};
    if (w->ops->open(w, n->arena, err) != ERR_OK)
        return error_context(err, "channel '%s'", notification_channel_names[channel]);
    return w->ops->call != NULL ? http_client_new(&http, &w->http, err) : ERR_OK;
}

static int open_ways(struct notifier *n, struct error *err)
{
    bool is_any = false;
    for (size_t i = 0; i < NOTIFICATION_CHANNELS; i++) {
        TRY(open_way(n, i, err));
        is_any = is_any || n->ways[i].ops != NULL;
    }
    if (!is_any) {
        error_set(err, ERR_CONFIG, "no channel is declared to deliver by");
        return error_hint(err, "set notify.smtp_url, notify.webhook_url or another: 'diner help "
                               "settings' lists them");
    }
    return read_routes(n, err);
}

int notifier_new(const struct notification_options *options, struct notifier **ret,
                 struct error *err)
{
    struct notifier *n = mem_alloc(sizeof *n);
    n->options = options;
    n->arena = arena_new();
    int code = open_ways(n, err);
    if (code == ERR_OK)
        *ret = n;
    else
        notifier_free(n);
    return code;
}

void notifier_free(struct notifier *n)
{
    if (n == NULL)
        return;
    for (size_t i = 0; i < NOTIFICATION_CHANNELS; i++) {
        smtp_free(n->ways[i].smtp);
        broker_free(n->ways[i].broker);
        http_client_free(n->ways[i].http);
    }
    arena_free(n->arena);
    free(n);
}

void notifier_forgive(struct notifier *n)
{
    for (size_t i = 0; i < NOTIFICATION_CHANNELS; i++)
        n->ways[i].failures = 0;
}

/* ---- judging ------------------------------------------------------------------------------- */

/* A refused login or a missing page is somebody's mistake that may be mended before the attempts
 * are used up. */
static enum notification_outcome by_status(const struct http_request *request,
                                           const struct http_response *response, struct error *err)
{
    int code = http_response_check(request, response, err);
    if (code == ERR_OK)
        return NOTIFICATION_ACCEPTED;
    if (code == ERR_RATE_LIMITED)
        return NOTIFICATION_LIMITED;
    return error_is_retryable(err) || code == ERR_AUTH || code == ERR_NOT_FOUND
               ? NOTIFICATION_LATER
               : NOTIFICATION_REFUSED;
}

enum notification_outcome notification_judge(const struct notification_way *w,
                                             const struct http_request *request,
                                             const struct http_response *response, bool was_sent,
                                             struct error *err)
{
    if (response == NULL)
        return was_sent && !w->ops->is_idempotent ? NOTIFICATION_UNKNOWN : NOTIFICATION_LATER;
    enum notification_outcome outcome = NOTIFICATION_BY_STATUS;
    if (w->ops->judge != NULL)
        outcome = w->ops->judge(response, err);
    if (outcome == NOTIFICATION_BY_STATUS)
        outcome = by_status(request, response, err);
    /* Who failed at it, or somebody before him who gave up waiting, may have passed it on. */
    bool is_in_doubt = response->status >= 500 && response->status != 503;
    return outcome == NOTIFICATION_LATER && is_in_doubt && !w->ops->is_idempotent
               ? NOTIFICATION_UNKNOWN
               : outcome;
}

struct http_request notification_request(const struct notification_call *call)
{
    return (struct http_request){.method = "POST",
                                 .url = call->url,
                                 .headers = call->headers,
                                 .nheaders = call->nheaders,
                                 .body = call->body,
                                 .content_type = call->content_type,
                                 .idempotency_key = call->idempotency_key,
                                 .no_retry = true};
}

/* ---- at once ------------------------------------------------------------------------------- */

/* Sends in this moment and waits. 0 only with ACCEPTED. */
static int notification_send_once(struct notification_way *w, const struct notification_message *m,
                                  struct arena *arena, enum notification_outcome *ret,
                                  struct error *err)
{
    struct notification_call call = {0};
    struct http_response response = {0};
    bool was_sent = false;
    if (w->ops->send != NULL) {
        int code = w->ops->send(w, m, arena, ret, err);
        if (code != ERR_OK || w->ops->finish == NULL)
            return code;
        w->ops->finish(w);
        return *ret == NOTIFICATION_ACCEPTED ? ERR_OK : (int)err->code;
    }
    *ret = NOTIFICATION_REFUSED;
    TRY(w->ops->call(w, m, arena, &call, err));
    struct http_request request = notification_request(&call);
    request.was_sent = &was_sent;
    int code = http_send(w->http, &request, &response, err);
    *ret = notification_judge(w, &request, code == ERR_OK ? &response : NULL, was_sent, err);
    http_response_release(&response);
    return *ret == NOTIFICATION_ACCEPTED ? ERR_OK : (int)err->code;
}

static int way_of(struct notifier *n, enum notification_channel channel,
                  struct notification_way **ret, struct error *err)
{
    *ret = &n->ways[channel];
    if ((*ret)->ops != NULL)
        return ERR_OK;
    error_set(err, ERR_CONFIG, "channel '%s' is not declared", notification_channel_names[channel]);
    return error_hint(err, "'diner config show' lists the settings notify.*");
}

int notification_send(struct notifier *n, enum notification_channel channel,
                      const struct notification_message *m, struct error *err)
{
    struct notification_way *w;
    enum notification_outcome outcome = NOTIFICATION_LATER;
    TRY(way_of(n, channel, &w, err));
    struct arena *arena = arena_new();
    int code = ERR_OK;
    for (int i = 0; i < DIRECT_ATTEMPTS && outcome == NOTIFICATION_LATER; i++) {
        if (i > 0 && !error_is_retryable(err))
            break; /* a wrong password is not better in a second */
        if (i > 0)
            clock_sleep_ms(DIRECT_WAIT_MS << i);
        code = notification_send_once(w, m, arena, &outcome, err);
    }
    arena_free(arena);
    return code;
}

const char *notification_time_text(struct arena *arena, int64_t at_s)
{
    char text[32];
    time_t at = (time_t)at_s;
    struct tm tm;
    (void)gmtime_r(&at, &tm);
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return arena_strndup(arena, text, n);
}

void notification_message_make(struct arena *arena, const char *type, const char *key,
                               const char *payload, struct notification_message *ret)
{
    char id[37];
    int64_t now_us = clock_wall_us();
    clock_random_uuid(id);
    *ret =
        (struct notification_message){.id = arena_strdup(arena, id),
                                      .type = type,
                                      .key = key,
                                      .payload = payload,
                                      .created_at = notification_time_text(arena, now_us / 1000000),
                                      .created_s = now_us / 1000000,
                                      .tried_s = now_us / 1000000};
}

/* ---- shown --------------------------------------------------------------------------------- */

static const char *recipients(const struct notification_way *w, struct arena *arena)
{
    const struct notification_options *o = w->options;
    AUTO_STRBUF struct strbuf list = {0};
    strbuf_init(&list, 0);
    bool is_mail = w->channel == NOTIFICATION_EMAIL, is_sms = w->channel == NOTIFICATION_SMS;
    for (size_t i = 0; is_mail && i < w->to_count; i++) {
        strbuf_adds(&list, i > 0 ? ", " : "");
        mask_text(MASK_EMAIL, span_of(w->to[i].address), &list);
    }
    for (size_t i = 0; is_sms && i < o->sms_to_count; i++) {
        strbuf_adds(&list, i > 0 ? ", " : "");
        mask_text(MASK_CN_PHONE, span_of(o->sms_to[i]), &list);
    }
    if (w->broker != NULL)
        strbuf_adds(&list, broker_address(w->broker));
    char *origin = NULL;
    struct error ignored = ERROR_INIT;
    if (!is_mail && !is_sms && w->broker == NULL &&
        url_origin(w->place->url, &origin, &ignored) == ERR_OK)
        strbuf_adds(&list, origin);
    free(origin);
    return arena_strndup(arena, list.data, list.len);
}

static int preview_text(const struct notification_way *w, const struct notification_message *m,
                        struct arena *arena, struct strbuf *out, struct error *err)
{
    struct notification_call call = {0};
    if (w->ops->preview != NULL)
        return w->ops->preview(w, m, out, err);
    TRY(w->ops->call(w, m, arena, &call, err));
    if (call.signature != NULL)
        secret_register(call.signature);
    strbuf_add(out, call.body.ptr, call.body.len);
    return ERR_OK;
}

int notification_preview(struct notifier *n, enum notification_channel channel,
                         const struct notification_message *m, struct arena *arena,
                         struct notification_preview *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct notification_way *w;
    TRY(way_of(n, channel, &w, err));
    strbuf_init(&text, NOTIFICATION_BYTES_MAX);
    TRY(preview_text(w, m, arena, &text, err));
    secret_redact(&text);
    *ret = (struct notification_preview){.channel = notification_channel_names[channel],
                                         .to = recipients(w, arena),
                                         .text = arena_strndup(arena, text.data, text.len)};
    return ERR_OK;
}
