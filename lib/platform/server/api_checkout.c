/* lib/platform/server/api_checkout.c - paying and cancelling, which may go through a payment
 * channel, and what the channel calls back. */
#include "domain/checkout.h"
#include "domain/idempotency.h"
#include "domain/order.h"
#include "domain/payment.h"
#include "domain/settle.h"
#include "format/jsonx.h"
#include "platform/server/internal.h"

#define RETRY_S 10

/* ---- running the saga of a request -------------------------------------------------------- */

/* Of that kind, for the order that the address names, if it does. */
static struct saga_request saga_request_of(const struct request *r, const char *kind)
{
    return (struct saga_request){r->once->key, r->once->request_hash, kind, r->captures[0]};
}

static int refuse_failed(struct request *r, const char *kind, const char *failure,
                         struct error *err)
{
    return domain_refuse(&r->ctx, err, ERR_CONFLICT, kind,
                         domain_detail(&r->ctx, "reason", failure), "%s",
                         failure != NULL ? failure : "it failed");
}

static int answer_order(struct request *r, int status, const char *order_no, struct error *err)
{
    const char *document;
    TRY(order_get(&r->ctx, order_no, &document, err));
    return respond_data(r, status, span_of(document));
}

/* No answer yet, and no refusal: the same request again joins the saga. */
static int answer_later(struct request *r, const char *failure, struct error *err)
{
    r->retry_after_s = RETRY_S;
    return domain_refuse(&r->ctx, err, ERR_UNAVAILABLE, API_ERROR(payment_pending), NULL,
                         "the payment channel: %s", failure != NULL ? failure : "no answer yet");
}

/* What stands is committed; the answer is in a transaction of its own. */
static int run_saga(struct request *r, int64_t id, int64_t epoch, const char *order_no, int status,
                    const char *refusal, struct error *err)
{
    struct saga_desk desk = {0};
    enum saga_end end;
    const char *failure = NULL;
    request_desk(r, &desk);
    TRY(db_commit(r->ctx.conn, err));
    TRY(saga_run(&desk, id, epoch, &end, &failure, err));
    TRY(settle_refunds_of(&desk, order_no, err));
    if (end == SAGA_LATER)
        return answer_later(r, failure, err);
    if (end == SAGA_UNDONE)
        return refuse_failed(r, refusal, failure, err);
    request_begin_again(r);
    return answer_order(r, status, order_no, err);
}

/* The request was sent before, and its saga is not forgotten: *ret_is_joined, the answer is
 * written.
 */
static int join_saga(struct request *r, const struct saga_request *request, int status,
                     const char *refusal, bool *ret_is_joined, struct error *err)
{
    int64_t id, epoch;
    bool is_done = false;
    const char *order_no = NULL;
    TRY(saga_find_request(&r->ctx, request, &id, &is_done, &order_no, err));
    *ret_is_joined = id != 0;
    if (id == 0)
        return ERR_OK;
    if (is_done)
        return answer_order(r, status, order_no, err);
    TRY(saga_take(&r->ctx, id, &id, &epoch, err));
    if (id == 0)
        return answer_later(r, "it is being asked", err);
    return run_saga(r, id, epoch, order_no, status, refusal, err);
}

/* ---- paying ------------------------------------------------------------------------------- */

static int read_payment(struct request *r, struct checkout_payment *ret, struct error *err)
{
    struct span body;
    struct members m;
    *ret = (struct checkout_payment){.order_no = r->captures[0]};
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "payment_method paid_amount", &m, err));
    TRY(members_text(r, &m, "payment_method", false, 32, &ret->method, err));
    return members_decimal(r, &m, "paid_amount", false, 10, 2, &ret->amount, err);
}

static int pay(struct request *r, struct checkout_payment *payment, int status, struct error *err)
{
    const char *document;
    int64_t saga;
    TRY(checkout_pay(&r->ctx, r->server->channel, payment, &saga, &document, err));
    if (saga == 0)
        return respond_data(r, status, span_of(document));
    return run_saga(r, saga, 1, payment->order_no, status, API_ERROR(payment_refused), err);
}

static int post_pay(struct request *r, struct error *err)
{
    struct checkout_payment payment = {0};
    const struct saga_request request = saga_request_of(r, "payment");
    bool is_joined;
    TRY(read_payment(r, &payment, err));
    payment.request = &request;
    TRY(join_saga(r, &request, 200, API_ERROR(payment_refused), &is_joined, err));
    return is_joined ? ERR_OK : pay(r, &payment, 200, err);
}

/* Ordered and paid in one: when the payment fails, the order falls with it. */
static int post_checkout(struct request *r, struct error *err)
{
    struct order_request order = {0};
    const char *document;
    bool is_joined;
    const struct saga_request request = saga_request_of(r, "checkout");
    struct checkout_payment payment = {.is_new = true, .request = &request};
    TRY(order_read(r, &order, NULL, err));
    TRY(join_saga(r, &request, 201, API_ERROR(payment_refused), &is_joined, err));
    if (is_joined)
        return ERR_OK;
    TRY(order_make(r, &order, &payment.order_no, &document, err));
    return pay(r, &payment, 201, err);
}

/* ---- paying by a code --------------------------------------------------------------------- */

static int respond_prepay(struct request *r, const struct payment *payment, const char *code_url)
{
    AUTO_STRBUF struct strbuf data = {0};
    struct jwriter w;
    strbuf_init(&data, 1 << 16);
    jwriter_init(&w, &data);
    jwriter_object(&w);
    jwriter_kstring(&w, "payment_no", payment->payment_no);
    jwriter_kstring(&w, "amount", payment->amount);
    jwriter_kstring(&w, "code_url", code_url);
    jwriter_end(&w);
    return respond_data(r, 201, (struct span){data.data, data.len});
}

/* What the channel may know stands before it is asked. An answer that is lost leaves a payment that
 * nobody will pay: it is closed in time. */
static int ask_prepay(struct request *r, const struct payment *payment,
                      struct channel_reply *ret_reply, struct error *err)
{
    const struct channel *c = r->server->channel;
    TRY(request_commit(r, err));
    request_give_connection(r);
    int status = c->prepay(c->self, payment->payment_no, payment->amount, r->arena, ret_reply, err);
    if (status != ERR_OK)
        return answer_later(r, arena_strdup(r->arena, err->message), err);
    TRY(request_take_connection(r, err));
    request_begin_again(r);
    return ERR_OK;
}

static int post_prepay(struct request *r, struct error *err)
{
    struct checkout_payment wanted = {0};
    struct payment payment = {0};
    struct channel_reply reply = {0};
    TRY(read_payment(r, &wanted, err));
    TRY(checkout_prepay(&r->ctx, r->server->channel, &wanted, &payment, err));
    TRY(ask_prepay(r, &payment, &reply, err));
    bool is_refused = reply.answer == CHANNEL_REFUSED;
    TRY(payment_end(&r->ctx, payment.payment_no, is_refused ? "failed" : "sent", reply.reason,
                    reply.code_url, err));
    if (!is_refused)
        return respond_prepay(r, &payment, reply.code_url);
    TRY(db_commit(r->ctx.conn, err));
    return refuse_failed(r, API_ERROR(payment_refused), reply.reason, err);
}

/* ---- cancelling --------------------------------------------------------------------------- */

static int post_cancel(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    const char *reason, *document;
    const struct saga_request request = saga_request_of(r, "closing");
    bool is_joined;
    int64_t saga;
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "reason", &m, err));
    TRY(members_text(r, &m, "reason", true, 200, &reason, err));
    TRY(join_saga(r, &request, 200, API_ERROR(order_state), &is_joined, err));
    if (is_joined)
        return ERR_OK;
    TRY(checkout_cancel(&r->ctx, r->server->channel, r->captures[0], reason, &request, &saga,
                        &document, err));
    if (saga == 0)
        return respond_data(r, 200, span_of(document));
    return run_saga(r, saga, 1, r->captures[0], 200, API_ERROR(order_state), err);
}

/* ---- callbacks, and what is under way ----------------------------------------------------- */

static int settle_called_back(struct request *r, const struct channel_event *event,
                              struct span body, struct error *err)
{
    const char *result;
    char data[64];
    TRY(request_take_connection(r, err));
    TRY(settle_event(&r->ctx, r->server->channel, event, body, &result, err));
    snprintf(data, sizeof data, "{\"result\":\"%s\"}", result);
    return respond_data(r, 200, span_of(data));
}

static int post_callback(struct request *r, struct error *err)
{
    const struct channel *c = r->server->channel;
    struct channel_event event = {0};
    struct span body;
    struct error why = ERROR_INIT;
    if (c == NULL || strcmp(c->name, r->captures[0]) != 0) {
        respond_refusal(r, 404, API_ERROR(not_found), "There is no such payment channel");
        return ERR_OK;
    }
    TRY(request_body_check(r, &body, err));
    int status =
        c->read_event(c->self, request_header(r, "X-Diner-Timestamp"),
                      request_header(r, "X-Diner-Signature"), body, r->arena, &event, &why);
    if (status == ERR_AUTH) {
        respond_refusal(r, 401, API_ERROR(bad_signature), "The signature is not the channel's");
        return ERR_OK;
    }
    if (status != ERR_OK)
        return domain_refuse(&r->ctx, err, ERR_USAGE, API_ERROR(bad_json), NULL, "%s", why.message);
    return settle_called_back(r, &event, body, err);
}

static int get_sagas(struct request *r, struct error *err)
{
    const char *document;
    TRY(saga_list(&r->ctx, r->captures[0], &document, err));
    return respond_data(r, 200, span_of(document));
}

const struct route routes_checkout[] = {
    {"POST", "/api/v1/orders/checkout", ROUTE_WRITE, NULL, post_checkout},
    {"POST", "/api/v1/orders/{order_no}/pay", ROUTE_WRITE, NULL, post_pay},
    {"POST", "/api/v1/orders/{order_no}/prepay", ROUTE_WRITE, NULL, post_prepay},
    {"POST", "/api/v1/orders/{order_no}/cancel", ROUTE_WRITE, NULL, post_cancel},
    {"GET", "/api/v1/orders/{order_no}/sagas", 0, NULL, get_sagas},
    {"POST", "/api/v1/payments/callbacks/{channel}", ROUTE_PUBLIC | ROUTE_UNLIMITED | ROUTE_NO_DB,
     NULL, post_callback},
    {0},
};
