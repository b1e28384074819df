/* lib/format/bill_internal.h - what the readers of bills share; inside lib/format only. */
#ifndef DINER_FORMAT_BILL_INTERNAL_H
#define DINER_FORMAT_BILL_INTERNAL_H

#include "core/datetime.h"
#include "core/strbuf.h"
#include "format/archive.h"
#include "format/bill.h"
#include "format/linesio.h"

#define BILL_COLUMNS_MAX    64
#define BILL_LINE_MAX_BYTES ((size_t)1 << 20)
#define BILL_E5             100000 /* a yuan, in the unit that all amounts are read in */

/* What a column means, whatever it is called. Money comes first: it is summed up. */
enum bill_column {
    COL_SETTLED, /* 应结订单金额; Alipay's 商家实收 */
    COL_REFUND_SETTLED,
    COL_REFUND_COUPON,
    COL_FEE,
    COL_AMOUNT,
    COL_REFUND_AMOUNT,
    COL_DISCOUNT, /* Alipay's 商家优惠 */
    COL_INCOME,
    COL_EXPENSE,
    COL_MONEY_COUNT,
    COL_BALANCE = COL_MONEY_COUNT,
    COL_TIME,
    COL_CREATED,  /* used where COL_TIME is empty */
    COL_ACCEPTED, /* of a refund, where its time is not COL_TIME */
    COL_APP,
    COL_MCH,
    COL_SUB_MCH,
    COL_DEVICE,
    COL_CHANNEL_NO,
    COL_MERCHANT_NO,
    COL_PAYER,
    COL_TRADE_TYPE,
    COL_STATE,
    COL_CURRENCY,
    COL_CHANNEL_REFUND_NO,
    COL_REFUND_NO,
    COL_REFUND_STATE,
    COL_PRODUCT,
    COL_SHOP,
    COL_SHOP_NAME,
    COL_FLOW_NO,
    COL_DIRECTION,
    COL_NOTE,
    COL_KNOWN, /* known, not used */
    COL_COUNT,
};
struct bill_column_name {
    const char *name; /* with ASCII parentheses */
    enum bill_column column;
};

/* Of a flow: the rows of the second at hand, and what all before it come to. */
struct bill_balance {
    int64_t *balances, *changes; /* fen */
    size_t count, balances_capacity, changes_capacity;
    int64_t time_us, sum;
    uint64_t line;      /* of the last row */
    int64_t start, end; /* before the oldest and after the newest second that were read */
    bool has_start, is_unordered;
    int direction; /* 1: from the oldest; -1: from the newest; 0: not known yet */
};

struct bill {
    struct linesio *lines;
    struct archive_zip *zip;
    struct arena *arena;
    const char *name; /* of the file, and the member */
    const struct zone *zone;
    struct bill_info info;
    struct strbuf unknown, time_text;
    struct linesio_line line; /* at hand */
    bool at_end, is_done;

    /* the header row */
    enum bill_column columns[BILL_COLUMNS_MAX];
    bool is_text[BILL_COLUMNS_MAX]; /* Alipay: may hold a comma, and ends with a TAB */
    size_t ncolumns;
    int place[COL_COUNT]; /* in a row; -1: not there */
    struct span values[BILL_COLUMNS_MAX + 1];
    size_t nvalues;

    int64_t sums[COL_MONEY_COUNT];        /* of the file's figures as they stand, 1e-5 yuan */
    int64_t refund_sums[COL_MONEY_COUNT]; /* Alipay: of its refunds, which it totals apart */
    int64_t row_money[COL_MONEY_COUNT];   /* of the row at hand */
    struct bill_balance balance;

    /* Alipay: what the end of the file and the summary beside it say */
    bool has_period;
    bool has_tail[2];
    bool has_summary;
    uint64_t summary_line;
    const char *summary_name;
    int64_t summary_counts[2], summary_settled, summary_fee; /* money in 1e-5 yuan */
};

/* ---- bill.c -------------------------------------------------------------------------------- */

/* The next line that is not blank, without its end. A place that cannot be decoded is ERR_DATA. */
int bill_line(struct bill *b, struct span *ret, bool *ret_end, struct error *err);
/* ERR_DATA at the line at hand. */
int bill_fault(const struct bill *b, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Finds the columns of the header row by their names. */
int bill_header(struct bill *b, struct span line, const struct bill_column_name *names,
                struct error *err);
int bill_require(const struct bill *b, const enum bill_column *columns, size_t n,
                 const struct bill_column_name *names, struct error *err);
struct span bill_value(const struct bill *b, enum bill_column column);
/* The row's amounts into row_money and the sums. */
int bill_row_money(struct bill *b, struct error *err);
int bill_money(const struct bill *b, struct span text, const char *what, int64_t *ret_e5,
               struct error *err);
int bill_sum(const struct bill *b, int64_t *sum, int64_t value, struct error *err);
/* ERR_DATA for parts of a fen. */
int bill_fen(const struct bill *b, int64_t e5, int64_t *ret_fen, struct error *err);
int bill_time(struct bill *b, struct span text, int64_t *ret_us, struct error *err);
/* Counts a row that is filled, and the balance of a flow. */
int bill_count(struct bill *b, const struct bill_row *row, struct error *err);
/* Of a flow, whose rows are counted by bill_count; _end when all were. */
int bill_balance_add(struct bill *b, const struct bill_row *row, struct error *err);
int bill_balance_end(struct bill *b, struct error *err);
void bill_balance_release(struct bill_balance *g);
/* A figure of the file against ours: ERR_DATA at the line at hand when they differ. */
int bill_agree(const struct bill *b, const char *what, int64_t said_e5, int64_t counted_e5,
               struct error *err);
int bill_agree_count(const struct bill *b, const char *what, int64_t said_e5, uint64_t counted,
                     struct error *err);

struct span bill_trim(struct span text); /* blanks, TABs */
bool bill_number(struct span text, int64_t *ret_e5);
bool bill_begins(struct span text, const char *with);
/* Where it stands in the text, or NULL. */
const char *bill_find(struct span text, const char *what);
/* A column's name as it is looked up: trimmed, with ASCII parentheses. */
struct span bill_column_text(struct span text, char *buffer, size_t size);

/* ---- the channels -------------------------------------------------------------------------- */

/* Whether the line is the header row of a bill of the channel; then it has been read. */
int bill_wechat_header(struct bill *b, struct span line, bool *ret_is, struct error *err);
int bill_wechat_next(struct bill *b, struct bill_row *ret, bool *ret_end, struct error *err);
int bill_alipay_header(struct bill *b, struct span line, bool *ret_is, struct error *err);
void bill_alipay_preamble(struct bill *b, struct span line);
int bill_alipay_next(struct bill *b, struct bill_row *ret, bool *ret_end, struct error *err);
/* The summary beside the rows, of which `line` is the header. */
bool bill_alipay_is_summary(struct span line);
int bill_alipay_summary(struct bill *b, struct span line, struct bill *of, struct error *err);
void bill_alipay_take_summary(struct bill *b, const struct bill *from);

#endif
