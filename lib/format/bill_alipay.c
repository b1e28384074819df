/* Alipay: the trade bill and the account bill, with a preamble before and totals behind. A text
 * mostly ends with a TAB, so that a comma within it is told from one behind it. */
#include "format/bill_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array)   (sizeof(array) / sizeof *(array))
#define PARTNER_DIGITS 16 /* what follows in an account number is the kind of account */
#define TAIL_SUMS_MAX  2

static const struct bill_column_name trade_names[] = {{"支付宝交易号", COL_CHANNEL_NO},
                                                      {"商户订单号", COL_MERCHANT_NO},
                                                      {"业务类型", COL_STATE},
                                                      {"商品名称", COL_PRODUCT},
                                                      {"创建时间", COL_CREATED},
                                                      {"完成时间", COL_TIME},
                                                      {"门店编号", COL_SHOP},
                                                      {"门店名称", COL_SHOP_NAME},
                                                      {"操作员", COL_KNOWN},
                                                      {"终端号", COL_DEVICE},
                                                      {"对方账户", COL_PAYER},
                                                      {"订单金额(元)", COL_AMOUNT},
                                                      {"商家实收(元)", COL_SETTLED},
                                                      {"支付宝红包(元)", COL_KNOWN},
                                                      {"集分宝(元)", COL_KNOWN},
                                                      {"支付宝优惠(元)", COL_KNOWN},
                                                      {"商家优惠(元)", COL_DISCOUNT},
                                                      {"券核销金额(元)", COL_KNOWN},
                                                      {"券名称", COL_KNOWN},
                                                      {"商家红包消费金额(元)", COL_KNOWN},
                                                      {"卡消费金额(元)", COL_KNOWN},
                                                      {"退款批次号/请求号", COL_REFUND_NO},
                                                      {"服务费(元)", COL_FEE},
                                                      {"分润(元)", COL_KNOWN},
                                                      {"备注", COL_NOTE},
                                                      {NULL, COL_COUNT}};
static const enum bill_column trade_required[] = {COL_CHANNEL_NO, COL_MERCHANT_NO, COL_STATE,
                                                  COL_TIME,       COL_AMOUNT,      COL_SETTLED,
                                                  COL_REFUND_NO,  COL_FEE};

static const struct bill_column_name account_names[] = {{"账务流水号", COL_FLOW_NO},
                                                        {"业务流水号", COL_CHANNEL_NO},
                                                        {"商户订单号", COL_MERCHANT_NO},
                                                        {"商品名称", COL_PRODUCT},
                                                        {"发生时间", COL_TIME},
                                                        {"对方账号", COL_PAYER},
                                                        {"收入金额(+元)", COL_INCOME},
                                                        {"支出金额(-元)", COL_EXPENSE},
                                                        {"账户余额(元)", COL_BALANCE},
                                                        {"交易渠道", COL_KNOWN},
                                                        {"业务类型", COL_TRADE_TYPE},
                                                        {"备注", COL_NOTE},
                                                        {NULL, COL_COUNT}};
static const enum bill_column account_required[] = {COL_FLOW_NO, COL_MERCHANT_NO, COL_TIME,
                                                    COL_INCOME,  COL_EXPENSE,     COL_BALANCE};

/* ---- before the rows ----------------------------------------------------------------------- */

/* What stands in the first brackets behind a label, or nothing. */
static struct span bracketed(struct span line, const char *label)
{
    const char *at = bill_find(line, label), *end = line.ptr + line.len;
    const char *open = at ? memchr(at, '[', (size_t)(end - at)) : NULL;
    const char *close = open ? memchr(open, ']', (size_t)(end - open)) : NULL;
    return close ? (struct span){open + 1, (size_t)(close - open - 1)} : SPAN("");
}

static bool day_in(struct span line, const char *label, int32_t *ret)
{
    struct datetime t;
    struct span text = bracketed(line, label);
    if (!datetime_parse("%Y年%m月%d日 %H:%M:%S", text.ptr, text.len, &t))
        return false;
    *ret = (int32_t)(t.us / 86400000000);
    return true;
}

/* The account, and the days: the last is the day before the one where the period ends. */
void bill_alipay_preamble(struct bill *b, struct span line)
{
    int32_t first, end;
    struct span account = bracketed(line, "账号");
    if (account.len > 0 && account.len < sizeof b->info.account) {
        size_t n = account.len > PARTNER_DIGITS ? PARTNER_DIGITS : account.len;
        memcpy(b->info.account, account.ptr, n);
        b->info.account[n] = '\0';
    }
    if (!day_in(line, "起始日期", &first) || !day_in(line, "终止日期", &end))
        return;
    b->has_period = b->info.has_dates = true;
    b->info.first_day = first;
    b->info.last_day = end > first ? end - 1 : first;
}

/* Which columns may hold a comma: texts that people write. */
static void mark_texts(struct bill *b)
{
    static const enum bill_column texts[] = {COL_PRODUCT, COL_SHOP_NAME, COL_PAYER, COL_NOTE};
    for (size_t i = 0; i < COUNT(texts); i++) {
        if (b->place[texts[i]] >= 0)
            b->is_text[b->place[texts[i]]] = true;
    }
}

int bill_alipay_header(struct bill *b, struct span line, bool *ret_is, struct error *err)
{
    bool is_account = bill_begins(line, "账务流水号,");
    *ret_is = is_account || bill_begins(line, "支付宝交易号,");
    if (!*ret_is)
        return 0;
    b->info.channel = BILL_ALIPAY;
    b->info.layout = is_account ? BILL_FLOW : BILL_TRADE;
    b->info.variant = is_account ? "account" : "trade";
    TRY(bill_header(b, line, is_account ? account_names : trade_names, err));
    mark_texts(b);
    return is_account
               ? bill_require(b, account_required, COUNT(account_required), account_names, err)
               : bill_require(b, trade_required, COUNT(trade_required), trade_names, err);
}

/* ---- values -------------------------------------------------------------------------------- */

static size_t commas_in(struct span line)
{
    size_t n = 0;
    const char *from = line.ptr, *end = line.ptr + line.len, *comma;
    for (; (comma = memchr(from, ',', (size_t)(end - from))) != NULL; from = comma + 1)
        n++;
    return n;
}

/* A name may lack its TAB; a time stands behind it. */
static bool is_time_next(const struct bill *b, const char *from, const char *end)
{
    size_t next = b->nvalues + 1;
    if (next >= b->ncolumns || (b->columns[next] != COL_CREATED && b->columns[next] != COL_TIME))
        return false;
    return end - from >= 10 && from[4] == '-' && from[7] == '-';
}

/* Cuts a line at its commas; one too many is of a text, if neither a TAB stands before it nor what
 * comes next behind it. */
static int values_cut(struct bill *b, struct span line, struct error *err)
{
    size_t commas = commas_in(line);
    size_t excess = commas + 1 > b->ncolumns ? commas + 1 - b->ncolumns : 0;
    const char *start = line.ptr, *end = line.ptr + line.len;
    b->nvalues = 0;
    for (;;) {
        const char *comma = memchr(start, ',', (size_t)(end - start));
        bool is_text = b->nvalues < b->ncolumns && b->is_text[b->nvalues];
        while (comma != NULL && excess > 0 && is_text && comma > start && comma[-1] != '\t' &&
               !is_time_next(b, comma + 1, end)) {
            comma = memchr(comma + 1, ',', (size_t)(end - comma - 1));
            excess--;
        }
        const char *stop = comma ? comma : end;
        if (b->nvalues < BILL_COLUMNS_MAX)
            b->values[b->nvalues] = bill_trim((struct span){start, (size_t)(stop - start)});
        b->nvalues++;
        if (comma == NULL)
            break;
        start = comma + 1;
    }
    if (b->nvalues == b->ncolumns)
        return 0;
    bill_fault(b, err, "expected %zu values, found %zu", b->ncolumns, b->nvalues);
    return error_hint(err, "the row is cut, or a text with a comma in it has lost its TAB");
}

static int64_t magnitude(int64_t value)
{
    return value < 0 ? -value : value;
}

/* ---- rows ---------------------------------------------------------------------------------- */

/* Refunds are written with a minus or without: what they are, the business type says. */
static int trade_row(struct bill *b, struct bill_row *row, struct error *err)
{
    struct span type = bill_value(b, COL_STATE);
    bool is_refund = span_equal(type, SPAN("退款"));
    if (!is_refund && !span_equal(type, SPAN("交易")))
        return bill_fault(b, err, "业务类型: expected 交易 or 退款, found '%.*s'", (int)type.len,
                          type.ptr);
    row->kind = is_refund ? BILL_REFUND : BILL_PAYMENT;
    row->state = BILL_DONE;
    row->state_text = type;
    if (is_refund && b->row_money[COL_AMOUNT] < 0)
        b->info.negative_refunds++;
    if (!is_refund && (b->row_money[COL_AMOUNT] < 0 || b->row_money[COL_SETTLED] < 0))
        return bill_fault(b, err, "a payment with a negative amount");
    TRY(bill_fen(b, magnitude(b->row_money[COL_AMOUNT]), &row->amount_fen, err));
    TRY(bill_fen(b, magnitude(b->row_money[COL_SETTLED]), &row->settled_fen, err));
    row->fee_e5 = -b->row_money[COL_FEE];
    row->refund_no = is_refund ? bill_value(b, COL_REFUND_NO) : SPAN("");
    row->shop = bill_value(b, COL_SHOP);
    row->shop_name = bill_value(b, COL_SHOP_NAME);
    row->device = bill_value(b, COL_DEVICE);
    for (size_t i = 0; is_refund && i < COL_MONEY_COUNT; i++)
        TRY(bill_sum(b, &b->refund_sums[i], b->row_money[i], err));
    return 0;
}

static int account_row(struct bill *b, struct bill_row *row, struct error *err)
{
    int64_t income = magnitude(b->row_money[COL_INCOME]);
    int64_t expense = magnitude(b->row_money[COL_EXPENSE]);
    int64_t balance;
    if (income != 0 && expense != 0)
        return bill_fault(b, err, "a row with both an income and an expense");
    row->kind = expense != 0 ? BILL_EXPENSE : BILL_INCOME;
    TRY(bill_fen(b, income + expense, &row->amount_fen, err));
    TRY(bill_money(b, bill_value(b, COL_BALANCE), "账户余额", &balance, err));
    TRY(bill_fen(b, balance, &row->balance_fen, err));
    row->flow_no = bill_value(b, COL_FLOW_NO);
    row->trade_type = bill_value(b, COL_TRADE_TYPE);
    return 0;
}

static int row_read(struct bill *b, struct span line, struct bill_row *row, struct error *err)
{
    *row = (struct bill_row){.line = b->line.number};
    TRY(values_cut(b, line, err));
    TRY(bill_row_money(b, err));
    struct span time = bill_value(b, COL_TIME);
    TRY(bill_time(b, time.len > 0 ? time : bill_value(b, COL_CREATED), &row->time_us, err));
    row->channel_no = bill_value(b, COL_CHANNEL_NO);
    row->merchant_no = bill_value(b, COL_MERCHANT_NO);
    row->mch_id = span_of(b->info.account);
    row->product = bill_value(b, COL_PRODUCT);
    row->payer = bill_value(b, COL_PAYER);
    row->note = bill_value(b, COL_NOTE);
    TRY(b->info.layout == BILL_FLOW ? account_row(b, row, err) : trade_row(b, row, err));
    return bill_count(b, row, err);
}

/* ---- totals -------------------------------------------------------------------------------- */

/* "#退款合计：4笔，商家实收退款共-22.34元，商家优惠退款共0.00元": the count, then each sum. */
static int tail_read(const struct bill *b, struct span line, int64_t *ret_count,
                     int64_t ret_sums[TAIL_SUMS_MAX], struct error *err)
{
    const char *unit = bill_find(line, "笔"), *from = unit;
    if (unit == NULL)
        return bill_fault(b, err, "a total without a count");
    while (from > line.ptr && (unsigned char)(from[-1] - '0') < 10)
        from--;
    TRY(bill_money(b, (struct span){from, (size_t)(unit - from)}, "笔数", ret_count, err));
    struct span rest = {unit, line.len - (size_t)(unit - line.ptr)};
    for (size_t i = 0; i < TAIL_SUMS_MAX; i++) {
        const char *at = bill_find(rest, "共");
        ret_sums[i] = 0;
        if (at == NULL)
            return i > 0 ? 0 : bill_fault(b, err, "a total without a sum");
        at += strlen("共");
        rest = (struct span){at, rest.len - (size_t)(at - rest.ptr)};
        const char *end = bill_find(rest, "元");
        size_t n = end ? (size_t)(end - at) : rest.len;
        TRY(bill_money(b, (struct span){at, n}, "合计", &ret_sums[i], err));
    }
    return 0;
}

static int tail_trade(struct bill *b, struct span line, bool is_refund, struct error *err)
{
    const struct bill_totals *t = &b->info.totals;
    const char *what = is_refund ? "退款合计" : "交易合计";
    int64_t count = 0, sums[TAIL_SUMS_MAX] = {0};
    const enum bill_column columns[TAIL_SUMS_MAX] = {COL_SETTLED, COL_DISCOUNT};
    TRY(tail_read(b, line, &count, sums, err));
    TRY(bill_agree_count(b, what, count, is_refund ? t->refunds : t->payments, err));
    for (size_t i = 0; i < TAIL_SUMS_MAX; i++) {
        if (b->place[columns[i]] < 0)
            continue;
        int64_t refunds = b->refund_sums[columns[i]];
        int64_t counted = is_refund ? refunds : b->sums[columns[i]] - refunds;
        TRY(bill_agree(b, what, magnitude(sums[i]), magnitude(counted), err));
    }
    b->has_tail[is_refund] = true;
    return 0;
}

static int tail_account(struct bill *b, struct span line, bool is_expense, struct error *err)
{
    const struct bill_totals *t = &b->info.totals;
    const char *what = is_expense ? "支出合计" : "收入合计";
    int64_t count = 0, sums[TAIL_SUMS_MAX] = {0};
    TRY(tail_read(b, line, &count, sums, err));
    TRY(bill_agree_count(b, what, count, is_expense ? t->expenses : t->incomes, err));
    TRY(bill_agree(b, what, magnitude(sums[0]),
                   magnitude(b->sums[is_expense ? COL_EXPENSE : COL_INCOME]), err));
    b->has_tail[is_expense] = true;
    return 0;
}

/* A line behind the rows; *ret_is false: it is a row. */
static int tail_line(struct bill *b, struct span line, bool *ret_is, struct error *err)
{
    bool is_trade = b->info.layout == BILL_TRADE;
    struct span text = line;
    while (text.len > 0 && (text.ptr[0] == '#' || text.ptr[0] == ' '))
        text = (struct span){text.ptr + 1, text.len - 1};
    *ret_is = true;
    if (is_trade && (bill_begins(text, "交易合计") || bill_begins(text, "退款合计")))
        return tail_trade(b, text, bill_begins(text, "退款"), err);
    if (!is_trade && (bill_begins(text, "收入合计") || bill_begins(text, "支出合计")))
        return tail_account(b, text, bill_begins(text, "支出"), err);
    *ret_is = line.ptr[0] == '#' || bill_begins(text, "---") || bill_begins(text, "导出时间");
    return 0;
}

static int summary_check(const struct bill *b, struct error *err)
{
    const struct bill_totals *t = &b->info.totals;
    const uint64_t counts[] = {t->payments, t->refunds};
    const int64_t net = (t->payment_settled_fen - t->refund_settled_fen) * BILL_FEE_PER_FEN;
    struct bill at = *b;
    at.name = b->summary_name;
    at.line.number = b->summary_line;
    TRY(bill_agree_count(&at, "交易订单总笔数", b->summary_counts[0], counts[0], err));
    TRY(bill_agree_count(&at, "退款订单总笔数", b->summary_counts[1], counts[1], err));
    TRY(bill_agree(&at, "商家实收", b->summary_settled, net, err));
    return bill_agree(&at, "服务费", b->summary_fee, -t->fee_e5, err);
}

/* A total that is not there is one of nothing. */
static int end_check(struct bill *b, struct error *err)
{
    const struct bill_totals *t = &b->info.totals;
    bool is_trade = b->info.layout == BILL_TRADE;
    const uint64_t counts[] = {is_trade ? t->payments : t->incomes,
                               is_trade ? t->refunds : t->expenses};
    bool lacks = !b->has_tail[0] && !b->has_tail[1];
    for (size_t i = 0; i < COUNT(counts); i++)
        lacks |= !b->has_tail[i] && counts[i] > 0;
    if (lacks) {
        bill_fault(b, err, "the file ends without its totals (合计)");
        return error_hint(err, "it is cut off: fetch it again");
    }
    TRY(bill_balance_end(b, err));
    return b->has_summary ? summary_check(b, err) : 0;
}

int bill_alipay_next(struct bill *b, struct bill_row *ret, bool *ret_end, struct error *err)
{
    struct span line;
    for (;;) {
        bool is_tail;
        TRY(bill_line(b, &line, ret_end, err));
        if (*ret_end)
            return end_check(b, err);
        TRY(tail_line(b, line, &is_tail, err));
        if (is_tail)
            continue;
        if (b->has_tail[0] || b->has_tail[1])
            return bill_fault(b, err, "a row behind the totals");
        return row_read(b, line, ret, err);
    }
}

/* ---- the summary beside them --------------------------------------------------------------- */

enum { SUM_TRADES, SUM_REFUNDS, SUM_SETTLED, SUM_FEE, SUM_COUNT };

bool bill_alipay_is_summary(struct span line)
{
    return bill_begins(line, "门店编号,") && bill_find(line, "交易订单总笔数") != NULL;
}

static void summary_places(struct span header, int places[SUM_COUNT])
{
    static const char *const names[SUM_COUNT] = {"交易订单总笔数", "退款订单总笔数", "商家实收(元)",
                                                 "服务费(元)"};
    char buffer[128];
    for (size_t i = 0; i < SUM_COUNT; i++)
        places[i] = -1;
    for (int at = 0; header.len > 0; at++) {
        const char *comma = memchr(header.ptr, ',', header.len);
        size_t n = comma ? (size_t)(comma - header.ptr) : header.len;
        struct span name = bill_column_text((struct span){header.ptr, n}, buffer, sizeof buffer);
        for (size_t i = 0; i < SUM_COUNT; i++)
            places[i] = span_equal(name, span_of(names[i])) ? at : places[i];
        n += comma != NULL;
        header = (struct span){header.ptr + n, header.len - n};
    }
}

static int summary_total(struct bill *b, const int places[SUM_COUNT], struct bill *of,
                         struct error *err)
{
    int64_t values[SUM_COUNT];
    for (size_t i = 0; i < SUM_COUNT; i++) {
        if (places[i] < 0 || (size_t)places[i] >= b->nvalues)
            return bill_fault(b, err, "the summary has no column for the totals");
        TRY(bill_money(b, b->values[places[i]], "合计", &values[i], err));
    }
    memcpy(of->summary_counts, values, sizeof of->summary_counts);
    of->summary_settled = values[SUM_SETTLED];
    of->summary_fee = values[SUM_FEE];
    of->summary_line = b->line.number;
    of->summary_name = arena_strdup(of->arena, b->name);
    of->has_summary = true;
    return 0;
}

int bill_alipay_summary(struct bill *b, struct span line, struct bill *of, struct error *err)
{
    int places[SUM_COUNT];
    bool end = false;
    summary_places(line, places);
    b->ncolumns = commas_in(line) + 1;
    while (!end) {
        TRY(bill_line(b, &line, &end, err));
        if (end || !bill_begins(line, "合计"))
            continue;
        TRY(values_cut(b, line, err));
        return summary_total(b, places, of, err);
    }
    return 0;
}

void bill_alipay_take_summary(struct bill *b, const struct bill *from)
{
    b->has_summary = from->has_summary;
    b->summary_line = from->summary_line;
    b->summary_name = arena_strdup(b->arena, from->summary_name);
    memcpy(b->summary_counts, from->summary_counts, sizeof b->summary_counts);
    b->summary_settled = from->summary_settled;
    b->summary_fee = from->summary_fee;
}
