/* diner orders auto-cancel|settle: what a schedule runs, on the platform's database, or through its
 * API where only that can be reached. */
#include "cmd/commands.h"
#include "cmd/desk.h"
#include "cmd/job.h"
#include "cmd/orders.h"
#include "domain/order_timeout.h"
#include "domain/settle.h"

#include <inttypes.h>
#include <string.h>

/* ---- auto-cancel ------------------------------------------------------------------------ */

struct timeout_args {
    int64_t older_than_ms, limit, batch;
    bool api;
};
#define TIMEOUT(member) offsetof(struct timeout_args, member)
static const struct field timeout_fields[] = {
    {"older-than", FIELD_DURATION, TIMEOUT(older_than_ms), "age of the orders that are cancelled",
     .config = "orders.unpaid_after", .min = 1, .max = (int64_t)366 * 86400000},
    {"limit", FIELD_INT, TIMEOUT(limit), "at most so many orders; 0: all of them", .def = "0",
     .min = 0, .max = 100000000},
    {"batch", FIELD_INT, TIMEOUT(batch), "orders in one transaction", .def = "1000", .min = 1,
     .max = 100000},
    JOB_API_FIELD(TIMEOUT(api)),
    {0}};
static const struct field_set timeout_set = {.name = "orders auto-cancel",
                                             .struct_size = sizeof(struct timeout_args),
                                             .fields = timeout_fields};

static const struct table_column look_columns[] = {
    {"would_cancel", TABLE_INT}, {"would_ask_channel", TABLE_INT}, {0}};
static const struct table_column cancel_columns[] = {
    {"cancelled", TABLE_INT}, {"paid", TABLE_INT}, {"waiting", TABLE_INT}, {0}};

static int look(struct cli *cli, const struct timeout_args *args, int64_t *sums, struct error *err)
{
    struct desk *desk;
    int64_t all = 0, sent = 0;
    TRY(desk_new(cli, &desk, err));
    int code = order_timeout_count(desk_context(desk), args->older_than_ms, &all, &sent, err);
    desk_free(desk);
    sums[0] = all - sent;
    sums[1] = sent;
    return code;
}

static int cancel(struct cli *cli, const struct timeout_args *args, int64_t *sums,
                  struct error *err)
{
    struct order_timeout_options options = {
        .older_than_ms = args->older_than_ms, .limit = args->limit, .batch = args->batch};
    struct order_timeout_counts c = {0};
    struct desk *desk;
    TRY(desk_new(cli, &desk, err));
    int code = desk_second(desk, &options.second, err);
    if (code == ERR_OK)
        code = order_timeout_run(desk_saga(desk), &options, &c, err);
    desk_free(desk);
    sums[0] = c.cancelled;
    sums[1] = c.paid;
    sums[2] = c.waiting;
    return code;
}

#define REQUEST_ORDERS 1000 /* as many as a request may cancel */

static int cancel_by_api(struct cli *cli, const struct timeout_args *args,
                         const struct table_column *columns, int64_t *sums, struct error *err)
{
    bool more = true;
    while (more) {
        AUTO_STRBUF struct strbuf body = {0};
        int64_t left = args->limit - sums[0] - sums[1] - sums[2];
        if (args->limit > 0 && left <= 0)
            break;
        strbuf_init(&body, 0);
        strbuf_addf(&body, "{\"older_than_s\":%" PRId64 ",\"limit\":%" PRId64 ",\"dry_run\":%s}",
                    (args->older_than_ms + 999) / 1000,
                    args->limit > 0 && left < REQUEST_ORDERS ? left : (int64_t)REQUEST_ORDERS,
                    cli->dry_run ? "true" : "false");
        TRY(job_ask(cli, "orders_auto_cancel", &body, columns, sums, &more, err));
    }
    return 0;
}

static void tell_cancelled(struct cli *cli, const int64_t *sums)
{
    cli_summary(cli,
                "orders auto-cancel: %" PRId64 " cancelled, %" PRId64 " paid after all, %" PRId64
                " wait for the channel",
                sums[0], sums[1], sums[2]);
}

static int check_waiting(int64_t waiting, struct error *err)
{
    if (waiting == 0)
        return 0;
    error_set(err, ERR_PARTIAL, "the payment channel did not answer for %" PRId64 " orders",
              waiting);
    return error_hint(err, "they are claimed as closing; 'diner orders settle' goes on with them");
}

static int auto_cancel(struct cli *cli, const void *bound, struct error *err)
{
    const struct timeout_args *args = bound;
    const struct table_column *columns = cli->dry_run ? look_columns : cancel_columns;
    int64_t sums[JOB_FIGURES_MAX] = {0};
    struct error ignored = ERROR_INIT;
    int code = job_is_through_api(cli, args->api) ? cancel_by_api(cli, args, columns, sums, err)
               : cli->dry_run                     ? look(cli, args, sums, err)
                                                  : cancel(cli, args, sums, err);
    if (code != 0 && sums[0] + sums[1] + sums[2] == 0)
        return code;
    /* What was cancelled before it failed stands, and is told. */
    int printed = job_print(cli, columns, sums, code == 0 ? err : &ignored);
    if (cli->dry_run)
        cli_summary(cli, "dry run: nothing was cancelled");
    else
        tell_cancelled(cli, sums);
    if (code != 0 || printed != 0)
        return code != 0 ? code : printed;
    return cli->dry_run ? 0 : check_waiting(sums[2], err);
}

const struct command command_orders_auto_cancel = {
    .name = "auto-cancel",
    .summary = "cancel orders that were not paid in time",
    .description =
        "Works on the platform's database (connection 'platform', else 'warehouse'), or, when none "
        "is "
        "configured and with --api, through the platform's API. Orders that "
        "no "
        "payment channel knows are cancelled in batches. For the others the order is claimed as "
        "closing, the channel is told to close the payment, and then the order is cancelled; when "
        "the channel answers that it was paid, the order is paid. While a channel is asked nothing "
        "is locked.\n\n"
        "Safe to run as often as wanted, on several machines at once. Exit status 7: a channel did "
        "not answer for some.",
    .args = &timeout_set,
    .run = auto_cancel,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner orders auto-cancel --dry-run", "how many there are"},
        {"diner orders auto-cancel --older-than 30m -o json", "what a schedule runs"},
        {"diner orders auto-cancel --api", "without access to the database"},
        {0}}};

/* ---- settle ----------------------------------------------------------------------------- */

struct settle_args {
    bool api;
};
static const struct field settle_fields[] = {JOB_API_FIELD(offsetof(struct settle_args, api)), {0}};
static const struct field_set settle_set = {
    .name = "orders settle", .struct_size = sizeof(struct settle_args), .fields = settle_fields};

static const struct table_column settle_columns[] = {
    {"sagas_done", TABLE_INT},   {"sagas_undone", TABLE_INT},
    {"payments_in", TABLE_INT},  {"payments_closed", TABLE_INT},
    {"refunds_paid", TABLE_INT}, {"refunds_failed", TABLE_INT},
    {"waiting", TABLE_INT},      {0}};

static int settle_here(struct cli *cli, int64_t *sums, struct error *err)
{
    struct desk *desk;
    struct settle_counts c = {0};
    TRY(desk_new(cli, &desk, err));
    int code = settle_due(desk_saga(desk), &c, err);
    desk_free(desk);
    TRY(code);
    const int64_t counts[] = {c.sagas_done,   c.sagas_undone,   c.payments_in, c.payments_closed,
                              c.refunds_paid, c.refunds_failed, c.waiting};
    memcpy(sums, counts, sizeof counts);
    return 0;
}

static int settle_by_api(struct cli *cli, int64_t *sums, struct error *err)
{
    bool more = true;
    while (more)
        TRY(job_ask(cli, "orders_settle", NULL, settle_columns, sums, &more, err));
    return 0;
}

static int settle(struct cli *cli, const void *bound, struct error *err)
{
    const struct settle_args *args = bound;
    int64_t sums[JOB_FIGURES_MAX] = {0};
    TRY(job_is_through_api(cli, args->api) ? settle_by_api(cli, sums, err)
                                           : settle_here(cli, sums, err));
    TRY(job_print(cli, settle_columns, sums, err));
    cli_summary(cli,
                "orders settle: %" PRId64 " sagas ended, %" PRId64 " payments, %" PRId64
                " refunds, %" PRId64 " still wait for the channel",
                sums[0] + sums[1], sums[2] + sums[3], sums[4] + sums[5], sums[6]);
    return 0;
}

const struct command command_orders_settle = {
    .name = "settle",
    .summary = "bring to its end what lies with a payment channel",
    .description =
        "Goes on with payments and cancellations that a crash or a silent channel interrupted, "
        "asks "
        "what became of payments that were not answered, closes those that nobody waits for any "
        "more, and follows refunds that are only accepted. Works on the platform's database, or, "
        "when "
        "none is configured and with --api, through its API. Safe "
        "to run as often as wanted, on several machines at once.",
    .args = &settle_set,
    .run = settle,
    .flags = CLI_OUTPUT,
    .examples =
        (const struct command_example[]){{"diner orders settle", "what a schedule runs"}, {0}}};
