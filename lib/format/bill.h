/* lib/format/bill.h - bills of payment channels: what WeChat Pay and Alipay say was paid and
 * refunded, as typed rows, checked against the file's own totals.
 *
 * A bill is a file of one day (or month) of one merchant number: WeChat's trade bills of all types
 * and ages and its fund flow (UTF-8, plain or gzip; each value begins with a backtick), Alipay's
 * trade and account bills (GBK, in a zip of two members or as the one member). Which it is, is told
 * by its content, and its columns by their names. Memory is that of a line.
 *
 * A bill is right as a whole or not used at all: a row that cannot be read, a file that ends
 * without its totals, and totals that its rows do not add up to are ERR_DATA with file:line. Only
 * after bill_next has said that the end is there, what it gave may be believed.
 *
 * Sources: pay.weixin.qq.com, "format-trade" and "format-fundflow" of bill-download; Alipay's
 * alipay.data.dataservice.bill.downloadurl.query. */
#ifndef DINER_FORMAT_BILL_H
#define DINER_FORMAT_BILL_H

#include "core/decimal.h"
#include "core/error.h"
#include "core/mem.h"
#include <stdbool.h>
#include <stdint.h>

#define BILL_FEE_PER_FEN 1000 /* fees are in 1e-5 yuan */

enum bill_channel { BILL_WECHAT, BILL_ALIPAY };
enum bill_layout { BILL_TRADE, BILL_FLOW };
enum bill_kind { BILL_PAYMENT, BILL_REFUND, BILL_INCOME, BILL_EXPENSE }; /* the last two: flows */
/* A refund's is that of when the bill was made, which no later bill brings up to date. */
enum bill_state { BILL_DONE, BILL_PROCESSING, BILL_FAILED, BILL_OTHER };
extern const char *const bill_channels[],
    *const bill_layouts[],
        *const bill_kinds[],
            *const bill_states[]; /* "wechat", "trade", "payment", "done"; NULL-terminated */

/* One row. Texts are borrowed until the next call; what a bill does not have is empty. */
struct bill_row {
    uint64_t line;
    enum bill_kind kind;
    enum bill_state state;
    int64_t time_us;        /* of the payment; of a refund when it was accepted; of a flow */
    int64_t amount_fen;     /* what was charged or asked back, coupons included; >= 0 */
    int64_t settled_fen;    /* of it what the merchant gets or gives; >= 0 */
    int64_t fee_e5;         /* what the channel keeps: > 0 is kept, < 0 is given back */
    int64_t balance_fen;    /* flows: after it */
    struct span state_text; /* as the channel says it */
    struct span merchant_no, channel_no;      /* of the payment, on rows of refunds too */
    struct span refund_no, channel_refund_no; /* the merchant's and the channel's */
    struct span mch_id, sub_mch_id, app_id;
    struct span shop, shop_name, device;
    struct span trade_type; /* JSAPI, MICROPAY; of flows the business (业务类型) */
    struct span flow_no;    /* flows: 资金流水单号, 账务流水号 */
    struct span product;
    struct span payer; /* personal data: 用户标识, 对方账户 */
    struct span note;
};

struct bill_totals {
    uint64_t rows, payments, refunds, incomes, expenses;
    int64_t payment_fen, payment_settled_fen, refund_fen, refund_settled_fen;
    int64_t income_fen, expense_fen;
    int64_t fee_e5; /* as in the rows: what the channel keeps in all */
};

struct bill_info {
    enum bill_channel channel;
    enum bill_layout layout;
    const char *variant;  /* "ALL", "SUCCESS", "REFUND", "RECHARGE_REFUND", "fundflow"; of Alipay
                             "trade", "account"; "ALL (24 columns)" and the like of old ones */
    const char *encoding; /* "UTF-8", "GB18030" */
    char sha256[65];      /* of the unpacked bytes */
    bool is_empty_day;    /* not a bill, but the channel's word that there is none */
    char account[33];     /* 商户号; Alipay's 16 digits of the partner */
    bool has_dates;       /* civil days of Asia/Shanghai; WeChat: of the rows so far */
    int32_t first_day, last_day;
    const char *unknown_columns; /* "A, B": new to us, not read; "" */
    uint64_t negative_refunds;   /* rows of refunds whose amount is written with a minus */
    uint64_t balance_breaks; /* Alipay's flows: seconds that do not continue from those before */
    bool has_balances;       /* flows, at the end: rows stand in the order of time, either way */
    int64_t opening_fen, closing_fen; /* flows: the balance before the first and after the last */
    struct bill_totals totals;        /* of the rows so far */
};

struct bill;
/* path "-" is standard input. ERR_NOT_FOUND, ERR_IO; ERR_DATA with a hint for what is no bill of a
 * merchant (statements of persons among them), and for a channel's refusal in its place:
 * ERR_REMOTE, or ERR_UNAVAILABLE while the bill is still being made. */
int bill_open(const char *path, struct bill **ret, struct error *err);
/* Takes the descriptor over. name is used in messages. */
int bill_open_fd(int fd, const char *name, struct bill **ret, struct error *err);
/* *ret_end: all rows were given, and they add up. */
int bill_next(struct bill *b, struct bill_row *ret, bool *ret_end, struct error *err);
void bill_close(struct bill *b); /* NULL-safe */
/* Owned by b; its totals and dates grow with the rows. */
const struct bill_info *bill_info(const struct bill *b);

/* 1e-5 yuan: "12.30", "0.04001". */
void bill_amount_text(int64_t e5, char ret[DECIMAL_TEXT_MAX]);

/* What a channel answers instead of a bill. */
enum bill_answer {
    BILL_ANSWER_NONE, /* it is none that is known: a bill, perhaps */
    BILL_ANSWER_NO_BILL,
    BILL_ANSWER_MAKING,
    BILL_ANSWER_REFUSED,
};
/* Of the XML of WeChat's v2, the JSON of its v3 and of Alipay's gateway. ret_reason: the channel's
 * words, printable; may be NULL. */
enum bill_answer bill_answer_of(struct span body, enum bill_channel *ret_channel, char *ret_reason,
                                size_t reason_size);

#endif
