/* diner notify deliver|status: the outbox told by all channels, on the platform's database. */
#include "cli/table.h"
#include "cmd/commands.h"
#include "cmd/desk.h"
#include "cmd/notify_channels.h"
#include "core/message.h"
#include "domain/notification.h"
#include "format/jsonx.h"
#include "format/mask.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DRY_RUN_ROWS 1000

static const char *number(struct cli *cli, int64_t value)
{
    return arena_printf(cli->arena, "%" PRId64, value);
}

/* ---- deliver ------------------------------------------------------------------------------- */

struct deliver_args {
    int64_t limit, wait_ms;
    bool retry_unknown, retry_dead;
};
#define DELIVER(member) offsetof(struct deliver_args, member)
static const struct field deliver_fields[] = {
    {"limit", FIELD_INT, DELIVER(limit), "at most so many messages; 0: all that are due",
     .def = "0", .min = 0, .max = 100000000},
    {"wait", FIELD_DURATION, DELIVER(wait_ms),
     "wait so long in all for channels that a rate holds back; the rest stays due", .def = "50s",
     .min = 0, .max = 86400000},
    {"retry-unknown", FIELD_BOOL, DELIVER(retry_unknown),
     "first make those due again that may or may not have left"},
    {"retry-dead", FIELD_BOOL, DELIVER(retry_dead), "as `notify dead-letters replay` first",
     .flags = FIELD_HIDDEN},
    {0}};
static const struct field_set deliver_set = {
    .name = "notify deliver", .struct_size = sizeof(struct deliver_args), .fields = deliver_fields};

static const char *masked_recipients(struct cli *cli, const struct notification_options *o)
{
    AUTO_STRBUF struct strbuf list = {0};
    strbuf_init(&list, 0);
    for (size_t i = 0; i < o->to_count; i++) {
        const char *open = strchr(o->to[i], '<'), *address = open != NULL ? open + 1 : o->to[i];
        strbuf_adds(&list, i > 0 ? ", " : "");
        mask_text(MASK_EMAIL, (struct span){address, strcspn(address, ">")}, &list);
    }
    return arena_strndup(cli->arena, list.data, list.len);
}

static int look(struct cli *cli, struct desk *desk, const struct notify_channels *c, int64_t limit,
                struct error *err)
{
    static const struct table_column columns[] = {{"channel", TABLE_TEXT},
                                                  {"type", TABLE_TEXT},
                                                  {"key", TABLE_TEXT},
                                                  {"attempts", TABLE_INT},
                                                  {"to", TABLE_TEXT},
                                                  {"subject", TABLE_TEXT},
                                                  {0}};
    AUTO_RESULT struct db_result *due = NULL;
    bool is_all = limit == 0 || limit > DRY_RUN_ROWS;
    TRY(notification_due(desk_context(desk), c->notifier, is_all ? DRY_RUN_ROWS : limit, &due,
                         err));
    size_t rows = db_result_rows(due);
    struct table *t = table_new(cli, columns);
    for (size_t i = 0; i < rows; i++) {
        const char *key = db_result_text(due, i, 2);
        bool is_mail = strcmp(db_result_text(due, i, 0), "email") == 0;
        table_row(t, (const char *const[]){db_result_text(due, i, 0), db_result_text(due, i, 1),
                                           key, db_result_text(due, i, 3),
                                           is_mail ? masked_recipients(cli, &c->options) : NULL,
                                           is_mail ? arena_printf(cli->arena, "订单确认 - %s", key)
                                                   : NULL});
    }
    TRY(table_end(t, "nothing is due", err));
    cli_summary(cli, "dry run: %zu%s would be sent, nothing was", rows,
                is_all && rows == DRY_RUN_ROWS ? message_text(" or more") : "");
    return 0;
}

static int requeue(struct cli *cli, struct desk *desk, const char *state, struct error *err)
{
    int64_t count;
    TRY(notification_requeue(desk_context(desk), state, NULL, NULL, &count, err));
    cli_summary(cli, "%" PRId64 " %s made due again", count, state);
    return 0;
}

static int judge(const struct notification_counts *c, struct error *err)
{
    int64_t behind = c->failed + c->dead + c->unknown;
    if (behind == 0)
        return 0;
    error_set(err, ERR_PARTIAL, "%" PRId64 " notification%s did not go out, the last of them: %s",
              behind, behind == 1 ? "" : "s", c->last_error);
    if (c->left != NULL)
        return error_hint(err, "%s does not answer: what else is due for it was left as it is",
                          message_text(c->left));
    return error_hint(err, "'diner notify status' lists them and when they are due again");
}

static int send(struct cli *cli, struct desk *desk, struct notify_channels *channels,
                const struct deliver_args *args, struct error *err)
{
    static const struct table_column columns[] = {{"sent", TABLE_INT},    {"failed", TABLE_INT},
                                                  {"dead", TABLE_INT},    {"unknown", TABLE_INT},
                                                  {"expired", TABLE_INT}, {0}};
    struct notification_counts c = {0};
    struct error ignored = ERROR_INIT;
    const struct notification_limits limits = {.most = args->limit, .wait_ms = args->wait_ms};
    int code = notification_deliver(desk_context(desk), channels->notifier, &limits, &c, err);
    struct table *t = table_new(cli, columns);
    table_row(t,
              (const char *const[]){number(cli, c.sent), number(cli, c.failed), number(cli, c.dead),
                                    number(cli, c.unknown), number(cli, c.expired)});
    int printed = table_end(t, NULL, code == 0 ? err : &ignored);
    cli_summary(cli,
                "notify deliver: %" PRId64 " sent, %" PRId64 " to be repeated, %" PRId64
                " given up, %" PRId64 " unknown%s",
                c.sent, c.failed, c.dead, c.unknown,
                c.held > 0 ? message_text("; more is due and held back by a rate") : "");
    if (code != 0 || printed != 0)
        return code != 0 ? code : printed;
    return judge(&c, err);
}

static int deliver_at(struct cli *cli, struct desk *desk, const struct deliver_args *args,
                      struct error *err)
{
    struct notify_channels c = {0};
    int code = notify_channels_open(cli, &c, err);
    if (code == 0 && cli->dry_run)
        code = look(cli, desk, &c, args->limit, err);
    else if (code == 0) {
        if (args->retry_unknown)
            code = requeue(cli, desk, "unknown", err);
        if (code == 0 && args->retry_dead)
            code = requeue(cli, desk, "dead", err);
        if (code == 0)
            code = send(cli, desk, &c, args, err);
    }
    notify_channels_release(&c);
    return code;
}

static int deliver(struct cli *cli, const void *bound, struct error *err)
{
    struct desk *desk;
    TRY(desk_new(cli, &desk, err));
    int code = deliver_at(cli, desk, bound, err);
    desk_free(desk);
    return code;
}

static const struct command command_deliver = {
    .name = "deliver",
    .summary = "send what is due, by all channels",
    .description =
        "Each event of the outbox is told once on each channel that `notify.routes` sends it to "
        "and "
        "that is declared: e-mail, SMS, DingTalk, WeCom, Feishu, Slack, a signed webhook, "
        "RabbitMQ. "
        "Works on the platform's database (connection 'platform', else 'warehouse'), until nothing "
        "is due.\n\n"
        "What fails is repeated 3 times, after 60 s, 2 min and 4 min (`notify.retries`, "
        "`notify.retry_after`), and then a dead letter, as is at once what the other side refuses "
        "for good, by its status or in the body of an HTTP 200. When a deliverer dies between "
        "sending and recording, webhook and broker are told again under the same key, the SMS "
        "service is "
        "asked whether the message left; any other becomes unknown and is repeated only with "
        "--retry-unknown. A channel's rate is kept by all deliverers together. One that does not "
        "answer `breaker.failures` times in a row is left alone for this run.\n\n"
        "Safe to run as often as wanted, on several machines at once. Exit status 7: some did not "
        "go out.",
    .args = &deliver_set,
    .run = deliver,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner notify deliver --dry-run", "what would be sent, recipients masked"},
        {"diner notify deliver", "what a schedule runs every minute"},
        {"diner notify deliver --retry-unknown", "after the mail server's log was looked at"},
        {0}}};

/* ---- status -------------------------------------------------------------------------------- */

enum { STATE_OPEN }; /* the first choice */
static const char *const states[] = {"open",   "queued", "sending", "sent",
                                     "failed", "dead",   "unknown", NULL};
struct status_args {
    int state; /* choice */
    int64_t limit;
};
#define STATUS(member) offsetof(struct status_args, member)
static const struct field status_fields[] = {
    {"state", FIELD_CHOICE, STATUS(state), "list those in this state; open: all that are not sent",
     .arg = "STATE", .choices = states, .def = "open"},
    {"limit", FIELD_INT, STATUS(limit), "list at most so many, the newest", .def = "50", .min = 0,
     .max = 100000},
    {0}};
static const struct field_set status_set = {
    .name = "notify status", .struct_size = sizeof(struct status_args), .fields = status_fields};

static const struct table_column count_columns[] = {{"channel", TABLE_TEXT},
                                                    {"state", TABLE_TEXT},
                                                    {"count", TABLE_INT},
                                                    {"oldest", TABLE_TIME},
                                                    {0}};
static const struct table_column list_columns[] = {{"id", TABLE_INT},
                                                   {"channel", TABLE_TEXT},
                                                   {"type", TABLE_TEXT},
                                                   {"key", TABLE_TEXT},
                                                   {"state", TABLE_TEXT},
                                                   {"attempts", TABLE_INT},
                                                   {"next_at", TABLE_TIME},
                                                   {"updated_at", TABLE_TIME},
                                                   {"last_error", TABLE_TEXT},
                                                   {"message_id", TABLE_TEXT},
                                                   {0}};

static int print_rows(struct cli *cli, const struct table_column *columns,
                      const struct db_result *r, const char *empty, struct error *err)
{
    const char *values[16];
    struct table *t = table_new(cli, columns);
    for (size_t row = 0; row < db_result_rows(r); row++) {
        for (size_t i = 0; columns[i].key != NULL; i++)
            values[i] = db_result_text(r, row, i);
        table_row(t, values);
    }
    return table_end(t, empty, err);
}

static void write_rows(struct jwriter *w, const char *key, const struct table_column *columns,
                       const struct db_result *r)
{
    jwriter_key(w, key);
    jwriter_array(w);
    for (size_t row = 0; row < db_result_rows(r); row++) {
        jwriter_object(w);
        for (size_t i = 0; columns[i].key != NULL; i++) {
            const char *value = db_result_text(r, row, i);
            if (columns[i].kind == TABLE_INT && value != NULL)
                jwriter_kraw(w, columns[i].key, value);
            else
                jwriter_kstring(w, columns[i].key, value);
        }
        jwriter_end(w);
    }
    jwriter_end(w);
}

static int print_json(struct cli *cli, const struct db_result *counts, const struct db_result *list)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct jwriter w;
    strbuf_init(&text, 0);
    jwriter_init(&w, &text);
    jwriter_object(&w);
    write_rows(&w, "counts", count_columns, counts);
    write_rows(&w, "messages", list_columns, list);
    jwriter_end(&w);
    fprintf(cli->out, "%s\n", text.data);
    return 0;
}

static int status_at(struct cli *cli, struct desk *desk, const struct status_args *args,
                     const char *state, struct error *err)
{
    AUTO_RESULT struct db_result *counts = NULL;
    AUTO_RESULT struct db_result *list = NULL;
    TRY(notification_count(desk_context(desk), &counts, err));
    TRY(notification_list(desk_context(desk), state, args->limit, &list, err));
    if (cli->output == CLI_OUTPUT_JSON)
        return print_json(cli, counts, list);
    if (cli->output != CLI_OUTPUT_TABLE)
        return print_rows(cli, list_columns, list, NULL, err);
    TRY(print_rows(cli, count_columns, counts, "no notifications", err));
    if (db_result_rows(list) == 0)
        return 0;
    fputc('\n', cli->out);
    return print_rows(cli, list_columns, list, NULL, err);
}

static int status(struct cli *cli, const void *bound, struct error *err)
{
    const struct status_args *args = bound;
    struct desk *desk;
    TRY(desk_new(cli, &desk, err));
    int code =
        status_at(cli, desk, args, args->state != STATE_OPEN ? states[args->state] : NULL, err);
    desk_free(desk);
    return code;
}

static const struct command command_status = {
    .name = "status",
    .summary = "how many notifications are in which state, and those that are not sent",
    .description =
        "`new` are events that no `deliver` has looked at yet. Then: queued, sending (now, or by "
        "one that died and whose lease still runs), sent, failed (to be repeated at next_at), dead "
        "(given up), unknown (an e-mail that may have left: look into the mail server's log for "
        "its message_id). With -o json one object with `counts` and `messages`; jsonl and csv are "
        "the messages.",
    .args = &status_set,
    .run = status,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner notify status", "counts, and what is not sent"},
        {"diner notify status --state dead -o json", "what was given up, for a program"},
        {0}}};

static const struct command *const children[] = {&command_deliver, &command_status,
                                                 &command_notify_test, &command_dead_letters, NULL};
const struct command command_notify = {
    .name = "notify",
    .summary = "events told by e-mail, SMS, robots, webhook and RabbitMQ",
    .children = children};
