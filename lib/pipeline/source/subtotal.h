/* lib/pipeline/source/subtotal.h - what a file states of each store among its rows ("小计"), held
 * against the rows of that store: counts and sums, exact, file by file. */
#ifndef DINER_PIPELINE_SOURCE_SUBTOTAL_H
#define DINER_PIPELINE_SOURCE_SUBTOTAL_H

#include "pipeline/source/pattern.h"
#include "pipeline/stream.h"

#define SUBTOTAL_SUMS_MAX 8

struct subtotal_spec {
    const char *match, *by, *value, *rows;
    struct field_string_map sum; /* column: header name in the subtotal's record; of fixed: at */
    int on_fail;                 /* 0: abort, 1: warn */
};

/* What one record states: cells as they stand in it. */
struct subtotal_cells {
    struct span first; /* its first text */
    struct span value, rows, sums[SUBTOTAL_SUMS_MAX];
    uint64_t line;
};

struct subtotals;
/* NULL without `match`. spec and ctx are borrowed. */
int subtotals_new(const struct stream_context *ctx, const struct subtotal_spec *spec,
                  struct subtotals **ret, struct error *err);
void subtotals_free(struct subtotals *t); /* NULL-safe */
bool subtotals_match(const struct subtotals *t, struct span first);
/* A row of the open file, rejected or not. ERR_LIMIT for too many groups. */
int subtotals_add_row(struct subtotals *t, const struct source_row *row, struct error *err);
/* ERR_DATA for a figure that is no number. */
int subtotals_add_stated(struct subtotals *t, const char *file, const struct subtotal_cells *cells,
                         struct error *err);
/* The file ends: compares, and forgets it. A difference is ERR_CHECK, or with `on_fail: warn` is
 * *ret_found (in ctx->arena; else NULL). */
int subtotals_end(struct subtotals *t, const char *file, const char **ret_found, struct error *err);

#endif
