/* What a worker makes of one message. */
#include "cmd/engine.h"
#include "cmd/worker.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/secret.h"
#include "core/signals.h"
#include "domain/event_broker.h"
#include "format/jsonx.h"
#include "pipeline/task.h"

#include <string.h>

#define EVENTS_WAIT_MS 200

/* A copy with what is to be said of it, then the original is acknowledged: killed between them, it
 * is there twice, never not at all. */
static int pass_on(struct worker *w, const struct broker_delivery *d, struct broker_message *m,
                   struct error *err)
{
    m->id = d->id != NULL ? d->id : "";
    m->type = d->type != NULL ? d->type : "";
    m->created_s = d->created_s;
    m->body = d->body;
    TRY(broker_send(w->out, m, err));
    return broker_ack(w->in, d->tag, false, err);
}

static int bury(struct worker *w, const struct broker_delivery *d, const char *why,
                struct error *err)
{
    AUTO_STRBUF struct strbuf reason = {0};
    strbuf_init(&reason, 0);
    strbuf_adds(&reason, why);
    secret_redact(&reason);
    log_event(LOG_ERROR, LOG_FIELDS(LOG_STR("message_id", d->id), LOG_STR("type", d->type)),
              "a message of '%s' cannot be done: %s", d->queue, reason.data);
    if (d->is_too_long) /* the broker has the whole of it, we do not */
        return broker_refuse(w->in, d->tag, err);
    return pass_on(w, d,
                   &(struct broker_message){.exchange = EVENT_DEAD,
                                            .key = d->queue,
                                            .attempts = d->attempts,
                                            .reason = reason.data},
                   err);
}

static int put_off(struct worker *w, const struct broker_delivery *d, const struct error *cause,
                   struct error *err)
{
    int64_t attempts = d->attempts + (cause->code != ERR_RUNNING);
    if (attempts > w->args->retries)
        return bury(w, d, cause->message, err);
    log_event(LOG_WARN, LOG_FIELDS(LOG_STR("message_id", d->id), LOG_INT("attempt", attempts)),
              "%s: tried again in %.0f s", cause->message, (double)w->args->retry_after_ms / 1000);
    return pass_on(w, d,
                   &(struct broker_message){.exchange = "",
                                            .key = EVENT_LATER,
                                            .attempts = attempts,
                                            .expires_in_ms = w->args->retry_after_ms},
                   err);
}

static int run_task(struct worker *w, const struct broker_delivery *d, const struct task *task,
                    struct error *err)
{
    struct run_options options = engine_options(&w->cli);
    options.kind = RUN_LOAD;
    options.params = &task->params;
    options.message_id = d->id;
    options.asked_us = d->created_s > 0 ? d->created_s * 1000000 : 0;
    log_event(LOG_INFO, LOG_FIELDS(LOG_STR("message_id", d->id)), "pipeline '%s' is asked for",
              task->pipeline);
    broker_keep_begin(w->in);
    signals_defer_begin();
    int code = engine_run(&w->cli, task->pipeline, &options, NULL, err);
    signals_defer_end();
    broker_keep_end(w->in);
    return code;
}

static bool has_database(struct worker *w)
{
    struct error ignored = ERROR_INIT;
    return db_execute(desk_context(w->desk)->conn, "select 1", DB_NO_PARAMS, NULL, &ignored) == 0;
}

static int handle_task(struct worker *w, const struct broker_delivery *d, struct error *err)
{
    struct error cause = ERROR_INIT;
    struct task task;
    if (d->id == NULL || *d->id == '\0')
        return bury(w, d, "it has no message_id: a repeat of it could not be told", err);
    if (task_parse(d->body, w->arena, &task, &cause) != 0)
        return bury(w, d, cause.message, err);
    int code = run_task(w, d, &task, &cause);
    if (code == ERR_OK || code == ERR_PARTIAL)
        return broker_ack(w->in, d->tag, false, err);
    bool is_lost = code == ERR_DATABASE_TRANSIENT && !has_database(w);
    if (code == ERR_CANCELLED || is_lost) {
        *err = cause;
        return code;
    }
    if (code == ERR_RUNNING || error_is_retryable(&cause))
        return put_off(w, d, &cause, err);
    return bury(w, d, cause.message, err);
}

static int handle_event(struct worker *w, const struct broker_delivery *d, struct error *err)
{
    struct error cause = ERROR_INIT;
    struct jsonx *doc;
    if (jsonx_parse(d->body.ptr, d->body.len, "message", &doc, &cause) != 0)
        return bury(w, d, cause.message, err);
    jsonx_free(doc);
    /* Acknowledged when what it is about was delivered, with those that come close behind it. */
    int64_t at_ms = clock_monotonic_ms() + EVENTS_WAIT_MS;
    if (w->event_tag == 0 && at_ms < w->deliver_at_ms)
        w->deliver_at_ms = at_ms;
    w->event_tag = d->tag;
    return ERR_OK;
}

int worker_handle(struct worker *w, const struct broker_delivery *d, struct error *err)
{
    const char *type = d->type != NULL ? d->type : "";
    if (d->is_too_long)
        return bury(w, d, "it is too long", err);
    if (strcmp(type, EVENT_TYPE_RUN) == 0)
        return handle_task(w, d, err);
    if (strncmp(type, "order.", 6) == 0)
        return handle_event(w, d, err);
    return bury(w, d, arena_printf(w->arena, "there is nothing to do for the type '%.100s'", type),
                err);
}
