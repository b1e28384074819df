/* lib/pipeline/source/row_spool.h - rows of a COPY, kept in a temporary file: so that its
 * connection is free before the first of them is used. */
#ifndef DINER_PIPELINE_SOURCE_ROW_SPOOL_H
#define DINER_PIPELINE_SOURCE_ROW_SPOOL_H

#include "db/copy.h"

struct row_spool;
/* Reads all rows of `out`. */
int row_spool_fill(struct db_copy_out *out, size_t ncolumns, struct row_spool **ret,
                   struct error *err);
/* As db_copy_out_next. */
int row_spool_next(struct row_spool *s, const struct span **ret_fields, bool *ret_end,
                   struct error *err);
void row_spool_free(struct row_spool *s); /* NULL-safe */

#endif
