/* lib/domain/seed_internal.h - what the files of seeding share: what is drawn, and what writes it.
 *
 * A drawn order depends on the plan and its number only, so it is drawn again wherever it is
 * needed, and millions of them take no room. */
#ifndef DINER_DOMAIN_SEED_INTERNAL_H
#define DINER_DOMAIN_SEED_INTERNAL_H

#include "core/datetime.h"
#include "domain/seed.h"

#define SEED_LINES_MAX 6
#define SEED_NEVER     INT64_MIN /* instead of an instant */

struct seed_dish {
    int64_t product_id, price_fen;
    const char *sku, *name;
};
struct seed_store {
    int64_t id;
    const char *code;
};

/* What all orders of a seeding have in common. Instants in microseconds since 1970. */
struct seed_plan {
    int64_t seed, orders, days;
    int64_t as_of_us, now_us; /* the orders end; the transaction began */
    int32_t last_day;         /* the business date of as_of, since 1970 */
    bool is_first;            /* there were no orders: updated_at is the time of the last event */
    struct bizday bizday;
    struct seed_dish *menu; /* the best sellers first */
    size_t dish_count;
    struct seed_store *stores;
    size_t store_count;
};

enum seed_ending {
    SEED_PENDING,
    SEED_PAID,
    SEED_ACCEPTED,
    SEED_TIMED_OUT,
    SEED_CANCELLED,
    SEED_PAID_CANCELLED,
    SEED_REFUNDED,
    SEED_PARTLY_REFUNDED,
    SEED_FULFILLED
};

struct seed_line {
    size_t dish; /* of the menu */
    int quantity;
    int64_t amount_fen;
};
struct seed_order {
    int64_t number, id;
    size_t store; /* of the plan's */
    enum seed_ending ending;
    double way; /* 0 to 1: how the guests came */
    int64_t created_us, paid_us, accepted_us, fulfilled_us, cancelled_us, refunded_us;
    int32_t business_date; /* days since 1970 */
    char order_no[80];
    struct seed_line lines[SEED_LINES_MAX];
    int line_count;
    int64_t gross_fen, discount_fen, refund_fen;
};

/* Uniform in [0, 1); `what` tells the draws of one number apart. */
double seed_draw(const struct seed_plan *p, int64_t number, int what);
/* A whole number from low to high, both included. */
int seed_pick(const struct seed_plan *p, int64_t number, int what, int low, int high);
int64_t seed_order_id(const struct seed_plan *p, int64_t number);
/* Numbers 1 to 12 are under way at as_of; 13 to 17 show each ending once, however few there are. */
void seed_order_draw(const struct seed_plan *p, int64_t number, struct seed_order *ret);

/* The numbers of the orders that are to be made. */
struct seed_numbers {
    int32_t *by_number, *by_time;
    size_t count;
};
/* Both in the caller's transaction, by COPY: the orders with their lines, money and history; then
 * the ledger of the stock, whose rows they lock, and what is left of it. */
int seed_write_orders(struct db_conn *conn, const struct seed_plan *p,
                      const struct seed_numbers *numbers, int64_t *ret_lines, struct error *err);
int seed_write_stock(struct db_conn *conn, const struct seed_plan *p,
                     const struct seed_numbers *numbers, int64_t *ret_moves, struct error *err);

/* Fields of a row. */
void seed_put_fen(struct strbuf *out, int64_t fen);
void seed_put_text(struct strbuf *out, const char *text);   /* NULL: null */
void seed_put_instant(struct strbuf *out, int64_t at_us);   /* SEED_NEVER: null */
const char *seed_cancel_reason(const struct seed_order *o); /* NULL: was not cancelled */

#endif
