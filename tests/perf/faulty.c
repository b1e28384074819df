/* tests/perf/faulty.c - a small restaurant API with known faults, each beside a healthy twin: what
 * perf-report is tested with. The reference platform's server, its /stores replaced by the routes
 * below when this program is linked; a release build has none of them.
 *
 * usage: faulty DSN PORT_FILE [CONNECTIONS]; tests/perf/faulty.sql makes the tables. CONNECTIONS is
 * the size of its pool: 2 is a fault of its own, for /faulty/pool. SIGTERM ends it. */
#include "core/clock.h"
#include "core/signals.h"
#include "format/jsonx.h"
#include "platform/server/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PAGE_ROWS_MAX    1000
#define DOWNSTREAM_MS    80
#define DATABASE_SLEEP_S "0.05"
#define AUDIT_LINES      "30"
#define HOT_SECONDS      300

static const char LIST_TABLED[] = "select id, created_at, total from shop.orders_plain "
                                  "where store_id = $1 order by created_at desc limit 20";
static const char LIST_INDEXED[] = "select id, created_at, total from shop.orders "
                                   "where store_id = $1 order by created_at desc limit 20";
static const char ORDER_IDS[] = "select id from shop.orders order by id desc limit $1";
static const char ITEMS_OF[] = "select product_id, quantity from shop.items where order_id = $1";
static const char ITEMS_OF_ALL[] = "select order_id, product_id, quantity from shop.items "
                                   "where order_id = any ($1::bigint[])";
static const char PRODUCTS_ALL[] = "select id, name, price from shop.products order by id";
static const char PRODUCTS_PAGE[] =
    "select id, name, price from shop.products order by id limit $1";
static const char BY_OFFSET[] = "select id, total from shop.orders order by id limit $1 offset $2";
static const char BY_KEY[] = "select id, total from shop.orders where id > $2 order by id limit $1";
static const char STORE[] = "select name from shop.stores where id = $1";
static const char SLOW_STORE[] =
    "select name, pg_sleep(" DATABASE_SLEEP_S ")::text from shop.stores where id = $1";
static const char AUDIT_ONE[] = "insert into shop.audit (order_id, line) values ($1, $2)";
static const char AUDIT_ALL[] = "insert into shop.audit (order_id, line) "
                                "select $1, n from generate_series(1, " AUDIT_LINES ") n";
static const char SALES_BY_CATEGORY[] =
    "select category, count(distinct name), count(distinct md5(name)), avg(price), max(price) "
    "from shop.products group by category";

/* ---- answers -------------------------------------------------------------------------------- */

static int answer(struct request *r, const struct db_result *rows)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct jwriter w;
    strbuf_init(&text, 0);
    jwriter_init(&w, &text);
    jwriter_array(&w);
    for (size_t i = 0; i < db_result_rows(rows); i++) {
        jwriter_array(&w);
        for (size_t k = 0; k < db_result_columns(rows); k++)
            jwriter_string(&w, db_result_text(rows, i, k));
        jwriter_end(&w);
    }
    jwriter_end(&w);
    return respond_data(r, 200, (struct span){text.data, text.len});
}

static int answer_query(struct request *r, const char *sql, const char *const *params, size_t n,
                        struct error *err)
{
    AUTO_RESULT struct db_result *rows = NULL;
    TRY(db_query(r->ctx.conn, sql, params, n, &rows, err));
    return answer(r, rows);
}

static const char *number_text(const struct request *r, int64_t n)
{
    return arena_printf(r->arena, "%lld", (long long)n);
}

static int read_page(struct request *r, int64_t *ret_size, int64_t *ret_page, struct error *err)
{
    *ret_size = 20;
    *ret_page = 1;
    TRY(request_query_int(r, "page_size", 1, PAGE_ROWS_MAX, ret_size, err));
    return request_query_int(r, "page", 1, 100000, ret_page, err);
}

static int read_store(struct request *r, const char **ret, struct error *err)
{
    int64_t store = 1;
    TRY(request_query_int(r, "store", 1, 100000, &store, err));
    *ret = number_text(r, store);
    return 0;
}

/* ---- the database --------------------------------------------------------------------------- */

static int get_orders(struct request *r, const char *sql, struct error *err)
{
    const char *store;
    TRY(read_store(r, &store, err));
    return answer_query(r, sql, DB_PARAMS(store), err);
}

static int missing_index(struct request *r, struct error *err)
{
    return get_orders(r, LIST_TABLED, err);
}

static int missing_index_healthy(struct request *r, struct error *err)
{
    return get_orders(r, LIST_INDEXED, err);
}

static int order_ids(struct request *r, struct db_result **ret, struct error *err)
{
    int64_t size, page;
    TRY(read_page(r, &size, &page, err));
    return db_query(r->ctx.conn, ORDER_IDS, DB_PARAMS(number_text(r, size)), ret, err);
}

static int n_plus_one(struct request *r, struct error *err)
{
    AUTO_RESULT struct db_result *orders = NULL;
    TRY(order_ids(r, &orders, err));
    for (size_t i = 0; i < db_result_rows(orders); i++) {
        AUTO_RESULT struct db_result *items = NULL;
        TRY(db_query(r->ctx.conn, ITEMS_OF, DB_PARAMS(db_result_text(orders, i, 0)), &items, err));
    }
    return answer(r, orders);
}

static int n_plus_one_healthy(struct request *r, struct error *err)
{
    AUTO_RESULT struct db_result *orders = NULL;
    AUTO_STRBUF struct strbuf ids = {0};
    TRY(order_ids(r, &orders, err));
    strbuf_init(&ids, 0);
    for (size_t i = 0; i < db_result_rows(orders); i++)
        strbuf_addf(&ids, "%c%s", i == 0 ? '{' : ',', db_result_text(orders, i, 0));
    strbuf_adds(&ids, "}");
    return answer_query(r, ITEMS_OF_ALL, DB_PARAMS(ids.data), err);
}

static int no_limit(struct request *r, struct error *err)
{
    return answer_query(r, PRODUCTS_ALL, DB_NO_PARAMS, err);
}

static int no_limit_healthy(struct request *r, struct error *err)
{
    int64_t size, page;
    TRY(read_page(r, &size, &page, err));
    return answer_query(r, PRODUCTS_PAGE, DB_PARAMS(number_text(r, size)), err);
}

static int get_page(struct request *r, const char *sql, struct error *err)
{
    int64_t size, page;
    TRY(read_page(r, &size, &page, err));
    return answer_query(r, sql, DB_PARAMS(number_text(r, size), number_text(r, (page - 1) * size)),
                        err);
}

static int deep_offset(struct request *r, struct error *err)
{
    return get_page(r, BY_OFFSET, err);
}

static int deep_offset_healthy(struct request *r, struct error *err)
{
    return get_page(r, BY_KEY, err);
}

static int chatty(struct request *r, struct error *err)
{
    for (int i = 1; i <= atoi(AUDIT_LINES); i++)
        TRY(db_execute(r->ctx.conn, AUDIT_ONE, DB_PARAMS("1", number_text(r, i)), NULL, err));
    return respond_data(r, 201, SPAN("{}"));
}

static int chatty_healthy(struct request *r, struct error *err)
{
    TRY(db_execute(r->ctx.conn, AUDIT_ALL, DB_PARAMS("1"), NULL, err));
    return respond_data(r, 201, SPAN("{}"));
}

/* ---- the application ------------------------------------------------------------------------ */

static int get_store(struct request *r, const char *sql, struct error *err)
{
    const char *store;
    TRY(read_store(r, &store, err));
    return answer_query(r, sql, DB_PARAMS(store), err);
}

/* Another service is called and waited for. */
static int slept(struct request *r, struct error *err)
{
    const struct timespec pause = {.tv_nsec = DOWNSTREAM_MS * 1000000L};
    (void)nanosleep(&pause, NULL);
    return get_store(r, STORE, err);
}

static int slept_healthy(struct request *r, struct error *err)
{
    return get_store(r, STORE, err);
}

/* Most of the time a connection is held: whoever finds none waits. */
static int pool(struct request *r, struct error *err)
{
    return get_store(r, SLOW_STORE, err);
}

static int hot(struct request *r, struct error *err)
{
    return answer_query(r, SALES_BY_CATEGORY, DB_NO_PARAMS, err);
}

static int hot_healthy(struct request *r, struct error *err)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static int64_t until_s;
    int64_t now_s = clock_monotonic_ns() / 1000000000;
    pthread_mutex_lock(&lock);
    bool is_fresh = now_s < until_s;
    until_s = is_fresh ? until_s : now_s + HOT_SECONDS;
    pthread_mutex_unlock(&lock);
    return is_fresh ? respond_data(r, 200, SPAN("[]")) : hot(r, err);
}

/* ---- routes --------------------------------------------------------------------------------- */

#define OPEN  (ROUTE_PUBLIC | ROUTE_UNLIMITED)
#define PAGES "page page_size"

/* In the place of the platform's: the linker takes this one. */
const struct route routes_store[] = {
    {"GET", "/faulty/missing_index", OPEN, "store", missing_index},
    {"GET", "/healthy/missing_index", OPEN, "store", missing_index_healthy},
    {"GET", "/faulty/n_plus_one", OPEN, PAGES, n_plus_one},
    {"GET", "/healthy/n_plus_one", OPEN, PAGES, n_plus_one_healthy},
    {"GET", "/faulty/no_limit", OPEN, NULL, no_limit},
    {"GET", "/healthy/no_limit", OPEN, PAGES, no_limit_healthy},
    {"GET", "/faulty/deep_offset", OPEN, PAGES, deep_offset},
    {"GET", "/healthy/deep_offset", OPEN, PAGES, deep_offset_healthy},
    {"GET", "/faulty/slept", OPEN, "store", slept},
    {"GET", "/healthy/slept", OPEN, "store", slept_healthy},
    {"GET", "/faulty/pool", OPEN, "store", pool},
    {"GET", "/healthy/pool", OPEN, "store", pool},
    {"POST", "/faulty/chatty", OPEN | ROUTE_WRITE, NULL, chatty},
    {"POST", "/healthy/chatty", OPEN | ROUTE_WRITE, NULL, chatty_healthy},
    {"GET", "/faulty/hot", OPEN, NULL, hot},
    {"GET", "/healthy/hot", OPEN, NULL, hot_healthy},
    {0},
};

int main(int argc, char **argv)
{
    struct error err = ERROR_INIT;
    if (argc < 3 || argc > 4) {
        fputs("usage: faulty DSN PORT_FILE [CONNECTIONS]\n", stderr);
        return 2;
    }
    const struct platform_server_options options = {.dsn = argv[1],
                                                    .listen = "127.0.0.1:0",
                                                    .port_file = argv[2],
                                                    .database_connections_max =
                                                        argc > 3 ? atoi(argv[3]) : 0};
    signals_install();
    if (platform_server_run(&options, &err) != 0) {
        fprintf(stderr, "faulty: %s\n", err.message);
        return 1;
    }
    return 0;
}
