/* cmd/doctor_work.c - the work itself: is it scheduled, how did it last end, who hears of it, and
 * what waits? */
#include "commands.h"
#include "core/clock.h"
#include "core/message.h"
#include "desk.h"
#include "doctor.h"
#include "domain/event_broker.h"
#include "domain/notification.h"
#include "gen/embed.h"
#include "notify_channels.h"
#include "pipeline/spec.h"
#include "schedule.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_S        3600
#define RUN_MISSING_H 26 /* as the alert PipelineRunMissing */
#define RUN_LONG_H    6
#define BACKLOG_S     900

/* ---- the night ------------------------------------------------------------------------------ */

static void check_schedule(struct doctor *d)
{
    const char *place = schedule_place(d->cli, "nightly");
    if (place != NULL)
        doctor_report(d, "schedule", "ok",
                      arena_printf(d->cli->arena, message_text("nightly, by %s"), place), NULL);
    else if (getenv("KUBERNETES_SERVICE_HOST") != NULL)
        doctor_report(d, "schedule", "ok", "a matter of the cluster's CronJobs", NULL);
    else
        doctor_report(
            d, "schedule", "warn", "nightly is not scheduled for this user",
            "run 'diner schedule install', or do it by hand (configs/cron, configs/systemd)");
}

static void report_run(struct doctor *d, const struct db_result *r)
{
    int64_t hours = db_result_int(r, 0, 4) / HOUR_S;
    const char *id = db_result_text(r, 0, 0), *status = db_result_text(r, 0, 1);
    const char *show = arena_printf(d->cli->arena, message_text("run 'diner runs show %s'"), id);
    const char *found = arena_printf(d->cli->arena, message_text("run %s %s, %" PRId64 " h ago"),
                                     id, status, hours);
    bool is_at_work = strcmp(status, "running") == 0;
    bool is_good = strcmp(status, "succeeded") == 0;
    if (is_at_work)
        doctor_report(d, "last night", hours < RUN_LONG_H ? "ok" : "warn",
                      arena_printf(d->cli->arena,
                                   message_text("run %s is at work since %" PRId64 " h"), id,
                                   hours),
                      hours < RUN_LONG_H ? NULL : "is it? 'diner runs list --status running'");
    else if (is_good && hours < RUN_MISSING_H)
        doctor_report(d, "last night", "ok", found, NULL);
    else if (is_good)
        doctor_report(d, "last night", "fail", found,
                      "is it still scheduled, and what does its log say?");
    else
        doctor_report(d, "last night", strcmp(status, "partial") == 0 ? "warn" : "fail",
                      arena_printf(d->cli->arena, "%s: %s", found, db_result_text(r, 0, 3)), show);
}

static void check_last_night(struct doctor *d)
{
    AUTO_RESULT struct db_result *r = NULL;
    struct db_conn *conn = NULL;
    struct error err = ERROR_INIT;
    if (doctor_connect(d, "warehouse", &conn, &err) != 0)
        return; /* said already */
    if (db_query(conn, sql_run_latest, DB_PARAMS("nightly"), &r, &err) != 0)
        doctor_fail(d, "last night", &err, "run 'diner db migrate'");
    else if (db_result_rows(r) == 0)
        doctor_report(d, "last night", "warn", "nightly has never run", "run 'diner run nightly'");
    else
        report_run(d, r);
    db_close(conn);
}

static bool has_hook(struct doctor *d)
{
    struct pipeline *pipeline = NULL;
    struct error ignored = ERROR_INIT;
    const struct pipeline_options options = {.now_us = clock_wall_us()};
    const char *path = NULL;
    if (pipeline_find("nightly", d->cli->config, d->cli->arena, &path, &ignored) != 0 ||
        pipeline_load(path, d->cli->config, &options, &pipeline, NULL, &ignored) != 0)
        return false;
    bool has_any = pipeline->hooks.on_failure.count > 0;
    pipeline_free(pipeline);
    return has_any;
}

static void check_alarm(struct doctor *d)
{
    const struct field_strings *names = &config_settings(d->cli->config)->run_notify_on_failure;
    struct strbuf list AUTO_STRBUF;
    strbuf_init(&list, 0);
    for (size_t i = 0; i < names->count; i++) {
        strbuf_addf(&list, "%s%s", i > 0 ? ", " : "", names->items[i]);
        if (notification_channel_find(names->items[i]) == NOTIFICATION_CHANNELS) {
            doctor_report(d, "alarm", "fail",
                          arena_printf(d->cli->arena, message_text("there is no channel '%s'"),
                                       names->items[i]),
                          "mend run.notify_on_failure");
            return;
        }
    }
    if (names->count > 0)
        doctor_report(d, "alarm", "ok", list.data, NULL);
    else if (has_hook(d))
        doctor_report(d, "alarm", "ok", "the hooks of nightly", NULL);
    else
        doctor_report(d, "alarm", "warn", "nobody is told when a run fails",
                      "set run.notify_on_failure, and try it: 'diner notify test'");
}

/* ---- what waits ----------------------------------------------------------------------------- */

static void report_backlog(struct doctor *d, const struct notification_backlog *b)
{
    struct arena *a = d->cli->arena;
    const char *due =
        arena_printf(a, message_text("%" PRId64 " due, the first for %" PRId64 " min"), b->due,
                     b->oldest_s / 60);
    if (b->due > 0 && b->oldest_s > BACKLOG_S)
        doctor_report(d, "notifications", "warn", due,
                      "schedule 'diner notify deliver', or start 'diner worker'");
    else
        doctor_report(d, "notifications", "ok",
                      b->due > 0 ? due : message_text("nothing is left behind"), NULL);
    if (b->dead > 0)
        doctor_report(d, "dead letters", "warn",
                      arena_printf(a, message_text("%" PRId64 " were given up"), b->dead),
                      "run 'diner notify dead-letters list'");
    if (b->unknown > 0)
        doctor_report(
            d, "notifications", "warn",
            arena_printf(a, message_text("%" PRId64 " may or may not have left"), b->unknown),
            "run 'diner notify status --state unknown'");
}

static void check_backlog(struct doctor *d)
{
    struct notification_backlog backlog;
    struct desk *desk = NULL;
    struct error err = ERROR_INIT;
    int code = desk_new(d->cli, &desk, &err);
    if (code == 0)
        code = notification_backlog_look(desk_context(desk), &backlog, &err);
    if (code == 0)
        report_backlog(d, &backlog);
    else
        doctor_fail(d, "notifications", &err, "check the connection 'platform'");
    desk_free(desk);
}

static int look_at_queue(struct broker *b, const char *name, int64_t *messages, int64_t *consumers,
                         struct error *err)
{
    TRY(broker_connect(b, err));
    int code = broker_queue_look(b, name, messages, consumers, err);
    if (code != ERR_NOT_FOUND)
        return code;
    error_clear(err); /* nobody has used it yet */
    *messages = *consumers = 0;
    return ERR_OK;
}

static void report_queues(struct doctor *d, struct broker *b)
{
    struct arena *a = d->cli->arena;
    int64_t tasks = 0, workers = 0, dead = 0, readers = 0;
    struct error err = ERROR_INIT;
    if (look_at_queue(b, EVENT_TASKS, &tasks, &workers, &err) != 0 ||
        look_at_queue(b, EVENT_DEAD, &dead, &readers, &err) != 0) {
        doctor_fail(d, "worker", &err, "check notify.rabbitmq_url");
        return;
    }
    const char *found = arena_printf(
        a, message_text("%" PRId64 " runs asked for, %" PRId64 " workers"), tasks, workers);
    if (tasks > 0 && workers == 0)
        doctor_report(d, "worker", "fail", found, "start 'diner worker'");
    else
        doctor_report(d, "worker", "ok", found, NULL);
    if (dead > 0)
        doctor_report(
            d, "dead messages", "warn",
            arena_printf(a, message_text("%" PRId64 " lie in the queue diner.dead"), dead),
            "look at them on the broker: their header diner-reason says why");
}

static void check_queues(struct doctor *d)
{
    struct notify_channels c = {0};
    struct broker *broker = NULL;
    struct error err = ERROR_INIT;
    if (notify_channels_open(d->cli, &c, &err) == 0 &&
        notify_channels_broker(&c, NULL, &broker, &err) == 0 && broker_connect(broker, &err) == 0)
        report_queues(d, broker);
    broker_free(broker);
    notify_channels_release(&c);
}

void doctor_work(struct doctor *d)
{
    check_schedule(d);
    check_last_night(d);
    check_alarm(d);
    check_backlog(d);
    check_queues(d);
}
