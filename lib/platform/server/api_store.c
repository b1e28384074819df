/* lib/platform/server/api_store.c - /stores. */
#include "domain/outlet.h"
#include "platform/server/internal.h"

static int get_stores(struct request *r, struct error *err)
{
    struct list_request l;
    AUTO_LISTING struct listing found;
    int64_t total = -1;
    listing_init(&found);
    TRY(list_begin(r, 1, &l, err));
    TRY(outlet_list(&r->ctx, &l.from, &found, err));
    if (list_wants_total(&l))
        TRY(outlet_count(&r->ctx, &total, err));
    return list_end(r, &l, &found, 1, total, err);
}

static int get_store(struct request *r, struct error *err)
{
    const char *document;
    TRY(outlet_get(&r->ctx, r->captures[0], &document, err));
    return respond_data(r, 200, span_of(document));
}

const struct route routes_store[] = {
    {"GET", "/api/v1/stores", 0, "cursor page page_size", get_stores},
    {"GET", "/api/v1/stores/{code}", 0, NULL, get_store},
    {0},
};
