/* diner notify test CHANNEL: one message, to see that a channel is set up. Needs no database. */
#include "cli/table.h"
#include "cmd/notify_channels.h"

#include <stdio.h>

struct test_args {
    int channel; /* choice */
};
static const struct field test_fields[] = {
    {"channel", FIELD_CHOICE, offsetof(struct test_args, channel), "the channel to try",
     .arg = "CHANNEL", .choices = notification_channel_names,
     .flags = FIELD_POSITIONAL | FIELD_REQUIRED},
    {0}};
static const struct field_set test_set = {
    .name = "notify test", .struct_size = sizeof(struct test_args), .fields = test_fields};

static int show(struct cli *cli, struct notifier *n, enum notification_channel channel,
                const struct notification_message *m, struct error *err)
{
    struct notification_preview p;
    TRY(notification_preview(n, channel, m, cli->arena, &p, err));
    fprintf(cli->out, "channel: %s\nto: %s\n\n%s\n", p.channel, p.to, p.text);
    cli_summary(cli, "dry run: nothing was sent");
    return 0;
}

static int test_by(struct cli *cli, const struct test_args *args, struct notifier *n,
                   struct error *err)
{
    enum notification_channel channel = (enum notification_channel)args->channel;
    struct notification_message m;
    notification_message_make(cli->arena, "notify.test", "diner", "{}", &m);
    if (cli->dry_run)
        return show(cli, n, channel, &m, err);
    if (notification_send(n, channel, &m, err) != 0)
        return error_context(err, "channel '%s'", notification_channel_names[channel]);
    cli_summary(cli, "notify test: %s took the message %s", notification_channel_names[channel],
                m.id);
    return 0;
}

static int test(struct cli *cli, const void *bound, struct error *err)
{
    struct notify_channels c = {0};
    int code = notify_channels_open(cli, &c, err);
    if (code == 0)
        code = test_by(cli, bound, c.notifier, err);
    notify_channels_release(&c);
    return code;
}

const struct command command_notify_test = {
    .name = "test",
    .summary = "send one test message by a channel",
    .description = "Sends a message that says it is a test, at once and without the outbox, as the "
                   "settings declare the channel. --dry-run prints what would be sent; secrets, "
                   "signatures and recipients are masked.",
    .args = &test_set,
    .run = test,
    .flags = CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner notify test webhook --dry-run", "what would be posted"},
        {"diner notify test dingtalk", "does the robot take it?"},
        {0}}};
