/* The API over HTTP: what each address answers, to whom, and what sending twice does. */
#include "server_fixture.h"

#include "platform/server/encode.h"
#include "platform/server/token.h"
#include <stdatomic.h>

static int create_order(const char *product, const char *quantity, char order_no[64])
{
    char body[512];
    snprintf(body, sizeof body,
             "{\"store\":\"S001\",\"channel\":\"takeout\",\"items\":[{\"product\":\"%s\","
             "\"quantity\":%s}]}",
             product, quantity);
    AUTO_ANSWER struct answer a = app_post("/api/v1/orders", body);
    app_copy(order_no, 64, &a, "/data/order_no");
    return a.status;
}

static void test_life_of_an_order(void **state)
{
    (void)state;
    char order_no[64], target[128];
    assert_int_equal(create_order("P1", "2", order_no), 201);
    snprintf(target, sizeof target, "/api/v1/orders/%s", order_no);
    AUTO_ANSWER struct answer got = app_get(target);
    assert_int_equal(got.status, 200);
    assert_string_equal(app_at(&got, "/code"), "200");
    assert_string_equal(app_at(&got, "/message"), "Success");
    assert_string_equal(app_at(&got, "/data/items/0/amount"), "20.00");
    assert_string_equal(app_at(&got, "/data/items/0/quantity"), "2");
    assert_string_equal(app_at(&got, "/data/payment_method"), "wechat");
    snprintf(target, sizeof target, "/api/v1/orders/%s/fulfill", order_no);
    AUTO_ANSWER struct answer early = app_post(target, NULL);
    assert_int_equal(early.status, 409);
    assert_string_equal(app_at(&early, "/error"), "order_state");
    assert_string_equal(app_at(&early, "/details/allowed/1"), "cancelled");
    snprintf(target, sizeof target, "/api/v1/orders/%s/pay", order_no);
    AUTO_ANSWER struct answer paid = app_post(target, "{\"paid_amount\":20.0}");
    assert_int_equal(paid.status, 200);
    assert_string_equal(app_at(&paid, "/data/status"), "paid");
    snprintf(target, sizeof target, "/api/v1/orders/%s/cancel", order_no);
    AUTO_ANSWER struct answer cancelled = app_post(target, "{\"reason\":\"guest left\"}");
    assert_string_equal(app_at(&cancelled, "/data/cancel_reason"), "guest left");
    AUTO_ANSWER struct answer again = app_post(target, "{\"reason\":\"guest left\"}");
    assert_int_equal(again.status, 409);
    assert_int_equal(app_ledger_defects(), 0);
}

static void test_insufficient_stock(void **state)
{
    (void)state;
    AUTO_ANSWER struct answer a =
        app_post("/api/v1/orders", "{\"store\":\"S001\",\"channel\":\"takeout\",\"items\":["
                                   "{\"product\":\"P2\",\"quantity\":\"1000.5\"}]}");
    assert_int_equal(a.status, 409);
    assert_string_equal(app_at(&a, "/error"), "insufficient_stock");
    assert_string_equal(app_at(&a, "/details/items/0/available"), "1000");
    assert_string_equal(app_at(&a, "/details/items/0/wanted"), "1000.5");
}

/* ---- idempotency -------------------------------------------------------------------------- */

#define ORDER_BODY                                                                                 \
    "{\"store\":\"S001\",\"channel\":\"dine_in\",\"items\":[{\"product\":\"P1\",\"quantity\":1}]}"

static void test_replay(void **state)
{
    (void)state;
    const char *key = "Idempotency-Key: order-1\r\n";
    AUTO_ANSWER struct answer first =
        app_send("POST", "/api/v1/orders", app_token, key, ORDER_BODY);
    AUTO_ANSWER struct answer second =
        app_send("POST", "/api/v1/orders", app_token, key, ORDER_BODY);
    assert_int_equal(first.status, 201);
    assert_int_equal(second.status, 201);
    assert_string_equal(first.body, second.body);
    assert_null(strstr(first.text.data, "Idempotency-Replayed"));
    assert_non_null(strstr(second.text.data, "Idempotency-Replayed: true"));
    AUTO_ANSWER struct answer other =
        app_send("POST", "/api/v1/orders", app_token, key,
                 "{\"store\":\"S001\",\"channel\":\"dine_in\",\"items\":[{\"product\":\"P1\","
                 "\"quantity\":2}]}");
    assert_int_equal(other.status, 409);
    assert_string_equal(app_at(&other, "/error"), "idempotency_key_reused");
    char token[2048]; /* another user's key is another key */
    app_login("root", "root password", token);
    AUTO_ANSWER struct answer roots = app_send("POST", "/api/v1/orders", token, key, ORDER_BODY);
    assert_int_equal(roots.status, 201);
    assert_int_equal(app_number("select count(*) from app.orders"), 2);
    AUTO_ANSWER struct answer bad =
        app_send("POST", "/api/v1/orders", app_token, "Idempotency-Key: a b\r\n", ORDER_BODY);
    assert_int_equal(bad.status, 400);
}

/* What was refused changed nothing, and may be tried again with the same key. */
static void test_refusal_is_not_kept(void **state)
{
    (void)state;
    const char *key = "Idempotency-Key: order-2\r\n";
    app_run("update app.stock set qty = 0 where store_id = 1 and product_id = 1");
    AUTO_ANSWER struct answer refused =
        app_send("POST", "/api/v1/orders", app_token, key, ORDER_BODY);
    assert_int_equal(refused.status, 409);
    app_run("update app.stock set qty = 5 where store_id = 1 and product_id = 1");
    AUTO_ANSWER struct answer sold = app_send("POST", "/api/v1/orders", app_token, key, ORDER_BODY);
    assert_int_equal(sold.status, 201);
}

struct sender {
    pthread_t thread;
    const char *key;
    int status;
    bool is_replayed;
    char order_no[64];
};

static void *send_order(void *arg)
{
    struct sender *s = arg;
    AUTO_ANSWER struct answer a = app_send("POST", "/api/v1/orders", app_token, s->key, ORDER_BODY);
    s->status = a.status;
    s->is_replayed = strstr(a.text.data, "Idempotency-Replayed") != NULL;
    app_copy(s->order_no, sizeof s->order_no, &a, "/data/order_no");
    return NULL;
}

static void test_same_key_at_the_same_time(void **state)
{
    (void)state;
    struct sender senders[12];
    int replayed = 0;
    for (size_t i = 0; i < 12; i++) {
        senders[i] = (struct sender){.key = "Idempotency-Key: order-3\r\n"};
        pthread_create(&senders[i].thread, NULL, send_order, &senders[i]);
    }
    for (size_t i = 0; i < 12; i++)
        pthread_join(senders[i].thread, NULL);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(senders[i].status, 201);
        assert_string_equal(senders[i].order_no, senders[0].order_no);
        replayed += senders[i].is_replayed;
    }
    assert_int_equal(replayed, 11);
    assert_int_equal(app_number("select count(*) from app.orders"), 1);
    assert_int_equal(app_number("select qty from app.stock where store_id=1 and product_id=1"),
                     999);
}

static void test_forty_clients(void **state)
{
    (void)state;
    struct sender senders[40];
    int sold = 0, refused = 0;
    app_run("update app.stock set qty = 100 where store_id = 1 and product_id = 1");
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < 40; i++) {
            senders[i] = (struct sender){0};
            pthread_create(&senders[i].thread, NULL, send_order, &senders[i]);
        }
        for (size_t i = 0; i < 40; i++) {
            pthread_join(senders[i].thread, NULL);
            sold += senders[i].status == 201;
            refused += senders[i].status == 409;
        }
    }
    assert_int_equal(sold, 100);
    assert_int_equal(refused, 100);
    assert_int_equal(app_number("select qty from app.stock where store_id=1 and product_id=1"), 0);
}

static void test_lock_timeout(void **state)
{
    (void)state;
    app_run("begin; select 1 from app.stock where store_id = 1 and product_id = 1 for update");
    AUTO_ANSWER struct answer a = app_post("/api/v1/orders", ORDER_BODY);
    app_run("rollback");
    assert_int_equal(a.status, 409);
    assert_string_equal(app_at(&a, "/error"), "lock_timeout");
    assert_string_equal(app_at(&a, "/message"), "Failed to acquire lock");
}

/* ---- stock -------------------------------------------------------------------------------- */

static void test_adjustments(void **state)
{
    (void)state;
    const char *body = "{\"items\":["
                       "{\"store\":\"S001\",\"product\":\"P3\",\"delta\":\"-12.345678\","
                       "\"reason\":\"erp_sync\"},"
                       "{\"store\":\"S001\",\"product\":\"P4\",\"delta\":-2000,"
                       "\"reason\":\"erp_sync\",\"note\":\"盘点\"},"
                       "{\"store\":\"S009\",\"product\":\"P4\",\"delta\":1,\"reason\":\"adjust\"}"
                       "]}";
    const char *key = "Idempotency-Key: batch-1\r\n";
    for (int i = 0; i < 2; i++) { /* the second is replayed */
        AUTO_ANSWER struct answer a =
            app_send("POST", "/api/v1/stock/adjustments", app_token, key, body);
        assert_int_equal(a.status, 200);
        assert_string_equal(app_at(&a, "/data/applied"), "1");
        assert_string_equal(app_at(&a, "/data/results/0/qty"), "987.654322");
        assert_string_equal(app_at(&a, "/data/results/1/error"), "insufficient_stock");
        assert_string_equal(app_at(&a, "/data/results/1/qty"), "1000");
        assert_string_equal(app_at(&a, "/data/results/2/error"), "unknown_store");
    }
    AUTO_ANSWER struct answer one = app_get("/api/v1/stock/S001/P3");
    assert_string_equal(app_at(&one, "/data/qty"), "987.654322");
    assert_string_equal(app_at(&one, "/data/material_code"), "01.010.3");
    AUTO_ANSWER struct answer log = app_get("/api/v1/stock/log?store=S001&after_id=0");
    assert_string_equal(app_at(&log, "/data/items/0/change_type"), "erp_sync");
    assert_string_equal(app_at(&log, "/data/total"), "1");
    AUTO_ANSWER struct answer rest = app_get("/api/v1/stock/log?after_id=1");
    assert_string_equal(app_at(&rest, "/data/total"), "0");
    AUTO_ANSWER struct answer unknown = app_get("/api/v1/stock/S001/PX");
    assert_int_equal(unknown.status, 404);
    assert_string_equal(app_at(&unknown, "/error"), "unknown_product");
}

static void test_bad_adjustments(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"items\":[]}",
        "{\"items\":{}}",
        "{}",
        "[1]",
        "{\"items\":[{\"store\":\"S001\",\"product\":\"P1\",\"delta\":0,\"reason\":\"adjust\"}]}",
        "{\"items\":[{\"store\":\"S001\",\"product\":\"P1\",\"delta\":\"1e400\","
        "\"reason\":\"adjust\"}]}",
        "{\"items\":[{\"store\":\"S001\",\"product\":\"P1\",\"delta\":0.0000001,"
        "\"reason\":\"adjust\"}]}",
        "{\"items\":[{\"store\":\"S001\",\"product\":\"P1\",\"delta\":\"NaN\","
        "\"reason\":\"adjust\"}]}",
        "{\"items\":[{\"store\":\"S001\",\"product\":\"P1\",\"delta\":1,\"reason\":\"theft\"}]}",
        "{\"items\":[{\"store\":\"S001\",\"product\":\"P1\",\"delta\":1,\"reason\":\"adjust\","
        "\"extra\":1}]}",
        "{\"items\":[{\"store\":\"S\\u0000\",\"product\":\"P1\",\"delta\":1,"
        "\"reason\":\"adjust\"}]}",
        "{\"items\":[{\"store\":\"S001\",\"store\":\"S002\",\"product\":\"P1\",\"delta\":1,"
        "\"reason\":\"adjust\"}]}",
        "{\"items\":",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        AUTO_ANSWER struct answer a = app_post("/api/v1/stock/adjustments", bodies[i]);
        if (a.status != 400)
            fail_msg("%s: %s", bodies[i], a.text.data);
    }
    AUTO_STRBUF struct strbuf many;
    strbuf_init(&many, 0);
    strbuf_adds(&many, "{\"items\":[");
    for (int i = 0; i < 501; i++)
        strbuf_addf(&many,
                    "%s{\"store\":\"S001\",\"product\":\"P1\",\"delta\":1,"
                    "\"reason\":\"adjust\"}",
                    i > 0 ? "," : "");
    strbuf_adds(&many, "]}");
    AUTO_ANSWER struct answer over = app_post("/api/v1/stock/adjustments", many.data);
    assert_int_equal(over.status, 400);
    assert_int_equal(app_number("select count(*) from app.stock_log"), 0);
    AUTO_ANSWER struct answer placed =
        app_post("/api/v1/orders", "{\"store\":\"S001\",\"channel\":\"dine_in\",\"items\":["
                                   "{\"product\":\"P1\",\"quantity\":0}]}");
    assert_string_equal(app_at(&placed, "/message"), "items[0]: 'quantity' must be more than zero");
}

static void test_moved_since(void **state)
{
    (void)state;
    char order_no[64];
    AUTO_ANSWER struct answer before = app_get("/api/v1/stock/S001/P5");
    char since[64], target[256];
    app_copy(since, sizeof since, &before, "/data/updated_at");
    assert_int_equal(create_order("P5", "3", order_no), 201);
    AUTO_ANSWER struct answer synced =
        app_post("/api/v1/stock/adjustments", "{\"items\":[{\"store\":\"S001\",\"product\":\"P5\","
                                              "\"delta\":100,\"reason\":\"erp_sync\"}]}");
    assert_int_equal(synced.status, 200);
    snprintf(target, sizeof target, "/api/v1/stock?store=S001&product=P5&moved_since=%s", since);
    AUTO_ANSWER struct answer after = app_get(target);
    assert_string_equal(app_at(&after, "/data/items/0/qty"), "1097");
    assert_string_equal(app_at(&after, "/data/items/0/moved_qty"), "-3");
    AUTO_ANSWER struct answer plain = app_get("/api/v1/stock?store=S001&product=P5");
    assert_string_equal(app_at(&plain, "/data/items/0/moved_qty"), "0");
}

/* ---- lists -------------------------------------------------------------------------------- */

/* Reads a cursor list to its end; *rows counts items, each `pointer` value goes to seen. */
static int read_list(const char *base, int page_size, struct strbuf *seen, int *ret_pages)
{
    char cursor[512] = "", target[1024];
    int rows = 0;
    *ret_pages = 0;
    for (;;) {
        snprintf(target, sizeof target, "%s%cpage_size=%d%s%s", base, strchr(base, '?') ? '&' : '?',
                 page_size, cursor[0] ? "&cursor=" : "", cursor);
        AUTO_ANSWER struct answer a = app_get(target);
        assert_int_equal(a.status, 200);
        assert_string_equal(app_at(&a, "/data/total")[0] != '\0' ? "total" : "",
                            cursor[0] == '\0' ? "total" : "");
        ++*ret_pages;
        for (int i = 0;; i++) {
            char pointer[64];
            snprintf(pointer, sizeof pointer, "/data/items/%d/order_no", i);
            if (app_at(&a, pointer)[0] == '\0')
                break;
            strbuf_addf(seen, "%s\n", app_at(&a, pointer));
            rows++;
        }
        app_copy(cursor, sizeof cursor, &a, "/data/next_cursor");
        if (cursor[0] == '\0')
            return rows;
    }
}

static void make_orders(int n)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "insert into app.orders (order_no, store_id, channel, gross_amount, total_amount, "
             "business_date, created_at, updated_at) select 'N' || lpad(i::text, 5, '0'), 1 + i %% "
             "2, 'dine_in', 5, 5, '2026-11-22', timestamptz '2026-11-22T00:00:00Z' + i / 4 * "
             "interval '1 s', timestamptz '2026-11-22T00:00:00Z' + i / 4 * interval '1 s' "
             "from generate_series(1, %d) i",
             n);
    app_run(sql);
}

static void test_cursor_list(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf seen;
    int pages;
    strbuf_init(&seen, 0);
    make_orders(103); /* four with the same updated_at each */
    assert_int_equal(read_list("/api/v1/orders", 10, &seen, &pages), 103);
    assert_int_equal(pages, 11);
    for (int i = 1; i <= 103; i++) {
        char no[16];
        snprintf(no, sizeof no, "N%05d\n", i);
        assert_non_null(strstr(seen.data, no));
    }
    strbuf_clear(&seen);
    assert_int_equal(read_list("/api/v1/orders?store=S002", 10, &seen, &pages), 52);
    strbuf_clear(&seen);
    /* since inclusive, until exclusive: i / 4 from 5 to 9 */
    assert_int_equal(read_list("/api/v1/orders?updated_since=2026-11-22T08:00:05%2B08:00"
                               "&updated_until=2026-11-22T00:00:10Z",
                               7, &seen, &pages),
                     20);
}

static void test_page_list(void **state)
{
    (void)state;
    make_orders(25);
    AUTO_ANSWER struct answer first = app_get("/api/v1/orders?page=1");
    assert_string_equal(app_at(&first, "/data/total"), "25");
    assert_string_equal(app_at(&first, "/data/page_size"), "20");
    assert_string_equal(app_at(&first, "/data/items/0/order_no"), "N00025"); /* newest first */
    assert_string_equal(app_at(&first, "/data/next_cursor"), "");
    AUTO_ANSWER struct answer second = app_get("/api/v1/orders?page=2");
    assert_string_equal(app_at(&second, "/data/items/4/order_no"), "N00001");
    assert_string_equal(app_at(&second, "/data/items/5/order_no"), "");
}

static void test_bad_queries(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "/api/v1/orders?page_size=101",
        "/api/v1/orders?page_size=0",
        "/api/v1/orders?page=-1",
        "/api/v1/orders?page=1x",
        "/api/v1/orders?status=lost",
        "/api/v1/orders?updated_snce=2026-11-22T00:00:00Z",
        "/api/v1/orders?updated_since=today",
        "/api/v1/orders?updated_since=2026-11-22T00:00:00",
        "/api/v1/orders?cursor=%2B",
        "/api/v1/orders?cursor=AAAA",
        "/api/v1/orders?page=1&cursor=AAAA",
        "/api/v1/orders?store=a&store=b",
        "/api/v1/orders/a%00b",
        "/api/v1/orders?store=%ff",
        "/api/v1/orders?store=%4",
        "/api/v1/products?active=maybe",
        "/api/v1/stock/log?after_id=-1",
        "/api/v1/orders?sort=password_hash",
        "/api/v1/orders?sort=--created_at",
        "/api/v1/orders?sort=created_at,id",
        "/api/v1/orders?sort=-",
    };
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        AUTO_ANSWER struct answer a = app_get(targets[i]);
        if (a.status != 400)
            fail_msg("%s: %s", targets[i], a.text.data);
    }
}

/* A cursor goes with its list and its filters. */
static void test_foreign_cursor(void **state)
{
    (void)state;
    char cursor[512], target[1024];
    make_orders(10);
    AUTO_ANSWER struct answer a = app_get("/api/v1/orders?store=S001&page_size=2");
    app_copy(cursor, sizeof cursor, &a, "/data/next_cursor");
    snprintf(target, sizeof target, "/api/v1/orders?page_size=3&store=S001&cursor=%s", cursor);
    AUTO_ANSWER struct answer same = app_get(target);
    assert_int_equal(same.status, 200);
    snprintf(target, sizeof target, "/api/v1/orders?store=S002&cursor=%s", cursor);
    AUTO_ANSWER struct answer other = app_get(target);
    assert_int_equal(other.status, 400);
    assert_string_equal(app_at(&other, "/error"), "bad_cursor");
    snprintf(target, sizeof target, "/api/v1/stock?store=S001&cursor=%s", cursor);
    AUTO_ANSWER struct answer list = app_get(target);
    assert_int_equal(list.status, 400);
    snprintf(target, sizeof target, "/api/v1/orders?store=S001&sort=-updated_at&cursor=%s", cursor);
    AUTO_ANSWER struct answer order = app_get(target);
    assert_int_equal(order.status, 400);
    assert_string_equal(app_at(&order, "/error"), "bad_cursor");
    /* The list's own order, said aloud, is the same order. */
    snprintf(target, sizeof target, "/api/v1/orders?store=S001&sort=updated_at&cursor=%s", cursor);
    AUTO_ANSWER struct answer said = app_get(target);
    assert_int_equal(said.status, 200);
}

/* The cursor with its first key, behind the check, made another. */
static void forge(const char *cursor, const char *key, char *ret, size_t size)
{
    AUTO_STRBUF struct strbuf text = {0}, forged = {0}, encoded = {0};
    strbuf_init(&text, 0);
    strbuf_init(&forged, 0);
    strbuf_init(&encoded, 0);
    assert_true(base64url_decode(span_of(cursor), &text));
    size_t check = strlen(text.data) + 1, first = strlen(text.data + check);
    strbuf_add(&forged, text.data, check);
    strbuf_adds(&forged, key);
    strbuf_add(&forged, text.data + check + first, text.len - check - first);
    base64url_encode((struct span){forged.data, forged.len}, &encoded);
    snprintf(ret, size, "%s", encoded.data);
}

/* The check is no secret: a cursor may hold what is no key at all. */
static void test_forged_cursor(void **state)
{
    (void)state;
    static const struct {
        const char *list, *key;
    } forgeries[] = {
        {"/api/v1/orders?page_size=2", "2026-02-30 00:00:00+00"},
        {"/api/v1/orders?page_size=2", "yesterday, or so"},
        {"/api/v1/orders?page_size=2", "\xff"},
        {"/api/v1/orders?page_size=2&sort=total_amount", "1e400000"},
        {"/api/v1/stock?page_size=2&sort=qty", "x"},
        {"/api/v1/stock/log?page_size=1", "99999999999999999999"},
    };
    char cursor[512], forged[512], target[1024];
    make_orders(10);
    for (int i = 0; i < 2; i++) {
        AUTO_ANSWER struct answer a =
            app_post("/api/v1/stock/adjustments",
                     "{\"items\":[{\"store\":\"S001\",\"product\":\"P1\",\"delta\":1,"
                     "\"reason\":\"adjust\"}]}");
        assert_int_equal(a.status, 200);
    }
    for (size_t i = 0; i < sizeof forgeries / sizeof *forgeries; i++) {
        AUTO_ANSWER struct answer a = app_get(forgeries[i].list);
        app_copy(cursor, sizeof cursor, &a, "/data/next_cursor");
        if (cursor[0] == '\0')
            fail_msg("%s: %s", forgeries[i].list, a.text.data);
        forge(cursor, forgeries[i].key, forged, sizeof forged);
        snprintf(target, sizeof target, "%s&cursor=%s", forgeries[i].list, forged);
        AUTO_ANSWER struct answer refused = app_get(target);
        if (refused.status != 400 || strcmp(app_at(&refused, "/error"), "bad_cursor") != 0)
            fail_msg("%s at %s: %s", forgeries[i].list, forgeries[i].key, refused.text.data);
    }
}

static atomic_bool is_updating;

/* Touches orders as the platform does: in short transactions, stamped by the clock. */
static void *update_orders(void *arg)
{
    struct error err = ERROR_INIT;
    struct db_conn *conn = NULL;
    const struct db_options options = {.dsn = pg_fixture_dsn};
    atomic_llong *touched = arg;
    if (db_open(&options, &conn, &err) != ERR_OK)
        return NULL;
    while (atomic_load(&is_updating))
        if (db_execute(conn,
                       "update app.orders set guests = guests + 1, updated_at = clock_timestamp() "
                       "where id = 1 + floor(random() * 200)::int",
                       DB_NO_PARAMS, NULL, &err) == ERR_OK)
            atomic_fetch_add(touched, 1);
    db_close(conn);
    return NULL;
}

/* Until the updater is at work: how fast it is depends on the machine. */
static void wait_touched(atomic_llong *touched, long long more)
{
    long long until = atomic_load(touched) + more;
    for (int i = 0; i < 2000 && atomic_load(touched) < until; i++) {
        const struct timespec pause = {.tv_nsec = 5000000};
        nanosleep(&pause, NULL);
    }
    assert_true(atomic_load(touched) >= until);
}

static void test_list_under_updates_loses_nothing(void **state)
{
    (void)state;
    pthread_t updater;
    atomic_llong touched = 0;
    int pages;
    make_orders(200);
    atomic_store(&is_updating, true);
    pthread_create(&updater, NULL, update_orders, &touched);
    for (int round = 0; round < 5; round++) {
        AUTO_STRBUF struct strbuf seen;
        strbuf_init(&seen, 0);
        wait_touched(&touched, 10);
        /* Until is fixed before reading, as a reader that keeps a cursor does; rows that move
         * past it are those of the next read. */
        char until[64];
        AUTOFREE char *now = NULL;
        struct error err = ERROR_INIT;
        assert_db_ok(db_query_text(app_conn,
                                   "select to_char(clock_timestamp() at time zone 'UTC', "
                                   "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
                                   DB_NO_PARAMS, &now, &err));
        snprintf(until, sizeof until, "/api/v1/orders?updated_until=%s", now);
        read_list(until, 20, &seen, &pages);
        char since[64];
        snprintf(since, sizeof since, "/api/v1/orders?updated_since=%s", now);
        atomic_store(&is_updating, false);
        pthread_join(updater, NULL);
        read_list(since, 50, &seen, &pages);
        for (int i = 1; i <= 200; i++) {
            char no[16];
            snprintf(no, sizeof no, "N%05d\n", i);
            if (strstr(seen.data, no) == NULL)
                fail_msg("round %d lost %s", round, no);
        }
        atomic_store(&is_updating, true);
        pthread_create(&updater, NULL, update_orders, &touched);
    }
    atomic_store(&is_updating, false);
    pthread_join(updater, NULL);
}

/* ---- who may what ------------------------------------------------------------------------- */

static void test_login(void **state)
{
    (void)state;
    AUTO_ANSWER struct answer good = app_send("POST", "/api/v1/auth/login", NULL, NULL,
                                              "{\"username\":\"root\",\"password\":\"root "
                                              "password\"}");
    assert_int_equal(good.status, 200);
    assert_string_equal(app_at(&good, "/data/expires_in"), "1800");
    assert_string_equal(app_at(&good, "/data/token_type"), "Bearer");
    char refresh[2048], body[4096];
    app_copy(refresh, sizeof refresh, &good, "/data/refresh_token");
    snprintf(body, sizeof body, "{\"refresh_token\":\"%s\"}", refresh);
    AUTO_ANSWER struct answer fresh = app_send("POST", "/api/v1/auth/refresh", NULL, NULL, body);
    assert_int_equal(fresh.status, 200);
    /* One is not taken for the other. */
    AUTO_ANSWER struct answer misused = app_send("GET", "/api/v1/stores", refresh, NULL, NULL);
    assert_int_equal(misused.status, 401);
    snprintf(body, sizeof body, "{\"refresh_token\":\"%s\"}", app_at(&good, "/data/access_token"));
    AUTO_ANSWER struct answer other = app_send("POST", "/api/v1/auth/refresh", NULL, NULL, body);
    assert_int_equal(other.status, 401);
    static const char *const wrong[] = {
        "{\"username\":\"root\",\"password\":\"root\"}",
        "{\"username\":\"nobody\",\"password\":\"root password\"}",
        "{\"username\":\"root' or '1'='1\",\"password\":\"x\"}",
    };
    for (size_t i = 0; i < 3; i++) {
        AUTO_ANSWER struct answer a = app_send("POST", "/api/v1/auth/login", NULL, NULL, wrong[i]);
        assert_int_equal(a.status, 401);
        assert_string_equal(app_at(&a, "/error"), "bad_credentials");
    }
}

static void put_password(const char *password)
{
    struct error err = ERROR_INIT;
    assert_db_ok(user_upsert(app_conn, "r2", password, "readonly", NULL, &err));
}

/* A new password shuts out whoever has a refresh token by the old one. */
static void test_refresh_ends_with_the_password(void **state)
{
    (void)state;
    char body[4096];
    static const char login[] = "{\"username\":\"r2\",\"password\":\"one\"}";
    put_password("one");
    AUTO_ANSWER struct answer good = app_send("POST", "/api/v1/auth/login", NULL, NULL, login);
    snprintf(body, sizeof body, "{\"refresh_token\":\"%s\"}", app_at(&good, "/data/refresh_token"));
    AUTO_ANSWER struct answer fresh = app_send("POST", "/api/v1/auth/refresh", NULL, NULL, body);
    assert_int_equal(fresh.status, 200);
    put_password("two");
    AUTO_ANSWER struct answer late = app_send("POST", "/api/v1/auth/refresh", NULL, NULL, body);
    assert_int_equal(late.status, 401);
    assert_string_equal(app_at(&late, "/error"), "bad_credentials");
    app_run("update app.users set active = false where username = 'r2'");
    AUTO_ANSWER struct answer off = app_send("POST", "/api/v1/auth/login", NULL, NULL,
                                             "{\"username\":\"r2\",\"password\":\"two\"}");
    assert_int_equal(off.status, 401);
}

static void test_tokens(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf expired, forged;
    struct token_claims claims = {.subject = "root",
                                  .user_id = 1,
                                  .role = "admin",
                                  .use = "access",
                                  .issued_s = 1000,
                                  .expires_s = 2000};
    strbuf_init(&expired, 0);
    strbuf_init(&forged, 0);
    token_issue(TEST_SECRET, &claims, &expired);
    claims.expires_s = 4000000000;
    token_issue("another secret", &claims, &forged);
    AUTO_ANSWER struct answer none = app_send("GET", "/api/v1/stores", NULL, NULL, NULL);
    assert_int_equal(none.status, 401);
    assert_non_null(strstr(none.text.data, "WWW-Authenticate: Bearer"));
    AUTO_ANSWER struct answer late = app_send("GET", "/api/v1/stores", expired.data, NULL, NULL);
    assert_int_equal(late.status, 401);
    assert_string_equal(app_at(&late, "/error"), "token_expired");
    AUTO_ANSWER struct answer false_one =
        app_send("GET", "/api/v1/stores", forged.data, NULL, NULL);
    assert_int_equal(false_one.status, 401);
    assert_string_equal(app_at(&false_one, "/error"), "unauthorised");
}

static void test_store_isolation(void **state)
{
    (void)state;
    char token[2048], order_no[64], target[128];
    app_login("s1", "s1 password", token);
    assert_int_equal(create_order("P1", "1", order_no), 201);
    app_run("update app.orders set store_id = 2");
    snprintf(target, sizeof target, "/api/v1/orders/%s", order_no);
    AUTO_ANSWER struct answer others = app_send("GET", target, token, NULL, NULL);
    assert_int_equal(others.status, 404);
    AUTO_ANSWER struct answer list = app_send("GET", "/api/v1/orders", token, NULL, NULL);
    assert_string_equal(app_at(&list, "/data/total"), "0");
    AUTO_ANSWER struct answer asked =
        app_send("GET", "/api/v1/orders?store=S002", token, NULL, NULL);
    assert_int_equal(asked.status, 403);
    AUTO_ANSWER struct answer stores = app_send("GET", "/api/v1/stores", token, NULL, NULL);
    assert_string_equal(app_at(&stores, "/data/total"), "1");
    AUTO_ANSWER struct answer store = app_send("GET", "/api/v1/stores/S002", token, NULL, NULL);
    assert_int_equal(store.status, 403);
    AUTO_ANSWER struct answer stock = app_send("GET", "/api/v1/stock", token, NULL, NULL);
    assert_string_equal(app_at(&stock, "/data/total"), "9");
    AUTO_ANSWER struct answer made =
        app_send("POST", "/api/v1/orders", token, NULL,
                 "{\"store\":\"S002\",\"channel\":\"dine_in\",\"items\":[{\"product\":\"P1\","
                 "\"quantity\":1}]}");
    assert_int_equal(made.status, 403);
    snprintf(target, sizeof target, "/api/v1/orders/%s/cancel", order_no);
    AUTO_ANSWER struct answer cancelled =
        app_send("POST", target, token, NULL, "{\"reason\":\"not mine\"}");
    assert_int_equal(cancelled.status, 404);
}

static void test_injection_is_text(void **state)
{
    (void)state;
    AUTO_ANSWER struct answer path =
        app_get("/api/v1/products/P1'%3B%20drop%20table%20app.orders%3B%20--");
    assert_int_equal(path.status, 404);
    AUTO_ANSWER struct answer query = app_get("/api/v1/orders?store=S001'%20or%20'1'%3D'1");
    assert_string_equal(app_at(&query, "/data/total"), "0");
    AUTO_ANSWER struct answer body =
        app_post("/api/v1/orders",
                 "{\"store\":\"S001\",\"channel\":\"dine_in\",\"table_no\":\"'); drop "
                 "table app.orders; --\",\"items\":[{\"product\":\"P1\",\"quantity\":1}]}");
    assert_int_equal(body.status, 201);
    assert_string_equal(app_at(&body, "/data/table_no"), "'); drop table app.orders; --");
    assert_int_equal(app_number("select count(*) from app.orders"), 1);
}

/* bcrypt looks at 72 bytes: what it would cut is refused, and is nobody's password. */
static void test_long_passwords(void **state)
{
    (void)state;
    static const struct {
        const char *part;
        int times, status;
    } passwords[] = {{"a", 72, 201},
                     {"a", 73, 400},
                     {"\xe9\xa4\x90", 24, 201},
                     {"\xe9\xa4\x90", 25, 400},
                     {"a", 1024, 400},
                     {"a", 1025, 400},
                     {"", 1, 400}};
    char root[2048], body[2048], target[64];
    app_login("root", "root password", root);
    for (size_t i = 0; i < sizeof passwords / sizeof *passwords; i++) {
        AUTO_STRBUF struct strbuf password;
        strbuf_init(&password, 0);
        for (int k = 0; k < passwords[i].times; k++)
            strbuf_adds(&password, passwords[i].part);
        snprintf(body, sizeof body,
                 "{\"username\":\"long%zu\",\"password\":\"%s\",\"role\":\"readonly\"}", i,
                 password.data);
        AUTO_ANSWER struct answer made = app_send("POST", "/api/v1/users", root, NULL, body);
        assert_int_equal(made.status, passwords[i].status);
        snprintf(target, sizeof target, "/api/v1/users/%lld",
                 (long long)app_number("select id from app.users where username = 'long0'"));
        snprintf(body, sizeof body, "{\"version\":%lld,\"password\":\"%s\"}",
                 (long long)app_number("select version from app.users where username = 'long0'"),
                 password.data);
        AUTO_ANSWER struct answer changed = app_send("PATCH", target, root, NULL, body);
        assert_int_equal(changed.status, passwords[i].status == 201 ? 200 : 400);
        if (passwords[i].status == 201)
            continue;
        assert_string_equal(app_at(&made, "/error"), "bad_parameter");
        assert_string_equal(app_at(&made, "/details/parameter"), "password");
        assert_non_null(strstr(app_at(&made, "/message"), "at most 72 bytes"));
        assert_string_equal(app_at(&changed, "/details/parameter"), "password");
    }
    snprintf(body, sizeof body, "{\"username\":\"long0\",\"password\":\"%0100d\"}", 0);
    AUTO_ANSWER struct answer login = app_send("POST", "/api/v1/auth/login", NULL, NULL, body);
    assert_int_equal(login.status, 401);
    assert_string_equal(app_at(&login, "/error"), "bad_credentials");
}

#define T(f) cmocka_unit_test_setup(f, app_platform_reset)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_life_of_an_order),
        T(test_insufficient_stock),
        T(test_replay),
        T(test_refusal_is_not_kept),
        T(test_same_key_at_the_same_time),
        T(test_forty_clients),
        T(test_lock_timeout),
        T(test_adjustments),
        T(test_bad_adjustments),
        T(test_moved_since),
        T(test_cursor_list),
        T(test_page_list),
        T(test_bad_queries),
        T(test_foreign_cursor),
        T(test_forged_cursor),
        T(test_list_under_updates_loses_nothing),
        T(test_login),
        T(test_refresh_ends_with_the_password),
        T(test_tokens),
        T(test_long_passwords),
        T(test_store_isolation),
        T(test_injection_is_text),
    };
    return cmocka_run_group_tests(tests, app_platform_start, app_platform_stop);
}
