/* lib/domain/reorder.c - proposals, made by one statement. */
#include "domain/reorder.h"
#include "gen/embed.h"

static const struct listing_sort reorder_sorts[] = {{"store", {NULL, NULL}},
                                                    {"qty", {"l.qty", "numeric"}},
                                                    {"par_qty", {"l.par_qty", "numeric"}},
                                                    {0}};
const struct listing_spec reorder_listing = {
    .sql = sql_reorder_list,
    .count = sql_reorder_count,
    .ncount = 1,
    .sorts = reorder_sorts,
    .ties = {{"l.store_id", "bigint"}, {"l.product_id", "bigint"}},
    .order = "store"};
