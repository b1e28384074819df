/* Bills of payment channels: every layout that is met, what they have that a CSV has not, and that
 * nothing which does not add up is believed. */
#include "scratch.h"

#include "core/datetime.h"
#include "core/fileio.h"
#include "format/bill.h"
#include "format/encoding.h"
#include "format/gzip.h"
#include <sys/resource.h>

#define ROOT     "tests/fixtures/bills/"
#define ROWS_MAX 40

#define assert_span(span, text)                                                                    \
    do {                                                                                           \
        if (!span_equal((span), span_of(text)))                                                    \
            fail_msg("'%.*s' is not '%s'", (int)(span).len, (span).ptr, (text));                   \
    } while (0)

static struct bill *open_fixture(const char *name)
{
    struct error err = ERROR_INIT;
    struct bill *b = NULL;
    char path[128];
    snprintf(path, sizeof path, ROOT "%s", name);
    assert_ok(bill_open(path, &b, &err));
    return b;
}

static void next_row(struct bill *b, struct bill_row *ret)
{
    struct error err = ERROR_INIT;
    bool end = true;
    assert_ok(bill_next(b, ret, &end, &err));
    assert_false(end);
}

static int read_all(struct bill *b, struct error *err)
{
    struct bill_row row;
    bool end = false;
    while (!end)
        TRY(bill_next(b, &row, &end, err));
    return bill_next(b, &row, &end, err); /* and again */
}

/* ---- layouts ------------------------------------------------------------------------------- */

struct sample {
    const char *name, *variant, *encoding, *account;
    enum bill_channel channel;
    struct bill_totals totals;
};
static const struct sample samples[] = {
    {"wechat_tradebill_ALL_20261121.csv",
     "ALL",
     "UTF-8",
     "1900000109",
     BILL_WECHAT,
     {27, 24, 3, 0, 0, 390761, 390761, 25347, 25347, 0, 0, 2190000}},
    {"wechat_all_lf.csv.gz",
     "ALL",
     "UTF-8",
     "1900000109",
     BILL_WECHAT,
     {4, 2, 2, 0, 0, 12001, 11501, 6001, 5801, 0, 0, 34000}},
    {"wechat_success_4_totals.csv",
     "SUCCESS",
     "UTF-8",
     "1900000109",
     BILL_WECHAT,
     {2, 2, 0, 0, 0, 12001, 12001, 0, 0, 0, 0, 72006}},
    {"wechat_success_7_totals.csv",
     "SUCCESS",
     "UTF-8",
     "1900000109",
     BILL_WECHAT,
     {2, 2, 0, 0, 0, 12001, 12001, 0, 0, 0, 0, 72006}},
    {"wechat_refund.csv",
     "REFUND",
     "UTF-8",
     "1900000109",
     BILL_WECHAT,
     {2, 0, 2, 0, 0, 0, 0, 3501, 3501, 0, 0, -21000}},
    {"wechat_recharge_refund.csv",
     "RECHARGE_REFUND",
     "UTF-8",
     "1900000109",
     BILL_WECHAT,
     {1, 0, 1, 0, 0, 0, 0, 100, 100, 0, 0, 600}},
    {"wechat_legacy_24.csv",
     "ALL (24 columns)",
     "UTF-8",
     "10000100",
     BILL_WECHAT,
     {3, 2, 1, 0, 0, 3001, 3001, 1050, 1050, 0, 0, 12000}},
    {"wechat_legacy_18.csv",
     "SUCCESS (18 columns)",
     "UTF-8",
     "10000100",
     BILL_WECHAT,
     {2, 2, 0, 0, 0, 1201, 1201, 0, 0, 0, 0, 7000}},
    {"wechat_empty_day.csv", "ALL", "UTF-8", "", BILL_WECHAT, {0}},
    {"wechat_fundflow.csv",
     "fundflow",
     "UTF-8",
     "",
     BILL_WECHAT,
     {3, 0, 0, 1, 2, 0, 0, 0, 0, 10000, 4037, 0}},
    {"wechat_fundflow_ascii.csv",
     "fundflow",
     "UTF-8",
     "",
     BILL_WECHAT,
     {3, 0, 0, 1, 2, 0, 0, 0, 0, 10000, 4037, 0}},
    {"alipay_trade_20261121.csv.zip",
     "trade",
     "GB18030",
     "2088012345678901",
     BILL_ALIPAY,
     {18, 14, 4, 0, 0, 122601, 122601, 2234, 2234, 0, 0, 722000}},
    {"alipay_trade_detail_first.zip",
     "trade",
     "GB18030",
     "2088012345678901",
     BILL_ALIPAY,
     {3, 2, 1, 0, 0, 12001, 11501, 4000, 3800, 0, 0, 46000}},
    {"alipay_trade_plain.csv",
     "trade",
     "GB18030",
     "2088012345678901",
     BILL_ALIPAY,
     {2, 1, 1, 0, 0, 10000, 10000, 2, 2, 0, 0, 60000}},
    {"alipay_account.csv",
     "account",
     "GB18030",
     "2088801136540033",
     BILL_ALIPAY,
     {2, 0, 0, 1, 1, 0, 0, 0, 0, 227400, 100000, 0}},
};

static void every_layout_adds_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct error err = ERROR_INIT;
        struct bill *b = open_fixture(samples[i].name);
        assert_ok(read_all(b, &err));
        const struct bill_info *info = bill_info(b);
        assert_int_equal(info->channel, samples[i].channel);
        assert_string_equal(info->variant, samples[i].variant);
        assert_string_equal(info->encoding, samples[i].encoding);
        assert_string_equal(info->account, samples[i].account);
        assert_memory_equal(&info->totals, &samples[i].totals, sizeof info->totals);
        assert_string_equal(info->unknown_columns, "");
        assert_int_equal(strlen(info->sha256), 64);
        assert_int_equal(info->layout == BILL_FLOW,
                         info->totals.incomes + info->totals.expenses > 0);
        assert_int_equal(info->balance_breaks, 0);
        assert_false(info->is_empty_day);
        bill_close(b);
    }
}

static void expect_days(const char *name, int32_t first, int32_t last)
{
    struct error err = ERROR_INIT;
    struct bill *b = open_fixture(name);
    assert_ok(read_all(b, &err));
    assert_true(bill_info(b)->has_dates);
    assert_int_equal(bill_info(b)->first_day, first);
    assert_int_equal(bill_info(b)->last_day, last);
    bill_close(b);
}

static void the_day_is_known(void **state)
{
    (void)state;
    int32_t day = civil_to_days(2026, 11, 21);
    expect_days("wechat_tradebill_ALL_20261121.csv", day, day);
    expect_days("alipay_trade_20261121.csv.zip", day, day);
    expect_days("alipay_trade_plain.csv", day, day);
    expect_days("alipay_account.csv", civil_to_days(2012, 12, 29), civil_to_days(2012, 12, 29));
    struct bill *b = open_fixture("wechat_empty_day.csv");
    assert_false(bill_info(b)->has_dates);
    bill_close(b);
}

/* ---- rows of WeChat ------------------------------------------------------------------------ */

static void a_value_may_hold_commas_backticks_and_quotes(void **state)
{
    (void)state;
    struct bill_row row;
    struct bill *b = open_fixture("wechat_all_lf.csv.gz");
    next_row(b, &row);
    assert_int_equal(row.kind, BILL_PAYMENT);
    assert_span(row.product, "牛肉面,加蛋,多`香菜\"大份");
    assert_span(row.merchant_no, "D0001");
    assert_span(row.channel_no, "420000001");
    assert_span(row.refund_no, "");
    assert_span(row.channel_refund_no, "");
    assert_span(row.sub_mch_id, "");
    assert_span(row.payer, "oUpF8uMuAJO_M2pxb1Q9z0001");
    assert_int_equal(row.amount_fen, 10000); /* with the coupon */
    assert_int_equal(row.settled_fen, 9500);
    assert_int_equal(row.fee_e5, 57000);
    assert_int_equal(row.state, BILL_DONE);
    struct civil noon = {2026, 11, 21, 4, 0, 1, 0}; /* 12:00:01 in Shanghai */
    assert_int_equal(row.time_us, civil_to_us(&noon));
    next_row(b, &row);
    assert_span(row.product, "`特价`,");
    bill_close(b);
}

static void a_refund_has_its_own_numbers_and_state(void **state)
{
    (void)state;
    struct bill_row row;
    struct bill *b = open_fixture("wechat_all_lf.csv.gz");
    next_row(b, &row);
    next_row(b, &row);
    next_row(b, &row);
    assert_int_equal(row.line, 4);
    assert_int_equal(row.kind, BILL_REFUND);
    assert_int_equal(row.state, BILL_PROCESSING);
    assert_span(row.state_text, "PROCESSING");
    assert_span(row.merchant_no, "D0001");
    assert_span(row.refund_no, "RD0001");
    assert_span(row.channel_refund_no, "503000001");
    assert_int_equal(row.amount_fen, 4000);
    assert_int_equal(row.settled_fen, 3800);
    assert_int_equal(row.fee_e5, -23000);
    next_row(b, &row); /* taken back at the counter */
    assert_int_equal(row.kind, BILL_REFUND);
    assert_int_equal(row.state, BILL_DONE);
    assert_int_equal(row.amount_fen, 2001);
    bill_close(b);
}

/* A bill of refunds has when they were accepted in a column of its own. */
static void a_refund_is_of_when_it_was_accepted(void **state)
{
    (void)state;
    struct bill_row row;
    struct bill *b = open_fixture("wechat_refund.csv");
    next_row(b, &row);
    next_row(b, &row); /* of a trade three days before */
    struct civil accepted = {2019, 7, 23, 12, 55, 0, 0};
    assert_int_equal(row.time_us, civil_to_us(&accepted));
    assert_int_equal(bill_info(b)->first_day, civil_to_days(2019, 7, 23));
    bill_close(b);
}

/* 撤销 at the counter: it stands under the number of the payment, without one of its own. */
static void what_was_taken_back_at_once_is_a_refund(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct bill_row row;
    struct bill *b = open_fixture("wechat_revoked.csv");
    next_row(b, &row);
    assert_int_equal(row.kind, BILL_PAYMENT);
    assert_int_equal(row.amount_fen, 3500);
    next_row(b, &row);
    assert_int_equal(row.kind, BILL_REFUND);
    assert_int_equal(row.state, BILL_DONE);
    assert_int_equal(row.amount_fen, 3500);
    assert_int_equal(row.fee_e5, -21000);
    assert_span(row.merchant_no, "D0007");
    assert_int_equal(row.refund_no.len, 0);
    assert_ok(read_all(b, &err));
    bill_close(b);
}

static void old_bills_have_wide_colons_and_loose_decimals(void **state)
{
    (void)state;
    struct bill_row row;
    struct bill *b = open_fixture("wechat_legacy_24.csv");
    next_row(b, &row);
    struct civil first = {2014, 11, 10, 8, 33, 45, 0};
    assert_int_equal(row.time_us, civil_to_us(&first));
    assert_int_equal(row.amount_fen, 1);
    next_row(b, &row);
    assert_span(row.product, "面,加`蛋");
    assert_int_equal(row.amount_fen, 3000);
    next_row(b, &row);
    assert_int_equal(row.kind, BILL_REFUND);
    assert_span(row.refund_no, "R1415");
    assert_int_equal(row.amount_fen, 1050);
    bill_close(b);
}

static void flows_have_a_direction_and_a_balance(void **state)
{
    (void)state;
    static const char *const names[] = {"wechat_fundflow.csv", "wechat_fundflow_ascii.csv"};
    for (size_t i = 0; i < 2; i++) {
        struct error err = ERROR_INIT;
        struct bill_row row;
        struct bill *b = open_fixture(names[i]);
        next_row(b, &row);
        assert_int_equal(row.kind, i == 0 ? BILL_INCOME : BILL_EXPENSE);
        assert_int_equal(row.amount_fen, i == 0 ? 10000 : 3977);
        assert_int_equal(row.balance_fen, i == 0 ? 110000 : 105963);
        assert_span(row.flow_no, i == 0 ? "1001" : "1003");
        assert_span(row.merchant_no, i == 0 ? "D0001" : "RD0001");
        assert_span(row.trade_type, i == 0 ? "交易" : "退款");
        assert_ok(read_all(b, &err));
        assert_int_equal(bill_info(b)->opening_fen, 100000);
        assert_int_equal(bill_info(b)->closing_fen, 105963);
        bill_close(b);
    }
}

/* ---- rows of Alipay ------------------------------------------------------------------------ */

static void alipays_refund_is_one_with_a_minus_and_without(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t before;
        int64_t amount_fen;
        uint64_t negative;
    } files[] = {{"alipay_trade_detail_first.zip", 2, 4000, 1},
                 {"alipay_trade_plain.csv", 1, 2, 0}};
    for (size_t i = 0; i < 2; i++) {
        struct bill_row row;
        struct bill *b = open_fixture(files[i].name);
        for (size_t k = 0; k <= files[i].before; k++)
            next_row(b, &row);
        assert_int_equal(row.kind, BILL_REFUND);
        assert_int_equal(row.amount_fen, files[i].amount_fen);
        assert_int_equal(bill_info(b)->negative_refunds, files[i].negative);
        assert_span(row.refund_no, "RA0001-1");
        assert_span(row.merchant_no, "A0001");
        assert_span(row.mch_id, "2088012345678901");
        bill_close(b);
    }
}

static void alipays_fee_is_what_the_channel_keeps(void **state)
{
    (void)state;
    struct bill_row row;
    struct bill *b = open_fixture("alipay_trade_detail_first.zip");
    next_row(b, &row);
    assert_int_equal(row.fee_e5, 57000); /* -0.57 in the file */
    assert_span(row.shop, "S001");
    assert_span(row.shop_name, "人民广场店");
    assert_span(row.device, "T1");
    assert_span(row.payer, "*杨(137****2600)");
    next_row(b, &row);
    next_row(b, &row);
    assert_int_equal(row.fee_e5, -23000);
    bill_close(b);
}

static void a_comma_of_a_text_is_told_by_its_tab(void **state)
{
    (void)state;
    struct bill_row row;
    struct bill *b = open_fixture("alipay_trade_plain.csv");
    next_row(b, &row);
    assert_span(row.product, "套餐,大份,加辣");
    assert_span(row.note, "无,备注");
    assert_int_equal(row.amount_fen, 10000);
    bill_close(b);
}

static void the_account_bill_has_signs_in_its_columns(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct bill_row row;
    struct bill *b = open_fixture("alipay_account.csv");
    next_row(b, &row);
    assert_int_equal(row.kind, BILL_INCOME);
    assert_span(row.flow_no, "54632446537371");
    assert_span(row.payer, "张三丰 zhangsanfeng@example.com");
    next_row(b, &row);
    assert_int_equal(row.kind, BILL_EXPENSE);
    assert_int_equal(row.amount_fen, 100000);
    assert_ok(read_all(b, &err));
    assert_int_equal(bill_info(b)->closing_fen, 1353303);
    bill_close(b);
}

/* ---- what is no bill ----------------------------------------------------------------------- */

static void no_bill_is_an_empty_day(void **state)
{
    (void)state;
    static const char *const names[] = {"wechat_no_bill.xml", "wechat_no_bill.json",
                                        "alipay_no_bill.json"};
    for (size_t i = 0; i < 3; i++) {
        struct error err = ERROR_INIT;
        struct bill *b = open_fixture(names[i]);
        assert_true(bill_info(b)->is_empty_day);
        assert_int_equal(bill_info(b)->channel, i == 2 ? BILL_ALIPAY : BILL_WECHAT);
        assert_ok(read_all(b, &err));
        assert_int_equal(bill_info(b)->totals.rows, 0);
        bill_close(b);
    }
}

static void what_is_no_bill_is_refused_by_what_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int code;
        const char *message, *hint;
    } files[] = {
        {"wechat_creating.xml", ERR_UNAVAILABLE, "still making it: Bill Creating (20002)", "later"},
        {"wechat_creating.json", ERR_UNAVAILABLE, "账单生成中 (STATEMENT_CREATING)", "later"},
        {"wechat_sign_error.xml", ERR_REMOTE, "SIGN ERROR (20001)", ""},
        {"alipay_summary.csv", ERR_DATA, "the summary that comes with Alipay's bill", "zip"},
        {"personal_wechat.csv", ERR_DATA, "csv:1: this is the statement of a person's WeChat",
         "payments bill fetch"},
        {"personal_alipay.csv", ERR_DATA, "a person's Alipay", "payments bill fetch"},
        {"personal_meituan.csv", ERR_DATA, "a person's Meituan", "payments bill fetch"},
        {"../erp/README.none", ERR_NOT_FOUND, "does not exist", ""},
        {".", ERR_IO, "is a directory", ""},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct error err = ERROR_INIT;
        struct bill *b = NULL;
        char path[128];
        snprintf(path, sizeof path, ROOT "%s", files[i].name);
        assert_int_equal(bill_open(path, &b, &err), files[i].code);
        assert_in(err.message, files[i].message);
        assert_in(err.hint, files[i].hint);
        assert_null(b);
    }
}

static void other_texts_are_no_bills(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "a,b\n1,2\n", "<html>busy</html>\n", "{\"a\": 1}\n", "{\"a\"", "\n\n", "#\n#\n"};
    struct error err = ERROR_INIT;
    struct bill *b = NULL;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *path = scratch_file("f", texts[i], strlen(texts[i]));
        assert_int_equal(bill_open(path, &b, &err), ERR_DATA);
        assert_in(err.message, "no bill");
    }
    assert_int_equal(bill_open(scratch_file("f", "", 0), &b, &err), ERR_DATA);
    assert_in(err.message, "is empty");
}

/* ---- what does not add up ------------------------------------------------------------------ */

struct mend {
    const char *name, *from, *to; /* the first `from`; NULL: cut before it */
    const char *message;
};

/* Of the fixture in UTF-8, with a piece replaced. */
static int read_changed(const struct mend *m, struct error *ret)
{
    struct error err = ERROR_INIT;
    AUTO_STRBUF struct strbuf raw = {0}, text = {0}, changed = {0};
    char path[128];
    struct encoding enc;
    struct decoder *decoder = NULL;
    struct bill *b = NULL;
    strbuf_init(&raw, 0);
    strbuf_init(&text, 0);
    strbuf_init(&changed, 0);
    snprintf(path, sizeof path, ROOT "%s", m->name);
    assert_ok(file_read(path, 1 << 20, &raw, &err));
    assert_ok(encoding_detect(raw.data, raw.len, &enc, &err));
    assert_ok(decoder_new(&enc, &decoder, &err));
    assert_ok(decoder_feed(decoder, raw.data, raw.len, true, &text, &err));
    decoder_free(decoder);
    const char *at = strstr(text.data, m->from);
    assert_non_null(at);
    strbuf_add(&changed, text.data, (size_t)(at - text.data));
    if (m->to != NULL) {
        strbuf_adds(&changed, m->to);
        strbuf_adds(&changed, at + strlen(m->from));
    }
    int code = bill_open(scratch_file("b", changed.data, changed.len), &b, ret);
    if (code == 0)
        code = read_all(b, ret);
    bill_close(b);
    return code;
}

#define SUCCESS_4 "wechat_success_4_totals.csv"
#define SUCCESS_7 "wechat_success_7_totals.csv"
static const struct mend mends[] = {
    {SUCCESS_4, "`2,`120.01", "`3,`120.01", "b:5: 总交易单数: the file says 3, its rows are 2"},
    {SUCCESS_4, "`2,`120.01", "`2.5,`120.01", "b:5: 总交易单数"},
    {SUCCESS_4, "`2,`120.01", "`2,`120.02",
     "b:5: 应结订单总金额: the file says 120.02, its rows are 120.01"},
    {SUCCESS_4, "`0.72006", "`0.72005",
     "b:5: 手续费总金额: the file says 0.72005, its rows are 0.72006"},
    {SUCCESS_4, "0.72006,`120.01", "0.72006,`120",
     "b:5: 订单总金额: the file says 120.00, its rows are 120.01"},
    {SUCCESS_7, "`120.01,`0.0,", "`,`0.0,", "b:5: 应结订单总金额: '' is no amount"},
    {SUCCESS_4, "总交易单数", NULL, "b:3: the file ends without its totals"},
    {SUCCESS_4, "`2,`120.01", NULL, "b:4: the file ends before its totals"},
    {SUCCESS_4, "`0.72006,`120.01\r\n", "`0.72006\r\n", "b:5: expected 4 values, found 3"},
    {SUCCESS_4, "`0.72006,`120.01\r\n", "`0.72006,`120.01\r\nmore", "b:6: there is more"},
    {SUCCESS_4, "`套餐", "`套,`餐", "b:2: expected 20 values, found 21"},
    {SUCCESS_4, ",`套餐", "", "b:2: expected 20 values, found 19"},
    {SUCCESS_4, "`2026-11-21 12:00:01", "2026-11-21 12:00:01", "b:2: the row does not begin"},
    {SUCCESS_4, "`2026-11-21 12:00:01", "`2026-11-31 12:00:01",
     "b:2: '2026-11-31 12:00:01' is no time"},
    {SUCCESS_4, "`2026-11-21 12:00:01", "`2026-11-21", "b:2: '2026-11-21' is no local time"},
    {SUCCESS_4, "`100.00,`0.00", "`1e2,`0.00", "b:2: column 13: '1e2' is no amount"},
    {SUCCESS_4, "`100.00,`0.00", "`100.001,`0.00", "b:2: an amount has parts of a fen"},
    {SUCCESS_4, "`100.00,`0.00", "`-100.00,`0.00", "b:2: a payment with a negative amount"},
    {SUCCESS_4, "`100.00,`0.00", "`99999999999999999999.00,`0.00", "is no amount"},
    {SUCCESS_4, "`SUCCESS", "`NEW", "b:2: 'NEW' is no state of a trade"},
    {SUCCESS_4, "`SUCCESS", "`REFUND", "b:2: a refund in a bill without columns for it"},
    {SUCCESS_4, "`CNY", "`USD", "b:2: currency 'USD'"},
    {SUCCESS_4, "微信订单号", "订单号", "b:1: the header has no column '微信订单号'"},
    {SUCCESS_4, "商品名称", "手续费", "b:1: column '手续费' stands there twice"},
    {"wechat_refund.csv", "`0.00,`35.01,", "`0.00,`35.02,", "b:5: 退款总金额"},
    {"wechat_refund.csv", "-0.21000,`0.00,`35.01", "-0.21000,`0.00,`0.00", "b:5: 申请退款总金额"},
    {"wechat_legacy_24.csv", "`10.5,`0.0,`0.12", "`10.6,`0.0,`0.12", "总退款金额"},
    {"wechat_legacy_24.csv", "`10.5,`0.0,`0.12", "`10.5,`0.1,`0.12", "总代金券或立减优惠退款金额"},
    {"wechat_fundflow.csv", "`3.0,", "`3.5,", "b:6: 资金流水总笔数: the file says 3"},
    {"wechat_fundflow.csv", "`1.0,", "`2.0,", "b:6: 收入笔数: the file says 2, its rows are 1"},
    {"wechat_fundflow.csv", "`40.37", "`40.38", "b:6: 支出金额: the file says 40.38"},
    {"wechat_fundflow.csv", "`1099.40", "`1099.41",
     "b:3: the balance does not continue: expected 1099.40, found 1099.41"},
    {"wechat_fundflow_ascii.csv", "`1099.40", "`1099.41",
     "b:4: the balance does not continue: expected 1099.40, found 1099.41"},
    {"wechat_fundflow.csv", "`1059.63", "`1059.64",
     "b:4: the balance does not continue: expected 1059.63, found 1059.64"},
    {"wechat_fundflow.csv", "`收入,", "`中性,", "b:2: 收支类型: expected 收入 or 支出"},
    {"wechat_fundflow.csv", "`收入,`", "`收入,`-", "b:2: 收支金额 is negative"},
    {"alipay_trade_plain.csv", "交易合计：1笔", "交易合计：2笔",
     "b:9: 交易合计: the file says 2, its rows are 1"},
    {"alipay_trade_plain.csv", "实收共100.00", "实收共100.10",
     "b:9: 交易合计: the file says 100.10, its rows are 100.00"},
    {"alipay_trade_plain.csv", "退款共0.02元，", "退款共0.03元，", "b:10: 退款合计"},
    {"alipay_trade_plain.csv", "优惠共0.00", "优惠共0.01", "b:9: 交易合计: the file says 0.01"},
    {"alipay_trade_plain.csv", "实收共100.00", "实收共一百", "b:9: 合计: '****' is no amount"},
    {"alipay_trade_plain.csv", "1笔，商", "商", "b:9: a total without a count"},
    {"alipay_trade_plain.csv", "交易合计", NULL, "b:8: the file ends without its totals"},
    {"alipay_trade_plain.csv", "退款合计", NULL, "b:9: the file ends without its totals"},
    {"alipay_trade_plain.csv", ",退款,", ",撤销,", "b:7: 业务类型: expected 交易 or 退款"},
    {"alipay_trade_plain.csv", "套餐,大份", "套餐\t,大份", "b:6: column 23: "},
    {"alipay_trade_plain.csv", "套餐,大份,加辣\t,", "", "b:6: '****' is no time"},
    {"alipay_trade_plain.csv", ",退款,套餐\t,", ",退款,", "b:7: expected 25 values, found 24"},
    {"alipay_trade_plain.csv", ",100.00,100.00", ",-100.00,100.00", "b:6: a payment with a neg"},
    {"alipay_trade_plain.csv", "导出时间", "20261121\t,A\t\n导出时间", "b:11: a row behind"},
    {"alipay_trade_plain.csv", "商家实收(元)", "实收(元)", "the header has no column '商家实收"},
    {"alipay_account.csv", ",2274.00,0.00", ",张三,0.00", "b:6: column 7: '****' is no amount"},
    {"alipay_account.csv", "海航机票\t,2012-12-29 21:02:06,", "海航机票\t,", "b:6: expected 12"},
    {"alipay_account.csv", "共2274.00元", "共2274.01元", "b:10: 收入合计"},
    {"alipay_account.csv", "支出合计：1笔", "支出合计：0笔", "b:9: 支出合计: the file says 0"},
    {"alipay_account.csv", "2274.00,0.00", "2274.00,-1.00", "b:6: a row with both"},
};

static void what_does_not_add_up_is_refused_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mends / sizeof *mends; i++) {
        struct error err = ERROR_INIT;
        if (read_changed(&mends[i], &err) != ERR_DATA)
            fail_msg("%s: '%s' was read: %s", mends[i].name, mends[i].message, err.message);
        assert_in(err.message, mends[i].message);
    }
}

static void the_summary_beside_must_agree(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct bill *b = open_fixture("alipay_trade_summary_differs.zip");
    assert_int_equal(read_all(b, &err), ERR_DATA);
    assert_in(err.message, "(汇总).csv:7: 交易订单总笔数: the file says 3, its rows are 2");
    bill_close(b);
}

static void a_new_column_is_told_and_moves_nothing(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    const struct mend more[] = {
        {SUCCESS_4, "商品名称", "会员等级", ""}, /* not required: another in its place */
        {"alipay_account.csv", "交易渠道", "渠道", ""},
    };
    for (size_t i = 0; i < 2; i++)
        assert_ok(read_changed(&more[i], &err));
    struct bill *b = NULL;
    assert_ok(
        bill_open(scratch_file("b",
                               "交易时间,新,微信订单号,商户订单号,交易状态,总金额,手续费\n"
                               "总交易单数\n`0\n",
                               strlen("交易时间,新,微信订单号,商户订单号,交易状态,总金额,手续费\n"
                                      "总交易单数\n`0\n")),
                  &b, &err));
    assert_string_equal(bill_info(b)->unknown_columns, "新");
    assert_ok(read_all(b, &err));
    bill_close(b);
}

static struct bill *open_text(const char *text)
{
    struct error err = ERROR_INIT;
    struct bill *b = NULL;
    assert_ok(bill_open(scratch_file("t", text, strlen(text)), &b, &err));
    return b;
}

#define FLOW_HEADER                                                                                                                        \
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元)," \
    "资金变更提交申请人,备注,业务凭证号\n"
#define FLOW(second, direction, amount, balance)                                                   \
    "`2026-11-21 12:00:0" second ",`1,`1,`,`,`" direction ",`" amount ",`" balance ",`,`,`\n"
#define FLOW_TOTALS(rows, incomes, income, expenses, expense)                                      \
    "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\n`" rows ",`" incomes ",`" income          \
    ",`" expenses ",`" expense "\n"

/* Two sales and their fees in one second, written in any order. */
static void rows_of_a_second_may_stand_in_any_order(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    static const char text[] =
        FLOW_HEADER FLOW("1", "支出", "0.10", "129.80") FLOW("1", "收入", "10.00", "110.00")
            FLOW("1", "收入", "20.00", "129.90") FLOW("1", "支出", "0.10", "109.90")
                FLOW("2", "支出", "0.50", "139.30") FLOW("2", "收入", "10.00", "139.80")
                    FLOW("3", "收入", "1.00", "140.30") FLOW_TOTALS("7", "4", "41", "3", "0.70");
    struct bill *b = open_text(text);
    assert_ok(read_all(b, &err));
    assert_true(bill_info(b)->has_balances);
    assert_int_equal(bill_info(b)->opening_fen, 10000);
    assert_int_equal(bill_info(b)->closing_fen, 14030);
    bill_close(b);
}

static void balances_of_rows_in_no_order_are_not_checked(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct bill *b = open_text(FLOW_HEADER FLOW("1", "收入", "1", "11") FLOW("3", "收入", "1", "12")
                                   FLOW("2", "收入", "1", "77") FLOW("4", "收入", "1", "5")
                                       FLOW_TOTALS("4", "4", "4", "0", "0"));
    assert_ok(read_all(b, &err));
    assert_false(bill_info(b)->has_balances);
    bill_close(b);
}

/* As Alipay has written names and remarks too. */
static void a_name_may_lack_its_tab(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct bill_row row;
    struct bill *b = open_text(
        "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,对方账户,"
        "订单金额（元）,商家实收（元）,退款批次号/请求号,服务费（元）,备注\n"
        "2019\t,A1\t,交易\t,下单,测试,2019-09-16 10:55:16,2019-09-16 10:55:23,s\t,店\t,*水\t,0.02,"
        "0.02,\t,0.00,加辣,不要葱\n"
        "2019\t,A1\t,退款\t,下单,2019-09-16 10:55:16,,s\t,店\t,*水\t,-0.01,-0.01,R1\t,0.00,\n"
        "#交易合计：1笔，商家实收共0.02元，商家优惠共0.00元\n"
        "#退款合计：1笔，商家实收退款共-0.01元，商家优惠退款共0.00元\n");
    next_row(b, &row);
    assert_span(row.product, "下单,测试");
    assert_span(row.note, "加辣,不要葱");
    assert_int_equal(row.amount_fen, 2);
    next_row(b, &row); /* without the time of its end: that of its beginning */
    struct civil begun = {2019, 9, 16, 2, 55, 16, 0};
    assert_int_equal(row.time_us, civil_to_us(&begun));
    assert_ok(read_all(b, &err));
    bill_close(b);
}

/* Alipay says of its balances that they need not follow each other. */
static void alipays_balance_may_jump(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    const struct mend jump = {"alipay_account.csv", "13533.03", "13533.04", ""};
    assert_ok(read_changed(&jump, &err));
}

/* ---- how it comes -------------------------------------------------------------------------- */

static void a_pipe_and_a_packed_file_are_the_same(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf raw = {0}, packed = {0};
    struct error err = ERROR_INIT;
    struct bill *plain = open_fixture(SUCCESS_4), *b = NULL;
    strbuf_init(&raw, 0);
    strbuf_init(&packed, 0);
    assert_ok(file_read(ROOT SUCCESS_4, 1 << 20, &raw, &err));
    struct gzip_writer *w = gzip_writer_new();
    assert_ok(gzip_writer_add(w, raw.data, raw.len, true, &packed, &err));
    gzip_writer_free(w);
    const int fds[] = {scratch_pipe(raw.data, raw.len), scratch_pipe(packed.data, packed.len)};
    for (size_t i = 0; i < 2; i++) {
        assert_ok(bill_open_fd(fds[i], "pipe", &b, &err));
        assert_ok(read_all(b, &err));
        assert_string_equal(bill_info(b)->sha256, bill_info(plain)->sha256);
        bill_close(b);
    }
    bill_close(plain);
    packed.len /= 2; /* cut on its way */
    assert_int_not_equal(bill_open(scratch_file("g", packed.data, packed.len), &b, &err), 0);
}

/* 200,000 rows, 12 MB, are read in the memory of a line. */
static void memory_is_flat(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct bill *b = NULL;
    struct rusage before, after;
    FILE *f = fopen(scratch_file("large", "", 0), "wb");
    assert_non_null(f);
    (void)fputs("交易时间,微信订单号,商户订单号,交易状态,总金额,手续费\n", f);
    for (int i = 0; i < 200000; i++)
        (void)fprintf(f, "`2026-11-21 12:00:00,`42000%d,`D%d,`SUCCESS,`1.00,`0.01000\n", i, i);
    (void)fputs("总交易单数,总交易额,手续费总金额\n`200000,`200000.00,`2000.00000\n", f);
    assert_int_equal(fclose(f), 0);
    getrusage(RUSAGE_SELF, &before);
    char path[128];
    snprintf(path, sizeof path, "%s/large", scratch_dir);
    assert_ok(bill_open(path, &b, &err));
    assert_ok(read_all(b, &err));
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 4 * 1024);
    bill_close(b);
}

static void damage_is_told_with_its_line(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf raw = {0};
    struct error err = ERROR_INIT;
    struct bill *b = NULL;
    strbuf_init(&raw, 0);
    assert_ok(file_read(ROOT "wechat_tradebill_ALL_20261121.csv", 1 << 20, &raw, &err));
    char *at = strstr(raw.data, "盐焗鸡饭");
    at[1] = (char)0xff;
    int code = bill_open(scratch_file("b", raw.data, raw.len), &b, &err);
    assert_int_equal(code == 0 ? read_all(b, &err) : code, ERR_DATA);
    assert_in(err.message, "b:2: bytes");
    bill_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout_adds_up),
        cmocka_unit_test(the_day_is_known),
        cmocka_unit_test(a_value_may_hold_commas_backticks_and_quotes),
        cmocka_unit_test(a_refund_has_its_own_numbers_and_state),
        cmocka_unit_test(a_refund_is_of_when_it_was_accepted),
        cmocka_unit_test(what_was_taken_back_at_once_is_a_refund),
        cmocka_unit_test(old_bills_have_wide_colons_and_loose_decimals),
        cmocka_unit_test(flows_have_a_direction_and_a_balance),
        cmocka_unit_test(alipays_refund_is_one_with_a_minus_and_without),
        cmocka_unit_test(alipays_fee_is_what_the_channel_keeps),
        cmocka_unit_test(a_comma_of_a_text_is_told_by_its_tab),
        cmocka_unit_test(the_account_bill_has_signs_in_its_columns),
        cmocka_unit_test(no_bill_is_an_empty_day),
        cmocka_unit_test(what_is_no_bill_is_refused_by_what_it_is),
        cmocka_unit_test(other_texts_are_no_bills),
        cmocka_unit_test(what_does_not_add_up_is_refused_with_its_place),
        cmocka_unit_test(the_summary_beside_must_agree),
        cmocka_unit_test(a_new_column_is_told_and_moves_nothing),
        cmocka_unit_test(rows_of_a_second_may_stand_in_any_order),
        cmocka_unit_test(balances_of_rows_in_no_order_are_not_checked),
        cmocka_unit_test(a_name_may_lack_its_tab),
        cmocka_unit_test(alipays_balance_may_jump),
        cmocka_unit_test(a_pipe_and_a_packed_file_are_the_same),
        cmocka_unit_test(memory_is_flat),
        cmocka_unit_test(damage_is_told_with_its_line),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
