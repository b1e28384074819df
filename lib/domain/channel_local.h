/* lib/domain/channel_local.h - the local channel: behaves like the real ones, and keeps its books
 * in the schema channel_local, in transactions of its own.
 *
 * A script in channel_local.script says what it does otherwise, for tests that must not depend on
 * luck: rules separated by blanks or commas,
 *
 *     OPERATION[#N][@SUFFIX]=BEHAVIOUR[:ARGUMENT]
 *
 * for the operations charge, prepay, query, close, refund, query_refund and * (any); #N is only the
 * N-th call for a number, @SUFFIX only numbers that end so. Behaviours:
 *
 *     slow:200ms   takes so long, and then does it; longer than timeout_ms: nobody waits for the
 *                  answer, as with lost
 *     fail         does nothing, and does not answer
 *     lost         does it, and the answer is lost
 *     refuse       refuses
 *     pending      charge: the customer has to act; refund: accepted, done when asked for twice
 *     abnormal     refund: accepted, and fails in the end
 *     paid         close: the customer pays just before
 *     twice, late:5s, none    what becomes of the callback
 */
#ifndef DINER_DOMAIN_CHANNEL_LOCAL_H
#define DINER_DOMAIN_CHANNEL_LOCAL_H

#include "db/conn.h"
#include "domain/channel.h"

struct channel_local_options {
    /* A connection without a transaction, for as long as one call takes. */
    int (*take)(void *self, struct db_conn **ret, struct error *err);
    void (*give)(void *self, struct db_conn *conn);
    void *self;
    const char *secret; /* of the callbacks' signatures; borrowed */
    int64_t timeout_ms; /* how long a call is waited for; 0: as long as it takes */
};
struct channel_local;
struct channel_local *channel_local_new(const struct channel_local_options *options);
void channel_local_free(struct channel_local *c); /* NULL-safe */
const struct channel *channel_local_port(struct channel_local *c);

/* The signature that a callback carries: hex HMAC-SHA256 of "TIMESTAMP.BODY". */
int channel_local_sign(const char *secret, const char *timestamp, struct span body,
                       char ret_hex[65], struct error *err);

/* What the script says of one call. Pure. ERR_DATA names the rule that is none. */
struct channel_script {
    int64_t slow_ms;
    bool is_failing, is_lost, is_refused, is_pending, is_abnormal, is_paid;
    int callbacks; /* 0, 1, 2 */
    int64_t callback_late_ms;
};
int channel_script_read(const char *rules, const char *operation, const char *number, int64_t call,
                        struct channel_script *ret, struct error *err);

#endif
