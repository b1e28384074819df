/* lib/domain/channel_local.c - the local channel's calls. */
#include "domain/channel_local.h"
#include "core/clock.h"
#include "core/strbuf.h"
#include "format/jsonx.h"
#include "gen/embed.h"
#include "net/digest.h"
#include <openssl/crypto.h>
#include <stdlib.h>

/* A callback is good for so long. */
#define EVENT_AGE_S_MAX 86400

struct channel_local {
    struct channel_local_options options;
    struct channel port;
};

/* One call under way: its connection, and what the script makes of it. */
struct call {
    struct channel_local *channel;
    struct db_conn *conn;
    struct channel_script script;
    const char *operation, *number;
};

static int no_answer(const struct call *call, struct error *err)
{
    return error_set(err, ERR_UNAVAILABLE, "the payment channel did not answer: %s %s",
                     call->operation, call->number);
}

static int read_script(struct call *call, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(call->conn, sql_channel_script, DB_PARAMS(call->operation, call->number), &row,
                 err));
    return channel_script_read(db_result_text(row, 0, 0), call->operation, call->number,
                               db_result_int(row, 0, 1), &call->script, err);
}

/* Who asks gives up in the end; what the channel was told it does all the same. */
static void take_time(struct call *call)
{
    int64_t limit_ms = call->channel->options.timeout_ms, slow_ms = call->script.slow_ms;
    if (limit_ms > 0 && slow_ms > limit_ms) {
        call->script.is_lost = true;
        slow_ms = limit_ms;
    }
    if (slow_ms > 0)
        clock_sleep_ms(slow_ms);
}

static int call_begin(struct call *call, struct error *err)
{
    TRY(call->channel->options.take(call->channel->options.self, &call->conn, err));
    TRY(read_script(call, err));
    take_time(call);
    return call->script.is_failing ? no_answer(call, err) : ERR_OK;
}

/* What the statement says: a status, and for payments the transaction. */
static int ask(struct call *call, const char *sql, const char *const *params, size_t nparams,
               struct arena *arena, const char **ret_status, const char **ret_transaction,
               struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(call->conn, sql, params, nparams, &row, err));
    *ret_status = arena_strdup(arena, db_result_text(row, 0, 0));
    if (ret_transaction != NULL)
        *ret_transaction = arena_strdup(arena, db_result_text(row, 0, 1));
    return ERR_OK;
}

static int call_end(struct call *call, int status, struct error *err)
{
    struct error ignored = ERROR_INIT;
    char late[24];
    if (status == ERR_OK && (call->script.callbacks != 1 || call->script.callback_late_ms > 0)) {
        snprintf(late, sizeof late, "%lld", (long long)call->script.callback_late_ms);
        (void)db_execute(call->conn, sql_channel_callbacks,
                         DB_PARAMS(call->number,
                                   call->script.callbacks == 0   ? "0"
                                   : call->script.callbacks == 2 ? "2"
                                                                 : "1",
                                   late),
                         NULL, &ignored);
    }
    if (call->conn != NULL)
        call->channel->options.give(call->channel->options.self, call->conn);
    if (status == ERR_OK && call->script.is_lost)
        return no_answer(call, err);
    return status;
}

static struct channel_reply payment_reply(const char *status, const char *transaction)
{
    if (strcmp(status, "paid") == 0)
        return (struct channel_reply){.answer = CHANNEL_DONE, .transaction_id = transaction};
    if (strcmp(status, "open") == 0)
        return (struct channel_reply){.answer = CHANNEL_ACCEPTED};
    if (strcmp(status, "unknown") == 0)
        return (struct channel_reply){.answer = CHANNEL_UNKNOWN};
    return (struct channel_reply){.answer = CHANNEL_REFUSED,
                                  .reason = strcmp(status, "closed") == 0
                                                ? "the payment is closed"
                                                : "the number was used for another amount"};
}

static int do_charge(struct call *call, const char *amount, struct arena *arena,
                     struct channel_reply *ret, struct error *err)
{
    const char *status, *transaction;
    if (call->script.is_refused) {
        *ret = (struct channel_reply){.answer = CHANNEL_REFUSED,
                                      .reason = "the customer's bank refuses"};
        return ERR_OK;
    }
    TRY(ask(call, sql_channel_open, DB_PARAMS(call->number, amount), arena, &status, &transaction,
            err));
    if (strcmp(status, "open") == 0 && !call->script.is_pending)
        TRY(ask(call, sql_channel_pay, DB_PARAMS(call->number), arena, &status, &transaction, err));
    *ret = payment_reply(status, transaction);
    return ERR_OK;
}

static int local_charge(void *self, const char *payment_no, const char *amount, struct arena *arena,
                        struct channel_reply *ret, struct error *err)
{
    struct call call = {.channel = self, .operation = "charge", .number = payment_no};
    int status = call_begin(&call, err);
    if (status == ERR_OK)
        status = do_charge(&call, amount, arena, ret, err);
    return call_end(&call, status, err);
}

static int local_prepay(void *self, const char *payment_no, const char *amount, struct arena *arena,
                        struct channel_reply *ret, struct error *err)
{
    struct call call = {.channel = self, .operation = "prepay", .number = payment_no};
    const char *text, *transaction;
    int status = call_begin(&call, err);
    if (status == ERR_OK && call.script.is_refused) {
        *ret = (struct channel_reply){.answer = CHANNEL_REFUSED,
                                      .reason = "the channel takes no payments of this merchant"};
    } else if (status == ERR_OK) {
        status = ask(&call, sql_channel_open, DB_PARAMS(payment_no, amount), arena, &text,
                     &transaction, err);
        if (status == ERR_OK)
            *ret = payment_reply(text, transaction);
        ret->code_url = arena_printf(arena, "diner://pay/%s", payment_no);
    }
    return call_end(&call, status, err);
}

static int local_query(void *self, const char *payment_no, struct arena *arena,
                       struct channel_reply *ret, struct error *err)
{
    struct call call = {.channel = self, .operation = "query", .number = payment_no};
    const char *text, *transaction;
    int status = call_begin(&call, err);
    if (status == ERR_OK)
        status =
            ask(&call, sql_channel_query, DB_PARAMS(payment_no), arena, &text, &transaction, err);
    if (status == ERR_OK)
        *ret = payment_reply(text, transaction);
    return call_end(&call, status, err);
}

static int do_close(struct call *call, struct arena *arena, struct channel_reply *ret,
                    struct error *err)
{
    const char *status, *transaction;
    if (call->script.is_paid)
        TRY(ask(call, sql_channel_pay, DB_PARAMS(call->number), arena, &status, &transaction, err));
    TRY(ask(call, sql_channel_close, DB_PARAMS(call->number), arena, &status, &transaction, err));
    *ret = (struct channel_reply){.answer = strcmp(status, "closed") == 0 ? CHANNEL_DONE
                                            : strcmp(status, "paid") == 0 ? CHANNEL_PAID
                                                                          : CHANNEL_UNKNOWN,
                                  .transaction_id = transaction};
    return ERR_OK;
}

static int local_close(void *self, const char *payment_no, struct arena *arena,
                       struct channel_reply *ret, struct error *err)
{
    struct call call = {.channel = self, .operation = "close", .number = payment_no};
    int status = call_begin(&call, err);
    if (status == ERR_OK)
        status = do_close(&call, arena, ret, err);
    return call_end(&call, status, err);
}

static struct channel_reply refund_reply(const char *status)
{
    return (struct channel_reply){
        .answer = strcmp(status, "succeeded") == 0    ? CHANNEL_DONE
                  : strcmp(status, "processing") == 0 ? CHANNEL_ACCEPTED
                  : strcmp(status, "unknown") == 0    ? CHANNEL_UNKNOWN
                                                      : CHANNEL_REFUSED,
        .reason = strcmp(status, "other") == 0    ? "the number was used for another refund"
                  : strcmp(status, "failed") == 0 ? "the customer's account cannot take it"
                                                  : "there is not so much left of the payment"};
}

/* What was done under the number already is not refused any more. */
static int refuse_refund(struct call *call, struct arena *arena, const char **ret_text,
                         struct error *err)
{
    TRY(ask(call, sql_channel_query_refund, DB_PARAMS(call->number), arena, ret_text, NULL, err));
    if (strcmp(*ret_text, "unknown") == 0)
        *ret_text = "failed";
    return ERR_OK;
}

static int local_refund(void *self, const char *refund_no, const char *payment_no,
                        const char *amount, struct arena *arena, struct channel_reply *ret,
                        struct error *err)
{
    struct call call = {.channel = self, .operation = "refund", .number = refund_no};
    const char *text;
    int status = call_begin(&call, err);
    bool is_later = call.script.is_pending || call.script.is_abnormal;
    if (status == ERR_OK && call.script.is_refused)
        status = refuse_refund(&call, arena, &text, err);
    else if (status == ERR_OK)
        status = ask(&call, sql_channel_refund,
                     DB_PARAMS(refund_no, payment_no, amount, is_later ? "processing" : "succeeded",
                               call.script.is_abnormal ? "failed" : "succeeded"),
                     arena, &text, NULL, err);
    if (status == ERR_OK)
        *ret = refund_reply(text);
    return call_end(&call, status, err);
}

static int local_query_refund(void *self, const char *refund_no, struct arena *arena,
                              struct channel_reply *ret, struct error *err)
{
    struct call call = {.channel = self, .operation = "query_refund", .number = refund_no};
    const char *text;
    int status = call_begin(&call, err);
    if (status == ERR_OK)
        status =
            ask(&call, sql_channel_query_refund, DB_PARAMS(refund_no), arena, &text, NULL, err);
    if (status == ERR_OK)
        *ret = refund_reply(text);
    return call_end(&call, status, err);
}

/* ---- callbacks ---------------------------------------------------------------------------- */

int channel_local_sign(const char *secret, const char *timestamp, struct span body,
                       char ret_hex[65], struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0}, hex = {0};
    struct digest digest;
    strbuf_init(&text, 1 << 20);
    strbuf_init(&hex, 256);
    strbuf_addf(&text, "%s.", timestamp);
    strbuf_add(&text, body.ptr, body.len);
    if (text.overflow)
        return error_set(err, ERR_LIMIT, "the callback is too long");
    TRY(digest_compute(DIGEST_HMAC_SHA256, span_of(secret), (struct span){text.data, text.len},
                       &digest, err));
    digest_encode(DIGEST_HEX, (struct span){(const char *)digest.bytes, digest.len}, &hex);
    snprintf(ret_hex, 65, "%s", hex.data);
    return ERR_OK;
}

static int check_signature(const struct channel_local *c, const char *timestamp,
                           const char *signature, struct span body, struct error *err)
{
    char expected[65];
    int64_t age_s = clock_wall_us() / 1000000 - strtoll(timestamp, NULL, 10);
    TRY(channel_local_sign(c->options.secret, timestamp, body, expected, err));
    if (strlen(signature) != strlen(expected) ||
        CRYPTO_memcmp(expected, signature, strlen(expected)) != 0 || age_s > EVENT_AGE_S_MAX ||
        age_s < -EVENT_AGE_S_MAX)
        return error_set(err, ERR_AUTH, "the callback's signature is wrong");
    return ERR_OK;
}

static int read_kind(const char *kind, enum channel_event_kind *ret, struct error *err)
{
    static const char *const kinds[] = {"payment.succeeded", "refund.succeeded", "refund.failed"};
    for (size_t i = 0; kind != NULL && i < 3; i++) {
        if (strcmp(kind, kinds[i]) == 0) {
            *ret = (enum channel_event_kind)i;
            return ERR_OK;
        }
    }
    return error_set(err, ERR_DATA, "the callback is of no known kind");
}

static int local_read_event(void *self, const char *timestamp, const char *signature,
                            struct span body, struct arena *arena, struct channel_event *ret,
                            struct error *err)
{
    const struct channel_local *c = self;
    struct jsonx *doc = NULL;
    if (c->options.secret == NULL || timestamp == NULL || signature == NULL)
        return error_set(err, ERR_AUTH, "the callback is not signed");
    TRY(check_signature(c, timestamp, signature, body, err));
    TRY(jsonx_parse(body.ptr, body.len, "callback", &doc, err));
    *ret = (struct channel_event){
        .event_id = arena_strdup(arena, jsonx_text(jsonx_get(doc, "event_id"))),
        .number = arena_strdup(arena, jsonx_text(jsonx_get(doc, "number"))),
        .amount = arena_strdup(arena, jsonx_text(jsonx_get(doc, "amount"))),
        .transaction_id = arena_strdup(arena, jsonx_text(jsonx_get(doc, "transaction_id"))),
        .reason = arena_strdup(arena, jsonx_text(jsonx_get(doc, "reason"))),
    };
    int status = read_kind(jsonx_text(jsonx_get(doc, "kind")), &ret->kind, err);
    jsonx_free(doc);
    TRY(status);
    if (ret->event_id == NULL || ret->number == NULL || ret->amount == NULL)
        return error_set(err, ERR_DATA, "the callback lacks event_id, number or amount");
    return ERR_OK;
}

struct channel_local *channel_local_new(const struct channel_local_options *options)
{
    struct channel_local *c = mem_alloc(sizeof *c);
    c->options = *options;
    c->port = (struct channel){.name = "local",
                               .self = c,
                               .charge = local_charge,
                               .prepay = local_prepay,
                               .query = local_query,
                               .close = local_close,
                               .refund = local_refund,
                               .query_refund = local_query_refund,
                               .read_event = local_read_event};
    return c;
}

void channel_local_free(struct channel_local *c)
{
    free(c);
}

const struct channel *channel_local_port(struct channel_local *c)
{
    return &c->port;
}
