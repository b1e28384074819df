/* lib/platform/server/api_payment.c - payments and refunds, of an order and of all. */
#include "core/decimal.h"
#include "domain/outlet.h"
#include "domain/payment.h"
#include "domain/refund.h"
#include "domain/settle.h"
#include "platform/server/internal.h"

/* ---- of all orders ------------------------------------------------------------------------ */

/* Two lists of one kind. */
struct money_list {
    const struct listing_spec *spec;
    int (*search)(struct domain_context *ctx, const struct money_filter *filter,
                  const struct listing_from *from, struct listing *out, struct error *err);
    bool (*status_is_known)(const char *status);
    const char *states;
};

static int read_filter(struct request *r, const struct money_list *list, struct money_filter *f,
                       struct error *err)
{
    *f = (struct money_filter){.store = request_query(r, "store"),
                               .method = request_query(r, "method"),
                               .channel = request_query(r, "channel"),
                               .status = request_query(r, "status")};
    if (f->store != NULL)
        TRY(outlet_check_scope(&r->ctx, f->store, err));
    if (f->status != NULL && !list->status_is_known(f->status))
        return request_refuse(r, err, "status", "'status' is %s", list->states);
    TRY(request_query_time(r, "since", &f->since, err));
    return request_query_time(r, "until", &f->until, err);
}

static int get_money(struct request *r, const struct money_list *list, struct error *err)
{
    struct list_request l;
    struct money_filter filter;
    AUTO_LISTING struct listing found;
    listing_init(&found);
    TRY(read_filter(r, list, &filter, err));
    TRY(list_begin(r, list->spec, &l, err));
    TRY(list->search(&r->ctx, &filter, &l.from, &found, err));
    return list_end(r, &l, &found, err);
}

static int get_all_payments(struct request *r, struct error *err)
{
    static const struct money_list list = {&payment_listing, payment_search,
                                           payment_status_is_known,
                                           "created, sent, succeeded, failed or closed"};
    return get_money(r, &list, err);
}

static int get_all_refunds(struct request *r, struct error *err)
{
    static const struct money_list list = {&refund_listing, refund_search, refund_status_is_known,
                                           "requested, accepted, succeeded or failed"};
    return get_money(r, &list, err);
}

/* ---- of one order ------------------------------------------------------------------------- */

static int get_payments(struct request *r, struct error *err)
{
    const char *document;
    TRY(payment_list(&r->ctx, r->captures[0], &document, err));
    return respond_data(r, 200, span_of(document));
}

static bool is_refund_no(const char *text)
{
    return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") ==
           strlen(text);
}

static int read_refund(struct request *r, struct refund_request *refund, struct error *err)
{
    struct span body;
    struct members m;
    struct decimal amount, zero = decimal_from_int(0, 0);
    *refund = (struct refund_request){.order_no = r->captures[0]};
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "amount reason refund_no payment_no restock", &m, err));
    TRY(members_decimal(r, &m, "amount", false, 10, 2, &refund->amount, err));
    TRY(members_text(r, &m, "reason", true, 200, &refund->reason, err));
    TRY(members_text(r, &m, "refund_no", false, REFUND_NO_BYTES_MAX, &refund->refund_no, err));
    TRY(members_text(r, &m, "payment_no", false, PAYMENT_NO_BYTES_MAX, &refund->payment_no, err));
    TRY(members_bool(r, &m, "restock", &refund->restock, err));
    if (refund->refund_no != NULL &&
        (refund->refund_no[0] == '\0' || !is_refund_no(refund->refund_no)))
        return request_refuse(r, err, "refund_no", "'refund_no' has letters, digits, - and _ only");
    if (refund->amount != NULL && decimal_parse(refund->amount, strlen(refund->amount), &amount) &&
        decimal_compare(&amount, &zero) <= 0)
        return request_refuse(r, err, "amount", "'amount' must be more than zero");
    return ERR_OK;
}

/* The refund stands before the channel is told of it; what the channel says at once is answered. */
static int tell_channel(struct request *r, const char *refund_no, struct error *err)
{
    struct saga_desk desk = {0};
    const char *document;
    TRY(request_commit(r, err));
    request_desk(r, &desk);
    TRY(settle_refunds_of(&desk, r->captures[0], err));
    request_begin_again(r);
    TRY(refund_get(&r->ctx, r->captures[0], refund_no, &document, err));
    return respond_data(r, 201, span_of(document));
}

static int post_refund(struct request *r, struct error *err)
{
    struct refund_request refund = {0};
    const char *refund_no, *document;
    TRY(read_refund(r, &refund, err));
    TRY(refund_create(&r->ctx, &refund, &refund_no, &document, err));
    TRY(respond_data(r, 201, span_of(document)));
    return r->server->channel != NULL ? tell_channel(r, refund_no, err) : ERR_OK;
}

static int get_refund(struct request *r, struct error *err)
{
    const char *document;
    TRY(refund_get(&r->ctx, r->captures[0], r->captures[1], &document, err));
    return respond_data(r, 200, span_of(document));
}

#define MONEY_QUERY "store method channel status since until " LIST_QUERY

const struct route routes_payment[] = {
    {"GET", "/api/v1/payments", 0, MONEY_QUERY, get_all_payments},
    {"GET", "/api/v1/refunds", 0, MONEY_QUERY, get_all_refunds},
    {"GET", "/api/v1/orders/{order_no}/payments", 0, NULL, get_payments},
    {"POST", "/api/v1/orders/{order_no}/refunds", ROUTE_WRITE, NULL, post_refund},
    {"GET", "/api/v1/orders/{order_no}/refunds/{refund_no}", 0, NULL, get_refund},
    {0},
};
