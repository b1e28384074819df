/* lib/platform/server/api_store.c - /stores. */
#include "domain/outlet.h"
#include "platform/server/internal.h"

static int get_stores(struct request *r, struct error *err)
{
    struct list_request l;
    AUTO_LISTING struct listing found;
    listing_init(&found);
    TRY(list_begin(r, &outlet_listing, &l, err));
    TRY(outlet_list(&r->ctx, &l.from, &found, err));
    return list_end(r, &l, &found, err);
}

static int get_store(struct request *r, struct error *err)
{
    const char *document;
    TRY(outlet_get(&r->ctx, r->captures[0], &document, err));
    return respond_data(r, 200, span_of(document));
}

const struct route routes_store[] = {
    {"GET", "/api/v1/stores", 0, LIST_QUERY, get_stores},
    {"GET", "/api/v1/stores/{code}", 0, NULL, get_store},
    {0},
};
