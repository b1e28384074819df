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
    listing_init(&found);
    TRY(read_filter(r, &filter, err));
    TRY(list_begin(r, &product_listing, &l, err));
    TRY(product_list(&r->ctx, &filter, &l.from, &found, err));
    return list_end(r, &l, &found, err);
}

/* ---- writing ------------------------------------------------------------------------------ */

#define PRODUCT_MEMBERS "name material_code unit price category"

static int read_values(struct request *r, const struct members *m, bool is_new,
                       struct product_values *ret, struct error *err)
{
    TRY(members_text(r, m, "name", is_new, 200, &ret->name, err));
    TRY(members_text(r, m, "material_code", false, 64, &ret->material_code, err));
    TRY(members_text(r, m, "unit", is_new, 32, &ret->unit, err));
    TRY(members_decimal(r, m, "price", is_new, 10, 2, &ret->price, err));
    if (ret->price != NULL && ret->price[0] == '-')
        return request_refuse(r, err, "price", "'price' must not be below zero");
    return members_text(r, m, "category", false, 64, &ret->category, err);
}

static int post_product(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    struct product_values values = {0};
    const char *sku, *document;
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "sku " PRODUCT_MEMBERS, &m, err));
    TRY(members_text(r, &m, "sku", true, 64, &sku, err));
    if (!product_sku_is_valid(sku))
        return request_refuse(r, err, "sku", "'sku' is 1 to 64 of A-Z a-z 0-9 . _ -");
    TRY(read_values(r, &m, true, &values, err));
    TRY(product_create(&r->ctx, sku, &values, &document, err));
    return respond_data(r, 201, span_of(document));
}

static int patch_product(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    struct product_values values = {0};
    const char *document;
    int64_t version = -1;
    bool active = true;
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "version active " PRODUCT_MEMBERS, &m, err));
    TRY(members_int(r, &m, "version", 1, INT32_MAX, &version, err));
    TRY(members_bool(r, &m, "active", &active, err));
    if (members_raw(&m, "active").ptr != NULL)
        values.active = active ? "true" : "false";
    TRY(read_values(r, &m, false, &values, err));
    TRY(product_update(&r->ctx, r->captures[0], version, &values, &document, err));
    return respond_data(r, 200, span_of(document));
}

const struct route routes_product[] = {
    {"GET", "/api/v1/products", 0, "category active " LIST_QUERY, get_products},
    {"POST", "/api/v1/products", ROUTE_WRITE, NULL, post_product},
    {"GET", "/api/v1/products/{sku}", ROUTE_NO_DB, "max_age", get_product_aged},
    {"PATCH", "/api/v1/products/{sku}", ROUTE_WRITE, NULL, patch_product},
    {0},
};
