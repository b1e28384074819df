/* lib/platform/server/api_product.c - /products. */
#include "domain/product.h"
#include "platform/server/internal.h"

static int read_filter(struct request *r, struct product_filter *ret, struct error *err)
{
    ret->category = request_query(r, "category");
    ret->active = request_query(r, "active");
    if (ret->active != NULL && strcmp(ret->active, "true") != 0 &&
        strcmp(ret->active, "false") != 0)
        return request_refuse(r, err, "active", "'active' is true or false");
    return ERR_OK;
}

static int get_products(struct request *r, struct error *err)
{
    struct list_request l;
    struct product_filter filter;
    AUTO_LISTING struct listing found;
    int64_t total = -1;
    listing_init(&found);
    TRY(read_filter(r, &filter, err));
    TRY(list_begin(r, 1, &l, err));
    TRY(product_list(&r->ctx, &filter, &l.from, &found, err));
    if (list_wants_total(&l))
        TRY(product_count(&r->ctx, &filter, &total, err));
    return list_end(r, &l, &found, 1, total, err);
}

static int get_product(struct request *r, struct error *err)
{
    const char *document;
    TRY(product_get(&r->ctx, r->captures[0], &document, err));
    return respond_data(r, 200, span_of(document));
}

const struct route routes_product[] = {
    {"GET", "/api/v1/products", 0, "category active cursor page page_size", get_products},
    {"GET", "/api/v1/products/{sku}", 0, NULL, get_product},
    {0},
};
