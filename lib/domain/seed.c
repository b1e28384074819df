#include "domain/seed.h"
#include "core/message.h"
#include "gen/embed.h"
#include <stdio.h>

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

static int seed_statements(struct db_conn *conn, const struct seed_options *o,
                           struct seed_result *ret, struct error *err)
{
    struct db_result *r AUTO_RESULT = NULL;
    const char *const scripts[] = {sql_seed_unindex, sql_seed_catalog, sql_seed_orders,
                                   sql_seed_write,   sql_seed_stock,   sql_seed_reindex};
    TRY(db_script(conn, sql_seed_begin, err));
    TRY(seed_input(conn, o, err));
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
        TRY(db_script(conn, scripts[i], err));
    TRY(db_query(conn, sql_seed_totals, DB_NO_PARAMS, &r, err));
    *ret = (struct seed_result){
        .orders_added = db_result_int(r, 0, 0),
        .lines_added = db_result_int(r, 0, 1),
        .moves_added = db_result_int(r, 0, 2),
        .stores = db_result_int(r, 0, 3),
        .products = db_result_int(r, 0, 4),
        .stock_rows = db_result_int(r, 0, 5),
        .orders = db_result_int(r, 0, 6),
    };
    return 0;
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
    int code = seed_statements(conn, options, &result, err);
    if (code == 0)
        code = db_commit(conn, err);
    else
        db_rollback(conn);
    if (code != 0)
        return error_context(err, "while seeding");
    *ret = result;
    return 0;
}
