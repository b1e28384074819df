/* tests/unit/perf/study_fixture.h - a small restaurant schema as a study holds it, for the tests of
 * the diagnosis. Brings cmocka. */
#ifndef DINER_TESTS_STUDY_FIXTURE_H
#define DINER_TESTS_STUDY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "perf/sqltree.h"

#define COLUMN(name, type, distinct, width)                                                        \
    {                                                                                              \
        name, type, true, 0, distinct, width                                                       \
    }
static struct perf_column fixture_stores[] = {COLUMN("id", "bigint", -1, 8),
                                              COLUMN("name", "text", -1, 20)};
static struct perf_column fixture_orders[] = {
    COLUMN("id", "bigint", -1, 8), COLUMN("store_id", "bigint", 500, 8),
    COLUMN("created_at", "timestamp with time zone", -0.9, 8), COLUMN("status", "text", 5, 8),
    COLUMN("order_no", "text", -1, 20)};
static struct perf_column fixture_items[] = {
    COLUMN("id", "bigint", -1, 8), COLUMN("order_id", "bigint", -0.25, 8),
    COLUMN("product_id", "bigint", 300, 8), COLUMN("qty", "integer", 20, 4)};
static struct perf_column fixture_outlets[] = {COLUMN("编号", "bigint", -1, 8),
                                               COLUMN("Name", "text", -1, 20)};
#undef COLUMN
static struct perf_foreign_key fixture_order_keys[] = {
    {"orders_store_id_fkey", "store_id", "public.stores", "id"}};
static struct perf_foreign_key fixture_item_keys[] = {
    {"order_items_order_id_fkey", "order_id", "public.orders", "id"}};
#define TABLE(name_, rows_, columns_, keys_, nkeys_)                                               \
    {                                                                                              \
        .schema = "public", .name = name_, .rows = rows_, .columns = columns_,                     \
        .ncolumns = sizeof(columns_) / sizeof(*(columns_)), .foreign_keys = keys_,                 \
        .nforeign_keys = nkeys_, .last_vacuum_age_s = 60, .last_analyze_age_s = 60                 \
    }
static struct perf_table fixture_tables[] = {
    TABLE("stores", 500, fixture_stores, NULL, 0),
    TABLE("orders", 300000, fixture_orders, fixture_order_keys, 1),
    TABLE("order_items", 1200000, fixture_items, fixture_item_keys, 1),
    TABLE("门店", 500, fixture_outlets, NULL, 0)};
#undef TABLE
enum { STORES, ORDERS, ITEMS, OUTLETS, FIXTURE_TABLES };

static struct sql_view fixture_views[] = {{"public", "open_orders",
                                           "SELECT o.id, o.store_id AS shop, o.created_at FROM "
                                           "orders o WHERE (o.status = 'open'::text);"}};
static const struct sql_catalog fixture_catalog = {fixture_tables, FIXTURE_TABLES, fixture_views,
                                                   1};

#endif
