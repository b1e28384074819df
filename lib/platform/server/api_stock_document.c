/* lib/platform/server/api_stock_document.c - /stock/counts, /stock/transfers, /stock/reservations,
 * /stock/reorder. */
#include "core/clock.h"
#include "core/datetime.h"
#include "domain/outlet.h"
#include "domain/reorder.h"
#include "domain/reservation.h"
#include "domain/stock_take.h"
#include "domain/stock_transfer.h"
#include "platform/server/internal.h"

/* A count that is entered by a clock a little ahead of ours is not refused for that. */
#define CLOCK_SKEW_US 60000000

/* ---- what they share ---------------------------------------------------------------------- */

static int read_item(struct request *r, struct span raw, size_t index, void *self,
                     struct error *err)
{
    struct members m;
    struct stock_item *item = (struct stock_item *)self + index;
    TRY(members_read(r, raw, "product quantity unit", &m, err));
    TRY(members_text(r, &m, "product", true, 64, &item->product, err));
    TRY(members_decimal(r, &m, "quantity", true, 11, 6, &item->quantity, err));
    if (item->quantity[0] == '-')
        return request_refuse(r, err, "quantity", "'quantity' must not be below zero");
    return members_text(r, &m, "unit", false, 32, &item->unit, err);
}

/* What moves is over zero. */
static int read_moved_item(struct request *r, struct span raw, size_t index, void *self,
                           struct error *err)
{
    const struct stock_item *item = (struct stock_item *)self + index;
    TRY(read_item(r, raw, index, self, err));
    if (strspn(item->quantity, "0.") == strlen(item->quantity))
        return request_refuse(r, err, "quantity", "'quantity' must be over zero");
    return ERR_OK;
}

static struct stock_item *new_items(struct request *r)
{
    return arena_array(r->arena, STOCK_ITEMS_MAX, sizeof(struct stock_item));
}

/* The {id} of the address; anything that is no id is not there. */
static const char *id_of(struct request *r)
{
    const char *id = r->captures[0];
    size_t n = strspn(id, "0123456789");
    return n <= 18 && id[n] == '\0' ? id : "0";
}

/* A list of documents; is_known NULL: they have no status to filter by. */
static int get_documents(struct request *r, const struct listing_spec *spec,
                         bool (*is_known)(const char *), struct error *err)
{
    struct list_request l;
    AUTO_LISTING struct listing found;
    const struct stock_document_filter filter = {
        request_query(r, "store"), is_known != NULL ? request_query(r, "status") : NULL};
    listing_init(&found);
    if (filter.store != NULL)
        TRY(outlet_check_scope(&r->ctx, filter.store, err));
    if (filter.status != NULL && !is_known(filter.status))
        return request_refuse(r, err, "status", "unknown 'status'");
    TRY(list_begin(r, spec, &l, err));
    TRY(stock_document_list(&r->ctx, spec, &filter, &l.from, &found, err));
    return list_end(r, &l, &found, err);
}

/* ---- counts ------------------------------------------------------------------------------- */

static int read_instant(struct request *r, const struct members *m, const char **ret,
                        struct error *err)
{
    struct datetime when;
    TRY(members_time(r, m, "counted_at", ret, err));
    if (*ret != NULL && datetime_parse_iso(*ret, strlen(*ret), &when) &&
        when.us > clock_wall_us() + CLOCK_SKEW_US)
        return request_refuse(r, err, "counted_at", "'counted_at' is in the future");
    return ERR_OK;
}

static int read_count(struct request *r, struct stock_take_request *ret, struct error *err)
{
    struct span body;
    struct members m;
    struct stock_item *items = new_items(r);
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "store counted_at note items", &m, err));
    TRY(members_text(r, &m, "store", true, 32, &ret->store, err));
    TRY(read_instant(r, &m, &ret->counted_at, err));
    TRY(members_text(r, &m, "note", false, 500, &ret->note, err));
    ret->items = items;
    return members_list(r, &m, "items", STOCK_ITEMS_MAX, read_item, items, &ret->count, err);
}

static int post_count(struct request *r, struct error *err)
{
    struct stock_take_request request;
    const char *document;
    TRY(read_count(r, &request, err));
    TRY(stock_take_post(&r->ctx, &request, &document, err));
    return respond_data(r, 201, span_of(document));
}

static int post_count_preview(struct request *r, struct error *err)
{
    struct stock_take_request request;
    const char *document;
    TRY(read_count(r, &request, err));
    TRY(stock_take_preview(&r->ctx, &request, &document, err));
    return respond_data(r, 200, span_of(document));
}

static int get_counts(struct request *r, struct error *err)
{
    return get_documents(r, &stock_take_listing, NULL, err);
}

static int get_count(struct request *r, struct error *err)
{
    const char *document;
    TRY(stock_take_get(&r->ctx, id_of(r), &document, err));
    return respond_data(r, 200, span_of(document));
}

/* ---- transfers ---------------------------------------------------------------------------- */

static int post_transfer(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    struct stock_transfer_request request;
    struct stock_item *items = new_items(r);
    const char *document;
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "from_store to_store note items", &m, err));
    TRY(members_text(r, &m, "from_store", true, 32, &request.from_store, err));
    TRY(members_text(r, &m, "to_store", true, 32, &request.to_store, err));
    TRY(members_text(r, &m, "note", false, 500, &request.note, err));
    TRY(members_list(r, &m, "items", STOCK_ITEMS_MAX, read_moved_item, items, &request.count, err));
    request.items = items;
    TRY(stock_transfer_send(&r->ctx, &request, &document, err));
    return respond_data(r, 201, span_of(document));
}

static int post_receive(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    struct stock_item *items = new_items(r);
    size_t count = 0;
    bool is_last = false;
    const char *document;
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "items close", &m, err));
    TRY(members_bool(r, &m, "close", &is_last, err));
    if (members_raw(&m, "items").ptr != NULL)
        TRY(members_list(r, &m, "items", STOCK_ITEMS_MAX, read_item, items, &count, err));
    TRY(stock_transfer_receive(&r->ctx, id_of(r), items, count, is_last, &document, err));
    return respond_data(r, 200, span_of(document));
}

static int post_transfer_cancel(struct request *r, struct error *err)
{
    const char *document;
    TRY(request_body_nothing(r, err));
    TRY(stock_transfer_cancel(&r->ctx, id_of(r), &document, err));
    return respond_data(r, 200, span_of(document));
}

static int get_transfers(struct request *r, struct error *err)
{
    return get_documents(r, &stock_transfer_listing, stock_transfer_status_is_known, err);
}

static int get_transfer(struct request *r, struct error *err)
{
    const char *document;
    TRY(stock_transfer_get(&r->ctx, id_of(r), &document, err));
    return respond_data(r, 200, span_of(document));
}

/* ---- reservations ------------------------------------------------------------------------- */

static int post_reservation(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    struct reservation_request request = {.seconds = RESERVATION_SECONDS_DEFAULT};
    struct stock_item *items = new_items(r);
    const char *document;
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "store expires_in note items", &m, err));
    TRY(members_text(r, &m, "store", true, 32, &request.store, err));
    TRY(members_int(r, &m, "expires_in", 1, RESERVATION_SECONDS_MAX, &request.seconds, err));
    TRY(members_text(r, &m, "note", false, 500, &request.note, err));
    TRY(members_list(r, &m, "items", STOCK_ITEMS_MAX, read_moved_item, items, &request.count, err));
    request.items = items;
    TRY(reservation_make(&r->ctx, &request, &document, err));
    return respond_data(r, 201, span_of(document));
}

static int post_release(struct request *r, struct error *err)
{
    const char *document;
    TRY(request_body_nothing(r, err));
    TRY(reservation_release(&r->ctx, id_of(r), &document, err));
    return respond_data(r, 200, span_of(document));
}

static int get_reservations(struct request *r, struct error *err)
{
    return get_documents(r, &reservation_listing, reservation_status_is_known, err);
}

static int get_reservation(struct request *r, struct error *err)
{
    const char *document;
    TRY(reservation_get(&r->ctx, id_of(r), &document, err));
    return respond_data(r, 200, span_of(document));
}

/* ---- proposals ---------------------------------------------------------------------------- */

static int get_reorder(struct request *r, struct error *err)
{
    return get_documents(r, &reorder_listing, NULL, err);
}

const struct route routes_stock_document[] = {
    {"GET", "/api/v1/stock/counts", 0, "store " LIST_QUERY, get_counts},
    {"POST", "/api/v1/stock/counts", ROUTE_WRITE, NULL, post_count},
    {"POST", "/api/v1/stock/counts/preview", 0, NULL, post_count_preview},
    {"GET", "/api/v1/stock/counts/{id}", 0, NULL, get_count},
    {"GET", "/api/v1/stock/transfers", 0, "store status " LIST_QUERY, get_transfers},
    {"POST", "/api/v1/stock/transfers", ROUTE_WRITE, NULL, post_transfer},
    {"GET", "/api/v1/stock/transfers/{id}", 0, NULL, get_transfer},
    {"POST", "/api/v1/stock/transfers/{id}/receive", ROUTE_WRITE, NULL, post_receive},
    {"POST", "/api/v1/stock/transfers/{id}/cancel", ROUTE_WRITE, NULL, post_transfer_cancel},
    {"GET", "/api/v1/stock/reservations", 0, "store status " LIST_QUERY, get_reservations},
    {"POST", "/api/v1/stock/reservations", ROUTE_WRITE, NULL, post_reservation},
    {"GET", "/api/v1/stock/reservations/{id}", 0, NULL, get_reservation},
    {"POST", "/api/v1/stock/reservations/{id}/release", ROUTE_WRITE, NULL, post_release},
    {"GET", "/api/v1/stock/reorder", 0, "store " LIST_QUERY, get_reorder},
    {0},
};
