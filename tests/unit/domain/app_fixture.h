/* tests/unit/domain/app_fixture.h - a private PostgreSQL with the platform's tables: stores S001
 * (Asia/Shanghai) and S002 (America/New_York), products P1 to P9, stock by app_stock_set. */
#ifndef DINER_TESTS_APP_FIXTURE_H
#define DINER_TESTS_APP_FIXTURE_H

#include "../db/pg_fixture.h"

#include "core/clock.h"
#include "db/migrate.h"
#include "domain/user.h"

extern const struct migration migrations_domain[];
static struct db_conn *app_conn; /* of the test itself */

static inline void app_run(const char *sql)
{
    struct error err = ERROR_INIT;
    if (db_script(app_conn, sql, &err) != ERR_OK)
        fail_msg("%s: %s", sql, err.message);
}

static inline int64_t app_number(const char *sql)
{
    struct error err = ERROR_INIT;
    int64_t value = -1;
    if (db_query_int(app_conn, sql, DB_NO_PARAMS, &value, &err) != ERR_OK)
        fail_msg("%s: %s", sql, err.message);
    return value;
}

/* Every table as new: two stores, nine products at 10.00, 1000 of each in both stores. */
static inline void app_reset(void)
{
    app_run("truncate app.outbox, app.idempotency_keys, app.order_status_history, "
            "app.order_items, app.stock_log, app.orders, app.stock, app.users, app.recipes, "
            "app.reservations, app.stock_takes, app.stock_transfers, app.campaigns, app.coupons, "
            "app.product_units, app.products, "
            "app.stores restart identity cascade;"
            "insert into app.stores (code, name, timezone) values "
            "('S001', '人民广场店', 'Asia/Shanghai'), ('S002', 'Bowery', 'America/New_York');"
            "insert into app.products (sku, name, material_code, unit, price, category) "
            "select 'P' || i, '菜' || i, '01.010.' || i, '份', 10.00, 'main' "
            "from generate_series(1, 9) i;"
            "insert into app.stock (store_id, product_id, qty) "
            "select s.id, p.id, 1000 from app.stores s, app.products p;");
}

/* The ledger accounts for every change: what there was (1000) and its rows give what there is. */
static inline int64_t app_ledger_defects(void)
{
    return app_number("select count(*) from app.stock k where qty <> 1000 + coalesce((select "
                      "sum(quantity) from app.stock_log l where l.store_id = k.store_id and "
                      "l.product_id = k.product_id), 0)");
}

static inline int app_fixture_start(void **state)
{
    struct error err = ERROR_INIT;
    const struct migration_set set = {"domain", migrations_domain};
    int applied;
    if (pg_fixture_start(state) != 0)
        return -1;
    app_conn = pg_fixture_open();
    return migrate_apply(app_conn, &set, 1, &applied, &err) == ERR_OK && applied >= 2 ? 0 : -1;
}

static inline int app_fixture_stop(void **state)
{
    db_close(app_conn);
    return pg_fixture_stop(state);
}

#endif
