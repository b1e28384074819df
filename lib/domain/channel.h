/* lib/domain/channel.h - a payment channel (WeChat Pay, Alipay...), as a port.
 *
 * What every channel has in common: a payment is known by our number and charged once whatever is
 * repeated; so is a refund. Closing answers "paid" when the customer was quicker. A refund that is
 * accepted is not done. A call that fails says nothing about whether the thing happened: the same
 * number is asked again. Channels call back, more than once, late, in any order.
 *
 * A call blocks for as long as the channel takes, but no longer than http.timeout: then nobody
 * knows whether it happened. No transaction and no lock may be open. */
#ifndef DINER_DOMAIN_CHANNEL_H
#define DINER_DOMAIN_CHANNEL_H

#include "core/error.h"
#include "core/mem.h"
#include <stdbool.h>

enum channel_answer {
    CHANNEL_DONE,     /* paid; closed; refunded */
    CHANNEL_ACCEPTED, /* begun: the customer must act, or the bank; ask later */
    CHANNEL_REFUSED,  /* it did not happen and will not, for the reason given */
    CHANNEL_PAID,     /* to closing: too late, it is paid */
    CHANNEL_UNKNOWN,  /* there is no such number here */
};
struct channel_reply {
    enum channel_answer answer;
    const char *transaction_id; /* of what is paid */
    const char *code_url;       /* where the customer pays */
    const char *reason;         /* of a refusal */
};

/* What was called back. */
enum channel_event_kind { CHANNEL_EVENT_PAID, CHANNEL_EVENT_REFUNDED, CHANNEL_EVENT_REFUND_FAILED };
struct channel_event {
    enum channel_event_kind kind;
    const char *event_id;
    const char *number; /* of the payment, or of the refund */
    const char *amount;
    const char *transaction_id, *reason; /* may be NULL */
};

/* Texts of a reply and of an event are in the arena given. Failures: ERR_UNAVAILABLE when nobody
 * knows whether it happened; anything else is an error of ours. */
struct channel {
    const char *name;
    void *self;
    /* At the till: from the code that the customer shows. */
    int (*charge)(void *self, const char *payment_no, const char *amount, struct arena *arena,
                  struct channel_reply *ret, struct error *err);
    /* A code that the customer pays by, in time. */
    int (*prepay)(void *self, const char *payment_no, const char *amount, struct arena *arena,
                  struct channel_reply *ret, struct error *err);
    int (*query)(void *self, const char *payment_no, struct arena *arena, struct channel_reply *ret,
                 struct error *err);
    int (*close)(void *self, const char *payment_no, struct arena *arena, struct channel_reply *ret,
                 struct error *err);
    int (*refund)(void *self, const char *refund_no, const char *payment_no, const char *amount,
                  struct arena *arena, struct channel_reply *ret, struct error *err);
    int (*query_refund)(void *self, const char *refund_no, struct arena *arena,
                        struct channel_reply *ret, struct error *err);
    /* Whether it was the channel that called back; ERR_AUTH. Then what it says; ERR_DATA. */
    int (*read_event)(void *self, const char *timestamp, const char *signature, struct span body,
                      struct arena *arena, struct channel_event *ret, struct error *err);
};

#endif
