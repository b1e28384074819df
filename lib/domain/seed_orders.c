/* lib/domain/seed_orders.c - drawn orders, their lines, money and history, into the tables. */
#include "db/copy.h"
#include "domain/pricing.h"
#include "domain/seed_internal.h"
#include "gen/embed.h"
#include <stdio.h>

/* ---- fields ------------------------------------------------------------------------------- */

void seed_put_fen(struct strbuf *out, int64_t fen)
{
    static const struct db_type money = {.kind = DB_NUMERIC, .precision = 12, .scale = 2};
    char text[PRICING_FEN_TEXT];
    (void)db_encode(&money, span_of(pricing_fen_print(fen, text)), out);
}

void seed_put_text(struct strbuf *out, const char *text)
{
    if (text != NULL)
        db_encode_text(out, span_of(text));
    else
        db_encode_null(out);
}

void seed_put_instant(struct strbuf *out, int64_t at_us)
{
    if (at_us != SEED_NEVER)
        db_encode_timestamp(out, at_us);
    else
        db_encode_null(out);
}

const char *seed_cancel_reason(const struct seed_order *o)
{
    switch (o->ending) {
    case SEED_TIMED_OUT: return "Payment timeout";
    case SEED_CANCELLED: return "顾客取消";
    case SEED_PAID_CANCELLED: return "门店售罄";
    default: return NULL;
    }
}

/* ---- the order ---------------------------------------------------------------------------- */

static const char *channel_of(const struct seed_order *o)
{
    return o->way < 0.55 ? "dine_in" : o->way < 0.75 ? "takeout" : "delivery";
}

static const char *status_of(const struct seed_order *o)
{
    static const char *const names[] = {
        [SEED_PENDING] = "pending",     [SEED_PAID] = "paid",
        [SEED_ACCEPTED] = "accepted",   [SEED_TIMED_OUT] = "cancelled",
        [SEED_CANCELLED] = "cancelled", [SEED_PAID_CANCELLED] = "cancelled",
        [SEED_REFUNDED] = "fulfilled",  [SEED_PARTLY_REFUNDED] = "fulfilled",
        [SEED_FULFILLED] = "fulfilled",
    };
    return names[o->ending];
}

static const char *payment_status_of(const struct seed_order *o)
{
    if (o->paid_us == SEED_NEVER)
        return "unpaid";
    if (o->ending == SEED_REFUNDED || o->ending == SEED_PAID_CANCELLED)
        return "refunded";
    return o->ending == SEED_PARTLY_REFUNDED ? "partially_refunded" : "paid";
}

static const char *fulfilment_of(const struct seed_order *o)
{
    const char *status = status_of(o);
    if (strcmp(status, "accepted") == 0)
        return "preparing";
    return strcmp(status, "fulfilled") == 0 || strcmp(status, "cancelled") == 0 ? status
                                                                                : "waiting";
}

/* Six of ten by WeChat, three by Alipay. */
static const char *method_of(const struct seed_plan *p, const struct seed_order *o)
{
    int drawn = seed_pick(p, o->number, 53, 1, 10);
    return drawn <= 6 ? "wechat" : drawn <= 9 ? "alipay" : "cash";
}

static void put_table(struct strbuf *out, const struct seed_plan *p, const struct seed_order *o)
{
    char table[8];
    if (o->way >= 0.55) {
        db_encode_int4(out, 0);
        db_encode_null(out);
        return;
    }
    db_encode_int4(out, seed_pick(p, o->number, 50, 1, 6));
    (void)snprintf(table, sizeof table, "%c%02d", 'A' + seed_pick(p, o->number, 51, 0, 2),
                   seed_pick(p, o->number, 52, 1, 24));
    seed_put_text(out, table);
}

static void put_member(struct strbuf *out, const struct seed_plan *p, const struct seed_order *o)
{
    static const char *const names[] = {"王", "李", "张", "刘", "陈", "杨", "黄", "赵", "周", "吴",
                                        "徐", "孙", "马", "朱", "胡", "郭", "何", "林", "高", "罗"};
    char text[32];
    int member = seed_pick(p, o->number, 55, 1, 5000);
    if (seed_draw(p, o->number, 54) >= 0.45) {
        db_encode_null(out);
        return;
    }
    (void)snprintf(text, sizeof text, "%s%s-%06d", names[member % 20],
                   member % 7 < 4 ? "女士" : "先生", member);
    seed_put_text(out, text);
}

static int64_t updated_at(const struct seed_plan *p, const struct seed_order *o)
{
    const int64_t events[] = {o->created_us,   o->paid_us,      o->accepted_us,
                              o->fulfilled_us, o->cancelled_us, o->refunded_us};
    int64_t last = SEED_NEVER;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (events[i] > last)
            last = events[i];
    return p->is_first ? last : p->now_us;
}

/* ---- rows of one order -------------------------------------------------------------------- */

/* A table, and the rows of it that an order has. */
struct seed_table {
    const char *name;
    int (*put)(struct db_copy *copy, const struct seed_plan *p, const struct seed_order *o,
               struct error *err);
    const char *columns[24]; /* as `put` puts them, NULL at the end */
};

static int put_order(struct db_copy *copy, const struct seed_plan *p, const struct seed_order *o,
                     struct error *err)
{
    struct strbuf *out = db_copy_buffer(copy);
    db_copy_row(copy);
    db_encode_int8(out, o->id);
    seed_put_text(out, o->order_no);
    db_encode_int8(out, p->stores[o->store].id);
    seed_put_text(out, channel_of(o));
    put_table(out, p, o);
    seed_put_text(out, status_of(o));
    seed_put_text(out, payment_status_of(o));
    seed_put_text(out, fulfilment_of(o));
    seed_put_text(out, method_of(p, o));
    seed_put_fen(out, o->gross_fen);
    seed_put_fen(out, o->discount_fen);
    seed_put_fen(out, o->gross_fen - o->discount_fen);
    seed_put_fen(out, o->refund_fen);
    put_member(out, p, o);
    seed_put_text(out, seed_cancel_reason(o));
    seed_put_instant(out, o->cancelled_us);
    seed_put_instant(out, o->paid_us);
    db_encode_date(out, o->business_date);
    seed_put_instant(out, o->created_us);
    seed_put_instant(out, updated_at(p, o));
    return db_copy_keep(copy, err);
}

static int put_items(struct db_copy *copy, const struct seed_plan *p, const struct seed_order *o,
                     struct error *err)
{
    struct strbuf *out = db_copy_buffer(copy);
    for (int i = 0; i < o->line_count; i++) {
        const struct seed_line *line = &o->lines[i];
        const struct seed_dish *dish = &p->menu[line->dish];
        db_copy_row(copy);
        db_encode_int8(out, o->id);
        db_encode_int4(out, i + 1);
        db_encode_int8(out, dish->product_id);
        seed_put_text(out, dish->sku);
        seed_put_text(out, dish->name);
        seed_put_fen(out, dish->price_fen);
        seed_put_fen(out, line->quantity * INT64_C(100));
        seed_put_fen(out, line->amount_fen);
        seed_put_instant(out, o->created_us);
        seed_put_instant(out, o->created_us);
        TRY(db_copy_keep(copy, err));
    }
    return ERR_OK;
}

/* Each payment was recorded at its till. */
static int put_payment(struct db_copy *copy, const struct seed_plan *p, const struct seed_order *o,
                       struct error *err)
{
    struct strbuf *out = db_copy_buffer(copy);
    char payment_no[96];
    if (o->paid_us == SEED_NEVER)
        return ERR_OK;
    (void)snprintf(payment_no, sizeof payment_no, "%s-P1", o->order_no);
    db_copy_row(copy);
    db_encode_int8(out, o->id);
    seed_put_text(out, payment_no);
    seed_put_text(out, method_of(p, o));
    seed_put_text(out, "none");
    seed_put_fen(out, o->gross_fen - o->discount_fen);
    seed_put_text(out, "succeeded");
    for (int i = 0; i < 3; i++)
        seed_put_instant(out, o->paid_us);
    return db_copy_keep(copy, err);
}

/* The payments' ids are known to the database only: refunds go through a table of their own. */
static int put_refund(struct db_copy *copy, const struct seed_plan *p, const struct seed_order *o,
                      struct error *err)
{
    struct strbuf *out = db_copy_buffer(copy);
    const char *reason = seed_cancel_reason(o);
    (void)p;
    if (o->refund_fen == 0)
        return ERR_OK;
    db_copy_row(copy);
    db_encode_int8(out, o->id);
    seed_put_fen(out, o->refund_fen);
    seed_put_text(out, reason != NULL ? reason : "菜品问题");
    seed_put_instant(out, o->refunded_us != SEED_NEVER ? o->refunded_us : o->cancelled_us);
    return db_copy_keep(copy, err);
}

struct step {
    const char *from, *to, *payment, *fulfilment, *reason;
    int64_t at_us;
};

static int put_step(struct db_copy *copy, const struct seed_order *o, const struct step *step,
                    struct error *err)
{
    struct strbuf *out = db_copy_buffer(copy);
    if (step->at_us == SEED_NEVER)
        return ERR_OK;
    db_copy_row(copy);
    db_encode_int8(out, o->id);
    seed_put_text(out, step->from);
    seed_put_text(out, step->to);
    seed_put_text(out, step->payment);
    seed_put_text(out, step->fulfilment);
    seed_put_text(out, step->reason);
    seed_put_instant(out, step->at_us);
    seed_put_instant(out, step->at_us);
    return db_copy_keep(copy, err);
}

static int put_history(struct db_copy *copy, const struct seed_plan *p, const struct seed_order *o,
                       struct error *err)
{
    bool was_paid = o->paid_us != SEED_NEVER;
    const struct step steps[] = {
        {NULL, "pending", "unpaid", "waiting", NULL, o->created_us},
        {"pending", "paid", "paid", "waiting", NULL, o->paid_us},
        {"paid", "accepted", "paid", "preparing", NULL, o->accepted_us},
        {"accepted", "fulfilled", "paid", "fulfilled", NULL, o->fulfilled_us},
        {was_paid ? "paid" : "pending", "cancelled", was_paid ? "refunded" : "unpaid", "cancelled",
         seed_cancel_reason(o), o->cancelled_us},
        {status_of(o), status_of(o), payment_status_of(o), "fulfilled", "菜品问题", o->refunded_us},
    };
    (void)p;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        TRY(put_step(copy, o, &steps[i], err));
    return ERR_OK;
}

/* ---- all of them -------------------------------------------------------------------------- */

static int fill(struct db_conn *conn, const struct seed_plan *p, const int32_t *numbers,
                size_t count, const struct seed_table *table, uint64_t *ret_rows, struct error *err)
{
    struct db_copy *copy = NULL;
    struct seed_order o;
    size_t ncolumns = 0;
    while (table->columns[ncolumns] != NULL)
        ncolumns++;
    TRY(db_copy_in(conn, table->name, table->columns, ncolumns, &copy, err));
    for (size_t i = 0; i < count; i++) {
        seed_order_draw(p, numbers[i], &o);
        int code = table->put(copy, p, &o, err);
        if (code != ERR_OK) {
            db_copy_abort(copy);
            return code;
        }
    }
    return db_copy_end(copy, ret_rows, err);
}

static const struct seed_table orders = {"app.orders",
                                         put_order,
                                         {"id",
                                          "order_no",
                                          "store_id",
                                          "channel",
                                          "guests",
                                          "table_no",
                                          "status",
                                          "payment_status",
                                          "fulfilment_status",
                                          "payment_method",
                                          "gross_amount",
                                          "discount_amount",
                                          "total_amount",
                                          "refund_amount",
                                          "member_ref",
                                          "cancel_reason",
                                          "cancelled_at",
                                          "paid_at",
                                          "business_date",
                                          "created_at",
                                          "updated_at"}};
static const struct seed_table items = {"app.order_items",
                                        put_items,
                                        {"order_id", "line_no", "product_id", "sku", "product_name",
                                         "price", "quantity", "amount", "created_at",
                                         "updated_at"}};
static const struct seed_table payments = {"app.payments",
                                           put_payment,
                                           {"order_id", "payment_no", "method", "channel", "amount",
                                            "status", "paid_at", "created_at", "updated_at"}};
static const struct seed_table refunds = {
    "pg_temp.seed_refund", put_refund, {"order_id", "amount", "reason", "at"}};
static const struct seed_table history = {"app.order_status_history",
                                          put_history,
                                          {"order_id", "from_status", "to_status", "payment_status",
                                           "fulfilment_status", "reason", "created_at",
                                           "updated_at"}};

int seed_write_orders(struct db_conn *conn, const struct seed_plan *p,
                      const struct seed_numbers *numbers, int64_t *ret_lines, struct error *err)
{
    const int32_t *by_number = numbers->by_number;
    size_t count = numbers->count;
    uint64_t lines = 0;
    TRY(fill(conn, p, numbers->by_time, count, &orders, NULL, err));
    TRY(fill(conn, p, by_number, count, &items, &lines, err));
    TRY(fill(conn, p, by_number, count, &payments, NULL, err));
    TRY(fill(conn, p, by_number, count, &refunds, NULL, err));
    TRY(db_script(conn, sql_seed_refunds, err));
    TRY(fill(conn, p, by_number, count, &history, NULL, err));
    *ret_lines = (int64_t)lines;
    return ERR_OK;
}
