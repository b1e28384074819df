/* lib/domain/seed_stock.c - the ledger of what drawn orders sold, and what is left of the stock.
 *
 * What a day sells of a dish is delivered that morning, so nothing is ever sold out. */
#include "db/copy.h"
#include "domain/seed_internal.h"
#include "gen/embed.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MICRO INT64_C(1000000) /* the stock has 6 decimals */

/* What a store has of a dish. */
struct shelf {
    int64_t store_id, product_id;
    int64_t qty_micro, moved, last_us; /* now; in all, whole pieces; the last movement */
};
/* What one day sells of it. */
struct delivery {
    int64_t quantity, first_id; /* the lowest order id of that day */
};
enum kind { DELIVERY, SALE, RESTORE };
struct move {
    int64_t at_us;
    int32_t number; /* of the order; of a delivery its day, counted from the first */
    enum kind kind;
};

struct ledger {
    const struct seed_plan *plan;
    struct shelf *shelves; /* [store][dish] */
    size_t *by_id;         /* the shelves' places by store id and product id */
    size_t shelf_count;
    struct delivery *deliveries; /* [day][shelf] */
    int32_t first_day, day_count;
    struct move *moves;
    size_t move_count;
    struct db_copy *copy;
    int64_t rows;
};

static void ledger_release(struct ledger *l)
{
    free(l->shelves);
    free(l->by_id);
    free(l->deliveries);
    free(l->moves);
}

static size_t shelf_of(const struct ledger *l, size_t store, size_t dish)
{
    return store * l->plan->dish_count + dish;
}

/* ---- what there is ------------------------------------------------------------------------ */

/* The rows come by store id and product id. */
static int read_shelf(void *self, const struct db_result *row, struct error *err)
{
    struct ledger *l = self;
    size_t place = shelf_of(l, (size_t)db_result_int(row, 0, 0), (size_t)db_result_int(row, 0, 1));
    if (place >= l->plan->store_count * l->plan->dish_count)
        return error_set(err, ERR_BUG, "a dish that is not on the menu");
    l->shelves[place] = (struct shelf){.store_id = db_result_int(row, 0, 2),
                                       .product_id = db_result_int(row, 0, 3),
                                       .qty_micro = db_result_int(row, 0, 4),
                                       .last_us = SEED_NEVER};
    l->by_id[l->shelf_count++] = place;
    return ERR_OK;
}

static int lock_shelves(struct db_conn *conn, struct ledger *l, struct error *err)
{
    size_t all = l->plan->store_count * l->plan->dish_count;
    l->shelves = mem_array(all, sizeof *l->shelves);
    l->by_id = mem_array(all, sizeof *l->by_id);
    TRY(db_query_each(conn, sql_seed_held, DB_NO_PARAMS, read_shelf, l, err));
    if (l->shelf_count != all)
        return error_set(err, ERR_BUG, "%zu rows of stock, not %zu", l->shelf_count, all);
    return ERR_OK;
}

/* ---- what moved --------------------------------------------------------------------------- */

static void deliver(struct ledger *l, const struct seed_order *o)
{
    size_t day = (size_t)(o->business_date - l->first_day);
    for (int i = 0; i < o->line_count; i++) {
        size_t shelf = shelf_of(l, o->store, o->lines[i].dish);
        struct delivery *d = &l->deliveries[day * l->shelf_count + shelf];
        if (d->quantity == 0 || o->id < d->first_id)
            d->first_id = o->id;
        d->quantity += o->lines[i].quantity;
    }
}

static void add_move(struct ledger *l, int64_t at_us, int32_t number, enum kind kind)
{
    l->moves[l->move_count++] = (struct move){at_us, number, kind};
}

static void find_days(struct ledger *l, const struct seed_numbers *numbers)
{
    struct seed_order o;
    int32_t last = INT32_MIN;
    l->first_day = INT32_MAX;
    for (size_t i = 0; i < numbers->count; i++) {
        seed_order_draw(l->plan, numbers->by_number[i], &o);
        if (o.business_date < l->first_day)
            l->first_day = o.business_date;
        if (o.business_date > last)
            last = o.business_date;
    }
    l->day_count = numbers->count > 0 ? last - l->first_day + 1 : 0;
}

/* At the same instant: deliveries first, then by order. */
static int compare_moves(const void *a, const void *b)
{
    const struct move *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    if ((x->kind == DELIVERY) != (y->kind == DELIVERY))
        return x->kind == DELIVERY ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static void collect_moves(struct ledger *l, const struct seed_numbers *numbers)
{
    struct seed_order o;
    find_days(l, numbers);
    l->deliveries = mem_array((size_t)l->day_count * l->shelf_count, sizeof *l->deliveries);
    l->moves = mem_array((size_t)l->day_count + 2 * numbers->count, sizeof *l->moves);
    for (size_t i = 0; i < numbers->count; i++) {
        int32_t number = numbers->by_number[i];
        seed_order_draw(l->plan, number, &o);
        deliver(l, &o);
        add_move(l, o.created_us, number, SALE);
        if (o.cancelled_us != SEED_NEVER)
            add_move(l, o.cancelled_us, number, RESTORE);
    }
    for (int32_t day = 0; day < l->day_count; day++) {
        int64_t local_us = ((l->first_day + day) * INT64_C(24) + 6) * 3600 * 1000000;
        add_move(l, zone_local_to_utc(l->plan->bizday.zone, local_us), day, DELIVERY);
    }
    qsort(l->moves, l->move_count, sizeof *l->moves, compare_moves);
}

/* ---- the ledger --------------------------------------------------------------------------- */

static void put_qty(struct strbuf *out, int64_t micro)
{
    static const struct db_type quantity = {.kind = DB_NUMERIC, .precision = 18, .scale = 6};
    char text[32];
    int n = snprintf(text, sizeof text, "%s%" PRId64 ".%06" PRId64, micro < 0 ? "-" : "",
                     (int64_t)(llabs(micro) / MICRO), (int64_t)(llabs(micro) % MICRO));
    (void)db_encode(&quantity, (struct span){text, (size_t)n}, out);
}

struct entry {
    size_t shelf;
    const char *type, *ref, *reason;
    int64_t order_id; /* 0: none */
    int64_t quantity; /* signed */
    int64_t at_us;
};

static int put_entry(struct ledger *l, const struct entry *e, struct error *err)
{
    struct shelf *shelf = &l->shelves[e->shelf];
    struct strbuf *out = db_copy_buffer(l->copy);
    shelf->qty_micro += e->quantity * MICRO;
    shelf->moved += e->quantity;
    shelf->last_us = e->at_us;
    l->rows++;
    db_copy_row(l->copy);
    db_encode_int8(out, shelf->store_id);
    db_encode_int8(out, shelf->product_id);
    if (e->order_id != 0)
        db_encode_int8(out, e->order_id);
    else
        db_encode_null(out);
    seed_put_text(out, e->type);
    put_qty(out, e->quantity * MICRO);
    put_qty(out, shelf->qty_micro);
    seed_put_text(out, e->ref);
    seed_put_text(out, e->reason);
    seed_put_instant(out, e->at_us);
    seed_put_instant(out, e->at_us);
    return db_copy_keep(l->copy, err);
}

static int put_deliveries(struct ledger *l, const struct move *move, struct error *err)
{
    char ref[64];
    int year, month, day;
    civil_from_days(l->first_day + move->number, &year, &month, &day);
    for (size_t i = 0; i < l->shelf_count; i++) {
        size_t shelf = l->by_id[i];
        const struct delivery *d = &l->deliveries[(size_t)move->number * l->shelf_count + shelf];
        if (d->quantity == 0)
            continue;
        (void)snprintf(ref, sizeof ref, "delivery-%04d%02d%02d-%" PRId64, year, month, day,
                       d->first_id);
        TRY(put_entry(l,
                      &(struct entry){.shelf = shelf,
                                      .type = "adjust",
                                      .ref = ref,
                                      .reason = "采购入库",
                                      .quantity = d->quantity,
                                      .at_us = move->at_us},
                      err));
    }
    return ERR_OK;
}

static void sort_lines(const struct ledger *l, struct seed_order *o)
{
    for (int i = 1; i < o->line_count; i++)
        for (int k = i; k > 0 && l->plan->menu[o->lines[k].dish].product_id <
                                     l->plan->menu[o->lines[k - 1].dish].product_id;
             k--) {
            struct seed_line line = o->lines[k];
            o->lines[k] = o->lines[k - 1];
            o->lines[k - 1] = line;
        }
}

static int put_order_moves(struct ledger *l, const struct move *move, struct error *err)
{
    struct seed_order o;
    char ref[96];
    bool is_sale = move->kind == SALE;
    seed_order_draw(l->plan, move->number, &o);
    sort_lines(l, &o);
    (void)snprintf(ref, sizeof ref, "order:%s", o.order_no);
    for (int i = 0; i < o.line_count; i++) {
        int64_t quantity = o.lines[i].quantity;
        TRY(put_entry(l,
                      &(struct entry){.shelf = shelf_of(l, o.store, o.lines[i].dish),
                                      .type = is_sale ? "sale" : "restore",
                                      .ref = ref,
                                      .reason = is_sale ? NULL : seed_cancel_reason(&o),
                                      .order_id = o.id,
                                      .quantity = is_sale ? -quantity : quantity,
                                      .at_us = move->at_us},
                      err));
    }
    return ERR_OK;
}

static int put_moves(struct ledger *l, struct error *err)
{
    for (size_t i = 0; i < l->move_count; i++) {
        const struct move *move = &l->moves[i];
        TRY(move->kind == DELIVERY ? put_deliveries(l, move, err) : put_order_moves(l, move, err));
    }
    return ERR_OK;
}

static int write_ledger(struct db_conn *conn, struct ledger *l, struct error *err)
{
    static const char *const columns[] = {"store_id",   "product_id",  "order_id", "change_type",
                                          "quantity",   "stock_after", "ref",      "reason",
                                          "created_at", "updated_at"};
    TRY(db_copy_in(conn, "app.stock_log", columns, sizeof columns / sizeof *columns, &l->copy,
                   err));
    int code = put_moves(l, err);
    if (code != ERR_OK) {
        db_copy_abort(l->copy);
        return code;
    }
    return db_copy_end(l->copy, NULL, err);
}

/* ---- what is left ------------------------------------------------------------------------- */

static int write_stock(struct db_conn *conn, const struct ledger *l, struct error *err)
{
    AUTO_STRBUF struct strbuf rows = {0};
    char at[DATETIME_ISO_MAX];
    strbuf_init(&rows, 0);
    strbuf_adds(&rows, "[");
    for (size_t i = 0; i < l->shelf_count; i++) {
        const struct shelf *s = &l->shelves[l->by_id[i]];
        if (s->last_us == SEED_NEVER)
            continue;
        datetime_print(s->last_us, NULL, at);
        strbuf_addf(&rows,
                    "%s{\"store\":%" PRId64 ",\"product\":%" PRId64 ",\"moved\":%" PRId64
                    ",\"at\":\"%s\"}",
                    rows.len > 1 ? "," : "", s->store_id, s->product_id, s->moved, at);
    }
    strbuf_adds(&rows, "]");
    return db_execute(conn, sql_seed_stock, DB_PARAMS(rows.data), NULL, err);
}

int seed_write_stock(struct db_conn *conn, const struct seed_plan *p,
                     const struct seed_numbers *numbers, int64_t *ret_moves, struct error *err)
{
    struct ledger l = {.plan = p};
    int code = lock_shelves(conn, &l, err);
    if (code == ERR_OK) {
        collect_moves(&l, numbers);
        code = write_ledger(conn, &l, err);
    }
    if (code == ERR_OK)
        code = write_stock(conn, &l, err);
    *ret_moves = l.rows;
    ledger_release(&l);
    return code;
}
