/* lib/domain/seed.c - what is to be seeded, and in which order it is written. */
#include "core/message.h"
#include "domain/seed_internal.h"
#include "gen/embed.h"
#include <stdio.h>
#include <stdlib.h>

static int check_range(const char *what, int64_t value, int64_t low, int64_t high,
                       struct error *err)
{
    if (value >= low && value <= high)
        return 0;
    return error_set(err, ERR_USAGE, "%s must be from %lld to %lld, not %lld", what, (long long)low,
                     (long long)high, (long long)value);
}

static int seed_input(struct db_conn *conn, const struct seed_options *o, struct error *err)
{
    char seed[24], orders[24], stores[24], days[24];
    (void)snprintf(seed, sizeof seed, "%lld", (long long)o->seed);
    (void)snprintf(orders, sizeof orders, "%lld", (long long)o->orders);
    (void)snprintf(stores, sizeof stores, "%lld", (long long)o->stores);
    (void)snprintf(days, sizeof days, "%lld", (long long)o->days);
    if (db_execute(conn, sql_seed_input, DB_PARAMS(seed, orders, stores, days, o->as_of), NULL,
                   err) == 0)
        return 0;
    if (err->code == ERR_DATA) /* only as_of is text that may be wrong */
        error_set(err, ERR_USAGE, "'%s' is not an instant", o->as_of);
    return error_hint(err, "for example '2026-11-21 23:30:00+08'");
}

/* ---- the plan ----------------------------------------------------------------------------- */

static int read_menu(struct db_conn *conn, struct arena *arena, struct seed_plan *p,
                     struct error *err)
{
    AUTO_RESULT struct db_result *rows = NULL;
    TRY(db_query(conn, sql_seed_menu, DB_NO_PARAMS, &rows, err));
    p->dish_count = db_result_rows(rows);
    p->menu = arena_array(arena, p->dish_count, sizeof *p->menu);
    for (size_t i = 0; i < p->dish_count; i++)
        p->menu[i] = (struct seed_dish){
            .product_id = db_result_int(rows, i, 0),
            .sku = arena_strdup(arena, db_result_text(rows, i, 1)),
            .name = arena_strdup(arena, db_result_text(rows, i, 2)),
            .price_fen = db_result_int(rows, i, 3),
        };
    return ERR_OK;
}

static int read_stores(struct db_conn *conn, struct arena *arena, struct seed_plan *p,
                       struct error *err)
{
    AUTO_RESULT struct db_result *rows = NULL;
    TRY(db_query(conn, sql_seed_stores, DB_NO_PARAMS, &rows, err));
    p->store_count = db_result_rows(rows);
    p->stores = arena_array(arena, p->store_count, sizeof *p->stores);
    for (size_t i = 0; i < p->store_count; i++)
        p->stores[i] = (struct seed_store){.id = db_result_int(rows, i, 0),
                                           .code = arena_strdup(arena, db_result_text(rows, i, 1))};
    return ERR_OK;
}

static int read_plan(struct db_conn *conn, const struct seed_options *o, struct arena *arena,
                     struct seed_plan *p, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(conn, sql_seed_plan, DB_NO_PARAMS, &row, err));
    *p = (struct seed_plan){.seed = o->seed,
                            .orders = o->orders,
                            .days = o->days,
                            .as_of_us = db_result_int(row, 0, 0),
                            .now_us = db_result_int(row, 0, 1),
                            .last_day = (int32_t)db_result_int(row, 0, 2),
                            .is_first = db_result_bool(row, 0, 3),
                            .bizday = {.cutoff_s = 4 * 3600}};
    TRY(zone_load("Asia/Shanghai", &p->bizday.zone, err));
    TRY(read_menu(conn, arena, p, err));
    return read_stores(conn, arena, p, err);
}

/* ---- the numbers -------------------------------------------------------------------------- */

/* All that the seed has and the table does not. */
static int find_numbers(struct db_conn *conn, const struct seed_plan *p, struct seed_numbers *ret,
                        struct error *err)
{
    AUTO_RESULT struct db_result *there = NULL;
    char base[24], orders[24];
    (void)snprintf(base, sizeof base, "%lld", (long long)seed_order_id(p, 0));
    (void)snprintf(orders, sizeof orders, "%lld", (long long)p->orders);
    TRY(db_query(conn, sql_seed_existing, DB_PARAMS(base, orders), &there, err));
    ret->by_number = mem_array((size_t)p->orders, sizeof *ret->by_number);
    size_t seen = 0;
    for (int64_t n = 1; n <= p->orders; n++) {
        if (seen < db_result_rows(there) && db_result_int(there, seen, 0) == n)
            seen++;
        else
            ret->by_number[ret->count++] = (int32_t)n;
    }
    return ERR_OK;
}

struct moment {
    int64_t at_us;
    int32_t number;
};

static int compare_moments(const void *a, const void *b)
{
    const struct moment *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static void sort_numbers(const struct seed_plan *p, struct seed_numbers *numbers)
{
    AUTOFREE struct moment *moments = mem_array(numbers->count, sizeof *moments);
    struct seed_order o;
    for (size_t i = 0; i < numbers->count; i++) {
        seed_order_draw(p, numbers->by_number[i], &o);
        moments[i] = (struct moment){o.created_us, numbers->by_number[i]};
    }
    qsort(moments, numbers->count, sizeof *moments, compare_moments);
    numbers->by_time = mem_array(numbers->count, sizeof *numbers->by_time);
    for (size_t i = 0; i < numbers->count; i++)
        numbers->by_time[i] = moments[i].number;
}

/* ---- the work ----------------------------------------------------------------------------- */

static int write_all(struct db_conn *conn, const struct seed_plan *plan, struct seed_result *ret,
                     struct error *err)
{
    struct seed_numbers numbers = {0};
    int code = find_numbers(conn, plan, &numbers, err);
    if (code == ERR_OK) {
        sort_numbers(plan, &numbers);
        code = seed_write_orders(conn, plan, &numbers, &ret->lines_added, err);
    }
    if (code == ERR_OK)
        code = db_script(conn, sql_seed_opening, err);
    if (code == ERR_OK)
        code = seed_write_stock(conn, plan, &numbers, &ret->moves_added, err);
    ret->orders_added = (int64_t)numbers.count;
    free(numbers.by_number);
    free(numbers.by_time);
    return code;
}

static int seed_statements(struct db_conn *conn, const struct seed_options *o, struct arena *arena,
                           struct seed_result *ret, struct error *err)
{
    AUTO_RESULT struct db_result *r = NULL;
    struct seed_plan plan;
    TRY(db_script(conn, sql_seed_begin, err));
    TRY(seed_input(conn, o, err));
    TRY(db_script(conn, sql_seed_unindex, err));
    TRY(db_script(conn, sql_seed_catalog, err));
    TRY(read_plan(conn, o, arena, &plan, err));
    TRY(write_all(conn, &plan, ret, err));
    TRY(db_script(conn, sql_seed_reindex, err));
    TRY(db_query(conn, sql_seed_totals, DB_NO_PARAMS, &r, err));
    ret->stores = db_result_int(r, 0, 0);
    ret->products = db_result_int(r, 0, 1);
    ret->stock_rows = db_result_int(r, 0, 2);
    ret->orders = db_result_int(r, 0, 3);
    return ERR_OK;
}

int seed_run(struct db_conn *conn, const struct seed_options *options, struct seed_result *ret,
             struct error *err)
{
    struct seed_result result = {0};
    TRY(check_range(message_text("the seed"), options->seed, 0, SEED_MAX, err));
    TRY(check_range(message_text("the number of orders"), options->orders, 0, SEED_ORDERS_MAX,
                    err));
    TRY(check_range(message_text("the number of stores"), options->stores, 1, SEED_STORES_MAX,
                    err));
    TRY(check_range(message_text("the number of days"), options->days, 1, SEED_DAYS_MAX, err));
    TRY(db_begin(conn, err));
    struct arena *arena = arena_new();
    int code = seed_statements(conn, options, arena, &result, err);
    arena_free(arena);
    if (code == 0)
        code = db_commit(conn, err);
    else
        db_rollback(conn);
    if (code != 0)
        return error_context(err, "while seeding");
    *ret = result;
    return 0;
}
