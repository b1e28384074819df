/* cmd/notify_channels.h - the channels of the settings, opened; secrets resolved. */
#ifndef DINER_CMD_NOTIFY_CHANNELS_H
#define DINER_CMD_NOTIFY_CHANNELS_H

#include "cli/command.h"
#include "domain/notification.h"
#include "net/broker.h"

#define NOTIFY_SECRETS_MAX 12

struct notify_channels {
    struct notification_options options;
    struct notifier *notifier;
    char *secrets[NOTIFY_SECRETS_MAX];
    size_t nsecrets;
};
/* ERR_CONFIG: none is declared, or one is incomplete. Release it in any case. */
int notify_channels_open(struct cli *cli, struct notify_channels *c, struct error *err);
/* The broker among them, with what is declared on each connection, or NULL. ERR_CONFIG: there is
 * none. Connects to nothing; freed before the channels are released. */
int notify_channels_broker(const struct notify_channels *c,
                           int (*declare)(struct broker *b, struct error *err), struct broker **ret,
                           struct error *err);
void notify_channels_release(struct notify_channels *c);

/* Tells the channels of run.notify_on_failure that a pipeline failed: at once, without a database,
 * and says on stderr who was told and who could not be. cause has the reason. */
void notify_run_failed(struct cli *cli, const char *pipeline, int64_t run_id,
                       const struct error *cause);

extern const struct command command_notify_test;  /* cmd/notify_test.c */
extern const struct command command_dead_letters; /* cmd/notify_dead.c */

#endif
