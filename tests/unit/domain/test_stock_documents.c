/* Reservations, stock-takes, transfers, levels and proposals, the ledger's units and reasons. */
#include "app_fixture.h"

#include "domain/order.h"
#include "domain/recipe.h"
#include "domain/reorder.h"
#include "domain/reservation.h"
#include "domain/stock.h"
#include "domain/stock_sale.h"
#include "domain/stock_take.h"
#include "domain/stock_transfer.h"
#include "domain/unit.h"

static struct domain_context ctx;
static struct error err;

static int set_up(void **state)
{
    (void)state;
    app_reset();
    ctx = (struct domain_context){.conn = app_conn, .arena = arena_new()};
    error_clear(&err);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    db_rollback(app_conn);
    arena_free(ctx.arena);
    return 0;
}

static void assert_has(const char *document, const char *text)
{
    if (strstr(document, text) == NULL)
        fail_msg("no '%s' in %s", text, document);
}

static void assert_refused(int status, enum error_code code, const char *name)
{
    if (status != (int)code || ctx.refusal == NULL || strcmp(ctx.refusal, name) != 0)
        fail_msg("wanted %s, got %d %s: %s", name, status, ctx.refusal, err.message);
    ctx.refusal = NULL;
    db_rollback(app_conn);
    error_clear(&err);
}

static int64_t millionths(const char *column, const char *store, const char *product)
{
    char sql[300];
    snprintf(sql, sizeof sql,
             "select (k.%s * 1000000)::bigint from app.stock k join app.stores s on s.id = "
             "k.store_id join app.products p on p.id = k.product_id where s.code = '%s' and "
             "p.sku = '%s'",
             column, store, product);
    return app_number(sql);
}
#define QTY(store, product) (millionths("qty", store, product) / 1000000)

static int order_in(const char *product, const char *quantity, const char **ret_no)
{
    const char *document;
    const struct order_line line = {product, quantity};
    const struct order_request request = {
        .store = "S001", .channel = "dine_in", .lines = &line, .line_count = 1};
    return order_create(&ctx, &request, ret_no, &document, &err);
}

static void sell(const char *product, const char *quantity)
{
    const char *order_no;
    assert_db_ok(order_in(product, quantity, &order_no));
}

/* ---- reservations ------------------------------------------------------------------------- */

static int reserve(const char *product, const char *quantity, int64_t seconds,
                   const char **ret_document)
{
    const struct stock_item item = {product, quantity, NULL};
    const struct reservation_request request = {
        .store = "S001", .seconds = seconds, .items = &item, .count = 1};
    return reservation_make(&ctx, &request, ret_document, &err);
}

static void test_reserved_is_not_for_sale(void **state)
{
    (void)state;
    const char *document, *order_no;
    assert_db_ok(reserve("P1", "900", 600, &document));
    assert_has(document, "\"status\" : \"active\"");
    assert_db_ok(db_begin(app_conn, &err));
    assert_refused(order_in("P1", "101", &order_no), ERR_CONFLICT, "insufficient_stock");
    assert_has(ctx.details, "\"available\" : \"100\"");
    assert_db_ok(order_in("P1", "100", &order_no));
    assert_refused(reserve("P1", "1", 600, &document), ERR_CONFLICT, "insufficient_stock");
    assert_int_equal(QTY("S001", "P1"), 900); /* reserving moves nothing */
    assert_db_ok(reservation_release(&ctx, "1", &document, &err));
    assert_has(document, "\"status\" : \"released\"");
    assert_refused(reservation_release(&ctx, "1", &document, &err), ERR_CONFLICT,
                   "reservation_ended");
    assert_int_equal(millionths("reserved", "S001", "P1"), 0);
    assert_db_ok(order_in("P1", "900", &order_no));
    assert_refused(reservation_release(&ctx, "77", &document, &err), ERR_NOT_FOUND,
                   "unknown_reservation");
}

static void test_expired_holds_nothing(void **state)
{
    (void)state;
    const char *document, *order_no;
    const struct stock_filter filter = {.store = "S001", .product = "P1"};
    assert_db_ok(reserve("P1", "1000", 600, &document));
    assert_db_ok(reserve("P2", "10", 600, &document));
    app_run("update app.reservations set expires_at = now() - interval '1 second' where id = 1");
    assert_db_ok(stock_get(&ctx, &filter, &document, &err));
    assert_has(document, "\"reserved\" : \"0\", \"available\" : \"1000\"");
    assert_refused(reservation_release(&ctx, "1", &document, &err), ERR_CONFLICT,
                   "reservation_ended");
    assert_db_ok(order_in("P1", "1000", &order_no)); /* and it is swept up by the way */
    assert_int_equal(millionths("reserved", "S001", "P1"), 0);
    assert_int_equal(millionths("reserved", "S001", "P2"), 10000000);
    assert_int_equal(app_number("select count(*) from app.reservations where status = 'expired'"),
                     1);
}

/* Of a product, behind those of another: more than are swept by the way. */
static void test_many_expired_hold_nothing(void **state)
{
    (void)state;
    const char *document, *order_no;
    app_run("update app.stock set qty = 250");
    for (int i = 0; i < 370; i++)
        assert_db_ok(reserve(i < 120 ? "P2" : "P1", "1", 60, &document));
    assert_refused(order_in("P1", "1", &order_no), ERR_CONFLICT, "insufficient_stock");
    app_run("update app.reservations set expires_at = now() - interval '1 second'");
    assert_db_ok(order_in("P1", "250", &order_no));
    assert_int_equal(QTY("S001", "P1"), 0);
    assert_db_ok(reserve("P2", "250", 60, &document));
    assert_int_equal(millionths("reserved", "S001", "P1"), 0);
    assert_int_equal(millionths("reserved", "S001", "P2"), 250000000);
    assert_int_equal(app_number("select count(*) from app.reservations where status = 'expired'"),
                     370);
}

static void test_reservation_becomes_a_sale_once(void **state)
{
    (void)state;
    const char *document;
    const struct recipe_line line = {"P1", "2", NULL, NULL};
    assert_db_ok(recipe_put(&ctx, "P9", "1", -1, &line, 1, &document, &err));
    assert_db_ok(reserve("P9", "500", 600, &document)); /* a dish: its ingredients are held */
    assert_has(document, "\"product\" : \"P1\"");
    assert_int_equal(millionths("reserved", "S001", "P1") / 1000000, 1000);
    /* An order of 3 dishes, made without taking its stock, then given the reservation. */
    app_run("insert into app.orders (order_no, store_id, channel, gross_amount, total_amount, "
            "business_date) values ('S001-T', 1, 'dine_in', 30, 30, current_date);"
            "insert into app.order_items (order_id, line_no, product_id, sku, product_name, price, "
            "quantity, amount) values (1, 1, 9, 'P9', 'x', 10, 3, 30)");
    assert_refused(stock_deduct(&ctx, "1", NULL, &err), ERR_CONFLICT, "insufficient_stock");
    assert_refused(reservation_lock(&ctx, "1", "S002", &err), ERR_NOT_FOUND, "unknown_reservation");
    assert_db_ok(reservation_lock(&ctx, "1", "S001", &err));
    assert_db_ok(stock_deduct(&ctx, "1", "1", &err));
    assert_int_equal(QTY("S001", "P1"), 994); /* what was ordered, not what was reserved */
    assert_int_equal(millionths("reserved", "S001", "P1"), 0);
    assert_refused(reservation_lock(&ctx, "1", "S001", &err), ERR_CONFLICT, "reservation_ended");
    assert_db_ok(stock_deduct(&ctx, "1", NULL, &err)); /* again: nothing */
    assert_int_equal(QTY("S001", "P1"), 994);
    assert_int_equal(app_ledger_defects(), 0);
}

static int order_reserved(const char *quantity, const char *store, const char *reservation)
{
    const char *order_no, *document;
    const struct order_line line = {"P1", quantity};
    const struct order_request request = {.store = store,
                                          .channel = "dine_in",
                                          .lines = &line,
                                          .line_count = 1,
                                          .reservation = reservation};
    assert_db_ok(db_begin(ctx.conn, &err));
    int status = order_create(&ctx, &request, &order_no, &document, &err);
    if (status == ERR_OK)
        return db_commit(ctx.conn, &err);
    db_rollback(ctx.conn);
    return status;
}

static void test_an_order_takes_its_reservation(void **state)
{
    (void)state;
    const char *document;
    assert_db_ok(reserve("P1", "900", 600, &document));
    assert_refused(order_reserved("101", "S001", NULL), ERR_CONFLICT, "insufficient_stock");
    assert_refused(order_reserved("1", "S002", "1"), ERR_DATA, "unknown_reservation");
    assert_refused(order_reserved("1001", "S001", "1"), ERR_CONFLICT, "insufficient_stock");
    assert_int_equal(millionths("reserved", "S001", "P1") / 1000000, 900); /* as it was */
    assert_db_ok(order_reserved("901", "S001", "1"));
    assert_int_equal(QTY("S001", "P1"), 99);
    assert_int_equal(millionths("reserved", "S001", "P1"), 0);
    assert_refused(order_reserved("1", "S001", "1"), ERR_CONFLICT, "reservation_ended");
    assert_int_equal(app_number("select count(*) from app.reservations r join app.orders o on "
                                "o.id = r.order_id where r.status = 'sold'"),
                     1);
    assert_int_equal(app_number("select count(*) from app.orders"), 1);
    assert_int_equal(app_ledger_defects(), 0);
}

/* ---- stock-takes -------------------------------------------------------------------------- */

static int count_at(const char *at, const char *product, const char *quantity, const char *unit,
                    const char **ret_document)
{
    const struct stock_item item = {product, quantity, unit};
    const struct stock_take_request request = {
        .store = "S001", .counted_at = at, .note = "盘点", .items = &item, .count = 1};
    return stock_take_post(&ctx, &request, ret_document, &err);
}

static void adjust(const char *product, const char *delta, const char *reason)
{
    static int batch;
    struct stock_adjustment item = {
        .store = "S001", .product = product, .delta = delta, .reason = reason};
    assert_db_ok(stock_adjust(&ctx, arena_printf(ctx.arena, "adj%d", batch++), &item, 1, &err));
    assert_null(item.error);
}

static void test_count_says_variance(void **state)
{
    (void)state;
    const char *document;
    assert_db_ok(count_at(NULL, "P1", "100", NULL, &document));
    assert_has(document,
               "\"expected\" : \"1000\", \"difference\" : \"-900\", \"previous_at\" : null");
    adjust("P1", "40", "receipt");
    adjust("P1", "-5", "waste");
    adjust("P1", "2", "adjust");
    sell("P1", "30.5");
    assert_db_ok(count_at(NULL, "P1", "100", NULL, &document));
    assert_has(document, "\"expected\" : \"106.5\", \"difference\" : \"-6.5\"");
    assert_has(document, "\"opening\" : \"100\", \"received\" : \"40\", \"transferred\" : \"0\", "
                         "\"adjusted\" : \"2\", \"theoretical_usage\" : \"30.5\", "
                         "\"actual_usage\" : \"42\", \"variance\" : \"11.5\", \"waste\" : \"5\", "
                         "\"unexplained\" : \"6.5\"");
    assert_int_equal(QTY("S001", "P1"), 100);
    assert_int_equal(app_ledger_defects(), 0);
}

static void test_count_is_as_of_its_instant(void **state)
{
    (void)state;
    const char *document;
    sell("P1", "1");
    app_run("update app.stock_log set created_at = now() - interval '1 hour'");
    sell("P1", "4"); /* after the count was taken, before it is entered */
    char *at = NULL;
    assert_db_ok(db_query_text(app_conn,
                               "select to_char((now() - interval '1 minute') at time zone 'UTC', "
                               "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
                               DB_NO_PARAMS, &at, &err));
    assert_db_ok(count_at(at, "P1", "990", NULL, &document));
    assert_has(document, "\"expected\" : \"999\", \"difference\" : \"-9\"");
    assert_int_equal(QTY("S001", "P1"), 986);
    /* An older count does not undo a newer one, nor a correction by the ERP. */
    assert_refused(count_at(at, "P1", "1000", NULL, &document), ERR_CONFLICT, "corrected_since");
    adjust("P2", "1", "erp_sync");
    assert_refused(count_at(at, "P2", "1000", NULL, &document), ERR_CONFLICT, "corrected_since");
    /* More was sold since than was counted. */
    sell("P3", "10");
    assert_refused(count_at(at, "P3", "9", NULL, &document), ERR_CONFLICT, "insufficient_stock");
    assert_int_equal(app_ledger_defects(), 0);
    free(at);
}

static void test_count_of_many_is_all_or_nothing(void **state)
{
    (void)state;
    const char *document;
    const struct unit_factor box = {.base_quantity = "12"};
    const struct stock_item items[] = {
        {"P1", "1", NULL}, {"PX", "1", NULL}, {"P2", "1", "箱"}, {"P1", "2", NULL}};
    struct stock_take_request request = {.store = "S001", .items = items, .count = 4};
    assert_refused(stock_take_preview(&ctx, &request, &document, &err), ERR_DATA,
                   "duplicate_product");
    assert_db_ok(db_begin(app_conn, &err));
    assert_refused(stock_take_post(&ctx, &request, &document, &err), ERR_DATA, "duplicate_product");
    assert_has(ctx.details, "\"error\" : \"unknown_product\"");
    assert_has(ctx.details, "\"error\" : \"unknown_unit\"");
    assert_int_equal(app_number("select count(*) from app.stock_log"), 0);
    assert_db_ok(unit_put(&ctx, "P2", "箱", &box, &document, &err));
    app_run("delete from app.stock where store_id = 1 and product_id = 3");
    const struct stock_item good[] = {{"P2", "1.5", "箱"}, {"P3", "7", NULL}, {"P1", "1000", NULL}};
    request = (struct stock_take_request){.store = "S001", .items = good, .count = 3};
    assert_db_ok(stock_take_preview(&ctx, &request, &document, &err));
    assert_has(document, "\"entered_quantity\" : \"1.5\", \"entered_unit\" : \"箱\", "
                         "\"counted\" : \"18\", \"expected\" : \"1000\"");
    assert_int_equal(app_number("select count(*) from app.stock_log"), 0);
    assert_db_ok(stock_take_post(&ctx, &request, &document, &err));
    assert_int_equal(QTY("S001", "P2"), 18);
    assert_int_equal(QTY("S001", "P3"), 7); /* new at the store */
    assert_int_equal(app_number("select count(*) from app.stock_log where quantity = 0"), 1);
    ctx.only_store = "S002";
    assert_refused(stock_take_post(&ctx, &request, &document, &err), ERR_AUTH, "forbidden_store");
    assert_refused(stock_take_get(&ctx, "1", &document, &err), ERR_NOT_FOUND, "unknown_count");
}

/* ---- transfers ---------------------------------------------------------------------------- */

static void test_transfer_in_parts(void **state)
{
    (void)state;
    const char *document;
    const struct stock_item sent[] = {{"P2", "10", NULL}, {"P1", "6", NULL}};
    const struct stock_transfer_request request = {
        .from_store = "S001", .to_store = "S002", .items = sent, .count = 2};
    const struct stock_item some[] = {{"P1", "2.5", NULL}};
    const struct stock_item more[] = {{"P2", "11", NULL}, {"P3", "1", NULL}};
    assert_db_ok(stock_transfer_send(&ctx, &request, &document, &err));
    assert_int_equal(QTY("S001", "P1"), 994);
    assert_int_equal(QTY("S002", "P1"), 1000); /* in transit */
    assert_db_ok(stock_transfer_receive(&ctx, "1", some, 1, false, &document, &err));
    assert_has(document, "\"status\" : \"in_transit\"");
    assert_has(document, "\"received\" : \"2.5\", \"returned\" : \"0\", \"in_transit\" : \"3.5\"");
    assert_refused(stock_transfer_receive(&ctx, "1", more, 2, false, &document, &err), ERR_CONFLICT,
                   "over_received");
    assert_has(ctx.details, "\"product\" : \"P3\"");
    assert_db_ok(
        stock_transfer_receive(&ctx, "1", some, 1, false, &document, &err)); /* again 2.5 */
    assert_db_ok(stock_transfer_receive(&ctx, "1", some, 0, false, &document, &err)); /* the rest */
    assert_has(document, "\"status\" : \"received\"");
    assert_int_equal(QTY("S002", "P1"), 1006);
    assert_int_equal(QTY("S002", "P2"), 1010);
    assert_refused(stock_transfer_receive(&ctx, "1", some, 0, false, &document, &err), ERR_CONFLICT,
                   "transfer_ended");
    assert_refused(stock_transfer_cancel(&ctx, "1", &document, &err), ERR_CONFLICT,
                   "transfer_ended");
    assert_int_equal(app_ledger_defects(), 0);
}

static void test_transfer_lost_and_cancelled(void **state)
{
    (void)state;
    const char *document;
    const struct stock_item sent[] = {{"P1", "10", NULL}};
    struct stock_transfer_request request = {
        .from_store = "S001", .to_store = "S002", .items = sent, .count = 1};
    const struct stock_item some[] = {{"P1", "4", NULL}};
    assert_db_ok(stock_transfer_send(&ctx, &request, &document, &err));
    assert_db_ok(stock_transfer_receive(&ctx, "1", some, 1, true, &document, &err));
    assert_has(document, "\"status\" : \"received\"");
    assert_has(document, "\"lost\" : \"6\"");
    assert_db_ok(stock_transfer_send(&ctx, &request, &document, &err));
    assert_db_ok(stock_transfer_receive(&ctx, "2", some, 1, false, &document, &err));
    assert_db_ok(stock_transfer_cancel(&ctx, "2", &document, &err));
    assert_has(document, "\"returned\" : \"6\", \"in_transit\" : \"0\", \"lost\" : \"0\"");
    assert_int_equal(QTY("S001", "P1"), 1000 - 10 - 10 + 6);
    assert_int_equal(QTY("S002", "P1"), 1008);
    request.to_store = "S001";
    assert_refused(stock_transfer_send(&ctx, &request, &document, &err), ERR_DATA, "same_store");
    request.to_store = "SX";
    assert_refused(stock_transfer_send(&ctx, &request, &document, &err), ERR_DATA, "unknown_store");
    assert_int_equal(app_ledger_defects(), 0);
}

static void test_each_end_has_its_rights(void **state)
{
    (void)state;
    const char *document;
    const struct stock_item sent[] = {{"P1", "10", NULL}};
    const struct stock_transfer_request request = {
        .from_store = "S001", .to_store = "S002", .items = sent, .count = 1};
    app_run("insert into app.stores (code, name) values ('S003', 'x')");
    ctx.only_store = "S002";
    assert_refused(stock_transfer_send(&ctx, &request, &document, &err), ERR_AUTH,
                   "forbidden_store");
    ctx.only_store = "S001";
    assert_db_ok(stock_transfer_send(&ctx, &request, &document, &err));
    assert_refused(stock_transfer_receive(&ctx, "1", NULL, 0, false, &document, &err), ERR_AUTH,
                   "forbidden_store");
    ctx.only_store = "S003";
    assert_refused(stock_transfer_receive(&ctx, "1", NULL, 0, false, &document, &err),
                   ERR_NOT_FOUND, "unknown_transfer");
    ctx.only_store = "S002";
    assert_refused(stock_transfer_cancel(&ctx, "1", &document, &err), ERR_AUTH, "forbidden_store");
    assert_db_ok(stock_transfer_receive(&ctx, "1", NULL, 0, false, &document, &err));
}

/* ---- levels and proposals ----------------------------------------------------------------- */

static void set(const char *product, const struct stock_settings *settings)
{
    const char *document;
    assert_db_ok(stock_set(&ctx, "S001", product, -1, settings, &document, &err));
}

static void test_proposals_are_whole_packs(void **state)
{
    (void)state;
    const char *document;
    AUTO_LISTING struct listing found;
    const struct listing_from all = {.limit = 100, .wants_total = true};
    const struct stock_document_filter any = {0};
    const struct unit_factor box = {.base_quantity = "12"}, third = {.per_base = "3"};
    const struct stock_item sent[] = {{"P1", "30", NULL}};
    const struct stock_transfer_request request = {
        .from_store = "S002", .to_store = "S001", .items = sent, .count = 1};
    assert_db_ok(unit_put(&ctx, "P1", "箱", &box, &document, &err));
    assert_db_ok(unit_put(&ctx, "P2", "条", &third, &document, &err));
    set("P1", &(struct stock_settings){.par_qty = "1091", .pack_unit = "箱"});
    set("P2", &(struct stock_settings){.par_qty = "1000.5", .pack_unit = "条"});
    set("P3", &(struct stock_settings){.par_qty = "2000", .min_qty = "999"}); /* enough yet */
    set("P4", &(struct stock_settings){.par_qty = "2000", .min_qty = "1000"});
    set("P5", &(struct stock_settings){.par_qty = "1000"}); /* at par */
    assert_db_ok(stock_transfer_send(&ctx, &request, &document, &err));
    sell("P4", "28");
    listing_init(&found);
    assert_db_ok(stock_document_list(&ctx, &reorder_listing, &any, &all, &found, &err));
    assert_int_equal(found.count, 3);
    assert_int_equal(found.total, 3);
    /* 1091 - 1000 - 30 on their way = 61: six boxes, for five hold 60. */
    assert_has(found.items.data,
               "\"incoming\" : \"30\", \"par_qty\" : \"1091\", \"min_qty\" : null, "
               "\"pack_unit\" : \"箱\", \"packs\" : \"6\", \"order_qty\" : \"72\"");
    assert_has(found.items.data, "\"packs\" : \"2\", \"order_qty\" : \"0.666667\"");
    assert_has(found.items.data, "\"packs\" : \"1028\", \"order_qty\" : \"1028\", "
                                 "\"usage_per_day\" : \"1\", \"days_left\" : \"972\"");
}

static void test_settings(void **state)
{
    (void)state;
    const char *document;
    struct stock_settings settings = {.policy = "flag", .par_qty = "5", .min_qty = "6"};
    assert_refused(stock_set(&ctx, "S001", "P1", -1, &settings, &document, &err), ERR_DATA,
                   "bad_levels");
    settings.min_qty = "5";
    assert_db_ok(stock_set(&ctx, "S001", "P1", 1, &settings, &document, &err));
    assert_has(document, "\"policy\" : \"flag\", \"par_qty\" : \"5\", \"min_qty\" : \"5\"");
    assert_refused(stock_set(&ctx, "S001", "P1", 1, &settings, &document, &err), ERR_CONFLICT,
                   "version_conflict");
    sell("P1", "1001");
    assert_int_equal(app_number("select count(*) from app.stock_log where flagged"), 1);
    settings = (struct stock_settings){.policy = "forbid"};
    assert_refused(stock_set(&ctx, "S001", "P1", -1, &settings, &document, &err), ERR_CONFLICT,
                   "below_zero");
    settings = (struct stock_settings){.par_qty = "", .min_qty = ""};
    assert_db_ok(stock_set(&ctx, "S001", "P1", -1, &settings, &document, &err));
    assert_has(document, "\"par_qty\" : null");
    settings = (struct stock_settings){.pack_unit = "箱"};
    assert_refused(stock_set(&ctx, "S001", "P1", -1, &settings, &document, &err), ERR_DATA,
                   "unknown_unit");
    assert_refused(stock_set(&ctx, "S001", "PX", -1, &settings, &document, &err), ERR_NOT_FOUND,
                   "unknown_product");
}

/* ---- the ledger --------------------------------------------------------------------------- */

static void test_ledger_keeps_units_and_reasons(void **state)
{
    (void)state;
    const char *document;
    const struct unit_factor box = {.base_quantity = "12"};
    struct stock_adjustment items[] = {
        {.store = "S001",
         .product = "P1",
         .delta = "1.5",
         .unit = "箱",
         .reason = "receipt",
         .reason_code = "purchase",
         .note = "PO-7"},
        {.store = "S001",
         .product = "P1",
         .delta = "-3",
         .reason = "waste",
         .reason_code = "expired"},
        {.store = "S001", .product = "P1", .delta = "-3", .reason = "waste", .reason_code = "gift"},
        {.store = "S001", .product = "P1", .delta = "3", .reason = "waste"},
        {.store = "S001", .product = "P1", .delta = "-1", .reason = "receipt"},
        {.store = "S001", .product = "P1", .delta = "1", .unit = "斤", .reason = "adjust"},
    };
    assert_db_ok(unit_put(&ctx, "P1", "箱", &box, &document, &err));
    assert_db_ok(stock_adjust(&ctx, "b", items, 6, &err));
    assert_null(items[0].error);
    assert_string_equal(items[0].qty, "1018");
    assert_string_equal(items[1].qty, "1015");
    assert_string_equal(items[2].error, "unknown_reason_code");
    assert_string_equal(items[3].error, "wrong_sign");
    assert_string_equal(items[4].error, "wrong_sign");
    assert_string_equal(items[5].error, "unknown_unit");

    AUTO_LISTING struct listing found;
    const struct stock_log_filter newest = {
        .store = "S001",
    };
    struct listing_from from = {.limit = 1};
    listing_init(&found);
    assert_true(listing_sort_set(&stock_log_listing, "-id", &from));
    assert_db_ok(stock_log_list(&ctx, &newest, &from, &found, &err));
    assert_has(found.items.data, "\"reason_code\" : \"expired\"");
    assert_true(found.has_more);
    from.after[0] = found.last[0];
    strbuf_clear(&found.items);
    assert_db_ok(stock_log_list(&ctx, &newest, &from, &found, &err));
    assert_has(found.items.data, "\"quantity\" : \"18\", \"stock_after\" : \"1018\"");
    assert_has(found.items.data, "\"entered_quantity\" : \"1.5\", \"entered_unit\" : \"箱\"");
    assert_false(found.has_more);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_reserved_is_not_for_sale),
        TEST(test_expired_holds_nothing),
        TEST(test_many_expired_hold_nothing),
        TEST(test_reservation_becomes_a_sale_once),
        TEST(test_an_order_takes_its_reservation),
        TEST(test_count_says_variance),
        TEST(test_count_is_as_of_its_instant),
        TEST(test_count_of_many_is_all_or_nothing),
        TEST(test_transfer_in_parts),
        TEST(test_transfer_lost_and_cancelled),
        TEST(test_each_end_has_its_rights),
        TEST(test_proposals_are_whole_packs),
        TEST(test_settings),
        TEST(test_ledger_keeps_units_and_reasons),
    };
    return cmocka_run_group_tests(tests, app_fixture_start, app_fixture_stop);
}
