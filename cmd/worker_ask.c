/* diner worker ask PIPELINE: a message that some worker runs. */
#include "cmd/worker.h"
#include "core/clock.h"
#include "domain/event_broker.h"
#include "pipeline/task.h"

#include <stdio.h>
#include <string.h>

struct ask_args {
    const char *pipeline, *id;
    struct field_strings params;
};
#define AT(member) offsetof(struct ask_args, member)
static const struct field ask_fields[] = {
    {"pipeline", FIELD_STRING, AT(pipeline), "pipeline or job, by name", .arg = "PIPELINE",
     .flags = FIELD_POSITIONAL | FIELD_REQUIRED, .complete = "pipeline"},
    {"param", FIELD_STRINGS, AT(params), "value of a param", .short_name = 'p', .arg = "NAME=VALUE",
     .flags = FIELD_REPEAT},
    {"id", FIELD_STRING, AT(id),
     "name of the request: asked for again by the same name, it is not run again; default: a new "
     "one",
     .arg = "ID"},
    {0}};
static const struct field_set ask_set = {
    .name = "worker ask", .struct_size = sizeof(struct ask_args), .fields = ask_fields};

static int send(struct cli *cli, const char *id, struct span body, struct error *err)
{
    struct notify_channels channels = {0};
    struct broker *b = NULL;
    int code = notify_channels_open(cli, &channels, err);
    if (code == ERR_OK)
        code = worker_broker(&channels, &b, err);
    if (code == ERR_OK)
        code = broker_send(b,
                           &(struct broker_message){.exchange = "",
                                                    .key = EVENT_TASKS,
                                                    .id = id,
                                                    .type = EVENT_TYPE_RUN,
                                                    .created_s = clock_wall_us() / 1000000,
                                                    .body = body},
                           err);
    broker_free(b);
    notify_channels_release(&channels);
    return code;
}

static int ask(struct cli *cli, const void *bound, struct error *err)
{
    const struct ask_args *args = bound;
    const struct task task = {.pipeline = args->pipeline, .params = args->params};
    AUTO_STRBUF struct strbuf body = {0};
    char made[37];
    clock_random_uuid(made);
    const char *id = args->id != NULL ? args->id : made;
    if (*id == '\0' || strlen(id) > 100)
        return error_set(err, ERR_USAGE, "--id: expected 1 to 100 bytes");
    strbuf_init(&body, BROKER_BODY_MAX);
    TRY(task_print(&task, &body, err));
    TRY(send(cli, id, (struct span){body.data, body.len}, err));
    fprintf(cli->out, "%s\n", id);
    cli_summary(cli, "worker ask: %s waits for a worker", args->pipeline);
    return ERR_OK;
}

const struct command command_worker_ask = {
    .name = "ask",
    .summary = "have a pipeline run by a worker",
    .description = "Sends a message to the queue diner.tasks and prints its id, which the run "
                   "bears. A day like `yesterday` is that of the moment of asking.",
    .args = &ask_set,
    .run = ask,
    .examples = (const struct command_example[]){
        {"diner worker ask nightly", "the whole night, by whichever worker is free"},
        {"diner worker ask sales_export --id sales-2026-11-21 --param biz_date=2026-11-21",
         "once, however often it is asked for"},
        {0}}};
