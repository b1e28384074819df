/* lib/platform/server/api_order.c - /orders. */
#include "core/decimal.h"
#include "domain/campaign.h"
#include "domain/coupon.h"
#include "domain/order.h"
#include "domain/outlet.h"
#include "platform/server/internal.h"

static int read_filter(struct request *r, struct order_filter *f, struct error *err)
{
    *f = (struct order_filter){.store = request_query(r, "store"),
                               .status = request_query(r, "status"),
                               .payment_status = request_query(r, "payment_status")};
    if (f->store != NULL)
        TRY(outlet_check_scope(&r->ctx, f->store, err));
    if (f->status != NULL && !order_status_is_known(f->status))
        return request_refuse(r, err, "status",
                              "'status' is pending, paid, accepted, fulfilled or cancelled");
    if (f->payment_status != NULL && !order_payment_status_is_known(f->payment_status))
        return request_refuse(r, err, "payment_status",
                              "'payment_status' is unpaid, paid, refunding, partially_refunded or "
                              "refunded");
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
    listing_init(&found);
    TRY(read_filter(r, &filter, err));
    TRY(list_begin(r, &order_listing, &l, err));
    TRY(order_list(&r->ctx, &filter, &l.from, &found, err));
    return list_end(r, &l, &found, err);
}

static int get_order(struct request *r, struct error *err)
{
    const char *document;
    TRY(order_get(&r->ctx, r->captures[0], &document, err));
    return respond_data(r, 200, span_of(document));
}

static int get_history(struct request *r, struct error *err)
{
    const char *document;
    TRY(order_history(&r->ctx, r->captures[0], &document, err));
    return respond_data(r, 200, span_of(document));
}

#define ORDER_MEMBERS                                                                              \
    "store channel guests table_no payment_method member_ref member reservation coupons items"

/* ---- creating ----------------------------------------------------------------------------- */

static int read_line(struct request *r, struct span raw, size_t index, void *self,
                     struct error *err)
{
    struct order_line *line = (struct order_line *)self + index;
    struct members m;
    struct decimal quantity, zero = decimal_from_int(0, 0);
    TRY(members_read(r, raw, "product quantity", &m, err));
    TRY(members_text(r, &m, "product", true, 64, &line->product, err));
    TRY(members_decimal(r, &m, "quantity", true, 6, 3, &line->quantity, err));
    if (decimal_parse(line->quantity, strlen(line->quantity), &quantity) &&
        decimal_compare(&quantity, &zero) <= 0)
        return request_refuse(r, err, "quantity", "'quantity' must be more than zero");
    return ERR_OK;
}

static int read_coupon(struct request *r, struct span raw, size_t index, void *self,
                       struct error *err)
{
    const struct members one = {.items = {{"coupons", raw}}, .count = 1};
    return members_text(r, &one, "coupons", true, COUPON_CODE_BYTES_MAX,
                        (const char **)self + index, err);
}

int coupons_read(struct request *r, const struct members *m, const char *const **ret,
                 size_t *ret_count, struct error *err)
{
    const char **codes = arena_array(r->arena, CAMPAIGN_COUPONS_MAX, sizeof *codes);
    *ret = codes;
    *ret_count = 0;
    if (members_raw(m, "coupons").ptr == NULL)
        return ERR_OK;
    return members_list(r, m, "coupons", CAMPAIGN_COUPONS_MAX, read_coupon, codes, ret_count, err);
}

int order_read(struct request *r, struct order_request *order, const char **ret_at,
               struct error *err)
{
    struct span body;
    struct members m;
    int64_t reservation = 0;
    struct order_line *lines = arena_array(r->arena, ORDER_LINES_MAX, sizeof *lines);
    *order = (struct order_request){.lines = lines};
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, ret_at != NULL ? ORDER_MEMBERS " at" : ORDER_MEMBERS, &m, err));
    if (ret_at != NULL)
        TRY(members_time(r, &m, "at", ret_at, err));
    TRY(members_text(r, &m, "store", true, 32, &order->store, err));
    TRY(members_text(r, &m, "channel", true, 16, &order->channel, err));
    TRY(members_int(r, &m, "guests", 0, 1000, &order->guests, err));
    TRY(members_text(r, &m, "table_no", false, 32, &order->table_no, err));
    TRY(members_text(r, &m, "payment_method", false, 32, &order->payment_method, err));
    TRY(members_text(r, &m, "member_ref", false, 128, &order->member_ref, err));
    TRY(members_text(r, &m, "member", false, 32, &order->member, err));
    TRY(members_int(r, &m, "reservation", 1, INT64_MAX, &reservation, err));
    if (reservation > 0)
        order->reservation = domain_int(&r->ctx, reservation);
    if (!order_channel_is_known(order->channel))
        return request_refuse(r, err, "channel", "'channel' is dine_in, takeout or delivery");
    TRY(coupons_read(r, &m, &order->coupons, &order->coupon_count, err));
    return members_list(r, &m, "items", ORDER_LINES_MAX, read_line, lines, &order->line_count, err);
}

static void log_create(struct request *r, const char *event, const struct order_request *order,
                       const char *order_no)
{
    server_log(r->server, LOG_INFO,
               LOG_FIELDS(LOG_STR("request_id", r->request_id), LOG_STR("trace_id", r->trace_id),
                          LOG_INT("user_id", r->ctx.user_id),
                          LOG_INT("items_count", order->line_count), LOG_STR("order_id", order_no)),
               event);
}

int order_make(struct request *r, const struct order_request *order, const char **ret_no,
               const char **ret_document, struct error *err)
{
    const char *order_no = "";
    log_create(r, "order.create.start", order, "");
    int status = order_create(&r->ctx, order, &order_no, ret_document, err);
    log_create(r, status == ERR_OK ? "order.create.success" : "order.create.failed", order,
               order_no);
    *ret_no = order_no;
    return status;
}

/* The answer is saved before the stock is taken: what comes after that is the commit. */
static int sell(struct request *r, const struct order_request *order, struct order_draft *draft,
                struct error *err)
{
    TRY(order_draft(&r->ctx, order, draft, err));
    TRY(respond_data(r, 201, span_of(draft->document)));
    request_save(r);
    return order_sell(&r->ctx, order, draft, err);
}

static int post_order(struct request *r, struct error *err)
{
    struct order_request order;
    struct order_draft draft = {.order_no = ""};
    TRY(order_read(r, &order, NULL, err));
    log_create(r, "order.create.start", &order, "");
    int status = sell(r, &order, &draft, err);
    if (status == ERR_OK)
        log_create(r, "order.create.success", &order, draft.order_no);
    else /* there is no order of that number */
        log_create(r, "order.create.failed", &order, "");
    return status;
}

/* ---- transitions -------------------------------------------------------------------------- */

static int move(struct request *r,
                int (*to)(struct domain_context *, const char *, const char **, struct error *),
                struct error *err)
{
    const char *document;
    TRY(request_body_nothing(r, err));
    TRY(to(&r->ctx, r->captures[0], &document, err));
    return respond_data(r, 200, span_of(document));
}

static int post_accept(struct request *r, struct error *err)
{
    return move(r, order_accept, err);
}

static int post_ready(struct request *r, struct error *err)
{
    return move(r, order_ready, err);
}

static int post_fulfill(struct request *r, struct error *err)
{
    return move(r, order_fulfill, err);
}

const struct route routes_order[] = {
    {"GET", "/api/v1/orders", 0,
     "store status payment_status updated_since updated_until created_since "
     "created_until " LIST_QUERY,
     get_orders},
    {"POST", "/api/v1/orders", ROUTE_WRITE, NULL, post_order},
    {"GET", "/api/v1/orders/{order_no}", 0, NULL, get_order},
    {"GET", "/api/v1/orders/{order_no}/history", 0, NULL, get_history},
    {"POST", "/api/v1/orders/{order_no}/accept", ROUTE_WRITE, NULL, post_accept},
    {"POST", "/api/v1/orders/{order_no}/ready", ROUTE_WRITE, NULL, post_ready},
    {"POST", "/api/v1/orders/{order_no}/fulfill", ROUTE_WRITE, NULL, post_fulfill},
    {0},
};
