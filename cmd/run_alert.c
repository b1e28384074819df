/* cmd/run_alert.c - a failed `diner run` is told by the channels of run.notify_on_failure. Sent at
 * once and not through the outbox: the database may be what failed. */
#include "cmd/notify_channels.h"
#include "core/log.h"
#include "domain/notification_text.h"
#include "format/jsonx.h"

#include <inttypes.h>

#define ERROR_BYTES_MAX 500

static bool is_database(enum error_code code)
{
    return code == ERR_DATABASE || code == ERR_DATABASE_TRANSIENT;
}

static void write_payload(const char *pipeline, int64_t run_id, const struct error *cause,
                          const char *look, struct strbuf *out)
{
    AUTO_STRBUF struct strbuf reason = {0};
    struct jwriter w;
    strbuf_init(&reason, 0);
    notification_scrub(cause->message, &reason);
    notification_text_cut(&reason, ERROR_BYTES_MAX);
    jwriter_init(&w, out);
    jwriter_object(&w);
    jwriter_kstring(&w, "pipeline", pipeline);
    if (run_id != 0)
        jwriter_kint(&w, "run_id", run_id);
    jwriter_kstring(&w, "result", error_code_text(cause->code));
    jwriter_kint(&w, "exit_status", error_exit_status(cause->code));
    jwriter_kstring(&w, "error", reason.data);
    if (is_database(cause->code))
        jwriter_kstring(&w, "database", "不可用，本消息未经数据库直接发送");
    jwriter_kstring(&w, "look", look);
    jwriter_end(&w);
}

static void tell(struct notifier *n, const char *name, const struct notification_message *m)
{
    struct error err = ERROR_INIT;
    enum notification_channel channel = notification_channel_find(name);
    if (channel == NOTIFICATION_CHANNELS)
        log_warn("run.notify_on_failure: there is no channel '%s'", name);
    else if (notification_send(n, channel, m, &err) != 0)
        log_warn("channel '%s' could not be told of the failure: %s", name, err.message);
    else
        log_notice("channel '%s' was told of the failure", name);
}

void notify_run_failed(struct cli *cli, const char *pipeline, int64_t run_id,
                       const struct error *cause)
{
    const struct field_strings *names = &config_settings(cli->config)->run_notify_on_failure;
    AUTO_STRBUF struct strbuf payload = {0};
    struct notify_channels channels = {0};
    struct notification_message m;
    struct error err = ERROR_INIT;
    if (names->count == 0)
        return;
    const char *look = run_id != 0 ? arena_printf(cli->arena, "diner runs show %" PRId64, run_id)
                                   : "diner runs list";
    strbuf_init(&payload, 0);
    write_payload(pipeline, run_id, cause, look, &payload);
    notification_message_make(cli->arena, "run.failed", pipeline, payload.data, &m);
    if (notify_channels_open(cli, &channels, &err) != 0)
        log_warn("nobody could be told of the failure: %s", err.message);
    else
        for (size_t i = 0; i < names->count; i++)
            tell(channels.notifier, names->items[i], &m);
    notify_channels_release(&channels);
}
