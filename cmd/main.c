/* cmd/main.c - the command tree. */
#include "cmd/telemetry.h"
#include "commands.h"
#include "core/message.h"
#include "core/signals.h"
#include "core/trace.h"
#include "domain/api_error.h"

static const struct command *const children[] = {
    /* the nightly work and what became of it */
    &command_run,
    &command_pipeline,
    &command_runs,
    &command_rejects,
    &command_state,
    &command_connector,
    /* operations on the platform */
    &command_orders,
    &command_stock,
    &command_payments,
    &command_campaigns,
    &command_members,
    &command_notify,
    &command_perf_report,
    &command_serve,
    &command_worker,
    /* this machine */
    &command_config,
    &command_db,
    &command_doctor,
    &command_schedule,
    &command_dev,
    &command_handover,
    &command_completion,
    &command_complete,
    &command_docs,
    NULL,
};

static const struct command_example examples[] = {
    {"diner dev up", "try it: a private PostgreSQL and a reference platform on this machine"},
    {"diner orders list --store S001 --since yesterday", "orders of a store"},
    {"diner stock sync --dry-run", "what the ERP's stock list would change"},
    {"diner run nightly", "what cron runs at 05:15"},
    {0},
};

static const struct help_topic topics[] = {
    {"api-errors", "every error code of the platform's API, and what to do", api_errors_text}, {0}};

static const struct command root = {
    .name = "diner",
    .summary = "move a restaurant chain's data: platform API, PostgreSQL, ERP, CRM and BI",
    .description =
        "Pipelines written in YAML move orders, stock and sales between the chain's platform, "
        "PostgreSQL, the ERP's files and BI: `run`, `pipeline`, `runs`, `rejects`, `state`, "
        "`connector`.\n\n"
        "Single operations on the platform: `orders`, `stock`, `payments`, `members`, `campaigns`, "
        "`notify`, `serve`. Its speed: `perf-report`.\n\n"
        "This machine: `config`, `db`, `doctor`, `schedule`, `dev`, `docs`, `completion`.",
    .children = children,
    .examples = examples,
    .topics = topics,
    .begin = telemetry_begin,
    .end = telemetry_end,
};

int main(int argc, char **argv)
{
    signals_install();
    message_setup();
    trace_begin();
    int status = cli_main(&root, argc, argv);
    connector_sessions_end();
    return status;
}
