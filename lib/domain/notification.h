/* lib/domain/notification.h - what the outbox holds is told: by mail, text message, robot, webhook,
 * broker.
 *
 * Each message has a row for each channel that a route sends its type to: queued -> sending ->
 * sent; failed waits for its next attempt; dead had all of them, or was refused for good; unknown
 * may have left. Rows are claimed by a statement of its own (SKIP LOCKED, under a lease) before
 * anything is sent, so any number of deliverers may work at the same time. A deliverer that dies
 * between sending and recording leaves its lease to run out: a channel whose receiver knows repeats
 * by their key is told again; one that can be asked (SMS) is asked first; any other message
 * becomes unknown and waits for a person. An event for the broker is never too old and never given
 * up for a broker that does not answer: it is needed by machines, later as well. */
#ifndef DINER_DOMAIN_NOTIFICATION_H
#define DINER_DOMAIN_NOTIFICATION_H

#include "domain/context.h"
#include "net/smtp.h"
#include "schema/field.h"

enum notification_channel {
    NOTIFICATION_EMAIL,
    NOTIFICATION_WEBHOOK,
    NOTIFICATION_SMS,
    NOTIFICATION_DINGTALK,
    NOTIFICATION_WECOM,
    NOTIFICATION_FEISHU,
    NOTIFICATION_SLACK,
    NOTIFICATION_RABBITMQ,
    NOTIFICATION_CHANNELS
};
extern const char *const notification_channel_names[]; /* in that order, NULL at the end */

/* Where a channel by HTTP or the broker is. */
struct notification_place {
    const char *url;    /* NULL: not declared; of robots itself a secret */
    const char *secret; /* what is signed with, or the broker's password; or NULL */
    struct field_rate rate;
};
struct notification_options {
    struct smtp_options smtp; /* url NULL: no e-mail */
    const char *from;         /* "Name <a@b>" */
    const char *const *to;    /* the same */
    size_t to_count;
    struct notification_place places[NOTIFICATION_CHANNELS];
    /* SMS by Aliyun; declared by its key, of which places[NOTIFICATION_SMS].secret is the secret */
    const char *sms_key, *sms_sign_name, *sms_template;
    const char *const *sms_to;
    size_t sms_to_count;
    const struct field_string_map *sms_params; /* of the template, texts with {name} */
    const struct field_string_map *routes;     /* type, "order.*" or "*": channels, blank between */
    const struct field_string_map *templates;  /* type: text (notification_text.h) */
    int64_t connect_timeout_ms, timeout_ms;    /* by HTTP */
    const char *ca_file;                       /* by HTTP and of the broker; NULL: the system's */
    int64_t retries, retry_after_ms, retry_cap_ms;
    int64_t max_age_ms;       /* older messages are dead from the start */
    int64_t breaker_failures; /* of a channel in a row: it is left alone for this run */
};
struct notifier;
/* options and its strings are borrowed while the notifier lives. ERR_CONFIG: no channel, or one
 * that is incomplete, or a route to none. Connects to nothing. */
int notifier_new(const struct notification_options *options, struct notifier **ret,
                 struct error *err);
void notifier_free(struct notifier *n); /* NULL-safe */
/* Channels that were left alone are tried again. */
void notifier_forgive(struct notifier *n);

struct notification_counts {
    int64_t sent, failed, dead, unknown;
    int64_t expired;      /* claims of deliverers that died */
    int64_t held;         /* 1 when a rate holds back what is due */
    const char *left;     /* the last that does not answer ("the webhook"), or NULL */
    char last_error[256]; /* the last failure's, without secrets */
};
struct notification_limits {
    int64_t most;    /* messages; 0: all that are due */
    int64_t wait_ms; /* for a channel's rate, altogether */
};
/* Sends what is due until nothing is. No transaction is open, before and after. Failures of
 * channels are counted; errors are the database's, or a signal's (after what was under way). */
int notification_deliver(struct domain_context *ctx, struct notifier *n,
                         const struct notification_limits *limits, struct notification_counts *ret,
                         struct error *err);
/* Those in the state ("unknown", "dead") are due again; channel, ids ("{1,2}") NULL: any. */
int notification_requeue(struct domain_context *ctx, const char *state, const char *channel,
                         const char *ids, int64_t *ret_count, struct error *err);
/* What would be sent: channel, type, key, attempts. */
int notification_due(struct domain_context *ctx, const struct notifier *n, int64_t limit,
                     struct db_result **ret, struct error *err);
/* channel (NULL: not planned yet), state, count, oldest. */
int notification_count(struct domain_context *ctx, struct db_result **ret, struct error *err);
/* id, channel, type, key, state, attempts, next_at, updated_at, last_error, message_id; the newest
 * first; state NULL: all that are not sent. */
int notification_list(struct domain_context *ctx, const char *state, int64_t limit,
                      struct db_result **ret, struct error *err);

struct notification_backlog {
    int64_t due, oldest_s; /* not told though it is time, and for how long the first */
    int64_t dead, unknown;
};
int notification_backlog_look(struct domain_context *ctx, struct notification_backlog *ret,
                              struct error *err);

/* ---- without the outbox -------------------------------------------------------------------- */

struct notification_message {
    const char *id;   /* the same at every attempt: a UUID */
    const char *type; /* "order.created" */
    const char *key, *payload, *created_at;
    int64_t created_s, tried_s;          /* tried: when it was last handed over */
    const char *store_name, *local_time; /* or NULL */
};
/* A message of now; texts in the arena. payload: a JSON object, borrowed. */
void notification_message_make(struct arena *arena, const char *type, const char *key,
                               const char *payload, struct notification_message *ret);
/* Sends one at once, no database needed; repeated twice where that is safe. ERR_CONFIG when the
 * channel is not declared. */
int notification_send(struct notifier *n, enum notification_channel channel,
                      const struct notification_message *m, struct error *err);
struct notification_preview {
    const char *channel, *to, *text; /* in the arena; where it goes and what, secrets masked */
};
int notification_preview(struct notifier *n, enum notification_channel channel,
                         const struct notification_message *m, struct arena *arena,
                         struct notification_preview *ret, struct error *err);
/* The channel of that name, or NOTIFICATION_CHANNELS. */
enum notification_channel notification_channel_find(const char *name);

#endif
