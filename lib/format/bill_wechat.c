/* WeChat Pay: trade bills of all types and ages, and the fund flow. Each value begins with a
 * backtick and nothing is quoted, so that a value may hold commas, backticks and quotes: values end
 * where a comma with a backtick behind it stands. The last two lines are the totals. */
#include "format/bill_internal.h"
#include <string.h>

/* Names of ages: 24 columns until 2018, and others before; RECHARGE_REFUND has its own fee. */
static const struct bill_column_name trade_names[] = {
    {"交易时间", COL_TIME},
    {"公众账号ID", COL_APP},
    {"商户号", COL_MCH},
    {"特约商户号", COL_SUB_MCH},
    {"子商户号", COL_SUB_MCH},
    {"设备号", COL_DEVICE},
    {"微信订单号", COL_CHANNEL_NO},
    {"商户订单号", COL_MERCHANT_NO},
    {"用户标识", COL_PAYER},
    {"交易类型", COL_TRADE_TYPE},
    {"交易状态", COL_STATE},
    {"付款银行", COL_KNOWN},
    {"货币种类", COL_CURRENCY},
    {"应结订单金额", COL_SETTLED},
    {"总金额", COL_SETTLED},
    {"代金券金额", COL_KNOWN},
    {"代金券或立减优惠金额", COL_KNOWN},
    {"企业红包金额", COL_KNOWN},
    {"退款申请时间", COL_ACCEPTED},
    {"退款成功时间", COL_KNOWN},
    {"微信退款单号", COL_CHANNEL_REFUND_NO},
    {"商户退款单号", COL_REFUND_NO},
    {"退款金额", COL_REFUND_SETTLED},
    {"充值券退款金额", COL_REFUND_COUPON},
    {"代金券或立减优惠退款金额", COL_REFUND_COUPON},
    {"企业红包退款金额", COL_REFUND_COUPON},
    {"退款类型", COL_KNOWN},
    {"退款状态", COL_REFUND_STATE},
    {"商品名称", COL_PRODUCT},
    {"商户数据包", COL_KNOWN},
    {"手续费", COL_FEE},
    {"返还手续费", COL_FEE},
    {"费率", COL_KNOWN},
    {"订单金额", COL_AMOUNT},
    {"申请退款金额", COL_REFUND_AMOUNT},
    {"费率备注", COL_NOTE},
    {NULL, COL_COUNT}};
static const enum bill_column trade_required[] = {COL_TIME,  COL_CHANNEL_NO, COL_MERCHANT_NO,
                                                  COL_STATE, COL_SETTLED,    COL_FEE};

static const struct bill_column_name flow_names[] = {{"记账时间", COL_TIME},
                                                     {"微信支付业务单号", COL_CHANNEL_NO},
                                                     {"资金流水单号", COL_FLOW_NO},
                                                     {"业务名称", COL_PRODUCT},
                                                     {"业务类型", COL_TRADE_TYPE},
                                                     {"收支类型", COL_DIRECTION},
                                                     {"收支金额(元)", COL_AMOUNT},
                                                     {"账户结余(元)", COL_BALANCE},
                                                     {"资金变更提交申请人", COL_KNOWN},
                                                     {"备注", COL_NOTE},
                                                     {"业务凭证号", COL_MERCHANT_NO},
                                                     {NULL, COL_COUNT}};
static const enum bill_column flow_required[] = {COL_TIME,   COL_FLOW_NO, COL_DIRECTION,
                                                 COL_AMOUNT, COL_BALANCE, COL_MERCHANT_NO};

/* ---- the header ---------------------------------------------------------------------------- */

/* What was asked for, told by the columns that only it has. */
static const char *trade_variant(struct bill *b, struct span line)
{
    const char *type = b->place[COL_CHANNEL_REFUND_NO] < 0 ? "SUCCESS" : "ALL";
    if (bill_find(line, "返还手续费") != NULL)
        type = "RECHARGE_REFUND";
    else if (bill_find(line, "退款申请时间") != NULL)
        type = "REFUND";
    return b->place[COL_AMOUNT] >= 0
               ? type
               : arena_printf(b->arena, "%s (%zu columns)", type, b->ncolumns);
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

int bill_wechat_header(struct bill *b, struct span line, bool *ret_is, struct error *err)
{
    bool is_flow = bill_begins(line, "记账时间,");
    *ret_is = is_flow || bill_begins(line, "交易时间,");
    if (!*ret_is)
        return 0;
    b->info.channel = BILL_WECHAT;
    b->info.layout = is_flow ? BILL_FLOW : BILL_TRADE;
    TRY(bill_header(b, line, is_flow ? flow_names : trade_names, err));
    b->info.variant = is_flow ? "fundflow" : trade_variant(b, line);
    return is_flow ? bill_require(b, flow_required, COUNT(flow_required), flow_names, err)
                   : bill_require(b, trade_required, COUNT(trade_required), trade_names, err);
}

/* ---- values -------------------------------------------------------------------------------- */

static int no_backtick(const struct bill *b, struct error *err)
{
    bill_fault(b, err, "the row does not begin with a backtick, as each value of a bill does");
    return error_hint(err,
                      "a spreadsheet program that saves it again changes it (long numbers too): "
                      "use the file as it was fetched");
}

/* Cuts a line of values into exactly n. */
static int values_cut(struct bill *b, struct span line, size_t n, struct error *err)
{
    if (line.len == 0 || line.ptr[0] != '`')
        return no_backtick(b, err);
    const char *start = line.ptr + 1, *end = line.ptr + line.len, *from = start, *tick;
    b->nvalues = 0;
    while ((tick = memchr(from, '`', (size_t)(end - from))) != NULL) {
        from = tick + 1;
        if (tick == start || tick[-1] != ',')
            continue;
        if (b->nvalues < BILL_COLUMNS_MAX)
            b->values[b->nvalues] = (struct span){start, (size_t)(tick - 1 - start)};
        b->nvalues++;
        start = tick + 1;
    }
    if (b->nvalues < BILL_COLUMNS_MAX)
        b->values[b->nvalues] = (struct span){start, (size_t)(end - start)};
    b->nvalues++;
    if (b->nvalues == n)
        return 0;
    bill_fault(b, err, "expected %zu values, found %zu", n, b->nvalues);
    return error_hint(err, "the row is cut, or a value holds a comma and a backtick together");
}

/* Ids that are not there are "0". */
static struct span id_value(const struct bill *b, enum bill_column column)
{
    struct span text = bill_trim(bill_value(b, column));
    return text.len == 1 && text.ptr[0] == '0' ? SPAN("") : text;
}

/* ---- rows ---------------------------------------------------------------------------------- */

static bool value_is(struct span text, const char *what)
{
    return span_equal(text, span_of(what));
}

static enum bill_state refund_state(struct span text)
{
    if (value_is(text, "SUCCESS"))
        return BILL_DONE;
    if (value_is(text, "PROCESSING"))
        return BILL_PROCESSING;
    return value_is(text, "FAIL") || value_is(text, "CHANGE") ? BILL_FAILED : BILL_OTHER;
}

/* SUCCESS is a payment, REFUND a refund, REVOKED a payment taken back at once: a refund too. */
static int trade_kind(struct bill *b, struct bill_row *row, struct error *err)
{
    struct span state = bill_trim(bill_value(b, COL_STATE));
    bool is_payment = value_is(state, "SUCCESS");
    if (!is_payment && !value_is(state, "REFUND") && !value_is(state, "REVOKED"))
        return bill_fault(b, err, "'%.*s' is no state of a trade that is known", (int)state.len,
                          state.ptr);
    if (!is_payment && b->place[COL_REFUND_SETTLED] < 0 && value_is(state, "REFUND"))
        return bill_fault(b, err, "a refund in a bill without columns for it");
    row->kind = is_payment || b->place[COL_REFUND_SETTLED] < 0 ? BILL_PAYMENT : BILL_REFUND;
    row->state_text = state;
    row->state = is_payment || row->kind == BILL_REFUND ? BILL_DONE : BILL_OTHER;
    if (row->kind == BILL_PAYMENT)
        return 0;
    struct span refunded = bill_trim(bill_value(b, COL_REFUND_STATE));
    row->state_text = refunded.len > 0 ? refunded : state;
    row->state = refunded.len > 0 ? refund_state(refunded) : BILL_DONE;
    row->refund_no = id_value(b, COL_REFUND_NO);
    row->channel_refund_no = id_value(b, COL_CHANNEL_REFUND_NO);
    return 0;
}

/* Old bills say only what is settled, which then was all. */
static int trade_amounts(struct bill *b, struct bill_row *row, struct error *err)
{
    bool is_refund = row->kind == BILL_REFUND;
    enum bill_column settled = is_refund ? COL_REFUND_SETTLED : COL_SETTLED;
    enum bill_column gross = is_refund ? COL_REFUND_AMOUNT : COL_AMOUNT;
    int64_t money = b->row_money[b->place[gross] >= 0 ? gross : settled];
    TRY(bill_fen(b, b->row_money[settled], &row->settled_fen, err));
    TRY(bill_fen(b, money, &row->amount_fen, err));
    if (is_refund && (row->amount_fen < 0 || row->settled_fen < 0)) {
        b->info.negative_refunds++;
        row->amount_fen = row->amount_fen < 0 ? -row->amount_fen : row->amount_fen;
        row->settled_fen = row->settled_fen < 0 ? -row->settled_fen : row->settled_fen;
    }
    if (row->amount_fen < 0 || row->settled_fen < 0)
        return bill_fault(b, err, "a payment with a negative amount");
    row->fee_e5 = b->row_money[COL_FEE];
    return 0;
}

static int trade_texts(struct bill *b, struct bill_row *row, struct error *err)
{
    struct span currency = bill_trim(bill_value(b, COL_CURRENCY));
    if (currency.len > 0 && !value_is(currency, "CNY"))
        return bill_fault(b, err, "currency '%.*s': only CNY is read", (int)currency.len,
                          currency.ptr);
    row->mch_id = id_value(b, COL_MCH);
    row->sub_mch_id = id_value(b, COL_SUB_MCH);
    row->app_id = id_value(b, COL_APP);
    row->device = id_value(b, COL_DEVICE);
    row->trade_type = bill_value(b, COL_TRADE_TYPE);
    row->product = bill_value(b, COL_PRODUCT);
    row->payer = bill_value(b, COL_PAYER);
    if (b->info.account[0] == '\0' && row->mch_id.len < sizeof b->info.account)
        memcpy(b->info.account, row->mch_id.ptr, row->mch_id.len);
    return 0;
}

static int trade_row(struct bill *b, struct bill_row *row, struct error *err)
{
    TRY(trade_kind(b, row, err));
    TRY(trade_amounts(b, row, err));
    return trade_texts(b, row, err);
}

static int flow_row(struct bill *b, struct bill_row *row, struct error *err)
{
    struct span direction = bill_trim(bill_value(b, COL_DIRECTION));
    int64_t balance;
    if (!value_is(direction, "收入") && !value_is(direction, "支出"))
        return bill_fault(b, err, "收支类型: expected 收入 or 支出, found '%.*s'",
                          (int)direction.len, direction.ptr);
    row->kind = value_is(direction, "收入") ? BILL_INCOME : BILL_EXPENSE;
    row->state_text = direction;
    TRY(bill_fen(b, b->row_money[COL_AMOUNT], &row->amount_fen, err));
    if (row->amount_fen < 0)
        return bill_fault(b, err, "收支金额 is negative: its direction is in 收支类型");
    TRY(bill_sum(b, &b->sums[row->kind == BILL_INCOME ? COL_INCOME : COL_EXPENSE],
                 b->row_money[COL_AMOUNT], err));
    TRY(bill_money(b, bill_trim(bill_value(b, COL_BALANCE)), "账户结余", &balance, err));
    TRY(bill_fen(b, balance, &row->balance_fen, err));
    row->flow_no = id_value(b, COL_FLOW_NO);
    row->trade_type = bill_value(b, COL_TRADE_TYPE);
    row->product = bill_value(b, COL_PRODUCT);
    return 0;
}

/* ---- totals -------------------------------------------------------------------------------- */

/* column COL_COUNT: a count, of rows, of incomes or of expenses. */
struct total {
    const char *name;
    enum bill_column column;
    enum { ROWS, INCOMES, EXPENSES } count;
};
static const struct total totals[] = {{"总交易单数", COL_COUNT, ROWS},
                                      {"应结订单总金额", COL_SETTLED, ROWS},
                                      {"总交易额", COL_SETTLED, ROWS},
                                      {"退款总金额", COL_REFUND_SETTLED, ROWS},
                                      {"总退款金额", COL_REFUND_SETTLED, ROWS},
                                      {"充值券退款总金额", COL_REFUND_COUPON, ROWS},
                                      {"总代金券或立减优惠退款金额", COL_REFUND_COUPON, ROWS},
                                      {"总企业红包退款金额", COL_REFUND_COUPON, ROWS},
                                      {"手续费总金额", COL_FEE, ROWS},
                                      {"返还手续费总金额", COL_FEE, ROWS},
                                      {"订单总金额", COL_AMOUNT, ROWS},
                                      {"申请退款总金额", COL_REFUND_AMOUNT, ROWS},
                                      {"资金流水总笔数", COL_COUNT, ROWS},
                                      {"收入笔数", COL_COUNT, INCOMES},
                                      {"收入金额", COL_INCOME, ROWS},
                                      {"支出笔数", COL_COUNT, EXPENSES},
                                      {"支出金额", COL_EXPENSE, ROWS}};

static bool is_totals_header(struct span line)
{
    return bill_begins(line, "总交易单数") || bill_begins(line, "资金流水总笔数");
}

static const struct total *total_named(struct span name)
{
    for (size_t i = 0; i < COUNT(totals); i++) {
        if (value_is(name, totals[i].name))
            return &totals[i];
    }
    return NULL;
}

/* A total of a column that the rows do not have (SUCCESS bills have had them) says nothing. */
static int total_check(struct bill *b, struct span name, struct span text, struct error *err)
{
    const struct total *total = total_named(name);
    const struct bill_totals *t = &b->info.totals;
    const uint64_t counts[] = {t->rows, t->incomes, t->expenses};
    int64_t said;
    if (total == NULL)
        return 0;
    TRY(bill_money(b, bill_trim(text), total->name, &said, err));
    if (total->column == COL_COUNT)
        return bill_agree_count(b, total->name, said, counts[total->count], err);
    bool is_flow = total->column == COL_INCOME || total->column == COL_EXPENSE;
    if (!is_flow && b->place[total->column] < 0)
        return 0;
    return bill_agree(b, total->name, said, b->sums[total->column], err);
}

static size_t names_of(struct bill *b, struct span header, struct span names[BILL_COLUMNS_MAX])
{
    size_t n = 0;
    header = (struct span){arena_strndup(b->arena, header.ptr, header.len), header.len};
    for (bool more = true; more && n < BILL_COLUMNS_MAX;) {
        const char *comma = memchr(header.ptr, ',', header.len);
        size_t len = comma ? (size_t)(comma - header.ptr) : header.len;
        names[n++] = bill_trim((struct span){header.ptr, len});
        more = comma != NULL;
        header = (struct span){header.ptr + len + more, header.len - len - more};
    }
    return n;
}

static int end_check(struct bill *b, struct span header, struct error *err)
{
    struct span names[BILL_COLUMNS_MAX], line;
    size_t n = names_of(b, header, names);
    bool end;
    TRY(bill_balance_end(b, err));
    TRY(bill_line(b, &line, &end, err));
    if (end)
        return bill_fault(b, err, "the file ends before its totals");
    TRY(values_cut(b, line, n, err));
    for (size_t i = 0; i < n; i++)
        TRY(total_check(b, names[i], b->values[i], err));
    TRY(bill_line(b, &line, &end, err));
    return end ? 0 : bill_fault(b, err, "there is more behind the totals");
}

int bill_wechat_next(struct bill *b, struct bill_row *ret, bool *ret_end, struct error *err)
{
    struct span line;
    bool end;
    TRY(bill_line(b, &line, &end, err));
    if (end) {
        bill_fault(b, err, "the file ends without its totals");
        return error_hint(err, "it is cut off: fetch it again");
    }
    *ret_end = is_totals_header(line);
    if (*ret_end)
        return end_check(b, line, err);
    *ret = (struct bill_row){.line = b->line.number};
    TRY(values_cut(b, line, b->ncolumns, err));
    TRY(bill_row_money(b, err));
    struct span accepted = bill_trim(bill_value(b, COL_ACCEPTED));
    TRY(bill_time(b, accepted.len > 0 ? accepted : bill_value(b, COL_TIME), &ret->time_us, err));
    ret->channel_no = id_value(b, COL_CHANNEL_NO);
    ret->merchant_no = id_value(b, COL_MERCHANT_NO);
    ret->note = bill_value(b, COL_NOTE);
    TRY(b->info.layout == BILL_FLOW ? flow_row(b, ret, err) : trade_row(b, ret, err));
    return bill_count(b, ret, err);
}
