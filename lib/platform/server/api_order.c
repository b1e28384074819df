/* lib/platform/server/api_order.c - /orders. */
#include "core/decimal.h"
#include "domain/order.h"
#include "domain/outlet.h"
#include "format/jpull.h"
#include "platform/server/internal.h"

static int read_filter(struct request *r, struct order_filter *f, struct error *err)
{
    *f = (struct order_filter){.store = request_query(r, "store"),
                               .status = request_query(r, "status")};
    if (f->store != NULL)
        TRY(outlet_check_scope(&r->ctx, f->store, err));
    if (f->status != NULL && !order_status_is_known(f->status))
        return request_refuse(r, err, "status",
                              "'status' is pending, paid, accepted, fulfilled or cancelled");
    TRY(request_query_time(r, "updated_since", &f->updated_since, err));
    TRY(request_query_time(r, "updated_until", &f->updated_until, err));
    TRY(request_query_time(r, "created_since", &f->created_since, err));
    return request_query_time(r, "created_until", &f->created_until, err);
}

static int get_orders(struct request *r, struct error *err)
{
    struct list_request l;
    struct order_filter filter;
    AUTO_LISTING struct listing found;
    int64_t total = -1;
    listing_init(&found);
    TRY(read_filter(r, &filter, err));
    TRY(list_begin(r, 2, &l, err));
    if (list_wants_total(&l))
        TRY(order_count(&r->ctx, &filter, &total, err));
    TRY(l.is_paged ? order_page(&r->ctx, &filter, &l.from, &found, err)
                   : order_list(&r->ctx, &filter, &l.from, &found, err));
    return list_end(r, &l, &found, 2, total, err);
}

static int get_order(struct request *r, struct error *err)
{
    const char *document;
    TRY(order_get(&r->ctx, r->captures[0], &document, err));
    return respond_data(r, 200, span_of(document));
}

/* ---- creating ----------------------------------------------------------------------------- */

static int read_line(struct request *r, struct span raw, struct order_line *ret, struct error *err)
{
    struct members m;
    struct decimal quantity, zero = decimal_from_int(0, 0);
    TRY(members_read(r, raw, "product quantity", &m, err));
    TRY(members_text(r, &m, "product", true, 64, &ret->product, err));
    TRY(members_decimal(r, &m, "quantity", true, 6, 3, &ret->quantity, err));
    if (decimal_parse(ret->quantity, strlen(ret->quantity), &quantity) &&
        decimal_compare(&quantity, &zero) <= 0)
        return request_refuse(r, err, "quantity", "'quantity' must be more than zero");
    return ERR_OK;
}

static int read_lines(struct request *r, struct span array, struct order_request *order,
                      struct error *err)
{
    struct jpull_array iterator;
    struct error parse = ERROR_INIT;
    struct order_line *lines = arena_array(r->arena, ORDER_LINES_MAX, sizeof *lines);
    if (array.ptr == NULL || jpull_array_begin(array, &iterator, &parse) != ERR_OK)
        return request_refuse(r, err, "items", "'items' must be a list");
    for (;;) {
        struct span raw;
        bool is_end;
        if (jpull_array_next(&iterator, &raw, &is_end, &parse) != ERR_OK)
            return request_refuse(r, err, "items", "'items' is malformed: %s", parse.message);
        if (is_end)
            break;
        if (order->line_count == ORDER_LINES_MAX)
            return request_refuse(r, err, "items", "more than %d items", ORDER_LINES_MAX);
        if (read_line(r, raw, &lines[order->line_count], err) != ERR_OK)
            return error_context(err, "items[%zu]", order->line_count);
        order->line_count++;
    }
    if (order->line_count == 0)
        return request_refuse(r, err, "items", "'items' is empty");
    order->lines = lines;
    return ERR_OK;
}

static int read_order(struct request *r, struct order_request *order, struct error *err)
{
    struct span body;
    struct members m;
    *order = (struct order_request){0};
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "store channel guests table_no payment_method member_ref items", &m,
                     err));
    TRY(members_text(r, &m, "store", true, 32, &order->store, err));
    TRY(members_text(r, &m, "channel", true, 16, &order->channel, err));
    TRY(members_int(r, &m, "guests", 0, 1000, &order->guests, err));
    TRY(members_text(r, &m, "table_no", false, 32, &order->table_no, err));
    TRY(members_text(r, &m, "payment_method", false, 32, &order->payment_method, err));
    TRY(members_text(r, &m, "member_ref", false, 128, &order->member_ref, err));
    if (!order_channel_is_known(order->channel))
        return request_refuse(r, err, "channel", "'channel' is dine_in, takeout or delivery");
    return read_lines(r, members_raw(&m, "items"), order, err);
}

static void log_create(struct request *r, const char *event, const struct order_request *order,
                       const char *order_no)
{
    server_log(r->server, LOG_INFO,
               LOG_FIELDS(LOG_STR("trace_id", r->trace_id), LOG_INT("user_id", r->ctx.user_id),
                          LOG_INT("items_count", order->line_count), LOG_STR("order_id", order_no)),
               event);
}

static int post_order(struct request *r, struct error *err)
{
    struct order_request order;
    const char *order_no = "", *document;
    TRY(read_order(r, &order, err));
    log_create(r, "order.create.start", &order, "");
    int status = order_create(&r->ctx, &order, &order_no, &document, err);
    log_create(r, status == ERR_OK ? "order.create.success" : "order.create.failed", &order,
               order_no);
    TRY(status);
    return respond_data(r, 201, span_of(document));
}

/* ---- transitions -------------------------------------------------------------------------- */

static int post_pay(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    const char *method, *amount, *document;
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "payment_method paid_amount", &m, err));
    TRY(members_text(r, &m, "payment_method", false, 32, &method, err));
    TRY(members_decimal(r, &m, "paid_amount", false, 10, 2, &amount, err));
    TRY(order_pay(&r->ctx, r->captures[0], method, amount, &document, err));
    return respond_data(r, 200, span_of(document));
}

static int post_cancel(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    const char *reason, *document;
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "reason", &m, err));
    TRY(members_text(r, &m, "reason", true, 200, &reason, err));
    TRY(order_cancel(&r->ctx, r->captures[0], reason, &document, err));
    return respond_data(r, 200, span_of(document));
}

static int read_nothing(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    TRY(request_body_check(r, &body, err));
    return members_read(r, body, "", &m, err);
}

static int post_accept(struct request *r, struct error *err)
{
    const char *document;
    TRY(read_nothing(r, err));
    TRY(order_accept(&r->ctx, r->captures[0], &document, err));
    return respond_data(r, 200, span_of(document));
}

static int post_fulfill(struct request *r, struct error *err)
{
    const char *document;
    TRY(read_nothing(r, err));
    TRY(order_fulfill(&r->ctx, r->captures[0], &document, err));
    return respond_data(r, 200, span_of(document));
}

const struct route routes_order[] = {
    {"GET", "/api/v1/orders", 0,
     "store status updated_since updated_until created_since created_until cursor page page_size",
     get_orders},
    {"POST", "/api/v1/orders", ROUTE_WRITE, NULL, post_order},
    {"GET", "/api/v1/orders/{order_no}", 0, NULL, get_order},
    {"POST", "/api/v1/orders/{order_no}/pay", ROUTE_WRITE, NULL, post_pay},
    {"POST", "/api/v1/orders/{order_no}/cancel", ROUTE_WRITE, NULL, post_cancel},
    {"POST", "/api/v1/orders/{order_no}/accept", ROUTE_WRITE, NULL, post_accept},
    {"POST", "/api/v1/orders/{order_no}/fulfill", ROUTE_WRITE, NULL, post_fulfill},
    {0},
};
