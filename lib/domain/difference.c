/* lib/domain/difference.c - what bills and our books differ in, and what became of it. */
#include "domain/reconcile.h"
#include "gen/embed.h"

/* ---- reading ------------------------------------------------------------------------------ */

struct each {
    int (*difference)(void *self, const struct difference *d, struct error *err);
    int (*total)(void *self, const struct reconcile_total *t, struct error *err);
    void *self;
};

static int give_difference(void *self, const struct db_result *row, struct error *err)
{
    const struct each *each = self;
    size_t i = 0;
    struct difference d = {0};
    const char **const texts[] = {
        &d.id,           &d.bill_date,   &d.channel,     &d.kind,
        &d.number,       &d.class,       &d.state,       &d.channel_amount,
        &d.local_amount, &d.amount_diff, &d.channel_fee, &d.local_fee,
        &d.order_no,     &d.store,       &d.channel_no,  &d.channel_state,
        &d.local_status, &d.channel_at,  &d.local_at,    &d.other_date,
        &d.position,     &d.handled_at,  &d.note,        &d.action};
    for (; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = db_result_text(row, 0, i);
    d.age_days = db_result_int(row, 0, i);
    return each->difference(each->self, &d, err);
}

int difference_each(struct domain_context *ctx, const struct difference_filter *f,
                    int (*row)(void *self, const struct difference *d, struct error *err),
                    void *self, struct error *err)
{
    struct each each = {.difference = row, .self = self};
    return db_query_each(
        ctx->conn, sql_difference_list,
        DB_PARAMS(f->channel, f->state, f->from, f->to, f->with_unsettled ? "true" : "false",
                  domain_int(ctx, f->pool_days), f->is_unsettled ? "true" : "false"),
        give_difference, &each, err);
}

static int give_total(void *self, const struct db_result *row, struct error *err)
{
    const struct each *each = self;
    const struct reconcile_total t = {.bill_date = db_result_text(row, 0, 0),
                                      .channel = db_result_text(row, 0, 1),
                                      .kind = db_result_text(row, 0, 2),
                                      .class = db_result_text(row, 0, 3),
                                      .channel_rows = db_result_int(row, 0, 4),
                                      .local_rows = db_result_int(row, 0, 5),
                                      .channel_amount = db_result_text(row, 0, 6),
                                      .local_amount = db_result_text(row, 0, 7),
                                      .amount_diff = db_result_text(row, 0, 8),
                                      .fee = db_result_text(row, 0, 9)};
    return each->total(each->self, &t, err);
}

int reconcile_total_each(struct domain_context *ctx, const struct difference_filter *f,
                         bool is_summary,
                         int (*row)(void *self, const struct reconcile_total *t, struct error *err),
                         void *self, struct error *err)
{
    struct each each = {.total = row, .self = self};
    return db_query_each(ctx->conn, sql_reconcile_totals,
                         DB_PARAMS(f->channel, f->from, f->to, is_summary ? "true" : "false"),
                         give_total, &each, err);
}

int difference_open(struct domain_context *ctx, const struct difference_filter *f,
                    int64_t *ret_open, int64_t *ret_pending, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_difference_open,
                 DB_PARAMS(f->channel, f->from, f->to, domain_int(ctx, f->pool_days)), &row, err));
    *ret_open = db_result_int(row, 0, 0);
    *ret_pending = db_result_int(row, 0, 1);
    return ERR_OK;
}

/* ---- handling ----------------------------------------------------------------------------- */

int difference_handle(struct domain_context *ctx, const char *id, const char *note,
                      struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_difference_handle, DB_PARAMS(id, note), &row, err));
    if (db_result_rows(row) == 0) {
        error_set(err, ERR_NOT_FOUND, "there is no difference '%s'", id);
        return error_hint(err, "'diner payments differences list' shows those there are");
    }
    if (db_result_bool(row, 0, 0)) {
        error_set(err, ERR_CONFLICT, "difference '%s' was dealt with before", id);
        return error_hint(err, "'diner payments differences list --state handled' shows how");
    }
    return ERR_OK;
}

/* ---- words -------------------------------------------------------------------------------- */

struct word {
    const char *key, *text;
};

static const char *word_of(const struct word *words, const char *key)
{
    for (; words->key != NULL; words++)
        if (strcmp(words->key, key) == 0)
            return words->text;
    return key;
}

/* Which side 长款 names differs by author: here it is always the channel's surplus. */
const char *difference_label(const struct difference *d)
{
    static const struct word of_payments[] = {{"matched", "平账"},
                                              {"other_day", "跨日已对"},
                                              {"channel_only", "长款"},
                                              {"local_only", "短款"},
                                              {"status", "掉单"},
                                              {"fee", "手续费不符"},
                                              {"flow", "资金账单不符"},
                                              {"duplicate_channel", "渠道重复"},
                                              {"duplicate_local", "我方重复"},
                                              {0}};
    static const struct word of_refunds[] = {{"matched", "平账"},
                                             {"other_day", "跨日已对"},
                                             {"channel_only", "渠道单边退款"},
                                             {"local_only", "我方单边退款"},
                                             {"status", "退款状态不符"},
                                             {"fee", "退还手续费不符"},
                                             {"duplicate_channel", "渠道重复退款"},
                                             {0}};
    if (strcmp(d->class, "local_only") == 0 && d->state != NULL) {
        if (strcmp(d->state, "pending") == 0)
            return "待对账";
        if (strcmp(d->state, "closed") == 0)
            return "跨日已对";
    }
    if (strcmp(d->class, "amount") == 0)
        return d->amount_diff == NULL     ? "金额不符"
               : d->amount_diff[0] == '-' ? "金额不符（短款）"
                                          : "金额不符（长款）";
    return word_of(strcmp(d->kind, "refund") == 0 ? of_refunds : of_payments, d->class);
}

const char *difference_advice(const char *action)
{
    static const struct word advice[] = {
        {"wait", "次日账单可能包含，先挂账等待"},
        {"find_order", "渠道已收款而我方无记录：查找订单，补记或向顾客退款"},
        {"book_refund", "渠道已退款而我方无记录：核实后补记退款"},
        {"ask_channel", "我方已记收款而渠道无记录：向渠道查单，未收到则更正订单"},
        {"query_refund", "向渠道查询退款状态（diner orders settle）"},
        {"confirm_paid", "渠道已收款而我方未确认：确认支付（diner orders settle）"},
        {"refund", "订单已取消而渠道已收款：退款"},
        {"correct_amount", "核对双方金额，更正记错的一方"},
        {"check_fee", "核对费率与手续费，差额向渠道提出"},
        {"check_duplicate", "渠道账单重复：核实是否重复扣款，是则退款"},
        {"cancel_duplicate", "我方重复记账：更正重复的一笔"},
        {0}};
    return action == NULL ? "" : word_of(advice, action);
}
