/* diner worker: takes messages from RabbitMQ and parts of distributed runs from PostgreSQL, and
 * tells what the outbox holds at once. */
#include "cmd/worker.h"
#include "cmd/commands.h"
#include "cmd/engine.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/signals.h"
#include "domain/event_broker.h"
#include "pipeline/lease.h"

#include <inttypes.h>
#include <string.h>

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS   5000
#define WAIT_MAX_MS      500 /* so soon a signal is seen */
#define FORGIVE_MS       60000
#define DRAINED_MS       1500

#define AT(member) offsetof(struct worker_args, member)
static const struct field worker_fields[] = {
    {"queue", FIELD_STRINGS, AT(queues), "queue to take from", .arg = "QUEUE",
     .flags = FIELD_REPEAT, .def = EVENT_TASKS "," EVENT_QUEUE},
    {"prefetch", FIELD_INT, AT(prefetch),
     "messages that may be under way of each; of " EVENT_TASKS " it is always one", .arg = "N",
     .def = "100", .min = 1, .max = 10000},
    {"every", FIELD_DURATION, AT(every_ms), "how often the outbox is looked at", .def = "1s",
     .min = 10, .max = 3600000},
    {"retry-after", FIELD_DURATION, AT(retry_after_ms),
     "when what failed for now, or runs already, is tried again", .def = "60s", .min = 1,
     .max = 86400000},
    {"retries", FIELD_INT, AT(retries), "how often; what runs already is not counted", .arg = "N",
     .def = "3", .min = 0, .max = 1000000},
    {"tasks", FIELD_BOOL, AT(tasks), "only parts of distributed runs, no messages"},
    {"drain", FIELD_BOOL, AT(drain), "end when there is nothing to do"},
    {0}};
static const struct field_set worker_set = {
    .name = "worker", .struct_size = sizeof(struct worker_args), .fields = worker_fields};

int worker_broker(const struct notify_channels *c, struct broker **ret, struct error *err)
{
    return notify_channels_broker(c, event_broker_declare, ret, err);
}

/* ---- delivering ---------------------------------------------------------------------------- */

static void report(const struct notification_counts *c)
{
    int64_t behind = c->failed + c->dead + c->unknown;
    if (c->sent > 0)
        log_info("%" PRId64 " notifications sent", c->sent);
    if (behind > 0)
        log_warn("%" PRId64 " notifications did not go out, the last of them: %s", behind,
                 c->last_error);
}

/* What is due of the outbox; then the events that told of it are done. */
static int deliver(struct worker *w, struct error *err)
{
    const struct notification_limits limits = {0};
    struct notification_counts counts;
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms >= w->forgive_at_ms) {
        notifier_forgive(w->channels.notifier);
        w->forgive_at_ms = now_ms + FORGIVE_MS;
    }
    broker_keep_begin(w->in);
    int code =
        notification_deliver(desk_context(w->desk), w->channels.notifier, &limits, &counts, err);
    broker_keep_end(w->in);
    TRY(code);
    report(&counts);
    w->deliver_at_ms = clock_monotonic_ms() + w->args->every_ms;
    uint64_t tag = w->event_tag;
    w->event_tag = 0;
    return tag != 0 ? broker_ack(w->in, tag, true, err) : ERR_OK;
}

/* ---- a session: from connecting to what breaks it ------------------------------------------ */

static int open_messages(struct worker *w, struct error *err)
{
    w->event_tag = 0;
    w->deliver_at_ms = 0;
    TRY(desk_new(&w->cli, &w->desk, err));
    TRY(broker_connect(w->in, err));
    for (size_t i = 0; i < w->args->queues.count; i++) {
        const char *queue = w->args->queues.items[i];
        TRY(broker_consume(w->in, queue, strcmp(queue, EVENT_TASKS) == 0 ? 1 : w->args->prefetch,
                           err));
    }
    log_notice("worker: takes messages from %s", broker_address(w->in));
    return ERR_OK;
}

static int open_session(struct worker *w, struct error *err)
{
    if (w->holder != NULL) {
        TRY(work_open(&w->work_options, &w->work, err));
        log_notice("worker: takes parts of distributed runs as %s", lease_holder_name(w->holder));
    }
    if (w->in != NULL)
        TRY(open_messages(w, err));
    w->has_begun = w->is_open = true;
    return ERR_OK;
}

/* What is due of the outbox, and a message. *ret_is_idle: there was none. */
static int step_message(struct worker *w, bool is_busy, bool *ret_is_idle, struct error *err)
{
    struct broker_delivery d;
    if (clock_monotonic_ms() >= w->deliver_at_ms)
        TRY(deliver(w, err));
    int64_t ms = is_busy ? 0 : w->deliver_at_ms - clock_monotonic_ms();
    TRY(broker_next(w->in, ms < 0 ? 0 : ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS, w->arena, &d, err));
    *ret_is_idle = d.tag == 0 && w->event_tag == 0;
    return d.tag != 0 ? worker_handle(w, &d, err) : ERR_OK;
}

static int step_task(struct worker *w, bool *ret_did, struct error *err)
{
    if (w->in != NULL)
        broker_keep_begin(w->in);
    int code = work_step(w->work, ret_did, err);
    if (w->in != NULL)
        broker_keep_end(w->in);
    return code;
}

static int step(struct worker *w, bool *ret_is_idle, struct error *err)
{
    bool did = false, is_idle = true;
    arena_clear(w->arena);
    if (w->work != NULL)
        TRY(step_task(w, &did, err));
    if (w->in != NULL)
        TRY(step_message(w, did, &is_idle, err));
    else if (!did)
        clock_sleep_ms(WAIT_MAX_MS);
    *ret_is_idle = is_idle && !did;
    return ERR_OK;
}

static int session(struct worker *w, struct error *err)
{
    int64_t worked_ms = clock_monotonic_ms();
    bool is_idle;
    TRY(open_session(w, err));
    while (!w->args->drain || clock_monotonic_ms() - worked_ms < DRAINED_MS) {
        TRY(signals_check(err));
        TRY(step(w, &is_idle, err));
        if (!is_idle)
            worked_ms = clock_monotonic_ms();
    }
    return ERR_OK;
}

static void close_session(struct worker *w)
{
    work_close(w->work);
    w->work = NULL;
    desk_free(w->desk);
    w->desk = NULL;
    if (w->in != NULL)
        broker_close(w->in);
}

/* Broker and database come back; a wrong password or declaration does not. */
static int work(struct worker *w, struct error *err)
{
    int64_t backoff_ms = BACKOFF_FIRST_MS;
    for (;;) {
        w->is_open = false;
        int code = session(w, err);
        close_session(w);
        if (code == ERR_OK || !w->has_begun || !error_is_retryable(err))
            return code;
        if (w->is_open)
            backoff_ms = BACKOFF_FIRST_MS;
        log_warn("worker: %s; connects again in %" PRId64 " s", err->message, backoff_ms / 1000);
        clock_sleep_ms(backoff_ms);
        TRY(signals_check(err));
        error_clear(err);
        backoff_ms = backoff_ms * 2 < BACKOFF_MAX_MS ? backoff_ms * 2 : BACKOFF_MAX_MS;
    }
}

static int lead(void *self, const char *pipeline, const struct run_options *options,
                struct error *err)
{
    struct worker *w = self;
    return engine_run(&w->cli, pipeline, options, NULL, err);
}

static int open_holder(struct worker *w, struct error *err)
{
    TRY(lease_holder_open(w->cli.config, true, &w->holder, err));
    w->work_options =
        (struct work_options){.run = engine_options(&w->cli), .lead = lead, .self = w};
    w->work_options.run.holder = w->holder;
    return ERR_OK;
}

/* What is configured says what it takes. */
static int open_all(struct worker *w, struct cli *cli, struct error *err)
{
    bool has_warehouse = config_has_dsn(cli->config, "warehouse");
    bool has_broker = config_settings(cli->config)->notify_rabbitmq_url != NULL;
    if (has_warehouse || w->args->tasks)
        TRY(open_holder(w, err));
    if (w->args->tasks || (has_warehouse && !has_broker))
        return ERR_OK;
    TRY(notify_channels_open(cli, &w->channels, err));
    TRY(worker_broker(&w->channels, &w->in, err));
    return worker_broker(&w->channels, &w->out, err);
}

static int run_worker(struct cli *cli, const void *bound, struct error *err)
{
    struct worker w = {.cli = *cli, .args = bound, .arena = arena_new()};
    w.cli.arena = w.arena;
    int code = open_all(&w, cli, err);
    if (code == ERR_OK)
        code = work(&w, err);
    lease_holder_close(w.holder);
    broker_free(w.in);
    broker_free(w.out);
    notify_channels_release(&w.channels);
    arena_free(w.arena);
    if (code == ERR_CANCELLED) {
        log_notice("worker: %s", err->message);
        error_clear(err);
        code = ERR_OK;
    }
    return code;
}

static const struct command *const children[] = {&command_worker_ask, NULL};
const struct command command_worker = {
    .name = "worker",
    .summary = "take parts of distributed runs, and work from RabbitMQ",
    .description =
        "Takes what is there to be done, on as many machines as wanted, and does one thing at a "
        "time: from PostgreSQL (connection `warehouse`) the parts of runs that `diner run "
        "--distribute` shares out, and from RabbitMQ, where `notify.rabbitmq_url` is set, "
        "messages.\n\n"
        "A part is held under a lease (`distribute.lease`), which is renewed while it is done. "
        "That of a worker that was killed, stopped or cut off goes to the next one when the lease "
        "has run out, and what the first has of it can no longer be committed.\n\n"
        "Takes messages from queues and acknowledges each when its work is committed. "
        "`pipeline.run` "
        "({\"pipeline\": NAME, \"params\": {...}}) runs that pipeline as `diner run` does, once "
        "for a "
        "message_id: given again after a crash, the run that stopped is gone on with. Any `order.` "
        "event "
        "has what is due of the outbox delivered at once, as it also is each second (--every): "
        "`diner notify deliver` need not be scheduled beside a worker.\n\n"
        "A pipeline that is already running, and what failed for now, is tried again after "
        "--retry-after; what cannot be done goes to the queue diner.dead with its reason. Broker "
        "or "
        "database gone: it connects again, and messages that were not acknowledged come again. "
        "SIGTERM ends it with status 0 after the message at hand; a second one stops that at its "
        "next batch, and another worker goes on with it.\n\n"
        "At the start, a broker or database that does not answer or refuses is an error.",
    .args = &worker_set,
    .run = run_worker,
    .children = children,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner worker", "what a service runs, on as many machines as wanted"},
        {"diner worker --tasks", "only parts of distributed runs, whatever is configured"},
        {"diner worker --drain", "do what is there, and end"},
        {"diner worker ask nightly --param biz_date=2026-11-21",
         "a run, by whichever worker is free"},
        {0}}};
